package dial

import (
	"cmp"
	"errors"
	"strings"

	"github.com/parley-rpc/parley/cmd/parley/internal/usage"
)

// Servers returns how many of words, from the first on, are servers: URLs, and
// names of profiles.
func Servers(words []string) (int, error) {
	var all *Profiles
	for i, word := range words {
		if IsURL(word) {
			continue
		}
		if all == nil {
			var err error
			if all, err = LoadProfiles(); err != nil && !errors.Is(err, errNoPlace) {
				return 0, err
			} else if err != nil {
				all = &Profiles{}
			}
		}
		if _, ok := all.Server[word]; !ok {
			return i, nil
		}
	}
	return len(words), nil
}

// NearProfile returns the name of the profile that somebody may have meant by
// word; empty if none is near.
func NearProfile(word string) string {
	all, err := LoadProfiles()
	if err != nil {
		return ""
	}
	return usage.Nearest(word, all.All())
}

// Several returns the targets of servers that are called side by side, with the
// flags of one command line. Each of a login goes to those servers that it fits; it
// is an error if there is none. A profile with a login of its own keeps to that. One
// server alone gets what call would give it.
func Several(servers []string, flags Target, given func(flag string) bool) ([]Target, error) {
	targets := make([]Target, len(servers))
	taken := map[string]bool{}
	asked := new(string)
	for i, server := range servers {
		own, err := profileOf(server)
		if err != nil {
			return nil, err
		}
		scheme, _, _ := strings.Cut(cmp.Or(own.URL, server), "://")
		takes := func(flag string) bool {
			ok := len(servers) == 1 || given(flag) && !own.hasLogin() && fits(flag, scheme, given)
			taken[flag] = taken[flag] || ok
			return ok
		}
		t := Target{URL: server, Timeout: flags.Timeout}
		if t.take(flags, takes); t.User != "" {
			t.asked = asked
		}
		if err := t.Resolve(func(flag string) bool { return given(flag) && (flag == "timeout" || takes(flag)) }); err != nil {
			return nil, err
		}
		targets[i] = t
	}
	for _, flag := range LoginFlags() {
		if given(flag) && !taken[flag] {
			return nil, usage.Errorf("--%s fits none of these servers: it is for %s, and a profile with a login of its own keeps to that", flag, fitting(flag))
		}
	}
	return targets, nil
}

// profileOf returns the profile of a name, and an empty one for a URL.
func profileOf(server string) (profile, error) {
	if strings.Contains(server, "://") {
		return profile{}, nil
	}
	all, err := LoadProfiles()
	if err != nil {
		return profile{}, err
	}
	return all.find(server)
}

// hasLogin reports whether a profile says how to log in.
func (p profile) hasLogin() bool {
	return p.CredentialFile != "" || p.User != "" || p.Cert != "" || p.AuthkeyFile != ""
}

// LoginFlags are the flags that say how one logs in, and what the other end has to be.
func LoginFlags() []string {
	return []string{
		"user", "password-file", "credential-file", "pin", "ca", "cert", "key",
		"authkey-file", "allow-md5", "dangerously-allow-short-key",
	}
}

// take takes those of LoginFlags that are for this target.
func (t *Target) take(from Target, takes func(flag string) bool) {
	text := func(flag string, to *string, from string) {
		if takes(flag) {
			*to = from
		}
	}
	text("user", &t.User, from.User)
	text("password-file", &t.PasswordFile, from.PasswordFile)
	text("credential-file", &t.CredentialFile, from.CredentialFile)
	text("pin", &t.Pin, from.Pin)
	text("ca", &t.CA, from.CA)
	text("cert", &t.Cert, from.Cert)
	text("key", &t.Key, from.Key)
	text("authkey-file", &t.AuthkeyFile, from.AuthkeyFile)
	t.AllowMD5 = takes("allow-md5") && from.AllowMD5
	t.DangerouslyAllowShortKey = takes("dangerously-allow-short-key") && from.DangerouslyAllowShortKey
}

// fits reports whether a flag of a login is for URLs of a scheme. Where two would
// do, it is the one that has no other use.
func fits(flag, scheme string, given func(flag string) bool) bool {
	web := strings.HasPrefix(scheme, "http")
	switch flag {
	case "user", "password-file":
		return web
	case "credential-file":
		return scheme == "tls" || web && !given("user") || scheme == "unix" && !given("authkey-file")
	case "pin":
		return scheme == "tls"
	case "ca", "cert", "key":
		return scheme == "tls" || scheme == "https"
	}
	return scheme == "tcp" || scheme == "unix"
}

// fitting says of a flag of a login what it is for.
func fitting(flag string) string {
	switch flag {
	case "user", "password-file":
		return "http:// and https://"
	case "credential-file":
		return "tls://, for http:// and https:// without --user, and for unix:// without --authkey-file"
	case "pin":
		return "tls://"
	case "ca", "cert", "key":
		return "tls:// and https://"
	}
	return "tcp:// and unix://"
}
