package service

import (
	"fmt"
	"log/slog"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/parley-rpc/parley/auth"
	"github.com/parley-rpc/parley/cmd/parley/internal/login"
	"github.com/parley-rpc/parley/cmd/parley/internal/terminal"
	"github.com/parley-rpc/parley/rpc"
)

// Findings are what Check has found.
type Findings struct {
	Entries  int // in the file of credentials
	Warnings []string
}

// Check returns what only looks wrong. What Open refuses is an error; nothing is
// opened.
func (s *Service) Check() (Findings, error) {
	check := checker{now: time.Now()}
	if err := s.try(); err != nil {
		return check.Findings, err
	}
	if s.creds != nil {
		entries := s.creds.Entries()
		if err := check.credentials(s.cfg.Credentials, entries); err != nil {
			return check.Findings, err
		}
		if s.path != "" {
			check.listeners(s.path, s.cfg, entries)
		}
	}
	if s.cfg.Policy != nil {
		check.policy(s.path, s.cfg, s.creds)
	}
	return check.Findings, check.certificates(s.certs)
}

// try refuses what Open does, and opens nothing.
func (s *Service) try() error {
	if err := s.cfg.checkAddresses(); err != nil {
		return err
	}
	if err := s.cfg.checkReach(); err != nil {
		return err
	}
	s.reg = rpc.NewRegistry()
	s.reg.Logger = slog.New(slog.DiscardHandler)
	if err := registerAll(s.reg); err != nil {
		return err
	}
	if err := s.access.open(s.cfg, s.reg.Logger); err != nil {
		return err
	}
	for _, l := range s.cfg.XMLRPC {
		server, _ := s.xmlrpcServer(l)
		if err := server.Close(); err != nil { // of one that never listened: what is wrong with its fields
			return refused(l.ListenerConfig, err)
		}
	}
	for _, l := range s.cfg.Native {
		if _, _, err := s.nativeServer(l); err != nil {
			return err
		}
	}
	return nil
}

// checker collects what looks wrong.
type checker struct {
	now time.Time
	Findings
}

func (c *checker) warnf(where, format string, args ...any) {
	c.Warnings = append(c.Warnings, where+": warning: "+fmt.Sprintf(format, args...))
}

// credentials looks at each entry by itself.
func (c *checker) credentials(path string, entries []auth.Entry) error {
	lines, err := login.Lines(path)
	if err != nil {
		return err
	}
	c.Entries = len(entries)
	if len(entries) == 0 {
		c.warnf(path, "there are no credentials in it; parley auth add makes one")
	}
	for _, e := range entries {
		where := fmt.Sprintf("%s:%d", path, lines[e.ID].Number)
		switch left := e.NotAfter.Sub(c.now); {
		case e.NotAfter.IsZero():
		case left <= 0:
			c.warnf(where, "%s expired at %s; parley auth revoke %[1]s takes it away", e.ID, terminal.Time(e.NotAfter))
		case left < expiresSoon:
			c.warnf(where, "%s expires at %s, which is soon; add another one for %s", e.ID, terminal.Time(e.NotAfter), terminal.Printable(e.Identity))
		}
		if e.Use == auth.UseAuthkey && lines[e.ID].KeySize < auth.MinKeySize {
			c.warnf(where, "the authkey of %s has fewer than %d bytes: who has seen one login can find it by trying", e.ID, auth.MinKeySize)
		}
		if weak := weakKDF(lines[e.ID].KDF); weak != "" {
			c.warnf(where, "%s: %s; parley auth passwd %[1]s makes it anew", e.ID, weak)
		}
	}
	return nil
}

// expiresSoon is how long before its end a credential or certificate is warned of.
const expiresSoon = 14 * 24 * time.Hour

// The cost of a hash that is made today: argon2id in RFC 9106, section 4, the
// second choice.
const todaysMemory, todaysPasses = 64 << 10, 3

// weakKDF says why a hash is cheaper to try passphrases against than one that is
// made today; empty if it is not.
func weakKDF(kdf string) string {
	_, costs, ok := strings.Cut(kdf, "$m=")
	var memory, passes, threads int
	if !ok {
		return "" // of a generated key, which nobody finds by trying
	}
	if n, err := fmt.Sscanf(costs, "%d,t=%d,p=%d", &memory, &passes, &threads); n != 3 || err != nil {
		return ""
	}
	if memory*passes >= todaysMemory*todaysPasses {
		return ""
	}
	return fmt.Sprintf("its hash takes %d KiB and %d passes; those made today take %d and %d", memory, passes, todaysMemory, todaysPasses)
}

// listeners looks for credentials that no listener takes.
func (c *checker) listeners(path string, cfg Config, entries []auth.Entry) {
	live := map[auth.Use]bool{}
	for _, e := range entries {
		live[e.Use] = live[e.Use] || login.State(e, c.now) == login.Live
	}
	there := map[auth.Use]bool{auth.UseHTTP: len(cfg.XMLRPC) > 0}
	for _, l := range cfg.Native {
		switch {
		case l.encrypted():
			there[auth.UseChannel] = there[auth.UseChannel] || l.ClientCA == ""
		case isSocket(l.Listen):
			there[auth.UseAuthkey] = true
			there[auth.UseChannel] = there[auth.UseChannel] || !live[auth.UseAuthkey]
		default:
			there[auth.UseAuthkey] = true
		}
	}
	listener := map[auth.Use]string{
		auth.UseChannel: `[[native]] with listen = "tls://host:port"`,
		auth.UseHTTP:    "[[xmlrpc]]",
		auth.UseAuthkey: `[[native]] with listen = "host:port" or "unix:/path"`,
	}
	for _, use := range []auth.Use{auth.UseChannel, auth.UseHTTP, auth.UseAuthkey} {
		i := slices.IndexFunc(entries, func(e auth.Entry) bool { return e.Use == use })
		if i >= 0 && !there[use] {
			c.warnf(path, "nobody can use credentials for %s, such as %s: no listener takes them; they are for %s", use, entries[i].ID, listener[use])
		}
	}
	// And for listeners that nobody can log in to.
	nobody := func(l ListenerConfig, use string) {
		c.warnf(strings.TrimSuffix(l.where, ": listen"), "nobody can log in at %s: no credential for %s is valid now", l.Listen, use)
	}
	for _, l := range cfg.XMLRPC {
		if !live[auth.UseHTTP] {
			nobody(l.ListenerConfig, "http")
		}
	}
	for _, l := range cfg.Native {
		switch {
		case l.ClientCA != "":
		case l.encrypted() && !live[auth.UseChannel]:
			nobody(l.ListenerConfig, "channel")
		case !l.encrypted() && !live[auth.UseAuthkey] && !(isSocket(l.Listen) && live[auth.UseChannel]):
			nobody(l.ListenerConfig, "authkey")
		}
	}
}

// policy compares whom the policy names with whom somebody can prove to be.
func (c *checker) policy(path string, cfg Config, creds *auth.Credentials) {
	proved := map[string]bool{}
	if creds != nil {
		for _, e := range creds.Entries() {
			proved[e.Identity] = true
		}
	}
	const everyone = "*" // all who have logged in
	for _, identity := range slices.Sorted(maps.Keys(proved)) {
		if _, ok := cfg.Policy[identity]; !ok && len(cfg.Policy[everyone]) == 0 {
			c.warnf(path, "the policy does not name %s, who can log in and call nothing", terminal.Printable(identity))
		}
	}
	// A certificate may name anyone.
	if slices.ContainsFunc(cfg.Native, func(l NativeConfig) bool { return l.ClientCA != "" }) {
		return
	}
	for _, identity := range slices.Sorted(maps.Keys(cfg.Policy)) {
		if !proved[identity] && identity != everyone {
			c.warnf(path, "the policy names %s, whom no credential proves", terminal.Printable(identity))
		}
	}
}

func (c *checker) certificates(certs map[certPaths]*auth.Certificate) error {
	ends := map[string]time.Time{}
	for paths, cert := range certs {
		leaf, err := leafOf(cert)
		if err != nil {
			return err
		}
		ends[paths.cert] = leaf.NotAfter
	}
	for _, path := range slices.Sorted(maps.Keys(ends)) {
		switch left := ends[path].Sub(c.now); {
		case left <= 0:
			c.warnf(path, "the certificate expired at %s", terminal.Time(ends[path]))
		case left < expiresSoon:
			c.warnf(path, "the certificate expires at %s, which is soon", terminal.Time(ends[path]))
		}
	}
	return nil
}
