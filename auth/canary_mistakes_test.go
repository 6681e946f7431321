package auth_test

import (
	"context"
	"encoding/base64"
	"net/netip"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/parley-rpc/parley/auth"
	"github.com/parley-rpc/parley/rpc"
	"github.com/parley-rpc/parley/rpc/native"
	"github.com/parley-rpc/parley/rpc/xmlrpc"
)

// wrongLogins tries to come in in every way that does not work.
func (w *household) wrongLogins() {
	w.t.Helper()
	logger := w.out.logger()
	secret, key := must[*auth.Secret](w.t), must[*auth.Authkey](w.t)
	for _, id := range []string{"bot.k1", "ann.k1", "nobody"} {
		s := secret(auth.NewPassphrase(id, wrongSecret))
		if id != "ann.k1" { // each costs what argon2id costs
			_, err := native.Dial(w.ctx, w.secure, native.DialConfig{Login: s, Logger: logger})
			w.failed("channel login as "+id, err)
		}
		if id == "bot.k1" {
			continue
		}
		c := must[*xmlrpc.Client](w.t)(xmlrpc.NewClient(w.web, xmlrpc.ClientConfig{Login: s}))
		_, err := c.Call(w.ctx, &rpc.Request{Method: "open", Args: rpc.Values{argument}})
		w.failed("web login as "+id, err)
		c.Close()
	}
	for _, s := range []*auth.Secret{secret(auth.GenerateSecret("bot.k2")), secret(auth.GenerateSecret("nobody"))} {
		_, err := native.DialConn(w.ctx, w.secure, native.ConnConfig{Login: s})
		w.failed("channel login with a new key", err)
		authorization := must[string](w.t)(s.Authorization())
		for _, header := range []string{authorization, "Bearer " + authkeyText, "Bearer " + passphrase, "Basic " + passphrase, "Digest " + password, "Basic " + base64.StdEncoding.EncodeToString([]byte(password))} {
			_, err := w.credentials.AuthenticateHTTP(context.Background(), header, netip.MustParseAddr("192.0.2.1"))
			w.failed("a header", err)
		}
	}
	wrong := key(auth.NewKey([]byte(wrongAuthkey), auth.KeyConfig{}))
	_, err := native.Dial(w.ctx, w.local, native.DialConfig{Auth: wrong, Logger: logger})
	w.failed("a wrong authkey", err)
	_, err = native.DialConn(w.ctx, w.secure, native.ConnConfig{Auth: wrong})
	w.failed("an authkey inside TLS", err)
	_, err = native.DialConn(w.ctx, strings.Replace(w.secure, "tls://", "tcp://", 1), native.ConnConfig{Auth: wrong, Timeout: 100 * time.Millisecond})
	w.failed("an authkey without TLS", err)

	// A listener that is full.
	l := must[*native.Listener](w.t)(native.Listen("unix://"+filepath.Join(w.t.TempDir(), "full"), native.ListenConfig{Auth: w.credentials, MaxConns: 1, Logger: logger}))
	defer l.Close()
	right := native.ConnConfig{Auth: key(auth.NewKey([]byte(authkeyText), auth.KeyConfig{}))}
	conn := must[*native.Conn](w.t)(native.DialConn(w.ctx, l.Addr(), right))
	defer conn.Close()
	_, err = native.DialConn(w.ctx, l.Addr(), right)
	w.failed("one too many", err)
}

// failed keeps the error of what must have failed.
func (w *household) failed(what string, err error) {
	w.t.Helper()
	if err == nil {
		w.t.Errorf("%s: it worked", what)
	}
	w.out.err(what, err)
}

// mistakes are those of people: in files, in texts that they paste, in settings.
func (w *household) mistakes() {
	w.t.Helper()
	dir := w.t.TempDir()
	write := func(name, text string, mode os.FileMode) string {
		path := filepath.Join(dir, name)
		if err := os.WriteFile(path, []byte(text), mode); err != nil {
			w.t.Fatal(err)
		}
		if err := os.Chmod(path, mode); err != nil { // whatever the umask is
			w.t.Fatal(err)
		}
		return path
	}
	other := must[*auth.Secret](w.t)(auth.GenerateSecret("other"))
	w.canaries["a key that is pasted"] = keyPart(other)
	text := other.Reveal()
	for _, pasted := range []string{
		text[:len(text)-1], text[:len(text)-8] + "00000000", strings.ToUpper(text), " " + text, text + "\n", "other:" + text, "id " + passphrase,
		passphrase, ":" + passphrase, "UPPER:" + passphrase, "x:" + passphrase + "\x00", "x:" + strings.Repeat(passphrase, 40), "x:\xff" + passphrase,
	} {
		_, err := auth.ParseSecret(pasted)
		w.failed("pasted", err)
		_, err = auth.LoadSecret(write("secret", pasted+"\n\n", 0o600))
		w.failed("in a file", err)
	}
	_, err := auth.LoadSecret(write("readable", text, 0o644))
	w.failed("a file that others can read", err)
	_, err = auth.LoadKey(write("key", authkeyText[:20], 0o600), auth.KeyConfig{})
	w.failed("a short key", err)
	_, err = auth.NewPassphrase("x", passphrase+"\n")
	w.failed("a line end", err)
	_, err = xmlrpc.NewClient("http://ann.k1:"+wrongSecret[:13]+"@192.0.2.1/", xmlrpc.ClientConfig{Header: map[string][]string{"Idempotency-Key": {"x"}}})
	w.failed("a password in a URL", err)
	_, err = xmlrpc.NewClient("http://192.0.2.1/", xmlrpc.ClientConfig{User: "ann", Password: password})
	w.failed("a password that everyone can read", err)

	// The credentials file, broken in each place that holds something.
	good, err := os.ReadFile(w.path)
	if err != nil {
		w.t.Fatal(err)
	}
	authkeyLine := `{"id":"x","identity":"x","use":"authkey","key":"` + authkeyText + `"`
	for _, line := range []string{
		authkeyLine, authkeyLine + "}}", authkeyLine + `,"phc":"x"}`, authkeyLine + `,"key":"x"}`, strings.Replace(authkeyLine, `"key"`, `"kye"`, 1) + "}",
		strings.Replace(authkeyLine, `"authkey"`, `"`+authkeyText+`"`, 1) + "}", strings.Replace(authkeyLine, `"id":"x"`, `"id":"bot.k1"`, 1) + "}",
		authkeyLine[:len(authkeyLine)-20] + "\x00\xff\"}", strings.Replace(authkeyLine, `"key":"`, `"key":["`, 1) + `]}`,
		authkeyLine + `,"not_after":"` + authkeyText + `"}`, authkeyText, `"` + authkeyText + `"`, `{"` + authkeyText + `":1}`,
		`{"id":"x","identity":"x","use":"http","phc":"` + password + `"}`, `{"id":"x","identity":"x","use":"http","kdf":"raw","salt":"` + password + `"}`,
		`{"id":"x","identity":"x","use":"channel","kdf":"` + passphrase + `"}`,
	} {
		if err := os.WriteFile(w.path, append(slices.Clone(good), line+"\n"...), 0o600); err != nil {
			w.t.Fatal(err)
		}
		w.failed("reload of "+line[:5], w.credentials.Reload())
		_, err := auth.LoadCredentials(w.path, auth.CredentialsConfig{Logger: w.out.logger()})
		w.failed("load", err)
		w.failed("edit", auth.EditCredentials(w.path, func(e []auth.Entry) ([]auth.Entry, error) { return e, nil }))
	}
	if err := os.WriteFile(w.path, good, 0o600); err != nil {
		w.t.Fatal(err)
	}
	if err := w.credentials.Reload(); err != nil {
		w.t.Fatal(err)
	}
}

// revoke takes all credentials away while they are in use.
func (w *household) revoke() {
	w.t.Helper()
	err := auth.EditCredentials(w.path, func(all []auth.Entry) ([]auth.Entry, error) {
		return slices.DeleteFunc(all, func(e auth.Entry) bool { return e.ID != "py.k1" }), nil
	})
	if err == nil {
		err = w.credentials.Reload()
	}
	if err != nil {
		w.t.Fatal(err)
	}
	w.out.wait(w.t, "outcome=revoked")
	for name, c := range w.callers {
		call := func() error {
			_, err := c.Call(w.ctx, &rpc.Request{Method: "open", Args: rpc.Values{argument}})
			return err
		}
		err := call()
		if name != "authkey" {
			for until := time.Now().Add(5 * time.Second); err == nil && time.Now().Before(until); { // its connection is still being cut
				err = call()
			}
			w.failed("after the revocation, "+name, err)
		}
	}
}
