package auth

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
)

func TestLoadKey(t *testing.T) {
	for _, test := range []struct {
		name, content string
		mode          fs.FileMode
		cfg           KeyConfig
		want          string // the key
		err           string
	}{
		{"plain", testKey, 0o600, KeyConfig{}, testKey, ""},
		{"newline", testKey + "\n", 0o600, KeyConfig{}, testKey, ""},
		{"one newline is removed", testKey + "\n\n", 0o600, KeyConfig{}, testKey + "\n", ""},
		{"spaces belong to the key", " " + testKey + " \n", 0o600, KeyConfig{}, " " + testKey + " ", ""},
		{"narrower", testKey, 0o400, KeyConfig{}, testKey, ""},
		{"group may read", testKey, 0o640, KeyConfig{}, "", "chmod 600"},
		{"others may read", testKey, 0o604, KeyConfig{}, "", "got mode 0604"},
		{"all may read", testKey, 0o644, KeyConfig{}, "", "chmod 600"},
		{"others may write", testKey, 0o602, KeyConfig{}, "", "chmod 600"},
		{"executable", testKey, 0o700, KeyConfig{}, "", "chmod 600"},
		{"short", "12345\n", 0o600, KeyConfig{}, "", "got 5 bytes; want 32 or more"},
		{"short, allowed", "12345\n", 0o600, KeyConfig{DangerouslyAllowShortKey: true}, "12345", ""},
		{"empty", "", 0o600, KeyConfig{DangerouslyAllowShortKey: true}, "", "empty"},
		{"only a newline", "\n", 0o600, KeyConfig{DangerouslyAllowShortKey: true}, "", "empty"},
		{"largest", strings.Repeat("x", maxKeySize) + "\n", 0o600, KeyConfig{}, strings.Repeat("x", maxKeySize), ""},
		{"too large", strings.Repeat("x", maxKeySize+1), 0o600, KeyConfig{}, "", "at most"},
		{"far too large", strings.Repeat("\n", 1<<20), 0o600, KeyConfig{}, "", "at most"},
	} {
		path := filepath.Join(t.TempDir(), "key")
		if err := os.WriteFile(path, []byte(test.content), 0o600); err != nil {
			t.Fatal(err)
		}
		if err := os.Chmod(path, test.mode); err != nil {
			t.Fatal(err)
		}
		err := checkLoad(path, test.cfg, test.want)
		if os.Geteuid() == 0 && test.mode == 0o640 { // root's own may be read by a group
			err = checkLoad(path, test.cfg, testKey)
			test.err = ""
		}
		if test.err == "" && err != nil || test.err != "" && (!errors.Is(err, ErrKey) || !strings.Contains(err.Error(), test.err)) {
			t.Errorf("%s: got %v; want %q", test.name, err, test.err)
		}
		if err != nil && !strings.Contains(err.Error(), path) {
			t.Errorf("%s: %v does not name the file", test.name, err)
		}
	}
}

var errOther = errors.New("another key")

func checkLoad(path string, cfg KeyConfig, want string) error {
	k, err := LoadKey(path, cfg)
	if err == nil && string(k.Reveal()) != want {
		return errOther
	}
	return err
}

func TestLoadKeyFromWhatIsNoFile(t *testing.T) {
	dir := t.TempDir()
	if _, err := LoadKey(filepath.Join(dir, "none"), KeyConfig{}); !errors.Is(err, fs.ErrNotExist) || !errors.Is(err, ErrKey) {
		t.Errorf("no file: got %v; want fs.ErrNotExist", err)
	}
	if _, err := LoadKey(dir, KeyConfig{}); !errors.Is(err, ErrKey) || !strings.Contains(err.Error(), "regular file") {
		t.Errorf("a folder: got %v; want an error", err)
	}
	if _, err := LoadKey("/dev/zero", KeyConfig{}); !errors.Is(err, ErrKey) || !strings.Contains(err.Error(), "regular file") {
		t.Errorf("a device: got %v; want an error", err)
	}
}

func TestWriteFile(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "key")
	k := GenerateKey()
	if err := k.WriteFile(path); err != nil {
		t.Fatal(err)
	}
	if info, err := os.Stat(path); err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("got %v, %v; want mode 0600", info, err)
	}
	if err := checkLoad(path, KeyConfig{}, string(k.Reveal())); err != nil {
		t.Errorf("read back: %v", err)
	}
	if err := GenerateKey().WriteFile(path); !errors.Is(err, fs.ErrExist) || !errors.Is(err, ErrKey) {
		t.Errorf("over another key: got %v; want fs.ErrExist", err)
	}
	if err := checkLoad(path, KeyConfig{}, string(k.Reveal())); err != nil {
		t.Errorf("after that: %v", err)
	}
	if err := Key([]byte("12345")).WriteFile(filepath.Join(dir, "short")); !errors.Is(err, ErrKey) {
		t.Errorf("a short key: got %v; want ErrKey", err)
	}
	if err := k.WriteFile(filepath.Join(dir, "no", "key")); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("into no folder: got %v; want fs.ErrNotExist", err)
	}
	if err := k.WriteFile(filepath.Join("/nonexistent", "key")); err == nil {
		t.Error("into no folder: success")
	}
	entries, _ := os.ReadDir(dir)
	if len(entries) != 1 {
		t.Errorf("files left: got %v; want the key alone", entries)
	}
}

// Of several programs that make the first key at the same time one wins, and
// nobody reads a part of a key.
func TestWriteFileRace(t *testing.T) {
	path := filepath.Join(t.TempDir(), "key")
	var wg sync.WaitGroup
	got := make([]string, 8)
	wins := make([]bool, len(got))
	for i := range got {
		wg.Go(func() {
			err := GenerateKey().WriteFile(path)
			wins[i] = err == nil
			if err != nil && !errors.Is(err, fs.ErrExist) {
				t.Error(err)
			}
			k, err := LoadKey(path, KeyConfig{})
			if err != nil {
				t.Error(err)
				return
			}
			got[i] = string(k.Reveal())
		})
	}
	wg.Wait()
	winners := 0
	for i := range got {
		if wins[i] {
			winners++
		}
		if got[i] != got[0] {
			t.Errorf("two keys were read: %q and %q", got[0], got[i])
		}
	}
	if winners != 1 {
		t.Errorf("got %d winners; want 1", winners)
	}
}
