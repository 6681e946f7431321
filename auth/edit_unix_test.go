//go:build unix

package auth

import (
	"os"
	"path/filepath"
	"testing"
	"time"
)

// TestThreatLockByAStranger: whoever may read a directory may lock it. That must
// not keep the owner of a file in it from revoking a credential.
func TestThreatLockByAStranger(t *testing.T) {
	path := filepath.Join(t.TempDir(), "credentials")
	edit := func() error {
		return EditCredentials(path, func(e []Entry) ([]Entry, error) { return e, nil })
	}
	if err := edit(); err != nil {
		t.Fatal(err)
	}
	unlock, ok, err := tryLock(filepath.Dir(path))
	if !ok || err != nil {
		t.Fatalf("the stranger's lock: got %v, %v", ok, err)
	}
	defer unlock()
	done := make(chan error, 1)
	go func() { done <- edit() }()
	select {
	case err := <-done:
		if err != nil {
			t.Error(err)
		}
	case <-time.After(10 * time.Second):
		t.Error("the edit waits for a lock that everybody can take")
		unlock()
		<-done
	}
}

// TestThreatOwnerOfTheOldFile: the new file gets the owner and the mode of the one
// that it replaces; another one that was put there meanwhile must not open it to
// others.
func TestThreatOwnerOfTheOldFile(t *testing.T) {
	path := filepath.Join(t.TempDir(), "credentials")
	if err := os.WriteFile(path, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.Chmod(path, 0o666); err != nil {
		t.Fatal(err)
	}
	if err := replaceFile(path, []byte("secret")); err == nil {
		t.Error("the secrets stand in a file of mode 0666; want an error")
	}
	if data, err := os.ReadFile(path); err != nil || len(data) > 0 {
		t.Errorf("the file: got %q, %v; want the old one", data, err)
	}
}
