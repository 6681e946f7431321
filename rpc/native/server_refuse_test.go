package native

import (
	"strings"
	"testing"

	"github.com/parley-rpc/parley/internal/peertest"
	"github.com/parley-rpc/parley/rpc/native/pickle"
	"github.com/parley-rpc/parley/rpc/value"
)

// A peer that sends objects to a server that takes none is told so, in the form in
// which it has called, also if there is more of its message than is read.
func TestObjectsThatNobodyTakes(t *testing.T) {
	want := pickle.NewException("RuntimeError", "fault -32600: "+noObjects)
	for _, open := range []bool{false, true} {
		srv := &Server{Handler: echo, DangerouslyWithoutAuth: open, Logger: quiet}
		cfg := ConnConfig{DangerouslyWithoutAuth: open}
		if !open {
			cfg.Auth = oneKey(testKey)
		}
		testServer(t, "tcp://127.0.0.1:0", srv)
		for _, test := range []struct{ name, send string }{
			{"plain", "\x80\x04\x8c\x03addK\x03K\x05\x86\x86."},
			{"plain", "N."},
			{"plain", "\x80\x04\x8c\x04echoB\x00\x00\x10\x00" + strings.Repeat("x", 1<<20) + "\x85\x86."},
			{"manager", "\x80\x04\x95\x00\x00\x00\x00\x00\x00\x00\x00(N\x8c\x05dummy)}t."},
			{"bytes", "\x80\x04C\x02N.."},
			{"xml", "<params><param><value>x</value></param></params>"},
		} {
			ctx := testContext(t)
			c, err := DialConn(ctx, srv.Addr(), cfg)
			if err != nil {
				t.Fatal(err)
			}
			defer c.Close()
			if err := c.SendBytes(ctx, []byte(test.send)); err != nil {
				t.Fatal(err)
			}
			data, err := c.RecvBytes(ctx)
			if err != nil {
				t.Errorf("%s: no answer: %v", test.name, err)
				continue
			}
			if test.name == "xml" {
				if !strings.HasPrefix(string(data), "<fault>") || !strings.Contains(string(data), noObjects) {
					t.Errorf("xml: got %q", data)
				}
				continue
			}
			got, _, err := pickle.Decode(data, pickle.Options{})
			if inner, ok := got.([]byte); ok && test.name == "bytes" {
				got, _, err = pickle.Decode(inner, pickle.Options{})
			}
			if pair, ok := got.(value.Tuple); ok && test.name == "manager" && len(pair) == 2 && pair[0] == "#ERROR" {
				got = pair[1]
			}
			if e, ok := got.(*pickle.Exception); !ok || err != nil || e.Error() != want.Error() {
				t.Errorf("%s: got %v, %v; want %v", test.name, got, err, want)
			}
		}
	}
}

const pyNobody = pyCommon + `
from multiprocessing.managers import BaseManager
import pickle
text = 'set native.Server.Objects to python.Handler'
c = Client(address(url), authkey=key)
c.send(('add', (3, 5)))
got = c.recv()
assert type(got) is RuntimeError and text in str(got), repr(got)
c = Client(address(url), authkey=key)
c.send(pickle.dumps(('add', (3, 5), {})))
got = c.recv()
if not isinstance(got, Exception): # a short str of Python 2 may be text
    got = pickle.loads(got)
assert type(got) is RuntimeError and text in str(got), repr(got)
for serializer in 'pickle', 'xmlrpclib':
    try:
        BaseManager(address(url), key, serializer).connect()
    except Exception as e:
        assert text in str(e) and (serializer != 'pickle' or type(e) is RuntimeError), repr(e)
    else:
        assert False
say('ok')
`

func TestLiveObjectsThatNobodyTakes(t *testing.T) {
	for _, v := range peertest.Pythons(t) {
		t.Run(v.String(), func(t *testing.T) {
			t.Parallel()
			srv := &Server{Handler: echo, Auth: keyFor(t, v, testKey), Logger: quiet}
			testServer(t, "tcp://127.0.0.1:0", srv)
			if got := peertest.RunPython(t, testContext(t), v.Path, pyNobody, srv.Addr(), testKey); got != "ok\n" {
				t.Errorf("got %q; want ok", got)
			}
		})
	}
}
