package native

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/parley-rpc/parley/auth"
	"github.com/parley-rpc/parley/internal/peertest"
	"github.com/parley-rpc/parley/rpc/native/pickle"
	"github.com/parley-rpc/parley/rpc/value"
)

const testKey = "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"

// keyFor returns the policy that a peer of this version needs.
func keyFor(t *testing.T, v peertest.PythonVersion, key string) *auth.Authkey {
	t.Helper()
	k, err := auth.NewKey([]byte(key), auth.KeyConfig{AllowMD5: !v.AtLeast(3, 12)})
	if err != nil {
		t.Fatal(err)
	}
	return k
}

var quiet = slog.New(slog.DiscardHandler)

// messageSizes lie around every boundary of the framing.
var messageSizes = []int{0, 1, 251, 252, 4091, 4092, 4093, 16383, 16384, 16385, 65536, 1 << 20}

// pyCommon begins every script: its arguments are URL, key and message sizes.
const pyCommon = `
import sys, os
from multiprocessing.connection import Client, Listener
def address(url):
    if url.startswith('unix://@'):
        return '\0' + url[8:]
    if url.startswith('unix://'):
        return url[7:]
    host, port = url[6:].rsplit(':', 1)
    return (host, int(port))
def say(text):
    sys.stdout.write(text + '\n')
    sys.stdout.flush()
url = sys.argv[1]
key = sys.argv[2].encode('ascii') or None
sizes = [int(n) for n in sys.argv[3:]]
def serve(c):
    while True:
        try:
            v = c.recv()
        except EOFError:
            return
        if v == 'bytes':
            c.send_bytes(c.recv_bytes())
        else:
            c.send(v[0] + v[1])
def call(c):
    for x, y in [(3, 5), ('Hello', 'World'), ([1, 2, 3], [4, 5]), (1.5, 2), (u'\u00e9', u'\U0001F600'), (10 ** 30, 1), ((), (None, True))]:
        c.send((x, y))
        got = c.recv()
        assert got == x + y, (got, x + y)
    for n in sizes:
        c.send('bytes')
        data = os.urandom(n)
        c.send_bytes(data)
        got = c.recv_bytes()
        assert got == data, (n, len(got))
`

const pyClient = pyCommon + `
c = Client(address(url), authkey=key)
call(c)
c.close()
say('ok')
`

const pyServer = pyCommon + `
l = Listener(address(url), authkey=key)
say('ready' if isinstance(l.address, (str, bytes)) else 'tcp://%s:%d' % l.address)
serve(l.accept())
l.close()
say('ok')
`

func sizeArgs() []string {
	var args []string
	for _, n := range messageSizes {
		args = append(args, fmt.Sprint(n))
	}
	return args
}

// serveSums is the Go side of pyClient: it answers pairs with their sum.
func serveSums(ctx context.Context, c *Conn) error {
	for {
		var v any
		if err := c.Recv(ctx, &v); err != nil {
			if errors.Is(err, io.EOF) {
				return nil
			}
			return err
		}
		if v == "bytes" {
			data, err := c.RecvBytes(ctx)
			if err != nil {
				return err
			}
			if err := c.SendBytes(ctx, data); err != nil {
				return err
			}
			continue
		}
		pair, ok := v.(value.Tuple)
		if !ok || len(pair) != 2 {
			return fmt.Errorf("got %T %v; want a pair", v, v)
		}
		sum, err := addAny(pair[0], pair[1])
		if err != nil {
			return err
		}
		if err := c.Send(ctx, sum); err != nil {
			return err
		}
	}
}

func TestLivePythonClientOfGoListener(t *testing.T) {
	for _, v := range peertest.Pythons(t) {
		for _, network := range []string{"tcp", "unix", "abstract"} {
			t.Run(fmt.Sprintf("%d.%d/%s", v.Major, v.Minor, network), func(t *testing.T) {
				t.Parallel()
				ctx := testContext(t)
				l := testListener(t, testURL(t, network), ListenConfig{Auth: keyFor(t, v, testKey)})
				served := make(chan error, 1)
				go func() {
					c, err := l.Accept(ctx)
					if err != nil {
						served <- err
						return
					}
					defer c.Close()
					wantTransport(t, c, "python")
					served <- serveSums(ctx, c)
				}()
				args := append([]string{l.Addr(), testKey}, sizeArgs()...)
				if out := peertest.RunPython(t, ctx, v.Path, pyClient, args...); strings.TrimSpace(out) != "ok" {
					t.Errorf("output of the script: got %q; want ok", out)
				}
				if err := <-served; err != nil {
					t.Errorf("the Go side: %v", err)
				}
			})
		}
	}
}

func TestLiveGoClientOfPythonListener(t *testing.T) {
	for _, v := range peertest.Pythons(t) {
		for _, network := range []string{"tcp", "unix"} {
			t.Run(fmt.Sprintf("%d.%d/%s", v.Major, v.Minor, network), func(t *testing.T) {
				t.Parallel()
				ctx := testContext(t)
				url := testURL(t, network)
				p, url := startPyServer(t, ctx, v, url, testKey)
				c, err := DialConn(ctx, url, ConnConfig{Auth: keyFor(t, v, testKey)})
				if err != nil {
					t.Fatal(err)
				}
				defer c.Close()
				wantTransport(t, c, "python")

				var n int
				exchange(t, ctx, c, value.Tuple{3, 5}, &n)
				if n != 8 {
					t.Errorf("3 + 5: got %d; want 8", n)
				}
				var s string
				exchange(t, ctx, c, value.Tuple{"Hello", "Wörld"}, &s)
				if s != "HelloWörld" {
					t.Errorf("got %q; want HelloWörld", s)
				}
				var list []int
				exchange(t, ctx, c, []any{[]int{1, 2, 3}, []int{4, 5}}, &list)
				if fmt.Sprint(list) != "[1 2 3 4 5]" {
					t.Errorf("got %v; want [1 2 3 4 5]", list)
				}
				for _, n := range messageSizes {
					data := bytes.Repeat([]byte{0x80, 0, 'x', '\n'}, n/4+1)[:n]
					if err := c.Send(ctx, "bytes"); err != nil {
						t.Fatal(err)
					}
					if err := c.SendBytes(ctx, data); err != nil {
						t.Fatal(err)
					}
					got, err := c.RecvBytes(ctx)
					if err != nil || !bytes.Equal(got, data) {
						t.Fatalf("%d bytes: got %d, error %v; want them back", n, len(got), err)
					}
				}
				c.Close()
				if err := p.Wait(ctx); err != nil {
					t.Error(err)
				}
			})
		}
	}
}

func exchange(t *testing.T, ctx context.Context, c *Conn, v, dst any) {
	t.Helper()
	if err := c.Send(ctx, v); err != nil {
		t.Fatal(err)
	}
	if err := c.Recv(ctx, dst); err != nil {
		t.Fatal(err)
	}
}

// startPyServer starts pyServer and returns it with the URL it listens on.
func startPyServer(t *testing.T, ctx context.Context, v peertest.PythonVersion, url, key string) (*peertest.Process, string) {
	t.Helper()
	p := peertest.StartPython(t, v.Path, pyServer, url, key)
	line, err := p.ReadLine(ctx)
	if err != nil {
		t.Fatal(err)
	}
	if line != "ready" {
		url = line
	}
	return p, url
}

const pyRefusedClient = pyCommon + `
import time
t0 = time.time()
try:
    c = Client(address(url), authkey=key)
    if key is None:
        c.send('hello' * 100)
        c.recv()
        c.recv()
    say('admitted')
except Exception as e:
    say(type(e).__name__)
assert time.time() - t0 < 3, 'it took %.1f s' % (time.time() - t0)
`

// With another key, and with none at all, Python gets a clear error at once.
func TestLivePythonClientWithoutTheKeyIsRefused(t *testing.T) {
	otherKey := strings.Repeat("f", 64)
	for _, v := range peertest.Pythons(t) {
		t.Run(fmt.Sprintf("%d.%d", v.Major, v.Minor), func(t *testing.T) {
			t.Parallel()
			ctx := testContext(t)
			log := &logBuffer{}
			l := testListener(t, "tcp://127.0.0.1:0", ListenConfig{Auth: keyFor(t, v, testKey), Logger: log.logger()})
			out := peertest.RunPython(t, ctx, v.Path, pyRefusedClient, l.Addr(), otherKey)
			if got := strings.TrimSpace(out); got != "AuthenticationError" {
				t.Errorf("another key: got %s; want AuthenticationError", got)
			}
			out = peertest.RunPython(t, ctx, v.Path, pyRefusedClient, l.Addr(), "")
			if got := strings.TrimSpace(out); got == "admitted" {
				t.Error("no key: the client was admitted")
			}
			log.wait(t, ErrUnproven.Error(), ErrNoChallenge.Error())
			log.wantNot(t, "auth_ok", testKey, otherKey)
		})
	}
}

func TestLiveMD5AnswerIsRefusedUnlessAllowed(t *testing.T) {
	for _, v := range peertest.Pythons(t) {
		if v.AtLeast(3, 12) {
			continue
		}
		t.Run(fmt.Sprintf("%d.%d", v.Major, v.Minor), func(t *testing.T) {
			t.Parallel()
			ctx := testContext(t)
			log := &logBuffer{}
			strict := auth.Key([]byte(testKey))
			l := testListener(t, "tcp://127.0.0.1:0", ListenConfig{Auth: strict, Logger: log.logger()})
			out := peertest.RunPython(t, ctx, v.Path, pyRefusedClient, l.Addr(), testKey)
			if got := strings.TrimSpace(out); got != "AuthenticationError" {
				t.Errorf("the client: got %s; want AuthenticationError", got)
			}
			log.wait(t, "the peer's answer is below policy: it was made with HMAC-MD5: Python 3.11 and older need AllowMD5")

			_, url := startPyServer(t, ctx, v, testURL(t, "tcp"), testKey)
			_, err := DialConn(ctx, url, ConnConfig{Auth: strict})
			if !errors.Is(err, ErrPolicy) || !errors.Is(err, ErrAuth) || !strings.Contains(err.Error(), "AllowMD5") {
				t.Errorf("the dialer: got %v; want ErrPolicy that names AllowMD5", err)
			}
		})
	}
}

func TestLiveGoClientWithAnotherKeyIsRefused(t *testing.T) {
	for _, v := range peertest.Pythons(t) {
		t.Run(fmt.Sprintf("%d.%d", v.Major, v.Minor), func(t *testing.T) {
			t.Parallel()
			ctx := testContext(t)
			_, url := startPyServer(t, ctx, v, testURL(t, "tcp"), strings.Repeat("f", 64))
			_, err := DialConn(ctx, url, ConnConfig{Auth: keyFor(t, v, testKey)})
			if !errors.Is(err, ErrKeyRefused) || !errors.Is(err, ErrAuth) {
				t.Errorf("got %v; want ErrKeyRefused", err)
			}
		})
	}
}

// A key on one side only ends in an error, not in silence.
func TestLiveKeyOnOneSideOnly(t *testing.T) {
	v := peertest.Pythons(t)[0]
	ctx := testContext(t)
	key := keyFor(t, v, testKey)

	t.Run("Python listener without key", func(t *testing.T) {
		t.Parallel()
		_, url := startPyServer(t, ctx, v, testURL(t, "tcp"), "")
		nc, err := dial(ctx, url)
		if err != nil {
			t.Fatal(err)
		}
		defer nc.Close()
		h := handshake{auth: key, role: dialerRole, timeout: 200 * time.Millisecond}
		_, err = h.run(ctx, nc)
		if !errors.Is(err, ErrNoChallenge) || !strings.Contains(err.Error(), "is an authkey set there?") {
			t.Errorf("got %v; want ErrNoChallenge", err)
		}
	})
	t.Run("Go dialer without key", func(t *testing.T) {
		t.Parallel()
		_, url := startPyServer(t, ctx, v, testURL(t, "tcp"), testKey)
		c, err := DialConn(ctx, url, ConnConfig{DangerouslyWithoutAuth: true})
		if err != nil {
			t.Fatal(err)
		}
		defer c.Close()
		var v any
		if err := c.Recv(ctx, &v); !errors.Is(err, ErrKeyNeeded) {
			t.Errorf("got %v; want ErrKeyNeeded", err)
		}
		if err := c.Send(ctx, 1); !errors.Is(err, ErrKeyNeeded) {
			t.Errorf("afterwards: got %v; want ErrKeyNeeded", err)
		}
	})
	t.Run("neither has one", func(t *testing.T) {
		t.Parallel()
		_, url := startPyServer(t, ctx, v, testURL(t, "tcp"), "")
		c, err := DialConn(ctx, url, ConnConfig{DangerouslyWithoutAuth: true})
		if err != nil {
			t.Fatal(err)
		}
		defer c.Close()
		var n int
		exchange(t, ctx, c, value.Tuple{3, 5}, &n)
		if n != 8 {
			t.Errorf("got %d; want 8", n)
		}
	})
}

// Each Python gets the pickle protocol it can read, before and after it has
// sent something.
func TestLiveProtocolIsMirrored(t *testing.T) {
	script := pyCommon + `
import pickle
c = Client(address(url), authkey=key)
def protocol():
    data = c.recv_bytes()
    first = bytearray(data)
    assert first[0] == 0x80, repr(data)
    return first[1]
first = protocol()
c.send(1)
mirrored = protocol()
c.send_bytes(pickle.dumps(1, 0))
lower = protocol()
say('%d %d %d' % (first, mirrored, lower))
`
	for _, v := range peertest.Pythons(t) {
		t.Run(fmt.Sprintf("%d.%d", v.Major, v.Minor), func(t *testing.T) {
			t.Parallel()
			ctx := testContext(t)
			l := testListener(t, "tcp://127.0.0.1:0", ListenConfig{Auth: keyFor(t, v, testKey)})
			failed := make(chan error, 1)
			go func() {
				c, err := l.Accept(ctx)
				if err == nil {
					defer c.Close()
				}
				for range 2 {
					if err == nil {
						err = c.Send(ctx, "x")
					}
					if err == nil {
						var n int
						err = c.Recv(ctx, &n)
					}
				}
				if err == nil {
					err = c.Send(ctx, "x")
				}
				failed <- err
			}()
			native := 2
			switch {
			case v.AtLeast(3, 14):
				native = 5
			case v.AtLeast(3, 8):
				native = 4
			case v.AtLeast(3, 0):
				native = 3
			}
			first := 2
			if v.AtLeast(3, 12) {
				first = 4
			}
			want := fmt.Sprintf("%d %d %d", first, native, native)
			if got := strings.TrimSpace(peertest.RunPython(t, ctx, v.Path, script, l.Addr(), testKey)); got != want {
				t.Errorf("protocols at first, after a message, after a lower one: got %s; want %s", got, want)
			}
			if err := <-failed; err != nil {
				t.Error(err)
			}
		})
	}
}

// What Python's exceptions, sets and the like become is the pickle package's;
// here it is enough that an exception crosses.
func TestLiveExceptionCrosses(t *testing.T) {
	script := pyCommon + `
c = Client(address(url), authkey=key)
c.send(ValueError('no', 3))
e = c.recv()
assert isinstance(e, KeyError) and e.args == ('k',), repr(e)
say('ok')
`
	ctx := testContext(t)
	python := peertest.Python(t)
	key, _ := auth.NewKey([]byte(testKey), auth.KeyConfig{AllowMD5: true})
	l := testListener(t, testURL(t, "unix"), ListenConfig{Auth: key})
	failed := make(chan error, 1)
	go func() {
		c, err := l.Accept(ctx)
		var v any
		if err == nil {
			defer c.Close()
			err = c.Recv(ctx, &v)
		}
		e, ok := v.(*pickle.Exception)
		if err == nil && !ok {
			err = fmt.Errorf("got %T; want *pickle.Exception", v)
		}
		if err == nil {
			t.Logf("got %+v", e)
			err = c.Send(ctx, &pickle.Exception{Class: "KeyError", Args: []any{"k"}})
		}
		failed <- err
	}()
	if out := peertest.RunPython(t, ctx, python, script, l.Addr(), testKey); strings.TrimSpace(out) != "ok" {
		t.Errorf("got %q; want ok", out)
	}
	if err := <-failed; err != nil {
		t.Error(err)
	}
}

func testURL(t testing.TB, network string) string {
	t.Helper()
	switch network {
	case "tcp":
		return "tcp://127.0.0.1:0"
	case "tls":
		return "tls://127.0.0.1:0"
	case "unix":
		return "unix://" + filepath.Join(t.TempDir(), "s")
	default:
		return fmt.Sprintf("unix://@parley-test-%d", time.Now().UnixNano())
	}
}
