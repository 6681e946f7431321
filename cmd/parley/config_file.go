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
	"time"

	"github.com/parley-rpc/parley/auth"
	"github.com/parley-rpc/parley/rpc/value"
	"github.com/pelletier/go-toml/v2"
)

const (
	// maxConfig bounds a config file, in bytes.
	maxConfig = 1 << 20

	defaultDrainTime = 10 * time.Second
)

// configFile is a file that was read, with what is needed to say where in it a
// mistake is.
type configFile struct {
	config
	path string
	keys configKeys
}

// loadConfig reads a file for serve. What cannot be meant, in itself or in the
// face of the rest, is an error that names the line; files and addresses that it
// names are not looked at.
func loadConfig(path string) (*configFile, error) {
	doc, err := readConfig(path)
	if err != nil {
		return nil, err
	}
	f := &configFile{path: path, config: config{DrainTime: duration{defaultDrainTime}}}
	if err := f.decode(doc); err != nil {
		return nil, err
	}
	if err := errors.Join(f.checkValues(), f.checkPolicy(), f.checkListeners()); err != nil {
		return nil, &usageError{err.Error()}
	}
	if err := f.resolve(); err != nil {
		return nil, err
	}
	return f, nil
}

// readConfig reads a file that nobody else can change, since it says who may
// call what.
func readConfig(path string) ([]byte, error) {
	f, info, err := openRegular(path)
	if err != nil {
		return nil, usagef("--config: %v", err)
	}
	defer f.Close()
	if mode := info.Mode(); mode.Perm()&0o022 != 0 && runtime.GOOS != "windows" {
		return nil, usagef("--config %s has mode %04o, which lets others change who may call what; want 0644 or narrower: chmod go-w %s", path, mode.Perm(), path)
	}
	if owner, others := ownerOf(info); others {
		return nil, usagef("--config %s belongs to user %d, who can change who may call what; want user %d or root", path, owner, os.Geteuid())
	}
	doc, err := io.ReadAll(io.LimitReader(f, maxConfig+1))
	if err != nil {
		return nil, usagef("--config: %v", err)
	}
	if len(doc) > maxConfig {
		return nil, usagef("--config %s is larger than %d MiB", path, maxConfig>>20)
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

// decode takes the document apart.
func (f *configFile) decode(doc []byte) error {
	d := toml.NewDecoder(bytes.NewReader(doc)).DisallowUnknownFields()
	err := d.Decode(&f.config)
	var at *toml.DecodeError
	var unknown *toml.StrictMissingError
	if errors.As(err, &at) && !errors.As(err, &unknown) {
		line, _ := at.Position()
		key, text := strings.Join(at.Key(), "."), strings.TrimPrefix(at.Error(), "toml: ")
		if strings.HasPrefix(text, "cannot decode TOML ") { // into a type that users do not know
			text = "want " + wanted(key)
		}
		return f.at(line, key, text)
	}
	// What is not known is told by the keys, which compare letter by letter.
	f.keys = readKeys(doc)
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
func (f *configFile) at(line int, key, text string) error {
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
func (f *configFile) wrongf(path, format string, args ...any) error {
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

// checkValues looks at numbers and times that are there; those that are not are
// the defaults.
func (f *configFile) checkValues() error {
	var wrong []error
	number := func(key string, got, least, most int) {
		if _, given := f.keys.lines[key]; given && (got < least || got > most) {
			wrong = append(wrong, f.wrongf(key, "got %d; want %d to %d, or leave it out", got, least, most))
		}
	}
	number("limits.max_conns", f.Limits.MaxConns, 1, 1<<20)
	number("limits.max_calls", f.Limits.MaxCalls, 1, 1<<20)
	number("limits.max_message", f.Limits.MaxMessage, 64<<10, 256<<20)
	period := func(key string, got duration, most time.Duration) {
		if _, given := f.keys.lines[key]; given && (got.Duration <= 0 || got.Duration > most) {
			wrong = append(wrong, f.wrongf(key, "got %v; want more than 0, and %v at most", got, most))
		}
	}
	period("drain_time", f.DrainTime, time.Hour)
	period("limits.call_timeout", f.Limits.CallTimeout, 24*time.Hour)
	period("limits.login_timeout", f.Limits.LoginTimeout, time.Minute)
	return errors.Join(wrong...)
}

// checkPolicy looks at the rules. A table without any would deny everything to
// everyone, and to the decoder it is the same as no table.
func (f *configFile) checkPolicy() error {
	if len(f.Policy) == 0 {
		if _, given := f.keys.lines["policy"]; given {
			return f.wrongf("policy", `nobody may call anything; name who may, such as ann = ["catalog.*", "system.*"], or take the table out, which lets everyone who comes in call everything`)
		}
		return nil
	}
	var wrong []error
	for identity, methods := range f.Policy {
		if _, err := auth.NewPolicy(map[string][]string{identity: methods}); err != nil {
			wrong = append(wrong, f.wrongf("policy."+identity, "%v", err))
		}
	}
	return errors.Join(wrong...)
}

// checkListeners looks at what is wanted of each, and whether it goes together.
func (f *configFile) checkListeners() error {
	if len(f.XMLRPC)+len(f.Native) == 0 {
		return f.at(0, "", "there is nothing to serve; add a table [[xmlrpc]] or [[native]] with listen = \"host:port\"")
	}
	var wrong []error
	for i, l := range f.XMLRPC {
		path := fmt.Sprintf("xmlrpc[%d]", i)
		wrong = append(wrong, f.checkListener(path, l.listenerConfig))
		if l.Int32Only && l.LongInt {
			wrong = append(wrong, f.wrongf(path+".long_int", "with int32_only beside it there is no integer beyond 32 bits to write; leave one of them out"))
		}
		switch {
		case strings.Contains(l.Listen, "://") && !isSocket(l.Listen):
			wrong = append(wrong, f.wrongf(path+".listen", "got %q; want host:port or unix:/path (with cert and key it is https)", l.Listen))
		case l.encrypted() && isSocket(l.Listen):
			wrong = append(wrong, f.wrongf(path+".cert", "a unix socket stays on this machine and takes no certificate; leave out cert and key"))
		}
	}
	for i, l := range f.Native {
		path := fmt.Sprintf("native[%d]", i)
		wrong = append(wrong, f.checkListener(path, l.listenerConfig))
		if l.Cert != "" && !l.encrypted() {
			wrong = append(wrong, f.wrongf(path+".listen", "got %q with a certificate; want tls://host:port", l.Listen))
		}
		if l.ClientCA != "" && l.Cert == "" {
			wrong = append(wrong, f.wrongf(path+".client_ca", "there is no cert beside it, by which such clients know the server; name the files of cert and key"))
		}
	}
	return errors.Join(wrong...)
}

func (f *configFile) checkListener(path string, l listenerConfig) error {
	switch {
	case l.Listen == "":
		return f.wrongf(path+".listen", "there is none; want an address to listen on")
	case l.Cert != "" && l.Key == "":
		return f.wrongf(path+".cert", "there is no key beside it; name the file of its private key: key = \"FILE\"")
	case l.Cert == "" && l.Key != "":
		return f.wrongf(path+".key", "there is no cert beside it; name the file of the certificate: cert = \"FILE\"")
	}
	return nil
}

// resolve makes the paths in the file relative to it, and tells the listeners
// where they come from.
func (f *configFile) resolve() error {
	dir, err := filepath.Abs(filepath.Dir(f.path))
	if err != nil {
		return usagef("--config: %v", err)
	}
	relative := func(paths ...*string) {
		for _, p := range paths {
			if *p != "" && !filepath.IsAbs(*p) {
				*p = filepath.Join(dir, *p)
			}
		}
	}
	listener := func(path string, l *listenerConfig) {
		relative(&l.Cert, &l.Key)
		l.Listen = socketIn(dir, l.Listen)
		l.where = fmt.Sprintf("%s:%d: listen", f.path, f.keys.lines[path+".listen"])
	}
	relative(&f.Credentials)
	for i := range f.XMLRPC {
		listener(fmt.Sprintf("xmlrpc[%d]", i), &f.XMLRPC[i].listenerConfig)
	}
	for i := range f.Native {
		listener(fmt.Sprintf("native[%d]", i), &f.Native[i].listenerConfig)
		relative(&f.Native[i].ClientCA)
	}
	return nil
}

// socketIn makes the path of a unix socket absolute, below dir if it is
// relative, since the URL that clients are told has to work elsewhere too. Other
// addresses stay as they are.
func socketIn(dir, addr string) string {
	path, ok := strings.CutPrefix(addr, "unix:")
	path = strings.TrimPrefix(path, "//")
	if !ok || path == "" || path[0] == '@' || filepath.IsAbs(path) {
		return addr
	}
	return "unix:" + filepath.Join(dir, path)
}
