//go:build unix

package auth

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"
)

// The loaders of all files with secrets.
var loaders = map[string]struct {
	content string
	load    func(path string) error
}{
	"LoadKey": {testKey, func(path string) error { _, err := LoadKey(path, KeyConfig{}); return err }},
	"LoadSecret": {"bot:correct horse battery staple", func(path string) error {
		_, err := LoadSecret(path)
		return err
	}},
	"LoadCredentials": {keyLine, func(path string) error { _, err := LoadCredentials(path, CredentialsConfig{}); return err }},
	"EditCredentials": {keyLine, func(path string) error {
		return EditCredentials(path, func(all []Entry) ([]Entry, error) { return all, nil })
	}},
}

func TestKeyFileOthersCanReadIsRefused(t *testing.T) {
	root := os.Geteuid() == 0
	for name, loader := range loaders {
		dir := t.TempDir()
		path := filepath.Join(dir, "file")
		check := func(what, path, want string) { // in the error; empty for none
			t.Helper()
			ended := make(chan error, 1)
			go func() { ended <- loader.load(path) }()
			select {
			case err := <-ended:
				if want == "" && err != nil || want != "" && (err == nil || !strings.Contains(err.Error(), want)) {
					t.Errorf("%s: %s: got %v; want %q", name, what, err, want)
				}
				if err != nil && !strings.Contains(err.Error(), path) {
					t.Errorf("%s: %s: %v does not name the file", name, what, err)
				}
			case <-time.After(20 * time.Second):
				t.Fatalf("%s: %s: it hangs", name, what)
			}
		}
		if err := os.WriteFile(path, []byte(loader.content), 0o600); err != nil {
			t.Fatal(err)
		}
		for mode, want := range map[os.FileMode]string{
			0o600: "", 0o400: "", 0o644: "got mode 0644", 0o604: "got mode 0604", 0o602: "got mode 0602",
			0o620: "got mode 0620", 0o660: "got mode 0660", 0o700: "got mode 0700",
		} {
			if err := os.Chmod(path, mode); err != nil {
				t.Fatal(err)
			}
			check("mode", path, want)
		}
		if err := os.Chmod(path, 0o640); err != nil {
			t.Fatal(err)
		}
		if root {
			check("a group may read what is root's", path, "")
			if err := os.Chown(path, 12345, -1); err != nil {
				t.Fatal(err)
			}
			check("another owner", path, "its owner is user 12345")
			info, err := os.Stat(path)
			if err != nil {
				t.Fatal(err)
			}
			if err := checkAccessAs(12345, path, info); err == nil || !strings.Contains(err.Error(), "got mode 0640") {
				t.Errorf("a group may read what is that user's own: got %v; want it refused", err)
			}
			if err := errors.Join(os.Chmod(path, 0o600), os.Chown(path, 12345, -1)); err != nil {
				t.Fatal(err)
			}
			check("another owner alone", path, "its owner is user 12345")
			if err := os.Chown(path, 0, -1); err != nil {
				t.Fatal(err)
			}
		} else {
			check("a group may read", path, "got mode 0640")
		}

		link, fifo := filepath.Join(dir, "link"), filepath.Join(dir, "fifo")
		if err := errors.Join(os.Chmod(path, 0o600), os.Symlink(path, link), syscall.Mkfifo(fifo, 0o600)); err != nil {
			t.Fatal(err)
		}
		check("a link to a good file", link, "")
		check("a folder", dir, "want a regular file")
		check("a FIFO", fifo, "want a regular file")
		check("a device", "/dev/null", "want a regular file")
		if err := os.Chmod(path, 0o644); err != nil {
			t.Fatal(err)
		}
		ended := loader.load(link)
		if ended == nil || !strings.Contains(ended.Error(), "got mode 0644") {
			t.Errorf("%s: a link to a file that others can read: got %v; want its mode", name, ended)
		}
	}
}

// The file of a service may be in its group.
func TestEditKeepsTheOwner(t *testing.T) {
	path := writeCredentials(t, rawEntry("a"))
	group, mode := 4242, os.FileMode(0o640)
	if os.Geteuid() != 0 { // who can give it to their own groups alone, and let none read it
		groups, err := os.Getgroups()
		if err != nil {
			t.Fatal(err)
		}
		groups = append([]int{os.Getegid()}, groups...)
		group, mode = groups[len(groups)-1], 0o400
	}
	if err := errors.Join(os.Chown(path, -1, group), os.Chmod(path, mode)); err != nil {
		t.Fatal(err)
	}
	putCredentials(t, path, rawEntry("b"))
	info, err := os.Stat(path)
	if err != nil {
		t.Fatal(err)
	}
	if stat := info.Sys().(*syscall.Stat_t); int(stat.Gid) != group || info.Mode().Perm() != mode {
		t.Errorf("got group %d, mode %04o; want %d, %04o", stat.Gid, info.Mode().Perm(), group, mode)
	}
}

// An edit that fails in the middle leaves nothing behind.
func TestReplaceThatFailsLeavesNothing(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "credentials")
	if err := os.Mkdir(path, 0o600); err != nil { // which no file takes the place of
		t.Fatal(err)
	}
	if err := replaceFile(path, []byte("x")); err == nil || !strings.Contains(err.Error(), "rename") {
		t.Errorf("got %v; want the rename to fail", err)
	}
	if left, err := os.ReadDir(dir); err != nil || len(left) != 1 || !left[0].IsDir() {
		t.Errorf("got %v, %v; want the folder alone", left, err)
	}
}
