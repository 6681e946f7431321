package xmlrpc_test

import (
	"bufio"
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/parley-rpc/parley/rpc/xmlrpc"
	"github.com/parley-rpc/parley/rpc/xmlrpc/xmlvalue"
)

// TestThreatTextThatGrows: calls whose text takes many times their size once it is
// read and sent back, by its encoding or by what must be escaped, share memory as
// those with many values do: two run, the others wait for their turn.
func TestThreatTextThatGrows(t *testing.T) {
	const size = 300 << 10
	for name, text := range map[string]string{
		"signs in CDATA": attackCall("<value><![CDATA[" + strings.Repeat("&", size) + "]]></value>"),
		"Latin-1":        "<?xml version='1.0' encoding='iso-8859-1'?>" + attackCall("<value>"+strings.Repeat("\xe9", size)+"</value>"),
		"windows-1252":   "<?xml version='1.0' encoding='windows-1252'?>" + attackCall("<value>"+strings.Repeat("\x80", size)+"</value>"),
	} {
		t.Run(name, func(t *testing.T) {
			const calls = 4
			begun, release := make(chan int, calls), make(chan struct{})
			addr := serve(t, &xmlrpc.Server{NoGzip: true, Values: xmlvalue.Options{MaxElements: 10_000}, Handler: registry(t, map[string]any{
				"echo": func(s string) string {
					begun <- len(s)
					<-release
					return s
				},
			})})
			done := make(chan int, calls)
			for range calls {
				c := dial(t, addr)
				if _, err := io.WriteString(c, attackPost(text)); err != nil {
					t.Fatal(err)
				}
				go func() {
					resp, err := http.ReadResponse(bufio.NewReader(c), nil)
					if err != nil {
						done <- 0
						return
					}
					_, _ = io.Copy(io.Discard, resp.Body)
					done <- resp.StatusCode
				}()
			}
			wait(t, begun, "the first call")
			wait(t, begun, "the second call")
			select {
			case <-begun:
				t.Error("a third call runs beside two that take all the room there is")
			case <-time.After(100 * time.Millisecond):
			}
			close(release)
			for range calls {
				if status := wait(t, done, "an answer"); status != http.StatusOK {
					t.Errorf("got status %d; want 200", status)
				}
			}
		})
	}
}
