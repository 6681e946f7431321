package native_test

import (
	"context"
	"errors"
	"fmt"
	"log"
	"log/slog"

	"github.com/parley-rpc/parley/auth"
	"github.com/parley-rpc/parley/rpc"
	"github.com/parley-rpc/parley/rpc/native"
)

// A server that other machines reach, and a client that logs in with a key that
// was made for it. Neither has a certificate to care for: the server makes its
// own, and the login proves that it is the right one.
func ExampleDial_tls() {
	ctx := context.Background()
	secret, err := auth.GenerateSecret("bot.k1") // secret.WriteFile(path) is for the client,
	if err != nil {
		log.Fatal(err)
	}
	entry, err := secret.Entry(auth.UseChannel, "bot") // what the server has instead
	if err != nil {
		log.Fatal(err)
	}
	logins, err := auth.NewCredentials([]auth.Entry{entry}, auth.CredentialsConfig{})
	if err != nil {
		log.Fatal(err)
	}

	reg := rpc.NewRegistry()
	if err := reg.Register("whoami", rpc.Func0(func(ctx context.Context) (string, error) {
		return rpc.PeerFrom(ctx).Name, nil
	})); err != nil {
		log.Fatal(err)
	}
	srv := &native.Server{Handler: reg, Login: logins, Logger: slog.New(slog.DiscardHandler)}
	l, err := srv.Listen("tls://127.0.0.1:0") // tls://0.0.0.0:16000 for all the world
	if err != nil {
		log.Fatal(err)
	}
	go srv.Serve(l)
	defer srv.Close()
	url := l.Addr().Network() + "://" + l.Addr().String()

	client, err := native.Dial(ctx, url, native.DialConfig{Login: secret})
	if err != nil {
		log.Fatal(err)
	}
	defer client.Close()
	name, err := rpc.Invoke[string](ctx, client, "whoami")
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println("the server sees", name)

	stranger, err := auth.GenerateSecret("bot.k1")
	if err != nil {
		log.Fatal(err)
	}
	_, err = native.Dial(ctx, url, native.DialConfig{Login: stranger, Logger: slog.New(slog.DiscardHandler)})
	fmt.Println("another key is refused:", errors.Is(err, native.ErrLoginRefused))
	// Output:
	// the server sees bot
	// another key is refused: true
}
