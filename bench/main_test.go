package main

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/parley-rpc/parley/bench/peers"
	"github.com/parley-rpc/parley/bench/trials"
	"github.com/parley-rpc/parley/internal/compare/harness"
	"github.com/parley-rpc/parley/internal/compare/measure"
	shared "github.com/parley-rpc/parley/internal/compare/peers"
	"github.com/parley-rpc/parley/internal/compare/work"
)

// TestMain lets the test program be its own children.
func TestMain(m *testing.M) {
	harness.RunChild(os.Args[1:], peers.Find, trials.Roles())
	os.Exit(m.Run())
}

// The names that others rely on.
func TestNames(t *testing.T) {
	var got []string
	for _, p := range peers.All() {
		got = append(got, p.Name)
	}
	for want := range strings.FieldsSeq(`parley parley-unix parley-tls parley-inline parley-xmlrpc raw raw-mux raw-mux-go
		netrpc grpc drpc ttrpc connect nats py-mp py-mp-unix http-echo kolo py-xmlrpc xmlrpc-c arpc`) {
		if !slices.Contains(got, want) {
			t.Errorf("peers: got %v; want %s among them", got, want)
		}
	}
	got = nil
	for _, w := range allWorks() {
		got = append(got, w.Name)
	}
	if want := []string{"add-serial", "add-64", "add-256c", "list-1k", "struct-100", "blob-1M"}; !slices.Equal(got, want) {
		t.Errorf("works: got %v; want %v", got, want)
	}
}

// Every peer does every work, and each of its answers is right: harness checks.
func TestLivePeers(t *testing.T) {
	for _, p := range peers.All() {
		t.Run(p.Name, func(t *testing.T) {
			if err := p.Check(); err != nil {
				if os.Getenv("PARLEY_REQUIRE_PEERS") != "" {
					t.Fatal(err)
				}
				t.Skip(err)
			}
			results, err := measureAll(t.Context(), config{
				peers: []*harness.Peer{p}, works: allWorks(), runs: 1, time: time.Millisecond, wire: true, progress: io.Discard,
			})
			if err != nil {
				t.Fatal(err)
			}
			if len(results) != len(allWorks()) {
				t.Fatalf("got %d results; want %d", len(results), len(allWorks()))
			}
			for _, r := range results {
				checkResult(t, p, r)
			}
		})
	}
}

// least is how many bytes a call has there and back, whatever carries it.
var least = map[string]float64{"add-serial": 4, "add-64": 4, "add-256c": 4, "list-1k": 2000, "struct-100": 2000, "blob-1M": 2 << 20}

func checkResult(t *testing.T, p *harness.Peer, r result) {
	t.Helper()
	if r.rate.Median <= 0 || r.p50.Median <= 0 || r.p99.Median < r.p50.Median || r.cpu.Median <= 0 {
		t.Errorf("%s: got %+v; want a rate, latencies and processor time", r.work, r)
	}
	if got := r.wire.Median; got < least[r.work] || got > 40*least[r.work]+2000 {
		t.Errorf("%s: got %.0f bytes on the wire; want about %.0f", r.work, got, least[r.work])
	}
	if known := r.allocs != nil; known != (p.Client == nil) {
		t.Errorf("%s: allocations known: got %v; want %v", r.work, known, p.Client == nil)
	}
}

// When it is enough, each work has one round.
func TestEnough(t *testing.T) {
	w, err := findWork("add-serial")
	if err != nil {
		t.Fatal(err)
	}
	raw, err := peers.Find("raw")
	if err != nil {
		t.Fatal(err)
	}
	cfg := config{peers: []*harness.Peer{raw}, works: []work.Work{w}, runs: 3, time: time.Millisecond, progress: io.Discard}
	for enough, want := range map[time.Time]int{{}: 3, time.Now(): 1, time.Now().Add(time.Hour): 3} {
		cfg.enough = enough
		results, err := measureAll(t.Context(), cfg)
		if err != nil {
			t.Fatal(err)
		}
		if got := len(results[0].rate.Turns); got != want {
			t.Errorf("enough at %v: got %d rounds; want %d", enough, got, want)
		}
	}
}

func TestJSON(t *testing.T) {
	want := []string{"bytes_on_wire", "calls_per_s", "client_allocs", "client_cpu_us", "p50_us", "p99_us", "peer", "server_cpu_us", "work"}
	file := filepath.Join(t.TempDir(), "figures.json")
	var out bytes.Buffer
	err := run(t.Context(), []string{"-peers", "raw,parley", "-work", "add-serial,add-64", "-runs", "1", "-time", "1ms", "-json", file}, &out, io.Discard)
	if err != nil {
		t.Fatal(err)
	}
	text, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	var list []map[string]any
	if err := json.Unmarshal(text, &list); err != nil {
		t.Fatal(err)
	}
	var rows []string
	for _, entry := range list {
		rows = append(rows, entry["work"].(string)+" "+entry["peer"].(string))
		if got := slices.Sorted(maps.Keys(entry)); !slices.Equal(got, want) {
			t.Errorf("got fields %v; want %v", got, want)
		}
		for name, v := range entry {
			if n, ok := v.(float64); !ok && name != "peer" && name != "work" || ok && n <= 0 && name != "client_allocs" {
				t.Errorf("%s: got %v; want a figure", name, v)
			}
		}
	}
	if want := []string{"add-serial raw", "add-serial parley", "add-64 raw", "add-64 parley"}; !slices.Equal(rows, want) {
		t.Errorf("got %v; want %v", rows, want)
	}
	for _, want := range []string{"calls/s", "add-64 ---", "on one core ---", "\ngoals ", "parley / raw"} {
		if !strings.Contains(out.String(), want) {
			t.Errorf("got a table without %q:\n%s", want, &out)
		}
	}
}

// What is not known is null.
func TestJSONUnknown(t *testing.T) {
	var out bytes.Buffer
	if err := writeJSON("-", &out, []result{{peer: "p", work: "w", rate: measure.StatOf(2)}}); err != nil {
		t.Fatal(err)
	}
	var list []map[string]any
	if err := json.Unmarshal(out.Bytes(), &list); err != nil {
		t.Fatal(err)
	}
	if v, ok := list[0]["client_allocs"]; !ok || v != nil || list[0]["calls_per_s"] != 2.0 {
		t.Errorf("got %s; want a null for client_allocs and a 2 for calls_per_s", &out)
	}
	out.Reset()
	if err := writeJSON("-", &out, nil); err != nil || strings.TrimSpace(out.String()) != "[]" {
		t.Errorf("without results: got %q, %v; want []", &out, err)
	}
}

func TestUsage(t *testing.T) {
	t.Setenv("PATH", "") // there is no python3
	t.Setenv(shared.PythonEnv, "")
	for args, want := range map[string]string{
		"-peers py-mp":          "unavailable: py-mp: ",
		"-peers parley,sparrow": `"sparrow" is no peer; there are parley, `,
		"-work add-65":          `"add-65" is no work; there are add-serial, `,
		"-all -quick":           "exclude each other",
		"-all -peers raw":       "exclude each other",
		"-idle 5 -peers raw":    "-idle takes -peers parley or parley-tls",
		"-runs -1":              "cannot be negative",
		"raw":                   "peers are named with -peers",
		"-loud":                 "see bench -help",
	} {
		var out bytes.Buffer
		err := run(t.Context(), strings.Fields(args), &out, io.Discard)
		var usage usageError
		if !errors.As(err, &usage) || !strings.Contains(usage.Error(), want) || out.Len() > 0 {
			t.Errorf("%s: got %v and output %q; want a usage error with %q", args, err, &out, want)
		}
	}
}

// -quick has to end within a minute, whatever peers are named.
func TestQuickTimes(t *testing.T) {
	for _, n := range []int{1, len(peers.Short()), len(peers.All())} {
		cfg := config{peers: make([]*harness.Peer, n), works: allWorks()}
		setTimes(&cfg, true, 3)
		if cfg.time <= 0 || cfg.runs < 3 {
			t.Fatalf("%d peers: got %d rounds of %v", n, cfg.runs, cfg.time)
		}
		if all := time.Duration(n*9*(cfg.runs+1)) * cfg.time; all > 2*quickTime {
			t.Errorf("%d peers: got %v of measuring; want about %v", n, all, quickTime)
		}
	}
}

func TestGoals(t *testing.T) {
	figure := func(f float64) *measure.Stat { return measure.StatOf(f, f) }
	results := []result{
		{peer: "parley", work: "add-64", rate: figure(500)},
		{peer: "raw-mux-go", work: "add-64", rate: figure(600)},
		{peer: "netrpc", work: "add-64", rate: figure(110)},
		{peer: "parley", work: "struct-100", rate: figure(9), cpu: figure(70)},
		{peer: "grpc", work: "struct-100", rate: figure(3)},
		{peer: "netrpc", work: "struct-100", rate: figure(10)},
		{peer: "raw", work: "struct-100", rate: figure(30), cpu: figure(10)},
		{peer: "parley", work: "add-serial", cpu: figure(100), allocs: figure(3)},
		{peer: "raw", work: "add-serial", cpu: figure(10)},
		{peer: "parley", work: "add-serial", oneCore: true, cpu: figure(21), allocs: figure(3)},
		{peer: "raw", work: "add-serial", oneCore: true, cpu: figure(20)},
	}
	var out bytes.Buffer
	printGoals(&out, results)
	var got []string
	for line := range strings.Lines(out.String()) {
		if words := strings.Fields(line); len(words) > 3 && words[0] != "goals" {
			verdict := "met"
			if strings.Contains(line, " not met ") {
				verdict = "not met"
			}
			against := ""
			if words[2] == "/" {
				against = words[3]
			}
			got = append(got, words[0]+" "+against+" "+verdict)
		}
	}
	want := []string{
		"add-serial raw met",
		"add-serial  met", // allocations
		"add-64 raw-mux-go met",
		"add-64 netrpc not met",
		"struct-100 raw not met",
		"struct-100 netrpc not met",
	}
	if !slices.Equal(got, want) {
		t.Errorf("got %q; want %q; from\n%s", got, want, &out)
	}
}
