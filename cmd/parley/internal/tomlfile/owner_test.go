//go:build unix

package tomlfile

import (
	"os"
	"syscall"
	"testing"
)

// TestThreatOwner: who owns a file can say what is in it.
func TestThreatOwner(t *testing.T) {
	for uid, want := range map[int]bool{0: false, os.Geteuid(): false, 12345: true} {
		if got, others := ownerOf(ownedFile{uid: uid}); got != uid || others != want {
			t.Errorf("a file of user %d: got %d, somebody else's %v; want %v", uid, got, others, want)
		}
	}
}

// ownedFile is a file of some user.
type ownedFile struct {
	os.FileInfo
	uid int
}

func (f ownedFile) Sys() any { return &syscall.Stat_t{Uid: uint32(f.uid)} }
