package interop

import (
	"bytes"
	"flag"
	"fmt"
	"net"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/parley-rpc/parley/internal/peertest"
)

var update = flag.Bool("update", false, "record the conversations anew and write the document from them")

// recordedPort is the port that stands in all recordings.
const recordedPort = "8080"

// testLive runs the program of a peer and compares the conversation with the
// one that was recorded, or records it.
func testLive(t *testing.T, p peer, vars ...string) {
	t.Helper()
	live, arrivals := p.converse(t, vars)
	now := p.replay(t, live)
	live.longInt = p.runLongInt(t, newConversation(p, live, now), vars)
	if *update {
		p.write(t, live)
	}
	if diff := cmp.Diff(arrivals, arrivalsOf(now), cmp.AllowUnexported(arrival{})); diff != "" {
		t.Errorf("the bytes that %s sent arrive as something else when they are sent again (-live +replayed):\n%s", p.name, diff)
	}
	rec := p.read(t)
	recorded := p.replay(t, rec)
	const cure = "to record it anew: make peers-update"
	if diff := cmp.Diff(arrivalsOf(recorded), arrivals, cmp.AllowUnexported(arrival{})); diff != "" {
		t.Errorf("what %s sends arrives otherwise than in its recording (-recorded +live); %s\n%s", p.name, cure, diff)
	}
	before, after := newConversation(p, rec, recorded), newConversation(p, live, now)
	if diff := cmp.Diff(before.comparable(), after.comparable(), cmp.AllowUnexported(result{})); diff != "" {
		t.Errorf("%s prints something else than in its recording (-recorded +live); %s\n%s", p.name, cure, diff)
	}
	if live.longInt != rec.longInt {
		t.Errorf("%s with LongInt: got %q; want %q as in its recording; %s", p.name, live.longInt, rec.longInt, cure)
	}
	for _, f := range wireFacts {
		if got, want := f.of(after), f.of(before); got != want && f.title != connections {
			t.Errorf("%s, %s: got %q; want %q as in its recording; %s", p.name, f.title, got, want, cure)
		}
	}
}

// comparable is what a program printed, without the words by which our server
// refused a call, which may change.
func (c conversation) comparable() []result {
	results := slices.Clone(c.rec.results)
	for i, r := range results {
		if x := c.byName[r.name]; x != nil && x.arrived == nil {
			results[i].text = ""
		}
	}
	return results
}

// arrivalsOf are the calls among exchanges that got to their function.
func arrivalsOf(exchanges []*exchange) []arrival {
	var all []arrival
	for _, x := range exchanges {
		if x.arrived != nil {
			all = append(all, *x.arrived)
		}
	}
	return all
}

// converse runs the program of a peer against our server.
func (p peer) converse(t testing.TB, vars []string) (*recording, []arrival) {
	t.Helper()
	// Commands run in the folder of the package, so that messages of compilers
	// and interpreters name the same path everywhere.
	bin := t.TempDir()
	npm, err := filepath.Abs(filepath.Join("testdata", "npm", "node_modules"))
	if err != nil {
		t.Fatal(err)
	}
	vars = append(slices.Clone(vars), "SRC="+filepath.Join("testdata", "clients", p.file), "BIN="+bin, "NPM="+npm)
	rec := &recording{}
	if p.version != "" {
		version, err := peertest.Shell(t, t.Context(), ".", p.version, vars...)
		if err != nil {
			peertest.Missing(t, fmt.Sprintf("%s for %s (%v)", p.library, p.language, err), p.install())
		}
		rec.version = strings.TrimSpace(version)
	}
	if p.build != "" {
		if _, err := peertest.Shell(t, t.Context(), ".", p.build, vars...); err != nil {
			t.Fatal(err)
		}
	}

	tp := &tape{}
	addr, j := serve(t, p.option, tp)
	url := "http://" + addr + "/RPC2"
	var out string
	if p.program != nil {
		out = p.program(url)
	} else if out, err = peertest.Shell(t, t.Context(), ".", p.run, append(vars, "URL="+url)...); err != nil {
		t.Fatal(err)
	}
	if rec.results, err = parseResults(out); err != nil {
		t.Fatalf("the program of %s: %v\n%s", p.name, err, out)
	}

	_, port, err := net.SplitHostPort(addr)
	if err != nil {
		t.Fatal(err)
	}
	tp.mu.Lock()
	defer tp.mu.Unlock()
	rec.requests = bytes.ReplaceAll(undated(tp.in), []byte("127.0.0.1:"+port), []byte("127.0.0.1:"+recordedPort))
	rec.replies, rec.conns = undated(tp.out), tp.conns
	return rec, j.all()
}

// install tells how to get what a peer needs.
func (p peer) install() string {
	if p.module != "" {
		return "make peers, or npm ci --ignore-scripts in internal/interop/testdata/npm"
	}
	return "make peers, or apt-get install " + strings.Join(p.packages, " ")
}

// TestLivePythonCalls runs the program in Python with each CPython.
func TestLivePythonCalls(t *testing.T) {
	p := peerNamed(t, "python")
	if *update {
		testLive(t, p, "PYTHON="+peertest.Python(t))
		return
	}
	for _, python := range peertest.Pythons(t) {
		t.Run(python.String(), func(t *testing.T) {
			t.Parallel()
			testLive(t, p, "PYTHON="+python.Path)
		})
	}
}

func peerNamed(t testing.TB, name string) peer {
	t.Helper()
	i := slices.IndexFunc(peers, func(p peer) bool { return p.name == name })
	if i < 0 {
		t.Fatalf("there is no peer %q in the table", name)
	}
	return peers[i]
}
