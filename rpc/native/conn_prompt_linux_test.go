package native

import (
	"context"
	"errors"
	"io"
	"net"
	"os"
	"runtime"
	"strconv"
	"sync"
	"testing"
	"time"

	"github.com/parley-rpc/parley/auth"
)

// promptPair returns a reader of one end of a TCP connection, and the other end.
func promptPair(t *testing.T, a *asking) (*promptReader, net.Conn) {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	peer, err := net.Dial("tcp", l.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	nc, err := l.Accept()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { nc.Close(); peer.Close() })
	r, ok := newPromptReader(nc, a).(*promptReader)
	if !ok {
		t.Fatal("a TCP connection: got no promptReader")
	}
	return r, peer
}

// wantIdle checks that r does not count as one that asks.
func wantIdle(t *testing.T, r *promptReader) {
	t.Helper()
	if n := r.asking.n.Load(); n != 0 {
		t.Errorf("got %d connections that ask; want 0", n)
	}
}

// TestPromptReaderOfQuietPeer: a peer that is not quick is left alone, longer each
// time, and deadlines hold.
func TestPromptReaderOfQuietPeer(t *testing.T) {
	r, peer := promptPair(t, new(asking))
	b := make([]byte, 8)
	want := 0
	for range 600 {
		if r.rests == 0 {
			want = min(2*want+1, promptRests)
		}
		r.nc.SetReadDeadline(time.Now().Add(time.Millisecond))
		if n, err := r.Read(b); n != 0 || !errors.Is(err, os.ErrDeadlineExceeded) {
			t.Fatalf("got %d, %v; want %v", n, err, os.ErrDeadlineExceeded)
		}
		if r.pause != want {
			t.Fatalf("got a pause of %d reads; want %d", r.pause, want)
		}
		wantIdle(t, r)
	}
	if want != promptRests {
		t.Errorf("got a pause of %d reads at the end; want %d", want, promptRests)
	}
	r.nc.SetReadDeadline(time.Time{})
	r.rests = 0
	if _, err := peer.Write([]byte("x")); err != nil {
		t.Fatal(err)
	}
	for deadline := time.Now().Add(10 * time.Second); r.pause != 0; { // when it has come
		if time.Now().After(deadline) {
			t.Fatal("a quick peer: got a pause that stays; want none")
		}
		if n, err := r.Read(b); n != 1 || err != nil || b[0] != 'x' {
			t.Fatalf("got %q, %v; want x", b[:n], err)
		}
		r.rests = 0
		if _, err := peer.Write([]byte("x")); err != nil {
			t.Fatal(err)
		}
	}
	wantIdle(t, r)
}

// TestPromptReaderWaits: what comes late comes all the same, and so does the end.
func TestPromptReaderWaits(t *testing.T) {
	r, peer := promptPair(t, new(asking))
	go func() {
		time.Sleep(20 * time.Millisecond)
		_, _ = peer.Write([]byte("late")) // the reader sees
		time.Sleep(20 * time.Millisecond)
		peer.Close()
	}()
	if got, err := io.ReadAll(r); string(got) != "late" || err != nil {
		t.Errorf("got %q, %v; want late", got, err)
	}
	wantIdle(t, r)
	if err := r.nc.Close(); err != nil {
		t.Fatal(err)
	}
	r.rests = 0
	if n, err := r.Read(make([]byte, 1)); n != 0 || !errors.Is(err, net.ErrClosed) {
		t.Errorf("after Close: got %d, %v; want %v", n, err, net.ErrClosed)
	}
	wantIdle(t, r)
}

// TestPromptReaderIsClosed: Close ends a read that waits.
func TestPromptReaderIsClosed(t *testing.T) {
	r, _ := promptPair(t, new(asking))
	ended := make(chan error, 1)
	go func() {
		_, err := r.Read(make([]byte, 1))
		ended <- err
	}()
	time.Sleep(10 * time.Millisecond)
	r.nc.Close()
	select {
	case err := <-ended:
		if !errors.Is(err, net.ErrClosed) {
			t.Errorf("got %v; want %v", err, net.ErrClosed)
		}
	case <-time.After(10 * time.Second):
		t.Fatal("the read goes on")
	}
}

// TestPromptReaderOnABusyMachine: where a try takes long there is but one.
func TestPromptReaderOnABusyMachine(t *testing.T) {
	r, _ := promptPair(t, new(asking))
	yields := 0
	r.yield = func() { yields++; time.Sleep(2 * promptTime) }
	r.nc.SetReadDeadline(time.Now().Add(20 * time.Millisecond))
	if n, err := r.Read(make([]byte, 1)); n != 0 || !errors.Is(err, os.ErrDeadlineExceeded) {
		t.Errorf("got %d, %v; want %v", n, err, os.ErrDeadlineExceeded)
	}
	if yields != 1 {
		t.Errorf("got %d tries beyond the first; want 1", yields)
	}
	wantIdle(t, r)
}

// TestPromptReaderEndsWhileItAsks: Close and a deadline that come while a socket
// is asked end the read.
func TestPromptReaderEndsWhileItAsks(t *testing.T) {
	for _, test := range []struct {
		name string
		end  func(nc net.Conn)
		want error
	}{
		{"deadline", func(nc net.Conn) { nc.SetReadDeadline(longAgo) }, os.ErrDeadlineExceeded},
		{"close", func(nc net.Conn) { nc.Close() }, net.ErrClosed},
	} {
		t.Run(test.name, func(t *testing.T) {
			r, _ := promptPair(t, new(asking))
			asks, ended := make(chan struct{}, promptTries), make(chan error, 1)
			begun := make(chan struct{})
			r.yield = func() { asks <- struct{}{}; <-begun }
			go func() {
				_, err := r.Read(make([]byte, 1))
				ended <- err
			}()
			<-asks
			go func() { // Close waits for the read
				time.Sleep(5 * time.Millisecond)
				close(begun)
			}()
			test.end(r.nc)
			select {
			case err := <-ended:
				if !errors.Is(err, test.want) {
					t.Errorf("got %v; want %v", err, test.want)
				}
			case <-time.After(10 * time.Second):
				t.Fatal("the read goes on")
			}
			wantIdle(t, r)
		})
	}
}

// TestManyPromptConnections: with one processor and with all, every one of many
// connections is served; Shutdown in the middle of that waits for none, and none
// counts as one that asks.
func TestManyPromptConnections(t *testing.T) {
	for _, procs := range []int{1, runtime.GOMAXPROCS(0)} {
		t.Run(strconv.Itoa(procs), func(t *testing.T) {
			defer runtime.GOMAXPROCS(runtime.GOMAXPROCS(procs))
			srv := &Server{Auth: auth.Key([]byte(testKey)), Logger: quiet, Objects: echoObjects}
			l, err := srv.Listen("tcp://127.0.0.1:0")
			if err != nil {
				t.Fatal(err)
			}
			served := make(chan error, 1)
			go func() { served <- srv.Serve(l) }()
			const peers, calls = 64, 50
			var clients, first sync.WaitGroup
			first.Add(peers)
			for range peers {
				c, err := DialConn(t.Context(), "tcp://"+l.Addr().String(), ConnConfig{Auth: auth.Key([]byte(testKey))})
				if err != nil {
					t.Fatal(err)
				}
				defer c.Close()
				clients.Go(func() {
					for n := 0; ; n++ { // up to the end of the server
						err := c.Send(t.Context(), n)
						if err == nil {
							var v any
							err = c.Recv(t.Context(), &v)
						}
						if n == calls || err != nil && n < calls {
							first.Done()
						}
						if err != nil {
							if n < calls {
								t.Errorf("call %d: %v", n, err)
							}
							return
						}
					}
				})
			}
			first.Wait()
			ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
			defer cancel()
			if err := srv.Shutdown(ctx); err != nil {
				t.Errorf("Shutdown: %v", err)
			}
			clients.Wait()
			if err := <-served; !errors.Is(err, ErrServerClosed) {
				t.Errorf("Serve: got %v; want %v", err, ErrServerClosed)
			}
			if n := srv.asking.n.Load(); n != 0 {
				t.Errorf("got %d connections that ask; want 0", n)
			}
		})
	}
}

// TestFewAskAtOnce: beyond the bound a connection is read like any other.
func TestFewAskAtOnce(t *testing.T) {
	a := new(asking)
	most := int32(max(1, runtime.GOMAXPROCS(0)/2))
	for range most {
		if !a.begin(most) {
			t.Fatal("got none; want one for each two processors")
		}
	}
	before := a.n.Load()
	if a.begin(most) || a.n.Load() != before {
		t.Errorf("beyond the bound: got one more, or a count of %d; want none and %d", a.n.Load(), before)
	}
	r, peer := promptPair(t, a)
	if _, err := peer.Write([]byte("x")); err != nil {
		t.Fatal(err)
	}
	b := make([]byte, 8)
	if n, err := r.Read(b); string(b[:n]) != "x" || err != nil {
		t.Errorf("got %q, %v; want x", b[:n], err)
	}
	if a.n.Load() != before {
		t.Errorf("got a count of %d; want %d", a.n.Load(), before)
	}
}

// TestWhoIsNotAsked: inside TLS, and without a server, reads are what they were.
func TestWhoIsNotAsked(t *testing.T) {
	r, _ := promptPair(t, new(asking))
	if got := newPromptReader(r.nc, nil); got != r.nc {
		t.Errorf("without a server: got %T; want the connection", got)
	}
	inside := &tlsConn{Conn: r.nc}
	if got := newPromptReader(inside, new(asking)); got != net.Conn(inside) {
		t.Errorf("inside TLS: got %T; want the connection", got)
	}
}
