package carry

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	netrpc "net/rpc"
	"reflect"
	"regexp"
	"strings"
	"sync"
	"time"

	kolo "github.com/kolo/xmlrpc"

	"github.com/parley-rpc/parley/rpc"
	"github.com/parley-rpc/parley/rpc/native"
	"github.com/parley-rpc/parley/rpc/value"
	"github.com/parley-rpc/parley/rpc/xmlrpc"
)

// The names of the columns.
const (
	nativeLane = "native"
	xmlrpcLane = "xmlrpc"
	koloLane   = "kolo"
	pythonLane = "py-mp"
	pyXMLLane  = "py-xmlrpc"
)

func goLanes() []string     { return []string{nativeLane, xmlrpcLane, koloLane} }
func pythonLanes() []string { return []string{pythonLane, pyXMLLane} }

// lane is a client of one transport. Each trial has its own.
type lane struct {
	name  string
	call  rpc.Caller
	close func()
}

// dial returns a new client of the servers of the world.
func (w *world) dial(ctx context.Context, name string) (*lane, error) {
	if name == nativeLane {
		return dialNative(ctx, w.nativeURL, native.DialConfig{Auth: w.key})
	}
	return dialWeb(name, w.webURL, xmlrpc.ClientConfig{}, nil)
}

func dialNative(ctx context.Context, url string, cfg native.DialConfig) (*lane, error) {
	cfg.Logger = quiet
	c, err := native.Dial(ctx, url, cfg)
	if err != nil {
		return nil, err
	}
	return &lane{nativeLane, c, func() { c.Close() }}, nil
}

// dialWeb returns a client of XML-RPC, ours by cfg or kolo's over transport. A nil
// transport is one of its own.
func dialWeb(name, url string, cfg xmlrpc.ClientConfig, transport http.RoundTripper) (*lane, error) {
	if name == xmlrpcLane {
		c, err := xmlrpc.NewClient(url, cfg)
		if err != nil {
			return nil, err
		}
		return &lane{xmlrpcLane, c, func() { c.Close() }}, nil
	}
	own := &http.Transport{}
	if transport == nil {
		transport = own
	}
	c, err := kolo.NewClient(url, transport)
	if err != nil {
		return nil, err
	}
	k := &koloCaller{client: c}
	return &lane{koloLane, k, func() {
		k.running.Wait()
		c.Close()
		own.CloseIdleConnections()
		if t, ok := transport.(interface{ CloseIdleConnections() }); ok {
			t.CloseIdleConnections()
		}
	}}, nil
}

// koloCaller makes calls by kolo/xmlrpc as its users do: values in, and out into a
// variable of theirs, which is an any unless the request says otherwise.
type koloCaller struct {
	client  *kolo.Client
	running sync.WaitGroup
}

func (k *koloCaller) Call(ctx context.Context, req *rpc.Request) (any, error) {
	args, err := rpc.ValuesOf(req.Args)
	if err != nil {
		return nil, err
	}
	// A call that nobody waits for any more is answered all the same, into a variable
	// that nobody else looks at.
	kind := reflect.TypeFor[any]()
	if req.Into != nil && req.Yield == nil {
		kind = reflect.TypeOf(req.Into).Elem()
	}
	into := reflect.New(kind)
	result := make(chan error, 1)
	k.running.Go(func() { result <- k.do(req.Method, args, into.Interface()) })
	select {
	case err := <-result:
		switch {
		case err != nil:
			return nil, err
		case req.Yield != nil: // items of a list
			return rpc.Deliver(value.NewSource(into.Elem().Interface()), req)
		case req.Into != nil:
			reflect.ValueOf(req.Into).Elem().Set(into.Elem())
			return req.Into, nil
		}
		return into.Elem().Interface(), nil
	case <-ctx.Done(): // which its calls know nothing of
		return nil, ctx.Err()
	}
}

// do makes a call. What kolo/xmlrpc cannot encode may be a panic.
func (k *koloCaller) do(method string, args rpc.Values, into any) (err error) {
	defer func() {
		if p := recover(); p != nil {
			err = errPanicked{fmt.Sprint(p)}
		}
	}()
	return k.client.Call(method, []any(args), into)
}

type errPanicked struct{ text string }

func (e errPanicked) Error() string { return "panic: " + e.text }

// refusal reports whether err says that something cannot be done, and how: an
// answer of the server, or an error of what was to be sent or has come. All others
// are mishaps.
func refusal(err error) (essence string, ok bool) {
	var fault *rpc.Fault
	var bad *value.Error
	var answer *xmlrpc.AnswerError
	var server netrpc.ServerError
	var panicked errPanicked
	switch {
	case err == nil, ranOut(err):
		return "", false
	case errors.As(err, &fault):
		return fault.Message, true
	case errors.As(err, &bad):
		return bad.Err.Error(), true
	case errors.As(err, &answer) && answer.Status >= 400 && answer.Status < 500:
		return fmt.Sprintf("HTTP %d %s", answer.Status, http.StatusText(answer.Status)), true
	case errors.Is(err, rpc.ErrResult), errors.Is(err, rpc.ErrNoWayBack),
		errors.Is(err, native.ErrTooLarge):
		return err.Error(), true
	case errors.As(err, &server):
		return string(server), true
	case strings.Contains(err.Error(), "which ClientConfig.MaxAnswer allows"):
		_, essence, _ := strings.Cut(err.Error(), "outcome unknown: ")
		return essence, true
	case errors.As(err, &panicked),
		strings.HasPrefix(err.Error(), "xmlrpc encode error"),
		strings.HasPrefix(err.Error(), "reading body"):
		return err.Error(), true
	}
	return "", false
}

// ranOut reports whether err is that a server had no time left for a call, which tells
// how busy the machine is. kolo/xmlrpc has the code in the text of its error.
func ranOut(err error) bool {
	return err != nil && (errors.Is(err, &rpc.Fault{Code: rpc.CodeDeadlineExceeded}) ||
		strings.Contains(err.Error(), fmt.Sprintf("Fault(%d)", rpc.CodeDeadlineExceeded)))
}

// refused makes a no of err, after which the client must work as before.
func refused(ctx context.Context, l *lane, err error) (string, error) {
	essence, ok := refusal(err)
	if !ok {
		return "", fmt.Errorf("went wrong, which is no verdict: %w", err)
	}
	essence = oneLine(essence)
	if _, err := rpc.Invoke[int](ctx, l.call, "add", 3, 5); err != nil {
		if l.name == koloLane && errors.Is(err, netrpc.ErrShutdown) {
			return essence + "; its client is of no use afterwards", nil
		}
		return "", fmt.Errorf("the client does not work after %q: %w", essence, err)
	}
	return essence, nil
}

// maxNote bounds a note, in characters.
const maxNote = 120

// place is what stands before the essence of an error: its code, its number in the
// log, and where in a message it is.
var place = regexp.MustCompile(`^(request error: )?(Fault\(-?\d+\): )?(internal error \(id \w+\): )?` +
	`(native: listen on \S+: )?(call echo: not sent: )?(rpc: this peer cannot be called: )?` +
	`((seen|echo|line|add|ask|blob|flood|endless|typed\.\w+): )?((params|result)\[\d+\][^ ]*: )?` +
	`(the message cannot be read: )?(pickle: )?(byte \d+: )?`)

// oneLine shortens a text to what fits a table.
func oneLine(s string) string {
	s = strings.Join(strings.Fields(place.ReplaceAllString(s, "")), " ")
	if r := []rune(s); len(r) > maxNote {
		return string(r[:maxNote]) + "…"
	}
	return s
}

// settle waits until whatever is on its way has had the time to come: that of a
// number of calls, which take longer on a machine that is busy.
func settle(ctx context.Context, w *world, l *lane) error {
	other, err := w.dial(ctx, l.name)
	if err != nil {
		return err
	}
	defer other.close()
	begin := time.Now()
	for calls := 0; calls < 100 || time.Since(begin) < 250*time.Millisecond; calls++ {
		if _, err := rpc.Invoke[int](ctx, other.call, "add", 3, 5); err != nil {
			return err
		}
	}
	return nil
}
