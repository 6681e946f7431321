package limits

import (
	"encoding/binary"
	"net/netip"
	"testing"
	"time"
)

func TestFailures(t *testing.T) {
	host, other := netip.MustParseAddr("192.0.2.1"), netip.MustParseAddr("192.0.2.2")
	now := time.Now()
	var f Failures
	for i := range FailureBurst {
		if f.Wait(host, now) > 0 {
			t.Fatalf("blocked after %d failures; want %d", i, FailureBurst)
		}
		f.Note(host, now)
	}
	if f.Wait(host, now) == 0 || f.Wait(other, now) > 0 {
		t.Errorf("after %d failures: got host %v, other %v; want the host blocked", FailureBurst, f.Wait(host, now) > 0, f.Wait(other, now) > 0)
	}
	now = now.Add(FailurePause)
	if f.Wait(host, now) > 0 {
		t.Errorf("after %v: still blocked", FailurePause)
	}
	f.Note(host, now)
	if f.Wait(host, now) == 0 {
		t.Error("after another failure: not blocked")
	}
	now = now.Add(FailureBurst * FailurePause)
	for i := range FailureBurst - 1 {
		f.Note(host, now)
		if f.Wait(host, now) > 0 {
			t.Fatalf("forgotten, and blocked after %d more", i+1)
		}
	}

	loopback := netip.IPv6Loopback()
	for range 100 {
		f.Note(loopback, now)
	}
	if f.Wait(loopback, now) > 0 {
		t.Error("loopback is blocked")
	}
}

// What is remembered is bounded, and those who fail most are remembered.
func TestFailuresAreBounded(t *testing.T) {
	now := time.Now()
	var f Failures
	worst := netip.MustParseAddr("192.0.2.1")
	for range FailureBurst {
		f.Note(worst, now)
	}
	for i := range uint32(3 * maxHosts) {
		var b [4]byte
		binary.BigEndian.PutUint32(b[:], 10<<24+i)
		f.Note(netip.AddrFrom4(b), now)
	}
	if got := len(f.forgotten); got > maxHosts {
		t.Errorf("got %d hosts; want %d at most", got, maxHosts)
	}
	if f.Wait(worst, now) == 0 {
		t.Error("the worst host was forgotten")
	}
}
