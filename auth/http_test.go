package auth

import (
	"context"
	"encoding/base64"
	"errors"
	"fmt"
	"net/netip"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
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
	c, err := NewCredentials([]Entry{
		{ID: "ann", Identity: "ann", Use: UseHTTP, PHC: cheapPHC('a')},
		{ID: "bob", Identity: "bob", Use: UseHTTP, PHC: cheapPHC('b')},
		bot,
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
	// The trick itself: the hash as the password, and as a part of it.
	for _, password := range []string{mock, httpPassword + mock, mock + httpPassword, cheapPHC('a')} {
		if s := login(c, "eve", password); s != 401 {
			t.Errorf("eve: got status %d; want 401", s)
		}
	}
	// Where one part ends and the next begins is a part of what is remembered.
	key := c.web.keyOf("ann", cheapPHC('a'), httpPassword)
	for _, parts := range [][]string{
		{"an", "n" + cheapPHC('a'), httpPassword}, {"ann" + cheapPHC('a'), "", httpPassword}, {"ann", cheapPHC('a') + httpPassword[:1], httpPassword[1:]},
		{"ann", cheapPHC('a') + httpPassword}, {"ann", cheapPHC('a'), httpPassword, ""},
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

// TestFailureBucket: wrong passwords of an address are bounded, those of this
// machine are not, and neither a right one that is remembered nor a key is held up.
func TestFailureBucket(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c, f, key := webCredentials(t)
		try := func(from netip.Addr, authorization string) (int, time.Duration) {
			_, err := c.AuthenticateHTTP(t.Context(), authorization, from)
			return status(err)
		}
		if s, _ := try(farHost, basic("ann", httpPassword)); s != 200 {
			t.Fatalf("got status %d", s)
		}
		for range 50 { // none of this is a wrong password
			try(farHost, "")
			try(farHost, "Basic x")
			try(farHost, "Bearer "+testKeyText)
			try(farHost, basic("ann", httpPassword))
		}
		before := f.calls.Load()
		for i := range wrongBurst {
			if s, _ := try(farHost, basic(fmt.Sprint("user", i), wrongOne)); s != 401 {
				t.Fatalf("wrong password %d: got status %d; want 401", i, s)
			}
		}
		for range 5 {
			if s, after := try(farHost, basic("bob", "bob's own password")); s != 429 || after <= 0 || after > wrongPause {
				t.Errorf("after %d wrong passwords: got status %d, Retry-After %v; want 429 and up to %v", wrongBurst, s, after, wrongPause)
			}
		}
		if n := f.calls.Load() - before; n != wrongBurst {
			t.Errorf("%d passwords were checked; want %d", n, wrongBurst)
		}
		for what, authorization := range map[string]string{
			"a password that is remembered": basic("ann", httpPassword), "a key": "Bearer " + key.Reveal(), "a key as password": basic("bot.k1", key.Reveal()),
		} {
			if s, _ := try(farHost, authorization); s != 200 {
				t.Errorf("%s: got status %d; want 200", what, s)
			}
		}
		if s, _ := try(otherHost, basic("bob", wrongOne)); s != 401 {
			t.Errorf("another host: got status %d; want 401", s)
		}
		// The mapped form is the same address; of IPv6 a whole network is.
		if s, _ := try(netip.MustParseAddr("::ffff:192.0.2.1"), basic("bob", wrongOne)); s != 429 {
			t.Errorf("the same address in IPv6: got status %d; want 429", s)
		}
		for i := range wrongBurst {
			try(netip.MustParseAddr(fmt.Sprintf("2001:db8::%x", i+1)), basic("bob", wrongOne))
		}
		if s, _ := try(netip.MustParseAddr("2001:db8::ffff:1:1%eth0"), basic("bob", wrongOne)); s != 429 {
			t.Errorf("another address of the same /64: got status %d; want 429", s)
		}
		if s, _ := try(netip.MustParseAddr("2001:db8:0:1::1"), basic("bob", wrongOne)); s != 401 {
			t.Errorf("the next /64: got status %d; want 401", s)
		}
		// One local program with an old password must not lock out the others.
		for _, from := range []netip.Addr{thisHost, netip.IPv6Loopback(), {}} {
			for range 3 * wrongBurst {
				if s, _ := try(from, basic("bob", wrongOne)); s != 401 {
					t.Fatalf("%v: got status %d; want 401", from, s)
				}
			}
		}
		time.Sleep(wrongPause)
		if s, _ := try(farHost, basic("bob", wrongOne)); s != 401 {
			t.Errorf("after a pause: got status %d; want 401", s)
		}
		if s, _ := try(farHost, basic("bob", wrongOne)); s != 429 {
			t.Errorf("and once more: got status %d; want 429", s)
		}
	})
}

// What is remembered of hosts is bounded, and those who fail most are remembered.
func TestWrongHostsAreBounded(t *testing.T) {
	now := time.Now()
	var w wrongHosts
	for range wrongBurst {
		w.note(farHost, now)
	}
	for i := range uint32(3 * maxWrongHosts) {
		w.note(netip.AddrFrom4([4]byte{10, byte(i >> 16), byte(i >> 8), byte(i)}), now)
	}
	if got := len(w.forgotten); got > maxWrongHosts {
		t.Errorf("got %d hosts; want %d at most", got, maxWrongHosts)
	}
	if w.refuse(farHost, "", now) == nil {
		t.Error("the worst host was forgotten")
	}
}

// A password that was right is remembered for a while, and not for ever; and no
// more than so many are.
func TestProvedPasswordsAreForgotten(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c, f, _ := webCredentials(t)
		try := func(checks int32) {
			t.Helper()
			before := f.calls.Load()
			if _, err := c.AuthenticateHTTP(t.Context(), basic("ann", httpPassword), farHost); err != nil {
				t.Fatal(err)
			}
			if n := f.calls.Load() - before; n != checks {
				t.Errorf("%d passwords were checked; want %d", n, checks)
			}
		}
		try(1)
		time.Sleep(provedFor - 1)
		try(0) // which does not prolong it
		time.Sleep(1)
		try(1)
		try(0)

		var l provedList
		now := time.Now()
		key := func(i int) proofKey { return proofKey{byte(i), byte(i >> 8)} }
		for i := range 3 * maxProved {
			l.add(key(i), now)
			if !l.has(key(i), now) || len(l.until) > maxProved || len(l.order) > maxProved {
				t.Fatalf("after %d: %d are remembered in %d places", i, len(l.until), len(l.order))
			}
		}
		if l.has(key(2*maxProved-1), now) || !l.has(key(2*maxProved), now) {
			t.Error("not the oldest was forgotten")
		}
		for range 2 * maxProved { // the same again and again leaves the others alone
			l.add(key(3*maxProved-1), now)
		}
		if len(l.until) > maxProved || len(l.order) > maxProved || !l.has(key(3*maxProved-1), now) {
			t.Errorf("%d are remembered in %d places", len(l.until), len(l.order))
		}
	})
}

// Those who give the same password at the same time wait for one check.
func TestSamePasswordsAreCheckedOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c, f, _ := webCredentials(t)
		f.hold = make(chan struct{})
		leader, leave := context.WithCancel(t.Context())
		defer leave()
		var right, wrong atomic.Int32
		var wg sync.WaitGroup
		login := func(ctx context.Context, password string) {
			wg.Go(func() {
				if _, err := c.AuthenticateHTTP(ctx, basic("ann", password), farHost); err == nil {
					right.Add(1)
				} else if s, _ := status(err); s == 401 {
					wrong.Add(1)
				}
			})
		}
		login(leader, httpPassword)
		synctest.Wait()
		for range 50 {
			login(t.Context(), httpPassword)
		}
		synctest.Wait()
		if n := f.calls.Load(); n != 1 {
			t.Errorf("%d checks are under way; want 1", n)
		}
		close(f.hold)
		wg.Wait()
		if n := f.calls.Load(); n != 1 || right.Load() != 51 {
			t.Errorf("%d checks, %d were let in; want 1 and 51", n, right.Load())
		}
		// They are wrong together, and each of them counts.
		f.hold = make(chan struct{})
		for range wrongBurst {
			login(t.Context(), wrongOne)
		}
		synctest.Wait()
		close(f.hold)
		wg.Wait()
		if n := f.calls.Load(); n != 2 || wrong.Load() != wrongBurst {
			t.Errorf("%d checks, %d were refused; want 2 and %d", n, wrong.Load(), wrongBurst)
		}
		_, err := c.AuthenticateHTTP(t.Context(), basic("bob", wrongOne), farHost)
		if s, _ := status(err); s != 429 {
			t.Errorf("after that: got status %d; want 429", s)
		}
	})
}

// One who leaves while waiting for its turn does not take the others with it.
func TestWaitingForWhoLeft(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c, f, _ := webCredentials(t)
		c.web.work = &workroom{most: 1, free: 1}
		f.hold = make(chan struct{})
		var wg sync.WaitGroup
		login := func(ctx context.Context, id, password string) *error {
			result := new(error)
			wg.Go(func() { _, *result = c.AuthenticateHTTP(ctx, basic(id, password), farHost) })
			synctest.Wait()
			return result
		}
		login(t.Context(), "bob", wrongOne) // holds the room
		ctx, leave := context.WithCancel(t.Context())
		gone := login(ctx, "ann", httpPassword)
		stays := login(t.Context(), "ann", httpPassword)
		leave()
		synctest.Wait()
		close(f.hold)
		wg.Wait()
		if s, _ := status(*gone); s != 503 {
			t.Errorf("who left: got %v", *gone)
		}
		if *stays != nil {
			t.Errorf("who waited for it: %v", *stays)
		}
	})
}

// TestChecksAreBounded: so many at once, so many wait, and not for long.
func TestChecksAreBounded(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c, f, _ := webCredentials(t)
		c.web.work = &workroom{most: 2, free: 2}
		f.hold = make(chan struct{})
		results := make(chan int, 100)
		for i := range 100 {
			go func() {
				_, err := c.AuthenticateHTTP(t.Context(), basic(fmt.Sprint("user", i), wrongOne), thisHost)
				s, after := status(err)
				if s == 503 && after <= 0 {
					t.Error("a 503 does not say when to try again")
				}
				results <- s
			}()
		}
		synctest.Wait()
		if n := f.calls.Load(); n != 2 {
			t.Errorf("%d checks at the same time; want 2", n)
		}
		if n := len(results); n != 100-2-workQueue {
			t.Errorf("%d were turned away at once; want %d", n, 100-2-workQueue)
		}
		time.Sleep(workWait)
		synctest.Wait()
		if n := len(results); n != 98 {
			t.Errorf("%d were turned away after %v; want 98", n, workWait)
		}
		close(f.hold)
		counts := map[int]int{}
		for range 100 {
			counts[<-results]++
		}
		if counts[503] != 98 || counts[401] != 2 {
			t.Errorf("got %v; want 98 times 503, 2 times 401", counts)
		}
		if _, err := c.AuthenticateHTTP(t.Context(), basic("ann", httpPassword), thisHost); err != nil {
			t.Errorf("after that: %v", err)
		}
	})
}

// A check that takes more memory takes the room of several.
func TestWorkroomSharesMemory(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := &workroom{most: 3, free: 3}
		leaveSmall, err := w.enter(t.Context(), 19<<10)
		if err != nil {
			t.Fatal(err)
		}
		entered := make(chan func(), 2)
		for _, memory := range []int{256 << 10, 64 << 10} { // more than there is; and one behind it
			go func() {
				leave, err := w.enter(t.Context(), memory)
				if err != nil {
					t.Error(err)
				}
				entered <- leave
			}()
			synctest.Wait()
		}
		if len(entered) != 0 {
			t.Fatal("somebody came in before those who were first")
		}
		leaveSmall()
		synctest.Wait()
		if len(entered) != 1 || w.free != 0 {
			t.Fatalf("got %d in, %d units free; want 1 and 0", len(entered), w.free)
		}
		(<-entered)()
		(<-entered)()
		if w.free != 3 {
			t.Errorf("got %d units back; want 3", w.free)
		}
		// Who gives up leaves its place to those behind.
		leave, _ := w.enter(t.Context(), 128<<10)
		ctx, cancel := context.WithCancel(t.Context())
		big, small := make(chan error, 1), make(chan error, 1)
		go func() { _, err := w.enter(ctx, 192<<10); big <- err }()
		synctest.Wait()
		go func() { _, err := w.enter(t.Context(), 64<<10); small <- err }()
		synctest.Wait()
		cancel()
		if err := <-big; !errors.Is(err, context.Canceled) {
			t.Errorf("got %v; want context.Canceled", err)
		}
		if err := <-small; err != nil {
			t.Error(err)
		}
		leave()
	})
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
