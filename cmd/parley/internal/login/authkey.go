package login

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"

	"github.com/parley-rpc/parley/auth"
	"github.com/parley-rpc/parley/cmd/parley/internal/usage"
)

// AuthkeyFlags name a key and lift parts of the policy for it.
type AuthkeyFlags struct {
	AuthkeyFile              string `placeholder:"FILE" help:"File with the authkey of the native channel, readable by you alone. Default: the key that serve makes."`
	AllowMD5                 bool   `name:"allow-md5" help:"Let Python 3.11 and older log in to the native channel, which know HMAC-MD5 only."`
	DangerouslyAllowShortKey bool   `help:"Accept an authkey of fewer than 32 bytes. It can be guessed by whoever has seen one login."`
}

func (f AuthkeyFlags) config() auth.KeyConfig {
	return auth.KeyConfig{AllowMD5: f.AllowMD5, DangerouslyAllowShortKey: f.DangerouslyAllowShortKey}
}

// Load returns the key of the file that is named, or else the one that serve
// has made.
func (f AuthkeyFlags) Load() (*auth.Authkey, error) {
	path := f.AuthkeyFile
	if path == "" {
		var err error
		if path, err = DefaultPath(); err != nil {
			return nil, err
		}
	}
	key, err := auth.LoadKey(path, f.config())
	switch {
	case err == nil:
		return key, nil
	case errors.Is(err, fs.ErrNotExist) && f.AuthkeyFile == "":
		return nil, usage.Errorf("there is no authkey at %s; parley serve makes one there, or name another with --authkey-file", path)
	}
	return nil, f.explain(err)
}

// LoadOrMake is Load for serve, which makes the key in the state directory if
// there is none. note says where it is; it is empty for a key that was named.
func (f AuthkeyFlags) LoadOrMake() (key *auth.Authkey, note string, err error) {
	if f.AuthkeyFile != "" {
		key, err = f.Load()
		return key, "", err
	}
	path, err := DefaultPath()
	if err != nil {
		return nil, "", err
	}
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		return nil, "", usage.Errorf("no place for an authkey: %v; name a key with --authkey-file", err)
	}
	note = "made a new authkey at " + path
	if err := auth.GenerateKey().WriteFile(path); errors.Is(err, fs.ErrExist) {
		note = "the authkey is at " + path
	} else if err != nil {
		return nil, "", usage.Errorf("%v; name a key with --authkey-file", err)
	}
	key, err = f.Load()
	return key, note, err
}

// explain says which switch of the command line helps against an error about a
// key. Package auth names its own fields.
func (f AuthkeyFlags) explain(err error) error {
	key, readErr := auth.LoadKey(f.AuthkeyFile, auth.KeyConfig{DangerouslyAllowShortKey: true})
	if readErr == nil {
		return usage.Errorf("the authkey in %s has %d bytes, expected %d or more; make one with: parley auth keygen --authkey --out FILE (or lift this with --dangerously-allow-short-key)",
			f.AuthkeyFile, len(key.Reveal()), auth.MinKeySize)
	}
	switch {
	case readErr != nil && errors.Is(readErr, fs.ErrNotExist):
		return usage.Errorf("no such file as the authkey %s; make one with: parley auth keygen --authkey --out %[1]s", f.AuthkeyFile)
	case readErr != nil && errors.Is(readErr, auth.ErrEmptyKey):
		return usage.Errorf("the authkey file %s is empty, which to older Python means no authentication; make one with: parley auth keygen --authkey --out FILE", f.AuthkeyFile)
	}
	return usage.Errorf("%v", err)
}

// DefaultPath is where serve keeps the key that it makes: in the user's state
// directory (XDG Base Directory Specification 0.8; elsewhere what the system has
// for it).
func DefaultPath() (string, error) {
	dir := os.Getenv("XDG_STATE_HOME")
	if !filepath.IsAbs(dir) { // the specification has relative ones ignored
		var err error
		if dir, err = defaultStateDir(); err != nil {
			return "", usage.Errorf("no place for an authkey: %v; name a key with --authkey-file", err)
		}
	}
	return filepath.Join(dir, "parley", "authkey"), nil
}

func defaultStateDir() (string, error) {
	if runtime.GOOS == "windows" || runtime.GOOS == "darwin" {
		return os.UserConfigDir()
	}
	home, err := os.UserHomeDir()
	if err != nil {
		return "", err
	}
	return filepath.Join(home, ".local", "state"), nil
}
