// Secure serves functions that not everybody may call, over TLS to Go programs
// and over HTTP to all others, with one file of credentials and one policy. Then
// it revokes a credential, and the connection that used it ends.
//
//	go run ./examples/secure
package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log"
	"log/slog"
	"os"
	"path/filepath"
	"slices"
	"time"

	"github.com/parley-rpc/parley/auth"
	"github.com/parley-rpc/parley/rpc"
	"github.com/parley-rpc/parley/rpc/native"
	"github.com/parley-rpc/parley/rpc/xmlrpc"
)

func main() {
	dir, err := os.MkdirTemp("", "secure")
	if err != nil {
		log.Fatal(err)
	}
	defer os.RemoveAll(dir)
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	if err := run(ctx, os.Stdout, filepath.Join(dir, "credentials")); err != nil {
		log.Fatal(err)
	}
}

// quiet is where the audit events go.
var quiet = slog.New(slog.DiscardHandler)

// run issues two credentials, serves, and calls with both of them.
func run(ctx context.Context, out io.Writer, file string) error {
	bot, err := issue(file, "deploy-bot.k1", auth.UseChannel, "deploy-bot")
	if err != nil {
		return err
	}
	shop, err := issue(file, "shop.k1", auth.UseHTTP, "shop")
	if err != nil {
		return err
	}
	return serve(ctx, file, func(creds *auth.Credentials, nativeURL, webURL string) error {
		cut := make(chan struct{})
		channel, err := native.Dial(ctx, nativeURL, native.DialConfig{
			Login:  bot,
			Logger: quiet,
			Events: native.Events{SessionEnded: func(*rpc.Peer, error) { close(cut) }},
		})
		if err != nil {
			return err
		}
		defer channel.Close()
		web, err := xmlrpc.NewClient(webURL, xmlrpc.ClientConfig{Login: shop})
		if err != nil {
			return err
		}
		defer web.Close()

		call(ctx, out, "deploy-bot over TLS", channel, "deploy", "v1.2")
		call(ctx, out, "shop over HTTP", web, "price", "bolt")
		call(ctx, out, "shop over HTTP", web, "deploy", "v6.6.6")

		if err := revoke(file, "deploy-bot.k1"); err != nil {
			return err
		}
		if err := creds.Reload(); err != nil { // Watch would do so within a second
			return err
		}
		select {
		case <-cut:
		case <-ctx.Done():
			return ctx.Err()
		}
		call(ctx, out, "deploy-bot, revoked", channel, "deploy", "v1.3")
		return nil
	})
}

// issue adds a credential to the file, and returns the secret that its holder
// logs in with. The file does not have it.
func issue(file, id string, use auth.Use, identity string) (*auth.Secret, error) {
	secret, err := auth.GenerateSecret(id)
	if err != nil {
		return nil, err
	}
	entry, err := secret.Entry(use, identity)
	if err != nil {
		return nil, err
	}
	return secret, auth.EditCredentials(file, func(entries []auth.Entry) ([]auth.Entry, error) {
		return append(entries, entry), nil
	})
}

// revoke takes a credential out of the file.
func revoke(file, id string) error {
	return auth.EditCredentials(file, func(entries []auth.Entry) ([]auth.Entry, error) {
		return slices.DeleteFunc(entries, func(e auth.Entry) bool { return e.ID == id }), nil
	})
}

// serve serves on both transports for as long as use runs.
func serve(ctx context.Context, file string, use func(creds *auth.Credentials, nativeURL, webURL string) error) error {
	creds, err := auth.LoadCredentials(file, auth.CredentialsConfig{Logger: quiet})
	if err != nil {
		return err
	}
	policy, err := auth.NewPolicy(map[string][]string{
		"deploy-bot": {"deploy", "price"},
		"shop":       {"price"},
	})
	if err != nil {
		return err
	}
	reg := rpc.NewRegistry()
	reg.Authorizer = policy // from now on, what it does not allow is denied
	reg.Logger = quiet
	if err := errors.Join(reg.Register("deploy", deploy), reg.Register("price", price)); err != nil {
		return err
	}

	channel := native.Server{Handler: reg, Login: creds, Logger: quiet}
	nativeListener, err := channel.Listen("tls://127.0.0.1:0")
	if err != nil {
		return err
	}
	go channel.Serve(nativeListener)
	defer channel.Close()

	web := xmlrpc.Server{Handler: reg, Auth: creds, Logger: quiet} // beyond loopback it needs TLS
	webListener, err := web.Listen("127.0.0.1:0")
	if err != nil {
		return err
	}
	go web.Serve(webListener)
	defer web.Close()

	return use(creds, "tls://"+nativeListener.Addr().String(), web.URL(webListener.Addr()))
}

func deploy(ctx context.Context, version string) string {
	return version + " deployed by " + rpc.PeerFrom(ctx).Name
}

func price(string) float64 { return 0.25 }

// call calls a method and prints what came of it.
func call(ctx context.Context, out io.Writer, who string, client rpc.Caller, method, arg string) {
	result, err := rpc.Invoke[any](ctx, client, method, arg)
	switch {
	case errors.Is(err, native.ErrAuth):
		fmt.Fprintf(out, "%s: %s: not authenticated\n", who, method)
	case err != nil:
		fmt.Fprintf(out, "%s: %s: %v\n", who, method, err)
	default:
		fmt.Fprintf(out, "%s: %s: %v\n", who, method, result)
	}
}
