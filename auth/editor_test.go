package auth_test

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/parley-rpc/parley/auth"
)

// The environment of a process that edits: the file, and whom it adds. Without
// a name it adds and takes away until it is killed.
const (
	editorPath = "PARLEY_TEST_EDIT"
	editorName = "PARLEY_TEST_EDITOR"
	editsEach  = 10
)

// edit is the program of such a process.
func edit(path, name string) (exit int) {
	for i := 0; name == "" || i < editsEach; i++ {
		err := auth.EditCredentials(path, func(entries []auth.Entry) ([]auth.Entry, error) {
			if name == "" && len(entries) > 1 {
				return entries[:1], nil
			}
			if name == "" {
				return bulk(), nil
			}
			return append(entries, entry(fmt.Sprint(name, i))), nil
		})
		if err != nil {
			fmt.Println(err)
			return 1
		}
		if i == 0 {
			fmt.Println("editing")
		}
	}
	return 0
}

func entry(id string) auth.Entry {
	return auth.Entry{
		ID: id, Identity: "bot", Use: auth.UseChannel, KDF: "raw", Salt: make([]byte, 16),
		StoredKey: make([]byte, 32), ServerKey: make([]byte, 32),
	}
}

// bulk are so many entries that writing them takes a while.
func bulk() []auth.Entry {
	var entries []auth.Entry
	for i := range 2000 {
		entries = append(entries, entry(fmt.Sprint("e", i)))
	}
	return entries
}

func editor(t *testing.T, path, name string) *exec.Cmd {
	t.Helper()
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command(self)
	cmd.Env = append(os.Environ(), editorPath+"="+path, editorName+"="+name)
	return cmd
}

func ids(t *testing.T, path string) (all []string) {
	t.Helper()
	c, err := auth.LoadCredentials(path, auth.CredentialsConfig{})
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range c.Entries() {
		all = append(all, e.ID)
	}
	return all
}

// Three processes with ten edits each, and two goroutines here: every edit is
// there in the end, those of each editor in its order.
func TestConcurrentEditorsLoseNothing(t *testing.T) {
	path := filepath.Join(t.TempDir(), "credentials")
	var wg sync.WaitGroup
	want := 0
	for _, name := range []string{"x", "y", "z"} {
		cmd := editor(t, path, name)
		wg.Go(func() {
			if out, err := cmd.CombinedOutput(); err != nil {
				t.Errorf("editor %s: %v\n%s", name, err, out)
			}
		})
		want += editsEach
	}
	for _, name := range []string{"g", "h"} {
		wg.Go(func() {
			for i := range editsEach {
				err := auth.EditCredentials(path, func(entries []auth.Entry) ([]auth.Entry, error) {
					return append(entries, entry(fmt.Sprint(name, i))), nil
				})
				if err != nil {
					t.Error(err)
				}
			}
		})
		want += editsEach
	}
	wg.Wait()
	all := ids(t, path)
	if len(all) != want {
		t.Errorf("got %d entries; want %d: %v", len(all), want, all)
	}
	for _, name := range []string{"x", "y", "z", "g", "h"} {
		own := slices.DeleteFunc(slices.Clone(all), func(id string) bool { return id[:1] != name })
		if !slices.IsSorted(own) {
			t.Errorf("got %v; want them in the order of their edits", own)
		}
	}
}

// Who reads while others write finds the old file or the new one, and who has
// begun with the old one can read it to its end.
func TestEditIsNeverSeenHalfDone(t *testing.T) {
	path := filepath.Join(t.TempDir(), "credentials")
	put := func(entries []auth.Entry) {
		t.Helper()
		if err := auth.EditCredentials(path, func([]auth.Entry) ([]auth.Entry, error) { return entries, nil }); err != nil {
			t.Fatal(err)
		}
	}
	put(bulk())
	want := text(t, path)
	reader, err := os.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer reader.Close()
	put(bulk()[:1])
	if got, err := io.ReadAll(reader); err != nil || string(got) != want {
		t.Errorf("got %d bytes, %v; want the %d of the old file", len(got), err, len(want))
	}

	cmd := startEditor(t, path)
	seen := map[int]bool{}
	for deadline := time.Now().Add(30 * time.Second); !(seen[1] && seen[2000] && seen[-1]) && time.Now().Before(deadline); {
		for range 20 {
			seen[len(ids(t, path))] = true
		}
		if seen[1] && seen[2000] {
			seen[-1] = true // and 20 more
		}
	}
	stopEditor(cmd)
	delete(seen, -1)
	if len(seen) != 2 || !seen[1] || !seen[2000] {
		t.Errorf("got files of %v entries; want 1 and 2000", seen)
	}
}

// An editor that is killed at any moment leaves a whole file, and no lock.
func TestEditorThatIsKilledDoesNoHarm(t *testing.T) {
	path := filepath.Join(t.TempDir(), "credentials")
	for i := range 6 {
		cmd := startEditor(t, path)
		time.Sleep(time.Duration(i) * 3 * time.Millisecond) // another moment each time
		stopEditor(cmd)
		if n := len(ids(t, path)); n != 1 && n != 2000 {
			t.Errorf("got %d entries; want 1 or 2000", n)
		}
		err := auth.EditCredentials(path, func([]auth.Entry) ([]auth.Entry, error) { return []auth.Entry{entry("after")}, nil })
		if err != nil || len(ids(t, path)) != 1 {
			t.Errorf("an edit after it: got %v", err)
		}
	}
}

// startEditor starts a process that edits until it is killed, and waits for its
// first edit.
func startEditor(t *testing.T, path string) *exec.Cmd {
	t.Helper()
	cmd := editor(t, path, "")
	var out bytes.Buffer
	cmd.Stderr = &out
	stdout, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { stopEditor(cmd) })
	if _, err := io.ReadFull(stdout, make([]byte, len("editing\n"))); err != nil {
		t.Fatalf("%v\n%s", err, out.String())
	}
	return cmd
}

func stopEditor(cmd *exec.Cmd) {
	_ = cmd.Process.Kill()
	_ = cmd.Wait()
}

func TestEditCredentials(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "credentials")
	set := func(entries ...auth.Entry) func([]auth.Entry) ([]auth.Entry, error) {
		return func([]auth.Entry) ([]auth.Entry, error) { return entries, nil }
	}
	refused := errors.New("no")
	if err := auth.EditCredentials(path, func([]auth.Entry) ([]auth.Entry, error) { return nil, refused }); !errors.Is(err, refused) {
		t.Errorf("got %v; want the error of edit", err)
	}
	if _, err := os.Lstat(path); err == nil {
		t.Error("an edit that failed made a file")
	}
	if err := auth.EditCredentials(path, set()); err != nil {
		t.Fatal(err)
	}
	if info, err := os.Stat(path); err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("got %v, %v; want a new file with mode 0600", info, err)
	}
	header := text(t, path)
	if !strings.HasPrefix(header, `{"version":1,"mock_key":"`) || strings.Count(header, "\n") != 1 {
		t.Errorf("got %q; want a first line with a mock_key", header)
	}

	if err := auth.EditCredentials(path, set(entry("c"), entry("a"), entry("b"))); err != nil {
		t.Fatal(err)
	}
	if err := os.Chmod(path, 0o400); err != nil {
		t.Fatal(err)
	}
	err := auth.EditCredentials(path, func(entries []auth.Entry) ([]auth.Entry, error) {
		if len(entries) != 3 || entries[1].ID != "a" || len(entries[1].StoredKey) != 32 {
			t.Errorf("got %v; want c, a and b, complete", entries)
		}
		return append(slices.Delete(entries, 1, 2), entry("d")), nil
	})
	if err != nil {
		t.Fatal(err)
	}
	if got := ids(t, path); !slices.Equal(got, []string{"c", "b", "d"}) {
		t.Errorf("got %v; want c, b and d in this order", got)
	}
	after := text(t, path)
	if !strings.HasPrefix(after, header) {
		t.Errorf("got %q; want the first line as before: %q", after, header)
	}
	if info, err := os.Stat(path); err != nil || info.Mode().Perm() != 0o400 {
		t.Errorf("got %v, %v; want mode 0400 as before", info, err)
	}

	// What may not be, and what breaks what is there.
	for name, edit := range map[string]func([]auth.Entry) ([]auth.Entry, error){
		"an error":      func([]auth.Entry) ([]auth.Entry, error) { return nil, refused },
		"an id twice":   set(entry("a"), entry("a")),
		"a bad id":      set(entry("A")),
		"half an entry": set(auth.Entry{ID: "a", Identity: "bot", Use: auth.UseHTTP}),
		"too many":      set(make([]auth.Entry, 4097)...),
		"too large": func([]auth.Entry) (all []auth.Entry, err error) {
			for i := range 4096 {
				e := entry(fmt.Sprint("e", i))
				e.Identity = strings.Repeat("x", 256)
				all = append(all, e)
			}
			return all, nil
		},
		"another program": func(entries []auth.Entry) ([]auth.Entry, error) {
			// It does not lock, and puts the same under another i-node.
			if err := errors.Join(os.WriteFile(path+".new", []byte(after), 0o400), os.Rename(path+".new", path)); err != nil {
				t.Error(err)
			}
			return entries[:1], nil
		},
	} {
		err := auth.EditCredentials(path, edit)
		if err == nil || !strings.HasPrefix(err.Error(), "auth: edit credentials: ") {
			t.Errorf("%s: got %v; want an error", name, err)
		}
		if name == "a bad id" && !strings.Contains(err.Error(), ": entry 0: id: ") {
			t.Errorf("%s: got %v; want the entry that edit returned", name, err)
		}
		if text(t, path) != after {
			t.Fatalf("%s: the file is another one", name)
		}
	}
	// No change is no write.
	old, err := os.Stat(path)
	if err != nil {
		t.Fatal(err)
	}
	if err := auth.EditCredentials(path, func(all []auth.Entry) ([]auth.Entry, error) { return all, nil }); err != nil {
		t.Fatal(err)
	}
	if now, err := os.Stat(path); err != nil || !os.SameFile(old, now) {
		t.Errorf("an edit that changes nothing: got another file, %v", err)
	}
	if left, err := os.ReadDir(dir); err != nil || len(left) != 1 {
		t.Errorf("got %v, %v; want the file alone", left, err)
	}
}

// A file that does not load is not edited: what was wrong with it would be lost.
func TestEditRefusesWhatDoesNotLoad(t *testing.T) {
	path := filepath.Join(t.TempDir(), "credentials")
	for name, put := range map[string]func() error{
		"broken":       func() error { return os.WriteFile(path, []byte("{\n"), 0o600) },
		"empty":        func() error { return os.WriteFile(path, nil, 0o600) },
		"unknown name": func() error { return os.WriteFile(path, []byte(`{"version":1,"x":"y"}`), 0o600) },
		"mode": func() error {
			return errors.Join(os.WriteFile(path, []byte(`{"version":1}`), 0o600), os.Chmod(path, 0o644))
		},
		"folder":        func() error { return os.Mkdir(path, 0o700) },
		"dangling link": func() error { return os.Symlink(path+".none", path) },
	} {
		if err := os.RemoveAll(path); err != nil {
			t.Fatal(err)
		}
		if err := put(); err != nil {
			t.Fatal(err)
		}
		before, _ := os.ReadFile(path)
		err := auth.EditCredentials(path, func([]auth.Entry) ([]auth.Entry, error) {
			t.Errorf("%s: edit was called", name)
			return nil, nil
		})
		if after, _ := os.ReadFile(path); err == nil || !bytes.Equal(before, after) {
			t.Errorf("%s: got %v, %q; want an error and no change", name, err, after)
		}
	}
	if err := auth.EditCredentials(filepath.Join(t.TempDir(), "no", "credentials"), nil); err == nil {
		t.Error("an edit in no folder succeeded")
	}
}

// A link stays a link, as where a tool puts secrets behind one.
func TestEditBehindALink(t *testing.T) {
	there := filepath.Join(t.TempDir(), "real")
	link := filepath.Join(t.TempDir(), "credentials")
	set := func(id string) func([]auth.Entry) ([]auth.Entry, error) {
		return func([]auth.Entry) ([]auth.Entry, error) { return []auth.Entry{entry(id)}, nil }
	}
	if err := errors.Join(auth.EditCredentials(there, set("a")), os.Symlink(there, link), auth.EditCredentials(link, set("b"))); err != nil {
		t.Fatal(err)
	}
	if info, err := os.Lstat(link); err != nil || info.Mode().Type() != os.ModeSymlink || !slices.Equal(ids(t, there), []string{"b"}) {
		t.Errorf("got %v, %v, %v; want the link, and b behind it", info, err, ids(t, there))
	}
}

// A first line is added to a file that was written by hand.
func TestEditAddsTheFirstLine(t *testing.T) {
	path := filepath.Join(t.TempDir(), "credentials")
	add := func(id string) {
		t.Helper()
		err := auth.EditCredentials(path, func(all []auth.Entry) ([]auth.Entry, error) { return append(all, entry(id)), nil })
		if err != nil {
			t.Fatal(err)
		}
	}
	add("a")
	_, byHand, _ := strings.Cut(text(t, path), "\n")
	if err := os.WriteFile(path, []byte("\n"+byHand), 0o600); err != nil {
		t.Fatal(err)
	}
	add("b")
	first, rest, _ := strings.Cut(text(t, path), "\n")
	if !strings.HasPrefix(first, `{"version":1,"mock_key":"`) || !strings.HasPrefix(rest, byHand) || !slices.Equal(ids(t, path), []string{"a", "b"}) {
		t.Errorf("got %q and %q; want a first line, and a and b", first, rest)
	}
}

func text(t *testing.T, path string) string {
	t.Helper()
	b, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}
