package auth

import (
	"net/http"
	"net/netip"
	"time"
)

const (
	// wrongBurst is how many wrong passwords a host may give at once, and
	// wrongPause the time until it may give another one.
	wrongBurst = 10
	wrongPause = 6 * time.Second

	// maxWrongHosts bounds the hosts that are remembered.
	maxWrongHosts = 4096
)

// wrongHosts counts wrong passwords by host, as hostOf tells them apart. It
// belongs to whoever holds the lock around it.
type wrongHosts struct {
	// A host's entry is the time at which all its wrong passwords are forgotten.
	// Each one moves it by a wrongPause.
	forgotten map[netip.Addr]time.Time
}

// refuse returns the refusal of a login as id if its host has to wait, nil if it
// has not.
func (w *wrongHosts) refuse(host netip.Addr, id string, now time.Time) *httpError {
	const bearable = (wrongBurst - 1) * wrongPause
	left := w.forgotten[host].Sub(now)
	if left <= bearable {
		return nil
	}
	return &httpError{status: http.StatusTooManyRequests, retry: left - bearable, id: id, text: "too many wrong passwords from this address"}
}

// note counts a wrong password. The machine itself, the zero Addr, is not
// counted: one local program with an old password must not lock out the others.
func (w *wrongHosts) note(host netip.Addr, now time.Time) {
	if !host.IsValid() {
		return
	}
	if w.forgotten == nil {
		w.forgotten = map[netip.Addr]time.Time{}
	}
	until, known := w.forgotten[host]
	if !known && len(w.forgotten) >= maxWrongHosts {
		w.forget(now)
	}
	if until.Before(now) {
		until = now
	}
	w.forgotten[host] = until.Add(wrongPause)
}

// forget makes place: it drops the hosts that have the least to wait, first
// those that have nothing.
func (w *wrongHosts) forget(now time.Time) {
	for limit := time.Duration(0); len(w.forgotten) >= maxWrongHosts; limit += wrongPause {
		for host, until := range w.forgotten {
			if until.Sub(now) <= limit {
				delete(w.forgotten, host)
			}
		}
	}
}
