package auth

import (
	"context"
	"encoding/base64"
	"encoding/hex"
	"fmt"
	"net/netip"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/alexedwards/argon2id"

	"github.com/parley-rpc/parley/internal/limits"
)

// TestStoredFieldsDoNotLogInOverHTTP: whoever has read the file of credentials has
// nothing in it that an Authorization could be made of.
func TestStoredFieldsDoNotLogInOverHTTP(t *testing.T) {
	key, err := GenerateSecret("bot.k1")
	if err != nil {
		t.Fatal(err)
	}
	bot, err := key.Entry(UseHTTP, "bot")
	if err != nil {
		t.Fatal(err)
	}
	phc, err := argon2id.CreateHash(httpPassword, &argon2id.Params{Memory: 19456, Iterations: 2, Parallelism: 1, SaltLength: 16, KeyLength: phcHashSize})
	if err != nil {
		t.Fatal(err)
	}
	c, err := NewCredentials([]Entry{bot, {ID: "ann", Identity: "ann", Use: UseHTTP, PHC: phc}}, CredentialsConfig{Logger: quiet})
	if err != nil {
		t.Fatal(err)
	}
	for _, authorization := range []string{"Bearer " + key.Reveal(), basic("ann", httpPassword)} {
		if _, err := c.AuthenticateHTTP(t.Context(), authorization, thisHost); err != nil {
			t.Fatalf("the secrets themselves: %v", err)
		}
	}
	parts := strings.Split(phc, "$")
	tried := []string{basic("ann", phc), basic("ann", parts[4]), basic("ann", parts[5]), basic("ann", strings.Join(parts[4:], "$"))}
	if hash, err := base64.RawStdEncoding.DecodeString(parts[5]); err != nil {
		t.Fatal(err)
	} else {
		tried = append(tried, basic("ann", hex.EncodeToString(hash)), "Bearer "+keyText("ann", hash))
	}
	for _, field := range [][]byte{bot.StoredKey, append(slices.Clone(bot.Salt), bot.Salt...)} {
		tried = append(tried, "Bearer "+keyText("bot.k1", field), basic("bot.k1", keyText("bot.k1", field)),
			basic("bot.k1", base64.StdEncoding.EncodeToString(field)), basic("bot.k1", hex.EncodeToString(field)))
	}
	for _, authorization := range tried {
		got, err := c.AuthenticateHTTP(t.Context(), authorization, thisHost)
		if s, _ := status(err); s != 401 {
			t.Errorf("%s: got %+v, status %d; want 401", authorization, got, s)
		}
	}
}

// TestThreatNamesByTheTimeOfARefusal: once an address has to wait it is told so at
// once, without the work that hides the rest; that must not tell which names there
// are.
func TestThreatNamesByTheTimeOfARefusal(t *testing.T) {
	entries := make([]Entry, 2000)
	for i := range entries {
		entries[i] = Entry{ID: fmt.Sprintf("user%d", i), Identity: "user", Use: UseHTTP, PHC: cheapPHC('a')}
	}
	c, err := NewCredentials(entries, CredentialsConfig{})
	if err != nil {
		t.Fatal(err)
	}
	c.web.verify = func(string, string) (bool, error) { return false, nil }
	from := netip.MustParseAddr("203.0.113.5")
	attempt := func(id string) int {
		_, err := c.AuthenticateHTTP(context.Background(), basic(id, "wrong password"), from)
		code, _ := status(err)
		return code
	}
	for attempt("user1") != 429 {
	}
	times := map[string][]time.Duration{}
	for range 500 {
		for _, id := range []string{"user1", "nobody"} {
			begin := time.Now()
			if code := attempt(id); code != 429 {
				t.Fatalf("%s: got %d; want 429", id, code)
			}
			times[id] = append(times[id], time.Since(begin))
		}
	}
	median := func(id string) time.Duration {
		slices.Sort(times[id])
		return times[id][len(times[id])/2]
	}
	if known, unknown := median("user1"), median("nobody"); unknown > 3*known || known > 3*unknown {
		t.Errorf("a refusal: got %v for a name that exists and %v for one that does not; want the same", known, unknown)
	}
}

// TestThreatGuesserWhoHangsUp: whoever does not wait for the answer has caused the
// work all the same, and it counts.
func TestThreatGuesserWhoHangsUp(t *testing.T) {
	c, _, _ := webCredentials(t)
	from := netip.MustParseAddr("203.0.113.5")
	checks := 0
	for i := range 100 {
		ctx, hangUp := context.WithCancel(context.Background())
		c.web.verify = func(string, string) (bool, error) {
			checks++
			hangUp()
			return false, nil
		}
		_, _ = c.AuthenticateHTTP(ctx, basic("nobody", fmt.Sprint("wrong password ", i)), from) // nobody reads it
		hangUp()
	}
	if checks > limits.FailureBurst+1 { // one more if the test takes longer than a FailurePause
		t.Errorf("got %d passwords checked for an address; want %d", checks, limits.FailureBurst)
	}
}
