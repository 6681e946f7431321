package interop

import (
	"context"
	"encoding/base64"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"testing"

	kolo "github.com/kolo/xmlrpc"

	"github.com/parley-rpc/parley/rpc"
	"github.com/parley-rpc/parley/rpc/xmlrpc"
)

// goProgram is the program that the others are, in Go: call makes a call with a
// result of any kind, send turns what is to be sent into what the library wants.
// fault reports whether an error is the one that refuse answers.
type goProgram struct {
	call  func(method string, args ...any) (any, error)
	send  func(v any) any
	fault func(err error) bool
}

func (p goProgram) run() string {
	var out strings.Builder
	report := func(name, outcome string, text ...string) {
		line := []string{name, outcome}
		for _, t := range text {
			line = append(line, clip(strings.Join(strings.Fields(t), " "), maxShown))
		}
		fmt.Fprintln(&out, strings.Join(line, "\t"))
	}
	for _, tc := range cases {
		want, args := tc.want, []any{tc.name, p.send(tc.want)}
		switch tc.method {
		case "nothing":
			want, args = "nothing", nil
		case "refuse":
			args = []any{tc.want}
		}
		got, err := p.call(tc.method, args...)
		switch {
		case tc.method == "refuse" && err != nil && p.fault(err):
			report(tc.name, "ok")
		case tc.method == "refuse" && err != nil:
			report(tc.name, "got", fmt.Sprintf("%T %q", err, err))
		case err != nil:
			report(tc.name, "error", err.Error())
		case equal(got, want):
			report(tc.name, "ok")
		default:
			report(tc.name, "got", difference(got, want))
		}
	}
	return out.String()
}

// callByKolo calls by kolo/xmlrpc, which has a type for binary that holds base64.
func callByKolo(url string) string {
	transport := http.DefaultTransport.(*http.Transport).Clone()
	defer transport.CloseIdleConnections()
	c, err := kolo.NewClient(url, transport)
	if err != nil {
		return err.Error()
	}
	defer c.Close()
	return goProgram{
		call: func(method string, args ...any) (result any, err error) {
			err = c.Call(method, args, &result)
			return result, err
		},
		send: func(v any) any {
			if b, ok := v.([]byte); ok {
				return kolo.Base64(base64.StdEncoding.EncodeToString(b))
			}
			return v
		},
		fault: func(err error) bool {
			var f kolo.FaultError
			return errors.As(err, &f) && f.Code == refusedCode && f.String == refusedText
		},
	}.run()
}

// callByParley calls by the client of this module.
func callByParley(url string) string {
	c, err := xmlrpc.NewClient(url, xmlrpc.ClientConfig{})
	if err != nil {
		return err.Error()
	}
	defer c.Close()
	return goProgram{
		call: func(method string, args ...any) (any, error) {
			return rpc.Invoke[any](context.Background(), c, method, args...)
		},
		send: func(v any) any { return v },
		fault: func(err error) bool {
			var f *rpc.Fault
			return errors.As(err, &f) && f.Code == refusedCode && f.Message == refusedText
		},
	}.run()
}

func TestLiveKoloAndParley(t *testing.T) {
	for _, name := range []string{"kolo", "parley"} {
		t.Run(name, func(t *testing.T) { testLive(t, peerNamed(t, name)) })
	}
}
