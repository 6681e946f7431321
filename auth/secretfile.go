package auth

import (
	"context"
	"fmt"
	"io"
	"log/slog"
	"sync"
	"time"

	"github.com/parley-rpc/parley/rpc"
)

// secretLook is how often a SecretFile looks at its file, at most.
const secretLook = time.Second

// SecretFile is the Secret in a file, which is read again once it was replaced: a
// client that runs for long gets another credential without a pause. It can be
// wherever a Secret can. The file is looked at before a login on the channel and
// before a call over HTTP, once a second at most; while it cannot be read, the
// secret that it had stays, and Err tells why.
//
// It is safe for concurrent use, and prints as a Secret does.
type SecretFile struct {
	path string

	mu     sync.Mutex // protects what follows
	looked time.Time
	seen   stamp
	secret *Secret
	err    error // of the last look
}

// OpenSecret returns the SecretFile at path. What is wrong with it is what
// LoadSecret says.
func OpenSecret(path string) (*SecretFile, error) {
	f := &SecretFile{path: path, looked: time.Now(), seen: stampOf(path)}
	var err error
	if f.secret, err = LoadSecret(path); err != nil {
		return nil, err
	}
	return f, nil
}

// Err returns why the file could not be read when it was looked at last; nil if
// it could.
func (f *SecretFile) Err() error {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.err
}

// ID returns the id of the credential that the file holds now.
func (f *SecretFile) ID() string { return f.current().ID() }

// Authenticate is Secret.Authenticate with what the file holds now.
func (f *SecretFile) Authenticate(ctx context.Context, binding func(kind string) ([]byte, error),
	read func() ([]byte, error), write func([]byte) error,
) (rpc.Identity, error) {
	return f.current().Authenticate(ctx, binding, read, write)
}

// Authorization is Secret.Authorization with what the file holds now.
func (f *SecretFile) Authorization() (string, error) { return f.current().Authorization() }

// current looks at the file, if it is time to.
func (f *SecretFile) current() *Secret {
	f.mu.Lock()
	defer f.mu.Unlock()
	now := time.Now()
	if now.Sub(f.looked) < secretLook {
		return f.secret
	}
	f.looked = now
	seen := stampOf(f.path)
	if seen == f.seen && f.err == nil {
		return f.secret
	}
	s, err := LoadSecret(f.path)
	f.seen, f.err = seen, err
	// One with the same text stays: it knows what argon2id has made of it.
	if err == nil && s.Reveal() != f.secret.Reveal() {
		f.secret = s
	}
	return f.secret
}

// Format writes "[secret]" for every verb.
func (f *SecretFile) Format(s fmt.State, _ rune) { io.WriteString(s, redactedSecret) }

// LogValue returns "[secret]".
func (f *SecretFile) LogValue() slog.Value { return slog.StringValue(redactedSecret) }
