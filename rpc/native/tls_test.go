package native

import (
	"errors"
	"strings"
	"testing"

	"github.com/parley-rpc/parley/rpc"
)

// TestLoginInTLS: calls and objects, from the same port, and both ways.
func TestLoginInTLS(t *testing.T) {
	for _, binding := range []string{"tls-exporter", "tls-server-end-point"} {
		t.Run(binding, func(t *testing.T) {
			ctx := testContext(t)
			srv := testServer(t, "tls://127.0.0.1:0", &Server{Handler: echo, Login: serverLogin(), Objects: echoObjects})
			if !strings.HasPrefix(srv.Addr(), "tls://127.0.0.1:") {
				t.Errorf("address: got %s; want tls://127.0.0.1 and a port", srv.Addr())
			}
			login := clientLogin()
			login.binding = binding
			c := testClient(t, srv.Addr(), DialConfig{Login: login})
			for _, size := range []int{1, 100, 1 << 10, 1 << 20} {
				want := strings.Repeat("x", size)
				if got, err := rpc.Invoke[string](ctx, c, "echo", want); err != nil || got != want {
					t.Errorf("%d bytes: got %.20q, %v", size, got, err)
				}
			}
			conn, err := DialConn(ctx, srv.Addr(), ConnConfig{Login: login})
			if err != nil {
				t.Fatal(err)
			}
			defer conn.Close()
			for _, size := range []int{1, 1 << 10, 1 << 20} {
				var got string
				want := strings.Repeat("x", size)
				if err := errors.Join(conn.Send(ctx, want), conn.Recv(ctx, &got)); err != nil || got != want {
					t.Errorf("%d bytes: got %.20q, %v", size, got, err)
				}
			}
			if got := conn.Peer(); got.Name != "server" || got.Transport != "native" {
				t.Errorf("peer: got %+v; want the server, of the native transport", got)
			}
		})
	}
}
