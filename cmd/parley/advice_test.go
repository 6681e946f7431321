package main

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/parley-rpc/parley/cmd/parley/internal/exit"
)

// What a call that fails says is what its caller can do about it, in words of the
// command line.
func TestHints(t *testing.T) {
	t.Parallel()
	r := newHome(t).serve(t)
	secure := httptest.NewTLSServer(http.NotFoundHandler())
	t.Cleanup(secure.Close)
	slow := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "text/xml")
		fmt.Fprint(w, `<methodResponse><fault><value><struct><member><name>faultCode</name><value><int>-32004</int></value></member><member><name>faultString</name><value>too slow for me</value></member></struct></value></fault></methodResponse>`)
	}))
	t.Cleanup(slow.Close)
	closing := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.WriteHeader(http.StatusUnauthorized)
	}))
	t.Cleanup(closing.Close)
	password := writeFile(t, "password", "secret", 0o600)
	secret := filepath.Join(t.TempDir(), "ann.key")
	if got := at(t, "", "auth", "keygen", "ann", "--out", secret); got.code != 0 {
		t.Fatalf("%+v", got)
	}
	wrong := writeFile(t, "wrong", strings.Repeat("w", 32), 0o600)
	stranger := newHome(t) // with a key of its own
	if err := os.MkdirAll(filepath.Dir(stranger.key()), 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(stranger.key(), []byte(strings.Repeat("w", 32)), 0o600); err != nil {
		t.Fatal(err)
	}
	defaultKey := "the key is that of " + stranger.key() + ", since there is no --authkey-file"

	_, nativePort, _ := strings.Cut(r.native, "://")
	_, webPort, _ := strings.Cut(strings.TrimSuffix(r.xmlrpc, "/RPC2"), "://")
	g := newGuarded(t)
	toNative := "http://" + nativePort + "/RPC2"
	toPlain := strings.Replace(r.xmlrpc, "http://", "https://", 1)
	toSecure := strings.Replace(secure.URL, "https://", "http://", 1)
	for name, tt := range map[string]struct {
		home home
		args []string
		code int
		want string
		not  string
	}{
		"HTTPToNative":     {r.home, []string{toNative, "add", "1", "2"}, 4, "its URL begins with tcp://", ""},
		"HTTPSToPlain":     {r.home, []string{toPlain, "add", "1", "2"}, 4, "for plain HTTP the URL begins with http://", ""},
		"HTTPToSecure":     {r.home, []string{toSecure, "add", "1", "2"}, 4, "the URL begins with https://", ""},
		"HTTPToTLS":        {r.home, []string{strings.Replace(g.tls, "tls://", "http://", 1), "add"}, 4, "its URL begins with tls://, or https://", ""},
		"HTTPSToTLS":       {r.home, []string{strings.Replace(g.tls, "tls://", "https://", 1), "add"}, 4, "its URL begins with tls://", "tcp://"},
		"HTTPSToNative":    {r.home, []string{"https://" + nativePort, "add"}, 4, "its URL begins with tcp://", ""},
		"TLSToHTTP":        {r.home, []string{"tls://" + webPort, "--credential-file", secret, "add"}, 4, "it speaks HTTP without TLS, as XML-RPC does: its URL begins with http://", "tcp://"},
		"TCPToHTTP":        {r.home, []string{"tcp://" + webPort, "add"}, 4, "XML-RPC (http://)", ""},
		"HTTPToSecureSent": {r.home, []string{toSecure, "add"}, 4, ": not sent: ", "unknown"},
		"Unknown":          {r.home, []string{g.tls, "--credential-file", secret, "add"}, 5, ": not sent: the server refused the login: the id is unknown there, revoked, expired or for another use", "want raw"},
		"HTTPRefused":      {r.home, []string{"http://" + nobody, "add"}, 4, "nothing listens there; check that the server runs", ""},
		"NativeRefused":    {r.home, []string{"tcp://" + nobody, "add"}, 4, "nothing listens there; check that the server runs", ""},
		"HTTPTime":         {r.home, []string{"--timeout", "300ms", r.xmlrpc, "sleep", "20"}, 6, "parley: no answer within 300ms (--timeout)\n", ""},
		"NativeTime":       {r.home, []string{"--timeout", "300ms", r.native, "sleep", "20"}, 6, "parley: no answer within 300ms (--timeout)\n", ""},
		"TimeOfServer":     {r.home, []string{slow.URL, "sleep", "20"}, 6, "fault -32004: too slow for me", "--timeout"},
		"NoUnit":           {r.home, []string{"--timeout", "5", r.xmlrpc, "sleep", "20"}, 2, "such as 5s", ""},
		"Login":            {r.home, []string{closing.URL, "add"}, 5, "refused the login: it wants one; give --user NAME, or --credential-file FILE", ""},
		"User":             {r.home, []string{closing.URL, "--user", "ann", "--password-file", password, "add"}, 5, "refused the login: it does not know ann (--user)", ""},
		"Credential":       {r.home, []string{closing.URL, "--credential-file", secret, "add"}, 5, "the credential in " + secret, ""},
		"DefaultKey":       {stranger, []string{r.native, "add", "1", "2"}, 5, defaultKey, ""},
		"GivenKey":         {stranger, []string{r.native, "add", "1", "2", "--authkey-file", wrong}, 5, "authkey", "since there is no"},
		"NoJSON":           {r.home, []string{r.xmlrpc, "catalog.get", "{pid:9}"}, 3, "; '{pid:9}' is no valid JSON and was sent as text\n", ""},
		"NoJSONButFine":    {r.home, []string{r.xmlrpc, "fail", "{pid:9}"}, 3, "fault -32500: {pid:9}\n", ""},
		"NumberForText":    {r.home, []string{r.xmlrpc, "fail", "7"}, 3, `fault -32602: fail: params[0]: expected string, got int; to send text, write '"7"'` + "\n", ""},
		"BoolForText":      {r.home, []string{r.native, "fail", "true"}, 3, `expected string, got bool; to send text, write '"true"'` + "\n", ""},
		"TextForNumber":    {r.home, []string{r.native, "catalog.get", `"9"`}, 3, "expected int, got string\n", "to send text"},
		"TextOnPurpose":    {r.home, []string{r.xmlrpc, "catalog.get", "nine"}, 3, "fault -32602: ", "no valid JSON"},
		"BigInteger":       {r.home, []string{r.xmlrpc, "echo", strings.Repeat("9", 30)}, 2, "send it as text\n", "Options"},
		"NotANumber":       {r.home, []string{r.xmlrpc, "echo", `{"$float":"NaN"}`}, 2, "send nil or text\n", "Options"},
		"AuthkeyForTLS":    {r.home, []string{"tls://" + nobody, "--authkey-file", wrong, "add"}, 2, "--authkey-file is for tcp:// and unix://", "--user"},
		"UserForTLS":       {r.home, []string{"tls://" + nobody, "--user", "ann", "add"}, 2, "--user is for http:// and https://", "--authkey-file"},
		"HTTPFaultIsPlain": {r.home, []string{r.xmlrpc, "no.such"}, 3, "fault -32601: method not found: no.such\n", ";"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			got := tt.home.parley(t, append([]string{"call"}, tt.args...)...)
			if got.code != tt.code || got.stdout != "" || tt.not != "" && strings.Contains(got.stderr, tt.not) {
				t.Errorf("%+v; want exit code %d, and not %q", got, tt.code, tt.not)
			}
			got.oneLine(t, tt.want)
		})
	}
}

// A policy can hide system.*, and then it is not the server that is missing.
func TestHintAtPolicy(t *testing.T) {
	t.Parallel()
	for _, function := range []string{"ping", "list", "describe"} {
		h := newHome(t)
		hidden := httptest.NewServer(hiding{})
		got := h.parley(t, function, hidden.URL)
		if got.code != exit.Fault || !strings.HasPrefix(got.stderr, "fault -32601: ") {
			t.Errorf("%s: %+v; want exit code 3 and the fault", function, got)
		}
		got.oneLine(t, "the server answers, but has no system.", "its policy may not give you system.*")
		got = h.parley(t, "describe", hidden.URL, "add")
		got.oneLine(t, "has no system.methodSignature for you")
		hidden.Close()
	}
	// A function that there is none of is another matter.
	r := newHome(t).serve(t)
	if got := r.home.parley(t, "describe", r.xmlrpc, "no.such"); got.stderr != "fault -32601: method not found: no.such\n" {
		t.Errorf("%+v; want the fault alone", got)
	}
}

// hiding is a server that has none of the functions that it is asked for.
type hiding struct{}

func (hiding) ServeHTTP(w http.ResponseWriter, _ *http.Request) {
	w.Header().Set("Content-Type", "text/xml")
	fmt.Fprint(w, `<methodResponse><fault><value><struct><member><name>faultCode</name><value><int>-32601</int></value></member><member><name>faultString</name><value>method not found</value></member></struct></value></fault></methodResponse>`)
}

func TestAuthNamesItsCommands(t *testing.T) {
	for _, args := range [][]string{{"auth"}, {"auth", "foo"}} {
		got := at(t, "", args...)
		if got.code != exit.Usage {
			t.Errorf("%+v; want exit code 2", got)
		}
		got.oneLine(t, "expected one of keygen, add, passwd, list, revoke, check; see parley auth --help")
	}
}
