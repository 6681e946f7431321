package service

import (
	"context"
	"crypto/sha256"
	"crypto/tls"
	"crypto/x509"
	"encoding/base64"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"reflect"
	"sync/atomic"
	"time"

	"github.com/parley-rpc/parley/auth"
	"github.com/parley-rpc/parley/cmd/parley/internal/login"
	"github.com/parley-rpc/parley/cmd/parley/internal/usage"
	"github.com/parley-rpc/parley/rpc"
	"github.com/parley-rpc/parley/rpc/native"
)

// access is who may come in and what they may call, as it is now: credentials,
// policy and certificates can be read again while the listeners are open.
type access struct {
	creds  *auth.Credentials // nil: there are none
	policy livePolicy
	certs  map[certPaths]*auth.Certificate
}

// livePolicy is a policy that can be replaced. Without one everyone may call
// everything.
type livePolicy struct{ now atomic.Pointer[auth.Policy] }

func (p *livePolicy) Allow(ctx context.Context, id rpc.Identity, method string) bool {
	now := p.now.Load()
	return now == nil || now.Allow(ctx, id, method)
}

// certPaths are the files of a certificate and its key.
type certPaths struct{ cert, key string }

// open reads what cfg names, and refuses what nobody could come in by.
func (a *access) open(cfg Config, logger *slog.Logger) error {
	policy, err := newPolicy(cfg.Policy)
	if err != nil {
		return err
	}
	if err := cfg.checkLogins(); err != nil {
		return err
	}
	if cfg.Credentials != "" {
		a.creds, err = auth.LoadCredentials(cfg.Credentials, auth.CredentialsConfig{
			AllowMD5: cfg.AllowMD5, DangerouslyAllowShortKey: cfg.DangerouslyAllowShortKey, Logger: logger,
		})
		switch {
		case errors.Is(err, fs.ErrNotExist):
			return usage.Errorf("%v; parley auth add makes it", err)
		case err != nil:
			return usage.Errorf("%v", err)
		}
	}
	if a.certs, err = loadCertificates(cfg, logger); err != nil {
		return err
	}
	a.policy.now.Store(policy)
	return nil
}

// newPolicy makes the policy of a file, nil if it has none.
func newPolicy(rules map[string][]string) (*auth.Policy, error) {
	if rules == nil {
		return nil, nil
	}
	policy, err := auth.NewPolicy(rules)
	if err != nil {
		return nil, usage.Errorf("%v", err)
	}
	return policy, nil
}

// checkLogins refuses listeners that nobody could use.
func (c *Config) checkLogins() error {
	var wrong []error
	for _, l := range c.Native {
		switch {
		case c.Credentials != "" || l.ClientCA != "":
		case l.encrypted():
			wrong = append(wrong, usage.Errorf("%s %s wants a login, and there are no credentials; make some with parley auth add, and name their file: %s", l.where, l.Listen, l.credentialsOption()))
		case !l.byFlag():
			wrong = append(wrong, usage.Errorf(`%s %s wants an authkey, and there are no credentials; make them with parley auth add ID --use authkey --file FILE, and write credentials = "FILE"`, l.where, l.Listen))
		}
	}
	for _, l := range c.XMLRPC {
		if c.Credentials == "" && len(c.Policy) > 0 {
			wrong = append(wrong, usage.Errorf("%s %s asks nobody who he is, since there are no credentials, and the policy lets nobody without a name call anything; name a file of credentials, or take the policy out", l.where, l.Listen))
		}
	}
	return usage.Join(wrong...)
}

// login sets how a native server admits peers, and says what the person who
// starts it should know.
func (s *Service) login(server *native.Server, c NativeConfig) (note string, err error) {
	if c.encrypted() {
		if server.TLS, err = s.tlsOf(c); err != nil {
			return "", err
		}
		if c.ClientCA == "" {
			server.Login = s.creds
			note = s.noLogin(auth.UseChannel, c.ListenerConfig)
		}
		if cert := s.certs[certPaths{c.Cert, c.Key}]; note == "" && cert != nil {
			return certNote(cert)
		}
		return note, nil
	}
	if s.creds == nil {
		server.Auth, note, err = s.authkey.LoadOrMake()
		return note, err
	}
	if s.creds.Check() == nil {
		server.Auth = s.creds
		return "", nil
	}
	if isSocket(c.Listen) && s.noLogin(auth.UseChannel, c.ListenerConfig) == "" {
		server.Login = s.creds
		return "", nil
	}
	return "", usage.Errorf("%s %s: no credential in %s is an authkey that is valid now; add one with parley auth add ID --use authkey --generate --secret-out FILE --file %[3]s", c.where, c.Listen, s.cfg.Credentials)
}

// noLogin says that no credential logs in at a listener, and is empty if one does.
func (s *Service) noLogin(use auth.Use, l ListenerConfig) string {
	now := time.Now()
	for _, e := range s.creds.Entries() {
		if e.Use == use && login.State(e, now) == login.Live {
			return ""
		}
	}
	return fmt.Sprintf("%s %s: nobody can log in there yet: no credential in %s is for %s and valid now; add one with parley auth add ID --use %[4]s --file %[3]s", l.where, l.Listen, s.cfg.Credentials, use)
}

// tlsOf is nil for a listener whose certificate is made when it opens.
func (s *Service) tlsOf(c NativeConfig) (*tls.Config, error) {
	if c.Cert == "" {
		return nil, nil
	}
	cfg := &tls.Config{MinVersion: tls.VersionTLS13, GetCertificate: s.certs[certPaths{c.Cert, c.Key}].GetCertificate}
	if c.ClientCA != "" {
		pool, err := login.LoadPool(c.ClientCA)
		if err != nil {
			return nil, usage.Errorf("%s %s: client_ca: %v", c.where, c.Listen, err)
		}
		cfg.ClientAuth, cfg.ClientCAs = tls.RequireAndVerifyClientCert, pool
	}
	return cfg, nil
}

// loadCertificates reads the certificates of all listeners, which look at their
// files again by themselves.
func loadCertificates(cfg Config, logger *slog.Logger) (map[certPaths]*auth.Certificate, error) {
	certs := map[certPaths]*auth.Certificate{}
	var wrong []error
	load := func(l ListenerConfig) {
		if l.Cert == "" {
			return
		}
		cert, err := auth.LoadCertificate(l.Cert, l.Key)
		if err != nil {
			wrong = append(wrong, usage.Errorf("%s %s: %v", l.where, l.Listen, err))
			return
		}
		cert.Logger = logger
		certs[certPaths{l.Cert, l.Key}] = cert
	}
	for _, l := range cfg.XMLRPC {
		load(l.ListenerConfig)
	}
	for _, l := range cfg.Native {
		load(l.ListenerConfig)
	}
	return certs, usage.Join(wrong...)
}

// leafOf is the certificate itself, without those that it is signed by.
func leafOf(c *auth.Certificate) (*x509.Certificate, error) {
	now, err := c.GetCertificate(nil)
	if err != nil {
		return nil, err
	}
	return now.Leaf, nil
}

// certNote says what clients can hold a server to that has a certificate.
func certNote(cert *auth.Certificate) (string, error) {
	leaf, err := leafOf(cert)
	if err != nil {
		return "", err
	}
	sum := sha256.Sum256(leaf.RawSubjectPublicKeyInfo)
	return "clients can hold the server to its key: --pin sha256/" + base64.StdEncoding.EncodeToString(sum[:]), nil
}

// watch reads the credentials again when they change, until the function that
// it returns is called.
func (a *access) watch() (stop func()) {
	if a.creds == nil {
		return func() {}
	}
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan struct{})
	go func() {
		defer close(done)
		_ = a.creds.Watch(ctx) // ends with ctx, and logs the rest
	}()
	return func() {
		cancel()
		<-done
	}
}

// reload reads credentials and policy again, both of them or none: after an
// error, which is logged, everything is as before. A certificate that cannot be
// used is such an error as well.
func (s *Service) reload() {
	path, changes, err := s.reread()
	if err != nil {
		s.reg.Logger.Error("reload", "file", path, "outcome", "refused", "error", err)
		return
	}
	s.reg.Logger.Info("reload", "file", path, "outcome", "ok")
	if changes {
		s.reg.Logger.Warn("credentials, policy and certificates alone change without a new start; the file says something else than before about the rest", "file", path)
	}
}

func (s *Service) reread() (path string, changes bool, err error) {
	if s.path == "" {
		return s.cfg.Credentials, false, s.creds.Reload()
	}
	f, err := loadConfig(s.path)
	if err != nil {
		return s.path, false, err
	}
	if f.Policy == nil && s.policy.now.Load() != nil {
		return s.path, false, errors.New("the policy is gone, which would let everyone call everything; that takes a new start")
	}
	policy, err := newPolicy(f.Policy)
	if err != nil {
		return s.path, false, err
	}
	if _, err := loadCertificates(s.cfg, s.reg.Logger); err != nil {
		return s.path, false, err
	}
	if s.creds != nil {
		if err := s.creds.Reload(); err != nil {
			return s.path, false, err
		}
	}
	s.policy.now.Store(policy)
	return s.path, !reflect.DeepEqual(f.fixed(), s.cfg.fixed()), nil
}

// fixed is what cannot change while it is served.
func (c Config) fixed() Config {
	c.Policy = nil
	c.XMLRPC = append([]XMLRPCConfig(nil), c.XMLRPC...)
	c.Native = append([]NativeConfig(nil), c.Native...)
	for i := range c.XMLRPC {
		c.XMLRPC[i].where = ""
	}
	for i := range c.Native {
		c.Native[i].where = ""
	}
	return c
}
