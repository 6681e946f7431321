package auth_test

import (
	"fmt"
	"log"

	"github.com/parley-rpc/parley/auth"
	"github.com/parley-rpc/parley/rpc/native"
	"github.com/parley-rpc/parley/rpc/xmlrpc"
)

// What the transports ask for.
var (
	_ native.Authenticator = (*auth.Secret)(nil)
	_ native.Authenticator = (*auth.Credentials)(nil)
	_ xmlrpc.Secret        = (*auth.Secret)(nil)
)

func ExampleGenerateSecret() {
	secret, err := auth.GenerateSecret("deploy-bot.k1")
	if err != nil {
		log.Fatal(err)
	}
	// The client keeps the text of the key, by WriteFile or elsewhere.
	text := secret.Reveal()
	fmt.Println(text[:22], len(text))
	fmt.Println(secret)

	// The server keeps what knows it.
	entry, err := secret.Entry(auth.UseChannel, "deploy-bot")
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(entry.ID, entry.Identity, entry.Use, entry.KDF)
	// Output:
	// parley1_deploy-bot.k1_ 74
	// [secret]
	// deploy-bot.k1 deploy-bot channel raw
}

func ExampleParseSecret() {
	secret, err := auth.ParseSecret("ann:correct horse battery staple")
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(secret.ID(), secret.Generated(), secret)

	_, err = auth.ParseSecret("parley1_deploy-bot.k1_AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8")
	fmt.Println(err)
	// Output:
	// ann false [secret]
	// auth: secret: the text of the key is not complete: was a part of it lost in copying?; want parley1_<id>_<43 characters>_<8 hexadecimal digits>
}
