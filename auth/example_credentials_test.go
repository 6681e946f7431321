package auth_test

import (
	"context"
	"errors"
	"fmt"
	"log"
	"log/slog"
	"os"
	"path/filepath"
	"slices"

	"github.com/parley-rpc/parley/auth"
	"github.com/parley-rpc/parley/rpc"
	"github.com/parley-rpc/parley/rpc/native"
	"github.com/parley-rpc/parley/rpc/xmlrpc"
)

// One file of credentials and one policy, for the native channel and for HTTP.
func ExampleLoadCredentials() {
	ctx := context.Background()
	quiet := slog.New(slog.DiscardHandler)
	dir, err := os.MkdirTemp("", "example")
	if err != nil {
		log.Fatal(err)
	}
	defer os.RemoveAll(dir)
	path := filepath.Join(dir, "credentials")

	// What the administrator does, once: a key for each caller. The callers keep
	// the keys, the file what knows them.
	bot, botErr := auth.GenerateSecret("deploy-bot.k1")
	shop, shopErr := auth.GenerateSecret("shop.k1")
	if err := errors.Join(botErr, shopErr); err != nil {
		log.Fatal(err)
	}
	err = auth.EditCredentials(path, func(entries []auth.Entry) ([]auth.Entry, error) {
		botEntry, botErr := bot.Entry(auth.UseChannel, "deploy-bot")
		shopEntry, shopErr := shop.Entry(auth.UseHTTP, "shop")
		return append(entries, botEntry, shopEntry), errors.Join(botErr, shopErr)
	})
	if err != nil {
		log.Fatal(err)
	}

	// The server.
	credentials, err := auth.LoadCredentials(path, auth.CredentialsConfig{Logger: quiet})
	if err != nil {
		log.Fatal(err)
	}
	policy, err := auth.NewPolicy(map[string][]string{
		"deploy-bot": {"*"},
		"shop":       {"price"},
	})
	if err != nil {
		log.Fatal(err)
	}
	registry := rpc.NewRegistry()
	registry.Authorizer, registry.Logger = policy, quiet
	err = errors.Join(
		registry.Register("price", func(string) float64 { return 0.25 }),
		registry.Register("deploy", func(ctx context.Context, version string) string {
			return version + " by " + rpc.PeerFrom(ctx).Credential
		}))
	if err != nil {
		log.Fatal(err)
	}
	channel := native.Server{Handler: registry, Login: credentials, Logger: quiet}
	listener, err := channel.Listen("tls://127.0.0.1:0")
	if err != nil {
		log.Fatal(err)
	}
	go channel.Serve(listener)
	defer channel.Close()
	web := xmlrpc.Server{Handler: registry, Auth: credentials, Logger: quiet} // beyond loopback it needs TLS
	webListener, err := web.Listen("127.0.0.1:0")
	if err != nil {
		log.Fatal(err)
	}
	go web.Serve(webListener)
	defer web.Close()

	// The callers.
	botClient, err := native.Dial(ctx, "tls://"+listener.Addr().String(), native.DialConfig{Login: bot, Logger: quiet})
	if err != nil {
		log.Fatal(err)
	}
	defer botClient.Close()
	shopClient, err := xmlrpc.NewClient(web.URL(webListener.Addr()), xmlrpc.ClientConfig{Login: shop})
	if err != nil {
		log.Fatal(err)
	}
	defer shopClient.Close()
	fmt.Println(rpc.Invoke[string](ctx, botClient, "deploy", "v1.2"))
	fmt.Println(rpc.Invoke[float64](ctx, shopClient, "price", "bolt"))
	_, err = rpc.Invoke[string](ctx, shopClient, "deploy", "v6.6.6") // what is denied looks like what is not there
	fmt.Println(err)

	// A key is revoked. Its connections end with the Reload; Watch does one within
	// a second.
	err = auth.EditCredentials(path, func(entries []auth.Entry) ([]auth.Entry, error) {
		return slices.DeleteFunc(entries, func(e auth.Entry) bool { return e.ID == "shop.k1" }), nil
	})
	if err == nil {
		err = credentials.Reload()
	}
	if err != nil {
		log.Fatal(err)
	}
	_, err = rpc.Invoke[float64](ctx, shopClient, "price", "bolt")
	fmt.Println(err != nil, credentials.Entries())
	// Output:
	// v1.2 by deploy-bot.k1 <nil>
	// 0.25 <nil>
	// fault -32601: method not found: deploy
	// true [[deploy-bot.k1 of deploy-bot for channel]]
}
