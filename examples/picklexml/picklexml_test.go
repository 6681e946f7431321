package main

import (
	"context"
	"encoding/base64"
	"errors"
	"io"
	"os"
	"strings"
	"testing"

	"github.com/parley-rpc/parley/internal/peertest"
	"github.com/parley-rpc/parley/rpc"
	"github.com/parley-rpc/parley/rpc/native/pickle"
	"github.com/parley-rpc/parley/rpc/xmlrpc"
)

const want = `3 and 5 is 8
Hello and World is HelloWorld
[1 2] and [3] is [1 2 3]
4611686018427387904 and 4611686018427387904 is 9223372036854775808
`

func TestBothEnds(t *testing.T) {
	var out strings.Builder
	if err := run(t.Context(), nil, &out); err != nil {
		t.Fatal(err)
	}
	if out.String() != want {
		t.Errorf("got\n%s; want\n%s", out.String(), want)
	}
}

func TestServerAndClientByHand(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	r, w := io.Pipe()
	served := make(chan error, 1)
	go func() { served <- run(ctx, []string{"-url", "http://127.0.0.1:0/RPC2", "server"}, w) }()
	line := make([]byte, 200)
	n, err := r.Read(line)
	if err != nil {
		t.Fatal(err)
	}
	url := strings.TrimPrefix(strings.TrimSpace(string(line[:n])), "picklexml listens on ")
	var out strings.Builder
	if err := run(t.Context(), []string{"-url", url, "client", "40", "2"}, &out); err != nil || out.String() != "40 and 2 is 42\n" {
		t.Errorf("got %q, %v; want 42", out.String(), err)
	}
	cancel()
	if err := <-served; err != nil {
		t.Error(err)
	}
}

func TestUsage(t *testing.T) {
	for _, args := range [][]string{{"dance"}, {"client", "3"}} {
		if err := run(t.Context(), args, io.Discard); err == nil || !strings.Contains(err.Error(), "usage:") {
			t.Errorf("run %q: got %v; want the usage", args, err)
		}
	}
}

// A pickle that would run something in Python, and whatever else is no data, is a
// fault, and the next call is answered.
func TestHostilePickles(t *testing.T) {
	three := "\x80\x02K\x03."
	for name, test := range map[string]struct{ a, b, want string }{
		"System":   {"cposix\nsystem\n(S'id'\ntR.", three, "class posix.system is not plain data"},
		"Global":   {three, "\x80\x04\x8c\x02os\x8c\x06system\x93\x8c\x02id\x85R.", "class os.system is not plain data"},
		"Cut":      {three, "\x80\x02K", "b: pickle: "},
		"Empty":    {"", three, "a: pickle: "},
		"Length":   {"\x80\x04\x8e\xff\xff\xff\xff\xff\xff\xff\x3f.", three, "a: pickle: "},
		"NotAdded": {three, "\x80\x02X\x01\x00\x00\x00x.", "cannot add int and string"},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := add([]byte(test.a), []byte(test.b))
			var fault *rpc.Fault
			if !errors.As(err, &fault) || fault.Code != rpc.CodeInvalidParams || !strings.Contains(fault.Message, test.want) {
				t.Errorf("got %v; want a fault %d with %q", err, rpc.CodeInvalidParams, test.want)
			}
		})
	}
}

// What the package comment says about the cost.
func TestCost(t *testing.T) {
	three, err := pickle.Append(nil, 3, pickle.EncodeOptions{Protocol: 2})
	if err != nil {
		t.Fatal(err)
	}
	if n, m := len(three), base64.StdEncoding.EncodedLen(len(three)); n != 5 || m != 8 {
		t.Errorf("got a pickle of %d bytes and base64 of %d; want 5 and 8", n, m)
	}
}

func TestLivePythonClient(t *testing.T) {
	script, err := os.ReadFile("client.py")
	if err != nil {
		t.Fatal(err)
	}
	err = serve("127.0.0.1:0", func(url string) error {
		for _, python := range peertest.Pythons(t) {
			t.Run(python.String(), func(t *testing.T) {
				got := peertest.RunPython(t, t.Context(), python.Path, string(script), url)
				want := "3 and 5 is 8\n'Hello' and 'World' is 'HelloWorld'\n(1, 2) and (3,) is (1, 2, 3)\n" +
					"4611686018427387904 and 4611686018427387904 is 9223372036854775808\n"
				if python.Major == 2 {
					want = strings.Replace(want, "is 'HelloWorld'", "is u'HelloWorld'", 1)
					want = strings.Replace(want, "808\n", "808L\n", 1)
				}
				if got != want {
					t.Errorf("got\n%s; want\n%s", got, want)
				}
			})
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
}

func TestLivePythonServer(t *testing.T) {
	script, err := os.ReadFile("server.py")
	if err != nil {
		t.Fatal(err)
	}
	for _, python := range peertest.Pythons(t) {
		t.Run(python.String(), func(t *testing.T) {
			server := peertest.StartPython(t, python.Path, string(script), "127.0.0.1", "0")
			line, err := server.ReadLine(t.Context())
			if err != nil {
				t.Fatal(err)
			}
			url := strings.TrimPrefix(line, "picklexml listens on ")
			var out strings.Builder
			if err := client(t.Context(), url, &out, examples...); err != nil || out.String() != want {
				t.Errorf("got\n%s%v; want\n%s", out.String(), err, want)
			}
			wantRefused(t, url)
		})
	}
}

// wantRefused sends the server in Python what would run a command there.
func wantRefused(t *testing.T, url string) {
	t.Helper()
	server, err := xmlrpc.NewClient(url, xmlrpc.ClientConfig{})
	if err != nil {
		t.Fatal(err)
	}
	defer server.Close()
	_, err = rpc.Invoke[[]byte](t.Context(), server, "add", []byte("cposix\nsystem\n(S'true'\ntR."), []byte("N."))
	if err == nil || !strings.Contains(err.Error(), "posix.system is refused") {
		t.Errorf("a pickle that runs a command: got %v; want it refused", err)
	}
}
