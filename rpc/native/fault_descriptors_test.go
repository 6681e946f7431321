package native

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/parley-rpc/parley/rpc"
)

// TestServerWithoutDescriptors: the connections that there are go on, accepting
// waits without using the processor, and comes back when descriptors are free.
func TestServerWithoutDescriptors(t *testing.T) {
	if _, err := os.Stat("/proc/self/stat"); err != nil {
		t.Skipf("what a process uses cannot be told here: %v", err)
	}
	check := nothingLeft(t)
	t.Run("child", func(t *testing.T) {
		url := freeURL(t, "tcp")
		server := startChild(t, "server", childURL+"="+url, childRuns+"="+filepath.Join(t.TempDir(), "runs"), childFile+"=40")
		c := testClient(t, url, DialConfig{})
		call := func(c *Client) error {
			got, err := rpc.Invoke[int](testContext(t), c, "once", 7)
			if err == nil && got != 7 {
				return wrongAnswer("once")
			}
			return err
		}
		if err := call(c); err != nil {
			t.Fatal(err)
		}
		machine := machineLateness(t)
		var raw []net.Conn
		for range 60 { // more than it can have
			raw = append(raw, rawDial(t, url))
		}
		server.stderr.wait(t, "too many open files")
		begin, used := time.Now(), cpuTime(t, server.cmd.Process.Pid)
		var worst time.Duration
		calls := 0
		for ; time.Since(begin) < 700*time.Millisecond; time.Sleep(10 * time.Millisecond) {
			begin := time.Now()
			if err := call(c); err != nil {
				t.Errorf("on a connection that there was: %v", err)
			}
			worst = max(worst, time.Since(begin))
			calls++
		}
		if limit := onTime() + 2*machine(); worst > limit {
			t.Errorf("on a connection that there was: a call took %v; want %v at most", worst, limit)
		}
		if used := cpuTime(t, server.cmd.Process.Pid) - used; used > time.Since(begin)/4 {
			t.Errorf("the server used the processor for %v in %v", used, time.Since(begin))
		}
		if n := strings.Count(server.stderr.String(), "accept failed"); n > 20 {
			t.Errorf("%d lines in the log; want fewer, since the pauses grow", n)
		}
		for _, nc := range raw {
			nc.Close()
		}
		freed := time.Now()
		another, err := Dial(testContext(t), url, DialConfig{Auth: oneKey(testKey), Logger: quiet})
		if err != nil {
			t.Fatalf("after descriptors are free: %v", err)
		}
		defer another.Close()
		if err := call(another); err != nil {
			t.Error(err)
		}
		if took, limit := time.Since(freed), lastBackoff+onTime()+2*machine(); took > limit {
			t.Errorf("it took %v to come back; want %v at most", took, limit)
		}
	})
	check()
}

// cpuTime is what a process has used.
func cpuTime(t testing.TB, pid int) time.Duration {
	t.Helper()
	b, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	if err != nil {
		t.Fatal(err)
	}
	fields := bytes.Fields(b[bytes.LastIndexByte(b, ')')+1:])
	var ticks int
	for _, f := range fields[11:13] { // utime and stime, see proc(5)
		n, err := strconv.Atoi(string(f))
		if err != nil {
			t.Fatal(err)
		}
		ticks += n
	}
	return time.Duration(ticks) * time.Second / 100
}

// TestClientWithoutDescriptors: a call that needs a connection fails with NotSent,
// those on one that there is go on, and all is well when descriptors are free.
func TestClientWithoutDescriptors(t *testing.T) {
	srv := testServer(t, "tcp://127.0.0.1:0", &Server{Handler: echo})
	startChild(t, "client without descriptors", childURL+"="+srv.Addr())
}

// childWithoutDescriptors says "ready" when all was as it should be.
func childWithoutDescriptors(url string) error {
	cfg := DialConfig{Auth: oneKey(testKey), Logger: quiet}
	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
	defer cancel()
	lives, err := Dial(ctx, url, cfg)
	if err != nil {
		return err
	}
	defer lives.Close()
	lost, err := Dial(ctx, url, cfg)
	if err != nil {
		return err
	}
	defer lost.Close()
	call := func(c *Client) error {
		_, err := rpc.Invoke[int](ctx, c, "echo", 1)
		return err
	}
	if err := errors.Join(call(lives), call(lost)); err != nil {
		return err
	}
	none := func(what string, err error) error {
		var link *rpc.LinkError
		if !errors.As(err, &link) || link.Sent != rpc.NotSent || !errors.Is(err, syscall.EMFILE) {
			return fmt.Errorf("%s: got %w; want NotSent of EMFILE", what, err)
		}
		return nil
	}
	if err := limitDescriptors("3"); err != nil {
		return err
	}
	broken := lost.live.Load()
	broken.end(ErrGoingAway) // not ErrClosed, which is for a client that has closed it
	<-broken.gone
	_, err = Dial(ctx, url, cfg)
	if err := errors.Join(none("dial", err), none("a call without a connection", call(lost)), call(lives)); err != nil {
		return err
	}
	if err := limitDescriptors("256"); err != nil {
		return err
	}
	again, err := Dial(ctx, url, cfg)
	if err != nil {
		return err
	}
	defer again.Close()
	if err := errors.Join(call(again), call(lost), call(lives)); err != nil {
		return err
	}
	fmt.Println("ready")
	return nil
}
