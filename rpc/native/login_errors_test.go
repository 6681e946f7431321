package native

import (
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"strings"
	"testing"
	"time"

	"github.com/parley-rpc/parley/rpc"
)

// refusing is what a client's Authenticator says when the server does not let it in,
// though no message has said so.
type refusing struct{ no bool }

func (refusing) Error() string   { return "the id is unknown" }
func (r refusing) Refused() bool { return r.no }

func TestRefusalOfAnAuthenticator(t *testing.T) {
	for _, no := range []bool{true, false} {
		m := loginMessages{last: []byte("r=nonce,s=salt")}
		if err := m.explain(fmt.Errorf("login: %w", refusing{no})); errors.Is(err, ErrLoginRefused) != no || !errors.Is(err, ErrAuth) {
			t.Errorf("an error whose Refused is %v: got %v; want ErrLoginRefused: %[1]v", no, err)
		}
	}
}

// TestThreatFloodedLog: what a stranger says in the handshake does not fill the
// log: 50 kB of protocols became a line of 250 kB.
func TestThreatFloodedLog(t *testing.T) {
	told := make(chan error, 1)
	srv := testServer(t, "tls://127.0.0.1:0", &Server{
		Handler: echo, Login: serverLogin(),
		Events: Events{LoginFailed: func(_ *rpc.Peer, err error) { told <- err }},
	})
	nc, err := net.Dial("tcp", strings.TrimPrefix(srv.Addr(), "tls://"))
	if err != nil {
		t.Fatal(err)
	}
	defer nc.Close()
	protocols := make([]string, 200)
	for i := range protocols {
		protocols[i] = strings.Repeat("\x01", 255)
	}
	if err := tls.Client(nc, &tls.Config{InsecureSkipVerify: true, NextProtos: protocols}).Handshake(); err == nil {
		t.Fatal("the handshake: got no error; want one about the protocols")
	}
	select {
	case err := <-told:
		if text := err.Error(); len(text) > 2*maxTLSError || !strings.Contains(text, "unsupported application protocols") {
			t.Errorf("got an error of %d bytes: %.200s; want %d at most, about the protocols", len(text), text, 2*maxTLSError)
		}
	case <-time.After(10 * time.Second):
		t.Fatal("the login did not fail within 10 s")
	}
}
