package auth

import (
	"net/http"
	"net/netip"
	"time"

	"github.com/parley-rpc/parley/internal/limits"
)

// tooMany returns the refusal of a login as id if its host, the zero Addr for this
// machine, has given too many wrong passwords; nil if it may try.
func tooMany(wrong *limits.Failures, host netip.Addr, id string, now time.Time) *httpError {
	wait := wrong.Wait(host, now)
	if wait == 0 {
		return nil
	}
	return &httpError{status: http.StatusTooManyRequests, retry: wait, id: id, text: "too many wrong passwords from this address"}
}
