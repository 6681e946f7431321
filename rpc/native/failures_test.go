package native

import (
	"errors"
	"testing"
	"testing/synctest"
	"time"

	"github.com/parley-rpc/parley/internal/limits"
)

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
		for i := range 2 * limits.FailureBurst { // neither an answer nor a wrong one
			nc := l.connect("192.0.2.1:1")
			if i%2 == 0 {
				readFrame(nc, nil, maxHandshake)
				nc.Write(frameOf("no answer at all"))
			}
			nc.Close()
		}
		synctest.Wait()
		for i := range limits.FailureBurst {
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
		for range 2 * limits.FailureBurst {
			if err := guess("127.0.0.1:1"); !errors.Is(err, ErrKeyRefused) {
				t.Fatalf("loopback: got %v; want ErrKeyRefused", err)
			}
		}
		log.wait(t, "too many wrong keys from this address")
		time.Sleep(limits.FailurePause)
		if err := guess("192.0.2.1:1"); !errors.Is(err, ErrKeyRefused) {
			t.Errorf("after a pause: got %v; want ErrKeyRefused", err)
		}
	})
}
