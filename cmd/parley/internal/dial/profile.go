package dial

import (
	"cmp"
	"errors"
	"io/fs"
	"maps"
	"net/url"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"time"

	"github.com/parley-rpc/parley/cmd/parley/internal/tomlfile"
	"github.com/parley-rpc/parley/cmd/parley/internal/usage"
	"github.com/parley-rpc/parley/rpc/value"
)

// profile is a server that a user has given a name, and how he logs in there. The
// keys mean what the flags of the same names do.
type profile struct {
	URL                      string            `toml:"url"`
	CredentialFile           string            `toml:"credential_file"`
	Pin                      string            `toml:"pin"`
	CA                       string            `toml:"ca"`
	Cert                     string            `toml:"cert"`
	Key                      string            `toml:"key"`
	User                     string            `toml:"user"`
	PasswordFile             string            `toml:"password_file"`
	AuthkeyFile              string            `toml:"authkey_file"`
	AllowMD5                 bool              `toml:"allow_md5"`
	DangerouslyAllowShortKey bool              `toml:"dangerously_allow_short_key"`
	Timeout                  tomlfile.Duration `toml:"timeout"`
}

// Profiles are those of one file, by name.
type Profiles struct {
	Server map[string]profile `toml:"server"`

	tomlfile.File
	missing bool // there is no such file
}

// ProfilesVariable is the environment variable that names another file.
const ProfilesVariable = "PARLEY_CONFIG"

// errNoPlace says that the user has no directory for profiles, and so none of them.
var errNoPlace = usage.Errorf("no place for profiles; name a file with the variable " + ProfilesVariable)

// profilesPath is where the profiles are.
func profilesPath() (string, error) {
	if path := os.Getenv(ProfilesVariable); path != "" {
		return path, nil
	}
	dir, err := os.UserConfigDir()
	if err != nil {
		return "", errNoPlace
	}
	return filepath.Join(dir, "parley", "config.toml"), nil
}

// noSecrets says of keys that somebody might look for why there are none.
func noSecrets() map[string]string {
	const reason = "a secret does not stand in this file; write it to a file of its own, of mode 0600, and name that: "
	return map[string]string{
		"password": reason + "password_file", "passphrase": reason + "password_file",
		"credential": reason + "credential_file", "secret": reason + "credential_file", "token": reason + "credential_file",
		"authkey": reason + "authkey_file",
	}
}

// LoadProfiles reads them. No file is as good as an empty one, unless it was asked
// for by name.
func LoadProfiles() (*Profiles, error) {
	path, err := profilesPath()
	if err != nil {
		return nil, err
	}
	p := &Profiles{File: tomlfile.New(path)}
	if _, err := os.Stat(path); errors.Is(err, fs.ErrNotExist) {
		if os.Getenv(ProfilesVariable) != "" {
			return nil, usage.Errorf("%s names %s, and there is no such file", ProfilesVariable, path)
		}
		p.missing = true
		return p, nil
	}
	doc, err := tomlfile.ReadTrusted("the file of profiles", path, "where calls go")
	if err != nil {
		return nil, err
	}
	if err := p.Decode(doc, p, noSecrets()); err != nil {
		return nil, err
	}
	return p, p.check()
}

// profileName is what a profile may be called: nothing that is part of a URL.
var profileName = regexp.MustCompile(`^[A-Za-z0-9_][A-Za-z0-9_-]*$`)

// check looks at each profile, and makes the paths in it absolute.
func (p *Profiles) check() error {
	dir, err := filepath.Abs(filepath.Dir(p.Path()))
	if err != nil {
		return usage.Errorf("the file of profiles %s: %v", p.Path(), err)
	}
	var wrong []error
	for _, name := range p.All() {
		s := p.Server[name]
		table := "server." + name
		u, err := url.Parse(s.URL)
		switch {
		case !profileName.MatchString(name):
			wrong = append(wrong, p.Wrongf(table, "a name has letters, digits, - and _ in it, and nothing else"))
		case s.URL == "":
			wrong = append(wrong, p.Wrongf(table, `there is no url; want url = "tls://host:port", or another that parley call takes`))
		case !IsURL(s.URL):
			wrong = append(wrong, p.Wrongf(table+".url", "got %q; want one that begins with %s", value.Clip(s.URL, 128), schemes))
		case err == nil && u.User != nil:
			wrong = append(wrong, p.Wrongf(table+".url", "it has a user in it; name him with user, and the file of his password with password_file"))
		case s.User != "" && s.CredentialFile != "":
			wrong = append(wrong, p.Wrongf(table+".user", "it does not go with credential_file, which says who you are"))
		case s.PasswordFile != "" && s.User == "":
			wrong = append(wrong, p.Wrongf(table+".password_file", "there is no user beside it"))
		case (s.Cert == "") != (s.Key == ""):
			wrong = append(wrong, p.Wrongf(table, "cert and key go together: a certificate, and its private key"))
		case p.Given(table+".timeout") && (s.Timeout.Duration <= 0 || s.Timeout.Duration > 24*time.Hour):
			wrong = append(wrong, p.Wrongf(table+".timeout", "got %v; want more than 0, and 24h at most", s.Timeout))
		}
		for _, path := range []*string{&s.CredentialFile, &s.CA, &s.Cert, &s.Key, &s.PasswordFile, &s.AuthkeyFile} {
			*path = tomlfile.PathIn(dir, atHome(*path))
		}
		p.Server[name] = s
	}
	return usage.Join(wrong...)
}

// atHome puts the user's home directory for a ~/ at the start of a path.
func atHome(path string) string {
	rest, ok := strings.CutPrefix(path, "~/")
	if home, err := os.UserHomeDir(); ok && err == nil {
		return filepath.Join(home, rest)
	}
	return path
}

func (p *Profiles) All() []string { return slices.Sorted(maps.Keys(p.Server)) }

// find returns the profile of a name.
func (p *Profiles) find(name string) (profile, error) {
	if s, ok := p.Server[name]; ok {
		return s, nil
	}
	shown := value.Clip(name, 128)
	urls := URLsBegin()
	switch names := p.All(); {
	case p.missing:
		return profile{}, usage.Errorf("%q is no URL and no profile: %s, and profiles stand in %s, which is not there", shown, urls, p.Path())
	case len(names) == 0:
		return profile{}, usage.Errorf("%q is no URL and no profile: %s, and there are no profiles in %s", shown, urls, p.Path())
	default:
		if near := usage.Nearest(name, names); near != "" {
			return profile{}, usage.Errorf("%q is no URL and no profile; did you mean %s? The profiles in %s are %s", shown, near, p.Path(), strings.Join(names, ", "))
		}
		return profile{}, usage.Errorf("%q is no URL and no profile: %s, and the profiles in %s are %s", shown, urls, p.Path(), strings.Join(names, ", "))
	}
}

// Login says in a word or two how one logs in.
func (p profile) Login() string {
	scheme, _, _ := strings.Cut(p.URL, "://")
	var ways []string
	if p.CredentialFile != "" {
		ways = append(ways, "credential")
	}
	if p.User != "" {
		ways = append(ways, "password")
	}
	if p.Cert != "" {
		ways = append(ways, "certificate")
	}
	if len(ways) == 0 && (scheme == "tcp" || scheme == "unix") {
		ways = append(ways, "authkey")
	}
	return cmp.Or(strings.Join(ways, " and "), "none")
}

// Resolve puts a profile in the place of its name. What was given on the command
// line counts, and not what the profile says.
func (t *Target) Resolve(given func(flag string) bool) error {
	if IsURL(t.URL) || t.URL == "" || strings.Contains(t.URL, "://") {
		return nil // prepare says what is wrong with it
	}
	all, err := LoadProfiles()
	if err != nil {
		return err
	}
	p, err := all.find(t.URL)
	if err != nil {
		return err
	}
	t.URL = p.URL
	// Who says how he logs in does not log in as the profile would.
	byCredential, byPassword, byAuthkey := given("credential-file"), given("user") || given("password-file"), given("authkey-file")
	if byPassword || byAuthkey {
		p.CredentialFile = ""
	}
	if byCredential || byAuthkey {
		p.User, p.PasswordFile = "", ""
	}
	if byCredential || byPassword {
		p.AuthkeyFile = ""
	}
	if given("user") { // the password is that of another user
		p.PasswordFile = ""
	}
	if given("cert") || given("key") {
		p.Cert, p.Key = "", ""
	}
	text := func(to *string, from string) {
		if *to == "" {
			*to = from
		}
	}
	text(&t.CredentialFile, p.CredentialFile)
	text(&t.Pin, p.Pin)
	text(&t.CA, p.CA)
	text(&t.Cert, p.Cert)
	text(&t.Key, p.Key)
	text(&t.User, p.User)
	text(&t.PasswordFile, p.PasswordFile)
	text(&t.AuthkeyFile, p.AuthkeyFile)
	t.AllowMD5 = t.AllowMD5 || p.AllowMD5
	t.DangerouslyAllowShortKey = t.DangerouslyAllowShortKey || p.DangerouslyAllowShortKey
	if p.Timeout.Duration > 0 && !given("timeout") {
		t.Timeout = p.Timeout.Duration
	}
	return nil
}
