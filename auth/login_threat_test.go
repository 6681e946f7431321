package auth

import (
	"context"
	"errors"
	"os"
	"testing"
	"time"

	"github.com/parley-rpc/parley/auth/internal/scram"
)

// TestThreatServerThatTakesTime: what a server asks of a passphrase may take
// seconds; a caller who has less waits no longer than that.
func TestThreatServerThatTakesTime(t *testing.T) {
	salted := rememberSalted([]byte("correct horse battery staple"))
	kdf := scram.KDF{Memory: 256 << 10, Time: 1, Threads: 1}
	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Millisecond)
	defer cancel()
	begin := time.Now()
	_, err := salted(ctx, kdf, make([]byte, scram.SaltSize))
	took := time.Since(begin)
	if !errors.Is(err, os.ErrDeadlineExceeded) {
		t.Errorf("got %v; want %v", err, os.ErrDeadlineExceeded)
	}
	begin = time.Now()
	if _, err := salted(context.Background(), kdf, make([]byte, scram.SaltSize+1)); err != nil { // after its turn
		t.Fatal(err)
	}
	if full := time.Since(begin); took > full/2 {
		t.Errorf("a caller with 10 ms waited for %v; the work takes %v", took, full)
	}
}
