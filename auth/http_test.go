package auth

import (
	"encoding/base64"
	"errors"
	"fmt"
	"net/netip"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/parley-rpc/parley/rpc"
)

const (
	httpPassword = "correct horse battery staple"
	wrongOne     = "incorrect horse battery staple"
)

var (
	farHost   = netip.MustParseAddr("192.0.2.1")
	otherHost = netip.MustParseAddr("192.0.2.2")
	thisHost  = netip.MustParseAddr("127.0.0.1")
)

// cheapPHC is a PHC string of the least work that is accepted. That it is the
// hash of anything is not claimed: fakeVerify is asked.
func cheapPHC(mark byte) string {
	salt := strings.Repeat(string(mark), 16)
	return "$argon2id$v=19$m=19456,t=2,p=1$" + base64.RawStdEncoding.EncodeToString([]byte(salt)) + "$" +
		base64.RawStdEncoding.EncodeToString([]byte(strings.Repeat("h", 32)))
}

// fakeVerify stands for argon2: it notes what it is asked, and takes as long as
// the test wants.
type fakeVerify struct {
	right map[string]string // password by PHC
	calls atomic.Int32
	mu    sync.Mutex // protects asked
	asked []string   // PHC strings
	hold  chan struct{}
}

func (f *fakeVerify) verify(password, phc string) (bool, error) {
	f.calls.Add(1)
	f.mu.Lock()
	f.asked = append(f.asked, phc)
	f.mu.Unlock()
	if f.hold != nil {
		<-f.hold
	}
	want, ok := f.right[phc]
	return ok && password == want, checkPHC(phc)
}

// webCredentials returns credentials of ann and bob with a password, and of bot.k1
// with the key of testKeyText's form that it returns.
func webCredentials(t testing.TB) (*Credentials, *fakeVerify, *Secret) {
	t.Helper()
	key, err := GenerateSecret("bot.k1")
	if err != nil {
		t.Fatal(err)
	}
	bot, err := key.Entry(UseHTTP, "bot")
	if err != nil {
		t.Fatal(err)
	}
	twin := bot
	twin.ID = "twin"
	c, err := NewCredentials([]Entry{
		{ID: "ann", Identity: "ann", Use: UseHTTP, PHC: cheapPHC('a')},
		{ID: "bob", Identity: "bob", Use: UseHTTP, PHC: cheapPHC('b')},
		bot, twin,
	}, CredentialsConfig{Logger: quiet})
	if err != nil {
		t.Fatal(err)
	}
	f := &fakeVerify{right: map[string]string{cheapPHC('a'): httpPassword, cheapPHC('b'): "bob's own password"}}
	c.web.verify = f.verify
	return c, f, key
}

func basic(id, password string) string {
	return "Basic " + base64.StdEncoding.EncodeToString([]byte(id+":"+password))
}

// status returns the HTTP status of an error, 200 for none.
func status(err error) (int, time.Duration) {
	var h interface{ HTTPStatus() (int, time.Duration) }
	switch {
	case err == nil:
		return 200, 0
	case errors.As(err, &h):
		return h.HTTPStatus()
	}
	return 0, 0
}

func TestAuthenticateHTTP(t *testing.T) {
	c, f, key := webCredentials(t)
	other, err := GenerateSecret("bot.k1")
	if err != nil {
		t.Fatal(err)
	}
	stranger, err := GenerateSecret("bot.k2")
	if err != nil {
		t.Fatal(err)
	}
	ann, bot := rpc.Identity{Name: "ann", Credential: "ann"}, rpc.Identity{Name: "bot", Credential: "bot.k1"}
	none := rpc.Identity{}
	enc := base64.StdEncoding.EncodeToString
	for _, test := range []struct {
		name, authorization string
		want                rpc.Identity
		checks              int32 // of passwords
	}{
		{"password", basic("ann", httpPassword), ann, 1},
		{"the same once more", basic("ann", httpPassword), ann, 0},
		{"scheme in small letters", strings.Replace(basic("ann", httpPassword), "Basic", "basic", 1), ann, 0},
		{"two spaces", strings.Replace(basic("ann", httpPassword), " ", "  ", 1), ann, 0},
		{"key", "Bearer " + key.Reveal(), bot, 0},
		{"key, scheme in capitals", "BEARER " + key.Reveal(), bot, 0},
		{"key as the password", basic("bot.k1", key.Reveal()), bot, 0},

		{"wrong password", basic("ann", wrongOne), none, 1},
		{"another's password", basic("bob", httpPassword), none, 1},
		{"unknown user", basic("eve", httpPassword), none, 1},
		{"password for a key", basic("bot.k1", httpPassword), none, 1},
		{"another key", "Bearer " + other.Reveal(), none, 0},
		{"a stranger's key", "Bearer " + stranger.Reveal(), none, 0},
		{"key of another", basic("ann", key.Reveal()), none, 0},
		{"key of another with the same", basic("twin", key.Reveal()), none, 0},
		{"key that is damaged", basic("bot.k1", key.Reveal()[:60]), none, 0},
		{"bearer that is a password", "Bearer " + httpPassword, none, 0},
		{"bearer that is a login", "Bearer bot.k1:" + key.Reveal(), none, 0},

		{"none", "", none, 0},
		{"no scheme", enc([]byte("ann:" + httpPassword)), none, 0},
		{"scheme alone", "Basic", none, 0},
		{"Digest", `Digest username="ann"`, none, 0},
		{"two in one", basic("ann", httpPassword) + ", " + basic("ann", httpPassword), none, 0},
		{"no base64", "Basic ann:" + httpPassword, none, 0},
		{"base64 without its end", strings.TrimRight(basic("ann", httpPassword), "="), none, 0},
		{"base64 with bits too many", "Basic YW5uOnh=", none, 0},
		{"base64url", "Basic " + base64.URLEncoding.EncodeToString([]byte("ann:\xff\xff\xff??>>")), none, 0},
		{"no colon", "Basic " + enc([]byte("ann")), none, 0},
		{"no name", basic("", httpPassword), none, 0},
		{"no password", basic("ann", ""), none, 0},
		{"name in capitals", basic("ANN", httpPassword), none, 0},
		{"name with a space", basic("ann ", httpPassword), none, 0},
		{"NUL in the name", basic("ann\x00", httpPassword), none, 0},
		{"NUL in the password", basic("ann", httpPassword+"\x00"), none, 0},
		{"line end", basic("ann", httpPassword+"\n"), none, 0},
		{"no UTF-8", basic("ann", "\xff\xfe12345678"), none, 0},
		{"long name", basic(strings.Repeat("a", 65), httpPassword), none, 0},
		{"long password", basic("ann", strings.Repeat("x", 1025)), none, 0},
		{"8 KiB", "Bearer " + strings.Repeat("x", 8<<10), none, 0},
		{"8 KiB of Basic", basic("ann", strings.Repeat("x", 6<<10)), none, 0},
	} {
		before := f.calls.Load()
		got, err := c.AuthenticateHTTP(t.Context(), test.authorization, thisHost)
		wantStatus := 401
		if test.want != none {
			wantStatus = 200
		}
		if s, _ := status(err); got != test.want || s != wantStatus {
			t.Errorf("%s: got %+v, status %d (%v); want %+v, %d", test.name, got, s, err, test.want, wantStatus)
		}
		if n := f.calls.Load() - before; n != test.checks {
			t.Errorf("%s: %d passwords were checked; want %d", test.name, n, test.checks)
		}
		if long := strings.HasPrefix(test.name, "8 KiB"); long && !strings.Contains(err.Error(), "2048 at most") {
			t.Errorf("%s: got %v; want that it is not looked into", test.name, err)
		}
		if err != nil && (strings.Contains(err.Error(), "horse") || strings.Contains(err.Error(), "AAAA") || len(err.Error()) > 200) {
			t.Errorf("%s: the error shows too much: %v", test.name, err)
		}
	}
}

// The credentials of another use do not log in over HTTP.
func TestOtherUsesAreRefusedOverHTTP(t *testing.T) {
	key, err := GenerateSecret("bot.k1")
	if err != nil {
		t.Fatal(err)
	}
	e, err := key.Entry(UseChannel, "bot")
	if err != nil {
		t.Fatal(err)
	}
	c, err := NewCredentials([]Entry{e, {ID: "py", Identity: "py", Use: UseAuthkey, Key: testKey}}, CredentialsConfig{Logger: quiet})
	if err != nil {
		t.Fatal(err)
	}
	f := &fakeVerify{}
	c.web.verify = f.verify
	for _, authorization := range []string{
		"Bearer " + key.Reveal(), basic("bot.k1", key.Reveal()), basic("py", testKey),
		basic("bot.k1", base64.StdEncoding.EncodeToString(e.StoredKey)), basic("bot.k1", base64.StdEncoding.EncodeToString(e.ServerKey)),
	} {
		if got, err := c.AuthenticateHTTP(t.Context(), authorization, thisHost); err == nil {
			t.Errorf("%s: got %+v; want a refusal", authorization, got)
		}
	}
}

// TestCachePoisoning is the trick of CVE-2022-46146: to have something that is
// remembered for one name, hash and password used for another.
func TestCachePoisoning(t *testing.T) {
	login := func(c *Credentials, id, password string) int {
		_, err := c.AuthenticateHTTP(t.Context(), basic(id, password), thisHost)
		s, _ := status(err)
		return s
	}
	c, f, _ := webCredentials(t)
	all := c.current().all
	entries := func() (list []Entry) {
		for _, cred := range all {
			list = append(list, cred.Entry)
		}
		return list
	}
	replace := func(list []Entry) {
		t.Helper()
		if err := c.Replace(list); err != nil {
			t.Fatal(err)
		}
	}
	if s := login(c, "ann", httpPassword); s != 200 {
		t.Fatalf("ann: got status %d", s)
	}

	// Of an unknown name nothing is remembered, whatever its mock is found to be.
	mock := c.current().mockPHC("eve", time.Now())
	f.right[mock] = httpPassword
	for range 2 {
		if s := login(c, "eve", httpPassword); s != 401 {
			t.Errorf("eve, whose mock hash was found: got status %d; want 401", s)
		}
	}
	// Nor by who checks passwords, whatever is looked at before and after; and what
	// is remembered of a name that is gone, or not known yet, is of no use.
	for try := range 3 {
		if try == 2 {
			c.web.proved.add(c.web.keyOf("eve", mock, httpPassword), time.Now().Add(provedFor), time.Now())
		}
		if c.web.check(t.Context(), httpLogin{id: "eve", password: httpPassword}, mock, false, hostOf(thisHost)) == nil {
			t.Error("a password is right for a name that is not known")
		}
	}
	// The trick itself: the hash as the password, and as a part of it.
	for _, password := range []string{mock, httpPassword + mock, mock + httpPassword, cheapPHC('a')} {
		if s := login(c, "eve", password); s != 401 {
			t.Errorf("eve: got status %d; want 401", s)
		}
	}
	// Where one part ends and the next begins is a part of what is remembered.
	key := c.web.keyOf("ann", cheapPHC('a'), httpPassword)
	for _, parts := range [][]string{
		{"an", "n" + cheapPHC('a'), httpPassword},
		{"ann" + cheapPHC('a'), "", httpPassword},
		{"ann", cheapPHC('a') + httpPassword[:1], httpPassword[1:]},
		{"ann", cheapPHC('a') + httpPassword},
		{"ann", cheapPHC('a'), httpPassword, ""},
	} {
		if c.web.keyOf(parts...) == key {
			t.Errorf("%q has the key of another login", parts)
		}
	}
	if other := newPasswords(); other.keyOf("ann", cheapPHC('a'), httpPassword) == key {
		t.Error("two processes remember by the same key")
	}

	// Who is removed is out at once, and so is a hash that was replaced.
	list := entries()
	replace(list[1:])
	if s := login(c, "ann", httpPassword); s != 401 {
		t.Errorf("ann after being removed: got status %d; want 401", s)
	}
	replace(list)
	if s := login(c, "ann", httpPassword); s != 200 {
		t.Errorf("ann, back again: got status %d; want 200", s)
	}
	list[0].PHC = cheapPHC('c')
	f.right[cheapPHC('c')] = "another password"
	replace(list)
	if s := login(c, "ann", httpPassword); s != 401 {
		t.Errorf("ann by the password that was replaced: got status %d; want 401", s)
	}
	if s := login(c, "ann", "another password"); s != 200 {
		t.Errorf("ann by the new one: got status %d; want 200", s)
	}
}

// TestUnknownUserCostsTheSame: work of the same parameters is done for names that
// exist and for those that do not.
func TestUnknownUserCostsTheSame(t *testing.T) {
	c, f, _ := webCredentials(t)
	params := func(id string) string {
		t.Helper()
		f.asked = nil
		if _, err := c.AuthenticateHTTP(t.Context(), basic(id, wrongOne), thisHost); err == nil {
			t.Fatalf("%s: a wrong password was right", id)
		}
		if len(f.asked) != 1 {
			t.Fatalf("%s: %d passwords were checked; want 1", id, len(f.asked))
		}
		part := strings.Split(f.asked[0], "$")
		return fmt.Sprint(part[:4], len(part[4]), len(part[5]))
	}
	want := params("ann")
	for _, id := range []string{"eve", "bot.k1", "nobody", "bob2"} {
		if got := params(id); got != want {
			t.Errorf("%s: got the work %s; want that of ann, %s", id, got, want)
		}
	}
	_, known := c.AuthenticateHTTP(t.Context(), basic("ann", wrongOne), thisHost)
	_, unknown := c.AuthenticateHTTP(t.Context(), basic("eve", wrongOne), thisHost)
	if strings.ReplaceAll(known.Error(), "ann", "eve") != unknown.Error() {
		t.Errorf("got %q and %q; want the same", known, unknown)
	}
	// Without any hash there is the default.
	empty, err := NewCredentials(nil, CredentialsConfig{Logger: quiet})
	if err != nil {
		t.Fatal(err)
	}
	if mock := empty.current().mockPHC("eve", time.Now()); checkPHC(mock) != nil || !strings.HasPrefix(mock, "$argon2id$v=19$m=65536,t=3,p=4$") {
		t.Errorf("got the mock %s, %v", mock, checkPHC(mock))
	}
	// Of two kinds of hashes each gets its share, and an id always the same.
	list := []Entry{{ID: "ann", Identity: "ann", Use: UseHTTP, PHC: cheapPHC('a')}, {ID: "new", Identity: "new", Use: UseHTTP, PHC: strings.Replace(cheapPHC('n'), "t=2", "t=3", 1)}}
	if err := c.Replace(list); err != nil {
		t.Fatal(err)
	}
	cheap := 0
	for i := range 200 {
		id := fmt.Sprint("u", i)
		mock := c.current().mockPHC(id, time.Now())
		if strings.Contains(mock, "t=2") {
			cheap++
		}
		if again := c.current().mockPHC(id, time.Now()); mock != again {
			t.Fatalf("%s: got two mocks", id)
		}
	}
	if cheap < 60 || cheap > 140 {
		t.Errorf("got %d of 200 mocks of one of two kinds; want about half", cheap)
	}
}

// The right password is found by the real argon2id.
func TestPasswordByArgon2id(t *testing.T) {
	s, err := NewPassphrase("ann", httpPassword)
	if err != nil {
		t.Fatal(err)
	}
	e, err := s.Entry(UseHTTP, "ann")
	if err != nil {
		t.Fatal(err)
	}
	c, err := NewCredentials([]Entry{e}, CredentialsConfig{Logger: quiet})
	if err != nil {
		t.Fatal(err)
	}
	authorization, err := s.Authorization()
	if err != nil {
		t.Fatal(err)
	}
	for range 2 {
		if who, err := c.AuthenticateHTTP(t.Context(), authorization, farHost); err != nil || who.Name != "ann" {
			t.Errorf("got %+v, %v", who, err)
		}
	}
	if _, err := c.AuthenticateHTTP(t.Context(), basic("ann", wrongOne), farHost); err == nil {
		t.Error("a wrong password was right")
	}
	if _, err := c.AuthenticateHTTP(t.Context(), basic("ann", e.PHC), farHost); err == nil {
		t.Error("the stored hash logs in")
	}
	var none *Credentials
	if _, err := none.AuthenticateHTTP(t.Context(), authorization, farHost); err == nil {
		t.Error("no credentials let somebody in")
	}
}
