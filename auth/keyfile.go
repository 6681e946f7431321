package auth

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
)

// LoadKey reads a key from a file that nobody else can read: a regular file,
// owned by this user or root, with mode 0600 or narrower (0640 if root's, so
// that a service's group may read it). On Windows neither owner nor mode is
// looked at.
//
// The key is the content of the file without one newline at its end. What is
// wrong with it is an ErrKey; a file that is not there is fs.ErrNotExist as well.
func LoadKey(path string, cfg KeyConfig) (*Authkey, error) {
	key, err := readSecretFile(path, maxKeySize)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrKey, err)
	}
	k, err := NewKey(key, cfg)
	if err != nil {
		return nil, fmt.Errorf("%w (in %s)", err, path)
	}
	return k, nil
}

// readSecretFile returns the content of a file that nobody else can read, without
// one newline at its end; limit bounds what is left. Its errors name the file.
func readSecretFile(path string, limit int) ([]byte, error) {
	f, err := os.OpenFile(path, os.O_RDONLY|openFlags, 0)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	// What is looked at is the file that is open, whatever the path means by now.
	info, err := f.Stat()
	if err != nil {
		return nil, err
	}
	if !info.Mode().IsRegular() {
		return nil, fmt.Errorf("%s: got %s; want a regular file", path, info.Mode().Type())
	}
	if err := checkAccess(path, info); err != nil {
		return nil, err
	}
	data, err := io.ReadAll(io.LimitReader(f, int64(limit)+2))
	if err != nil {
		return nil, err
	}
	if n := len(data); n > 0 && data[n-1] == '\n' {
		data = data[:n-1]
	}
	if len(data) > limit {
		return nil, fmt.Errorf("%s: got more than %d bytes; want %[2]d at most", path, limit)
	}
	return data, nil
}

// WriteFile writes the key and a newline to a new file with mode 0600, which
// appears at path complete or not at all. A file that is there is never
// replaced: the error is fs.ErrExist then.
func (k *Authkey) WriteFile(path string) error {
	if err := k.Check(); err != nil {
		return err
	}
	if err := writeNew(path, append(k.Reveal(), '\n')); err != nil {
		return fmt.Errorf("%w: write: %w", ErrKey, err)
	}
	return nil
}

func writeNew(path string, data []byte) (err error) {
	f, err := os.CreateTemp(filepath.Dir(path), "."+filepath.Base(path)+".*") // mode 0600
	if err != nil {
		return err
	}
	defer os.Remove(f.Name())
	_, err = f.Write(data)
	err = errors.Join(err, f.Sync(), f.Close())
	if err != nil {
		return err
	}
	// A link, other than a rename, does not replace what is there.
	err = os.Link(f.Name(), path)
	if err == nil || errors.Is(err, fs.ErrExist) {
		return err
	}
	// File systems without hard links: then two at the same time are not told apart.
	if _, err := os.Lstat(path); err == nil {
		return &fs.PathError{Op: "create", Path: path, Err: fs.ErrExist}
	}
	return os.Rename(f.Name(), path)
}
