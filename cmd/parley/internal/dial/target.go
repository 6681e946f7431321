// Package dial is the way from a command line to a server that is called: its URL
// or the name of a profile, how one logs in, the connection, and what its errors
// mean to who has made the call.
package dial

import (
	"context"
	"errors"
	"io"
	"log/slog"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/parley-rpc/parley/cmd/parley/internal/login"
	"github.com/parley-rpc/parley/cmd/parley/internal/terminal"
	"github.com/parley-rpc/parley/cmd/parley/internal/usage"
	"github.com/parley-rpc/parley/rpc"
	"github.com/parley-rpc/parley/rpc/native"
	"github.com/parley-rpc/parley/rpc/value"
	"github.com/parley-rpc/parley/rpc/xmlrpc"
)

// DefaultTimeout is how long a command waits for all of its work.
const DefaultTimeout = 30 * time.Second

// Target is a server to call, and how.
type Target struct {
	URL string `arg:"" help:"The server: http://host:port/RPC2, https://…, http+unix:///path/of/socket:/RPC2, tcp://host:port, tls://host:port, unix:///path, or the name of a profile (parley profiles --help)."`

	Timeout      time.Duration `default:"${timeout}" help:"Time for everything, connecting included."`
	User         string        `placeholder:"NAME" help:"User name for HTTP. The password is read from --password-file, or else from standard input."`
	PasswordFile string        `placeholder:"FILE" help:"File with the password of --user."`
	login.Flags
	login.AuthkeyFlags

	begin time.Time // of the time that Timeout bounds
	asked *string   // the password of User, once it was asked for; nil: it is not shared
}

// Client is a connection to a server.
type Client interface {
	rpc.Caller
	io.Closer
}

// Connector opens a client, in one attempt. A nil route is the direct one. A
// client of HTTP has at most so many connections, 0 for its default; any other
// has one.
type Connector func(ctx context.Context, r *Route, conns int) (Client, error)

// Use connects, gives the connection to do, and closes it.
func (t *Target) Use(std terminal.Streams, do func(context.Context, rpc.Caller) error) error {
	connect, err := t.Prepare(std)
	if err != nil {
		return err
	}
	return t.Within(std, connect, do)
}

// Within is Use with what Prepare has returned. The context ends with the
// timeout, which is running from here on. A terminal is told what it waits for.
func (t *Target) Within(std terminal.Streams, connect Connector, do func(context.Context, rpc.Caller) error) error {
	ctx, cancel := context.WithTimeout(context.Background(), t.Timeout)
	defer cancel()
	t.Start()
	p := terminal.NewProgress(std.Err, "connecting to "+terminal.Printable(t.URL))
	c, err := connect(ctx, nil, 0)
	p.Done()
	if err != nil {
		return err
	}
	defer c.Close()
	return do(ctx, waiting{c, t.begin, std.Err})
}

// Start begins the time that Timeout bounds, and returns when that is.
func (t *Target) Start() time.Time {
	t.begin = time.Now()
	return t.begin
}

// Prepare checks what connecting needs, and reads keys and passwords.
func (t *Target) Prepare(std terminal.Streams) (Connector, error) {
	if t.Timeout <= 0 {
		return nil, usage.Errorf("--timeout is %v, expected more than 0", t.Timeout)
	}
	scheme, _, _ := strings.Cut(t.URL, "://")
	switch scheme {
	case "http", "https", "http+unix":
		return t.prepareHTTP(std, scheme)
	case "tls":
		return t.prepareTLS(std)
	case "tcp", "unix":
		return t.prepareNative(std, scheme)
	}
	return nil, usage.Errorf("the URL %q is not one that begins with %s", value.Clip(t.URL, 128), schemes)
}

// schemes are how URLs begin, for messages.
const schemes = "http://, https://, http+unix://, tcp://, tls:// or unix://"

// URLsBegin says how URLs begin.
func URLsBegin() string { return "a URL begins with " + schemes }

// IsURL reports whether text begins as a URL does that parley can call.
func IsURL(text string) bool {
	scheme, _, ok := strings.Cut(text, "://")
	return ok && slices.Contains([]string{"http", "https", "http+unix", "tcp", "tls", "unix"}, scheme)
}

func (t *Target) prepareHTTP(std terminal.Streams, scheme string) (Connector, error) {
	if u, err := url.Parse(t.URL); err == nil && u.User != nil {
		return nil, usage.Errorf("a user in the URL is seen by everyone who can list processes; use --user and --password-file, or --credential-file")
	}
	if t.User != "" && t.CredentialFile != "" {
		return nil, usage.Errorf("--user and --credential-file do not go together: the file says who you are")
	}
	if t.Pin != "" || scheme != "https" && (t.CA != "" || t.Cert != "" || t.Key != "") {
		return nil, usage.Errorf("--pin is for tls://, and --ca, --cert and --key are for tls:// and https://")
	}
	config := xmlrpc.ClientConfig{User: t.User, Timeout: t.Timeout, DialTimeout: t.Timeout}
	var err error
	if config.TLS, err = t.Tls(); err != nil {
		return nil, err
	}
	if t.User != "" {
		if config.Password, err = t.password(std); err != nil {
			return nil, err
		}
	} else if secret, err := t.Secret(std); err != nil {
		return nil, err
	} else if secret != nil {
		config.Login = secret
	}
	open := func(r *Route, conns int) (Client, error) {
		config := config
		config.MaxConns = conns
		c, err := xmlrpc.NewClient(r.http(t.URL, config))
		if err != nil {
			return nil, usage.Errorf("%v", err)
		}
		return c, nil
	}
	c, err := open(nil, 0)
	if err != nil {
		return nil, err
	}
	c.Close()
	return func(_ context.Context, r *Route, conns int) (Client, error) { return open(r, conns) }, nil
}

// password reads the password of User. Targets that share one ask for it once.
func (t *Target) password(std terminal.Streams) (string, error) {
	if t.PasswordFile != "" || t.asked == nil {
		return terminal.ReadPassword(std, t.PasswordFile)
	}
	if *t.asked == "" {
		var err error
		if *t.asked, err = terminal.ReadPassword(std, ""); err != nil {
			return "", err
		}
	}
	return *t.asked, nil
}

// prepareTLS logs in by a secret, by a certificate, or by both.
func (t *Target) prepareTLS(std terminal.Streams) (Connector, error) {
	const instead = "tls:// logs in with --credential-file, or --cert and --key"
	if t.User != "" {
		return nil, usage.Errorf("--user is for http:// and https://; %s", instead)
	}
	if t.AuthkeyFile != "" {
		return nil, usage.Errorf("--authkey-file is for tcp:// and unix://; %s", instead)
	}
	config := native.DialConfig{Pin: t.Pin}
	var err error
	if config.TLS, err = t.Tls(); err != nil {
		return nil, err
	}
	secret, err := t.Secret(std)
	if err != nil {
		return nil, err
	}
	if secret != nil {
		config.Login = secret
	} else if t.Cert == "" {
		return nil, usage.Errorf("tls:// wants a login; name your key with --credential-file (parley auth keygen makes one), or a certificate with --cert and --key")
	}
	return t.dial(config), nil
}

// prepareNative logs in by the authkey, or by a secret on a unix socket whose
// server belongs to the same user.
func (t *Target) prepareNative(std terminal.Streams, scheme string) (Connector, error) {
	if t.User != "" {
		return nil, usage.Errorf("--user is for http and https; the native channel logs in with --authkey-file")
	}
	if scheme == "unix" && t.CredentialFile != "" && t.Flags == (login.Flags{CredentialFile: t.CredentialFile}) {
		secret, err := t.Secret(std)
		if err != nil {
			return nil, err
		}
		return t.dial(native.DialConfig{Login: secret}), nil
	}
	if t.Flags.Given() {
		return nil, usage.Errorf("--credential-file, --pin, --ca, --cert and --key are for tls:// and https:// (the first for http:// and unix:// as well); tcp:// logs in with --authkey-file")
	}
	key, err := t.Load()
	if err != nil {
		return nil, err
	}
	return t.dial(native.DialConfig{Auth: key}), nil
}

// dial makes one attempt to connect.
func (t *Target) dial(config native.DialConfig) Connector {
	config.DialTimeout, config.CallTimeout, config.Logger = t.Timeout, t.Timeout, slog.New(slog.DiscardHandler)
	return func(ctx context.Context, r *Route, _ int) (Client, error) {
		url, config := r.native(t.URL, config)
		c, err := native.Dial(ctx, url, config)
		if err == nil {
			return c, nil
		}
		if link := new(rpc.LinkError); !errors.As(err, &link) {
			return nil, usage.Errorf("%v", err) // the URL cannot be used
		}
		return nil, err
	}
}

// waiting is a caller that shows that it waits for an answer.
type waiting struct {
	rpc.Caller
	begin time.Time
	err   io.Writer
}

func (c waiting) Call(ctx context.Context, req *rpc.Request) (any, error) {
	p := terminal.NewProgressSince(c.begin, c.err, "waiting for the answer of "+terminal.Printable(req.Method))
	defer p.Done()
	return c.Caller.Call(ctx, req)
}
