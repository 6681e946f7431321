package native

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"runtime"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/parley-rpc/parley/rpc/value"
)

var (
	listenKey = ListenConfig{Auth: oneKey(testKey), Login: loginOf("id0")}
	dialKey   = ConnConfig{Auth: oneKey(testKey), Login: clientLogin()}
)

func TestConnPassesObjects(t *testing.T) {
	type order struct {
		Item string `rpc:"item"`
		Qty  int    `rpc:"qty"`
	}
	for _, network := range []string{"tcp", "unix", "tls"} {
		server, client := testConns(t, network, listenKey, dialKey)
		ctx := testContext(t)
		if got := server.Peer(); got.Name != "id0" || got.Transport != "native" || got.Addr == nil {
			t.Errorf("peer: got %+v; want id0 over native", got)
		}
		for _, ends := range [][2]*Conn{{server, client}, {client, server}} {
			from, to := ends[0], ends[1]
			if err := from.Send(ctx, order{"cog", 3}); err != nil {
				t.Fatal(err)
			}
			var o order
			if err := to.Recv(ctx, &o); err != nil || o != (order{"cog", 3}) {
				t.Errorf("got %v, %v; want {cog 3}", o, err)
			}
			if err := from.Send(ctx, value.Tuple{int64(1), "x", nil, []byte{1}}); err != nil {
				t.Fatal(err)
			}
			var v any
			if err := to.Recv(ctx, &v); err != nil || fmt.Sprintf("%#v", v) != fmt.Sprintf("%#v", value.Tuple{int64(1), "x", nil, []byte{1}}) {
				t.Errorf("got %#v, %v; want the tuple", v, err)
			}
		}
		client.Close()
		client.Close()
		var v any
		if err := server.Recv(ctx, &v); !errors.Is(err, io.EOF) {
			t.Errorf("after the peer closed: got %v; want EOF", err)
		}
		server.Close()
		if err := server.Recv(ctx, &v); !errors.Is(err, net.ErrClosed) {
			t.Errorf("Recv after Close: got %v; want net.ErrClosed", err)
		}
		if err := server.Send(ctx, 1); !errors.Is(err, net.ErrClosed) {
			t.Errorf("Send after Close: got %v; want net.ErrClosed", err)
		}
	}
}

// What cannot be sent or read costs one message, not the connection.
func TestConnSurvivesWhatDoesNotFit(t *testing.T) {
	server, client := testConns(t, "unix", listenKey, dialKey)
	ctx := testContext(t)
	if err := client.Send(ctx, make(chan int)); err == nil {
		t.Error("a channel was sent")
	}
	if err := client.Send(ctx, "text"); err != nil {
		t.Fatal(err)
	}
	var n int
	for _, dst := range []any{nil, 3, n, (*int)(nil), (*any)(nil)} { // takes nothing
		if err := server.Recv(ctx, dst); err == nil || !strings.Contains(err.Error(), "pointer") {
			t.Errorf("Recv into %T: got %v; want an error", dst, err)
		}
	}
	if err := server.Recv(ctx, &n); err == nil || !strings.Contains(err.Error(), "expected int, got string") {
		t.Errorf("text into an int: got %v; want an error", err)
	}
	if err := client.SendBytes(ctx, []byte("\x80\x04cos\nsystem\n.")); err != nil {
		t.Fatal(err)
	}
	var v any
	if err := server.Recv(ctx, &v); err == nil || !strings.Contains(err.Error(), "os.system") {
		t.Errorf("os.system: got %v, %v; want an error that names it", v, err)
	}
	if err := client.Send(ctx, 8); err != nil {
		t.Fatal(err)
	}
	if err := server.Recv(ctx, &n); err != nil || n != 8 {
		t.Errorf("got %d, %v; want 8", n, err)
	}
}

func TestConnMaxMessage(t *testing.T) {
	server, client := testConns(t, "tcp", ListenConfig{Auth: oneKey(testKey), MaxMessage: 1000}, dialKey)
	ctx := testContext(t)
	if err := client.SendBytes(ctx, make([]byte, 1000)); err != nil {
		t.Fatal(err)
	}
	if got, err := server.RecvBytes(ctx); err != nil || len(got) != 1000 {
		t.Errorf("at the limit: got %d bytes, %v", len(got), err)
	}
	if err := client.SendBytes(ctx, make([]byte, 1001)); err != nil {
		t.Fatal(err)
	}
	for range 2 {
		if _, err := server.RecvBytes(ctx); !errors.Is(err, ErrTooLarge) {
			t.Errorf("above the limit: got %v; want ErrTooLarge", err)
		}
	}
	if err := server.Send(ctx, 1); !errors.Is(err, ErrTooLarge) {
		t.Errorf("afterwards: got %v; want ErrTooLarge", err)
	}
	if _, err := client.RecvBytes(ctx); err == nil {
		t.Error("the connection is open after a message above the limit")
	}
}

// rawPeer logs in and returns the plain socket, for frames of the test's own.
func rawPeer(t *testing.T, lc ListenConfig) (*Conn, net.Conn) {
	t.Helper()
	l := testListener(t, "tcp://127.0.0.1:0", lc)
	nc := rawDial(t, l.Addr())
	if _, err := clientHandshake(t.Context(), nc, oneKey(testKey), false); err != nil {
		t.Fatal(err)
	}
	nc.SetDeadline(time.Now().Add(20 * time.Second))
	c, err := l.Accept(testContext(t))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { c.Close() })
	return c, nc
}

func TestConnAndMalformedFrames(t *testing.T) {
	for _, test := range []struct {
		in   string
		want error
	}{
		{"\x7f\xff\xff\xff", ErrTooLarge},
		{"\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff", ErrTooLarge},
		{"\xff\xff\xff\xfe", ErrFrame},
		{"\x00\x00\x00\x05abc", io.ErrUnexpectedEOF},
		{"\x00\x00", io.ErrUnexpectedEOF},
		{"", io.EOF},
	} {
		c, nc := rawPeer(t, listenKey)
		nc.Write([]byte(test.in))
		nc.(*net.TCPConn).CloseWrite()
		var before, after runtime.MemStats
		runtime.ReadMemStats(&before)
		if _, err := c.RecvBytes(testContext(t)); !errors.Is(err, test.want) {
			t.Errorf("%q: got %v; want %v", test.in, err, test.want)
		}
		runtime.ReadMemStats(&after)
		if got := after.TotalAlloc - before.TotalAlloc; got > 1<<20 {
			t.Errorf("%q: %d bytes were allocated; want next to nothing", test.in, got)
		}
	}
}

// A Recv that gives up takes nothing with it, wherever in a frame it stands.
func TestRecvGivesUpAndNothingIsLost(t *testing.T) {
	c, nc := rawPeer(t, listenKey)
	payload := bytes.Repeat([]byte("abc"), 40_000)
	frame := frameOf(string(payload))
	cuts := []int{1, 3, 4, 5, 100, 4096, 70_000, len(frame)}
	sent := 0
	for _, cut := range cuts {
		ctx, cancel := context.WithTimeout(t.Context(), 10*time.Millisecond)
		began := time.Now()
		if _, err := c.RecvBytes(ctx); !errors.Is(err, context.DeadlineExceeded) {
			t.Fatalf("after %d bytes: got %v; want context.DeadlineExceeded", sent, err)
		}
		cancel()
		if took := time.Since(began); took > time.Second {
			t.Errorf("giving up took %v; want 10 ms", took)
		}
		nc.Write(frame[sent:cut])
		sent = cut
	}
	got, err := c.RecvBytes(testContext(t))
	if err != nil || !bytes.Equal(got, payload) {
		t.Errorf("got %d bytes, %v; want %d", len(got), err, len(payload))
	}
	nc.Write(frameOf("next"))
	if got, err := c.RecvBytes(testContext(t)); err != nil || string(got) != "next" {
		t.Errorf("got %q, %v; want next", got, err)
	}
}

func TestRecvIsCancelledPromptly(t *testing.T) {
	server, client := testConns(t, "tcp", listenKey, dialKey)
	for range 50 {
		ctx, cancel := context.WithCancel(t.Context())
		time.AfterFunc(time.Millisecond, cancel)
		if _, err := server.RecvBytes(ctx); !errors.Is(err, context.Canceled) {
			t.Fatalf("got %v; want context.Canceled", err)
		}
	}
	// Cancelled while the message arrives: it comes now or next time, once.
	for i := range 500 {
		ctx, cancel := context.WithCancel(t.Context())
		go cancel()
		want := fmt.Sprint(i)
		if err := client.SendBytes(testContext(t), []byte(want)); err != nil {
			t.Fatal(err)
		}
		got, err := server.RecvBytes(ctx)
		if errors.Is(err, context.Canceled) {
			got, err = server.RecvBytes(testContext(t))
		}
		if err != nil || string(got) != want {
			t.Fatalf("got %q, %v; want %s", got, err, want)
		}
		cancel()
	}
}

// A peer that has stopped reading does not hold its sender.
func TestSendToAPeerThatStoppedReading(t *testing.T) {
	for _, network := range []string{"tcp", "unix", "tls"} {
		server, client := testConns(t, network, listenKey, dialKey)
		ctx, cancel := context.WithCancel(testContext(t))
		sent := make(chan error, 1)
		go func() { sent <- client.SendBytes(ctx, make([]byte, 64<<20)) }()
		if _, err := io.ReadFull(server.nc, make([]byte, 10)); err != nil { // it has begun
			t.Fatal(err)
		}
		select {
		case err := <-sent:
			t.Fatalf("%s: got %v; want it to wait for the peer", network, err)
		case <-time.After(50 * time.Millisecond):
		}
		cancel()
		began := time.Now()
		if err := <-sent; !errors.Is(err, ErrBroken) || !errors.Is(err, context.Canceled) {
			t.Fatalf("%s: got %v; want ErrBroken and context.Canceled", network, err)
		}
		if took := time.Since(began); took > 3*time.Second {
			t.Errorf("%s: it took %v; want next to nothing", network, took)
		}
		if err := client.Send(testContext(t), 1); !errors.Is(err, ErrBroken) {
			t.Errorf("%s: the next Send: got %v; want ErrBroken", network, err)
		}
		if _, err := client.RecvBytes(testContext(t)); !errors.Is(err, ErrBroken) {
			t.Errorf("%s: the next Recv: got %v; want ErrBroken", network, err)
		}
	}
}

// A Send that gives up before a byte has left changes nothing.
func TestSendGivesUpBeforeItBegins(t *testing.T) {
	server, client := testConns(t, "unix", listenKey, dialKey)
	cancelled, cancel := context.WithCancel(t.Context())
	cancel()
	if err := client.Send(cancelled, 1); !errors.Is(err, context.Canceled) || errors.Is(err, ErrBroken) {
		t.Errorf("got %v; want context.Canceled", err)
	}

	// One Send fills the socket; others wait for their turn and give up.
	blocked := make(chan error, 1)
	big := make([]byte, 8<<20)
	go func() { blocked <- client.SendBytes(testContext(t), big) }()
	for len(client.sending) == 0 {
		time.Sleep(time.Millisecond)
	}
	ctx, cancel := context.WithTimeout(testContext(t), 20*time.Millisecond)
	defer cancel()
	if err := client.Send(ctx, 1); !errors.Is(err, context.DeadlineExceeded) || errors.Is(err, ErrBroken) {
		t.Errorf("behind another: got %v; want context.DeadlineExceeded", err)
	}
	if got, err := server.RecvBytes(testContext(t)); err != nil || len(got) != len(big) {
		t.Errorf("got %d bytes, %v; want %d", len(got), err, len(big))
	}
	if err := <-blocked; err != nil {
		t.Error(err)
	}
	if err := client.Send(testContext(t), 2); err != nil {
		t.Fatal(err)
	}
	var n int
	if err := server.Recv(testContext(t), &n); err != nil || n != 2 {
		t.Errorf("got %d, %v; want 2", n, err)
	}
}

// A full socket takes a message as a whole or not at all if it is short; then
// giving up costs nothing.
func TestSendGivesUpOnAFullSocket(t *testing.T) {
	server, client := testConns(t, "unix", listenKey, dialKey)
	sent := 0
	for {
		ctx, cancel := context.WithTimeout(t.Context(), 20*time.Millisecond)
		err := client.SendBytes(ctx, []byte(fmt.Sprint(sent)))
		cancel()
		if err != nil {
			if !errors.Is(err, context.DeadlineExceeded) || errors.Is(err, ErrBroken) {
				t.Fatalf("got %v; want context.DeadlineExceeded", err)
			}
			break
		}
		sent++
	}
	for i := range sent + 1 {
		if i == sent {
			if err := client.SendBytes(testContext(t), []byte(fmt.Sprint(sent))); err != nil {
				t.Fatal(err)
			}
		}
		if got, err := server.RecvBytes(testContext(t)); err != nil || string(got) != fmt.Sprint(i) {
			t.Fatalf("got %q, %v; want %d", got, err, i)
		}
	}
}

// What the peer sent before it left can be received although sending fails.
func TestLastWordsAreHeard(t *testing.T) {
	server, client := testConns(t, "unix", listenKey, dialKey)
	ctx := testContext(t)
	if err := server.Send(ctx, "last words"); err != nil {
		t.Fatal(err)
	}
	server.Close()
	if err := client.Send(ctx, 1); err == nil {
		t.Fatal("sending to a closed peer succeeded")
	}
	var s string
	if err := client.Recv(ctx, &s); err != nil || s != "last words" {
		t.Errorf("got %q, %v; want last words", s, err)
	}
}

func TestConcurrentSendsAndRecvs(t *testing.T) {
	server, client := testConns(t, "tcp", listenKey, dialKey)
	ctx := testContext(t)
	const senders, each = 8, 50
	var wg sync.WaitGroup
	for _, ends := range [][2]*Conn{{server, client}, {client, server}} {
		seen := make(chan string, senders*each)
		for i := range senders {
			wg.Go(func() {
				for j := range each {
					text := strings.Repeat(fmt.Sprintf("%d.%d ", i, j), 1+i*j*10)
					if err := ends[0].Send(ctx, text); err != nil {
						t.Error(err)
						return
					}
				}
			})
			wg.Go(func() {
				for range each {
					var text string
					if err := ends[1].Recv(ctx, &text); err != nil {
						t.Error(err)
						return
					}
					word, _, _ := strings.Cut(text, " ")
					if strings.ReplaceAll(text, word+" ", "") != "" {
						t.Error("messages are mixed up")
					}
					seen <- word
				}
			})
		}
		defer func() {
			close(seen)
			all := map[string]bool{}
			for word := range seen {
				all[word] = true
			}
			if len(all) != senders*each {
				t.Errorf("got %d different messages; want %d", len(all), senders*each)
			}
		}()
	}
	wg.Wait()
}

func TestCloseEndsCallsUnderWay(t *testing.T) {
	server, client := testConns(t, "tcp", listenKey, dialKey)
	errs := make(chan error, 2)
	go func() { _, err := server.RecvBytes(context.Background()); errs <- err }()
	go func() { errs <- server.SendBytes(context.Background(), make([]byte, 64<<20)) }()
	time.Sleep(20 * time.Millisecond)
	server.Close()
	for range 2 {
		select {
		case err := <-errs:
			if !errors.Is(err, net.ErrClosed) {
				t.Errorf("got %v; want net.ErrClosed", err)
			}
		case <-time.After(5 * time.Second):
			t.Fatal("a call under way has survived Close")
		}
	}
	client.Close()
}

func TestListenerClose(t *testing.T) {
	ctx := testContext(t)
	l := testListener(t, "tcp://127.0.0.1:0", listenKey)
	accepted, err := DialConn(ctx, l.Addr(), dialKey)
	if err != nil {
		t.Fatal(err)
	}
	defer accepted.Close()
	s, err := l.Accept(ctx)
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	waiting, err := DialConn(ctx, l.Addr(), dialKey)
	if err != nil {
		t.Fatal(err)
	}
	defer waiting.Close()
	short, cancel := context.WithTimeout(ctx, 10*time.Millisecond)
	defer cancel()
	other := testListener(t, "tcp://127.0.0.1:0", listenKey)
	if _, err := other.Accept(short); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("Accept under a short context: got %v; want context.DeadlineExceeded", err)
	}
	failed := make(chan error, 1)
	go func() { _, err := other.Accept(ctx); failed <- err }()
	time.Sleep(10 * time.Millisecond)
	other.Close()
	if err := <-failed; !errors.Is(err, net.ErrClosed) {
		t.Errorf("Accept under way: got %v; want net.ErrClosed", err)
	}

	l.Close()
	l.Close()
	if _, err := l.Accept(ctx); !errors.Is(err, net.ErrClosed) {
		t.Errorf("got %v; want net.ErrClosed", err)
	}
	if _, err := waiting.RecvBytes(ctx); err == nil {
		t.Error("a connection that nobody accepted is open")
	}
	if err := s.Send(ctx, 1); err != nil {
		t.Errorf("an accepted connection: %v", err)
	}
	var n int
	if err := accepted.Recv(ctx, &n); err != nil || n != 1 {
		t.Errorf("an accepted connection: got %d, %v; want 1", n, err)
	}
}

// Failed logins and closed connections leave no descriptor behind.
func TestDescriptorsAreGivenBack(t *testing.T) {
	count := func() int {
		entries, err := os.ReadDir("/proc/self/fd")
		if err != nil {
			t.Skipf("descriptors cannot be counted here: %v", err)
		}
		return len(entries)
	}
	ctx := testContext(t)
	l := testListener(t, "tcp://127.0.0.1:0", listenKey)
	round := func() {
		if _, err := DialConn(ctx, l.Addr(), ConnConfig{Auth: oneKey("wrong")}); !errors.Is(err, ErrKeyRefused) {
			t.Fatal(err)
		}
		rawDial(t, l.Addr()).Close()
		c, err := DialConn(ctx, l.Addr(), dialKey)
		if err != nil {
			t.Fatal(err)
		}
		s, err := l.Accept(ctx)
		if err != nil {
			t.Fatal(err)
		}
		c.Close()
		s.Close()
	}
	round()
	before := count()
	for range 30 {
		round()
	}
	deadline := time.Now().Add(5 * time.Second)
	for count() > before+2 {
		if time.Now().After(deadline) {
			t.Fatalf("descriptors: got %d; want about %d", count(), before)
		}
		time.Sleep(10 * time.Millisecond)
	}
}

// An idle connection costs no goroutine.
func TestIdleConnsHaveNoGoroutines(t *testing.T) {
	ctx := testContext(t)
	l := testListener(t, "unix://"+t.TempDir()+"/s", listenKey)
	before := runtime.NumGoroutine()
	for range 50 {
		c, err := DialConn(ctx, l.Addr(), dialKey)
		if err != nil {
			t.Fatal(err)
		}
		defer c.Close()
	}
	deadline := time.Now().Add(5 * time.Second)
	for runtime.NumGoroutine() > before {
		if time.Now().After(deadline) {
			t.Fatalf("goroutines: got %d with 50 idle connections; want %d", runtime.NumGoroutine(), before)
		}
		time.Sleep(10 * time.Millisecond)
	}
}

// The two directions of a keyless connection.
func TestWithoutAuth(t *testing.T) {
	lc, cc := ListenConfig{DangerouslyWithoutAuth: true}, ConnConfig{DangerouslyWithoutAuth: true}
	server, client := testConns(t, "unix", lc, cc)
	ctx := testContext(t)
	if err := client.Send(ctx, 1); err != nil {
		t.Fatal(err)
	}
	var n int
	if err := server.Recv(ctx, &n); err != nil || n != 1 || server.Peer().Name != "" {
		t.Errorf("got %d, %v from %q; want 1 from nobody", n, err, server.Peer().Name)
	}
	// Bytes that look like a challenge are data once something else has come.
	if err := client.SendBytes(ctx, []byte(challengePrefix)); err != nil {
		t.Fatal(err)
	}
	if got, err := server.RecvBytes(ctx); err != nil || string(got) != challengePrefix {
		t.Errorf("got %q, %v; want the bytes", got, err)
	}
}
