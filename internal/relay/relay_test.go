package relay

import (
	"bytes"
	"context"
	"errors"
	"io"
	"net"
	"sync"
	"testing"
	"time"

	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// serve answers every connection by what it does, until the end of the test.
func serve(t *testing.T, do func(net.Conn)) net.Listener {
	t.Helper()
	l := listen(t)
	var running sync.WaitGroup
	running.Go(func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			running.Go(func() {
				defer c.Close()
				do(c)
			})
		}
	})
	t.Cleanup(func() {
		l.Close()
		running.Wait()
	})
	return l
}

func listen(t *testing.T) net.Listener {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	return l
}

// talk sends a text to an address and returns the answer.
func talk(t *testing.T, addr net.Addr, text string) string {
	t.Helper()
	c, err := net.Dial(addr.Network(), addr.String())
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	_, _ = c.Write([]byte(text)) // the answer tells
	answer, _ := io.ReadAll(c)
	return string(answer)
}

// echoThrice answers five bytes.
func echoThrice(c net.Conn) {
	b := make([]byte, 5)
	if _, err := io.ReadFull(c, b); err == nil {
		_, _ = c.Write(bytes.Repeat(b, 3))
	}
}

func TestRelayCounts(t *testing.T) {
	l := serve(t, echoThrice)
	r := New(listen(t), To("tcp", l.Addr().String()))
	defer r.Close()
	for range 2 {
		if got := talk(t, r.Addr(), "12345"); got != "123451234512345" {
			t.Errorf("got %q", got)
		}
	}
	if n := r.Settled(); n != 40 {
		t.Errorf("got %d bytes; want 40", n)
	}
	if n := r.Clients(); n != 2 {
		t.Errorf("got %d clients; want 2", n)
	}
}

// What a dial says to the client itself does not count, and the client of a dial
// that fails is left.
func TestDial(t *testing.T) {
	l := serve(t, echoThrice)
	r := New(listen(t), func(_ context.Context, client net.Conn) (net.Conn, error) {
		word := make([]byte, 4)
		if _, err := io.ReadFull(client, word); err != nil || string(word) != "open" {
			return nil, errors.New("got something else")
		}
		return net.Dial("tcp", l.Addr().String())
	})
	defer r.Close()
	if got := talk(t, r.Addr(), "open12345"); got != "123451234512345" {
		t.Errorf("got %q", got)
	}
	if got := talk(t, r.Addr(), "shut"); got != "" {
		t.Errorf("got %q behind a dial that failed; want nothing", got)
	}
	if n := r.Settled(); n != 20 {
		t.Errorf("got %d bytes; want 20", n)
	}
}

// Close ends connections on which nothing goes by, those whose dial has not ended
// among them.
func TestClose(t *testing.T) {
	silent := serve(t, func(c net.Conn) { _, _ = io.Copy(io.Discard, c) })
	carried := make(chan struct{}, 1)
	for name, dial := range map[string]func(context.Context, net.Conn) (net.Conn, error){
		"carried": func(context.Context, net.Conn) (net.Conn, error) {
			c, err := net.Dial("tcp", silent.Addr().String())
			carried <- struct{}{}
			return c, err
		},
		"dialled": func(_ context.Context, client net.Conn) (net.Conn, error) {
			carried <- struct{}{}
			_, err := client.Read(make([]byte, 1))
			return nil, err
		},
	} {
		t.Run(name, func(t *testing.T) {
			r := New(listen(t), dial)
			c, err := net.Dial("tcp", r.Addr().String())
			if err != nil {
				t.Fatal(err)
			}
			defer c.Close()
			<-carried
			r.Close()
			if _, err := c.Read(make([]byte, 1)); err == nil {
				t.Error("got a byte; want that the connection has ended")
			}
		})
	}
}

// A server that never stops to talk keeps nobody who waits for it to.
func TestSettledOfServerThatNeverStops(t *testing.T) {
	r := New(listen(t), To("tcp", "127.0.0.1:1"))
	defer r.Close()
	settled := make(chan int64, 1)
	var talking sync.WaitGroup
	stop := make(chan struct{})
	for range 4 {
		talking.Go(func() {
			for {
				select {
				case <-stop:
					return
				default:
					r.bytes.Add(1)
				}
			}
		})
	}
	go func() { settled <- r.Settled() }()
	select {
	case <-settled:
		close(stop)
	case <-time.After(30 * time.Second):
		t.Error("it has not settled after 30 s")
		close(stop)
		<-settled
	}
	talking.Wait()
}
