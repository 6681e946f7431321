package auth

import (
	"fmt"
	"io"
	"iter"
	"log/slog"
	"sync"
	"time"

	"github.com/parley-rpc/parley/auth/internal/scram"
	"github.com/parley-rpc/parley/rpc"
)

// CredentialsConfig is the policy for Credentials. Its zero value is the strict
// one.
type CredentialsConfig struct {
	// AllowMD5 permits HMAC-MD5 in the challenge, for all entries of UseAuthkey.
	// Python 3.11 and older know nothing else.
	AllowMD5 bool
	// DangerouslyAllowShortKey accepts a Key below MinKeySize, as in KeyConfig.
	DangerouslyAllowShortKey bool
	// Logger gets the event reload. Nil means slog.Default().
	Logger *slog.Logger
}

// Credentials are what a server knows its callers by, for both transports. They
// are what the fields Login and Auth of native's servers and listeners take, and
// Auth of an xmlrpc.Server; one Credentials can be in all of them.
//
// A credential whose life is over, or has not begun, is treated as one that
// never was. When one ends, or its secret is replaced, the transports close the
// connections that were logged in with it.
//
// Credentials are safe for concurrent use. They print, log and marshal as
// "[credentials]".
type Credentials struct {
	path string // of the file; empty without one
	cfg  CredentialsConfig
	web  *passwords

	loading sync.Mutex // held by who replaces the set, from reading to the event
	seen    stamp      // of the file before it was read last; under loading
	failed  string     // the error of that, empty for none; under loading

	mu      sync.RWMutex // protects what follows
	set     *credentialSet
	changed chan struct{} // closed and forgotten by fire; nil while nobody has asked
	timer   *time.Timer   // fires changed when a life begins or ends
}

var _ rpc.Revoker = (*Credentials)(nil)

// LoadCredentials reads credentials from a file that nobody else can read, by
// the rules of LoadKey.
//
// A file has JSON lines, one Entry in each; lines of space are skipped. The
// first line may be {"version":1,"mock_key":"…"}, which EditCredentials writes:
// it keeps the salts that strangers are shown the same after a restart. Whatever
// is not as it should be is an error with its line. A file has 1 MiB and 4096
// entries at most, and of those of UseAuthkey MaxKeys live at the same time.
func LoadCredentials(path string, cfg CredentialsConfig) (*Credentials, error) {
	c := newCredentials(path, cfg)
	c.seen = stampOf(path)
	set, err := c.read()
	if err != nil {
		return nil, fmt.Errorf("auth: credentials: %w", err)
	}
	c.set = set
	return c, nil
}

// NewCredentials makes Credentials of entries, without a file. Replace changes
// them.
func NewCredentials(entries []Entry, cfg CredentialsConfig) (*Credentials, error) {
	c := newCredentials("", cfg)
	set, err := newCredentialSet(entries, c.policy())
	if err != nil {
		return nil, fmt.Errorf("auth: credentials: %w", err)
	}
	set.mockKey = c.mockKey()
	c.set = set
	return c, nil
}

func newCredentials(path string, cfg CredentialsConfig) *Credentials {
	if cfg.Logger == nil {
		cfg.Logger = slog.Default()
	}
	return &Credentials{path: path, cfg: cfg, web: newPasswords()}
}

// Entries returns the entries that are there now, live or not, for lists: each
// without its keys, salt and hash.
func (c *Credentials) Entries() []Entry {
	set := c.current()
	entries := make([]Entry, len(set.all))
	for i, cred := range set.all {
		entries[i] = cred.shown()
	}
	return entries
}

// Authkeys yields the live entries of UseAuthkey in the order of the file,
// MaxKeys at most.
func (c *Credentials) Authkeys() iter.Seq2[rpc.Identity, []byte] {
	return func(yield func(rpc.Identity, []byte) bool) {
		now := time.Now()
		left := MaxKeys
		for _, cred := range c.current().all {
			if cred.Use != UseAuthkey || !cred.liveAt(now) {
				continue
			}
			if left--; left < 0 || !yield(cred.who, []byte(cred.Key)) {
				return
			}
		}
	}
}

// AllowMD5 reports whether HMAC-MD5 may be used in the challenge.
func (c *Credentials) AllowMD5() bool { return c != nil && c.cfg.AllowMD5 }

// Check returns why the challenge cannot be used, nil if it can: there has to be
// a live entry of UseAuthkey.
func (c *Credentials) Check() error {
	for range c.Authkeys() {
		return nil
	}
	where := ""
	if c != nil && c.path != "" {
		where = " in " + c.path
	}
	return fmt.Errorf("%w: none of the credentials%s is for the challenge and live; add one whose use is %q", ErrKey, where, UseAuthkey)
}

// Live reports whether a connection may go on whose login as id began at since:
// the credential is there and in its life, still proves that identity, and by
// the secret that it had then.
func (c *Credentials) Live(id rpc.Identity, since time.Time) bool {
	cred := c.current().byID[id.Credential]
	return cred != nil && cred.who == id && cred.liveAt(time.Now()) && (cred.since.IsZero() || since.After(cred.since))
}

// Changed returns a channel that is closed as soon as Live may give another
// answer than before the call of Changed; so call Changed before Live.
func (c *Credentials) Changed() <-chan struct{} {
	if c == nil {
		return nil
	}
	now := time.Now()
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.changed != nil {
		return c.changed
	}
	ch := make(chan struct{})
	c.changed = ch
	if c.set == nil {
		return ch
	}
	if wait, ok := c.set.untilTurn(now); ok {
		c.timer = time.AfterFunc(wait, func() {
			c.mu.Lock()
			defer c.mu.Unlock()
			if c.changed == ch {
				c.fire()
			}
		})
	}
	return ch
}

// fire closes changed. c.mu is held.
func (c *Credentials) fire() {
	if c.timer != nil {
		c.timer.Stop()
		c.timer = nil
	}
	if c.changed != nil {
		close(c.changed)
		c.changed = nil
	}
}

// current returns what there is now; nothing for Credentials that no constructor
// has made.
func (c *Credentials) current() *credentialSet {
	if c == nil {
		return &credentialSet{}
	}
	c.mu.RLock()
	defer c.mu.RUnlock()
	if c.set == nil {
		return &credentialSet{}
	}
	return c.set
}

// channel returns what id logs in with on the channel, and whom it proves. For an
// id that is not a live entry of UseChannel ok is false, and the verifier one
// that nobody can prove: always the same for the same id, and of a form that
// others have. It takes the same time for both.
func (c *Credentials) channel(id string) (v scram.Verifier, who rpc.Identity, ok bool) {
	now := time.Now()
	set := c.current()
	mock := set.mock(id, now)
	cred := set.live(id, UseChannel, now)
	if cred == nil {
		return mock, rpc.Identity{}, false
	}
	return cred.verifier, cred.who, true
}

// http returns the live entry of UseHTTP, and whom it proves.
func (c *Credentials) http(id string) (e Entry, who rpc.Identity, ok bool) {
	cred := c.current().live(id, UseHTTP, time.Now())
	if cred == nil {
		return Entry{}, rpc.Identity{}, false
	}
	return cred.Entry, cred.who, true
}

const redactedCredentials = "[credentials]"

// String returns "[credentials]".
func (c *Credentials) String() string { return redactedCredentials }

// GoString returns "[credentials]".
func (c *Credentials) GoString() string { return redactedCredentials }

// Format writes "[credentials]" for every verb.
func (c *Credentials) Format(s fmt.State, _ rune) { io.WriteString(s, redactedCredentials) }

// MarshalText returns "[credentials]".
func (c *Credentials) MarshalText() ([]byte, error) { return []byte(redactedCredentials), nil }

// LogValue returns "[credentials]".
func (c *Credentials) LogValue() slog.Value { return slog.StringValue(redactedCredentials) }
