package carry

import (
	"bufio"
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"time"

	"github.com/parley-rpc/parley/auth"
	"github.com/parley-rpc/parley/internal/compare"
	"github.com/parley-rpc/parley/rpc"
	"github.com/parley-rpc/parley/rpc/native"
	"github.com/parley-rpc/parley/rpc/xmlrpc"
)

func whoTrials() []trial {
	return []trial{
		{"who", "without a login, from loopback", withPeople(tryNoLogin)},
		{"who", "with an authkey, that of Python's multiprocessing", withPeople(tryAuthkey)},
		{"who", "with a name and a password", withPeople(tryPassword)},
		{"who", "with a generated key", withPeople(tryKey)},
		{"who", "with a certificate of the client", withPeople(tryCertificate)},
		{"who", "inside TLS, with a certificate authority", withPeople(tryTLS)},
		{"who", "inside TLS, without a certificate authority", withPeople(tryNoAuthority)},
		{"who", "over a unix socket", withPeople(tryUnix)},
		{"who", "each caller may call what the policy says", withPeople(tryPolicy)},
		{"who", "a key that is revoked ends what it has begun", tryRevoked},
		{"who", "an HTTP request written by hand, as for curl", tryPost},
		{"who", "a page for browsers", tryPage},
	}
}

func withPeople(try func(context.Context, *world, *people, *lane) (compare.Outcome, error)) func(context.Context, *world, *lane) (compare.Outcome, error) {
	return func(ctx context.Context, w *world, l *lane) (compare.Outcome, error) {
		p, err := w.people()
		if err != nil {
			return compare.Outcome{}, fmt.Errorf("the servers with logins: %w", err)
		}
		return try(ctx, w, p, l)
	}
}

// entered is the outcome of a login: who the function sees.
func entered(ctx context.Context, l *lane, err error, want string) (compare.Outcome, error) {
	if err != nil {
		return loginRefused(err)
	}
	defer l.close()
	who, err := whoami(ctx, l)
	switch {
	case err != nil:
		return loginRefused(err)
	case who == want:
		return yes("as " + want), nil
	case who == "":
		return changed("let in, and the function is not told who it is"), nil
	}
	return compare.Outcome{}, fmt.Errorf("the function sees %q; want %q", who, want)
}

// whoami asks who the function sees. Where the server has no room to look at one more
// password, as it says by 503 on a machine that is busy, it is asked again.
func whoami(ctx context.Context, l *lane) (string, error) {
	for {
		who, err := rpc.Invoke[string](ctx, l.call, "whoami")
		if err == nil || !strings.Contains(err.Error(), "503") {
			return who, err
		}
		select {
		case <-ctx.Done():
			return "", err
		case <-time.After(50 * time.Millisecond):
		}
	}
}

// loginRefused is the outcome of a login that was refused, and of nothing else.
func loginRefused(err error) (compare.Outcome, error) {
	switch {
	case errors.Is(err, native.ErrAuth), errors.Is(err, &rpc.Fault{Code: rpc.CodeNotAuthenticated}),
		strings.Contains(err.Error(), "bad status code - 401"):
		return no(loginEssence(err)), nil
	}
	return compare.Outcome{}, fmt.Errorf("went wrong, which is no verdict: %w", err)
}

func loginEssence(err error) string {
	var answer *xmlrpc.AnswerError
	if errors.As(err, &answer) {
		return fmt.Sprintf("HTTP %d %s", answer.Status, http.StatusText(answer.Status))
	}
	return oneLine(err.Error())
}

// mustRefuse is an error if a wrong login has not been refused.
func mustRefuse(ctx context.Context, l *lane, err error) error {
	if err == nil {
		defer l.close()
		_, err = whoami(ctx, l)
	}
	if err == nil {
		return errors.New("a wrong login was let in")
	}
	if _, err := loginRefused(err); err != nil {
		return fmt.Errorf("a wrong login: %w", err)
	}
	return nil
}

// webUser is a client of XML-RPC that logs in by HTTP Basic.
func webUser(name, url, user, password string) (*lane, error) {
	if name == koloLane {
		url = strings.Replace(url, "://", "://"+user+":"+password+"@", 1)
		return dialWeb(name, strings.ReplaceAll(url, " ", "%20"), xmlrpc.ClientConfig{}, nil)
	}
	return dialWeb(name, url, xmlrpc.ClientConfig{User: user, Password: password}, nil)
}

func tryNoLogin(ctx context.Context, w *world, _ *people, l *lane) (compare.Outcome, error) {
	if l.name == nativeLane {
		srv := native.Server{Handler: w.registry, Logger: quiet}
		ln, err := srv.Listen("tcp://127.0.0.1:0")
		if err == nil {
			ln.Close()
			return compare.Outcome{}, errors.New("a server without keys listens")
		}
		return no(oneLine(err.Error())), nil
	}
	sum, err := rpc.Invoke[int](ctx, l.call, "add", 3, 5)
	return echoed(ctx, l, sum == 8, err)
}

func tryAuthkey(ctx context.Context, w *world, p *people, l *lane) (compare.Outcome, error) {
	if l.name == nativeLane {
		wrong, err := dialNative(ctx, w.nativeURL, native.DialConfig{Auth: auth.GenerateKey()})
		if err := mustRefuse(ctx, wrong, err); err != nil {
			return compare.Outcome{}, err
		}
		own, err := w.dial(ctx, nativeLane)
		return entered(ctx, own, err, neighbour)
	}
	own, err := webUser(l.name, p.webURL, "neighbour.k1", authText)
	return entered(ctx, own, err, neighbour)
}

func tryPassword(ctx context.Context, _ *world, p *people, l *lane) (compare.Outcome, error) {
	if l.name == nativeLane {
		secret, err := auth.NewPassphrase("guest.channel", "another one")
		if err != nil {
			return compare.Outcome{}, err
		}
		wrong, err := dialNative(ctx, p.tlsURL, native.DialConfig{Login: secret})
		if err := mustRefuse(ctx, wrong, err); err != nil {
			return compare.Outcome{}, err
		}
		own, err := dialNative(ctx, p.tlsURL, native.DialConfig{Login: p.channelPhrase})
		return entered(ctx, own, err, guest)
	}
	wrong, err := webUser(l.name, p.webURL, "guest", "another")
	if err := mustRefuse(ctx, wrong, err); err != nil {
		return compare.Outcome{}, err
	}
	own, err := webUser(l.name, p.webURL, "guest", password)
	return entered(ctx, own, err, guest)
}

// keyed is a client that logs in by a generated key.
func keyed(ctx context.Context, name, channelURL, webURL string, channelKey, webKey *auth.Secret) (*lane, error) {
	switch name {
	case nativeLane:
		return dialNative(ctx, channelURL, native.DialConfig{Login: channelKey})
	case koloLane:
		bearer, err := webKey.Authorization()
		if err != nil {
			return nil, err
		}
		return dialWeb(name, webURL, xmlrpc.ClientConfig{}, &header{name: "Authorization", value: bearer})
	}
	return dialWeb(name, webURL, xmlrpc.ClientConfig{Login: webKey}, nil)
}

func tryKey(ctx context.Context, _ *world, p *people, l *lane) (compare.Outcome, error) {
	other, err := auth.GenerateSecret("bot.channel")
	if err != nil {
		return compare.Outcome{}, err
	}
	wrong, err := keyed(ctx, l.name, p.tlsURL, p.webURL, other, other)
	if err := mustRefuse(ctx, wrong, err); err != nil {
		return compare.Outcome{}, err
	}
	own, err := keyed(ctx, l.name, p.tlsURL, p.webURL, p.channelKey, p.webKey)
	return entered(ctx, own, err, bot)
}

// inside is a client that has checks of its own for TLS.
func inside(ctx context.Context, name, url string, login *auth.Secret, cfg *tls.Config) (*lane, error) {
	if name == nativeLane {
		dial := native.DialConfig{TLS: cfg}
		if login != nil {
			dial.Login = login
		}
		return dialNative(ctx, url, dial)
	}
	own := xmlrpc.ClientConfig{TLS: cfg}
	transport := &header{Transport: http.Transport{TLSClientConfig: cfg}, name: "Accept-Language", value: "en"}
	if login != nil {
		own.Login = login
		bearer, err := login.Authorization()
		if err != nil {
			return nil, err
		}
		transport.name, transport.value = "Authorization", bearer
	}
	return dialWeb(name, url, own, transport)
}

func tryTLS(ctx context.Context, _ *world, p *people, l *lane) (compare.Outcome, error) {
	cfg := &tls.Config{RootCAs: p.authority.pool, MinVersion: tls.VersionTLS12}
	url, key := p.httpsURL, p.webKey
	if l.name == nativeLane {
		url, key = p.tlsURL, p.channelKey
	}
	own, err := inside(ctx, l.name, url, key, cfg)
	return entered(ctx, own, err, bot)
}

// tryNoAuthority has clients log in that know nobody who signs certificates, and then
// through somebody on the way who ends TLS and passes everything on.
func tryNoAuthority(ctx context.Context, w *world, p *people, l *lane) (compare.Outcome, error) {
	if l.name != nativeLane {
		own, err := inside(ctx, l.name, p.httpsURL, p.webKey, nil)
		if err != nil {
			return compare.Outcome{}, err
		}
		defer own.close()
		_, err = rpc.Invoke[string](ctx, own.call, "whoami")
		var untrusted *tls.CertificateVerificationError
		if !errors.As(err, &untrusted) {
			return compare.Outcome{}, fmt.Errorf("got %w; want that the certificate is not trusted", err)
		}
		return no(oneLine(untrusted.Err.Error())), nil
	}
	addr, err := relay(w, hostOf(p.tlsURL), "parley/1")
	if err != nil {
		return compare.Outcome{}, err
	}
	relayed, err := inside(ctx, nativeLane, "tls://"+addr, p.channelKey, nil)
	if err := mustRefuse(ctx, relayed, err); err != nil {
		return compare.Outcome{}, fmt.Errorf("through a relay: %w", err)
	}
	own, err := inside(ctx, nativeLane, p.tlsURL, p.channelKey, nil)
	if o, err := entered(ctx, own, err, bot); err != nil || o.Verdict != Yes {
		return o, err
	}
	return yes("the login proves both ends; through a relay it fails"), nil
}

func tryCertificate(ctx context.Context, _ *world, p *people, l *lane) (compare.Outcome, error) {
	url := p.httpsOpenURL
	if l.name == nativeLane {
		url = p.mutualURL
	}
	without := &tls.Config{RootCAs: p.authority.pool, MinVersion: tls.VersionTLS13}
	if stranger, err := inside(ctx, l.name, url, nil, without); err == nil {
		_, err := rpc.Invoke[string](ctx, stranger.call, "whoami")
		stranger.close()
		if err == nil {
			return compare.Outcome{}, errors.New("a client without a certificate was let in")
		}
	}
	with := without.Clone()
	with.Certificates = []tls.Certificate{p.client}
	own, err := inside(ctx, l.name, url, nil, with)
	return entered(ctx, own, err, client)
}

func tryUnix(ctx context.Context, w *world, p *people, l *lane) (compare.Outcome, error) {
	var own *lane
	var err error
	dials := ""
	switch l.name {
	case nativeLane:
		own, err = dialNative(ctx, p.unixURL, native.DialConfig{Auth: w.key})
	case xmlrpcLane:
		own, err = dialWeb(l.name, p.webUnixURL, xmlrpc.ClientConfig{}, nil)
	default:
		dials = "by a transport that dials it"
		own, err = dialWeb(l.name, "http://localhost/RPC2", xmlrpc.ClientConfig{}, &http.Transport{
			DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) {
				return new(net.Dialer).DialContext(ctx, "unix", w.socket("web"))
			},
		})
	}
	if err != nil {
		return compare.Outcome{}, err
	}
	defer own.close()
	sum, err := rpc.Invoke[int](ctx, own.call, "add", 3, 5)
	if o, err := echoed(ctx, own, sum == 8, err); err != nil || dials == "" {
		return o, err
	}
	return changed(dials), nil
}

// tryPolicy calls what the caller may call, what it may not, and what does not exist.
func tryPolicy(ctx context.Context, _ *world, p *people, l *lane) (compare.Outcome, error) {
	own, err := keyed(ctx, l.name, p.tlsURL, p.webURL, p.channelKey, p.webKey)
	if err != nil {
		return compare.Outcome{}, err
	}
	defer own.close()
	if sum, err := rpc.Invoke[int](ctx, own.call, "add", 3, 5); err != nil || sum != 8 {
		return compare.Outcome{}, fmt.Errorf("a function that is allowed: got %d, %w", sum, err)
	}
	_, denied := rpc.Invoke[any](ctx, own.call, "echo", 1)
	_, unknown := rpc.Invoke[any](ctx, own.call, "ohce", 1)
	if denied == nil || unknown == nil {
		return compare.Outcome{}, fmt.Errorf("a function that is denied: %w; one that does not exist: %w", denied, unknown)
	}
	if a, b := denied.Error(), strings.ReplaceAll(unknown.Error(), "ohce", "echo"); a != b {
		return compare.Outcome{}, fmt.Errorf("denied is %q, and unknown %q", a, b)
	}
	return yes("others do not exist for it"), nil
}

// tryRevoked takes the key of a caller away while its call runs.
func tryRevoked(ctx context.Context, w *world, l *lane) (compare.Outcome, error) {
	secret, err := auth.GenerateSecret("fired.k1")
	if err != nil {
		return compare.Outcome{}, err
	}
	channel, err1 := secret.Entry(auth.UseChannel, "fired")
	web, err2 := secret.Entry(auth.UseHTTP, "fired")
	if err := errors.Join(err1, err2); err != nil {
		return compare.Outcome{}, err
	}
	entry := web
	if l.name == nativeLane {
		entry = channel
	}
	creds, err := auth.NewCredentials([]auth.Entry{entry}, auth.CredentialsConfig{Logger: quiet})
	if err != nil {
		return compare.Outcome{}, err
	}
	var url string
	if l.name == nativeLane {
		url, err = w.serveNative("tls://127.0.0.1:0", &native.Server{Login: creds})
	} else {
		url, err = w.serveWeb("127.0.0.1:0", &xmlrpc.Server{Auth: creds})
	}
	if err != nil {
		return compare.Outcome{}, err
	}
	own, err := keyed(ctx, l.name, url, url, secret, secret)
	if err != nil {
		return compare.Outcome{}, err
	}
	defer own.close()
	g := w.service.newGate()
	revoked := make(chan error, 1)
	go func() {
		select {
		case <-g.begun.c:
			revoked <- creds.Replace(nil)
		case <-ctx.Done():
			revoked <- ctx.Err()
		}
	}()
	_, err = rpc.Invoke[bool](ctx, own.call, "wait", g.id)
	if e := <-revoked; e != nil || err == nil {
		return compare.Outcome{}, fmt.Errorf("revoked with %w; the call that ran ends with %w", e, err)
	}
	_, err = rpc.Invoke[int](ctx, own.call, "add", 3, 5)
	if err == nil {
		return compare.Outcome{}, errors.New("a call after the key was revoked succeeds")
	}
	if _, err := loginRefused(err); err != nil {
		return compare.Outcome{}, err
	}
	return yes(""), nil
}

// tryPost sends what anybody can send who can write to a socket.
func tryPost(ctx context.Context, w *world, l *lane) (compare.Outcome, error) {
	const call = `<methodCall><methodName>add</methodName><params><param><value><int>3</int></value></param><param><value><int>5</int></value></param></params></methodCall>`
	return plainHTTP(ctx, w, l, http.MethodPost, call, "<int>8</int>")
}

func tryPage(ctx context.Context, w *world, l *lane) (compare.Outcome, error) {
	return plainHTTP(ctx, w, l, http.MethodGet, "", "<title>")
}

// plainHTTP tries what no library is needed for; kolo has no part in it.
func plainHTTP(ctx context.Context, w *world, l *lane, method, body, want string) (compare.Outcome, error) {
	addr := hostOf(w.webURL)
	switch l.name {
	case koloLane:
		return compare.Outcome{}, nil
	case nativeLane:
		addr = hostOf(w.nativeURL)
	}
	conn, err := new(net.Dialer).DialContext(ctx, "tcp", addr)
	if err != nil {
		return compare.Outcome{}, err
	}
	defer conn.Close()
	deadline, _ := ctx.Deadline()
	if err := conn.SetDeadline(deadline); err != nil {
		return compare.Outcome{}, err
	}
	_, err = fmt.Fprintf(conn, "%s /RPC2 HTTP/1.1\r\nHost: %s\r\nContent-Type: text/xml\r\nContent-Length: %d\r\n\r\n%s", method, addr, len(body), body)
	if err != nil {
		return compare.Outcome{}, err
	}
	answer, err := http.ReadResponse(bufio.NewReader(conn), nil)
	if err != nil && l.name == nativeLane && ctx.Err() == nil {
		return no("what answers is no HTTP"), nil
	}
	if err != nil {
		return compare.Outcome{}, err
	}
	defer answer.Body.Close()
	text, err := io.ReadAll(io.LimitReader(answer.Body, mib))
	if err != nil || answer.StatusCode != http.StatusOK || !strings.Contains(string(text), want) {
		return compare.Outcome{}, fmt.Errorf("got HTTP %s, %.200q, %w", answer.Status, text, err)
	}
	return yes(""), nil
}
