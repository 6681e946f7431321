//go:build darwin || dragonfly || freebsd || illumos || linux || netbsd || openbsd

package auth

import (
	"os"
	"testing"
)

// Who opened the file before an edit took its place, and comes to lock it after
// that, would lock what nobody else looks at.
func TestLockOfTheFileThatWas(t *testing.T) {
	path := writeCredentials(t, rawEntry("a"))
	before, err := os.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	putCredentials(t, path, rawEntry("b"))
	if _, ok, err := tryLockFile(before, path); ok || err != nil {
		t.Errorf("the old file: got %v, %v; want no lock", ok, err)
	}

	unlock, ok, err := tryLock(path)
	if !ok || err != nil {
		t.Fatalf("the new file: got %v, %v; want a lock", ok, err)
	}
	if _, again, err := tryLock(path); again || err != nil {
		t.Errorf("a second lock: got %v, %v; want none", again, err)
	}
	unlock()
	unlock, ok, err = tryLock(path)
	if !ok || err != nil {
		t.Fatalf("after the first has ended: got %v, %v; want a lock", ok, err)
	}
	unlock()
}
