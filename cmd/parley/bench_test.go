package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"time"
)

// short are flags of a bench that a test has time for.
var short = []string{"--warm-up", "20ms", "--duration", "200ms", "--output", "json"}

// benched reads the report of a bench, and checks what is true of each.
func benched(t *testing.T, got outcome, code int) benchReport {
	t.Helper()
	var r benchReport
	if err := json.Unmarshal([]byte(got.stdout), &r); got.code != code || err != nil {
		t.Fatalf("got %+v; want a report, and exit code %d: %v", got, code, err)
	}
	quantiles := []float64{r.P50}
	for q, known := range map[float64]*float64{.9: r.P90, .99: r.P99, .999: r.P999} {
		all := r.Calls + r.TimeOuts + r.LinkErrors + r.Unsent
		for _, f := range r.Faults {
			all += f.Count
		}
		// A call whose link broke may have had no time.
		exact := !r.Interrupted && r.LinkErrors == 0
		if beyond := float64(all) * (1 - q); known == nil != (beyond < .999999) && exact {
			t.Errorf("quantile %v of %d calls: got %v; want it where a call is beyond it, and only there", q, all, known)
		}
	}
	for _, q := range []*float64{r.P90, r.P99, r.P999, &r.Max} {
		if q != nil {
			quantiles = append(quantiles, *q)
		}
	}
	for i, q := range quantiles {
		if r.Calls > 0 && (q <= 0 || i > 0 && q < quantiles[i-1]) {
			t.Errorf("got quantiles %v; want them to rise", quantiles)
		}
	}
	if r.Calls > 0 && (len(r.Latency) < 2 || len(r.Latency) > 100 || r.Latency[len(r.Latency)-1].US != r.Max || r.SetUpUS <= 0) {
		t.Errorf("got %d points of the distribution, and %v µs of setting up", len(r.Latency), r.SetUpUS)
	}
	if r.Seconds <= 0 || r.Machine.Processors < 1 || r.Machine.OS == "" {
		t.Errorf("got %v seconds on %+v", r.Seconds, r.Machine)
	}
	return r
}

// TestBench puts a load on every transport.
func TestBench(t *testing.T) {
	t.Parallel()
	plain := newHome(t).serve(t)
	dir := t.TempDir()
	unix := newHome(t).serve(t, "--xmlrpc", "unix:"+filepath.Join(dir, "x"), "--native", "unix:"+filepath.Join(dir, "n"))
	s := newSite(t, everything)
	site := s.start(t, "--config", s.config)
	https, tls, pinned := site.urls()[0], site.urls()[2], site.urls()[4]
	wire := map[string]float64{}
	for _, test := range []struct {
		name string
		home home
		args []string
	}{
		{"http", plain.home, []string{plain.xmlrpc}},
		{"tcp", plain.home, []string{plain.native}},
		{"http+unix", unix.home, []string{unix.xmlrpc}},
		{"unix", unix.home, []string{unix.native}},
		{"https", site.home, []string{https, "--ca", s.ca, "--credential-file", s.secret("web.secret")}},
		{"tls", site.home, []string{tls, "--ca", s.ca, "--credential-file", s.secret("chan.secret")}},
		{"tls without a certificate", site.home, []string{pinned, "--credential-file", s.secret("chan.secret")}},
	} {
		args := append([]string{"bench", test.args[0], "add", "3", "5", "--callers", "4"}, append(test.args[1:], short...)...)
		r := benched(t, test.home.parley(t, args...), 0)
		if r.Calls < 1 || r.CallsPerS <= 0 || len(r.Faults) > 0 || r.TimeOuts+r.LinkErrors+r.Unsent > 0 {
			t.Errorf("%s: got %+v; want calls, all answered", test.name, r)
		}
		if r.URL != test.args[0] || r.Method != "add" || r.Callers != 4 {
			t.Errorf("%s: got %s of %s by %d", test.name, r.Method, r.URL, r.Callers)
		}
		if r.WireBytes == nil {
			t.Errorf("%s: the bytes on the wire are not known", test.name)
			continue
		}
		wire[test.name] = *r.WireBytes
		if r.ClientAllocs < 0.5 || r.ClientCPU == nil || *r.ClientCPU <= 0 {
			t.Errorf("%s: got %v allocations and processor time %v for a call", test.name, r.ClientAllocs, r.ClientCPU)
		}
	}
	// A frame is the same on each socket, and TLS adds to it.
	if wire["tcp"] != wire["unix"] || wire["tcp"] < 10 || wire["tcp"] > 100 {
		t.Errorf("a native call takes %v bytes over TCP and %v over a unix socket; want the same", wire["tcp"], wire["unix"])
	}
	if wire["tls"] <= wire["tcp"] || wire["https"] <= wire["http"] || wire["http"] < 300 {
		t.Errorf("got bytes on the wire %v; want more with TLS", wire)
	}
}

// responder is an XML-RPC server whose answers are those of a test.
type responder struct {
	*httptest.Server
	calls, conns atomic.Int64
}

// respond starts a server; answer gets the number of a call, from 1 on, and says
// whether it is a fault.
func respond(t *testing.T, answer func(n int64) (fault bool)) *responder {
	t.Helper()
	r := &responder{}
	r.Server = httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, req *http.Request) {
		_, _ = io.Copy(io.Discard, req.Body)
		text := `<params><param><value><int>8</int></value></param></params>`
		if answer(r.calls.Add(1)) {
			text = `<fault><value><struct><member><name>faultCode</name><value><int>17</int></value></member>` +
				`<member><name>faultString</name><value>not today</value></member></struct></value></fault>`
		}
		w.Header().Set("Content-Type", "text/xml")
		fmt.Fprintf(w, `<?xml version="1.0"?><methodResponse>%s</methodResponse>`, text)
	}))
	r.Config.ConnState = func(_ net.Conn, state http.ConnState) {
		if state == http.StateNew {
			r.conns.Add(1)
		}
	}
	r.Start()
	t.Cleanup(r.Close)
	return r
}

// Faults are counted by code, and end nothing.
func TestBenchFaults(t *testing.T) {
	t.Parallel()
	s := respond(t, func(n int64) bool { return n > 40 && n%3 == 0 })
	r := benched(t, at(t, "", append([]string{"bench", s.URL, "add"}, short...)...), 0)
	if len(r.Faults) != 1 || r.Faults[0].Code != 17 || r.Faults[0].Message != "not today" || r.Calls == 0 {
		t.Fatalf("got %d calls, faults %+v; want some with the code 17", r.Calls, r.Faults)
	}
	if share := float64(r.Faults[0].Count) / float64(r.Calls+r.Faults[0].Count); share < 0.2 || share > 0.4 {
		t.Errorf("got %d faults beside %d calls; want a third", r.Faults[0].Count, r.Calls)
	}
	s = respond(t, func(n int64) bool { return n > 40 && n%3 == 0 })
	got := at(t, "", "bench", s.URL, "add", "--warm-up", "0s", "--calls", "40")
	if got.code != 0 || !strings.Contains(got.stdout, "× fault 17: not today") {
		t.Errorf("got %+v; want the faults in the table", got)
	}
}

// Without a single call that succeeded the exit code says why.
func TestBenchAllFail(t *testing.T) {
	t.Parallel()
	s := respond(t, func(n int64) bool { return n > 1 })
	got := at(t, "", append([]string{"bench", s.URL, "add"}, short...)...)
	r := benched(t, got, 3)
	if r.Calls != 0 || len(r.Faults) != 1 || !strings.Contains(r.Ended, "not today") {
		t.Errorf("got %+v; want faults alone", r)
	}
	got.oneLine(t, "fault 17: not today")
}

// What fails at once fails before there is any load.
func TestBenchFirstCall(t *testing.T) {
	t.Parallel()
	s := respond(t, func(int64) bool { return true })
	if got := at(t, "", "bench", s.URL, "add"); got.code != 3 || got.stdout != "" {
		t.Errorf("a fault: got %+v; want exit code 3 and no report", got)
	}
	if n := s.calls.Load(); n != 1 {
		t.Errorf("got %d calls; want one alone", n)
	}
	r := newHome(t).serve(t)
	wrong := writeFile(t, "wrong", strings.Repeat("x", 32), 0o600)
	for code, args := range map[int][]string{
		2: {"ftp://127.0.0.1/", "add"},
		3: {r.native, "nothing"},
		4: {"tcp://127.0.0.1:1", "add"},
		5: {r.native, "add", "3", "5", "--authkey-file", wrong},
		6: {r.native, "sleep", "20", "--timeout", "100ms"},
	} {
		got := r.parley(t, append([]string{"bench"}, args...)...)
		if got.code != code || got.stdout != "" {
			t.Errorf("%q: got %+v; want exit code %d and no report", args, got, code)
		}
		got.oneLine(t)
	}
}

// No call hangs: one that is not answered in time is counted, and ends nothing.
func TestBenchTimeOuts(t *testing.T) {
	t.Parallel()
	hang := make(chan struct{})
	defer close(hang)
	s := respond(t, func(n int64) bool {
		if n > 30 && n%10 == 0 {
			<-hang
		}
		return false
	})
	r := benched(t, at(t, "", append([]string{"bench", s.URL, "add", "--timeout", "250ms"}, short...)...), 0)
	if r.TimeOuts == 0 || r.Calls == 0 || r.Max < 250_000 {
		t.Errorf("got %d calls, %d time-outs, at most %v µs; want both, and a time-out to count as slow", r.Calls, r.TimeOuts, r.Max)
	}
}

// A server that dies under load ends it.
func TestBenchServerDies(t *testing.T) {
	t.Parallel()
	var s *responder
	died := make(chan struct{})
	s = respond(t, func(n int64) bool {
		if n == 100 {
			go func() {
				defer close(died)
				s.Listener.Close()
				s.CloseClientConnections()
			}()
		}
		return false
	})
	got := at(t, "", "bench", s.URL, "add", "--warm-up", "0s", "--duration", "1h", "--output", "json")
	<-died
	r := benched(t, got, 4)
	if r.LinkErrors == 0 || r.Calls == 0 || r.Ended == "" || len(r.Warnings) == 0 {
		t.Errorf("got %+v; want calls, and then a link that broke", r)
	}
	got.oneLine(t, "parley: ")
}

// Ctrl-C ends it, with what was measured so far.
func TestBenchInterrupted(t *testing.T) {
	t.Parallel()
	s := respond(t, func(int64) bool { return false })
	h := newHome(t)
	cmd := h.command(t.Context(), "bench", s.URL, "add", "--warm-up", "0s", "--duration", "1h", "--output", "json")
	var stdout, stderr bytes.Buffer
	cmd.Stdout, cmd.Stderr = &stdout, &stderr
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	for end := time.Now().Add(patience); s.calls.Load() < 500 && time.Now().Before(end); {
		time.Sleep(5 * time.Millisecond)
	}
	if err := cmd.Process.Signal(os.Interrupt); err != nil {
		t.Fatal(err)
	}
	_ = cmd.Wait()
	r := benched(t, outcome{cmd.ProcessState.ExitCode(), stdout.String(), stderr.String()}, 0)
	if !r.Interrupted || r.Calls < 100 || r.LinkErrors+r.TimeOuts > 0 || r.Ended != "" || stderr.Len() > 0 {
		t.Errorf("got %+v, %s; want what was measured, and that it was interrupted", r, &stderr)
	}
}

// A rate is kept, and what could not be sent is counted.
func TestBenchRate(t *testing.T) {
	t.Parallel()
	s := respond(t, func(int64) bool { return false })
	r := benched(t, at(t, "", "bench", s.URL, "add", "--rate", "100", "--duration", "500ms", "--warm-up", "0s", "--output", "json"), 0)
	if r.Calls+r.Unsent != 50 || r.CallsPerS > 105 || r.Rate != 100 || r.Callers != 64 {
		t.Errorf("got %d calls and %d unsent, %v per second, by %d; want 50, no more than 100, by 64", r.Calls, r.Unsent, r.CallsPerS, r.Callers)
	}
	slow := respond(t, func(int64) bool {
		time.Sleep(50 * time.Millisecond)
		return false
	})
	r = benched(t, at(t, "", "bench", slow.URL, "add", "--rate", "1000", "--callers", "2", "--duration", "500ms", "--warm-up", "0s", "--output", "json"), 0)
	if r.Calls+r.Unsent != 500 || r.Unsent < 400 || r.P50 < 150_000 || !strings.Contains(strings.Join(r.Warnings, "\n"), "the rate was not kept") {
		t.Errorf("got %d calls, %d unsent, p50 %v µs, warnings %q; want most of 500 unsent, and to be told so", r.Calls, r.Unsent, r.P50, r.Warnings)
	}
}

// So many calls, by so many callers, over so many connections.
func TestBenchCounts(t *testing.T) {
	t.Parallel()
	s := respond(t, func(int64) bool { return false })
	r := benched(t, at(t, "", "bench", s.URL, "add", "--calls", "10", "--callers", "4", "--connections", "2", "--warm-up", "0s", "--output", "json"), 0)
	if r.Calls != 12 || r.Connections != 2 {
		t.Errorf("got %d calls over %d connections; want 12, as many for each of 4, over 2", r.Calls, r.Connections)
	}
	if n := s.conns.Load(); n < 2 || n > 3 {
		t.Errorf("the server got %d connections; want 2, and one to count bytes", n)
	}
	if n := s.calls.Load(); n > 12+2+20 {
		t.Errorf("the server got %d calls; want 12, two first ones, and at most 20 to count bytes", n)
	}
}

func TestBenchUsage(t *testing.T) {
	t.Parallel()
	for part, args := range map[string][]string{
		"--callers is -1":         {"--callers", "-1"},
		"--callers is 5000":       {"--callers", "5000"},
		"--connections is 3":      {"--callers", "2", "--connections", "3"},
		"--duration is -1s":       {"--duration", "-1s"},
		"--duration is 1000h":     {"--duration", "1000h"},
		"--warm-up is -1s":        {"--warm-up", "-1s"},
		"--calls is -1":           {"--calls", "-1"},
		"--rate is -1":            {"--rate", "-1"},
		"--rate is NaN":           {"--rate", "NaN"},
		"--timeout is 0s":         {"--timeout", "0s"},
		"@- can stand":            {"@-", "@-"},
		"--output must be one of": {"--output", "xml"},
	} {
		got := at(t, "", append([]string{"bench", "http://127.0.0.1:1/", "add"}, args...)...)
		if got.code != 2 || got.stdout != "" {
			t.Errorf("%q: got %+v; want exit code 2", args, got)
		}
		got.oneLine(t, part)
	}
}

// The table says all of it.
func TestBenchTable(t *testing.T) {
	t.Parallel()
	s := respond(t, func(int64) bool { return false })
	got := at(t, "", "bench", s.URL, "add", "--calls", "50", "--rate", "1000", "--warm-up", "0s")
	for _, part := range []string{
		"add at http://127.0.0.1:", "64 callers over 64 connections", "1000 calls/s asked for", "% of the rate;",
		"p50 ", "p99.9 ", "link errors  0", "bytes for a call", "of processor time", "from nothing until the first answer", "###", "processor", "go1.",
	} {
		if !strings.Contains(got.stdout, part) {
			t.Errorf("it does not say %q:\n%s", part, got.stdout)
		}
	}
	if strings.Contains(got.stdout, "%!") || strings.Contains(got.stdout, "\x1b") || got.code != 0 {
		t.Errorf("got %+v", got)
	}
}

// docs/command.md has all flags of bench that call has not.
func TestBenchIsDocumented(t *testing.T) {
	_, section, _ := strings.Cut(read(t, "../../docs/command.md"), "\n## bench\n")
	section, _, _ = strings.Cut(section, "\n## ")
	known := map[string]bool{}
	seen := 0
	for _, n := range model(t).Children {
		for _, f := range n.Flags {
			if n.Name == "call" {
				known[f.Name] = true
			}
		}
	}
	for _, n := range model(t).Children {
		for _, f := range n.Flags {
			if n.Name == "bench" && (!known[f.Name] || f.Name == "timeout") {
				seen++
				if !strings.Contains(section, "`--"+f.Name+" ") {
					t.Errorf("docs/command.md does not name --%s of bench", f.Name)
				}
			}
		}
	}
	if seen < 7 {
		t.Errorf("got %d flags of bench; want all", seen)
	}
}
