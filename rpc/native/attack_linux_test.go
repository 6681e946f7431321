package native

import (
	"context"
	"encoding/binary"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/parley-rpc/parley/rpc"
)

// childSocket is the environment variable that makes a test binary the server of
// the attacks, and names its socket.
const childSocket = "PARLEY_TEST_ATTACKED"

// TestAttackedServer is no test: it is the process that the attacks are on.
func TestAttackedServer(t *testing.T) {
	path := os.Getenv(childSocket)
	if path == "" {
		return // it runs as a child of the attacks
	}
	blob := make([]byte, 15<<20)
	reg := rpc.NewRegistry()
	reg.Logger = quiet
	for name, f := range map[string]any{
		"echo":  func(v any) any { return v },
		"sleep": func(ctx context.Context) { <-ctx.Done() },
		"dwell": func(ctx context.Context, v any) any { <-ctx.Done(); return v },
		"blob":  func() []byte { return blob },
		"ping":  func() int { return 1 },
	} {
		if err := reg.Register(name, f); err != nil {
			t.Fatal(err)
		}
	}
	srv := &Server{Handler: reg, DangerouslyWithoutAuth: true, Logger: quiet}
	closed := make(chan struct{})
	go func() {
		defer close(closed)
		_, _ = io.Copy(io.Discard, os.Stdin) // until the parent is gone
		srv.Close()
	}()
	if err := srv.ListenAndServe("unix://" + path); err != nil && err != ErrServerClosed {
		t.Fatal(err)
	}
	<-closed
}

// attacked is a server in a process of its own.
type attacked struct {
	t    *testing.T
	path string
	pid  int
	idle int // memory of it before the attack, in bytes
}

func startAttacked(t *testing.T) *attacked {
	t.Helper()
	a := &attacked{t: t, path: filepath.Join(t.TempDir(), "s")}
	child := exec.Command(os.Args[0], "-test.run=^TestAttackedServer$", "-test.timeout=2m")
	child.Env = append(os.Environ(), childSocket+"="+a.path)
	stdin, err := child.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := child.Start(); err != nil {
		t.Fatal(err)
	}
	a.pid = child.Process.Pid
	t.Cleanup(func() {
		stdin.Close()
		if err := child.Wait(); err != nil {
			t.Errorf("the server that was attacked: %v", err)
		}
	})
	a.honest() // waits for it
	a.idle = a.memory("VmRSS")
	return a
}

// memory returns a figure of /proc/PID/status, in bytes.
func (a *attacked) memory(name string) int {
	a.t.Helper()
	b, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", a.pid))
	if err != nil {
		a.t.Fatal(err)
	}
	_, rest, _ := strings.Cut(string(b), name+":")
	kib, err := strconv.Atoi(strings.Fields(rest)[0])
	if err != nil {
		a.t.Fatal(err)
	}
	return kib << 10
}

// grown returns how much memory the attack has taken at most.
func (a *attacked) grown() int { return a.memory("VmHWM") - a.idle }

// dial connects and says HELLO.
func (a *attacked) dial() net.Conn {
	a.t.Helper()
	for end := time.Now().Add(20 * time.Second); ; time.Sleep(5 * time.Millisecond) {
		nc, err := net.Dial("unix", a.path)
		if err == nil {
			a.t.Cleanup(func() { nc.Close() })
			a.write(nc, frame(frameHello, 0, 0, string(hello{sessionVersion, sessionVersion, 1 << 30, 1 << 20, 1 << 20}.append(nil))))
			return nc
		}
		if time.Now().After(end) {
			a.t.Fatal(err)
		}
	}
}

func (a *attacked) write(nc net.Conn, frames ...string) {
	a.t.Helper()
	nc.SetWriteDeadline(time.Now().Add(20 * time.Second))
	for _, f := range frames {
		if _, err := io.WriteString(nc, f); err != nil {
			a.t.Fatalf("the server takes nothing more: %v", err)
		}
	}
}

// answers reads frames until n calls are answered, and counts the faults.
func (a *attacked) answers(nc net.Conn, n int) (faults int, text string) {
	a.t.Helper()
	nc.SetReadDeadline(time.Now().Add(60 * time.Second))
	for n > 0 {
		b, err := readFrame(nc, nil, 1<<20)
		if err != nil {
			a.t.Fatalf("%d answers are missing: %v", n, err)
		}
		h, at, err := parseFrameHead(b, len(b))
		switch {
		case err != nil:
			a.t.Fatal(err)
		case h.kind == frameFault:
			faults++
			text = string(b[at:])
			n--
		case h.kind == frameResult && !h.more():
			n--
		}
	}
	return faults, text
}

// honest makes a small call as any client does.
func (a *attacked) honest() {
	a.t.Helper()
	nc := a.dial()
	a.write(nc, frame(frameCall, 0, 1, callBody("ping")))
	if faults, text := a.answers(nc, 1); faults > 0 {
		a.t.Errorf("a small call on another connection: got %q; want an answer", text)
	}
	nc.Close()
}

// TestAllocationsUnderAttack takes from a server in a process of its own what it gives. Each
// attack took two gigabytes and more before there was a budget.
func TestAllocationsUnderAttack(t *testing.T) {
	if testing.Short() || raceEnabled {
		t.Skip("takes seconds, and the race detector much more memory")
	}
	const mib = 1 << 20
	tests := []struct {
		name   string
		most   int // bytes of memory
		attack func(a *attacked)
	}{
		{"values much larger than their messages", 400 * mib, func(a *attacked) {
			nc := a.dial()
			go io.Copy(io.Discard, nc)
			for i := range 60 {
				a.write(nc, splitCall(uint64(2*i+1), emptyMaps("dwell", 262_000)))
			}
		}},
		{"calls that are sent by half", 1200 * mib, func(a *attacked) {
			const calls, size, chunk = 4, 15 << 20, 60 << 10
			half := string(binary.AppendUvarint(nil, size))
			for range 20 {
				nc := a.dial()
				go io.Copy(io.Discard, nc)
				for i := range calls {
					id := uint64(2*i + 1)
					a.write(nc, frame(frameCall, flagMore, id, half+strings.Repeat("x", chunk)))
					for range size/chunk - 2 {
						a.write(nc, frame(frameCall, flagMore, id, strings.Repeat("x", chunk)))
					}
				}
			}
		}},
		{"calls that never return", 300 * mib, func(a *attacked) {
			for range 50 {
				nc := a.dial()
				go io.Copy(io.Discard, nc)
				var b strings.Builder
				for i := range 1024 {
					b.WriteString(frame(frameCall, 0, uint64(2*i+1), callBody("sleep")))
				}
				a.write(nc, b.String())
			}
		}},
		{"results that nobody reads", 1200 * mib, func(a *attacked) {
			for range 20 {
				nc := a.dial()
				for i := range 8 {
					a.write(nc, frame(frameCall, 0, uint64(2*i+1), callBody("blob")))
				}
			}
		}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			a := startAttacked(t)
			tt.attack(a)
			a.honest()
			time.Sleep(2 * time.Second)
			a.honest()
			if got := a.grown(); got > tt.most {
				t.Errorf("the server has taken %d MiB; want at most %d MiB", got/mib, tt.most/mib)
			} else {
				t.Logf("the server has taken %d MiB", got/mib)
			}
		})
	}
}
