//go:build unix

package auth

import (
	"errors"
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

// Owners are checked on what the system says; to try it takes root.
func TestLoadKeyOfAnotherUser(t *testing.T) {
	if os.Geteuid() != 0 {
		t.Skip("only root can make a file of another user")
	}
	path := filepath.Join(t.TempDir(), "key")
	if err := os.WriteFile(path, []byte(testKey), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.Chown(path, 12345, -1); err != nil {
		t.Fatal(err)
	}
	if _, err := LoadKey(path, KeyConfig{}); !errors.Is(err, ErrKey) || !strings.Contains(err.Error(), "user 12345") {
		t.Errorf("got %v; want an error that names the owner", err)
	}
}
