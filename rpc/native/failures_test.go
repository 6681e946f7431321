package native

import (
	"encoding/binary"
	"errors"
	"net/netip"
	"testing"
	"testing/synctest"
	"time"
)

func TestFailures(t *testing.T) {
	host, other := netip.MustParseAddr("192.0.2.1"), netip.MustParseAddr("192.0.2.2")
	now := time.Now()
	var f failures
	for i := range failureBurst {
		if f.blocked(host, now) {
			t.Fatalf("blocked after %d failures; want %d", i, failureBurst)
		}
		f.note(host, now)
	}
	if !f.blocked(host, now) || f.blocked(other, now) {
		t.Errorf("after %d failures: got host %v, other %v; want the host blocked", failureBurst, f.blocked(host, now), f.blocked(other, now))
	}
	now = now.Add(failurePause)
	if f.blocked(host, now) {
		t.Errorf("after %v: still blocked", failurePause)
	}
	f.note(host, now)
	if !f.blocked(host, now) {
		t.Error("after another failure: not blocked")
	}
	now = now.Add(failureBurst * failurePause)
	for i := range failureBurst - 1 {
		f.note(host, now)
		if f.blocked(host, now) {
			t.Fatalf("forgotten, and blocked after %d more", i+1)
		}
	}

	loopback := netip.IPv6Loopback()
	for range 100 {
		f.note(loopback, now)
	}
	if f.blocked(loopback, now) {
		t.Error("loopback is blocked")
	}
}

// What is remembered is bounded, and those who fail most are remembered.
func TestFailuresAreBounded(t *testing.T) {
	now := time.Now()
	var f failures
	worst := netip.MustParseAddr("192.0.2.1")
	for range failureBurst {
		f.note(worst, now)
	}
	for i := range uint32(3 * maxFailures) {
		var b [4]byte
		binary.BigEndian.PutUint32(b[:], 10<<24+i)
		f.note(netip.AddrFrom4(b), now)
	}
	if got := len(f.forgotten); got > maxFailures {
		t.Errorf("got %d hosts; want %d at most", got, maxFailures)
	}
	if !f.blocked(worst, now) {
		t.Error("the worst host was forgotten")
	}
}

// A host that keeps giving wrong proofs is closed without a challenge, for a
// while; silence and broken frames do not count.
func TestWrongProofsAreLimited(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := newFakeListener()
		log := &logBuffer{}
		a := startAcceptor(l, acceptorConfig{auth: oneKey(testKey), logger: log.logger(), deliver: discardDelivery})
		defer a.Close()
		guess := func(from string) error {
			nc := l.connect(from)
			defer nc.Close()
			_, err := clientHandshake(t.Context(), nc, oneKey("a guess"), false)
			return err
		}
		for i := range 2 * failureBurst { // neither an answer nor a wrong one
			nc := l.connect("192.0.2.1:1")
			if i%2 == 0 {
				readFrame(nc, nil, maxHandshake)
				nc.Write(frameOf("no answer at all"))
			}
			nc.Close()
		}
		synctest.Wait()
		for i := range failureBurst {
			if err := guess("192.0.2.1:1"); !errors.Is(err, ErrKeyRefused) {
				t.Fatalf("guess %d: got %v; want ErrKeyRefused", i, err)
			}
			synctest.Wait()
		}
		if err := guess("192.0.2.1:1"); err == nil || errors.Is(err, ErrAuth) {
			t.Errorf("one more: got %v; want to be closed without a challenge", err)
		}
		if err := guess("192.0.2.2:1"); !errors.Is(err, ErrKeyRefused) {
			t.Errorf("another host: got %v; want ErrKeyRefused", err)
		}
		for range 2 * failureBurst {
			if err := guess("127.0.0.1:1"); !errors.Is(err, ErrKeyRefused) {
				t.Fatalf("loopback: got %v; want ErrKeyRefused", err)
			}
		}
		log.wait(t, "too many wrong keys from this address")
		time.Sleep(failurePause)
		if err := guess("192.0.2.1:1"); !errors.Is(err, ErrKeyRefused) {
			t.Errorf("after a pause: got %v; want ErrKeyRefused", err)
		}
	})
}
