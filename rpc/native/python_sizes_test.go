package native

import (
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/parley-rpc/parley/internal/peertest"
)

// stallLimit is half of what Linux delays an acknowledgement by, at least. What is
// held against it is the median of five rounds, and of five others if that is above
// it: the load of a machine passes, a stall does not.
const (
	stallLimit    = 20 * time.Millisecond
	stallRounds   = 5
	stallAttempts = 4
)

// walkedSizes are every power of two to 1 MiB, and what lies around the sizes at
// which something changes: the two writes of Python, the read buffer, the largest
// segments of loopback (MTU 65536) and of Ethernet. Under the race detector the walk
// ends early: a large message takes longer there than a stall on a loaded machine.
func walkedSizes() []string {
	largest := 1 << 20
	if raceEnabled {
		largest = 1 << 17
	}
	var sizes []int
	for n := 1; n <= 1<<20; n *= 2 {
		sizes = append(sizes, n)
	}
	const loopback, ethernet = 65483, 1448
	for _, n := range []int{connBuffer, 16384, 65535, growStep, ethernet, 2 * ethernet, 11 * ethernet, loopback, 2 * loopback, 3 * loopback, 15 * loopback} {
		sizes = append(sizes, n-1, n, n+1, n-headerSize)
	}
	sizes = slices.DeleteFunc(sizes, func(n int) bool { return n > largest })
	slices.Sort(sizes)
	var texts []string
	for _, n := range slices.Compact(sizes) {
		texts = append(texts, strconv.Itoa(n))
	}
	return texts
}

// A message that begins with i, b or o is answered by one byte, not at all, or by
// as many bytes as the number behind it says.
const pyWalk = pyCommon + `
import time
def conversation(c, kind):
    if kind == 'bytes':
        return c.send_bytes, c.recv_bytes, b'i', b'b', b'o', b'x', lambda n: ('o%d' % n).encode('ascii')
    return c.send, c.recv, u'i', u'b', u'o', u'x', lambda n: u'o%d' % n
def serve(c, kind):
    send, recv, i, b, o, x, order = conversation(c, kind)
    while True:
        try:
            m = recv()
        except EOFError:
            return
        if m[:1] == o:
            send(x * int(m[1:]))
        elif m[:1] == i:
            send(x)
def median(f):
    for attempt in range(4):
        took = []
        for r in range(5):
            t = time.time()
            f()
            took.append(time.time() - t)
        took = sorted(took)[2]
        if took < 0.020:
            break
    return took
def walk(c, kind):
    send, recv, i, b, o, x, order = conversation(c, kind)
    for n in sizes:
        def there():
            send(i * n)
            assert len(recv()) == 1
        def burst():
            send(b * n)
            send(i * n)
            assert len(recv()) == 1
        def back():
            send(order(n))
            assert len(recv()) == n
        for f in (there, burst, back):
            took = median(f)
            if took >= 0.020:
                say('%s of %d, %s: %.1f ms' % (kind, n, f.__name__, took * 1e3))
`

// serveWalk is serve of pyWalk.
func serveWalk(ctx context.Context, c *Conn, kind string) error {
	for {
		m, err := recvWalk(ctx, c, kind)
		answer := "x"
		switch {
		case errors.Is(err, io.EOF):
			return nil
		case err != nil:
			return err
		case m[0] == 'b':
			continue
		case m[0] == 'o':
			n, err := strconv.Atoi(m[1:])
			if err != nil {
				return err
			}
			answer = strings.Repeat("x", n)
		}
		if err := sendWalk(ctx, c, kind, answer); err != nil {
			return err
		}
	}
}

func recvWalk(ctx context.Context, c *Conn, kind string) (m string, err error) {
	if kind == "objects" {
		err = c.Recv(ctx, &m)
		return m, err
	}
	data, err := c.RecvBytes(ctx)
	return string(data), err
}

func sendWalk(ctx context.Context, c *Conn, kind, m string) error {
	if kind == "objects" {
		return c.Send(ctx, m)
	}
	return c.SendBytes(ctx, []byte(m))
}

// TestLiveNoStallAtAnySize walks the sizes from a client in each CPython: there,
// two messages there, and back.
func TestLiveNoStallAtAnySize(t *testing.T) {
	script := pyWalk + `
for kind in ('objects', 'bytes'):
    c = Client(address(url), authkey=key)
    c.send(kind)
    walk(c, kind)
    c.close()
say('ok')
`
	for _, v := range peertest.Pythons(t) {
		t.Run(v.String(), func(t *testing.T) {
			ctx := testContext(t)
			l := testListener(t, "tcp://127.0.0.1:0", ListenConfig{Auth: keyFor(t, v, testKey)})
			served := make(chan error, 1)
			go func() {
				for range 2 {
					c, err := l.Accept(ctx)
					var kind string
					if err == nil {
						err = c.Recv(ctx, &kind)
					}
					if err == nil {
						err = serveWalk(ctx, c, kind)
						c.Close()
					}
					if err != nil {
						served <- err
						return
					}
				}
				served <- nil
			}()
			args := append([]string{l.Addr(), testKey}, walkedSizes()...)
			if got := peertest.RunPython(t, ctx, v.Path, script, args...); got != "ok\n" {
				t.Errorf("got %q; want nothing above %v", got, stallLimit)
			}
			if err := <-served; err != nil {
				t.Error(err)
			}
		})
	}
}

// TestLiveNoStallAtAnySizeOfPythonListener does so from Go to a Listener in each
// CPython.
func TestLiveNoStallAtAnySizeOfPythonListener(t *testing.T) {
	script := pyWalk + `
l = Listener(address(url), authkey=key)
say('tcp://%s:%d' % l.address)
for i in range(2):
    c = l.accept()
    serve(c, c.recv())
    c.close()
`
	for _, v := range peertest.Pythons(t) {
		t.Run(v.String(), func(t *testing.T) {
			ctx := testContext(t)
			p := peertest.StartPython(t, v.Path, script, testURL(t, "tcp"), testKey)
			url, err := p.ReadLine(ctx)
			if err != nil {
				t.Fatal(err)
			}
			for _, kind := range []string{"objects", "bytes"} {
				c, err := DialConn(ctx, url, ConnConfig{Auth: keyFor(t, v, testKey)})
				if err != nil {
					t.Fatal(err)
				}
				if err := c.Send(ctx, kind); err != nil {
					t.Fatal(err)
				}
				for _, size := range walkedSizes() {
					n, _ := strconv.Atoi(size)
					for name, send := range map[string][]string{
						"there": {strings.Repeat("i", n)},
						"burst": {strings.Repeat("b", n), strings.Repeat("i", n)},
						"back":  {"o" + size},
					} {
						want := 1
						if name == "back" {
							want = n
						}
						if took := walkStep(t, ctx, c, kind, send, want); took >= stallLimit {
							t.Errorf("%s of %d, %s: got %v; want less than %v", kind, n, name, took, stallLimit)
						}
					}
				}
				c.Close()
			}
			if err := p.Wait(ctx); err != nil {
				t.Error(err)
			}
		})
	}
}

// walkStep returns how long it takes to send messages and to get an answer of want
// bytes.
func walkStep(t *testing.T, ctx context.Context, c *Conn, kind string, send []string, want int) (took time.Duration) {
	for range stallAttempts {
		var all []time.Duration
		for range stallRounds {
			began := time.Now()
			for _, m := range send {
				if err := sendWalk(ctx, c, kind, m); err != nil {
					t.Fatal(err)
				}
			}
			got, err := recvWalk(ctx, c, kind)
			if err != nil || len(got) != want {
				t.Fatal(fmt.Errorf("got %d bytes, %v; want %d", len(got), err, want))
			}
			all = append(all, time.Since(began))
		}
		slices.Sort(all)
		if took = all[stallRounds/2]; took < stallLimit {
			break
		}
	}
	return took
}
