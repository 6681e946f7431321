package xmlrpc_test

import (
	"bufio"
	"context"
	"io"
	"net"
	"strings"
	"testing"
	"time"

	"github.com/parley-rpc/parley/rpc/xmlrpc"
)

// TestThreatConnectionsThatWait: who holds all connections there may be, after a call
// on each or in the middle of one, keeps nobody else out, and takes nothing from
// a call that runs.
func TestThreatConnectionsThatWait(t *testing.T) {
	const limit = 20
	small := request("POST /RPC2 HTTP/1.1", "localhost", document("ping"), "Content-Type: text/xml")
	cut := request("POST /RPC2 HTTP/1.1", "localhost", document("ping"), "Content-Type: text/xml", "Expect: 100-continue")
	for name, says := range map[string]string{"for the next call": small, "for the rest of a body": strings.TrimSuffix(cut, "l>")} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			release := make(chan struct{})
			addr := serve(t, &xmlrpc.Server{MaxConns: limit, Handler: registry(t, map[string]any{
				"ping": func() string { return "pong" },
				"work": func(ctx context.Context) string {
					select {
					case <-release:
					case <-ctx.Done():
					}
					return "worked"
				},
			})})
			busy := dial(t, addr)
			busy.SetDeadline(time.Now().Add(3 * patience))
			io.WriteString(busy, request("POST /RPC2 HTTP/1.1", addr, document("work"), "Content-Type: text/xml"))
			for range limit {
				c := dial(t, addr)
				if _, err := io.WriteString(c, says); err != nil {
					t.Fatal(err)
				}
				c.Read(make([]byte, 1)) // the answer, the demand for the body, or the end: then there is no more room
			}
			for deadline := time.Now().Add(patience); !answers(addr, small); time.Sleep(20 * time.Millisecond) {
				if time.Now().After(deadline) {
					t.Fatal("an honest client is kept out")
				}
			}
			close(release)
			if got := readAnswer(t, bufio.NewReader(busy)); !strings.Contains(got.body, "worked") {
				t.Errorf("the call that ran got %d, %s", got.status, got.body)
			}
		})
	}
}

// answers reports whether a request on a connection of its own is answered.
func answers(addr, text string) bool {
	c, err := net.Dial("tcp", addr)
	if err != nil {
		return false
	}
	defer c.Close()
	c.SetDeadline(time.Now().Add(patience))
	io.WriteString(c, text)
	line, _ := bufio.NewReader(c).ReadString('\n')
	return strings.HasPrefix(line, "HTTP/1.1 200 ")
}
