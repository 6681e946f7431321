// Package tomlfile reads the files that users write in TOML, strictly: nobody else
// may be able to change them, a key that is not known is an error, and every error
// names its line.
package tomlfile

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"maps"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"syscall"

	"github.com/parley-rpc/parley/cmd/parley/internal/usage"
	"github.com/parley-rpc/parley/rpc/value"
	"github.com/pelletier/go-toml/v2"
)

// MaxSize bounds a file, in bytes.
const MaxSize = 1 << 20

// File is a file that was read, with what is needed to say where in it a
// mistake is.
type File struct {
	path  string // as the user named it
	keys  foundKeys
	known knownKeys
}

// ReadTrusted reads a file that nobody else can change. what is the name that
// messages have for it, says is what it decides.
func ReadTrusted(what, path, says string) ([]byte, error) {
	f, info, err := OpenRegular(path)
	if err != nil {
		return nil, usage.Errorf("%s: %v", what, err)
	}
	defer f.Close()
	if mode := info.Mode(); mode.Perm()&0o022 != 0 && runtime.GOOS != "windows" {
		return nil, usage.Errorf("%s %s has mode %04o, which lets others change %s; want 0644 or narrower: chmod go-w %s", what, path, mode.Perm(), says, path)
	}
	if owner, others := ownerOf(info); others {
		return nil, usage.Errorf("%s %s belongs to user %d, who can change %s; want user %d or root", what, path, owner, says, os.Geteuid())
	}
	doc, err := io.ReadAll(io.LimitReader(f, MaxSize+1))
	if err != nil {
		return nil, usage.Errorf("%s: %v", what, err)
	}
	if len(doc) > MaxSize {
		return nil, usage.Errorf("%s %s is larger than %d MiB", what, path, MaxSize>>20)
	}
	return doc, nil
}

// OpenRegular opens a file that is read while serve runs: a FIFO would keep it
// from all else until somebody writes there, from the signal to end as well.
func OpenRegular(path string) (*os.File, os.FileInfo, error) {
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

// New returns the file at a path, which nobody has read yet.
func New(path string) File { return File{path: path} }

// Path is the path of the file, for messages.
func (f *File) Path() string { return f.path }

// Decode takes the document apart, into the struct that into points to. refused
// says of keys that are not known, by their last word, why there are none.
func (f *File) Decode(doc []byte, into any, refused map[string]string) error {
	d := toml.NewDecoder(bytes.NewReader(doc)).DisallowUnknownFields()
	err := d.Decode(into)
	f.known = keysOf(into)
	var at *toml.DecodeError
	var unknown *toml.StrictMissingError
	if errors.As(err, &at) && !errors.As(err, &unknown) {
		line, _ := at.Position()
		key, text := strings.Join(at.Key(), "."), strings.TrimPrefix(at.Error(), "toml: ")
		if strings.HasPrefix(text, "cannot decode TOML ") { // into a type that users do not know
			text = "want " + f.known.wanted(f.known.plain(key))
		}
		return f.At(line, key, text)
	}
	// What is not known is told by the keys, which compare letter by letter.
	f.keys = readKeys(doc, f.known, refused)
	var wrong []error
	for _, w := range f.keys.wrong {
		wrong = append(wrong, f.At(w.line, w.key, w.text))
	}
	if len(wrong) == 0 && err != nil {
		wrong = append(wrong, fmt.Errorf("%s: %w", f.path, err))
	}
	return usage.Join(wrong...)
}

// Given reports whether a key or table stands in the file, by its path:
// "xmlrpc[1].listen".
func (f *File) Given(path string) bool { return f.keys.lines[path] > 0 }

// Line returns the line that a key stands in; 0 if it does not.
func (f *File) Line(path string) int { return f.keys.lines[path] }

// Names returns the keys and tables that stand in the file, as Known has
// them.
func (f *File) Names() []string {
	names := map[string]bool{}
	for path := range f.keys.lines {
		names[f.known.plain(path)] = true
	}
	return slices.Sorted(maps.Keys(names))
}

// At says what is wrong with the value of a key, and where that is.
func (f *File) At(line int, key, text string) error {
	if key != "" {
		text = value.Clip(key, 64) + ": " + text
	}
	if line == 0 {
		return usage.Errorf("%s: %s", f.path, text)
	}
	return usage.Errorf("%s:%d: %s", f.path, line, text)
}

// Wrongf is At for a key by its path, or by that of the table around it if it is
// not there.
func (f *File) Wrongf(path, format string, args ...any) error {
	line, ok := f.keys.lines[path]
	if !ok {
		table, _, _ := cutLast(path)
		line = f.keys.lines[table]
	}
	return f.At(line, path, fmt.Sprintf(format, args...))
}

func cutLast(path string) (table, key string, ok bool) {
	i := strings.LastIndexByte(path, '.')
	if i < 0 {
		return "", path, false
	}
	return path[:i], path[i+1:], true
}

// PathIn makes a path absolute: one that is relative counts from dir. None stays
// none.
func PathIn(dir, path string) string {
	if path == "" || filepath.IsAbs(path) {
		return path
	}
	return filepath.Join(dir, path)
}
