package xmlrpc_test

import (
	"context"
	"crypto/tls"
	"encoding/pem"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/alexedwards/argon2id"

	"github.com/parley-rpc/parley/auth"
	"github.com/parley-rpc/parley/internal/peertest"
	"github.com/parley-rpc/parley/rpc/xmlrpc"
)

// household is credentials of ann, who has a passphrase, and of bot.k1, which has
// a key.
func household(t testing.TB) (c *auth.Credentials, ann, bot *auth.Secret) {
	t.Helper()
	ann, err := auth.NewPassphrase("ann", "correct: horse/ bättery@staple")
	if err != nil {
		t.Fatal(err)
	}
	bot, err = auth.GenerateSecret("bot.k1")
	if err != nil {
		t.Fatal(err)
	}
	key, err := bot.Entry(auth.UseHTTP, "bot")
	if err != nil {
		t.Fatal(err)
	}
	// The least work that is accepted: the tests below give many passwords.
	_, passphrase, _ := strings.Cut(ann.Reveal(), ":")
	phc, err := argon2id.CreateHash(passphrase, &argon2id.Params{Memory: 19456, Iterations: 2, Parallelism: 1, SaltLength: 16, KeyLength: 32})
	if err != nil {
		t.Fatal(err)
	}
	c, err = auth.NewCredentials([]auth.Entry{{ID: "ann", Identity: "ann", Use: auth.UseHTTP, PHC: phc}, key}, auth.CredentialsConfig{Logger: quiet})
	if err != nil {
		t.Fatal(err)
	}
	return c, ann, bot
}

// withUser puts the login of a secret into a URL, as Python and others want it.
func withUser(t testing.TB, raw string, s *auth.Secret) string {
	t.Helper()
	u, err := url.Parse(raw)
	if err != nil {
		t.Fatal(err)
	}
	password := strings.TrimPrefix(s.Reveal(), s.ID()+":")
	u.User = url.UserPassword(s.ID(), password)
	return u.String()
}

// pythonLogin logs in by what xmlrpc.client has for it: a user in the URL, and
// since Python 3.8 headers.
const pythonLogin = `
from __future__ import print_function
import sys
try:
    import xmlrpc.client as xmlrpclib
except ImportError:
    import xmlrpclib
plain, ann, bot, wrong, eve, tls, ca, bearer = sys.argv[1:]

def check(what, got, want):
    if got != want:
        print("%s: got %r; want %r" % (what, got, want))

def refused(what, url, **options):
    try:
        print("%s: got %r; want to be refused" % (what, xmlrpclib.ServerProxy(url, **options).whoami()))
    except xmlrpclib.ProtocolError as e:
        ways = [e.headers[name] for name in e.headers if name.lower() == "www-authenticate"]
        check(what, (e.errcode, "realm=" in ways[0]), (401, True))

s = xmlrpclib.ServerProxy(ann)
for i in range(3):
    check("a passphrase", s.whoami(), "ann by ann over xmlrpc")
check("a key as the password", xmlrpclib.ServerProxy(bot).whoami(), "bot by bot.k1 over xmlrpc")
refused("no login", plain)
refused("a wrong password", wrong)
refused("an unknown user", eve)
check("after that", s.whoami(), "ann by ann over xmlrpc")

if sys.version_info >= (3, 8):
    check("a bearer key", xmlrpclib.ServerProxy(plain, headers=[("Authorization", bearer)]).whoami(), "bot by bot.k1 over xmlrpc")
    refused("a bearer key that is damaged", plain, headers=[("Authorization", bearer[:-1] + "!")])
if sys.version_info >= (3, 6):
    import ssl
    context = ssl.create_default_context(cafile=ca)
    context.verify_flags &= ~getattr(ssl, "VERIFY_X509_STRICT", 0)
    check("TLS", xmlrpclib.ServerProxy(tls, context=context).whoami(), "ann by ann over xmlrpc")
print("done")
`

func TestLivePythonLogin(t *testing.T) {
	credentials, ann, bot := household(t)
	functions := map[string]any{"whoami": whoami}
	certificate, _ := selfSigned(t)
	ca := filepath.Join(t.TempDir(), "ca.pem")
	if err := os.WriteFile(ca, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: certificate.Certificate[0]}), 0o600); err != nil {
		t.Fatal(err)
	}
	plain := "http://" + serve(t, &xmlrpc.Server{Auth: credentials, Handler: registry(t, functions)}) + "/RPC2"
	encrypted := "https://" + serve(t, &xmlrpc.Server{
		Auth: credentials, Handler: registry(t, functions), TLS: &tls.Config{Certificates: []tls.Certificate{certificate}},
	}) + "/RPC2"
	authorization, err := bot.Authorization()
	if err != nil {
		t.Fatal(err)
	}
	wrong := strings.Replace(plain, "://", "://ann:incorrect@", 1)
	eve := strings.Replace(plain, "://", "://eve:incorrect@", 1)
	for _, python := range peertest.Pythons(t) {
		t.Run(python.String(), func(t *testing.T) {
			out := peertest.RunPython(t, context.Background(), python.Path, pythonLogin,
				plain, withUser(t, plain, ann), withUser(t, plain, bot), wrong, eve, withUser(t, encrypted, ann), ca, authorization)
			if strings.TrimSpace(out) != "done" {
				t.Errorf("xmlrpc.client of Python %s:\n%s", python, out)
			}
		})
	}
}

// TestLiveKoloLogin: kolo/xmlrpc logs in by a user in the URL, and, over our
// Transport, by whatever that has.
func TestLiveKoloLogin(t *testing.T) {
	credentials, ann, bot := household(t)
	plain := "http://" + serve(t, &xmlrpc.Server{Auth: credentials, Handler: registry(t, map[string]any{"whoami": whoami})}) + "/RPC2"
	koloGets(t, koloClient(t, withUser(t, plain, ann)), "whoami", "ann by ann over xmlrpc")
	koloGets(t, koloClient(t, withUser(t, plain, bot)), "whoami", "bot by bot.k1 over xmlrpc")
	for _, raw := range []string{plain, strings.Replace(plain, "://", "://ann:incorrect@", 1)} {
		var got string
		if err := koloClient(t, raw).Call("whoami", nil, &got); err == nil || !strings.Contains(err.Error(), "401") {
			t.Errorf("got %q, %v; want status 401", got, err)
		}
	}
	c, _ := koloOver(t, plain, xmlrpc.ClientConfig{Login: bot})
	koloGets(t, c, "whoami", "bot by bot.k1 over xmlrpc")
}
