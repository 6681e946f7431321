package auth

import (
	"context"
	"crypto/subtle"
	"encoding/base64"
	"fmt"
	"net/http"
	"net/netip"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"github.com/parley-rpc/parley/auth/internal/scram"
	"github.com/parley-rpc/parley/rpc"
)

// maxAuthorization bounds the header of a login over HTTP, in bytes: an id, the
// longest password and a colon as base64 have less.
const maxAuthorization = 2048

// httpError is a login over HTTP that was refused. Its text is for the log of the
// server alone.
type httpError struct {
	status int
	retry  time.Duration // when it may be tried again; 0 for unknown
	id     string        // that the client named; empty if it did not come that far
	text   string
}

// Error returns why the login was refused.
func (e *httpError) Error() string {
	if e.id == "" {
		return "auth: http login: " + e.text
	}
	return "auth: http login as " + e.id + ": " + e.text
}

// HTTPStatus returns what to answer, and after which time the client may try
// again if that is known.
func (e *httpError) HTTPStatus() (status int, retryAfter time.Duration) { return e.status, e.retry }

// Credential returns the id that the client has named, and has not proved; empty
// if it did not come that far.
func (e *httpError) Credential() string { return e.id }

func unauthorized(id, text string) *httpError {
	return &httpError{status: http.StatusUnauthorized, id: id, text: text}
}

// AuthenticateHTTP says whose Authorization this is: HTTP Basic (RFC 7617) with
// the id of a credential as the user name, or a generated key as a bearer token
// (RFC 6750). A generated key may be the password of HTTP Basic as well, for
// clients that know nothing else. from is the address that the request came
// from; it is not valid for a unix socket. It satisfies xmlrpc.Authenticator.
//
// Checking a password costs 0.1 s and 64 MiB, so that one that was right is
// remembered for five minutes, as a keyed hash that is of no use without the
// stored hash it was right for. The number of checks at the same time is bounded,
// and so are the wrong passwords of an address beyond loopback: ten at once and
// ten a minute. What is remembered is not held up by the first, and not by the
// second if it was right from the same address; keys are held up by neither.
//
// Errors have a method HTTPStatus() (status int, retryAfter time.Duration): 401,
// 429 for an address with too many wrong passwords, 503 while too many checks are
// under way.
func (c *Credentials) AuthenticateHTTP(ctx context.Context, authorization string, from netip.Addr) (rpc.Identity, error) {
	if c == nil {
		return rpc.Identity{}, errNoCredentials
	}
	l, refused := parseAuthorization(authorization)
	if refused != nil {
		return rpc.Identity{}, refused
	}
	e, who, ok := c.http(l.id)
	if l.key != nil {
		if !checkHTTPKey(l.key, e, ok) {
			return rpc.Identity{}, unauthorized(l.id, "wrong key, or no such credential")
		}
		return who, nil
	}
	// The same work for one that does not exist, at the end of which it does not; and
	// before it, so that a refusal without any work does not tell either.
	mock := c.current().mockPHC(l.id, time.Now())
	if !ok || e.PHC == "" {
		e, ok = Entry{PHC: mock}, false
	}
	if refused := c.web.check(ctx, l, e.PHC, ok, hostOf(from)); refused != nil {
		return rpc.Identity{}, refused
	}
	// The check took its time.
	if now, _, live := c.http(l.id); !live || now.PHC != e.PHC {
		return rpc.Identity{}, unauthorized(l.id, errEnded.Error())
	}
	return who, nil
}

// httpLogin is what an Authorization says.
type httpLogin struct {
	id       string
	password string
	key      []byte // that was generated, instead of the password; nil for none
}

// parseAuthorization reads an Authorization. What no client of ours writes is
// refused here, before anything is looked up.
func parseAuthorization(text string) (httpLogin, *httpError) {
	switch {
	case text == "":
		return httpLogin{}, unauthorized("", "there is no Authorization")
	case len(text) > maxAuthorization:
		return httpLogin{}, unauthorized("", fmt.Sprintf("an Authorization of %d bytes; want %d at most", len(text), maxAuthorization))
	}
	scheme, rest, _ := strings.Cut(text, " ")
	rest = strings.Trim(rest, " ")
	switch {
	case strings.EqualFold(scheme, "Basic"):
		return parseBasic(rest)
	case strings.EqualFold(scheme, "Bearer"):
		s, err := parseKey(rest)
		if err != nil {
			return httpLogin{}, unauthorized("", "a bearer token that is not the text of a key")
		}
		return httpLogin{id: s.id, key: s.secret()}, nil
	}
	return httpLogin{}, unauthorized("", "an Authorization that is neither Basic nor Bearer")
}

func parseBasic(text string) (httpLogin, *httpError) {
	data, err := decodeBase64(base64.StdEncoding, text)
	if err != nil {
		return httpLogin{}, unauthorized("", "HTTP Basic that is not base64")
	}
	id, password, ok := strings.Cut(string(data), ":")
	switch {
	case !ok:
		return httpLogin{}, unauthorized("", "HTTP Basic without a colon")
	case checkID(id) != nil:
		return httpLogin{}, unauthorized("", "a user name that no credential can have")
	case password == "" || len(password) > maxPassphrase || !utf8.ValidString(password) || strings.ContainsFunc(password, unicode.IsControl):
		return httpLogin{}, unauthorized(id, "a password that no credential can have")
	case !looksLikeKey(password):
		return httpLogin{id: id, password: password}, nil
	}
	// Whether it is a key depends on its text alone and not on what is stored: the
	// time it takes must not tell which ids there are.
	s, err := parseKey(password)
	if err != nil || s.id != id {
		return httpLogin{}, unauthorized(id, "a password that looks like a key, and is none of this id")
	}
	return httpLogin{id: id, key: s.secret()}, nil
}

// checkHTTPKey holds a generated key against the entry of its id, which there is
// if ok.
func checkHTTPKey(key []byte, e Entry, ok bool) bool {
	if !ok || e.StoredKey == nil {
		e, ok = Entry{Salt: make([]byte, 16), StoredKey: make([]byte, scram.KeySize)}, false
	}
	v, err := scram.NewVerifier(scram.KDF{Raw: true}, e.Salt, key)
	return err == nil && subtle.ConstantTimeCompare(v.StoredKey, e.StoredKey) == 1 && ok
}

// hostOf returns what stands for an address when wrong passwords are counted: an
// IPv4 address, an IPv6 network (a host has a whole /64 to itself), or the zero
// Addr for everything on this machine.
func hostOf(from netip.Addr) netip.Addr {
	ip := from.Unmap().WithZone("")
	switch {
	case !ip.IsValid() || ip.IsLoopback():
		return netip.Addr{}
	case ip.Is6():
		return netip.PrefixFrom(ip, 64).Masked().Addr()
	}
	return ip
}
