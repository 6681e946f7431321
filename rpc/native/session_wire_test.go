package native

import (
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"io"
	"net"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/parley-rpc/parley/rpc"
	"github.com/parley-rpc/parley/rpc/native/cbor"
)

// wirePeer speaks to a session frame by frame, in the dialer's role.
type wirePeer struct {
	t    testing.TB
	nc   net.Conn
	read chan wireFrame // closed at the end of the connection
}

type wireFrame struct {
	frameHead
	body string
}

// testHello is what a wirePeer says of itself.
var testHello = hello{sessionVersion, sessionVersion, defaultMaxMessage, defaultMaxCalls, defaultWindow}

// newWirePeer returns a peer of the session s. It has sent nothing yet.
func newWirePeer(t testing.TB, cfg sessionConfig) (*wirePeer, *session) {
	t.Helper()
	a, b := net.Pipe()
	s := testSession(t, a, cfg)
	p := &wirePeer{t: t, nc: b, read: make(chan wireFrame, 1<<12)}
	done := make(chan struct{})
	go func() {
		defer close(done)
		defer close(p.read)
		for {
			b, err := readFrame(p.nc, nil, 1<<20)
			if err != nil {
				return
			}
			h, n, err := parseFrameHead(b, len(b))
			if err != nil {
				t.Errorf("the session sent a frame that is none: %q: %v", b, err)
				return
			}
			p.read <- wireFrame{h, string(b[n:])}
		}
	}()
	t.Cleanup(func() {
		b.Close()
		<-done
	})
	return p, s
}

// greeted returns a peer that has exchanged HELLOs.
func greeted(t testing.TB, cfg sessionConfig) (*wirePeer, *session) {
	t.Helper()
	p, s := newWirePeer(t, cfg)
	p.send(frame(frameHello, 0, 0, string(testHello.append(nil))))
	p.want(frameHello, 0)
	<-s.ready
	return p, s
}

func frame(kind frameType, flags byte, id uint64, body string) string {
	return string(appendSessionHead(nil, kind, flags, id, len(body))) + body
}

// callBody returns the message of a CALL.
func callBody(method string, args ...any) string {
	b := appendCallHead(binary.AppendUvarint(nil, 0), method, nil)
	b, err := cbor.AppendArgs(b, args)
	if err != nil {
		panic(err)
	}
	return string(b)
}

// send writes bytes; that the session has ended is no error.
func (p *wirePeer) send(frames ...string) {
	p.nc.SetWriteDeadline(time.Now().Add(5 * time.Second))
	if _, err := io.WriteString(p.nc, strings.Join(frames, "")); errors.Is(err, context.DeadlineExceeded) {
		p.t.Errorf("the session does not read")
	}
}

// want returns the next frame, which must be of this kind and id.
func (p *wirePeer) want(kind frameType, id uint64) wireFrame {
	p.t.Helper()
	select {
	case f, ok := <-p.read:
		if !ok || f.kind != kind || f.id != id {
			p.t.Fatalf("got %v %d %q (connection open: %v); want %v %d", f.kind, f.id, f.body, ok, kind, id)
		}
		return f
	case <-time.After(5 * time.Second):
		p.t.Fatalf("no frame came; want %v %d", kind, id)
	}
	return wireFrame{}
}

// next returns the next frame, whichever it is.
func (p *wirePeer) next() wireFrame {
	p.t.Helper()
	select {
	case f, ok := <-p.read:
		if !ok {
			p.t.Fatal("the connection was closed")
		}
		return f
	case <-time.After(5 * time.Second):
		p.t.Fatal("no frame came")
	}
	return wireFrame{}
}

// wantNothing checks that no frame comes for a while.
func (p *wirePeer) wantNothing() {
	p.t.Helper()
	select {
	case f, ok := <-p.read:
		p.t.Fatalf("got %v %d %q (connection open: %v); want nothing", f.kind, f.id, f.body, ok)
	case <-time.After(20 * time.Millisecond):
	}
}

// wantEnd reads to the end of the connection and returns the last frame.
func (p *wirePeer) wantEnd() (last wireFrame) {
	p.t.Helper()
	for timeout := time.After(5 * time.Second); ; {
		select {
		case f, ok := <-p.read:
			if !ok {
				return last
			}
			last = f
		case <-timeout:
			p.t.Fatal("the connection stays open")
		}
	}
}

// callerFunc is a Caller that is a function.
type callerFunc func(ctx context.Context, req *rpc.Request) (any, error)

func (f callerFunc) Call(ctx context.Context, req *rpc.Request) (any, error) { return f(ctx, req) }

// echo answers with the first argument.
var echo = callerFunc(func(_ context.Context, req *rpc.Request) (any, error) {
	var args []any
	if err := decodeAll(req, &args); err != nil || len(args) == 0 {
		return nil, err
	}
	return args[0], nil
})

// TestBreaches sends what no peer may send. Each of them ends the session with
// an error that says what came, and with a GOAWAY to the peer.
func TestBreaches(t *testing.T) {
	call := frame(frameCall, 0, 1, callBody("echo", 1))
	more := func(id uint64, total int, chunk string) string {
		return frame(frameCall, flagMore, id, string(binary.AppendUvarint(nil, uint64(total)))+chunk)
	}
	tests := []struct {
		name   string
		frames []string
		want   string
	}{
		{"type zero", []string{frame(0, 0, 1, "")}, "a frame of type 0x00"},
		{"unknown type", []string{frame(0x0b, 0, 1, "")}, "a frame of type 0x0b"},
		{"last critical type", []string{frame(0x7f, 0, 1, "")}, "a frame of type 0x7f"},
		{"DATA to no call", []string{frame(frameData, 0, 1, "x")}, "DATA 1, which was not called"},
		{"DATA of a call of ours that was not made", []string{frame(frameData, 0, 2, "x")}, "DATA 2, which was not called"},
		{"DATA zero", []string{frame(frameData, 0, 0, "x")}, "DATA 0"},
		{"CREDIT to no call", []string{frame(frameCredit, 0, 1, "\x01")}, "CREDIT 1, which was not called"},
		{"second HELLO", []string{frame(frameHello, 0, 0, string(testHello.append(nil)))}, "a second HELLO"},
		{"unknown flag", []string{frame(frameCall, 0x10, 1, callBody("echo"))}, "CALL with flags 0x10"},
		{"MORE on a PING", []string{frame(framePing, flagMore, 1, "")}, "PING with flags 0x01"},
		{"MORE on a FAULT", []string{frame(frameFault, flagMore, 2, "")}, "FAULT with flags 0x01"},
		{"empty frame", []string{"\x00\x00\x00\x00"}, "a frame of 0 bytes"},
		{"frame without id", []string{"\x00\x00\x00\x02\x02\x00"}, "a frame of 2 bytes"},
		{"id cut off", []string{"\x00\x00\x00\x03\x02\x00\x81"}, "id is not a number"},
		{"id not in its shortest form", []string{"\x00\x00\x00\x04\x08\x00\x81\x00"}, "id is not a number"},
		{"id of eleven bytes", []string{"\x00\x00\x00\x0e\x08\x00" + strings.Repeat("\xff", 11) + "\x01"}, "id is not a number"},
		{"negative length", []string{"\xff\xff\xff\xfe"}, "a frame of 4294967294 bytes"},
		{"long form of the length", []string{"\xff\xff\xff\xff\x00\x00\x00\x00\x00\x00\x00\x01"}, "a frame of 4294967295 bytes"},
		{"length beyond a frame", []string{"\x00\x01\x00\x10"}, "a frame of 65552 bytes"},
		{"body beyond a frame", []string{frame(frameCall, 0, 1, strings.Repeat("x", maxBody+1))}, "CALL of 65537 bytes"},
		{"long PING", []string{frame(framePing, 0, 1, strings.Repeat("x", maxControl+1))}, "PING of 1025 bytes"},
		{"PING with a body", []string{frame(framePing, 0, 1, "x")}, "PING with a body"},
		{"CANCEL with a body", []string{call, frame(frameCancel, 0, 1, "x")}, "CANCEL with a body"},
		{"PONG to no PING", []string{frame(framePong, 0, 1, "")}, "PONG 1, which answers no PING"},
		{"PONG zero", []string{frame(framePong, 0, 0, "")}, "PONG 0"},
		{"CALL zero", []string{frame(frameCall, 0, 0, callBody("echo"))}, "CALL 0: expected an id of the sender's parity"},
		{"CALL of the other parity", []string{frame(frameCall, 0, 2, callBody("echo"))}, "CALL 2: expected an id of the sender's parity"},
		{"CALL twice", []string{call, call}, "CALL 1 after CALL 1"},
		{"CALL with a falling id", []string{frame(frameCall, 0, 5, callBody("echo")), frame(frameCall, 0, 3, callBody("echo"))}, "CALL 3 after CALL 5"},
		{"empty CALL", []string{frame(frameCall, 0, 1, "")}, "CALL 1: a length in it"},
		{"CALL with a method beyond its end", []string{frame(frameCall, 0, 1, "\x00\x7fadd")}, "CALL 1: a length in it"},
		{"CALL with a huge method", []string{frame(frameCall, 0, 1, "\x00\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01add")}, "CALL 1: a length in it"},
		{"CALL with a million pairs", []string{frame(frameCall, 0, 1, "\x00\x01a\xc0\x84\x3d\x01k\x01v")}, "CALL 1: a length in it"},
		{"CALL with a pair twice", []string{frame(frameCall, 0, 1, "\x00\x01a\x02\x01k\x01v\x01k\x01w\x80")}, "the same key twice"},
		{"CALL with metadata that is no text", []string{frame(frameCall, 0, 1, "\x00\x01a\x01\x01\xff\x01v\x80")}, "not UTF-8"},
		{"CALL with too much metadata", []string{frame(frameCall, 0, 1, "\x00\x01a\x01\x01k\x80\x20"+strings.Repeat("v", 4096)+"\x80")}, "metadata of more than 4096 bytes"},
		{"parts without size", []string{frame(frameCall, flagMore, 1, "")}, "in parts without its size"},
		{"parts above the limit", []string{more(1, defaultMaxMessage+1, "x")}, "CALL 1 of 16777217 bytes, at most 16777216"},
		{"parts without content", []string{more(1, 100, "")}, "in parts without content"},
		{"parts longer than announced", []string{more(1, 4, "abc"), frame(frameCall, 0, 1, "de")}, "of another size than the 4 bytes"},
		{"parts shorter than announced", []string{more(1, 9, "abc"), frame(frameCall, 0, 1, "de")}, "of another size than the 9 bytes"},
		{"parts that do not end", []string{more(1, 3, "abc")}, "of another size than the 3 bytes"},
		{"parts of two kinds", []string{more(1, 100, "abc"), frame(frameResult, 0, 1, "de")}, "RESULT 1 in the middle of a CALL"},
		{"RESULT to no call", []string{frame(frameResult, 0, 2, "\x00")}, "RESULT 2, which answers no call"},
		{"large RESULT to no call", []string{frame(frameResult, flagMore, 2, "\x10abc")}, "RESULT 2, which answers no call"},
		{"RESULT to its own call", []string{frame(frameResult, 0, 1, "\x00")}, "RESULT 1: expected the id of a call to the sender"},
		{"FAULT to no call", []string{frame(frameFault, 0, 2, "\x01x")}, "FAULT 2, which answers no call"},
		{"FAULT without code", []string{frame(frameFault, 0, 2, "")}, "FAULT 2: a FAULT without a code"},
		{"CANCEL of no call", []string{frame(frameCancel, 0, 1, "")}, "CANCEL 1, which was not called"},
		{"CANCEL of the other parity", []string{frame(frameCancel, 0, 2, "")}, "CANCEL 2: expected the id of a call of the sender's"},
		{"GOAWAY without reason", []string{frame(frameGoaway, 0, 0, "")}, "a GOAWAY without a reason"},
		{"GOAWAY of a call that was not made", []string{frame(frameGoaway, 0, 2, "\x00")}, "GOAWAY 2: expected the id of a call to the sender"},
		{"GOAWAY of the other parity", []string{call, frame(frameGoaway, 0, 1, "\x00")}, "GOAWAY 1: expected the id of a call to the sender"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			wantBreach(t, echo, tt.frames, tt.want)
		})
	}
}

// wantBreach sends frames to a session, which has to end with an error and a GOAWAY
// that say what came.
func wantBreach(t *testing.T, handler rpc.Caller, frames []string, want string) {
	t.Helper()
	p, s := greeted(t, sessionConfig{handler: handler})
	p.send(frames...)
	last := p.wantEnd()
	<-s.gone
	var breach *ProtocolError
	if err := s.ended(); !errors.As(err, &breach) || breach.ByUs || !strings.Contains(err.Error(), want) {
		t.Errorf("the session ended with %v; want a breach with %q", err, want)
	}
	if last.kind != frameGoaway || last.body[0] != reasonProtocol || !strings.Contains(last.body, want) {
		t.Errorf("the last frame is %v %q; want a GOAWAY with %q", last.kind, last.body, want)
	}
}

// TestBreachesAtTheStart sends what no peer may begin with.
func TestBreachesAtTheStart(t *testing.T) {
	with := func(h hello) string { return frame(frameHello, 0, 0, string(h.append(nil))) }
	tests := []struct {
		name, sent string
		reason     byte
		want       string
	}{
		{"no HELLO", frame(framePing, 0, 1, ""), reasonProtocol, "expected HELLO first, got PING"},
		{"extension before HELLO", frame(frameExtension, 0, 1, ""), reasonProtocol, "expected HELLO first, got type 0x80"},
		{"HELLO with an id", frame(frameHello, 0, 9, string(testHello.append(nil))), reasonProtocol, "HELLO 9: expected id 0"},
		{"HTTP", "GET / HTTP/1.1\r\n\r\n", reasonProtocol, "a frame of 1195725856 bytes"},
		{"wrong magic", frame(frameHello, 0, 0, "barley\x01\x01\x00"), reasonProtocol, `begins with "parley"`},
		{"empty HELLO", frame(frameHello, 0, 0, ""), reasonProtocol, `begins with "parley"`},
		{"cut HELLO", frame(frameHello, 0, 0, "parley\x01\x01\x02\x01"), reasonProtocol, "malformed HELLO"},
		{"endless settings", frame(frameHello, 0, 0, "parley\x01\x01\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01"), reasonProtocol, "malformed HELLO"},
		{"versions the wrong way round", with(hello{2, 1, 1 << 20, 1, 1 << 18}), reasonProtocol, "malformed HELLO"},
		{"small messages", with(hello{1, 1, 100, 1, 1 << 18}), reasonProtocol, "at least 65536 must be accepted"},
		{"no calls", with(hello{1, 1, 1 << 20, 0, 1 << 18}), reasonProtocol, "allows no calls"},
		{"future version", with(hello{2, 9, 1 << 20, 1, 1 << 18}), reasonVersion, "the peer speaks 2 to 9, this side 1"},
		{"past version", with(hello{0, 0, 1 << 20, 1, 1 << 18}), reasonVersion, "the peer speaks 0 to 0, this side 1"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			p, s := newWirePeer(t, sessionConfig{handler: echo})
			p.send(tt.sent)
			last := p.wantEnd()
			<-s.gone
			if err := s.ended(); !strings.Contains(err.Error(), tt.want) || errors.Is(err, ErrVersion) != (tt.reason == reasonVersion) {
				t.Errorf("the session ended with %v; want %q", err, tt.want)
			}
			if last.kind != frameGoaway || last.body[0] != tt.reason || !strings.Contains(last.body, tt.want) {
				t.Errorf("the last frame is %v %q; want a GOAWAY %d with %q", last.kind, last.body, tt.reason, tt.want)
			}
		})
	}
}

// TestFutureVersions: a peer that can do more is let in, and what it may send to
// one that cannot is skipped.
func TestFutureVersions(t *testing.T) {
	p, _ := newWirePeer(t, sessionConfig{handler: echo})
	future := hello{1, 7, 1 << 20, 9, 1 << 18}.append(nil)
	future[len(helloMagic)+2] = 3 // settings
	future = append(future, 0x63, 0x01)
	p.send(frame(frameHello, 0, 0, string(future)))
	p.want(frameHello, 0)
	p.send(frame(frameExtension, 0xff, 1, strings.Repeat("?", maxBody)), frame(0xff, 0, 0, ""), frame(frameCall, 0, 1, callBody("echo", 7)))
	if f := p.want(frameResult, 1); f.body != "\x07" {
		t.Errorf("got %q; want 7", f.body)
	}
}

// TestPeerSaysBreach: a peer that holds us to have broken the protocol ends the
// session with an error that says so.
func TestPeerSaysBreach(t *testing.T) {
	p, s := greeted(t, sessionConfig{})
	p.send(frame(frameGoaway, 0, 0, "\x01you sent\x00nonsense"))
	p.wantEnd()
	<-s.gone
	var breach *ProtocolError
	if err := s.ended(); !errors.As(err, &breach) || !breach.ByUs || breach.Text != `you sent\x00nonsense` {
		t.Errorf("got %v; want a breach by this side", err)
	}
	p, s = greeted(t, sessionConfig{})
	p.send(frame(frameGoaway, 0, 0, "\x02mine are 5 to 6"))
	<-s.gone
	if err := s.ended(); !errors.Is(err, ErrVersion) {
		t.Errorf("got %v; want %v", err, ErrVersion)
	}
}

// TestAnswersBeforeTheEnd: a peer that answers a call before it has all of it
// ends the session; the memory of the call is still being sent.
func TestAnswersBeforeTheEnd(t *testing.T) {
	a, b := net.Pipe()
	s := testSession(t, a, sessionConfig{})
	defer b.Close()
	go b.Write([]byte(frame(frameHello, 0, 0, string(testHello.append(nil)))))
	if f, err := readFrame(b, nil, 1<<20); err != nil {
		t.Fatal(f, err)
	}
	<-s.ready
	failed := make(chan error, 1)
	go func() {
		_, err := rpc.Invoke[any](testContext(t), s, "take", make([]byte, 1<<20))
		failed <- err
	}()
	if _, err := readFrame(b, nil, 1<<20); err != nil { // the first of seventeen
		t.Fatal(err)
	}
	b.Write([]byte(frame(frameResult, 0, 2, "\x00"))) // the others have not left: nobody reads them
	go io.Copy(io.Discard, b)
	var breach *ProtocolError
	if err := <-failed; !errors.As(err, &breach) || !strings.Contains(err.Error(), "before the end of the call") {
		t.Errorf("got %v; want a breach", err)
	}
}

// TestFrameByFrame walks through a session by hand.
func TestFrameByFrame(t *testing.T) {
	entered, release := make(chan struct{}, 8), make(chan struct{})
	p, s := greeted(t, sessionConfig{handler: callerFunc(func(ctx context.Context, req *rpc.Request) (any, error) {
		switch req.Method {
		case "echo":
			return echo(ctx, req)
		case "wait":
			entered <- struct{}{}
			select {
			case <-release:
				return "released", nil
			case <-ctx.Done():
				return nil, ctx.Err()
			}
		}
		return nil, rpc.Errorf(77, "no %s", req.Method)
	})})

	p.send(frame(framePing, 0, 77, ""))
	p.want(framePong, 77)
	p.send(frame(frameCall, 0, 1, callBody("echo", "hi")))
	if f := p.want(frameResult, 1); f.body != "\x62hi" {
		t.Errorf("echo: got %q", f.body)
	}
	p.send(frame(frameCall, 0, 3, callBody("nothing")))
	if f := p.want(frameFault, 3); f.body != "\x9a\x01no nothing" {
		t.Errorf("fault: got %q", f.body)
	}

	// Exactly one answer, also after CANCEL, and also after two.
	p.send(frame(frameCall, 0, 5, callBody("wait")))
	<-entered
	p.send(frame(frameCancel, 0, 5, ""), frame(frameCancel, 0, 5, ""))
	if f := p.want(frameFault, 5); !strings.HasPrefix(f.body, string(binary.AppendVarint(nil, rpc.CodeCancelled))) {
		t.Errorf("cancelled: got %q", f.body)
	}
	p.send(frame(frameCancel, 0, 5, ""), frame(frameCancel, 0, 1, "")) // they have crossed the answers
	p.wantNothing()

	// In parts, with another call in between.
	long := callBody("echo", strings.Repeat("x", 100))
	p.send(frame(frameCall, flagMore, 7, string(binary.AppendUvarint(nil, uint64(len(long))))+long[:50]))
	p.send(frame(frameCall, 0, 9, callBody("echo", 1)))
	p.want(frameResult, 9)
	p.send(frame(frameCall, flagMore, 7, long[50:60]), frame(frameCall, 0, 7, long[60:]))
	if f := p.want(frameResult, 7); !strings.HasSuffix(f.body, strings.Repeat("x", 100)) {
		t.Errorf("in parts: got %q", f.body)
	}
	// A call that is cancelled before its end is answered once.
	p.send(frame(frameCall, flagMore, 11, "\x7fabc"), frame(frameCancel, 0, 11, ""))
	p.want(frameFault, 11)
	p.wantNothing()

	// The way back, answered in parts that a FAULT ends.
	answered := make(chan error, 1)
	go func() {
		_, err := rpc.Invoke[string](testContext(t), s, "back", 1)
		answered <- err
	}()
	if f := p.want(frameCall, 2); !strings.HasSuffix(f.body, "\x04back\x00\x81\x01") {
		t.Errorf("back: got %q", f.body)
	}
	p.send(frame(frameResult, flagMore, 2, "\x7f\x78"), frame(frameFault, 0, 2, "\x0athought again"))
	if err := <-answered; !errors.Is(err, rpc.Errorf(5, "")) || !strings.Contains(err.Error(), "thought again") {
		t.Errorf("back: got %v; want fault 5", err)
	}

	// After our GOAWAY: what was accepted is answered, what is new is not.
	p.send(frame(frameCall, 0, 13, callBody("wait")))
	<-entered
	s.leave()
	if f := p.want(frameGoaway, 13); f.body[0] != reasonShutdown {
		t.Errorf("goaway: got %q", f.body)
	}
	p.send(frame(frameCall, 0, 15, callBody("wait")), frame(frameCall, flagMore, 17, "\x7fabc"), frame(frameCancel, 0, 15, ""), frame(frameCancel, 0, 17, ""))
	p.wantNothing()
	close(release)
	if f := p.want(frameResult, 13); f.body != "\x68released" {
		t.Errorf("after the GOAWAY: got %q", f.body)
	}
	for lingers := false; !lingers; time.Sleep(time.Millisecond) {
		s.update(func(st *state) { lingers = st.lingering })
	}
	p.nc.Close() // as a peer does that has all its answers
	<-s.gone
	if err := s.ended(); !errors.Is(err, ErrClosed) {
		t.Errorf("the session ended with %v; want %v", err, ErrClosed)
	}
}

// TestLimitsOfTheServingSide: what goes beyond them is answered with a fault,
// and the session goes on.
func TestLimitsOfTheServingSide(t *testing.T) {
	release := make(chan struct{})
	var releaseOnce sync.Once
	free := func() { releaseOnce.Do(func() { close(release) }) }
	defer free()
	p, s := greeted(t, sessionConfig{
		limits: Limits{MaxCalls: 2, MaxMessage: 64 << 10, MaxBuffered: 100 << 10},
		handler: callerFunc(func(ctx context.Context, req *rpc.Request) (any, error) {
			if req.Method == "wait" {
				<-release
			}
			return nil, nil
		}),
	})
	overLimit := func(id uint64, text string) {
		t.Helper()
		f := p.want(frameFault, id)
		fault, err := parseFault([]byte(f.body))
		if err != nil || fault.Code != rpc.CodeOverLimit || !strings.Contains(fault.Message, text) {
			t.Errorf("CALL %d: got %v, %v; want a fault with %q", id, fault, err, text)
		}
	}
	parts := func(id uint64, n int) []string {
		b := callBody("wait", make([]byte, n))
		var frames []string
		for i := 0; i < len(b); i += 30_000 {
			chunk := b[i:min(i+30_000, len(b))]
			if i == 0 {
				chunk = string(binary.AppendUvarint(nil, uint64(len(b)))) + chunk
			}
			flags := byte(flagMore)
			if i+30_000 >= len(b) {
				flags = 0
			}
			frames = append(frames, frame(frameCall, flags, id, chunk))
		}
		return frames
	}
	p.send(parts(1, 60_000)...)
	p.send(parts(3, 60_000)...) // beyond MaxBuffered
	overLimit(3, "102400 bytes")
	p.send(frame(frameCall, 0, 5, callBody("wait", make([]byte, 50_000))))
	overLimit(5, "102400 bytes")
	p.send(frame(frameCall, 0, 7, callBody("wait")))
	p.send(frame(frameCall, 0, 9, callBody("wait"))) // the third
	overLimit(9, "2 calls at once")
	p.send(parts(11, 60_000)...)
	overLimit(11, "2 calls at once")
	first := parts(13, 60_000)[0]
	p.send(first, frame(frameCancel, 0, 13, "")) // refused and cancelled: one answer
	overLimit(13, "2 calls at once")
	free()
	got := []uint64{(<-p.read).id, (<-p.read).id}
	if slices.Sort(got); !slices.Equal(got, []uint64{1, 7}) {
		t.Errorf("answers to %v; want 1 and 7", got)
	}
	p.send(frame(frameCall, 0, 15, callBody("free again")))
	p.want(frameResult, 15)
	s.mu.Lock()
	if s.st.held != 0 || s.st.running.n != 0 {
		t.Errorf("%d bytes and %d calls are held; want none", s.st.held, s.st.running.n)
	}
	s.mu.Unlock()

	// Calls that are not accepted and never end.
	p.send(frame(frameCall, flagMore, 17, "\x7fa"), frame(frameCall, flagMore, 19, "\x7fa"))
	for id := uint64(21); id < 27; id += 2 {
		p.send(frame(frameCall, flagMore, id, "\x7fa"))
	}
	if last := p.wantEnd(); last.kind != frameGoaway || !strings.Contains(last.body, "3 calls under way that are not accepted") {
		t.Errorf("got %v %q; want a GOAWAY", last.kind, last.body)
	}
}

// TestResultsAreBounded: results that arrive in parts take no more memory than
// MaxBuffered.
func TestResultsAreBounded(t *testing.T) {
	p, s := greeted(t, sessionConfig{limits: Limits{MaxMessage: 64 << 10, MaxBuffered: 64 << 10}})
	failed := make(chan error, 2)
	for range 2 {
		go func() {
			_, err := rpc.Invoke[any](testContext(t), s, "get")
			failed <- err
		}()
	}
	p.want(frameCall, 2)
	p.want(frameCall, 4)
	total := string(binary.AppendUvarint(nil, 60_000))
	p.send(frame(frameResult, flagMore, 2, total+strings.Repeat("\x00", 30_000)))
	p.send(frame(frameResult, flagMore, 4, total+strings.Repeat("\x00", 30_000)), frame(frameResult, 0, 4, strings.Repeat("\x00", 30_000)))
	if err := <-failed; !errors.Is(err, rpc.Errorf(rpc.CodeOverLimit, "")) {
		t.Errorf("got %v; want a fault over the limit", err)
	}
	p.send(frame(frameFault, 0, 2, "\x02enough"))
	if err := <-failed; !errors.Is(err, rpc.Errorf(1, "")) {
		t.Errorf("got %v; want fault 1", err)
	}
}

// TestFloodWithoutReading: a peer that asks for answers and reads none is cut off
// before they take much memory.
func TestFloodWithoutReading(t *testing.T) {
	a, b := net.Pipe()
	defer b.Close()
	s := testSession(t, a, sessionConfig{})
	b.SetDeadline(time.Now().Add(10 * time.Second))
	b.Write([]byte(frame(frameHello, 0, 0, string(testHello.append(nil)))))
	pings := bytes.Repeat([]byte(frame(framePing, 0, 1, "")), 10_000)
	for {
		if _, err := b.Write(pings); err != nil {
			break
		}
	}
	select {
	case <-s.gone:
	case <-time.After(5 * time.Second):
		t.Fatal("the session goes on")
	}
	if err := s.ended(); !isBreach(err) || !strings.Contains(err.Error(), "bytes wait to be read") {
		t.Errorf("the session ended with %v; want a breach", err)
	}
}
