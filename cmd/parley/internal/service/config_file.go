package service

import (
	"errors"
	"fmt"
	"path/filepath"
	"strings"
	"time"

	"github.com/parley-rpc/parley/auth"
	"github.com/parley-rpc/parley/cmd/parley/internal/tomlfile"
	"github.com/parley-rpc/parley/cmd/parley/internal/usage"
)

const defaultDrainTime = 10 * time.Second

// configFile is a file for serve that was read.
type configFile struct {
	Config
	tomlfile.File
}

// loadConfig reads a file for serve. What cannot be meant, in itself or in the
// face of the rest, is an error that names the line; files and addresses that it
// names are not looked at.
func loadConfig(path string) (*configFile, error) {
	doc, err := tomlfile.ReadTrusted("--config", path, "who may call what")
	if err != nil {
		return nil, err
	}
	f := &configFile{Config: Config{DrainTime: tomlfile.Duration{Duration: defaultDrainTime}}, File: tomlfile.New(path)}
	if err := f.Decode(doc, &f.Config, nil); err != nil {
		return nil, err
	}
	if err := usage.Join(f.checkValues(), f.checkPolicy(), f.checkListeners()); err != nil {
		return nil, err
	}
	if err := f.resolve(); err != nil {
		return nil, err
	}
	return f, nil
}

// checkValues looks at numbers and times that are there; those that are not are
// the defaults.
func (f *configFile) checkValues() error {
	var wrong []error
	number := func(key string, got, least, most int) {
		if f.Given(key) && (got < least || got > most) {
			wrong = append(wrong, f.Wrongf(key, "got %d; want %d to %d, or leave it out", got, least, most))
		}
	}
	number("limits.max_conns", f.Limits.MaxConns, 1, 1<<20)
	number("limits.max_calls", f.Limits.MaxCalls, 1, 1<<20)
	number("limits.max_message", f.Limits.MaxMessage, 64<<10, 256<<20)
	period := func(key string, got tomlfile.Duration, most time.Duration) {
		if f.Given(key) && (got.Duration <= 0 || got.Duration > most) {
			wrong = append(wrong, f.Wrongf(key, "got %v; want more than 0, and %v at most", got, most))
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
		if f.Given("policy") {
			return f.Wrongf("policy", `nobody may call anything; name who may, such as ann = ["catalog.*", "system.*"], or take the table out, which lets everyone who comes in call everything`)
		}
		return nil
	}
	var wrong []error
	for identity, methods := range f.Policy {
		if _, err := auth.NewPolicy(map[string][]string{identity: methods}); err != nil {
			wrong = append(wrong, f.Wrongf("policy."+identity, "%v", err))
		}
	}
	return errors.Join(wrong...)
}

// checkListeners looks at what is wanted of each, and whether it goes together.
func (f *configFile) checkListeners() error {
	if len(f.XMLRPC)+len(f.Native) == 0 {
		return f.At(0, "", "there is nothing to serve; add a table [[xmlrpc]] or [[native]] with listen = \"host:port\"")
	}
	var wrong []error
	for i, l := range f.XMLRPC {
		path := fmt.Sprintf("xmlrpc[%d]", i)
		wrong = append(wrong, f.checkListener(path, l.ListenerConfig))
		if l.Int32Only && l.LongInt {
			wrong = append(wrong, f.Wrongf(path+".long_int", "with int32_only beside it there is no integer beyond 32 bits to write; leave one of them out"))
		}
		switch {
		case strings.Contains(l.Listen, "://") && !isSocket(l.Listen):
			wrong = append(wrong, f.Wrongf(path+".listen", "got %q; want host:port or unix:/path (with cert and key it is https)", l.Listen))
		case l.encrypted() && isSocket(l.Listen):
			wrong = append(wrong, f.Wrongf(path+".cert", "a unix socket stays on this machine and takes no certificate; leave out cert and key"))
		}
	}
	for i, l := range f.Native {
		path := fmt.Sprintf("native[%d]", i)
		wrong = append(wrong, f.checkListener(path, l.ListenerConfig))
		if l.Cert != "" && !l.encrypted() {
			wrong = append(wrong, f.Wrongf(path+".listen", "got %q with a certificate; want tls://host:port", l.Listen))
		}
		if l.ClientCA != "" && l.Cert == "" {
			wrong = append(wrong, f.Wrongf(path+".client_ca", "there is no cert beside it, by which such clients know the server; name the files of cert and key"))
		}
	}
	return errors.Join(wrong...)
}

func (f *configFile) checkListener(path string, l ListenerConfig) error {
	switch {
	case l.Listen == "":
		return f.Wrongf(path+".listen", "there is none; want an address to listen on")
	case l.Cert != "" && l.Key == "":
		return f.Wrongf(path+".cert", "there is no key beside it; name the file of its private key: key = \"FILE\"")
	case l.Cert == "" && l.Key != "":
		return f.Wrongf(path+".key", "there is no cert beside it; name the file of the certificate: cert = \"FILE\"")
	}
	return nil
}

// resolve makes the paths in the file relative to it, and tells the listeners
// where they come from.
func (f *configFile) resolve() error {
	dir, err := filepath.Abs(filepath.Dir(f.Path()))
	if err != nil {
		return usage.Errorf("--config: %v", err)
	}
	relative := func(paths ...*string) {
		for _, p := range paths {
			*p = tomlfile.PathIn(dir, *p)
		}
	}
	listener := func(path string, l *ListenerConfig) {
		relative(&l.Cert, &l.Key)
		l.Listen = socketIn(dir, l.Listen)
		l.where = fmt.Sprintf("%s:%d: listen", f.Path(), f.Line(path+".listen"))
	}
	relative(&f.Credentials)
	for i := range f.XMLRPC {
		listener(fmt.Sprintf("xmlrpc[%d]", i), &f.XMLRPC[i].ListenerConfig)
	}
	for i := range f.Native {
		listener(fmt.Sprintf("native[%d]", i), &f.Native[i].ListenerConfig)
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
