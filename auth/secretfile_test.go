package auth

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/synctest"
	"time"
)

// TestSecretFileIsReadAgain: the secret is the one that is in the file, a second after it was
// replaced; a file that cannot be read changes nothing.
func TestSecretFileIsReadAgain(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "secret")
	put := func(text string) {
		t.Helper()
		next := filepath.Join(dir, "next")
		if err := os.WriteFile(next, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		if err := os.Rename(next, path); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := OpenSecret(path); !errors.Is(err, fs.ErrNotExist) || !errors.Is(err, ErrSecret) {
		t.Errorf("no file: got %v", err)
	}
	put("bot.k1:the first passphrase\n")
	synctest.Test(t, func(t *testing.T) {
		f, err := OpenSecret(path)
		if err != nil {
			t.Fatal(err)
		}
		want := func(when, id string, broken bool) {
			t.Helper()
			authorization, err := f.Authorization()
			if got := f.ID(); err != nil || got != id || !strings.HasPrefix(authorization, "Basic ") || (f.Err() != nil) != broken {
				t.Errorf("%s: got %s, %v, %v; want %s, broken %v", when, got, err, f.Err(), id, broken)
			}
		}
		want("at first", "bot.k1", false)
		first := f.current()
		put("bot.k2:the second passphrase\n")
		want("less than a second later", "bot.k1", false)
		time.Sleep(secretLook)
		want("a second later", "bot.k2", false)
		put("nonsense")
		time.Sleep(secretLook)
		want("with a broken file", "bot.k2", true)
		put("bot.k1:the first passphrase")
		time.Sleep(secretLook)
		want("with the first again", "bot.k1", false)
		same := f.current()
		put("bot.k1:the first passphrase")
		time.Sleep(secretLook)
		if f.current() != same || same == first {
			t.Error("the same text is another secret, which has to run argon2id again")
		}
		if err := os.Chmod(path, 0o644); err != nil {
			t.Fatal(err)
		}
		time.Sleep(secretLook)
		want("with a file that others can read", "bot.k1", true)
		for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%q"} {
			if got := fmt.Sprintf(verb, f); strings.Contains(got, "passphrase") {
				t.Errorf("%s prints %s", verb, got)
			}
		}
	})
}
