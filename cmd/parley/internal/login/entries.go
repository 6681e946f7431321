package login

import (
	"bytes"
	"encoding/json"
	"log/slog"
	"os"
	"strings"
	"time"

	"github.com/parley-rpc/parley/auth"
	"github.com/parley-rpc/parley/cmd/parley/internal/usage"
)

// Entries reads the entries of a file, without their secrets. A short authkey
// is no reason not to show them.
func Entries(path string) ([]auth.Entry, error) {
	creds, err := auth.LoadCredentials(path, auth.CredentialsConfig{DangerouslyAllowShortKey: true, Logger: slog.New(slog.DiscardHandler)})
	if err != nil {
		return nil, usage.Errorf("%v", err)
	}
	return creds.Entries(), nil
}

// Line is what the line of an entry says that auth.Credentials keeps to itself.
type Line struct {
	Number  int
	KDF     string
	KeySize int // of an authkey, in bytes
}

// Lines reads the lines of a file that auth.LoadCredentials takes, by id.
func Lines(path string) (map[string]Line, error) {
	doc, err := os.ReadFile(path)
	if err != nil {
		return nil, usage.Errorf("%v", err)
	}
	lines := map[string]Line{}
	number := 0
	for text := range bytes.Lines(doc) {
		number++
		var e struct{ ID, KDF, PHC, Key string }
		if json.Unmarshal(text, &e) != nil || e.ID == "" {
			continue // blank, or the first
		}
		if part := strings.Split(e.PHC, "$"); len(part) > 3 { // $argon2id$v=19$m=65536,t=3,p=4$salt$hash
			e.KDF = strings.Join(part[1:4], "$")
		}
		lines[e.ID] = Line{number, e.KDF, len(e.Key)}
	}
	return lines, nil
}

// The states of a credential.
const (
	Live    = "live"
	Expired = "expired"
	NotYet  = "not yet"
)

// State returns the state that a credential is in at some time.
func State(e auth.Entry, now time.Time) string {
	switch {
	case !e.NotAfter.IsZero() && !now.Before(e.NotAfter):
		return Expired
	case now.Before(e.NotBefore):
		return NotYet
	}
	return Live
}
