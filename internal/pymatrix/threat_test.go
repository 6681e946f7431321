package pymatrix

import (
	"encoding/binary"
	"errors"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/parley-rpc/parley/internal/peertest"
	"github.com/parley-rpc/parley/rpc"
	"github.com/parley-rpc/parley/rpc/native"
	"github.com/parley-rpc/parley/rpc/native/python"
	"github.com/parley-rpc/parley/services/adder"
)

// target is a server as programs have it, with a count of the calls of echo.
type target struct {
	addr  string
	echos atomic.Int32
}

func startTarget(t *testing.T) *target {
	t.Helper()
	tg := &target{}
	reg := rpc.NewRegistry()
	reg.Logger = quiet
	if err := adder.Register(reg); err != nil {
		t.Fatal(err)
	}
	if err := reg.Register("echo", func(args ...any) []any { tg.echos.Add(1); return args }); err != nil {
		t.Fatal(err)
	}
	s := &native.Server{Objects: python.Handler(reg), Auth: key(t, false), Logger: quiet}
	l, err := s.Listen("tcp://127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	done := make(chan error, 1)
	go func() { done <- s.Serve(l) }()
	t.Cleanup(func() {
		s.Close()
		if err := <-done; !errors.Is(err, native.ErrServerClosed) {
			t.Errorf("Serve: got %v; want %v", err, native.ErrServerClosed)
		}
	})
	tg.addr = l.Addr().String()
	return tg
}

// marker is a file that a command makes, if it is run.
func marker(t *testing.T) (path, command string) {
	path = filepath.Join(t.TempDir(), "made")
	return path, "touch " + path
}

func wantNotMade(t *testing.T, path string) {
	t.Helper()
	if _, err := os.Stat(path); !errors.Is(err, os.ErrNotExist) {
		t.Fatalf("the command was run: %v", err)
	}
}

// attackWith sends one message, which is answered by an exception. Behind it the
// connection is closed, unless it stays.
func attackWith(t *testing.T, addr string, message []byte, stays bool) {
	t.Helper()
	nc := login(t, addr)
	defer nc.Close()
	if err := writeFrame(nc, message); err != nil {
		t.Fatalf("the message is not taken: %v", err)
	}
	answer, err := readFrame(nc)
	if err != nil {
		t.Fatalf("got error %v; want an answer first", err)
	}
	if failureOf(answer) == "" {
		t.Errorf("got the answer %.200q; want an exception", answer)
	}
	if stays {
		wantHonest(t, nc)
	} else {
		wantClosed(t, nc)
	}
}

// TestThreatPickleAttacks sends each attack in each form to a server: the sender
// gets an exception and, unless all is in order with the pickle, is cut off; nothing
// is run, little memory is taken, and all others are served.
func TestThreatPickleAttacks(t *testing.T) {
	tg := startTarget(t)
	made, command := marker(t)
	witness := login(t, tg.addr)
	for _, a := range attacks() {
		for _, f := range forms {
			if a.many && f.name != "alone" && f.name != "in the recipe" {
				continue
			}
			t.Run(a.name+"/"+f.name, func(t *testing.T) {
				message := f.make(a.code(command))
				before := allocated()
				attackWith(t, tg.addr, message, a.stays)
				if taken := allocated() - before; taken > maxTaken {
					t.Errorf("took %d MiB of memory; want at most %d", taken>>20, maxTaken>>20)
				}
				wantNotMade(t, made)
				wantHonest(t, witness)
			})
		}
		wantHonest(t, login(t, tg.addr))
	}
	if n := tg.echos.Load(); n != 0 {
		t.Errorf("the function ran %d times; want never", n)
	}
}

func TestThreatXMLAttacks(t *testing.T) {
	tg := startTarget(t)
	witness := login(t, tg.addr)
	for name, text := range xmlAttacks {
		t.Run(name, func(t *testing.T) {
			before := allocated()
			nc := login(t, tg.addr)
			if err := writeFrame(nc, []byte(text)); err != nil {
				t.Fatal(err)
			}
			answer, err := readFrame(nc)
			if err != nil || failureOf(answer) == "" || strings.Contains(string(answer), "root:") {
				t.Errorf("got %.300q, %v; want an error", answer, err)
			}
			if xmlStays[name] {
				wantHonest(t, nc)
			} else {
				wantClosed(t, nc)
			}
			if taken := allocated() - before; taken > maxTaken {
				t.Errorf("took %d MiB of memory; want at most %d", taken>>20, maxTaken>>20)
			}
			wantHonest(t, witness)
		})
	}
}

// Frames whose length is none, or more than is read, end the connection before
// memory is taken for them.
func TestThreatRawFrames(t *testing.T) {
	tg := startTarget(t)
	witness := login(t, tg.addr)
	for name, head := range rawFrames {
		t.Run(name, func(t *testing.T) {
			nc := login(t, tg.addr)
			before := allocated()
			if _, err := nc.Write(append(head, "\x80\x04N."...)); err != nil {
				t.Fatal(err)
			}
			wantEnd(t, nc)
			if taken := allocated() - before; taken > 8<<20 {
				t.Errorf("took %d KiB of memory; want next to none", taken>>10)
			}
			wantHonest(t, witness)
		})
	}
}

// A message above the limit is read over without memory for it, answered in the form
// of its first bytes, and its connection goes on; so it is for whoever is beside it.
func TestThreatMessagesAboveTheLimit(t *testing.T) {
	tg := startTarget(t)
	witness := login(t, tg.addr)
	nc := login(t, tg.addr)
	for _, first := range []string{"\x80\x05]", "\x80\x05(N", "\x80\x05B\x00\x00\x00\x02", "<params>", "nothing"} {
		before := allocated()
		const size = 40 << 20
		if _, err := nc.Write(append(binary.BigEndian.AppendUint32(nil, size), first...)); err != nil {
			t.Fatal(err)
		}
		piece := make([]byte, 1<<20)
		for left := size - len(first); left > 0; {
			n, err := nc.Write(piece[:min(left, len(piece))])
			if err != nil {
				t.Fatal(err)
			}
			left -= n
			wantHonest(t, witness)
		}
		answer, err := readFrame(nc)
		if err != nil || !strings.Contains(failureOf(answer), "41943040 bytes, at most 16777216 are taken") {
			t.Fatalf("%q: got %.300q, %v; want how many bytes there were, and may be", first, answer, err)
		}
		if taken := allocated() - before; taken > 8<<20 {
			t.Errorf("%q: took %d KiB of memory; want next to none", first, taken>>10)
		}
		wantHonest(t, nc)
	}
}

// wantEnd allows for an exception in front of the end.
func wantEnd(t *testing.T, nc net.Conn) {
	t.Helper()
	if answer, err := readFrame(nc); err == nil {
		if failureOf(answer) == "" {
			t.Errorf("got the answer %.200q; want an exception or the end", answer)
		}
		wantClosed(t, nc)
	} else if isTimeout(err) {
		t.Errorf("got error %v; want the end of the connection", err)
	}
}

func isTimeout(err error) bool {
	var ne net.Error
	return errors.As(err, &ne) && ne.Timeout()
}

// Peers that send little of what they have announced cost little, and nobody
// waits for them.
func TestThreatSlowAndHalfMessages(t *testing.T) {
	tg := startTarget(t)
	before := allocated()
	var slow []net.Conn
	for i := range 20 {
		nc := login(t, tg.addr)
		slow = append(slow, nc)
		if _, err := nc.Write([]byte{0, 0xe0, 0, 0, 0x80, 4, ']', '('}[:4+i%5]); err != nil { // 14 MiB
			t.Fatal(err)
		}
	}
	for range 10 { // a byte at a time, while others call
		for _, nc := range slow {
			if _, err := nc.Write([]byte{'N'}); err != nil {
				t.Fatal(err)
			}
		}
		nc := login(t, tg.addr)
		wantHonest(t, nc)
		nc.Close()
	}
	if taken := allocated() - before; taken > 64<<20 {
		t.Errorf("20 halves of messages of 14 MiB took %d MiB; want at most 64", taken>>20)
	}
	for _, nc := range slow {
		nc.Close()
	}
	wantHonest(t, login(t, tg.addr))
}

// answers are how a hostile server puts an attack into an answer.
var answers = []struct {
	name string
	form python.Form
	make func(code string) []byte
}{
	{"result", python.Tuple, func(code string) []byte { return []byte("\x80\x05" + code + ".") }},
	{"within a result", python.Tuple, func(code string) []byte { return []byte("\x80\x05(K\x01" + code + "l.") }},
	{"within an exception", python.Tuple, func(code string) []byte { return []byte("\x80\x05" + name("builtins", "ValueError") + code + "\x85R.") }},
	{"result of the recipe", python.Recipe, func(code string) []byte {
		inner := "\x80\x05" + code + "."
		return []byte("\x80\x05B" + le(uint64(len(inner)), 4) + inner + ".")
	}},
	{"result of the one function", python.Arguments, func(code string) []byte { return []byte("\x80\x05" + code + ".") }},
}

// TestThreatHostilePythonServers answers a Go client with each attack: the call
// fails, nothing is run, and the client neither hangs nor takes much memory.
func TestThreatHostilePythonServers(t *testing.T) {
	made, command := marker(t)
	for _, a := range attacks() {
		for _, f := range answers {
			if a.many && f.name != "result" {
				continue
			}
			t.Run(a.name+"/"+f.name, func(t *testing.T) {
				callHostile(t, f.form, func(nc net.Conn) error { return writeFrame(nc, f.make(a.code(command))) })
				wantNotMade(t, made)
			})
		}
	}
	for name, head := range rawFrames {
		t.Run(name, func(t *testing.T) {
			callHostile(t, python.Tuple, func(nc net.Conn) error {
				_, err := nc.Write(head)
				return err
			})
		})
	}
}

// callHostile calls a server that answers with what attack writes.
func callHostile(t *testing.T, form python.Form, attack func(nc net.Conn) error) {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	var server sync.WaitGroup
	defer server.Wait()
	defer l.Close()
	server.Go(func() {
		for { // a client may dial again
			nc, err := l.Accept()
			if err != nil {
				return
			}
			server.Go(func() {
				defer nc.Close()
				if err := admit(nc); err != nil {
					return
				}
				for {
					if _, err := readFrame(nc); err != nil {
						return // the client has left
					}
					if err := attack(nc); err != nil {
						return
					}
				}
			})
		}
	})

	ctx := testContext(t)
	conn, err := native.DialConn(ctx, "tcp://"+l.Addr().String(), native.ConnConfig{Auth: key(t, false)})
	if err != nil {
		t.Fatal(err)
	}
	c, err := python.NewClient(conn, python.ClientConfig{Form: form})
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	before := allocated()
	start := time.Now()
	v, err := rpc.Invoke[any](ctx, c, "add", 3, 5)
	if err == nil {
		t.Errorf("got %v; want an error", v)
	}
	if took := time.Since(start); took > patience {
		t.Errorf("took %v; want an error at once", took)
	}
	if taken := allocated() - before; taken > maxTaken {
		t.Errorf("took %d MiB of memory; want at most %d", taken>>20, maxTaken>>20)
	}
	again, err := rpc.Invoke[any](ctx, c, "add", 3, 5)
	if err == nil {
		t.Errorf("the next call: got %v; want an error", again)
	}
}

// The attacks that are said to run a command do so in CPython: they are the real
// thing.
func TestLiveAttacksRunInPython(t *testing.T) {
	dir := t.TempDir()
	var script strings.Builder
	script.WriteString("import pickle\nfor p in [\n")
	var names []string
	for _, a := range attacks() {
		if a.runs {
			path := filepath.Join(dir, fmt.Sprintf("m%03d", len(names)))
			fmt.Fprintf(&script, "    bytes.fromhex('%x'),\n", forms[0].make(a.code("touch "+path)))
			names = append(names, a.name)
		}
	}
	script.WriteString("]:\n    try:\n        pickle.loads(p)\n    except Exception:\n        pass\n")
	peertest.RunPython(t, testContext(t), peertest.PythonOfProtocol5(t), script.String())
	for i, name := range names {
		if _, err := os.Stat(filepath.Join(dir, fmt.Sprintf("m%03d", i))); err != nil {
			t.Errorf("%s: the message runs nothing in Python either: %v", name, err)
		}
	}
	if len(names) < 15 {
		t.Errorf("got %d attacks that run a command; want 15 at least", len(names))
	}
}
