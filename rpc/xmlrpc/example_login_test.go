package xmlrpc_test

import (
	"context"
	"errors"
	"fmt"
	"log"
	"log/slog"

	"github.com/parley-rpc/parley/auth"
	"github.com/parley-rpc/parley/rpc"
	"github.com/parley-rpc/parley/rpc/xmlrpc"
)

// Callers prove who they are, and what they may call depends on it. Beyond
// loopback this takes Server.TLS, for which auth.LoadCertificate reads files.
func ExampleServer_login() {
	// What the caller keeps, and what the server does: the latter logs nobody in.
	secret, err := auth.GenerateSecret("shop.k1")
	if err != nil {
		log.Fatal(err)
	}
	entry, err := secret.Entry(auth.UseHTTP, "shop")
	if err != nil {
		log.Fatal(err)
	}
	credentials, err := auth.NewCredentials([]auth.Entry{entry}, auth.CredentialsConfig{})
	if err != nil {
		log.Fatal(err)
	}
	policy, err := auth.NewPolicy(map[string][]string{"shop": {"price"}})
	if err != nil {
		log.Fatal(err)
	}

	reg := rpc.NewRegistry()
	reg.Authorizer = policy
	reg.Logger = slog.New(slog.DiscardHandler)
	err = reg.Register("price", func(ctx context.Context, item string) string {
		return item + ": 2.50, for " + rpc.PeerFrom(ctx).Name
	})
	if err != nil {
		log.Fatal(err)
	}
	srv := &xmlrpc.Server{Handler: reg, Auth: credentials, Logger: reg.Logger}
	ln, err := srv.Listen("127.0.0.1:0")
	if err != nil {
		log.Fatal(err)
	}
	done := make(chan struct{})
	go func() {
		defer close(done)
		srv.Serve(ln)
	}()
	defer func() {
		srv.Close()
		<-done
	}()

	for _, config := range []xmlrpc.ClientConfig{{Login: secret}, {}} {
		c, err := xmlrpc.NewClient(srv.URL(ln.Addr()), config)
		if err != nil {
			log.Fatal(err)
		}
		text, err := rpc.Invoke[string](context.Background(), c, "price", "tea")
		if errors.Is(err, &rpc.Fault{Code: rpc.CodeNotAuthenticated}) {
			text = "log in first"
		} else if err != nil {
			log.Fatal(err)
		}
		fmt.Println(text)
		c.Close()
	}
	// Output:
	// tea: 2.50, for shop
	// log in first
}
