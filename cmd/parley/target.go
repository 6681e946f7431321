package main

import (
	"context"
	"errors"
	"io"
	"log/slog"
	"net/url"
	"strings"
	"time"

	"github.com/parley-rpc/parley/rpc"
	"github.com/parley-rpc/parley/rpc/native"
	"github.com/parley-rpc/parley/rpc/value"
	"github.com/parley-rpc/parley/rpc/xmlrpc"
)

// defaultTimeout is how long a command waits for all of its work.
const defaultTimeout = 30 * time.Second

// target is a server to call, and how.
type target struct {
	URL string `arg:"" help:"The server: http://host:port/RPC2, https://…, http+unix:///path/of/socket:/RPC2, tcp://host:port, tls://host:port or unix:///path."`

	Timeout      time.Duration `default:"${timeout}" help:"Time for everything, connecting included."`
	User         string        `placeholder:"NAME" help:"User name for HTTP. The password is read from --password-file, or else from standard input."`
	PasswordFile string        `placeholder:"FILE" help:"File with the password of --user."`
	authkeyFlags
}

// client is a connection to a server.
type client interface {
	rpc.Caller
	io.Closer
}

// connector opens a connection, in one attempt.
type connector func(context.Context) (client, error)

// use connects, gives the connection to do, and closes it.
func (t *target) use(std stdio, do func(context.Context, rpc.Caller) error) error {
	connect, err := t.prepare(std)
	if err != nil {
		return err
	}
	return t.within(connect, do)
}

// within is use with what prepare has returned. The context ends with the
// timeout, which is running from here on.
func (t *target) within(connect connector, do func(context.Context, rpc.Caller) error) error {
	ctx, cancel := context.WithTimeout(context.Background(), t.Timeout)
	defer cancel()
	c, err := connect(ctx)
	if err != nil {
		return err
	}
	defer c.Close()
	return do(ctx, c)
}

// prepare checks what connecting needs, and reads keys and passwords.
func (t *target) prepare(std stdio) (connector, error) {
	if t.Timeout <= 0 {
		return nil, usagef("--timeout is %v, expected more than 0", t.Timeout)
	}
	scheme, _, _ := strings.Cut(t.URL, "://")
	switch scheme {
	case "http", "https", "http+unix":
		return t.prepareHTTP(std)
	case "tcp", "tls", "unix":
		return t.prepareNative()
	}
	return nil, usagef("the URL %q begins with none of http://, https://, http+unix://, tcp://, tls:// and unix://", value.Clip(t.URL, 128))
}

func (t *target) prepareHTTP(std stdio) (connector, error) {
	if u, err := url.Parse(t.URL); err == nil && u.User != nil {
		return nil, usagef("a user in the URL is seen by everyone who can list processes; use --user and --password-file")
	}
	config := xmlrpc.ClientConfig{User: t.User, Timeout: t.Timeout, DialTimeout: t.Timeout}
	if t.User != "" {
		var err error
		if config.Password, err = readPassword(std, t.PasswordFile); err != nil {
			return nil, err
		}
	}
	c, err := xmlrpc.NewClient(t.URL, config)
	if err != nil {
		return nil, usagef("%v", err)
	}
	return func(context.Context) (client, error) { return c, nil }, nil
}

func (t *target) prepareNative() (connector, error) {
	if t.User != "" {
		return nil, usagef("--user is for http and https; the native channel logs in with --authkey-file")
	}
	key, err := t.load()
	if err != nil {
		return nil, err
	}
	return func(ctx context.Context) (client, error) {
		c, err := native.Dial(ctx, t.URL, native.DialConfig{Auth: key, DialTimeout: t.Timeout, Logger: slog.New(slog.DiscardHandler)})
		if err == nil {
			return c, nil
		}
		if link := new(rpc.LinkError); !errors.As(err, &link) {
			return nil, usagef("%v", err) // the URL cannot be used
		}
		return nil, err
	}, nil
}
