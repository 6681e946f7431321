package auth

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"time"
)

const (
	lockWait = 30 * time.Second // for other editors
	lockPoll = 10 * time.Millisecond
)

// EditCredentials changes a file of credentials: edit gets the entries, keys
// included, in the order of the file, and returns those that are to be there
// instead. It is safe to use while servers read the file, and while others edit
// it: edits come one after another, and one waits for 30 s at most. If edit returns
// an error, EditCredentials fails with it, and nothing changes.
//
// The file that is there has to be one that LoadCredentials takes (of keys that
// are too short, it is for the server to decide). The new one takes its place
// complete or not at all, also in a crash, with the same mode, owner and group;
// blank lines are lost. Where path is a symbolic link, the file behind it is
// meant. If there is no file, one with mode 0600 is made. The first line, with
// the key for the salts of unknown ids, is kept, or added if there is none.
func EditCredentials(path string, edit func([]Entry) ([]Entry, error)) error {
	if err := editCredentials(path, edit); err != nil {
		return fmt.Errorf("auth: edit credentials: %w", err)
	}
	return nil
}

func editCredentials(path string, edit func([]Entry) ([]Entry, error)) error {
	path, err := resolve(path)
	if err != nil {
		return err
	}
	unlock, err := lockEdits(path)
	if err != nil {
		return err
	}
	defer unlock()

	before := stampOf(path)
	policy := setPolicy{allowShortKey: true, now: time.Now()}
	old, err := readForEdit(path, policy)
	isNew := errors.Is(err, fs.ErrNotExist)
	if err != nil && !isNew {
		return err
	}
	file := credentialFile{mockKey: old.mockKey}
	if file.mockKey == nil {
		file.mockKey = newMockKey()
	}
	if file.entries, err = edit(old.entries()); err != nil {
		return err
	}
	if !isNew && sameEntries(old, file.entries) {
		return nil
	}
	data, err := file.encodeStrict(policy)
	if err != nil {
		return err
	}
	if isNew {
		if err := writeNew(path, data); err != nil {
			return err
		}
		return syncDir(filepath.Dir(path))
	}
	if stampOf(path).state != before.state {
		return fmt.Errorf("%s: another program has changed it meanwhile; nothing was written: try again", path)
	}
	return replaceFile(path, data)
}

// resolve returns the path of what is behind symbolic links. A file that is not
// there is no error.
func resolve(path string) (string, error) {
	if _, err := os.Lstat(path); errors.Is(err, fs.ErrNotExist) {
		return path, nil
	}
	return filepath.EvalSymlinks(path) // fails on a link that leads nowhere
}

// lockEdits locks the file against other editors, or its directory while there is
// none. A lock needs no more than the right to read: one on the directory alone
// would let everybody on the machine hold up the revocation of a credential.
func lockEdits(path string) (unlock func(), err error) {
	for deadline := time.Now().Add(lockWait); ; time.Sleep(lockPoll) {
		place := path
		if _, err := os.Stat(path); errors.Is(err, fs.ErrNotExist) {
			place = filepath.Dir(path)
		}
		unlock, ok, err := tryLock(place)
		if errors.Is(err, fs.ErrNotExist) && place == path {
			continue // it is gone
		}
		if err != nil {
			return nil, err
		}
		if ok {
			if _, err := os.Stat(path); place == path || errors.Is(err, fs.ErrNotExist) {
				return unlock, nil
			}
			unlock() // somebody has made the file
		}
		if time.Now().After(deadline) {
			return nil, fmt.Errorf("%s: somebody else has been editing it for %v; wait, or end that", path, lockWait)
		}
	}
}

func readForEdit(path string, policy setPolicy) (*credentialSet, error) {
	data, err := readSecretFile(path, maxCredentialsSize)
	if err != nil {
		return &credentialSet{}, err
	}
	return parseCredentials(path, data, policy)
}

// entries returns copies of the entries, keys included.
func (s *credentialSet) entries() []Entry {
	entries := make([]Entry, len(s.all))
	for i, cred := range s.all {
		entries[i] = cred.clone()
	}
	return entries
}

func sameEntries(s *credentialSet, entries []Entry) bool {
	if len(s.all) != len(entries) {
		return false
	}
	for i, cred := range s.all {
		if !cred.equal(&entries[i]) {
			return false
		}
	}
	return true
}

// encodeStrict writes the file, and looks whether what is written says the same
// to who reads it.
func (file *credentialFile) encodeStrict(policy setPolicy) ([]byte, error) {
	policy.where = func(i int) string { return fmt.Sprintf("entry %d", i) }
	if _, err := newCredentialSet(file.entries, policy); err != nil {
		return nil, err
	}
	data, err := file.encode()
	if err != nil {
		return nil, err
	}
	if len(data) > maxCredentialsSize {
		return nil, fmt.Errorf("it would have %d bytes; want %d at most", len(data), maxCredentialsSize)
	}
	set, err := parseCredentials("the new file", data, policy)
	if err != nil {
		return nil, err
	}
	if !sameEntries(set, file.entries) || !bytes.Equal(set.mockKey, file.mockKey) {
		return nil, errors.New("the new file would say something else than the entries")
	}
	return data, nil
}

// replaceFile puts data into the place of the file at path, which is there all
// the time: first the old one, then the new one.
func replaceFile(path string, data []byte) error {
	old, err := os.Lstat(path)
	if err != nil {
		return err
	}
	if err := checkAccess(path, old); err != nil { // whose owner and mode are taken over
		return err
	}
	f, err := os.CreateTemp(filepath.Dir(path), "."+filepath.Base(path)+".*") // mode 0600
	if err != nil {
		return err
	}
	defer os.Remove(f.Name())
	err = keepOwner(f, old)
	if err == nil {
		err = f.Chmod(old.Mode().Perm())
	}
	if err == nil {
		_, err = f.Write(data)
	}
	if err := errors.Join(err, f.Sync(), f.Close()); err != nil {
		return err
	}
	if err := os.Rename(f.Name(), path); err != nil {
		return err
	}
	return syncDir(filepath.Dir(path))
}
