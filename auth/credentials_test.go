package auth

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"testing"
	"testing/synctest"
	"time"

	"github.com/parley-rpc/parley/auth/internal/scram"
	"github.com/parley-rpc/parley/rpc"
	"github.com/parley-rpc/parley/rpc/native"
)

var _ native.Auth = (*Credentials)(nil)

// writeCredentials makes a file of entries, and returns its path.
func writeCredentials(t testing.TB, entries ...Entry) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "credentials")
	putCredentials(t, path, entries...)
	return path
}

// putCredentials makes entries all that the file has.
func putCredentials(t testing.TB, path string, entries ...Entry) {
	t.Helper()
	if err := EditCredentials(path, func([]Entry) ([]Entry, error) { return entries, nil }); err != nil {
		t.Fatal(err)
	}
}

func loadTestCredentials(t *testing.T, path string) *Credentials {
	t.Helper()
	c, err := LoadCredentials(path, CredentialsConfig{Logger: quiet})
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func isClosed(ch <-chan struct{}) bool {
	select {
	case <-ch:
		return true
	default:
		return false
	}
}

func TestCredentialsOfEachUse(t *testing.T) {
	path := writeCredentials(t, channelEntry("a"), rawEntry("b"), bearerEntry("c"), basicEntry("d"), authkeyEntry("e"), authkeyEntry("f"))
	c := loadTestCredentials(t, path)
	for _, id := range []string{"a", "b", "c", "d", "e", "f", "g", ""} {
		who := rpc.Identity{Name: "bot", Credential: id}
		v, got, ok := c.channel(id)
		if want := id == "a" || id == "b"; ok != want || want && (got != who || !bytes.Equal(v.StoredKey, channelEntry("a").StoredKey) || v.KDF.Raw != (id == "b")) {
			t.Errorf("channel %q: got %v, %v, %v; want ok %v", id, v.KDF, got, ok, want)
		}
		e, got, ok := c.http(id)
		if want := id == "c" || id == "d"; ok != want || want && (got != who || e.ID != id || (e.PHC != "") != (id == "d")) {
			t.Errorf("http %q: got %v, %v, %v; want ok %v", id, e, got, ok, want)
		}
		if !ok && (got != rpc.Identity{} || e.ID != "") {
			t.Errorf("http %q: got %v, %v; want nothing", id, e, got)
		}
	}
	if got, want := fmt.Sprint(keysOf(c)), fmt.Sprintf("[bot/e=%se bot/f=%[1]sf]", testKey); got != want || c.Check() != nil || c.AllowMD5() {
		t.Errorf("authkeys: got %s, %v, MD5 %v; want %s", got, c.Check(), c.AllowMD5(), want)
	}
	for range c.Authkeys() {
		break // leaving early is fine
	}
	if got, want := fmt.Sprint(c.Entries()), "[[a of bot for channel] [b of bot for channel] [c of bot for http] [d of bot for http] [e of bot for authkey] [f of bot for authkey]]"; got != want {
		t.Errorf("entries: got %s; want %s", got, want)
	}
	for _, e := range c.Entries() {
		if e.Key != "" || e.PHC != "" || e.Salt != nil || e.StoredKey != nil || e.ServerKey != nil {
			t.Errorf("%s: the list has more than what may be seen", e.ID)
		}
	}
}

func TestCredentialsPolicy(t *testing.T) {
	short := authkeyEntry("a")
	short.Key = "12345"
	path := writeCredentials(t, short)
	if _, err := LoadCredentials(path, CredentialsConfig{}); err == nil {
		t.Error("a short key was accepted")
	}
	c, err := LoadCredentials(path, CredentialsConfig{AllowMD5: true, DangerouslyAllowShortKey: true})
	if err != nil || !c.AllowMD5() || fmt.Sprint(keysOf(c)) != "[bot/a=12345]" {
		t.Errorf("got %v, MD5 %v, %v; want the short key and MD5", keysOf(c), c.AllowMD5(), err)
	}
}

// Nothing and what was never made let nobody in, and do not panic.
func TestNoCredentials(t *testing.T) {
	for name, c := range map[string]*Credentials{"nil": nil, "zero": {}, "empty": newTestCredentials(t)} {
		if _, _, ok := c.channel("a"); ok {
			t.Errorf("%s: channel knows somebody", name)
		}
		if _, _, ok := c.http("a"); ok {
			t.Errorf("%s: http knows somebody", name)
		}
		if c.Live(rpc.Identity{}, time.Now()) || c.Check() == nil || len(keysOf(c)) != 0 || c.AllowMD5() || len(c.Entries()) != 0 {
			t.Errorf("%s: it has something", name)
		}
		if isClosed(c.Changed()) {
			t.Errorf("%s: it has changed", name)
		}
	}
}

func TestRevokedCredentialIsNotLive(t *testing.T) {
	other := func(change func(*Entry)) []Entry {
		e := rawEntry("a")
		change(&e)
		return []Entry{e, authkeyEntry("z")}
	}
	who := rpc.Identity{Name: "bot", Credential: "a"}
	for _, test := range []struct {
		name        string
		next        []Entry
		old, fresh  bool // whether logins from before the change and after it are live
		noChange    bool
		newIdentity string
	}{
		{name: "removed", next: []Entry{authkeyEntry("z")}},
		{name: "another stored key", next: other(func(e *Entry) { e.StoredKey = make([]byte, 32) }), fresh: true},
		{name: "another server key", next: other(func(e *Entry) { e.ServerKey = make([]byte, 32) }), fresh: true},
		{name: "another salt", next: other(func(e *Entry) { e.Salt = make([]byte, 16) }), fresh: true},
		{name: "another KDF", next: other(func(e *Entry) { e.KDF = channelEntry("a").KDF }), fresh: true},
		{name: "another use", next: []Entry{basicEntry("a")}, fresh: true},
		{name: "another identity", next: other(func(e *Entry) { e.Identity = "admin" }), newIdentity: "admin"},
		{name: "its life is over", next: other(func(e *Entry) { e.NotAfter = time.Now() })},
		{name: "its life has not begun", next: other(func(e *Entry) { e.NotBefore = time.Now().Add(time.Hour) })},
		{name: "a longer life", next: other(func(e *Entry) { e.NotAfter = time.Now().Add(time.Hour) }), old: true, fresh: true},
		{name: "the others change", next: []Entry{authkeyEntry("y"), rawEntry("a")}, old: true, fresh: true},
		{name: "nothing", next: []Entry{rawEntry("a"), authkeyEntry("z")}, old: true, fresh: true, noChange: true},
		{name: "another order", next: []Entry{authkeyEntry("z"), rawEntry("a")}, old: true, fresh: true, noChange: true},
	} {
		c := newTestCredentials(t, rawEntry("a"), authkeyEntry("z"))
		before := time.Now()
		changed := c.Changed()
		if !c.Live(who, before) || c.Live(rpc.Identity{Name: "admin", Credential: "a"}, before) || c.Live(rpc.Identity{Name: "bot"}, before) || isClosed(changed) {
			t.Fatalf("%s: before the change: %v, %v", test.name, c.Live(who, before), isClosed(changed))
		}
		if err := c.Replace(test.next); err != nil {
			t.Fatal(err)
		}
		after := time.Now().Add(time.Millisecond) // not the same time, even by a coarse clock
		if got := c.Live(who, before); got != test.old {
			t.Errorf("%s: a login from before is live: got %v; want %v", test.name, got, test.old)
		}
		if got := c.Live(who, after); got != test.fresh {
			t.Errorf("%s: a login from after is live: got %v; want %v", test.name, got, test.fresh)
		}
		if got := isClosed(changed); got == test.noChange {
			t.Errorf("%s: Changed: got %v; want %v", test.name, got, !test.noChange)
		}
		if isClosed(c.Changed()) {
			t.Errorf("%s: there is no other channel after a change", test.name)
		}
		if test.newIdentity != "" {
			who := rpc.Identity{Name: test.newIdentity, Credential: "a"}
			if c.Live(who, before) || !c.Live(who, after) {
				t.Errorf("%s: got %v, %v; want the new login alone to be live", test.name, c.Live(who, before), c.Live(who, after))
			}
		}
	}
}

// A secret that is taken away and another one under the same id, before anyone
// has looked: the connections of the first do not pass as those of the second.
func TestReplacedCredentialIsNotLive(t *testing.T) {
	c := newTestCredentials(t, rawEntry("a"))
	begun := time.Now()
	second := rawEntry("a")
	second.StoredKey = make([]byte, 32)
	for _, entries := range [][]Entry{nil, {second}} {
		if err := c.Replace(entries); err != nil {
			t.Fatal(err)
		}
	}
	who := rpc.Identity{Name: "bot", Credential: "a"}
	if c.Live(who, begun) || !c.Live(who, time.Now().Add(time.Millisecond)) {
		t.Errorf("got %v, %v; want the second alone to be live", c.Live(who, begun), c.Live(who, time.Now()))
	}
}

func TestExpiredCredentialIsUnknown(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		start := time.Now()
		bounded := func(e Entry, from, to time.Duration) Entry {
			if from != 0 {
				e.NotBefore = start.Add(from)
			}
			if to != 0 {
				e.NotAfter = start.Add(to)
			}
			return e
		}
		c := newTestCredentials(t, rawEntry("stays"),
			bounded(channelEntry("ch"), 10*time.Second, 20*time.Second),
			bounded(basicEntry("web"), 10*time.Second, 20*time.Second),
			bounded(authkeyEntry("key"), 10*time.Second, 20*time.Second))
		// The same without them, for what strangers are shown.
		without := newTestCredentials(t, rawEntry("stays"))
		without.set.mockKey = c.set.mockKey

		look := func(at string, want bool) {
			t.Helper()
			synctest.Wait()
			v, who, ok := c.channel("ch")
			if ok != want {
				t.Errorf("%s: channel: got %v; want %v", at, ok, want)
			}
			mock, _, _ := without.channel("ch")
			if !want && (who != rpc.Identity{} || fmt.Sprint(v) != fmt.Sprint(mock)) {
				t.Errorf("%s: got %v, %v; want %v as for an id that never was", at, v, who, mock)
			}
			if e, who, ok := c.http("web"); ok != want || !want && (e.ID != "" || who != rpc.Identity{}) {
				t.Errorf("%s: http: got %v, %v, %v; want %v", at, e, who, ok, want)
			}
			if got := len(keysOf(c)) == 1; got != want || (c.Check() == nil) != want {
				t.Errorf("%s: authkeys: got %v, %v; want %v", at, got, c.Check(), want)
			}
			for _, id := range []string{"ch", "web", "key"} {
				if got := c.Live(rpc.Identity{Name: "bot", Credential: id}, start); got != want {
					t.Errorf("%s: %s is live: got %v; want %v", at, id, got, want)
				}
			}
		}
		changed := c.Changed()
		next := func(d time.Duration, wantChange bool) {
			t.Helper()
			time.Sleep(d)
			synctest.Wait()
			if got := isClosed(changed); got != wantChange {
				t.Errorf("after %v: Changed: got %v; want %v", time.Since(start), got, wantChange)
			}
			changed = c.Changed()
		}
		look("at first", false)
		next(10*time.Second-1, false)
		look("just before its life", false)
		next(1, true)
		look("from its first moment", true)
		next(10*time.Second-1, false)
		look("just before its end", true)
		next(1, true)
		look("at its end", false)
		next(time.Hour, false)
		look("long after", false)
	})
}

// A clock can be set while Changed waits for a day to pass: it looks again
// every now and then.
func TestExpiryIsLookedAtAgain(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		e := rawEntry("a")
		e.NotAfter = time.Now().Add(24 * time.Hour)
		c := newTestCredentials(t, e)
		changed := c.Changed()
		time.Sleep(maxTurn)
		synctest.Wait()
		if !isClosed(changed) {
			t.Error("nobody looks at the clock before the end of the day")
		}
		if err := c.Replace([]Entry{rawEntry("a")}); err != nil {
			t.Fatal(err)
		}
		changed = c.Changed()
		time.Sleep(100 * time.Hour)
		synctest.Wait()
		if isClosed(changed) {
			t.Error("Changed was closed without any bound to a life")
		}
	})
}

// Strangers are shown a salt for ids that do not exist, and it is the same
// whenever they ask.
func TestUnknownIDHasASalt(t *testing.T) {
	long := rawEntry("long")
	long.Salt = make([]byte, 33)
	path := writeCredentials(t, channelEntry("p1"), channelEntry("p2"), rawEntry("r1"), long, basicEntry("web"))
	c := loadTestCredentials(t, path)
	restarted := loadTestCredentials(t, path)

	mocks := map[string]scram.Verifier{}
	forms := map[string]int{}
	salts := map[string]bool{}
	const n = 1000
	for i := range n {
		id := fmt.Sprintf("guess%d", i)
		v, who, ok := c.channel(id)
		if ok || who != (rpc.Identity{}) || v.Check() != nil {
			t.Fatalf("%s: got %v, %v, %v; want a verifier of nobody", id, who, ok, v.Check())
		}
		mocks[id] = v
		forms[v.KDF.String()+fmt.Sprint(" ", len(v.Salt))]++
		salts[string(v.Salt)], salts[string(v.StoredKey)], salts[string(v.ServerKey)] = true, true, true
	}
	if len(salts) != 3*n {
		t.Errorf("got %d different salts and keys; want %d", len(salts), 3*n)
	}
	for form, share := range map[string]int{channelEntry("").KDF + " 16": 2, "raw 16": 1, "raw 33": 1} {
		if got := forms[form]; got < n*share/4-n/10 || got > n*share/4+n/10 {
			t.Errorf("%s: got %d of %d; want about %d in 4", form, got, n, share)
		}
	}
	same := func(when string, c *Credentials, want int) {
		t.Helper()
		equal := 0
		for id, v := range mocks {
			again, _, _ := c.channel(id)
			if again.KDF == v.KDF && bytes.Equal(again.Salt, v.Salt) && bytes.Equal(again.StoredKey, v.StoredKey) && bytes.Equal(again.ServerKey, v.ServerKey) {
				equal++
			}
		}
		if equal < want {
			t.Errorf("%s: got %d of %d as before; want %d or more", when, equal, n, want)
		}
	}
	same("asked again", c, n)
	same("after a restart", restarted, n)
	if err := c.Reload(); err != nil {
		t.Fatal(err)
	}
	same("after a reload", c, n)
	putCredentials(t, path, channelEntry("p1"), channelEntry("p2"), rawEntry("r1"), long)
	if err := c.Reload(); err != nil {
		t.Fatal(err)
	}
	same("after a change of others", c, n)
	putCredentials(t, path, channelEntry("p1"), channelEntry("p2"), rawEntry("r1"), long, channelEntry("p3"))
	if err := c.Reload(); err != nil {
		t.Fatal(err)
	}
	same("with another entry", c, n*3/4)
	if v, _, ok := c.channel("p3"); !ok || fmt.Sprint(v.Salt) != fmt.Sprint(channelEntry("").Salt) {
		t.Errorf("p3: got %v, %v; want its own", v.Salt, ok)
	}

	// A file without a key for them: the same in one process, and in one that has
	// read a key before.
	bare := filepath.Join(t.TempDir(), "bare")
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	had, _, _ := c.channel("guess")
	_, text, _ = bytes.Cut(text, []byte("\n"))
	if err := errors.Join(os.WriteFile(bare, text, 0o600), os.WriteFile(path, text, 0o600), c.Reload()); err != nil {
		t.Fatal(err)
	}
	if has, _, _ := c.channel("guess"); !bytes.Equal(has.Salt, had.Salt) {
		t.Error("the first line is gone from the file: got another salt; want the same")
	}
	c, other := loadTestCredentials(t, bare), loadTestCredentials(t, bare)
	first, _, _ := c.channel("guess")
	if err := c.Reload(); err != nil {
		t.Fatal(err)
	}
	again, _, _ := c.channel("guess")
	another, _, _ := other.channel("guess")
	if !bytes.Equal(first.Salt, again.Salt) || bytes.Equal(first.Salt, another.Salt) {
		t.Error("without a key in the file: want the same salt after a reload, and another in another process")
	}
	if v, _, ok := newTestCredentials(t, basicEntry("web")).channel("web"); ok || v.KDF != scram.DefaultKDF() || len(v.Salt) != 16 {
		t.Errorf("without an entry for the channel: got %v, %d bytes, %v; want the default", v.KDF, len(v.Salt), ok)
	}
}
