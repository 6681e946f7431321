package auth

import (
	"errors"
	"strings"
	"testing"
)

// A client with a generated key gives up when it is asked for a passphrase, and an
// id that is not there may be answered so. The errors of both sides tell what it
// may be: nobody but the log of the server knows which.
func TestClientThatLeaves(t *testing.T) {
	server := testCredentials(t, cheapEntry(t, "ann", testPassphrase))
	ends := tlsExports(1)
	for id, absent := range map[string]bool{"nobody": true, "ann": false} {
		key, err := GenerateSecret(id)
		if err != nil {
			t.Fatal(err)
		}
		c, s := login(t, key, server, ends, ends, nil)
		wantRefused(t, id, c, s)
		if !strings.Contains(c.text(), "the id is unknown there, revoked") {
			t.Errorf("%s: the client: got %q; want that the server does not know the id", id, c.text())
		}
		var e *loginError
		if !errors.As(c.err, &e) || !e.Refused() {
			t.Errorf("%s: the client: got %v; want one that is a refusal", id, c.err)
		}
		if got := strings.Contains(s.text(), "no live credential"); got != absent {
			t.Errorf("%s: the server: got %q; want %v for saying that there is no such credential", id, s.text(), absent)
		}
	}
}
