package main

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"syscall"

	"github.com/parley-rpc/parley/rpc/value"
	"github.com/pelletier/go-toml/v2"
)

// maxConfig bounds a config file, in bytes.
const maxConfig = 1 << 20

// tomlFile is a file that was read, with what is needed to say where in it a
// mistake is.
type tomlFile struct {
	path string
	keys configKeys
}

// readTrusted reads a file that nobody else can change. what is the name that
// messages have for it, says is what it decides.
func readTrusted(what, path, says string) ([]byte, error) {
	f, info, err := openRegular(path)
	if err != nil {
		return nil, usagef("%s: %v", what, err)
	}
	defer f.Close()
	if mode := info.Mode(); mode.Perm()&0o022 != 0 && runtime.GOOS != "windows" {
		return nil, usagef("%s %s has mode %04o, which lets others change %s; want 0644 or narrower: chmod go-w %s", what, path, mode.Perm(), says, path)
	}
	if owner, others := ownerOf(info); others {
		return nil, usagef("%s %s belongs to user %d, who can change %s; want user %d or root", what, path, owner, says, os.Geteuid())
	}
	doc, err := io.ReadAll(io.LimitReader(f, maxConfig+1))
	if err != nil {
		return nil, usagef("%s: %v", what, err)
	}
	if len(doc) > maxConfig {
		return nil, usagef("%s %s is larger than %d MiB", what, path, maxConfig>>20)
	}
	return doc, nil
}

// openRegular opens a file that is read while serve runs: a FIFO would keep it
// from all else until somebody writes there, from the signal to end as well.
func openRegular(path string) (*os.File, os.FileInfo, error) {
	f, err := os.OpenFile(path, os.O_RDONLY|syscall.O_NONBLOCK, 0)
	if err != nil {
		return nil, nil, err
	}
	info, err := f.Stat()
	if err == nil && !info.Mode().IsRegular() {
		err = fmt.Errorf("%s: got %s; want a regular file", path, info.Mode().Type())
	}
	if err != nil {
		f.Close()
		return nil, nil, err
	}
	return f, info, nil
}

// decode takes the document apart, into the struct that into points to. refused
// says of keys that are not known, by their last word, why there are none.
func (f *tomlFile) decode(doc []byte, into any, refused map[string]string) error {
	d := toml.NewDecoder(bytes.NewReader(doc)).DisallowUnknownFields()
	err := d.Decode(into)
	known := keysOf(into)
	var at *toml.DecodeError
	var unknown *toml.StrictMissingError
	if errors.As(err, &at) && !errors.As(err, &unknown) {
		line, _ := at.Position()
		key, text := strings.Join(at.Key(), "."), strings.TrimPrefix(at.Error(), "toml: ")
		if strings.HasPrefix(text, "cannot decode TOML ") { // into a type that users do not know
			text = "want " + known.wanted(known.plain(key))
		}
		return f.at(line, key, text)
	}
	// What is not known is told by the keys, which compare letter by letter.
	f.keys = readKeys(doc, known, refused)
	var wrong []error
	for _, w := range f.keys.wrong {
		wrong = append(wrong, f.at(w.line, w.key, w.text))
	}
	if len(wrong) == 0 && err != nil {
		wrong = append(wrong, fmt.Errorf("%s: %w", f.path, err))
	}
	if err := errors.Join(wrong...); err != nil {
		return &usageError{err.Error()}
	}
	return nil
}

// at says what is wrong with the value of a key, and where that is.
func (f *tomlFile) at(line int, key, text string) error {
	if key != "" {
		text = value.Clip(key, 64) + ": " + text
	}
	if line == 0 {
		return usagef("%s: %s", f.path, text)
	}
	return usagef("%s:%d: %s", f.path, line, text)
}

// wrongf is at for a key by its path, or by that of the table around it if it is
// not there.
func (f *tomlFile) wrongf(path, format string, args ...any) error {
	line, ok := f.keys.lines[path]
	if !ok {
		table, _, _ := cutLast(path)
		line = f.keys.lines[table]
	}
	return f.at(line, path, fmt.Sprintf(format, args...))
}

func cutLast(path string) (table, key string, ok bool) {
	i := strings.LastIndexByte(path, '.')
	if i < 0 {
		return "", path, false
	}
	return path[:i], path[i+1:], true
}

// pathIn makes a path absolute: one that is relative counts from dir. None stays
// none.
func pathIn(dir, path string) string {
	if path == "" || filepath.IsAbs(path) {
		return path
	}
	return filepath.Join(dir, path)
}
