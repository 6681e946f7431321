package auth_test

import (
	"bytes"
	"context"
	"encoding/base64"
	"encoding/hex"
	"errors"
	"fmt"
	"log"
	"log/slog"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"golang.org/x/crypto/argon2"

	"github.com/parley-rpc/parley/auth"
	"github.com/parley-rpc/parley/auth/internal/scram"
	"github.com/parley-rpc/parley/rpc"
	"github.com/parley-rpc/parley/rpc/native"
	"github.com/parley-rpc/parley/rpc/native/python"
	"github.com/parley-rpc/parley/rpc/value"
	"github.com/parley-rpc/parley/rpc/xmlrpc"
)

// sink is all that a program says: its logs, its errors, what it prints.
type sink struct {
	mu  sync.Mutex
	buf bytes.Buffer // guarded by mu
}

func (s *sink) Write(p []byte) (int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.buf.Write(p)
}

func (s *sink) String() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.buf.String()
}

// print prints v in every way that a program may, by accident.
func (s *sink) print(what string, v any) {
	fmt.Fprintf(s, "\n%s: %v\n%+v\n%#v\n%s\n%q\n%x\n%d\n", what, v, v, v, v, v, v, v)
	for _, l := range s.loggers() {
		l.Info(what, "value", v)
	}
}

// err keeps an error with all that it wraps.
func (s *sink) err(what string, err error) {
	for ; err != nil; err = errors.Unwrap(err) {
		s.print(what, err)
		what += ", inside"
	}
}

func (s *sink) loggers() []*slog.Logger {
	all := &slog.HandlerOptions{Level: slog.LevelDebug - 8, AddSource: true}
	return []*slog.Logger{slog.New(slog.NewTextHandler(s, all)), slog.New(slog.NewJSONHandler(s, all))}
}

// logger logs everything, twice: as text and as JSON.
func (s *sink) logger() *slog.Logger {
	var all []slog.Handler
	for _, l := range s.loggers() {
		all = append(all, l.Handler())
	}
	return slog.New(slog.NewMultiHandler(all...))
}

// wait waits until all texts were said.
func (s *sink) wait(t *testing.T, texts ...string) {
	t.Helper()
	deadline := time.Now().Add(20 * time.Second)
	for _, text := range texts {
		for !strings.Contains(s.String(), text) {
			if time.Now().After(deadline) {
				t.Fatalf("waited in vain for %q", text)
			}
			time.Sleep(2 * time.Millisecond)
		}
	}
}

// canaries are secrets by name. None of them may be found anywhere.
type canaries map[string]string

// fragment is how much of a secret at either end is looked for: what is cut off
// must not hide it.
const fragment = 11

// forms are what a secret may look like in a text.
func forms(secret string) map[string]string {
	all := map[string]string{}
	for end, part := range map[string]string{"begin": secret[:fragment], "end": secret[len(secret)-fragment:]} {
		b := []byte(part)
		list := strings.Trim(fmt.Sprint(b), "[]")
		source := strings.TrimSuffix(strings.TrimPrefix(fmt.Sprintf("%#v", b), "[]byte{"), "}")
		quoted := strings.Trim(fmt.Sprintf("%q", part), `"`)
		for form, text := range map[string]string{
			"text": part, "quoted": quoted, "URL": url.QueryEscape(part), "path": url.PathEscape(part), "hex": hex.EncodeToString(b),
			"HEX": strings.ToUpper(hex.EncodeToString(b)), "bytes": list, "source": source, "spaced": fmt.Sprintf("% x", b),
			"numbers": strings.ReplaceAll(list, " ", ","), "indented": strings.ReplaceAll(list, " ", ", "),
		} {
			all[form+", "+end] = text
		}
		for before := range 3 { // what stands in front decides where the characters of base64 begin
			for name, enc := range map[string]*base64.Encoding{"base64": base64.RawStdEncoding, "base64url": base64.RawURLEncoding} {
				text := enc.EncodeToString(append(make([]byte, before), b...))
				text = text[(before*8+5)/6 : len(text)-1] // without the characters that neighbours share
				all[fmt.Sprintf("%s+%d, %s", name, before, end)] = text
			}
		}
	}
	return all
}

// find returns where a secret shows.
func (c canaries) find(text string) (found []string) {
	for name, secret := range c {
		for form, like := range forms(secret) {
			if i := strings.Index(text, like); i >= 0 {
				found = append(found, fmt.Sprintf("%s as %s: …%q…", name, form, text[max(0, i-60):min(len(text), i+len(like)+20)]))
			}
		}
	}
	slices.Sort(found)
	return found
}

// TestCanariesAreFound: the search finds a secret in each form, also in the middle
// of other text.
func TestCanariesAreFound(t *testing.T) {
	const secret = "kanarie/ÿ+secret=of a test that ends with a tail"
	c := canaries{"x": secret}
	b := []byte(secret)
	for _, text := range []string{
		secret, "id:" + secret[:20] + "…", fmt.Sprintf("%q", secret), fmt.Sprint(b), fmt.Sprintf("%#v", b), fmt.Sprintf("%x", secret), fmt.Sprintf("%X", secret),
		fmt.Sprintf("% x", secret), base64.StdEncoding.EncodeToString(b), base64.URLEncoding.EncodeToString([]byte("a:" + secret)),
		base64.StdEncoding.EncodeToString([]byte("ab:" + secret)), base64.RawStdEncoding.EncodeToString([]byte("abc:" + secret)), url.QueryEscape(secret),
		"...5 6 " + strings.Trim(fmt.Sprint(b[5:]), "[]"),
	} {
		if len(c.find("before "+text+" after")) == 0 {
			t.Errorf("it is not found in %q", text)
		}
	}
	if found := c.find("kanarie and secret, and a tail"); len(found) > 0 {
		t.Errorf("found %q where there is nothing", found)
	}
}

// TestNoSecretIsEverTold runs servers and clients of both transports, each kind of
// credential, right and wrong logins, calls that are denied and that fail, mistakes
// in the file, revocation; and nothing of a secret or an argument is in what any of
// them logs, prints or returns.
func TestNoSecretIsEverTold(t *testing.T) {
	out := &sink{}
	quietly := captureOutput(t, out)
	w := newHousehold(t, out)

	// Calls, by each way in.
	for name, c := range w.callers {
		for _, call := range []struct {
			method string
			args   []any
		}{
			{"open", []any{argument}},
			{"shut", []any{argument}},
			{"none", []any{argument, []string{argument}}},
			{"panics", []any{argument}},
			{"number", []any{argument}},
			{"open", []any{argument, argument}},
			{"open", nil},
			{"system.methodHelp", []any{"shut"}},
			{"system.multicall", []any{[]any{map[string]any{"methodName": "shut", "params": []any{argument}}, map[string]any{"methodName": "open", "params": argument}}}},
		} {
			_, err := c.Call(rpc.WithMeta(w.ctx, map[string]string{"token": argument}), &rpc.Request{Method: call.method, Args: rpc.Values(call.args), Meta: map[string]string{"token": argument}})
			out.err(name+" calls "+call.method, err)
			if call.method == "open" && len(call.args) == 1 && err != nil {
				t.Errorf("%s: %v", name, err)
			}
		}
	}
	for _, object := range []any{value.Tuple{"open", value.Tuple{argument}}, value.Tuple{"shut", value.Tuple{argument}}, value.Tuple{"panics", value.Tuple{argument}}, argument} {
		var answer any
		out.err("objects", w.objects.Send(w.ctx, object))
		out.err("objects", w.objects.Recv(w.ctx, &answer))
	}
	w.wrongLogins()
	w.mistakes()
	w.revoke()
	w.close()

	// All that holds a secret, printed; at rest, since printing locks nothing.
	for what, v := range w.holders {
		out.print(what, v)
	}
	for _, e := range w.credentials.Entries() {
		out.print("entry", e)
	}
	quietly()

	said := out.String()
	for _, event := range []string{
		"auth_ok", "auth_fail", "authz_deny", "rate_limited", "reload", "conn_close", "internal_error", "outcome=revoked", "outcome=error",
		"session_begin", "session_end", "[secret]", "[authkey]", "[credentials]", "panic: boom", "request_refused",
	} {
		if !strings.Contains(said, event) {
			t.Errorf("nobody has said %s: what was to be looked through is not there", event)
		}
	}
	if found := w.canaries.find(said); len(found) > 0 {
		t.Errorf("%d secrets in %d bytes:\n%s", len(found), len(said), strings.Join(found, "\n"))
	}
	t.Logf("%d bytes were looked through for %d secrets", len(said), len(w.canaries))
}

// captureOutput sends what goes to standard error and to the default loggers to out.
func captureOutput(t *testing.T, out *sink) (restore func()) {
	t.Helper()
	f, err := os.Create(filepath.Join(t.TempDir(), "stderr"))
	if err != nil {
		t.Fatal(err)
	}
	stderr, flags, logger := os.Stderr, log.Flags(), slog.Default()
	os.Stderr = f
	slog.SetDefault(out.logger())
	log.SetOutput(out)
	restore = sync.OnceFunc(func() {
		os.Stderr = stderr
		slog.SetDefault(logger)
		log.SetOutput(stderr)
		log.SetFlags(flags)
		f.Close()
		b, err := os.ReadFile(f.Name())
		if err != nil {
			t.Error(err)
		}
		out.Write(b)
	})
	t.Cleanup(restore)
	return restore
}

// argument is in the arguments of calls.
const argument = "kanarie-argument-Q5x81-of-a-call"

// household are servers, clients and what they log in with.
type household struct {
	t           *testing.T
	ctx         context.Context
	out         *sink
	path        string
	credentials *auth.Credentials
	policy      *auth.Policy
	canaries    canaries
	holders     map[string]any // by what they are

	secure, local, web string // addresses
	callers            map[string]rpc.Caller
	objects            *native.Conn
	close              func()
}

const (
	passphrase   = "kanarie-Jw2f9 channel horse staple"
	password     = "kanarie-0Bv7q web password of ann"
	wrongSecret  = "kanarie-Zt4mm wrong in every way"
	authkeyText  = "kanarie-Lk6hD-authkey-of-a-python-program-0123456789"
	wrongAuthkey = "kanarie-Xr1pS-authkey-of-a-python-program-9876543210"
)

func must[T any](t *testing.T) func(v T, err error) T {
	return func(v T, err error) T {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
		return v
	}
}

func newHousehold(t *testing.T, out *sink) *household {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), 60*time.Second)
	t.Cleanup(cancel)
	secret, entry := must[*auth.Secret](t), must[auth.Entry](t)
	w := &household{t: t, ctx: ctx, out: out, path: filepath.Join(t.TempDir(), "credentials")}

	phrase, key := secret(auth.NewPassphrase("bot.k1", passphrase)), secret(auth.GenerateSecret("bot.k2"))
	basic, bearer := secret(auth.NewPassphrase("ann.k1", password)), secret(auth.GenerateSecret("ann.k2"))
	authkey, err := auth.NewKey([]byte(authkeyText), auth.KeyConfig{})
	if err != nil {
		t.Fatal(err)
	}
	entries := []auth.Entry{
		channelEntry(t, "bot.k1", "bot", passphrase), entry(key.Entry(auth.UseChannel, "bot")),
		webEntry("ann.k1", "ann", password), entry(bearer.Entry(auth.UseHTTP, "ann")),
		{ID: "py.k1", Identity: "py", Use: auth.UseAuthkey, Key: authkeyText},
	}
	w.canaries = canaries{
		"the passphrase": passphrase, "the password": password, "a wrong secret": wrongSecret, "the authkey": authkeyText,
		"a wrong authkey": wrongAuthkey, "an argument": argument,
		"the key of bot": keyPart(key), "the key of ann": keyPart(bearer),
	}
	for _, s := range []*auth.Secret{key, bearer} {
		raw := must[[]byte](t)(base64.RawURLEncoding.DecodeString(keyPart(s)))
		w.canaries["the bytes of the key of "+s.ID()] = string(raw)
	}
	for _, e := range entries {
		if e.StoredKey != nil {
			w.canaries["stored_key of "+e.ID] = string(e.StoredKey)
		}
		if e.ServerKey != nil {
			w.canaries["server_key of "+e.ID] = string(e.ServerKey)
		}
		if e.PHC != "" {
			w.canaries["phc of "+e.ID] = e.PHC[strings.LastIndex(e.PHC, "$")+1:]
		}
	}
	if err := auth.EditCredentials(w.path, func([]auth.Entry) ([]auth.Entry, error) { return entries, nil }); err != nil {
		t.Fatal(err)
	}
	logger := out.logger()
	w.credentials = must[*auth.Credentials](t)(auth.LoadCredentials(w.path, auth.CredentialsConfig{Logger: logger}))
	allowed := []string{"open", "panics", "number", "system.methodHelp", "system.multicall"}
	w.policy = must[*auth.Policy](t)(auth.NewPolicy(map[string][]string{"*": allowed}))

	reg := newHouseRegistry(t, logger, w.policy)
	back := newHouseRegistry(t, logger, w.policy)
	objects := must[native.ObjectHandler](t)(python.NewHandler(reg, python.Config{Logger: logger}))
	channel := &native.Server{Handler: reg, Objects: objects, Login: w.credentials, Auth: w.credentials, Logger: logger}
	web := &xmlrpc.Server{Handler: reg, Auth: w.credentials, Logger: logger}
	var serving sync.WaitGroup
	for _, address := range []string{"tls://127.0.0.1:0", "unix://" + filepath.Join(t.TempDir(), "s")} {
		l, err := channel.Listen(address)
		if err != nil {
			t.Fatal(err)
		}
		serving.Go(func() { _ = channel.Serve(l) })
		if strings.HasPrefix(address, "tls") {
			w.secure = "tls://" + l.Addr().String()
		} else {
			w.local = address
		}
	}
	l, err := web.Listen("127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	serving.Go(func() { _ = web.Serve(l) })
	w.web = "http://" + l.Addr().String()

	// The clients.
	listen := native.ListenConfig{Auth: w.credentials, Login: w.credentials, Logger: logger}
	dialAs := func(s *auth.Secret) native.DialConfig {
		return native.DialConfig{Login: s, Logger: logger, Handler: back}
	}
	clientAs := func(s *auth.Secret) xmlrpc.ClientConfig { return xmlrpc.ClientConfig{Login: s} }
	plain := xmlrpc.ClientConfig{User: basic.ID(), Password: password}
	first := must[*native.Client](t)(native.Dial(ctx, w.secure, dialAs(phrase)))
	second := must[*native.Client](t)(native.Dial(ctx, w.secure, dialAs(key)))
	local := must[*native.Client](t)(native.Dial(ctx, w.local, native.DialConfig{Auth: authkey, Logger: logger}))
	httpClient := must[*xmlrpc.Client](t)
	third, fourth := httpClient(xmlrpc.NewClient(w.web, clientAs(basic))), httpClient(xmlrpc.NewClient(w.web, clientAs(bearer)))
	fifth := httpClient(xmlrpc.NewClient(w.web, plain))
	w.objects = must[*native.Conn](t)(native.DialConn(ctx, w.local, native.ConnConfig{Auth: authkey}))
	w.callers = map[string]rpc.Caller{"passphrase": first, "key": second, "authkey": local, "basic": third, "bearer": fourth, "plain": fifth}

	w.holders = map[string]any{
		"credentials": w.credentials, "passphrase": phrase, "key": key, "password": basic, "bearer": bearer, "authkey": authkey,
		"channel server": channel, "web server": web, "listen config": listen, "dial config": dialAs(phrase),
		"conn config": native.ConnConfig{Login: key, Auth: authkey}, "client config": clientAs(bearer), "plain client config": plain,
		"pointer to a client config": &plain, "channel client": first, "local client": local, "web client": third, "bearer client": fourth,
		"plain client": fifth, "conn": w.objects, "registry": reg, "policy": w.policy,
		"a struct with all": struct {
			S *auth.Secret
			K *auth.Authkey
			C *auth.Credentials
			D native.DialConfig
			X xmlrpc.ClientConfig
			c *xmlrpc.Client
			s auth.Secret
		}{phrase, authkey, w.credentials, dialAs(key), plain, third, *phrase},
	}
	w.close = sync.OnceFunc(func() {
		for _, c := range []*native.Client{first, second, local} {
			c.Close()
		}
		for _, c := range []*xmlrpc.Client{third, fourth, fifth} {
			c.Close()
		}
		w.objects.Close()
		channel.Close()
		web.Close()
		serving.Wait()
	})
	t.Cleanup(w.close)
	return w
}

// channelEntry is Secret.Entry with the least that is allowed of argon2id.
func channelEntry(t *testing.T, id, identity, passphrase string) auth.Entry {
	t.Helper()
	kdf, salt := scram.KDF{Memory: 19456, Time: 2, Threads: 1}, []byte("salt of "+id+" here")
	v := must[scram.Verifier](t)(scram.NewVerifier(kdf, salt, []byte(passphrase)))
	return auth.Entry{ID: id, Identity: identity, Use: auth.UseChannel, KDF: kdf.String(), Salt: salt, StoredKey: v.StoredKey, ServerKey: v.ServerKey}
}

// webEntry is the same for HTTP Basic.
func webEntry(id, identity, password string) auth.Entry {
	salt := []byte("salt of " + id + " here")
	hash := argon2.IDKey([]byte(password), salt, 2, 19456, 1, 32)
	b64 := base64.RawStdEncoding.EncodeToString
	return auth.Entry{ID: id, Identity: identity, Use: auth.UseHTTP, PHC: "$argon2id$v=19$m=19456,t=2,p=1$" + b64(salt) + "$" + b64(hash)}
}

// keyPart returns the characters of a generated key that are the key.
func keyPart(s *auth.Secret) string {
	text := s.Reveal()
	rest := text[:strings.LastIndex(text, "_")]
	return rest[len(rest)-43:]
}

func newHouseRegistry(t *testing.T, logger *slog.Logger, policy *auth.Policy) *rpc.Registry {
	t.Helper()
	reg := rpc.NewRegistry()
	reg.Logger, reg.Authorizer = logger, policy
	for name, fn := range map[string]any{
		"open": func(s string) int { return len(s) }, "shut": func(s string) int { return len(s) },
		"panics": func(s string) int { panic("boom") }, "number": func(n int) int { return n },
	} {
		if err := reg.Register(name, fn); err != nil {
			t.Fatal(err)
		}
	}
	return reg
}
