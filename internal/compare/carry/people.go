package carry

import (
	"crypto/tls"
	"crypto/x509"
	"encoding/base64"
	"errors"
	"io"
	"net"
	"strings"
	"sync"

	"github.com/parley-rpc/parley/auth"
	"github.com/parley-rpc/parley/rpc"
	"github.com/parley-rpc/parley/rpc/native"
	"github.com/parley-rpc/parley/rpc/native/python"
	"github.com/parley-rpc/parley/rpc/xmlrpc"
)

// Whom the servers with logins know. All of them may call add and whoami, and nothing
// else.
const (
	bot       = "bot"        // has a generated key
	guest     = "guest"      // has a password
	neighbour = "neighbour"  // has the authkey
	client    = "urn:client" // has a certificate
)

const (
	password = "correct horse battery staple"
	// authText is an authkey in a file of credentials, and what XML-RPC would have to
	// take as a password.
	authText = "0123456789abcdef0123456789abcdef"
)

// people are the servers with logins, and what their callers log in with.
type people struct {
	authority        *authority
	client           tls.Certificate
	caFile, certFile string // PEM, of authority and client
	registry         *rpc.Registry

	channelKey, channelPhrase, webKey *auth.Secret

	tlsURL       string // native, with logins
	unixURL      string // native, with the authkey
	mutualURL    string // native, with certificates of clients
	webURL       string // XML-RPC, with logins
	webUnixURL   string // without
	httpsURL     string // with logins
	httpsOpenURL string // with certificates of clients
}

func newPeople(w *world) (*people, error) {
	p := &people{}
	var err error
	if p.authority, err = newAuthority(); err != nil {
		return nil, err
	}
	server, err := p.authority.issue("server", x509.ExtKeyUsageServerAuth)
	if err != nil {
		return nil, err
	}
	if p.client, err = p.authority.issue("client", x509.ExtKeyUsageClientAuth); err != nil {
		return nil, err
	}
	if p.caFile, p.certFile, err = p.authority.write(w.dir, p.client); err != nil {
		return nil, err
	}
	if p.registry, err = w.newRegistry(); err != nil {
		return nil, err
	}
	may := []string{"add", "whoami"}
	policy, err := auth.NewPolicy(map[string][]string{bot: may, guest: may, neighbour: may, client: may})
	if err != nil {
		return nil, err
	}
	p.registry.Authorizer = policy
	creds, err := p.enrol()
	if err != nil {
		return nil, err
	}
	return p, p.serve(w, creds, server)
}

// enrol makes the secrets, and what the servers keep of them. What they keep of the
// password was made before, by the cheapest argon2id that is accepted: it would be most
// of what the trials cost.
func (p *people) enrol() (*auth.Credentials, error) {
	const cheap = "argon2id$v=19$m=19456,t=2,p=1"
	salt := []byte("0123456789abcdef")
	stored, err1 := base64.StdEncoding.DecodeString("I43JLUstjhNIp4vi4K5x3AVeszK4re9dcKRpPfvzAYU=")
	server, err2 := base64.StdEncoding.DecodeString("saz7k27DDlofK+6PYnK/B6ygu7fJRWcHw0mKZqlOJjs=")
	entries := []auth.Entry{
		{ID: "neighbour.k1", Identity: neighbour, Use: auth.UseAuthkey, Key: authText},
		{ID: "guest.channel", Identity: guest, Use: auth.UseChannel, KDF: cheap, Salt: salt, StoredKey: stored, ServerKey: server},
		{ID: "guest", Identity: guest, Use: auth.UseHTTP, PHC: "$" + cheap + "$MDEyMzQ1Njc4OWFiY2RlZg$gy5SuVm5Z7Vw7keB9se9p87QGcomaseB/S2U1OhTsM0"},
	}
	issue := func(id string, use auth.Use) (*auth.Secret, error) {
		secret, err := auth.GenerateSecret(id)
		if err != nil {
			return nil, err
		}
		entry, err := secret.Entry(use, bot)
		entries = append(entries, entry)
		return secret, err
	}
	var err3, err4, err5 error
	p.channelKey, err3 = issue("bot.channel", auth.UseChannel)
	p.webKey, err4 = issue("bot.web", auth.UseHTTP)
	p.channelPhrase, err5 = auth.NewPassphrase("guest.channel", password)
	if err := errors.Join(err1, err2, err3, err4, err5); err != nil {
		return nil, err
	}
	return auth.NewCredentials(entries, auth.CredentialsConfig{Logger: quiet})
}

func (p *people) serve(w *world, creds *auth.Credentials, server tls.Certificate) error {
	certs := []tls.Certificate{server}
	mutual := &tls.Config{Certificates: certs, ClientAuth: tls.RequireAndVerifyClientCert, ClientCAs: p.authority.pool, MinVersion: tls.VersionTLS13}
	errs := make([]error, 7)
	channel := func(url string, srv *native.Server) (string, error) {
		srv.Handler, srv.Objects = p.registry, python.Handler(p.registry)
		return w.serveNative(url, srv)
	}
	p.tlsURL, errs[0] = channel("tls://127.0.0.1:0", &native.Server{Login: creds, TLS: &tls.Config{Certificates: certs, MinVersion: tls.VersionTLS13}})
	p.unixURL, errs[1] = channel("unix://"+w.socket("native"), &native.Server{Auth: w.key})
	p.mutualURL, errs[2] = channel("tls://127.0.0.1:0", &native.Server{TLS: mutual})
	web := func(addr string, srv *xmlrpc.Server) (string, error) {
		srv.Handler = p.registry
		return w.serveWeb(addr, srv)
	}
	p.webURL, errs[3] = web("127.0.0.1:0", &xmlrpc.Server{Auth: creds})
	p.webUnixURL, errs[4] = w.serveWeb("unix:"+w.socket("web"), &xmlrpc.Server{})
	p.httpsURL, errs[5] = web("127.0.0.1:0", &xmlrpc.Server{Auth: creds, TLS: &tls.Config{Certificates: certs, MinVersion: tls.VersionTLS12}})
	p.httpsOpenURL, errs[6] = w.serveWeb("127.0.0.1:0", &xmlrpc.Server{TLS: mutual})
	return errors.Join(errs...)
}

// relay stands between a client and a server of TLS, ends TLS on both sides and passes
// everything on: somebody on the way. Its certificate is signed by nobody.
func relay(w *world, server, protocol string) (addr string, err error) {
	own, err := newAuthority()
	if err != nil {
		return "", err
	}
	cert, err := own.issue("relay", x509.ExtKeyUsageServerAuth)
	if err != nil {
		return "", err
	}
	cfg := &tls.Config{Certificates: []tls.Certificate{cert}, MinVersion: tls.VersionTLS12}
	if protocol != "" {
		cfg.NextProtos = []string{protocol}
	}
	ln, err := tls.Listen("tcp", "127.0.0.1:0", cfg)
	if err != nil {
		return "", err
	}
	var work sync.WaitGroup
	w.later(func() {
		ln.Close()
		work.Wait()
	})
	work.Go(func() {
		for {
			in, err := ln.Accept()
			if err != nil {
				return
			}
			work.Go(func() { pass(in, server, cfg.NextProtos) })
		}
	})
	return ln.Addr().String(), nil
}

func pass(in net.Conn, server string, protocols []string) {
	defer in.Close()
	if err := in.(*tls.Conn).Handshake(); err != nil {
		return // it is not trusted
	}
	out, err := tls.Dial("tcp", server, &tls.Config{InsecureSkipVerify: true, NextProtos: protocols, MinVersion: tls.VersionTLS12})
	if err != nil {
		return
	}
	defer out.Close()
	done := make(chan struct{})
	go func() {
		defer close(done)
		_, _ = io.Copy(out, in) // until either side has had enough
		out.Close()
	}()
	_, _ = io.Copy(in, out)
	in.Close()
	<-done
}

// hostOf is the host and port of a URL.
func hostOf(url string) string {
	_, rest, _ := strings.Cut(url, "://")
	host, _, _ := strings.Cut(rest, "/")
	return host
}
