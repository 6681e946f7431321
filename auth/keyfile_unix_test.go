//go:build unix

package auth

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
)

// Opening a FIFO would wait for somebody to write to it.
func TestLoadKeyFromAFIFO(t *testing.T) {
	path := filepath.Join(t.TempDir(), "fifo")
	if err := syscall.Mkfifo(path, 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := LoadKey(path, KeyConfig{}); !errors.Is(err, ErrKey) || !strings.Contains(err.Error(), "regular file") {
		t.Errorf("got %v; want an error", err)
	}
}

// Root can give a file away, others can only ask as somebody else.
func TestLoadKeyOfAnotherUser(t *testing.T) {
	path := filepath.Join(t.TempDir(), "key")
	if err := os.WriteFile(path, []byte(testKey), 0o600); err != nil {
		t.Fatal(err)
	}
	owner := os.Geteuid()
	if owner == 0 {
		owner = 12345
		if err := os.Chown(path, owner, -1); err != nil {
			t.Fatal(err)
		}
	}
	info, err := os.Stat(path)
	if err != nil {
		t.Fatal(err)
	}
	if err := checkAccessAs(owner, path, info); err != nil {
		t.Errorf("its owner: %v", err)
	}
	if err := checkAccessAs(owner+1, path, info); err == nil || !strings.Contains(err.Error(), fmt.Sprint("user ", owner)) {
		t.Errorf("another user: got %v; want an error that names the owner", err)
	}
	if os.Geteuid() == 0 {
		if _, err := LoadKey(path, KeyConfig{}); !errors.Is(err, ErrKey) || !strings.Contains(err.Error(), "user 12345") {
			t.Errorf("got %v; want an error that names the owner", err)
		}
	}
}
