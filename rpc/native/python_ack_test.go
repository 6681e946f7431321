package native

import (
	"bytes"
	"context"
	"fmt"
	"runtime"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/parley-rpc/parley/auth"
	"github.com/parley-rpc/parley/internal/peertest"
)

// Python writes with Nagle's algorithm: the second small message of two waits
// for an acknowledgement of the first, which Linux delays by 40 ms.
func TestLivePythonDoesNotWaitForAcknowledgements(t *testing.T) {
	if runtime.GOOS != "linux" {
		t.Skip("no TCP_QUICKACK on this system")
	}
	script := pyCommon + `
import time
def timed(f):
    took = []
    for i in range(15):
        t = time.time()
        f()
        took.append(time.time() - t)
    return sorted(took)[3] # the load of the machine counts less than in a median
c = Client(address(url), authkey=key)
def pipelined():
    for i in range(4):
        c.send('x')
    c.send('end')
    c.recv()
def large():
    c.send_bytes(b'x' * 40000)
    c.send('end')
    c.recv()
def login():
    d = Client(address(url), authkey=key)
    d.send('end')
    d.recv()
    d.close()
for f in (pipelined, large, login):
    say('%s %.6f' % (f.__name__, timed(f)))
`
	ctx := testContext(t)
	python := peertest.Python(t)
	key, _ := auth.NewKey([]byte(testKey), auth.KeyConfig{AllowMD5: true})
	l := testListener(t, "tcp://127.0.0.1:0", ListenConfig{Auth: key})
	served := make(chan struct{})
	acceptCtx, stop := context.WithCancel(ctx)
	go func() {
		defer close(served)
		for {
			c, err := l.Accept(acceptCtx)
			if err != nil {
				return
			}
			go func() {
				defer c.Close()
				for {
					data, err := c.RecvBytes(acceptCtx)
					if err != nil {
						return
					}
					if bytes.Contains(data, []byte("end")) && len(data) < 1000 && c.Send(acceptCtx, 1) != nil {
						return
					}
				}
			}()
		}
	}()
	defer func() { stop(); <-served }()
	for line := range strings.Lines(peertest.RunPython(t, ctx, python, script, l.Addr(), testKey)) {
		var name string
		var seconds float64
		if _, err := fmt.Sscan(line, &name, &seconds); err != nil {
			t.Fatalf("line %q: %v", line, err)
		}
		t.Logf("%s: %v", name, time.Duration(seconds*1e9))
		if seconds > 0.020 {
			t.Errorf("%s: got %.1f ms; want less than 20", name, seconds*1e3)
		}
	}
}

// A dialer of ours and a listener in Python do not wait for acknowledgements
// either.
func TestLivePythonListenerDoesNotWaitForAcknowledgements(t *testing.T) {
	script := pyCommon + `
l = Listener(address(url), authkey=key, backlog=20)
say('tcp://%s:%d' % l.address)
for i in range(15):
    c = l.accept()
    c.send(c.recv())
    c.close()
`
	ctx := testContext(t)
	p := peertest.StartPython(t, peertest.Python(t), script, testURL(t, "tcp"), testKey)
	url, err := p.ReadLine(ctx)
	if err != nil {
		t.Fatal(err)
	}
	key, _ := auth.NewKey([]byte(testKey), auth.KeyConfig{AllowMD5: true})
	var took []time.Duration
	for range 15 {
		began := time.Now()
		c, err := DialConn(ctx, url, ConnConfig{Auth: key})
		if err != nil {
			t.Fatal(err)
		}
		var n int
		exchange(t, ctx, c, 1, &n)
		took = append(took, time.Since(began))
		c.Close()
	}
	slices.Sort(took)
	t.Logf("login and one exchange: %v", took[3])
	if took[3] > 20*time.Millisecond {
		t.Errorf("login and one exchange: got %v; want less than 20 ms", took[3])
	}
}
