package xmlrpc_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"runtime"
	"runtime/debug"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	kolo "github.com/kolo/xmlrpc"

	"github.com/parley-rpc/parley/rpc"
	"github.com/parley-rpc/parley/rpc/xmlrpc"
)

// What github.com/kolo/xmlrpc gets wrong, as docs/from-kolo.md says: each is shown
// to be so, by itself, then over a Transport, and with the client of this package.

// crowd is a server that lets no call go until as many are in flight as it is
// told, or until none more comes for a while.
type crowd struct {
	want    int32
	now     atomic.Int32
	most    atomic.Int32
	arrived chan struct{} // closed when want calls are there
	once    sync.Once
	patient time.Duration
}

func newCrowd(want int, patient time.Duration) *crowd {
	return &crowd{want: int32(want), arrived: make(chan struct{}), patient: patient}
}

func (s *crowd) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	io.Copy(io.Discard, r.Body)
	n := s.now.Add(1)
	defer s.now.Add(-1)
	for most := s.most.Load(); n > most && !s.most.CompareAndSwap(most, n); most = s.most.Load() {
	}
	if n == s.want {
		s.once.Do(func() { close(s.arrived) })
	}
	select {
	case <-s.arrived:
	case <-time.After(s.patient):
	}
	w.Header().Set("Content-Type", "text/xml")
	io.WriteString(w, yes)
}

// TestLiveKoloMakesOneCallAtOnce: five goroutines, one call in flight, since the
// round trip runs under the lock of net/rpc. No transport can change that.
func TestLiveKoloMakesOneCallAtOnce(t *testing.T) {
	const calls = 5
	five := func(call func() error) {
		t.Helper()
		var wg sync.WaitGroup
		for range calls {
			wg.Go(func() {
				if err := call(); err != nil {
					t.Error(err)
				}
			})
		}
		wg.Wait()
	}
	alone := newCrowd(calls, 20*time.Millisecond)
	c := koloClient(t, mount(t, alone)+"/RPC2")
	five(func() error { return c.Call("f", nil, nil) })
	if n := alone.most.Load(); n != 1 {
		t.Errorf("kolo alone: got %d calls in flight; the claim is 1", n)
	}
	under := newCrowd(calls, 20*time.Millisecond)
	over, _ := koloOver(t, mount(t, under), xmlrpc.ClientConfig{})
	five(func() error { return over.Call("f", nil, nil) })
	if n := under.most.Load(); n != 1 {
		t.Errorf("kolo over a Transport: got %d calls in flight; the claim is 1", n)
	}
	ours := newCrowd(calls, patience)
	client := newClient(t, mount(t, ours), xmlrpc.ClientConfig{})
	five(func() error { _, err := rpc.Invoke[bool](bounded(t), client, "f"); return err })
	if n := ours.most.Load(); n != calls {
		t.Errorf("our client: got %d calls in flight; want %d", n, calls)
	}
}

// koloChild names, in a process of its own, what kolo is to do there: what follows
// cannot be survived, or not be undone.
const koloChild = "PARLEY_KOLO_CHILD"

// inChild runs a test of this file once more, alone, in a process of its own.
func inChild(t *testing.T, name, what string) (output string, err error) {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), 3*patience)
	defer cancel()
	cmd := exec.CommandContext(ctx, os.Args[0], "-test.run=^"+name+"$")
	cmd.Env = append(os.Environ(), koloChild+"="+what)
	out, err := cmd.CombinedOutput()
	return string(out), err
}

// TestLiveKoloCloseBlocks: after Close the one who takes answers is gone, and the
// call that has one waits for it, holding the lock that the former wants.
func TestLiveKoloCloseBlocks(t *testing.T) {
	began, release := make(chan struct{}), make(chan struct{})
	var once sync.Once
	url := mount(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		io.Copy(io.Discard, r.Body) // or nobody would watch for the end of the connection
		once.Do(func() { close(began) })
		select {
		case <-release:
		case <-r.Context().Done():
		}
		io.WriteString(w, yes)
	}))
	result := make(chan error, 1)
	if os.Getenv(koloChild) != "" {
		c, err := kolo.NewClient(url+"/RPC2", nil)
		if err != nil {
			t.Fatal(err)
		}
		go func() { result <- c.Call("f", nil, nil) }()
		wait(t, began, "the call")
		c.Close()
		close(release)
		for deadline := time.Now().Add(patience); time.Now().Before(deadline); time.Sleep(10 * time.Millisecond) {
			stacks := make([]byte, 1<<20)
			stacks = stacks[:runtime.Stack(stacks, true)]
			if waitsIn(stacks, "[chan send", "clientCodec).WriteRequest") && waitsIn(stacks, "Mutex.Lock", "rpc.(*Client).input") {
				fmt.Println("each waits for the other")
				os.Exit(0)
			}
		}
		fmt.Println("the call has ended:", len(result))
		os.Exit(0)
	}
	if out, err := inChild(t, "TestLiveKoloCloseBlocks", "close"); err != nil || out != "each waits for the other\n" {
		t.Errorf("kolo alone: got %s, %v; the claim is that each waits for the other", out, err)
	}
	// Over a Transport whoever closes that too is let go.
	c, transport := koloOver(t, url, xmlrpc.ClientConfig{})
	go func() { result <- c.Call("f", nil, nil) }()
	wait(t, began, "the call")
	c.Close()
	transport.Close()
	if err := wait(t, result, "the end of the call"); err == nil {
		t.Error("over a Transport: got no error")
	}
	// Our client: TestClientClose.
}

// waitsIn reports whether one of these goroutines has both texts in its stack.
func waitsIn(stacks []byte, texts ...string) bool {
next:
	for stack := range bytes.SplitSeq(stacks, []byte("\n\n")) {
		for _, text := range texts {
			if !bytes.Contains(stack, []byte(text)) {
				continue next
			}
		}
		return true
	}
	return false
}

// TestLiveKoloDeepAnswer: an answer with a million arrays within each other ends
// the process, by a stack without bound; no recover helps.
func TestLiveKoloDeepAnswer(t *testing.T) {
	const depth = 1_000_000
	srv := &replier{body: result(strings.Repeat("<value><array><data>", depth) + strings.Repeat("</data></array></value>", depth))}
	url := mount(t, srv)
	if os.Getenv(koloChild) != "" {
		debug.SetMaxStack(64 << 20) // of 1 GB by default, to spare the memory
		c, err := kolo.NewClient(url+"/RPC2", nil)
		if err != nil {
			t.Fatal(err)
		}
		var got any
		fmt.Println("survived:", c.Call("f", nil, &got))
		os.Exit(0)
	}
	if out, err := inChild(t, "TestLiveKoloDeepAnswer", "deep"); err == nil || !strings.Contains(out, "stack overflow") {
		t.Errorf("kolo alone: got %.200s, %v; the claim is a stack overflow", out, err)
	}
	const large = 64 << 20
	over, _ := koloOver(t, url, xmlrpc.ClientConfig{MaxAnswer: large})
	var got any
	if err := over.Call("f", nil, &got); err == nil || !strings.Contains(err.Error(), "more than 64 deep") {
		t.Errorf("over a Transport: got %v; want an error of the depth", err)
	}
	_, err := rpc.Invoke[any](bounded(t), newClient(t, url, xmlrpc.ClientConfig{MaxAnswer: large}), "f")
	if err == nil || !strings.Contains(err.Error(), "more than 64 deep") {
		t.Errorf("our client: got %v; want an error of the depth", err)
	}
}

// TestLiveKoloDropsMembers: behind <value/> kolo takes the rest of a struct for
// read, and says nothing.
func TestLiveKoloDropsMembers(t *testing.T) {
	type record struct {
		First string `xmlrpc:"first"`
		Rest  int    `xmlrpc:"rest"`
	}
	url := mount(t, &replier{body: member("<name>first</name><value/>")})
	var got record
	if err := koloClient(t, url+"/RPC2").Call("f", nil, &got); err != nil || got != (record{}) {
		t.Errorf("kolo alone: got %+v, %v; the claim is that rest is lost without an error", got, err)
	}
	over, _ := koloOver(t, url, xmlrpc.ClientConfig{})
	if err := over.Call("f", nil, &got); err != nil || got.Rest != 1 {
		t.Errorf("over a Transport: got %+v, %v", got, err)
	}
	got, err := rpc.Invoke[record](bounded(t), newClient(t, url, xmlrpc.ClientConfig{}), "f")
	if err != nil || got.Rest != 1 {
		t.Errorf("our client: got %+v, %v", got, err)
	}
}

// TestLiveKoloBase64: kolo leaves base64 to the program in both directions, and
// sends []byte as a list of numbers.
func TestLiveKoloBase64(t *testing.T) {
	binary := []byte{0, 0xff, 1}
	var seen any
	reg := registry(t, map[string]any{"see": func(v any) []byte { seen = v; return binary }})
	url := "http://" + serve(t, &xmlrpc.Server{Handler: reg})
	alone := koloClient(t, url)
	var text string
	if err := alone.Call("see", []any{binary}, &text); err != nil || text != "AP8B" || fmt.Sprint(seen) != "[0 255 1]" {
		t.Errorf("kolo alone: got %q, %v, and the server %v; the claim is text, and a list", text, err, seen)
	}
	var raw []byte
	if err := koloClient(t, url).Call("see", []any{binary}, &raw); err == nil {
		t.Errorf("kolo alone: got %v as []byte; the claim is an error", raw)
	}
	over, _ := koloOver(t, url, xmlrpc.ClientConfig{})
	if err := over.Call("see", []any{kolo.Base64("\x00 not encoded")}, &text); err == nil || !strings.Contains(err.Error(), "was not sent") {
		t.Errorf("over a Transport: got %v; want an error before it is sent", err)
	}
	got, err := rpc.Invoke[[]byte](bounded(t), newClient(t, url, xmlrpc.ClientConfig{}), "see", binary)
	if sent, _ := seen.([]byte); err != nil || !bytes.Equal(got, binary) || !bytes.Equal(sent, binary) {
		t.Errorf("our client: got %v, %v, and the server %v", got, err, seen)
	}
}

// TestLiveKoloNil: kolo's nil is <param></param>, a form of its own, and within
// lists it is the empty text. One that comes changes nothing, and a nil pointer to
// one to zero.
func TestLiveKoloNil(t *testing.T) {
	for arg, want := range map[string]struct {
		send any
		xml  string
	}{
		"an argument":      {[]any{nil}, "<param></param>"},
		"within a list":    {[]any{[]any{nil}}, "<data><value/></data>"},
		"a pointer to nil": {[]any{(*int)(nil)}, "<param><value/></param>"},
	} {
		req, err := kolo.NewRequest("http://localhost", "f", want.send)
		if err != nil {
			t.Fatal(err)
		}
		body, err := io.ReadAll(req.Body)
		if err != nil || !strings.Contains(string(body), want.xml) {
			t.Errorf("%s: kolo alone writes %s, %v; the claim is %s", arg, body, err, want.xml)
		}
	}
	url := mount(t, &replier{body: result("<value><nil/></value>")})
	n, p := 7, (*int)(nil)
	if err := koloClient(t, url+"/RPC2").Call("f", nil, &n); err != nil || n != 7 {
		t.Errorf("kolo alone: got %d, %v; the claim is that 7 stays", n, err)
	}
	if err := koloClient(t, url+"/RPC2").Call("f", nil, &p); err != nil || p == nil || *p != 0 {
		t.Errorf("kolo alone: got %v, %v; the claim is a pointer to 0", p, err)
	}
	full := []string{"there"}
	list := mount(t, &replier{body: result("<value><array><data><value><string>x</string></value></data></array></value>")})
	if err := koloClient(t, list+"/RPC2").Call("f", nil, &full); err == nil {
		t.Errorf("kolo alone: got %v; the claim is an error for a slice that is not empty", full)
	}
	ours := newClient(t, url, xmlrpc.ClientConfig{})
	if p, err := rpc.Invoke[*int](bounded(t), ours, "f"); p != nil || err != nil {
		t.Errorf("our client: got %v, %v; want nil", p, err)
	}
	if n, err := rpc.Invoke[int](bounded(t), ours, "f"); !errors.Is(err, rpc.ErrResult) {
		t.Errorf("our client: got %d, %v; want ErrResult", n, err)
	}
	// Over a Transport: TestTransportChecksCalls. Our client:
	var seen []any
	reg := registry(t, map[string]any{"see": func(v ...any) { seen = v }})
	c := newClient(t, "http://"+serve(t, &xmlrpc.Server{Handler: reg}), xmlrpc.ClientConfig{})
	_, err := rpc.Invoke[any](bounded(t), c, "see", nil, []any{nil}, (*int)(nil))
	if fmt.Sprint(seen) != "[<nil> [<nil>] <nil>]" || err != nil {
		t.Errorf("our client: the server got %v, %v", seen, err)
	}
}

// TestLiveKoloNames: kolo does not escape the names of members, so that whoever
// chooses one can put in more members, of other types.
func TestLiveKoloNames(t *testing.T) {
	const evil = "x</name><value>1</value></member><member><name>admin"
	var seen map[string]any
	reg := registry(t, map[string]any{"see": func(m map[string]any) { seen = m }})
	url := "http://" + serve(t, &xmlrpc.Server{Handler: reg})
	if err := koloClient(t, url).Call("see", map[string]bool{evil: true}, nil); err != nil || seen["admin"] != true {
		t.Errorf("kolo alone: the server got %v, %v; the claim is a member admin", seen, err)
	}
	// Well-formed as it is, no Transport can tell. Our client:
	_, err := rpc.Invoke[any](bounded(t), newClient(t, url, xmlrpc.ClientConfig{}), "see", map[string]bool{evil: true})
	if err != nil || len(seen) != 1 || seen[evil] != true {
		t.Errorf("our client: the server got %v, %v", seen, err)
	}
}

// TestLiveKoloFaultType: of a fault its text is left.
func TestLiveKoloFaultType(t *testing.T) {
	reg := registry(t, map[string]any{"fail": func() error { return rpc.Errorf(42, "no luck") }})
	url := "http://" + serve(t, &xmlrpc.Server{Handler: reg})
	over, _ := koloOver(t, url, xmlrpc.ClientConfig{})
	for name, c := range map[string]*kolo.Client{"kolo alone": koloClient(t, url), "over a Transport": over} {
		err := c.Call("fail", nil, nil)
		if typed := new(kolo.FaultError); err == nil || errors.As(err, typed) || errors.As(err, &typed) || err.Error() != "Fault(42): no luck" {
			t.Errorf("%s: got %T %v; the claim is a text and no FaultError", name, err, err)
		}
	}
	_, err := rpc.Invoke[any](bounded(t), newClient(t, url, xmlrpc.ClientConfig{}), "fail")
	var f *rpc.Fault
	if !errors.As(err, &f) || f.Code != 42 || f.Message != "no luck" {
		t.Errorf("our client: got %v; want fault 42", err)
	}
}

// koloReaders counts the goroutines in which kolo's clients wait for answers.
func koloReaders() int {
	stacks := make([]byte, 1<<20)
	return bytes.Count(stacks[:runtime.Stack(stacks, true)], []byte("\nnet/rpc.(*Client).input("))
}

// TestLiveKoloEndsWithOneAnswer: one result that does not fit its destination is
// the last answer that a kolo client takes.
func TestLiveKoloEndsWithOneAnswer(t *testing.T) {
	reg := registry(t, map[string]any{"text": func() string { return "x" }, "int": func() int { return 7 }})
	url := "http://" + serve(t, &xmlrpc.Server{Handler: reg})
	over, _ := koloOver(t, url, xmlrpc.ClientConfig{})
	clients := map[string]*kolo.Client{"kolo alone": koloClient(t, url), "over a Transport": over}
	left := len(clients)
	for name, c := range clients {
		var n int
		if err := c.Call("text", nil, &n); err == nil {
			t.Errorf("%s: text was read as an int", name)
		}
		// A call that comes before its reader has ended waits for ever.
		left--
		for deadline := time.Now().Add(patience); koloReaders() > left; time.Sleep(time.Millisecond) {
			if time.Now().After(deadline) {
				t.Fatalf("%s: its reader goes on", name)
			}
		}
		if err := c.Call("int", nil, &n); err == nil || !strings.Contains(err.Error(), "shut down") {
			t.Errorf("%s: the next call: got %v; the claim is that the connection is shut down", name, err)
		}
	}
	// With a Transport, what it refuses costs that one call alone.
	srv := &replier{body: "<html>"}
	guarded, _ := koloOver(t, mount(t, srv), xmlrpc.ClientConfig{})
	if err := guarded.Call("f", nil, nil); err == nil {
		t.Error("over a Transport: HTML was an answer")
	}
	srv.set(yes)
	if err := guarded.Call("f", nil, nil); err != nil {
		t.Errorf("over a Transport, after an answer that was refused: %v", err)
	}
	client := newClient(t, url, xmlrpc.ClientConfig{})
	if _, err := rpc.Invoke[int](bounded(t), client, "text"); !errors.Is(err, rpc.ErrResult) {
		t.Errorf("our client: got %v; want ErrResult", err)
	}
	if n, err := rpc.Invoke[int](bounded(t), client, "int"); n != 7 || err != nil {
		t.Errorf("our client, the next call: got %d, %v", n, err)
	}
}
