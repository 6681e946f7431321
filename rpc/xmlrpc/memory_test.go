package xmlrpc_test

import (
	"bufio"
	"bytes"
	"encoding/base64"
	"io"
	"net/http"
	"runtime"
	"testing"

	"github.com/parley-rpc/parley/rpc/xmlrpc"
)

// allocated returns how many bytes of memory the process takes for f, all added up
// whether they are given back or not.
func allocated(f func()) uint64 {
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	f()
	runtime.ReadMemStats(&after)
	return after.TotalAlloc - before.TotalAlloc
}

// TestAllocationsOfLargeBlobs: what a call with a large argument or result takes is
// told in copies of the blob. One is what the function is given, or gives.
func TestAllocationsOfLargeBlobs(t *testing.T) {
	if raceEnabled {
		t.Skip("the race detector drops what is pooled")
	}
	const size = 1 << 20
	blob := make([]byte, size)
	addr := serve(t, &xmlrpc.Server{MaxBody: 8 << 20, NoGzip: true, Handler: registry(t, map[string]any{
		"take":   func(b []byte) int { return len(b) },
		"upload": func(r io.Reader) (int64, error) { return io.Copy(io.Discard, r) },
		"text":   func(s string) int { return len(s) },
		"give":   func() []byte { return blob },
		"read":   func() io.Reader { return bytes.NewReader(blob) },
	})})
	coded := base64.StdEncoding.EncodeToString(blob)
	call := func(method, value string) []byte {
		return []byte(attackPost("<methodCall><methodName>" + method + "</methodName><params>" + value + "</params></methodCall>"))
	}
	argument := "<param><value><base64>" + coded + "</base64></value></param>"
	for _, test := range []struct {
		name string
		send []byte
		most float64 // copies; the limits leave room for a buffer that is made anew
	}{
		{"take", call("take", argument), 2.5},
		{"upload", call("upload", argument), 2.5},
		{"text", call("text", "<param><value>"+coded+"</value></param>"), 2.5},
		{"give", call("give", ""), 0.9},
		{"read", call("read", ""), 0.9},
	} {
		c := dial(t, addr)
		r := bufio.NewReader(c)
		once := func() {
			if _, err := c.Write(test.send); err != nil {
				t.Fatal(err)
			}
			resp, err := http.ReadResponse(r, nil)
			if err != nil {
				t.Fatal(err)
			}
			n, err := io.Copy(io.Discard, resp.Body)
			if err != nil || n < 100 {
				t.Fatal(n, err)
			}
		}
		once() // makes the buffers
		const calls = 16
		taken := allocated(func() {
			for range calls {
				once()
			}
		}) / calls
		copies := float64(taken) / size
		t.Logf("%s: %.2f copies", test.name, copies)
		if copies > test.most {
			t.Errorf("%s: a call takes %.2f times the memory of its blob; want at most %.2f", test.name, copies, test.most)
		}
	}
}
