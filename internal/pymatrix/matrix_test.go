package pymatrix

import (
	"context"
	"encoding/hex"
	"errors"
	"flag"
	"fmt"
	"log/slog"
	"maps"
	"os"
	"regexp"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/parley-rpc/parley/auth"
	"github.com/parley-rpc/parley/internal/peertest"
	"github.com/parley-rpc/parley/rpc"
	"github.com/parley-rpc/parley/rpc/native"
	"github.com/parley-rpc/parley/rpc/native/pickle"
	"github.com/parley-rpc/parley/rpc/native/python"
	"github.com/parley-rpc/parley/rpc/value"
)

var update = flag.Bool("update", false, "record anew what differs between versions and protocols, and write docs/python.md from it")

const testKey = "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"

var quiet = slog.New(slog.DiscardHandler)

func key(t testing.TB, allowMD5 bool) *auth.Authkey {
	t.Helper()
	k, err := auth.NewKey([]byte(testKey), auth.KeyConfig{AllowMD5: allowMD5})
	if err != nil {
		t.Fatal(err)
	}
	return k
}

func testContext(t testing.TB) context.Context {
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	t.Cleanup(cancel)
	return ctx
}

// An outcome is how a value went: what Go saw, and what Python got back.
type outcome struct {
	sees string
	back string // "" where nothing came back, "same" for what was sent
}

// A cell is one value in one protocol and direction.
type cell struct {
	fromGo   bool // Go calls Python; else Python calls Go
	protocol int
	id       int
}

// expected is the outcome that a row promises for every version and protocol.
func (r row) expected() outcome {
	o := outcome{r.sees, r.back}
	if strings.HasPrefix(r.sees, refused) {
		o.back = ""
	} else if o.back == "" {
		o.back = "same"
	}
	return o
}

// TestLiveMatrix sends each value of the matrix from each CPython to Go and back,
// in each protocol, as an argument of Python's call and as a result of Go's.
func TestLiveMatrix(t *testing.T) {
	recorded := readDeviations(t)
	var mu sync.Mutex // guards found
	found := map[version]map[cell]outcome{}
	t.Run("versions", func(t *testing.T) {
		for _, p := range peertest.Pythons(t) {
			v := version{p.Major, p.Minor}
			t.Run(v.String(), func(t *testing.T) {
				t.Parallel()
				all := callsOfPython(t, p)
				maps.Copy(all, callsOfGo(t, p))
				deviations := deviationsOf(t, v, all)
				mu.Lock()
				found[v] = deviations
				mu.Unlock()
				if !*update {
					compare(t, v, deviations, recorded.of(v))
				}
			})
		}
	})
	if *update && !t.Failed() {
		maps.Copy(recorded, found)
		recorded.write(t)
		writeDocument(t, recorded)
	}
}

// deviationsOf keeps what is not as its row promises. Every value has to be
// there in every protocol.
func deviationsOf(t *testing.T, v version, all map[cell]outcome) map[cell]outcome {
	deviations := map[cell]outcome{}
	for _, r := range allRows() {
		for protocol := 0; v.has(r.row) && protocol <= v.highest(); protocol++ {
			for _, fromGo := range []bool{false, true} {
				c := cell{fromGo, protocol, r.id}
				got, ok := all[c]
				if !ok {
					t.Errorf("%s, protocol %d, Go calls %v: got no outcome", r.python, protocol, fromGo)
				} else if got != r.expected() {
					deviations[c] = got
				}
			}
		}
	}
	return deviations
}

func compare(t *testing.T, v version, got, want map[cell]outcome) {
	rows := allRows()
	for c, o := range got {
		w, ok := want[c]
		if !ok {
			w = rows[c.id].expected()
		}
		if o != w {
			t.Errorf("%s, protocol %d, Go calls %v: got %q; want %q; if that is right: go test ./internal/pymatrix -run TestLiveMatrix -update",
				rows[c.id].python, c.protocol, c.fromGo, o, w)
		}
	}
	for c, w := range want {
		if _, ok := got[c]; !ok && v.has(rows[c.id].row) && c.protocol <= v.highest() {
			t.Errorf("%s, protocol %d, Go calls %v: got %q; want %q, as it is recorded", rows[c.id].python, c.protocol, c.fromGo, rows[c.id].expected(), w)
		}
	}
}

func pickleOptions(t testing.TB, objects bool) pickle.Options {
	return pickle.Options{Registry: shopClasses(t), Objects: objects}
}

// serveSeen runs a server with the function seen, which returns what show makes
// of its argument, and the argument.
func serveSeen(t *testing.T, k *auth.Authkey, objects bool) string {
	t.Helper()
	reg := rpc.NewRegistry()
	reg.Logger = quiet
	if err := reg.Register("seen", func(v any) any { return value.Tuple{show(v), v} }); err != nil {
		t.Fatal(err)
	}
	h, err := python.NewHandler(reg, python.Config{Pickle: pickleOptions(t, objects), Logger: quiet})
	if err != nil {
		t.Fatal(err)
	}
	s := &native.Server{Objects: h, Auth: k, Logger: quiet}
	l, err := s.Listen("tcp://127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	done := make(chan error, 1)
	go func() { done <- s.Serve(l) }()
	t.Cleanup(func() {
		s.Close()
		if err := <-done; !errors.Is(err, native.ErrServerClosed) {
			t.Errorf("Serve: got %v; want %v", err, native.ErrServerClosed)
		}
	})
	return l.Addr().String()
}

// callRows calls seen with each row in each protocol. A refusal may end the
// connection.
const callRows = `
def connect():
    host, port = sys.argv[2 if objects else 1].rsplit(":", 1)
    return Client((host, int(port)), authkey=sys.argv[3].encode("ascii"))
objects = False
c = connect()
for number, v, look in rows:
    if objects != (number in object_rows):
        objects = not objects
        c.close()
        c = connect()
    for protocol in range(pickle.HIGHEST_PROTOCOL + 1):
        try:
            message = pickle.dumps(("seen", (v,)), protocol)
        except Exception as e:
            line("unsent", number, protocol, type(e).__name__)
            continue
        c.send_bytes(message)
        got = c.recv()
        if isinstance(got, Exception):
            line("refused", number, protocol, hexed(got.args[0]))
            c.close()
            c = connect()
        else:
            line("seen", number, protocol, hexed(got[0]), state(v, got[1], look))
`

func callsOfPython(t *testing.T, p peertest.PythonVersion) map[cell]outcome {
	v := version{p.Major, p.Minor}
	k := key(t, !p.AtLeast(3, 12))
	out := peertest.RunPython(t, testContext(t), p.Path, rowsScript(t, v)+callRows, serveSeen(t, k, false), serveSeen(t, k, true), testKey)
	all := map[cell]outcome{}
	for text := range strings.Lines(out) {
		fields := strings.Split(strings.TrimSuffix(text, "\n"), "\t")
		c := cell{id: number(t, fields[1]), protocol: number(t, fields[2])}
		switch fields[0] {
		case "unsent":
			all[c] = unsent(fields[3])
		case "refused":
			if strings.Contains(unhex(t, fields[3]), "internal error") { // whose reason is in the log
				all[c] = outcome{sees: refused + "the answer cannot be sent in this protocol"}
				continue
			}
			all[c] = outcome{sees: refusal(unhex(t, fields[3]))}
		case "seen":
			all[c] = outcome{unhex(t, fields[3]), fields[4]}
		}
	}
	return all
}

func unsent(exception string) outcome {
	return outcome{sees: "not sent: Python itself has a " + exception}
}

// giveRows serves rows as results, and says what came back of them.
const giveRows = `
l = Listener(("127.0.0.1", 0), authkey=sys.argv[1].encode("ascii"))
line("127.0.0.1:%d" % l.address[1])
values = dict((number, (v, look)) for number, v, look in rows)
while True:
    c = l.accept()
    while True:
        try:
            name, args = c.recv()
        except EOFError:
            break
        v, look = values[args[0]]
        protocol = args[1]
        if name == "give":
            try:
                message = pickle.dumps([v], protocol)
            except Exception as e:
                message = pickle.dumps(text(type(e).__name__), protocol)
            c.send_bytes(message)
        else:
            c.send_bytes(pickle.dumps(text(state(v, args[2], look)), protocol))
    c.close()
`

func callsOfGo(t *testing.T, p peertest.PythonVersion) map[cell]outcome {
	v := version{p.Major, p.Minor}
	ctx := testContext(t)
	child := peertest.StartPython(t, p.Path, rowsScript(t, v)+giveRows, testKey)
	addr, err := child.ReadLine(ctx)
	if err != nil {
		t.Fatal(err)
	}
	var client *python.Client
	objects := false // of client
	defer func() {
		if client != nil {
			client.Close()
		}
	}()
	all := map[cell]outcome{}
	for _, r := range allRows() {
		for protocol := 0; v.has(r.row) && protocol <= v.highest(); protocol++ {
			if client != nil && objects != r.object {
				client.Close()
				client = nil
			}
			if client == nil {
				objects = r.object
				client = dialPython(t, ctx, addr, key(t, !p.AtLeast(3, 12)), objects)
			}
			c := cell{fromGo: true, id: r.id, protocol: protocol}
			got, err := rpc.Invoke[any](ctx, client, "give", r.id, protocol)
			if err != nil {
				all[c] = outcome{sees: refusal(err.Error())}
				client.Close()
				client = nil
				continue
			}
			if name, ok := got.(string); ok {
				all[c] = unsent(name)
				continue
			}
			list, ok := got.([]any)
			if !ok || len(list) != 1 {
				t.Fatalf("%s: got %v; want a list of one", r.python, got)
			}
			back, err := rpc.Invoke[string](ctx, client, "check", r.id, protocol, list[0])
			if err != nil {
				back = "not sent: " + strings.TrimPrefix(err.Error(), "python: call check: pickle: ")
				client.Close()
				client = nil
			}
			all[c] = outcome{show(list[0]), back}
		}
	}
	return all
}

func dialPython(t *testing.T, ctx context.Context, addr string, k *auth.Authkey, objects bool) *python.Client {
	t.Helper()
	conn, err := native.DialConn(ctx, "tcp://"+addr, native.ConnConfig{Auth: k})
	if err != nil {
		t.Fatal(err)
	}
	c, err := python.NewClient(conn, python.ClientConfig{Pickle: pickleOptions(t, objects)})
	if err != nil {
		t.Fatal(err)
	}
	return c
}

var (
	whereInMessage = regexp.MustCompile(`^.*pickle: byte \d+: `)
	whatElse       = regexp.MustCompile(`: expected None, numbers.*$|; the connection is closed now$`)
)

// refusal leaves out what stands around the reason.
func refusal(text string) string {
	text = strings.NewReplacer("__builtin__.", "builtins.", "pathlib._local.", "pathlib.").Replace(text)
	for whatElse.MatchString(text) {
		text = whatElse.ReplaceAllString(text, "")
	}
	return refused + whereInMessage.ReplaceAllString(text, "")
}

func number(t *testing.T, text string) int {
	t.Helper()
	n, err := strconv.Atoi(text)
	if err != nil {
		t.Fatal(err)
	}
	return n
}

// unhex reads what hexed in values.py makes of a text.
func unhex(t *testing.T, text string) string {
	t.Helper()
	b, err := hex.DecodeString(text)
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

// deviations are what the recording holds of each version.
type deviations map[version]map[cell]outcome

// of returns those of a version; of one that was not recorded, those of the
// latest before it.
func (d deviations) of(v version) map[cell]outcome {
	var best version
	for w := range d {
		if w.major == v.major && w.minor <= v.minor && w.minor >= best.minor {
			best = w
		}
	}
	return d[best]
}

const recording = "testdata/deviations.txt"

func readDeviations(t testing.TB) deviations {
	t.Helper()
	data, err := os.ReadFile(recording)
	if err != nil && !(errors.Is(err, os.ErrNotExist) && *update) {
		t.Fatal(err)
	}
	ids := map[string]int{}
	for _, r := range allRows() {
		ids[r.python] = r.id
	}
	all := deviations{}
	for text := range strings.Lines(string(data)) {
		f := strings.Split(strings.TrimSuffix(text, "\n"), "\t")
		if len(f) != 6 && len(f) != 1 {
			t.Fatalf("%s: got line %q; want six fields", recording, text)
		}
		var v version
		if _, err := fmt.Sscanf(f[0], "%d.%d", &v.major, &v.minor); err != nil {
			t.Fatalf("%s: line %q: %v", recording, text, err)
		}
		if all[v] == nil {
			all[v] = map[cell]outcome{}
		}
		if len(f) == 1 { // a version that deviates nowhere
			continue
		}
		protocol, err := strconv.Atoi(f[2])
		id, ok := ids[f[3]]
		if err != nil || !ok {
			if *update {
				continue // a row that is no more
			}
			t.Fatalf("%s: line %q: no such row or protocol", recording, text)
		}
		all[v][cell{f[1] == "Go calls", protocol, id}] = outcome{f[4], f[5]}
	}
	return all
}

func (d deviations) write(t testing.TB) {
	t.Helper()
	rows := allRows()
	var b strings.Builder
	for _, v := range d.versions() {
		fmt.Fprintf(&b, "%s\n", v)
		for _, c := range sortedCells(d[v]) {
			caller := "Python calls"
			if c.fromGo {
				caller = "Go calls"
			}
			fmt.Fprintf(&b, "%s\t%s\t%d\t%s\t%s\t%s\n", v, caller, c.protocol, rows[c.id].python, d[v][c].sees, d[v][c].back)
		}
	}
	if err := os.WriteFile(recording, []byte(b.String()), 0o644); err != nil {
		t.Fatal(err)
	}
}
