package auth

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/parley-rpc/parley/rpc"
)

// reloads are the events reload of a logger.
type reloads struct {
	mu  sync.Mutex
	buf bytes.Buffer
}

func (r *reloads) Write(p []byte) (int, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.buf.Write(p)
}

func (r *reloads) logger() *slog.Logger { return slog.New(slog.NewJSONHandler(r, nil)) }

// take returns the events since the last call, each without its time.
func (r *reloads) take(t *testing.T) (all []map[string]any) {
	t.Helper()
	r.mu.Lock()
	defer r.mu.Unlock()
	for line := range bytes.Lines(r.buf.Bytes()) {
		var event map[string]any
		if err := json.Unmarshal(line, &event); err != nil {
			t.Fatal(err)
		}
		delete(event, "time")
		all = append(all, event)
	}
	r.buf.Reset()
	return all
}

// one returns the only event since the last call.
func (r *reloads) one(t *testing.T) string {
	t.Helper()
	all := r.take(t)
	if len(all) != 1 {
		t.Errorf("got %v; want one event", all)
		return ""
	}
	text, err := json.Marshal(all[0])
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

func loadLogged(t *testing.T, path string) (*Credentials, *reloads) {
	t.Helper()
	events := &reloads{}
	c, err := LoadCredentials(path, CredentialsConfig{Logger: events.logger()})
	if err != nil {
		t.Fatal(err)
	}
	return c, events
}

func TestReload(t *testing.T) {
	path := writeCredentials(t, rawEntry("a"), basicEntry("b"), authkeyEntry("c"))
	c, events := loadLogged(t, path)
	changed := basicEntry("b")
	changed.NotAfter = time.Now().Add(time.Hour)
	putCredentials(t, path, rawEntry("a"), changed, bearerEntry("d"), rawEntry("e"))
	if err := c.Reload(); err != nil {
		t.Fatal(err)
	}
	want := `{"added":2,"changed":1,"credentials":["b","d","e","c"],"level":"INFO","msg":"reload","outcome":"ok","path":"` + path + `","removed":1}`
	if got := events.one(t); got != want {
		t.Errorf("got %s; want %s", got, want)
	}
	if _, _, ok := c.http("d"); !ok || len(keysOf(c)) != 0 {
		t.Errorf("got %v, %v; want the new entries", ok, keysOf(c))
	}
	if err := c.Reload(); err != nil {
		t.Fatal(err)
	}
	want = `{"added":0,"changed":0,"level":"INFO","msg":"reload","outcome":"ok","path":"` + path + `","removed":0}`
	if got := events.one(t); got != want {
		t.Errorf("nothing new: got %s; want %s", got, want)
	}
	var many []Entry
	for i := range 100 {
		many = append(many, rawEntry("many"+strings.Repeat("x", i%50)+string(rune('a'+i/50))))
	}
	putCredentials(t, path, many...)
	if err := c.Reload(); err != nil {
		t.Fatal(err)
	}
	if all := events.take(t); len(all) != 1 || all[0]["added"] != 100.0 || len(all[0]["credentials"].([]any)) != maxLoggedIDs {
		t.Errorf("got %v; want 100 added, and %d ids of them", all, maxLoggedIDs)
	}
}

// A file with one mistake changes nothing at all, wherever the mistake is, and
// neither does one that others can read, or none.
func TestReloadIsAllOrNothing(t *testing.T) {
	path := writeCredentials(t, rawEntry("a"), authkeyEntry("b"))
	c, events := loadLogged(t, path)
	begun := time.Now()
	changed := c.Changed()
	good, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	lines := strings.SplitAfter(string(good), "\n")
	next := strings.NewReplacer(`"a"`, `"new"`, `"bot"`, `"admin"`).Replace(strings.Join(lines, ""))
	for name, spoil := range map[string]func() error{
		"the last line": func() error { return os.WriteFile(path, []byte(next+"{}\n"), 0o600) },
		"cut off":       func() error { return os.WriteFile(path, []byte(next[:len(next)-9]), 0o600) },
		"empty":         func() error { return os.WriteFile(path, nil, 0o600) },
		"mode":          func() error { return errors.Join(os.WriteFile(path, []byte(next), 0o600), os.Chmod(path, 0o644)) },
		"missing":       func() error { return os.Remove(path) },
		"folder":        func() error { return os.Mkdir(path, 0o700) },
	} {
		if err := os.RemoveAll(path); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, good, 0o600); err != nil {
			t.Fatal(err)
		}
		if name == "folder" {
			if err := os.Remove(path); err != nil {
				t.Fatal(err)
			}
		}
		if err := spoil(); err != nil {
			t.Fatal(err)
		}
		err := c.Reload()
		if err == nil || !strings.Contains(err.Error(), path) || name == "missing" && !errors.Is(err, fs.ErrNotExist) {
			t.Errorf("%s: got %v; want an error that names the file", name, err)
			continue
		}
		event := events.one(t)
		for _, want := range []string{`"level":"ERROR"`, `"msg":"reload"`, `"outcome":"error"`, `"error":"auth: credentials: reload: `, "the former entries stay"} {
			if !strings.Contains(event, want) {
				t.Errorf("%s: got %s; want %s", name, event, want)
			}
		}
		if _, who, ok := c.channel("a"); !ok || who.Name != "bot" || !c.Live(who, begun) || len(keysOf(c)) != 1 || len(c.Entries()) != 2 || isClosed(changed) {
			t.Errorf("%s: got %v, %v, %v, changed %v; want all as it was", name, ok, who, c.Entries(), isClosed(changed))
		}
	}

	c = newTestCredentials(t, rawEntry("a"))
	if err := c.Replace([]Entry{rawEntry("b"), rawEntry("B")}); err == nil || len(c.Entries()) != 1 || c.Entries()[0].ID != "a" {
		t.Errorf("Replace: got %v, %v; want an error, and all as it was", err, c.Entries())
	}
}

func TestReloadAndReplaceAreForTheirKind(t *testing.T) {
	c := newTestCredentials(t)
	if err := c.Reload(); err == nil || !strings.Contains(err.Error(), "use Replace") {
		t.Errorf("Reload without a file: got %v", err)
	}
	if err := c.Watch(t.Context()); err == nil || !strings.Contains(err.Error(), "no file") {
		t.Errorf("Watch without a file: got %v", err)
	}
	c = loadTestCredentials(t, writeCredentials(t, rawEntry("a")))
	if err := c.Replace(nil); err == nil || !strings.Contains(err.Error(), "use EditCredentials and Reload") || len(c.Entries()) != 1 {
		t.Errorf("Replace with a file: got %v", err)
	}
}

// watched runs a test in a bubble with Watch, and a function that lets it look.
func watched(t *testing.T, path string, test func(t *testing.T, c *Credentials, events *reloads, look func())) {
	synctest.Test(t, func(t *testing.T) {
		c, events := loadLogged(t, path)
		ctx, cancel := context.WithCancel(t.Context())
		ended := make(chan error)
		go func() { ended <- c.Watch(ctx) }()
		synctest.Wait()
		test(t, c, events, func() {
			time.Sleep(watchInterval)
			synctest.Wait()
		})
		cancel()
		if err := <-ended; !errors.Is(err, context.Canceled) {
			t.Errorf("Watch: got %v; want that of the context", err)
		}
	})
}

func TestWatch(t *testing.T) {
	path := writeCredentials(t, rawEntry("a"))
	watched(t, path, func(t *testing.T, c *Credentials, events *reloads, look func()) {
		who := rpc.Identity{Name: "bot", Credential: "a"}
		begun := time.Now()
		changed := c.Changed()
		set := c.current()
		for range 3 {
			look()
		}
		if got := events.take(t); len(got) != 0 || isClosed(changed) || c.current() != set {
			t.Errorf("nothing happened: got %v, changed %v, read %v", got, isClosed(changed), c.current() != set)
		}
		putCredentials(t, path, rawEntry("b"))
		look()
		if got := events.one(t); !strings.Contains(got, `"outcome":"ok"`) || !strings.Contains(got, `"removed":1`) {
			t.Errorf("got %s; want the change", got)
		}
		if !isClosed(changed) || c.Live(who, begun) {
			t.Errorf("changed %v, live %v; want a to be gone within a second", isClosed(changed), c.Live(who, begun))
		}
		putCredentials(t, path, rawEntry("a"), rawEntry("b"))
		if err := c.Reload(); err != nil {
			t.Fatal(err)
		}
		events.take(t)
		look()
		if got := events.take(t); len(got) != 0 {
			t.Errorf("after Reload: got %v; want nothing new", got)
		}
	})
}

// Each state of the file is logged once. While it cannot be used, what was there
// goes on; and that it can be used again is noticed, whatever was wrong.
func TestWatchSurvivesABrokenFile(t *testing.T) {
	path := writeCredentials(t, rawEntry("a"))
	aside := filepath.Join(t.TempDir(), "aside")
	watched(t, path, func(t *testing.T, c *Credentials, events *reloads, look func()) {
		text, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		text = bytes.ReplaceAll(text, []byte("bot"), []byte("someone"))
		for _, step := range []struct {
			name string
			do   func() error
			want string // in the only event
		}{
			{"moved away", func() error { return os.Rename(path, aside) }, "no such file"},
			{"and back, as it was", func() error { return os.Rename(aside, path) }, `"outcome":"ok"`},
			{"broken", func() error { return os.WriteFile(path, []byte("{\n"), 0o600) }, ":1: byte"},
			{"broken in another way", func() error { return os.WriteFile(path, []byte("{}\n"), 0o600) }, ":1: id: got 0 bytes"},
			{"for others to read", func() error { return errors.Join(os.WriteFile(path, text, 0o600), os.Chmod(path, 0o644)) }, "got mode 0644"},
			{"repaired by chmod alone", func() error { return os.Chmod(path, 0o600) }, `"changed":1`},
			{"removed", func() error { return os.Remove(path) }, "no such file"},
			{"new", func() error { return os.WriteFile(path, text, 0o600) }, `"outcome":"ok"`},
		} {
			if err := step.do(); err != nil {
				t.Fatal(err)
			}
			for range 4 {
				look()
			}
			events := events.take(t)
			if text, _ := json.Marshal(events); len(events) != 1 || !strings.Contains(string(text), step.want) {
				t.Errorf("%s: got %v; want one event with %q", step.name, events, step.want)
			}
			if _, _, ok := c.channel("a"); !ok {
				t.Fatalf("%s: a is gone", step.name)
			}
		}
		if _, who, _ := c.channel("a"); who.Name != "someone" {
			t.Errorf("got %v; want the entry of the repaired file", who)
		}
	})
}

// Two changes in one tick of the clock of a file system look like one from
// outside. What is as young as that is read a second time.
func TestWatchReadsAFreshFileTwice(t *testing.T) {
	path := writeCredentials(t, rawEntry("a"))
	c, events := loadLogged(t, path)
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	revoke := func() { // in place, with the same length
		t.Helper()
		text = bytes.Replace(text, []byte(`"a"`), []byte(`"b"`), 1)
		if err := os.WriteFile(path, text, 0o600); err != nil {
			t.Fatal(err)
		}
		c.seen = stampOf(path) // as if the clock had stood still
	}
	revoke()
	c.seen.fresh = true
	c.look()
	if _, _, ok := c.channel("a"); ok || len(events.take(t)) != 1 {
		t.Error("the second change was not seen")
	}
	c.seen.fresh = true
	c.look()
	if got := events.take(t); len(got) != 0 {
		t.Errorf("nothing new: got %v; want no event", got)
	}
	if err := os.WriteFile(path, []byte("{"), 0o600); err != nil {
		t.Fatal(err)
	}
	for range 3 {
		c.look()
		c.seen.fresh = true
	}
	if got := events.take(t); len(got) != 1 {
		t.Errorf("broken: got %v; want one event", got)
	}
	now := time.Now()
	if got := []bool{newStamp(now).fresh, newStamp(now.Add(-time.Hour)).fresh, newStamp(now.Add(time.Hour)).fresh}; !slices.Equal(got, []bool{true, false, false}) {
		t.Errorf("fresh: got %v; want the one of now alone", got)
	}
}

// Lookups, reloads and edits at the same time, for the race detector; whoever
// asks finds either what was or what is.
func TestReloadAgainstLookups(t *testing.T) {
	one, two := rawEntry("a"), rawEntry("a")
	two.Identity = "admin"
	c := newTestCredentials(t, one)
	ctx, cancel := context.WithCancel(t.Context())
	var wg sync.WaitGroup
	for range 4 {
		wg.Go(func() {
			for ctx.Err() == nil {
				changed := c.Changed()
				if v, who, ok := c.channel("a"); !ok || who.Name != "bot" && who.Name != "admin" || v.Check() != nil {
					t.Errorf("got %v, %v", who, ok)
					return
				}
				for range c.Authkeys() {
					t.Error("got an authkey; want none")
				}
				c.Entries()
				isClosed(changed)
			}
		})
	}
	begun := time.Now()
	for i := range 200 {
		next := one
		if i%2 == 0 {
			next = two
		}
		changed := c.Changed()
		if err := c.Replace([]Entry{next}); err != nil {
			t.Error(err)
		}
		if !isClosed(changed) {
			t.Error("Changed was not closed")
		}
		if _, who, _ := c.channel("a"); c.Live(who, begun) {
			t.Error("a login from before is live")
		}
	}
	cancel()
	wg.Wait()
}
