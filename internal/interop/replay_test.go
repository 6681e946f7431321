package interop

import (
	"bufio"
	"bytes"
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

// exchange is one request of a recording, and what our server made of it now.
type exchange struct {
	raw     []byte        // of the request
	request *http.Request // its Body has been read
	body    []byte        // its body, without chunks
	reply   []byte        // our answer
	arrived *arrival      // nil if the call did not get to its function
}

// split cuts the requests of a recording apart.
func split(requests []byte) ([]*exchange, error) {
	rest := bytes.NewReader(requests)
	buf := bufio.NewReader(rest)
	var all []*exchange
	for start := 0; start < len(requests); {
		req, err := http.ReadRequest(buf)
		if err != nil {
			return nil, fmt.Errorf("request %d, at byte %d: %w", len(all), start, err)
		}
		body, err := io.ReadAll(req.Body)
		if err != nil {
			return nil, fmt.Errorf("request %d, its body: %w", len(all), err)
		}
		end := len(requests) - rest.Len() - buf.Buffered()
		all = append(all, &exchange{raw: requests[start:end], request: req, body: body})
		start = end
	}
	return all, nil
}

// replay sends the requests of a recording to our server, each on a connection
// of its own.
func (p peer) replay(t testing.TB, rec *recording) []*exchange {
	t.Helper()
	all, err := split(rec.requests)
	if err != nil {
		t.Fatalf("%s: %v", p.name, err)
	}
	addr, j := serve(t, p.option, &tape{})
	for i, x := range all {
		before := len(j.all())
		x.reply, err = send(t.Context(), addr, x)
		if err != nil {
			t.Fatalf("%s: request %d: %v", p.name, i, err)
		}
		x.reply = undated(x.reply)
		if now := j.all(); len(now) > before {
			x.arrived = &now[before]
		}
	}
	return all
}

// send sends a request as it was recorded and returns the answer.
func send(ctx context.Context, addr string, x *exchange) ([]byte, error) {
	conn, err := (&net.Dialer{}).DialContext(ctx, "tcp", addr)
	if err != nil {
		return nil, err
	}
	defer conn.Close()
	conn.SetDeadline(time.Now().Add(patience))
	if _, err := conn.Write(x.raw); err != nil {
		return nil, err
	}
	var raw bytes.Buffer
	buf := bufio.NewReader(io.TeeReader(conn, &raw))
	for {
		resp, err := http.ReadResponse(buf, x.request)
		if err != nil {
			return nil, fmt.Errorf("the answer: %w", err)
		}
		_, err = io.Copy(io.Discard, resp.Body)
		resp.Body.Close()
		if err != nil {
			return nil, fmt.Errorf("the answer's body: %w", err)
		}
		if resp.StatusCode >= 200 { // else one more follows
			return raw.Bytes(), nil
		}
	}
}

// TestReplayPeers: each request that a peer has sent is answered by the bytes
// that the peer has understood.
func TestReplayPeers(t *testing.T) {
	for _, p := range peers {
		t.Run(p.name, func(t *testing.T) {
			t.Parallel()
			rec := p.read(t)
			var replies []byte
			for _, x := range p.replay(t, rec) {
				replies = append(replies, x.reply...)
			}
			if diff := cmp.Diff(string(rec.replies), string(replies)); diff != "" {
				t.Errorf("our server answers the recorded requests by other bytes than those that %s has read (-recorded +now); whether it reads these too is told by: make peers-update\n%s", p.name, diff)
			}
		})
	}
}

// TestReplayOptionsAreNeeded: a peer that is said to need an option of our server
// is refused without.
func TestReplayOptionsAreNeeded(t *testing.T) {
	seen := 0
	for _, p := range peers {
		if p.option == nil {
			continue
		}
		seen++
		name := p.option.name
		rec := p.read(t)
		p.option = nil
		for i, x := range p.replay(t, rec) {
			if x.arrived != nil {
				t.Errorf("%s: request %d arrives without %s; want it refused, or no option", p.name, i, name)
			}
		}
	}
	if seen == 0 {
		t.Error("no peer needs an option; want davexmlrpc to")
	}
}

// TestPackagesAreInstalled: what "make peers" installs holds what the table
// names.
func TestPackagesAreInstalled(t *testing.T) {
	list, err := os.ReadFile(filepath.Join("testdata", "packages.txt"))
	if err != nil {
		t.Fatal(err)
	}
	installed := map[string]bool{}
	for line := range strings.Lines(string(list)) {
		if name, _, _ := strings.Cut(strings.TrimSpace(line), " "); name != "#" {
			installed[name] = true
		}
	}
	modules, err := os.ReadFile(filepath.Join("testdata", "npm", "package.json"))
	if err != nil {
		t.Fatal(err)
	}
	for _, p := range peers {
		for _, name := range p.packages {
			if !installed[name] {
				t.Errorf("%s needs the package %s, which is not in testdata/packages.txt", p.name, name)
			}
		}
		if p.module != "" && !bytes.Contains(modules, []byte(`"`+p.module+`":`)) {
			t.Errorf("%s needs the module %s, which is not in testdata/npm/package.json", p.name, p.module)
		}
	}
}
