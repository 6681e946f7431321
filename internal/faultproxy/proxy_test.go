package faultproxy

import (
	"bytes"
	"encoding/binary"
	"errors"
	"io"
	"net"
	"path/filepath"
	"sync"
	"syscall"
	"testing"
	"time"

	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// testProxy returns a proxy in front of a server that answers with what it gets,
// until the client ends its side.
func testProxy(t *testing.T, network string) *Proxy {
	t.Helper()
	address := func(name string) string {
		if network == "unix" {
			return filepath.Join(t.TempDir(), name)
		}
		return "127.0.0.1:0"
	}
	l, err := net.Listen(network, address("server"))
	if err != nil {
		t.Fatal(err)
	}
	var served sync.WaitGroup
	served.Go(func() {
		for {
			nc, err := l.Accept()
			if err != nil {
				return
			}
			served.Go(func() {
				defer nc.Close()
				io.Copy(nc, nc)
			})
		}
	})
	t.Cleanup(func() { l.Close(); served.Wait() })
	p, err := New(network, address("proxy"), network, l.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { p.Close() })
	return p
}

func dial(t *testing.T, p *Proxy) net.Conn {
	t.Helper()
	nc, err := net.Dial(p.Network(), p.Addr())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { nc.Close() })
	nc.SetDeadline(time.Now().Add(10 * time.Second))
	return nc
}

// exchange sends b and reads as many bytes back as there are before an error.
func exchange(nc net.Conn, b []byte) ([]byte, error) {
	go nc.Write(b)
	got := make([]byte, len(b))
	n, err := io.ReadFull(nc, got)
	return got[:n], err
}

func each(t *testing.T, test func(t *testing.T, p *Proxy)) {
	for _, network := range []string{"tcp", "unix"} {
		t.Run(network, func(t *testing.T) { test(t, testProxy(t, network)) })
	}
}

var content = bytes.Repeat([]byte("0123456789abcdef"), 1000)

func TestForwards(t *testing.T) {
	each(t, func(t *testing.T, p *Proxy) {
		nc := dial(t, p)
		for range 3 {
			if got, err := exchange(nc, content); err != nil || !bytes.Equal(got, content) {
				t.Fatalf("got %d bytes, %v; want %d as they were sent", len(got), err, len(content))
			}
		}
		nc.(interface{ CloseWrite() error }).CloseWrite()
		if n, err := nc.Read(make([]byte, 1)); err != io.EOF {
			t.Errorf("after the end: got %d, %v; want the end to come back", n, err)
		}
		if up, down := p.Bytes(Up), p.Bytes(Down); up != down || up != int64(3*len(content)) {
			t.Errorf("bytes: got %d and %d; want %d", up, down, 3*len(content))
		}
	})
}

// TestSlow: all arrives, and takes as long as it should.
func TestSlow(t *testing.T) {
	for _, tt := range []struct {
		name  string
		fault Fault
		bytes int
		least time.Duration
	}{
		{"latency", Fault{Latency: 50 * time.Millisecond}, 16_000, 50 * time.Millisecond},
		{"bandwidth", Fault{Bandwidth: 100_000}, 10_000, 80 * time.Millisecond},
		{"dribble", Fault{Dribble: true}, 16_000, 0},
	} {
		t.Run(tt.name, func(t *testing.T) {
			each(t, func(t *testing.T, p *Proxy) {
				nc := dial(t, p)
				for _, d := range []Direction{Up, Down} {
					p.Set(d, tt.fault)
					begin := time.Now()
					if got, err := exchange(nc, content[:tt.bytes]); err != nil || !bytes.Equal(got, content[:tt.bytes]) {
						t.Fatalf("got %d bytes, %v; want all", len(got), err)
					}
					if took := time.Since(begin); took < tt.least {
						t.Errorf("it took %v; want at least %v", took, tt.least)
					}
					p.Heal()
				}
			})
		})
	}
}

// TestDribble: each byte comes by itself.
func TestDribble(t *testing.T) {
	a, b := net.Pipe() // a read of which gets one write
	defer a.Close()
	p := &Proxy{faults: [2]Fault{Up: {Dribble: true}}}
	s := &stream{c: &conn{proxy: p, done: make(chan struct{})}, dst: b}
	go func() {
		s.forward([]byte("abc"))
		b.Close()
	}()
	for _, want := range "abc" {
		buf := make([]byte, 8)
		if n, err := a.Read(buf); n != 1 || buf[0] != byte(want) {
			t.Errorf("got %q, %v; want %q", buf[:n], err, want)
		}
	}
}

// TestSilent: neither bytes nor an end arrive, and those of Stop come later.
func TestSilent(t *testing.T) {
	for _, tt := range []struct {
		name  string
		begin func(p *Proxy)
		later string // arrives after Heal
	}{
		{"discard up", func(p *Proxy) { p.Set(Up, Fault{Discard: true}) }, "second"},
		{"discard down", func(p *Proxy) { p.Set(Down, Fault{Discard: true}) }, "second"},
		{"strand", (*Proxy).Strand, ""},
		{"stop up", func(p *Proxy) { p.Set(Up, Fault{Stop: true}) }, "first second"},
		{"stop down", func(p *Proxy) { p.Set(Down, Fault{Stop: true}) }, "first second"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			each(t, func(t *testing.T, p *Proxy) {
				nc := dial(t, p)
				exchange(nc, content) // it is up
				tt.begin(p)
				io.WriteString(nc, "first ")
				read := func() string {
					nc.SetReadDeadline(time.Now().Add(100 * time.Millisecond))
					got, err := io.ReadAll(nc)
					if nerr := net.Error(nil); !errors.As(err, &nerr) || !nerr.Timeout() {
						t.Errorf("got %v; want a connection that is up and silent", err)
					}
					return string(got)
				}
				if got := read(); got != "" {
					t.Fatalf("got %q; want nothing", got)
				}
				p.Heal()
				io.WriteString(nc, "second")
				nc.SetReadDeadline(time.Now().Add(5 * time.Second))
				got := make([]byte, len(tt.later))
				if n, err := io.ReadFull(nc, got); err != nil || string(got) != tt.later {
					t.Errorf("after it was lifted: got %q, %v; want %q", got[:n], err, tt.later)
				}
				if got := read(); got != "" {
					t.Errorf("after it was lifted: got %q too; want nothing more", got)
				}
				if got, err := exchange(dial(t, p), content); err != nil || !bytes.Equal(got, content) {
					t.Errorf("a new connection: got %d bytes, %v", len(got), err)
				}
			})
		})
	}
}

func TestEnds(t *testing.T) {
	for _, tt := range []struct {
		name string
		act  func(p *Proxy)
		tcp  error // of the client's read
	}{
		{"reset", (*Proxy).Reset, syscall.ECONNRESET},
		{"hang up", (*Proxy).Hangup, io.EOF},
	} {
		t.Run(tt.name, func(t *testing.T) {
			each(t, func(t *testing.T, p *Proxy) {
				nc := dial(t, p)
				exchange(nc, content)
				tt.act(p)
				want := tt.tcp
				if p.Network() == "unix" {
					want = io.EOF
				}
				if n, err := nc.Read(make([]byte, 1)); !errors.Is(err, want) {
					t.Errorf("got %d, %v; want %v", n, err, want)
				}
				for end := time.Now().Add(5 * time.Second); p.Conns() > 0; time.Sleep(time.Millisecond) {
					if time.Now().After(end) {
						t.Fatalf("%d connections are left", p.Conns())
					}
				}
			})
		})
	}
}

func TestCloseAfter(t *testing.T) {
	each(t, func(t *testing.T, p *Proxy) {
		nc := dial(t, p)
		exchange(nc, content)
		p.Set(Down, Fault{CloseAfter: 5})
		for range 2 { // it holds for each connection anew
			if got, err := exchange(nc, content[:100]); err == nil || string(got) != "01234" {
				t.Errorf("got %q, %v; want 01234 and the end", got, err)
			}
			nc = dial(t, p)
		}
	})
}

func TestRefuse(t *testing.T) {
	each(t, func(t *testing.T, p *Proxy) {
		nc := dial(t, p)
		exchange(nc, content) // it is accepted
		p.Refuse()
		if c, err := net.Dial(p.Network(), p.Addr()); err == nil {
			c.Close()
			t.Error("a connection was accepted; want it to be refused")
		}
		if got, err := exchange(nc, content); err != nil || len(got) != len(content) {
			t.Errorf("the one there was: got %d bytes, %v", len(got), err)
		}
		if err := p.Accept(); err != nil {
			t.Fatal(err)
		}
		if got, err := exchange(dial(t, p), content); err != nil || len(got) != len(content) {
			t.Errorf("after Accept: got %d bytes, %v", len(got), err)
		}
	})
}

func TestFlipBit(t *testing.T) {
	each(t, func(t *testing.T, p *Proxy) {
		nc := dial(t, p)
		exchange(nc, content)
		p.Set(Up, Fault{Alter: FlipBit(8*14_000 + 3)})
		for i, flipped := range []int{1, 0} { // once
			got, err := exchange(nc, content)
			if err != nil {
				t.Fatal(err)
			}
			n := 0
			for j := range got {
				if got[j] != content[j] {
					if n++; j != 14_000 || got[j]^content[j] != 8 {
						t.Errorf("byte %d: got %x; want %x", j, got[j], content[j])
					}
				}
			}
			if n != flipped {
				t.Errorf("round %d: %d bytes differ; want %d", i, n, flipped)
			}
		}
	})
}

func TestRewrite(t *testing.T) {
	frame := func(s string) []byte { return append(binary.BigEndian.AppendUint32(nil, uint32(len(s))), s...) }
	each(t, func(t *testing.T, p *Proxy) {
		nc := dial(t, p)
		exchange(nc, frame("before")[:7]) // in the middle of a frame
		p.Set(Down, Fault{Rewrite: func(f []byte) ([]byte, bool) {
			switch string(f[4:]) {
			case "twice":
				return append(append([]byte{}, f...), f...), false
			case "never":
				return nil, false
			case "last":
				return f[:6], true
			}
			return f, false
		}})
		want := "ore" + string(frame("")) + string(frame("twice")) + string(frame("twice")) + string(frame("last")[:6])
		send := "ore" + string(frame("")) + string(frame("never")) + string(frame("twice")) + string(frame("last"))
		go func() {
			for _, b := range []byte(send) {
				nc.Write([]byte{b})
			}
		}()
		got := make([]byte, len(want))
		if n, err := io.ReadFull(nc, got); err != nil || string(got) != want {
			t.Errorf("got %q, %v; want %q", got[:n], err, want)
		}
		if n, err := nc.Read(got); n > 0 || err == nil {
			t.Errorf("after the last: got %q, %v; want the end", got[:n], err)
		}
	})
}

// TestCloseEndsAll: in the middle of everything, and twice.
func TestCloseEndsAll(t *testing.T) {
	each(t, func(t *testing.T, p *Proxy) {
		var conns []net.Conn
		for range 5 {
			nc := dial(t, p)
			exchange(nc, content)
			conns = append(conns, nc)
		}
		p.Set(Down, Fault{Stop: true})
		p.Set(Up, Fault{Latency: time.Hour})
		for _, nc := range conns {
			nc.Write(content)
		}
		p.Close()
		p.Close()
		if err := p.Accept(); err != nil || p.Conns() != 0 {
			t.Errorf("got %d connections, %v; want none", p.Conns(), err)
		}
		for _, nc := range conns {
			if n, err := nc.Read(make([]byte, 1)); n > 0 || err == nil {
				t.Errorf("got %d bytes, %v; want the end", n, err)
			}
		}
	})
}
