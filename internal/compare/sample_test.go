package compare

import (
	"bytes"
	"flag"
	"fmt"
	"math"
	"math/rand/v2"
	"os"
	"strings"
	"testing"
	"time"
)

var update = flag.Bool("update", false, "write the files of testdata anew")

// trait is how a made-up lane behaves: seconds for each call, for each integer,
// each record and each byte; and the calls that it has in flight at most.
type trait struct {
	Lane
	call, integer, record, blob float64 // µs
	side                        float64 // the server's part of the processor time
	head, perInteger, perRecord float64 // bytes on the wire
	perByte                     float64
	gain                        float64 // of many callers
	bend                        int     // 64 KiB and more take this many times the time
}

func traits() []trait {
	return []trait{
		{Lane{"native-tcp", "native, TCP", "native", "tcp", "Parley", "Parley", false}, 48, .034, .42, .0009, .5, 62, 2.9, 29, 1, 14, 1},
		{Lane{"native-unix", "native, unix socket", "native", "unix", "Parley", "Parley", false}, 33, .033, .41, .0008, .5, 62, 2.9, 29, 1, 11, 1},
		{Lane{"native-tls", "native, TLS", "native", "tls", "Parley", "Parley", false}, 63, .036, .44, .0016, .5, 108, 2.9, 29, 1.01, 12, 1},
		{Lane{"xmlrpc", "XML-RPC, TCP", "xmlrpc", "tcp", "Parley", "Parley", false}, 108, .17, 2.6, .0062, .55, 640, 37, 251, 1.36, 3.3, 1},
		{Lane{"xmlrpc-unix", "XML-RPC, unix socket", "xmlrpc", "unix", "Parley", "Parley", false}, 90, .17, 2.6, .0061, .55, 640, 37, 251, 1.36, 3.2, 1},
		{Lane{"xmlrpc-tls", "XML-RPC, TLS", "xmlrpc", "tls", "Parley", "Parley", false}, 126, .18, 2.7, .0071, .55, 720, 37, 251, 1.37, 3, 1},
		{Lane{"kolo", "kolo/xmlrpc", "kolo", "tcp", "kolo/xmlrpc", "Parley", false}, 135, 1.9, 16, .029, .2, 690, 37, 251, 1.36, 1.02, 1},
		{Lane{"py-xmlrpc", "Python, XML-RPC", "python", "tcp", "Python 3.11.7 xmlrpc.client", "Python 3.11.7 xmlrpc.server", true}, 270, 4.6, 38, .047, .5, 560, 51, 303, 1.4, 1.3, 1},
		{Lane{"py-mp", "Python, multiprocessing over TCP", "python", "tcp", "Python 3.11.7 multiprocessing", "Python 3.11.7 multiprocessing", true}, 70, .068, 1.0, .0021, .5, 51, 3, 50, 1, 1.4, 1},
		{Lane{"py-mp-unix", "Python, multiprocessing over a unix socket", "python", "unix", "Python 3.11.7 multiprocessing", "Python 3.11.7 multiprocessing", true}, 31, .067, 1.0, .0024, .5, 51, 3, 50, 1, 1.6, 1},
	}
}

func sampleWorks() []Work {
	var works []Work
	for _, n := range []int{1, 8, 64} {
		works = append(works, Work{Name: fmt.Sprint("add-", n), Title: fmt.Sprintf("add(3, 5), %d callers", n), Form: "add", Callers: n})
	}
	works[0].Title = "add(3, 5), 1 caller"
	grid := func(form string, size int, title string) {
		for _, n := range []int{1, 8, 64} {
			name, crowd := fmt.Sprint(form, "-", size), ""
			if n > 1 {
				name, crowd = fmt.Sprint(name, "-", n), fmt.Sprintf(", %d callers", n)
			}
			if n*size < 1<<28 {
				works = append(works, Work{Name: name, Title: title + crowd, Form: form, Size: size, Callers: n})
			}
		}
	}
	for _, n := range []int{1, 100, 1000} {
		grid("records", n, fmt.Sprintf("%d record%.*s", n, min(n-1, 1), "s"))
	}
	for _, n := range []int{10, 1000, 10000} {
		grid("list", n, fmt.Sprintf("%d integers", n))
	}
	for _, n := range []int{1 << 10, 1 << 16, 1 << 20, 1 << 23} {
		grid("blob", n, "blob of "+map[bool]string{true: fmt.Sprint(n>>20, " MiB"), false: fmt.Sprint(n>>10, " KiB")}[n >= 1<<20])
	}
	return works
}

// sample is a comparison as it may be found on a machine with two processors, made
// up, and the same each time.
func sample() *Result {
	rnd := rand.New(rand.NewPCG(7, 11))
	const starts, rounds = 5, 3
	r := &Result{
		Format: Format, Version: "devel go1.26.8", Taken: time.Date(2026, 3, 4, 5, 6, 7, 0, time.UTC),
		Command: "parley compare --full", Depth: "full", Seconds: 412.3,
		Machine: Machine{
			OS: "linux/amd64", Kernel: "6.1.0", Processor: "Example 2.4 GHz", Processors: 2, MemoryMiB: 7812,
			Go: "go1.26.8", Python: "3.11.7", Load: 0.18, Noise: 0.021, ClockNS: 31,
		},
		Starts: starts, Rounds: rounds, TurnMS: 250,
		Works: sampleWorks(),
	}
	digits := func(x float64) float64 { // four that count
		if x == 0 {
			return 0
		}
		unit := math.Pow(10, math.Floor(math.Log10(math.Abs(x)))-3)
		return math.Round(x/unit) * unit
	}
	short := func(x float64) float64 { // and without the dust of binary fractions
		var y float64
		fmt.Sscan(fmt.Sprintf("%.4g", digits(x)), &y)
		return y
	}
	stat := func(x float64, noise func(i int) float64) *Stat {
		turns := make([]float64, starts*rounds)
		for i := range turns {
			turns[i] = short(x * noise(i))
		}
		return NewStat(turns)
	}
	traits := traits()
	for _, t := range traits {
		r.Lanes = append(r.Lanes, t.Lane)
	}
	for _, w := range r.Works {
		for _, t := range traits {
			row := Row{Lane: t.Name, Work: w.Name}
			if t.Name == "py-xmlrpc" && w.Size == 1<<23 {
				row.Failed = "8 MiB of bytes: the server closed the connection"
				r.Rows = append(r.Rows, row)
				continue
			}
			us, wire := t.call, t.head
			switch w.Form {
			case "list":
				us, wire = us+t.integer*float64(w.Size), wire+2*t.perInteger*float64(w.Size)
			case "records":
				us, wire = us+t.record*float64(w.Size), wire+2*t.perRecord*float64(w.Size)
			case "blob":
				us, wire = us+t.blob*float64(w.Size), wire+2*t.perByte*float64(w.Size)
			}
			cpu := us * 1.35
			rate := 1e6 / us
			if w.Callers > 1 {
				gain := 1 + (t.gain-1)*math.Log2(float64(w.Callers))/6
				rate *= gain
				cpu = 1.9e6 / rate
			}
			var luck [starts]float64
			for i := range luck {
				luck[i] = math.Exp(.02 * rnd.NormFloat64())
			}
			speed := make([]float64, starts*rounds)
			for i := range speed {
				speed[i] = luck[i/rounds] * math.Exp(.015*rnd.NormFloat64())
			}
			faster := func(i int) float64 { return speed[i] }
			slower := func(i int) float64 { return 1 / speed[i] }
			jitter := func(int) float64 { return math.Exp(.01 * rnd.NormFloat64()) }
			p50 := 1e6 * float64(w.Callers) / rate * .93
			row.CallsPerS = stat(rate, faster)
			row.P50, row.P90, row.P99 = stat(p50, slower), stat(p50*1.3, slower), stat(p50*2.1, slower)
			row.P999, row.Max = stat(p50*4.6, slower), stat(p50*19, func(int) float64 { return .5 + rnd.Float64() })
			row.ClientCPU, row.ServerCPU = stat(cpu*(1-t.side), jitter), stat(cpu*t.side, jitter)
			goSide := func(who string) bool { return !strings.HasPrefix(who, "Python") }
			if goSide(t.Client) {
				row.ClientAllocs, row.ClientAllocBytes = stat(3+us/40, jitter), stat(160+us*20, jitter)
			}
			if goSide(t.Server) {
				row.ServerAllocs, row.ServerAllocBytes = stat(2+us/50, jitter), stat(120+us*16, jitter)
			}
			wire = math.Round(wire)
			row.WireBytes = &wire
			row.Calls = int64(row.CallsPerS.Median * starts * rounds * float64(r.TurnMS) / 1000)
			for _, q := range []float64{0, .01, .05, .1, .2, .3, .4, .5, .6, .7, .8, .85, .9, .925, .95, .97, .98, .99, .995, .999, .9995, .9999, 1} {
				tail := math.Pow(1-min(q, .99995), -.19) - 1 // 0 at the least, long at the end
				row.Latency = append(row.Latency, Point{q, short(p50 * (.8 + 1.4*tail))})
			}
			r.Rows = append(r.Rows, row)
		}
	}
	for _, t := range traits {
		setUp, idle := 420.0, 9.4
		switch {
		case t.Socket == "tls":
			setUp, idle = 2900, 31
		case t.Family == "xmlrpc" || t.Family == "kolo":
			setUp, idle = 310, 17
		case t.Family == "python":
			setUp, idle = 900, 96
		}
		jitter := func(int) float64 { return math.Exp(.03 * rnd.NormFloat64()) }
		r.Connections = append(r.Connections, Connection{Lane: t.Name, SetUp: stat(setUp, jitter), IdleKiB: stat(idle, jitter), Idle: 200})
	}
	r.Abilities = sampleAbilities()
	return r
}

func sampleAbilities() []Ability {
	yes, no := Outcome{Verdict: "yes"}, Outcome{Verdict: "no", Note: "the wire has no form for it"}
	row := func(group, name string, native, xmlrpc, kolo, pyXML, pyMP Outcome) Ability {
		return Ability{group, name, map[string]Outcome{"native-tcp": native, "xmlrpc": xmlrpc, "kolo": kolo, "py-xmlrpc": pyXML, "py-mp": pyMP}}
	}
	text := Outcome{Verdict: "changed", Note: "an array of integers"}
	return []Ability{
		row("types", "text with NUL", yes, Outcome{Verdict: "no", Note: "XML cannot carry U+0000"}, Outcome{Verdict: "no", Note: "XML syntax error: illegal character code U+0000"}, no, yes),
		row("types", "a set", yes, text, Outcome{Verdict: "untried"}, Outcome{Verdict: "no", Note: "TypeError: cannot marshal <class 'set'> objects"}, yes),
		row("types", "an integer of 100 bits", yes, Outcome{Verdict: "no", Note: "int exceeds 64 bits"}, Outcome{Verdict: "untried"}, Outcome{Verdict: "no", Note: "OverflowError: int exceeds XML-RPC limits"}, yes),
		row("sizes", "16 MiB of bytes", yes, yes, yes, yes, yes),
		row("streams", "a stream of results", yes, no, no, no, no),
		row("calls", "cancellation", yes, Outcome{Verdict: "yes", Note: "by closing the connection"}, no, no, no),
		row("calls", "a call back", yes, no, no, no, no),
		row("who", "a Python program without a package", Outcome{Verdict: "yes", Note: "multiprocessing.connection"}, yes, yes, yes, yes),
	}
}

// testdata/sample.json is the sample, for those who show results. Write it anew
// with: go test ./internal/compare -run TestSample -update
func TestSample(t *testing.T) {
	r := sample()
	r.Judge()
	var got bytes.Buffer
	if err := WriteJSON(&got, r); err != nil {
		t.Fatal(err)
	}
	golden(t, "sample.json", got.Bytes())
}

// golden compares with a file of testdata, or writes it.
func golden(t *testing.T, name string, got []byte) {
	t.Helper()
	path := "testdata/" + name
	if *update {
		if err := os.MkdirAll("testdata", 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, got, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(got, want) {
		t.Errorf("got other than %s; if it is right, write it anew with -update:\n%s", path, got[:min(len(got), 4000)])
	}
}
