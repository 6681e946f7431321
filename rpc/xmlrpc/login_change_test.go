package xmlrpc_test

import (
	"errors"
	"net/http"
	"net/http/httptest"
	"sync/atomic"
	"testing"

	"github.com/parley-rpc/parley/rpc"
	"github.com/parley-rpc/parley/rpc/xmlrpc"
)

// changing is a Secret that changes, and fails where it is empty.
type changing struct{ atomic.Pointer[string] }

func (c *changing) Authorization() (string, error) {
	if s := *c.Load(); s != "" {
		return s, nil
	}
	return "", errors.New("there is none now")
}

// TestClientAsksItsLoginForEachCall: what a client logs in with can be replaced
// while it runs; where it has none for the moment, the one before is sent.
func TestClientAsksItsLoginForEachCall(t *testing.T) {
	var came atomic.Value
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		came.Store(r.Header.Get("Authorization"))
		w.Header().Set("Content-Type", "text/xml")
		w.Write([]byte("<methodResponse><params><param><value><int>1</int></value></param></params></methodResponse>"))
	}))
	defer s.Close()
	login := &changing{}
	set := func(text string) { login.Store(&text) }
	set("Bearer first")
	c, err := xmlrpc.NewClient(s.URL, xmlrpc.ClientConfig{Login: login})
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	for _, step := range []struct{ now, want string }{
		{"Bearer first", "Bearer first"}, {"Bearer second", "Bearer second"}, {"", "Bearer second"}, {"Bearer first", "Bearer first"},
	} {
		set(step.now)
		if _, err := rpc.Invoke[int](t.Context(), c, "x"); err != nil {
			t.Fatal(err)
		}
		if got := came.Load(); got != step.want {
			t.Errorf("with %q: got %q; want %q", step.now, got, step.want)
		}
	}
}
