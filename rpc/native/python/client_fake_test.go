package python

import (
	"context"
	"encoding/binary"
	"io"
	"net"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/parley-rpc/parley/rpc/native/pickle"
	"github.com/parley-rpc/parley/rpc/value"
)

// fakeServer plays a Python program on plain sockets, without a login, so that it
// can send whatever it wants, byte by byte.
type fakeServer struct {
	url string
	// serve answers a message: n counts those of a connection from 0 on. It may
	// write to the connection by itself. False closes the connection.
	serve func(c net.Conn, n int, message []byte) bool

	mu    sync.Mutex
	open  int      // guarded by mu; connections now
	most  int      // guarded by mu; at one time
	dials int      // guarded by mu; in all
	ops   []string // guarded by mu; methods that were called
}

func startFake(t testing.TB, serve func(c net.Conn, n int, message []byte) bool) *fakeServer {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	s := &fakeServer{url: "tcp://" + l.Addr().String(), serve: serve}
	var conns sync.WaitGroup
	ctx, cancel := context.WithCancel(context.Background())
	conns.Go(func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			stop := context.AfterFunc(ctx, func() { c.Close() })
			conns.Go(func() {
				defer stop()
				s.run(c)
			})
		}
	})
	t.Cleanup(func() {
		cancel()
		l.Close()
		conns.Wait()
	})
	return s
}

func (s *fakeServer) run(c net.Conn) {
	s.count(1)
	defer s.count(-1)
	defer c.Close()
	for n := 0; ; n++ {
		var header [4]byte
		if _, err := io.ReadFull(c, header[:]); err != nil {
			return
		}
		message := make([]byte, binary.BigEndian.Uint32(header[:]))
		if _, err := io.ReadFull(c, message); err != nil {
			return
		}
		if !s.serve(c, n, message) {
			return
		}
	}
}

func (s *fakeServer) count(by int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.open += by
	s.most = max(s.most, s.open)
	if by > 0 {
		s.dials++
	}
}

func (s *fakeServer) note(op string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.ops = append(s.ops, op)
}

// times returns how often a method was called.
func (s *fakeServer) times(op string) int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return len(slices.DeleteFunc(slices.Clone(s.ops), func(o string) bool { return o != op }))
}

func (s *fakeServer) connections() (open, most, dials int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.open, s.most, s.dials
}

// frame puts a header in front of a message.
func frame(message []byte) []byte {
	return append(binary.BigEndian.AppendUint32(nil, uint32(len(message))), message...)
}

// say sends a message.
func say(c net.Conn, message []byte) bool {
	_, err := c.Write(frame(message))
	return err == nil
}

// fakeManager plays the server of a BaseManager. answer returns the bytes that
// answer a call, nil to have the usual answer; hang is to have none.
func fakeManager(t testing.TB, answer func(method string, args []any) []byte) *fakeServer {
	t.Helper()
	var s *fakeServer
	s = startFake(t, func(c net.Conn, _ int, message []byte) bool {
		v, _, err := pickle.Decode(message, pickle.Options{})
		call, ok := v.(value.Tuple)
		if err != nil || !ok || len(call) != 4 {
			t.Errorf("the server got %v, %v; want a call of four", v, err)
			return false
		}
		method, _ := call[1].(string)
		args, _ := sequence(call[2])
		s.note(method)
		if b := answer(method, args); len(b) > 0 {
			return &b[0] == &hang[0] || say(c, b)
		}
		result := any(nil)
		if method == "create" {
			result = value.Tuple{"7f00", value.Tuple{"f", "get", "__next__"}}
		}
		return say(c, dumps(t, value.Tuple{"#RETURN", result}, 2))
	})
	return s
}

// hang is the answer that does not come.
var hang = []byte{0}

// fakeDial connects to a fake.
func fakeDial(t testing.TB, s *fakeServer, cfg ManagerConfig) *Manager {
	t.Helper()
	cfg.DangerouslyWithoutAuth = true
	m, err := DialManager(testContext(t), s.url, cfg)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { m.Close() })
	return m
}

// within polls until done.
func within(t testing.TB, what string, done func() bool) {
	t.Helper()
	for deadline := time.Now().Add(30 * time.Second); !done(); time.Sleep(2 * time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatalf("waited in vain for %s", what)
		}
	}
}
