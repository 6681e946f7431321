package native

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"time"

	"github.com/parley-rpc/parley/rpc/native/pickle"
	"github.com/parley-rpc/parley/rpc/value"
)

// defaultDialTimeout bounds connecting and logging in.
const defaultDialTimeout = 10 * time.Second

// ConnConfig is how DialConn connects. Auth must be set, Login for tls://, or the
// switch that says there is none; all else has a safe default.
type ConnConfig struct {
	// Auth holds the authkey for tcp:// and unix://: auth.Key(key),
	// auth.LoadKey(path, ...).
	Auth Auth
	// Login, TLS and Pin are what those of DialConfig are.
	Login Authenticator
	TLS   *tls.Config
	Pin   string
	// DangerouslyWithoutAuth connects without a login, to a listener that has no
	// authkey. Nothing tells then who the other end is.
	DangerouslyWithoutAuth bool
	// Timeout bounds connecting and logging in together. Zero means 10 s. The
	// challenge alone never takes more than 5 s.
	Timeout time.Duration
	// MaxMessage is the largest message accepted, in bytes, header excluded.
	// Zero means 16 MiB. A larger one ends the connection with ErrTooLarge
	// before any memory is taken for it.
	MaxMessage int
	// Pickle bounds what one received object may hold, and names the classes
	// that are read as plain records.
	Pickle pickle.Options
}

func (cfg ConnConfig) check(network string) error {
	if err := checkDialEntry(network, cfg.Auth, cfg.Login, cfg.TLS, cfg.Pin, cfg.DangerouslyWithoutAuth); err != nil {
		return err
	}
	if cfg.Timeout < 0 {
		return fmt.Errorf("Timeout: got %v; want 0 (%v) or more", cfg.Timeout, defaultDialTimeout)
	}
	return checkLimits(cfg.MaxMessage, cfg.Pickle)
}

// checkAuth looks at the key settings of a configuration.
func checkAuth(a Auth, without bool) error {
	switch {
	case a != nil && without:
		return errors.New("Auth is set, and DangerouslyWithoutAuth too; choose one")
	case a != nil:
		_, err := authkeysOf(a)
		return err
	case !without:
		return fmt.Errorf("%w: set Auth, or DangerouslyWithoutAuth to have no login", ErrNoKey)
	}
	return nil
}

// DialConn connects to url, tls://host:port, tcp://host:port or unix:///path, and
// logs in. The
// listener may be a [Listener] or one of Python's multiprocessing.connection.
//
// Login errors are ErrAuth, and more precisely ErrKeyRefused, ErrUnproven,
// ErrPolicy or ErrNoChallenge; none of them goes away by trying again. The end
// of ctx is the error of ctx.
func DialConn(ctx context.Context, url string, cfg ConnConfig) (*Conn, error) {
	c, err := dialConn(ctx, url, cfg)
	if err != nil {
		return nil, fmt.Errorf("native: dial %s: %w", value.Clip(url, 128), err)
	}
	return c, nil
}

func dialConn(ctx context.Context, url string, cfg ConnConfig) (*Conn, error) {
	network, address, err := parseAddress(url)
	if err == nil {
		err = cfg.check(network)
	}
	if err != nil {
		return nil, err
	}
	in, err := dialEntry(network, address, cfg.Auth, cfg.Login, cfg.TLS, cfg.Pin)
	if err != nil {
		return nil, err
	}
	timeout := cfg.Timeout
	if timeout == 0 {
		timeout = defaultDialTimeout
	}
	ctx, cancel := context.WithTimeout(ctx, timeout)
	defer cancel()
	nc, err := dial(ctx, url)
	if err != nil {
		return nil, err
	}
	secured, result, err := in.dial(ctx, nc, false)
	if err != nil {
		nc.Close()
		return nil, err
	}
	return newConn(secured, result, connOptions{maxMessage: cfg.MaxMessage, pickle: cfg.Pickle, keyless: in.auth == nil}), nil
}
