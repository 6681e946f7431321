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
	"regexp"
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
	var all []*exchange
	for start := 0; start < len(requests); {
		rest := bytes.NewReader(requests[start:])
		buf := bufio.NewReader(rest)
		req, err := http.ReadRequest(buf)
		if err != nil {
			return nil, fmt.Errorf("request %d, at byte %d: %w", len(all), start, err)
		}
		body, err := io.ReadAll(req.Body)
		if err != nil {
			return nil, fmt.Errorf("request %d, its body: %w", len(all), err)
		}
		end := len(requests) - rest.Len() - buf.Buffered()
		// A program that counts characters sends more bytes than it announces.
		if next := bytes.Index(requests[end:], []byte("POST ")); next >= 0 {
			end += next
		} else {
			end = len(requests)
		}
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
	if err := readReply(bufio.NewReader(io.TeeReader(conn, &raw)), x.request); err != nil {
		return nil, fmt.Errorf("the answer: %w", err)
	}
	return raw.Bytes(), nil
}

// readReply reads the answer to one request, and what comes before it where the
// client has asked whether to go on.
func readReply(r *bufio.Reader, to *http.Request) error {
	for {
		resp, err := http.ReadResponse(r, to)
		if err != nil {
			return err
		}
		_, err = io.Copy(io.Discard, resp.Body)
		resp.Body.Close()
		if err != nil || resp.StatusCode >= 200 {
			return err
		}
	}
}

// splitReplies cuts our answers to some requests apart.
func splitReplies(replies []byte, to []*exchange) ([][]byte, error) {
	rest := bytes.NewReader(replies)
	buf := bufio.NewReader(rest)
	start := 0
	var all [][]byte
	for i, x := range to {
		if err := readReply(buf, x.request); err != nil {
			return nil, fmt.Errorf("answer %d: %w", i, err)
		}
		end := len(replies) - rest.Len() - buf.Buffered()
		all = append(all, replies[start:end])
		start = end
	}
	if start != len(replies) {
		return nil, fmt.Errorf("there are %d bytes after the last of %d answers", len(replies)-start, len(to))
	}
	return all, nil
}

// ownWords is what may change in the answer to a call that does not get to its
// function: how we say why.
var ownWords = regexp.MustCompile(`(<name>faultString</name><value><string>)[^<]*|(Content-Length: )\d+`)

// TestReplayPeers: each request that a peer has sent is answered by the bytes
// that the peer has understood.
func TestReplayPeers(t *testing.T) {
	for _, p := range peers {
		t.Run(p.name, func(t *testing.T) {
			t.Parallel()
			rec := p.read(t)
			now := p.replay(t, rec)
			replies, err := splitReplies(rec.replies, now)
			if err != nil {
				t.Fatal(err)
			}
			for i, x := range now {
				got, want := x.reply, replies[i]
				if x.arrived == nil {
					got, want = ownWords.ReplaceAll(got, []byte("$1$2")), ownWords.ReplaceAll(want, []byte("$1$2"))
				}
				if diff := cmp.Diff(string(want), string(got)); diff != "" {
					t.Errorf("%s: our server answers the recorded request by other bytes than those that %s has read (-recorded +now); whether it reads these too is told by: make peers-update\n%s", x.caseName(), p.name, diff)
				}
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

// TestEveryFileHasARow: no program and no recording is left over.
func TestEveryFileHasARow(t *testing.T) {
	known := map[string]bool{}
	for _, p := range peers {
		if p.program == nil {
			known[filepath.Join("testdata", "clients", p.file)] = true
		}
		known[file("requests", p.name, ".http")] = true
		known[file("replies", p.name, ".http")] = true
		known[file("results", p.name, ".txt")] = true
	}
	for _, part := range []string{"clients", "requests", "replies", "results"} {
		found, err := filepath.Glob(filepath.Join("testdata", part, "*.*"))
		if err != nil {
			t.Fatal(err)
		}
		for _, path := range found {
			if !known[path] {
				t.Errorf("%s belongs to no row of the table in peers_test.go", path)
			}
		}
		if len(found) == 0 {
			t.Errorf("there are no files in testdata/%s", part)
		}
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
