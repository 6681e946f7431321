package auth_test

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"fmt"
	"log"
	"log/slog"
	"math/big"
	"os"
	"path/filepath"
	"time"

	"github.com/parley-rpc/parley/auth"
)

// A key that can be guessed is refused.
func ExampleNewKey() {
	_, err := auth.NewKey([]byte("secret"), auth.KeyConfig{})
	fmt.Println(errors.Is(err, auth.ErrKey))
	key, err := auth.NewKey(make([]byte, auth.MinKeySize), auth.KeyConfig{Identity: "deploy-bot", AllowMD5: true})
	fmt.Println(key, err)
	// Output:
	// true
	// [authkey] <nil>
}

// The bytes that a Python program gives as authkey=. What is wrong with them is
// the error of the Listen or Dial that gets the key.
func ExampleKey() {
	key := auth.Key([]byte("a key of thirty-two bytes or more"))
	fmt.Println(key, len(key.Reveal()))
	// Output: [authkey] 33
}

// A key is changed without a pause: the listeners take both for a while.
func ExampleNewKeyring() {
	old, young := auth.GenerateKey(), auth.GenerateKey()
	listener, err := auth.NewKeyring(old, young)
	if err != nil {
		log.Fatal(err)
	}
	// ... until all dialers have the new one, and then:
	if err := listener.Replace(young); err != nil {
		log.Fatal(err)
	}
	for id := range listener.Authkeys() {
		fmt.Println(id.Name)
	}
	// Output: authkey
}

// A server that is given another certificate while it runs goes on with that.
func ExampleLoadCertificate() {
	dir, err := os.MkdirTemp("", "example")
	if err != nil {
		log.Fatal(err)
	}
	defer os.RemoveAll(dir)
	certFile, keyFile := filepath.Join(dir, "server.pem"), filepath.Join(dir, "server.key")
	if err := writeCertificate(certFile, keyFile); err != nil {
		log.Fatal(err)
	}

	cert, err := auth.LoadCertificate(certFile, keyFile)
	if err != nil {
		log.Fatal(err)
	}
	config := &tls.Config{GetCertificate: cert.GetCertificate} // for native.Server.TLS, or xmlrpc.Server.TLS
	served, err := config.GetCertificate(nil)
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(served.Leaf.DNSNames, cert.Err())
	// Output: [localhost] <nil>
}

// writeCertificate makes a certificate for an hour.
func writeCertificate(certFile, keyFile string) error {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return err
	}
	now := time.Now()
	template := &x509.Certificate{SerialNumber: big.NewInt(1), DNSNames: []string{"localhost"}, NotBefore: now, NotAfter: now.Add(time.Hour)}
	cert, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	if err != nil {
		return err
	}
	private, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		return err
	}
	return errors.Join(
		os.WriteFile(certFile, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: cert}), 0o644),
		os.WriteFile(keyFile, pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: private}), 0o600))
}

// A password for HTTP Basic. What the server keeps of it logs nobody in.
func ExampleNewPassphrase() {
	secret, err := auth.NewPassphrase("carl", "correct horse battery staple")
	if err != nil {
		log.Fatal(err)
	}
	entry, err := secret.Entry(auth.UseHTTP, "carl")
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(secret, entry)
	// Output: [secret] [carl of carl for http]
}

// A client reads its secret from a file that nobody else can read.
func ExampleLoadSecret() {
	dir, err := os.MkdirTemp("", "example")
	if err != nil {
		log.Fatal(err)
	}
	defer os.RemoveAll(dir)
	path := filepath.Join(dir, "bot.key")
	generated, err := auth.GenerateSecret("bot.k1")
	if err != nil {
		log.Fatal(err)
	}
	if err := generated.WriteFile(path); err != nil {
		log.Fatal(err)
	}

	secret, err := auth.LoadSecret(path)
	fmt.Println(secret.ID(), secret, err)
	// Output: bot.k1 [secret] <nil>
}

// A client that runs for long looks for a new secret before it logs in again.
func ExampleOpenSecret() {
	dir, err := os.MkdirTemp("", "example")
	if err != nil {
		log.Fatal(err)
	}
	defer os.RemoveAll(dir)
	path := filepath.Join(dir, "bot.key")
	generated, err := auth.GenerateSecret("bot.k1")
	if err != nil {
		log.Fatal(err)
	}
	if err := generated.WriteFile(path); err != nil {
		log.Fatal(err)
	}

	secret, err := auth.OpenSecret(path) // for native.DialConfig.Login, or xmlrpc.ClientConfig.Login
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(secret.ID(), secret.Err())
	// Output: bot.k1 <nil>
}

// Credentials that are in no file. One of them ends by itself.
func ExampleNewCredentials() {
	secret, err := auth.GenerateSecret("bot.k1")
	if err != nil {
		log.Fatal(err)
	}
	entry, err := secret.Entry(auth.UseChannel, "deploy-bot")
	if err != nil {
		log.Fatal(err)
	}
	entry.NotAfter = time.Now().Add(90 * 24 * time.Hour)
	logins, err := auth.NewCredentials([]auth.Entry{entry}, auth.CredentialsConfig{Logger: slog.New(slog.DiscardHandler)})
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(logins.Entries()) // for native.Server.Login, or xmlrpc.Server.Auth
	// Output: [[bot.k1 of deploy-bot for channel]]
}

// A credential is added to the file of a server that runs, and takes part within a
// second there.
func ExampleEditCredentials() {
	dir, err := os.MkdirTemp("", "example")
	if err != nil {
		log.Fatal(err)
	}
	defer os.RemoveAll(dir)
	path := filepath.Join(dir, "credentials.jsonl")

	secret, err := auth.GenerateSecret("shop.k2")
	if err != nil {
		log.Fatal(err)
	}
	err = auth.EditCredentials(path, func(entries []auth.Entry) ([]auth.Entry, error) {
		entry, err := secret.Entry(auth.UseHTTP, "shop")
		return append(entries, entry), err
	})
	if err != nil {
		log.Fatal(err)
	}
	logins, err := auth.LoadCredentials(path, auth.CredentialsConfig{})
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(logins.Entries())
	// Output: [[shop.k2 of shop for http]]
}
