package xmlrpc_test

import (
	"net"
	"net/http"
	"net/http/httptest"
	"sync/atomic"
	"testing"

	"github.com/parley-rpc/parley/rpc"
	"github.com/parley-rpc/parley/rpc/xmlrpc"
)

// A server that closes every connection behind its answer, without a word, loses no
// call of a client that keeps none.
func TestDisableKeepAlives(t *testing.T) {
	for _, disabled := range []bool{false, true} {
		var conns, told atomic.Int32
		srv := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			if r.Close {
				told.Add(1)
			}
			w.Header().Set("Content-Type", "text/xml")
			w.Write([]byte(`<methodResponse><params><param><value><int>7</int></value></param></params></methodResponse>`))
		}))
		srv.Config.ConnState = func(_ net.Conn, state http.ConnState) {
			if state == http.StateNew {
				conns.Add(1)
			}
		}
		srv.Start()
		t.Cleanup(srv.Close)
		c := newClient(t, srv.URL, xmlrpc.ClientConfig{DisableKeepAlives: disabled})
		const calls = 5
		for range calls {
			if got, err := rpc.Invoke[int](bounded(t), c, "seven"); got != 7 || err != nil {
				t.Fatalf("got %d, %v; want 7", got, err)
			}
		}
		want := int32(1)
		if disabled {
			want = calls
		}
		if conns.Load() != want || disabled != (told.Load() == calls) {
			t.Errorf("DisableKeepAlives %v: got %d connections and %d calls that say it is the last one; want %d connections", disabled, conns.Load(), told.Load(), want)
		}
	}
}
