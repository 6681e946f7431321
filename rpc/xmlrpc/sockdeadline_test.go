package xmlrpc

import (
	"errors"
	"net"
	"os"
	"testing"
	"time"
)

// connPair returns two ends of a TCP connection.
func connPair(t *testing.T) (near *timedConn, far net.Conn) {
	t.Helper()
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer ln.Close()
	nc, err := net.Dial("tcp", ln.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	far, err = ln.Accept()
	if err != nil {
		t.Fatal(err)
	}
	c := newTimedConn(nc)
	t.Cleanup(func() { nc.Close(); far.Close() })
	return &c, far
}

// readResult reads one byte in another goroutine.
func readResult(c net.Conn) <-chan error {
	result := make(chan error, 1)
	go func() {
		var b [1]byte
		_, err := c.Read(b[:])
		result <- err
	}()
	return result
}

func wantTimeout(t *testing.T, result <-chan error, after time.Time) {
	t.Helper()
	select {
	case err := <-result:
		if !errors.Is(err, os.ErrDeadlineExceeded) {
			t.Errorf("got %v; want a deadline that is over", err)
		}
		if early := time.Until(after); early > 0 {
			t.Errorf("ended %v before its deadline", early)
		}
	case <-time.After(10 * time.Second):
		t.Error("waits after its deadline")
	}
}

func TestSocketDeadlines(t *testing.T) {
	const short, long = 50 * time.Millisecond, 150 * time.Millisecond
	past := time.Unix(1, 0)
	t.Run("set before", func(t *testing.T) {
		c, _ := connPair(t)
		at := time.Now().Add(short)
		c.SetReadDeadline(at)
		wantTimeout(t, readResult(c), at)
	})
	t.Run("set while reading", func(t *testing.T) {
		c, _ := connPair(t)
		result := readResult(c)
		waitFor(t, func() bool { return c.reading.isWaiting() })
		c.SetDeadline(past)
		wantTimeout(t, result, past)
	})
	t.Run("made later", func(t *testing.T) {
		c, far := connPair(t)
		c.SetReadDeadline(time.Now().Add(short))
		far.Write([]byte("a"))
		if err := <-readResult(c); err != nil { // which gives the socket the first deadline
			t.Fatal(err)
		}
		at := time.Now().Add(long)
		c.SetReadDeadline(at)
		wantTimeout(t, readResult(c), at)
	})
	t.Run("made later while reading", func(t *testing.T) {
		c, _ := connPair(t)
		c.SetReadDeadline(time.Now().Add(short))
		result := readResult(c)
		waitFor(t, func() bool { return c.reading.isWaiting() })
		at := time.Now().Add(long)
		c.SetReadDeadline(at)
		wantTimeout(t, result, at)
	})
	t.Run("made earlier while reading", func(t *testing.T) {
		c, _ := connPair(t)
		c.SetReadDeadline(time.Now().Add(time.Hour))
		result := readResult(c)
		waitFor(t, func() bool { return c.reading.isWaiting() })
		at := time.Now().Add(short)
		c.SetReadDeadline(at)
		wantTimeout(t, result, at)
	})
	t.Run("taken back", func(t *testing.T) {
		c, far := connPair(t)
		c.SetReadDeadline(past)
		wantTimeout(t, readResult(c), past)
		c.SetReadDeadline(time.Time{})
		result := readResult(c)
		far.Write([]byte("a"))
		if err := <-result; err != nil {
			t.Errorf("got %v; want a byte", err)
		}
	})
	t.Run("write", func(t *testing.T) {
		c, _ := connPair(t)
		at := time.Now().Add(short)
		c.SetWriteDeadline(at)
		big := make([]byte, 16<<20)
		n, err := c.Write(big)
		if !errors.Is(err, os.ErrDeadlineExceeded) || n == 0 || n == len(big) || time.Now().Before(at) {
			t.Fatalf("wrote %d, %v; want a part until the deadline", n, err)
		}
		// What a deadline has cut off goes on where it was, nothing left out or doubled.
		c, far := connPair(t)
		c.SetWriteDeadline(time.Now().Add(short))
		c.Write([]byte("a")) // which gives the socket that deadline
		c.SetWriteDeadline(time.Now().Add(time.Minute))
		for i := range big {
			big[i] = byte(i % 251)
		}
		wrote := make(chan error, 1)
		go func() {
			_, err := c.writeBoth(big[:1000], big[1000:])
			wrote <- err
		}()
		time.Sleep(2 * short) // until the first deadline is over, with the writer waiting for room
		got := make([]byte, 0, len(big)+1)
		for len(got) < len(big)+1 {
			n, err := far.Read(got[len(got):cap(got)])
			if err != nil {
				t.Fatal(err)
			}
			got = got[:len(got)+n]
		}
		if err := <-wrote; err != nil {
			t.Fatal(err)
		}
		for i, b := range got[1:] {
			if b != byte(i%251) {
				t.Fatalf("byte %d is %d", i, b)
			}
		}
	})
}

func (d *sockDeadline) isWaiting() bool {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.waiting > 0
}

func waitFor(t *testing.T, is func() bool) {
	t.Helper()
	for until := time.Now().Add(10 * time.Second); !is(); time.Sleep(time.Millisecond) {
		if time.Now().After(until) {
			t.Fatal("waited too long")
		}
	}
}
