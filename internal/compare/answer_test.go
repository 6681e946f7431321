package compare

import (
	"fmt"
	"maps"
	"math"
	"slices"
	"strings"
	"testing"
)

// quiet is a result with these rates, work by work, measured in seven starts that
// hardly differ.
func quiet(rates map[string]map[string]float64) *Result {
	r := &Result{Format: Format, Depth: "full", Starts: 7, Rounds: 3, TurnMS: 100}
	kinds := map[string]Lane{}
	for _, t := range traits() {
		kinds[t.Name] = t.Lane
	}
	lanes := map[string]bool{}
	for _, work := range slices.Sorted(maps.Keys(rates)) {
		r.Works = append(r.Works, Work{Name: work, Title: "the work " + work, Form: "add", Callers: 1})
		for _, lane := range slices.Sorted(maps.Keys(rates[work])) {
			if !lanes[lane] {
				lanes[lane] = true
				l := kinds[lane]
				if l.Name == "" {
					l = Lane{Name: lane, Title: lane, Family: "native", Socket: "tcp", Client: "Parley", Server: "a server"}
				}
				r.Lanes = append(r.Lanes, l)
			}
			row := Row{Lane: lane, Work: work}
			if rate := rates[work][lane]; rate > 0 {
				row.CallsPerS = turns(rate)
			} else {
				row.Failed = "it cannot"
			}
			r.Rows = append(r.Rows, row)
		}
	}
	return r
}

// turns are 21 that differ by 1 %.
func turns(x float64) *Stat {
	var all []float64
	for i := range 21 {
		all = append(all, x*(1+.01*math.Sin(float64(i))))
	}
	return NewStat(all)
}

type rates = map[string]map[string]float64

func TestAnswer(t *testing.T) {
	for name, c := range map[string]struct {
		result *Result
		edit   func(*Result)
		want   [3]string
	}{
		"native wins": {
			result: quiet(rates{"a": {"native-tcp": 300, "xmlrpc": 100}, "b": {"native-tcp": 500, "xmlrpc": 100}}),
			want: [3]string{
				"Take the native transport: over TCP it is faster than XML-RPC at every one of 2 works, by 3.0 times (the work a) up to 5.0 times (the work b).",
				"What the native transport costs cannot be said, for neither processor time nor bytes nor latencies were measured.",
				"Nothing else was compared.",
			},
		},
		"XML-RPC wins": {
			result: quiet(rates{"a": {"native-tcp": 100, "xmlrpc": 250}}),
			edit: func(r *Result) {
				for i, cpu := range []float64{40, 20} {
					r.Rows[i].ClientCPU, r.Rows[i].ServerCPU = turns(cpu), turns(cpu)
					bytes := cpu * 10
					r.Rows[i].WireBytes = &bytes
				}
			},
			want: [3]string{
				"Take XML-RPC: over TCP it is faster than the native transport at the one work that was measured, by 2.5 times (the work a).",
				"What XML-RPC costs at the work a: 40.1 µs of processor time on both sides together (the native transport: 80.1 µs, 2.0 times as much) and 200 bytes on the wire (400 bytes, 2.0 times as much).",
				"Nothing else was compared.",
			},
		},
		"a tie": {
			result: quiet(rates{"a": {"native-unix": 100, "xmlrpc-unix": 100.5}, "b": {"native-unix": 101, "xmlrpc-unix": 100}}),
			edit: func(r *Result) {
				r.Rows[0].P99, r.Rows[1].P99 = turns(100), turns(101)
			},
			want: [3]string{
				"Which of the native transport and XML-RPC is faster cannot be told from this run: over a unix socket they are too close to call at every one of 2 works.",
				"What the native transport costs at the work a: an answer within 100 µs in 99 of 100 calls (XML-RPC: 101 µs, too close to call).",
				"Nothing else was compared.",
			},
		},
		"a tie at a rate": {
			result: quiet(rates{"a": {"native-unix": 100, "xmlrpc-unix": 100}}),
			edit:   func(r *Result) { r.Rate = 100 },
			want: [3]string{
				"All were asked for 100 calls/s, and which of the native transport and XML-RPC keeps up better cannot be told: over a unix socket they are too close to call at the one work that was measured; what differs stands in their latencies.",
				"What the native transport costs cannot be said, for neither processor time nor bytes nor latencies were measured.",
				"Nothing else was compared.",
			},
		},
		"slower or too close": {
			result: quiet(rates{"a": {"native-tcp": 300, "xmlrpc": 100, "kolo": 300}, "b": {"native-tcp": 300, "xmlrpc": 100, "kolo": 50}}),
			want: [3]string{
				"Take the native transport: over TCP it is faster than XML-RPC at every one of 2 works, by 3.0 times.",
				"What the native transport costs cannot be said, for neither processor time nor bytes nor latencies were measured.",
				"Beside it: kolo is slower than native-tcp at 1 of 2 works, and one work is too close to call.",
			},
		},
		"it depends": {
			result: quiet(rates{
				"a": {"native-tls": 100, "xmlrpc-tls": 300}, "b": {"native-tls": 400, "xmlrpc-tls": 100},
				"c": {"native-tls": 100, "xmlrpc-tls": 100},
			}),
			want: [3]string{
				"It depends on what you call: inside TLS the native transport is faster than XML-RPC at 1 of 3 works, by up to 4.0 times (the work b), and slower at as many, by up to 3.0 times (the work a), and one work is too close to call.",
				"What the native transport costs cannot be said, for neither processor time nor bytes nor latencies were measured.",
				"Nothing else was compared.",
			},
		},
		"mostly": {
			result: quiet(rates{
				"a": {"native-tcp": 100, "xmlrpc": 150}, "b": {"native-tcp": 400, "xmlrpc": 100},
				"c": {"native-tcp": 150, "xmlrpc": 100}, "d": {"native-tcp": 100, "xmlrpc": 100}, "e": {"native-tcp": 100, "xmlrpc": 100},
			}),
			want: [3]string{
				"Take the native transport: over TCP it is faster than XML-RPC at 2 of 5 works, by up to 4.0 times (the work b), but slower at 1, by up to 1.5 times (the work a), and 2 works are too close to call.",
				"What the native transport costs cannot be said, for neither processor time nor bytes nor latencies were measured.",
				"Nothing else was compared.",
			},
		},
		"where it is not too close": {
			result: quiet(rates{"a": {"native-tcp": 100, "xmlrpc": 100}, "b": {"native-tcp": 1200, "xmlrpc": 100}}),
			want: [3]string{
				"Take the native transport: over TCP it is faster than XML-RPC at 1 of 2 works, by 12 times (the work b), and one work is too close to call.",
				"What the native transport costs cannot be said, for neither processor time nor bytes nor latencies were measured.",
				"Nothing else was compared.",
			},
		},
		"different sockets": {
			result: quiet(rates{"a": {"native-unix": 300, "xmlrpc": 100}}),
			want: [3]string{
				"Take the native transport over a unix socket: it is faster than XML-RPC over TCP at the one work that was measured, by 3.0 times (the work a).",
				"What the native transport over a unix socket costs cannot be said, for neither processor time nor bytes nor latencies were measured.",
				"Nothing else was compared.",
			},
		},
		"one transport, several sockets": {
			result: quiet(rates{"a": {"native-tcp": 100, "native-unix": 300, "native-tls": 50}}),
			want: [3]string{
				"Take the native transport over TCP: it is faster than the native transport inside TLS at the one work that was measured, by 2.0 times (the work a).",
				"What the native transport over TCP costs cannot be said, for neither processor time nor bytes nor latencies were measured.",
				"Beside it: the native transport inside TLS makes 0.50 times the calls (the work a) and over a unix socket 3.0 times.",
			},
		},
		"alone": {
			result: quiet(rates{"a": {"py-mp": 1234}}),
			want: [3]string{
				"There is nothing to choose from, for Python, multiprocessing over TCP was measured alone: it makes 1,236 calls/s (±0.9 %) at the work a.",
				"What Python, multiprocessing over TCP costs cannot be said, for neither processor time nor bytes nor latencies were measured.",
				"Nothing else was compared.",
			},
		},
		"Python beside kolo": {
			result: quiet(rates{"a": {"py-mp": 300, "kolo": 100, "py-xmlrpc": 100}}),
			want: [3]string{
				"Take Python, multiprocessing over TCP: it is faster than kolo/xmlrpc at the one work that was measured, by 3.0 times (the work a).",
				"What Python, multiprocessing over TCP costs cannot be said, for neither processor time nor bytes nor latencies were measured.",
				"Beside it: py-xmlrpc is slower at every work, on the same kind of socket.",
			},
		},
		"others, and who is missing": {
			result: quiet(rates{
				"a": {"native-tcp": 300, "xmlrpc": 100, "kolo": 50, "py-mp": 600, "native-unix": 400, "py-mp-unix": 404},
				"b": {"native-tcp": 300, "xmlrpc": 100, "kolo": 50, "py-mp": 150, "native-unix": 400, "py-mp-unix": 404},
			}),
			edit: func(r *Result) {
				r.Missing = []Missing{{"py-xmlrpc", "no python3"}}
				r.Abilities = sampleAbilities()
			},
			want: [3]string{
				"Take the native transport: over TCP it is faster than XML-RPC at every one of 2 works, by 3.0 times.",
				"What the native transport costs cannot be said, for neither processor time nor bytes nor latencies were measured.",
				"Beside it: the native transport over a unix socket makes 1.3 times the calls (the work a); py-mp is faster than native-tcp at 1 of 2 works, by up to 2.0 times (the work a) and slower at 1; py-mp-unix is too close to call at every work; kolo is slower at every work, on the same kind of socket; of 8 things that were tried the native transport carries 8 unchanged and XML-RPC 3; py-xmlrpc was not there.",
			},
		},
		"servers of the user's own": {
			result: quiet(rates{"call-1": {"tcp://127.0.0.1:1": 100, "http://127.0.0.1:2/RPC2": 50, "unix:///s": 100.2}}),
			edit:   func(r *Result) { r.Depth = "against" },
			want: [3]string{
				"Take tcp://127.0.0.1:1: over TCP it is faster than http://127.0.0.1:2/RPC2 at the one work that was measured, by 2.0 times (the work call-1).",
				"What tcp://127.0.0.1:1 costs cannot be said, for neither processor time nor bytes nor latencies were measured.",
				"Beside it: unix:///s is too close to call at every work.",
			},
		},
		"nothing": {
			result: quiet(rates{"a": {"native-tcp": 0, "xmlrpc": 0}}),
			want: [3]string{
				"No transport can be named, for none could be measured.",
				"What a call costs is not known either.",
				"Each lane that is missing, and each row without figures, says why.",
			},
		},
		"nothing in common": {
			result: quiet(rates{"a": {"native-tcp": 100, "xmlrpc": 0}, "b": {"native-tcp": 0, "xmlrpc": 100}}),
			want: [3]string{
				"Neither the native transport nor XML-RPC can be preferred: there is no work that both have done.",
				"What the native transport costs cannot be said, for neither processor time nor bytes nor latencies were measured.",
				"Nothing else was compared.",
			},
		},
	} {
		if c.edit != nil {
			c.edit(c.result)
		}
		c.result.Judge()
		if !slices.Equal(c.result.Answer, c.want[:]) {
			t.Errorf("%s: got\n\t%s; want\n\t%s", name, strings.Join(c.result.Answer, "\n\t"), strings.Join(c.want[:], "\n\t"))
		}
	}
}

// Lanes that keep a rate are not equally fast for that.
func TestAnswerAtARate(t *testing.T) {
	r := quiet(rates{"a": {"native-tcp": 5000, "xmlrpc": 5000.1}})
	r.Rate = 5000
	r.Judge()
	const want = "All were asked for 5,000 calls/s, and which of the native transport and XML-RPC keeps up better cannot be told: over TCP they are too close to call at the one work that was measured; what differs stands in their latencies."
	if r.Answer[0] != want {
		t.Errorf("got %q; want %q", r.Answer[0], want)
	}
}

// What is said of the sample is what its figures are, lane by lane taken away.
func TestAnswerOfFewerLanes(t *testing.T) {
	r := sample()
	for len(r.Lanes) > 0 {
		r.Judge()
		if len(r.Answer) != 3 {
			t.Fatalf("got %d sentences; want 3", len(r.Answer))
		}
		for _, s := range r.Answer {
			if !strings.HasSuffix(s, ".") || strings.Contains(s, ". ") || strings.Contains(s, "NaN") || strings.Contains(s, "Inf") {
				t.Errorf("%d lanes: %q is not one sentence", len(r.Lanes), s)
			}
		}
		gone := r.Lanes[0].Name
		if text := strings.Join(r.Answer, " "); len(r.Lanes) == 10 && !strings.Contains(text, "2.3 times") {
			t.Errorf("got %q; want the ratio at add-1", text)
		}
		r.Lanes = r.Lanes[1:]
		r.Rows = slices.DeleteFunc(r.Rows, func(row Row) bool { return row.Lane == gone })
	}
}

func TestWarnings(t *testing.T) {
	for name, c := range map[string]struct {
		edit func(*Result)
		want string // in one of them; empty: none at all
	}{
		"nothing": {func(*Result) {}, ""},
		"race":    {func(r *Result) { r.Machine.Race = true }, "race detector"},
		"noise":   {func(r *Result) { r.Machine.Noise = 2 }, "one in twenty took 3.0 times as long"},
		"load":    {func(r *Result) { r.Machine.Load, r.Machine.Processors = 1.5, 2 }, "a load of 1.5 on 2 processors"},
		"clock": {func(r *Result) {
			r.Machine.ClockNS = 100_000
			r.Rows[0].P50 = turns(150)
		}, "steps of 100 µs, which is much beside the latencies of native-tcp at a"},
		"few starts": {func(r *Result) { r.Starts, r.Rounds = 1, 21 }, "started once, and how fast a process is depends on its start as well: what differs by less than 1.3 times"},
		"gaps":       {func(r *Result) { r.Gaps = []string{"A trial went wrong."} }, "A trial went wrong."},
		"few turns": {func(r *Result) {
			r.Starts, r.Rounds = 1, 1
			r.Rows[0].CallsPerS, r.Rows[1].CallsPerS = NewStat([]float64{30000}), NewStat([]float64{100})
		}, "1 turn at each work only"},
		"one disturbed turn": {func(r *Result) {
			r.Starts, r.Rounds = 1, 1
			r.Rows[0].CallsPerS, r.Rows[1].CallsPerS = NewStat([]float64{30000}), NewStat([]float64{100})
		}, "Too close to call, 1 of 1 pair"},
		"rate":    {func(r *Result) { r.Rate = 5000 }, "who kept the rate and not who is faster"},
		"scatter": {func(r *Result) { r.Rows[0].CallsPerS = NewStat([]float64{100, 200, 300}) }, "The turns of native-tcp at a differ by ±50 %: look at"},
		"a tie":   {func(r *Result) { r.Rows[1].CallsPerS = turns(300.1) }, "Too close to call, 1 of 1 pair: xmlrpc ≈ native-tcp at a."},
	} {
		r := quiet(rates{"a": {"native-tcp": 300, "xmlrpc": 100}})
		c.edit(r)
		r.Judge()
		all := strings.Join(r.Warnings, "\n")
		if c.want == "" && all != "" || !strings.Contains(all, c.want) {
			t.Errorf("%s: got %q; want %q", name, all, c.want)
		}
	}
}

func TestWords(t *testing.T) {
	for got, want := range map[string]string{
		grouped(0): "0", grouped(7): "7", grouped(0.5): "0.50", grouped(9.999): "10.0", grouped(99.96): "100", grouped(1234567.4): "1,234,567",
		grouped(-1234): "-1,234", grouped(-123.4): "-123", micro(12.34): "12.3 µs", micro(12340): "12.3 ms", micro(2.5e6): "2.50 s",
		size(999): "999 bytes", size(20 << 10): "20 KiB", size(3 << 20): "3 MiB", percent(.034): "3.4 %", percent(.34): "34 %",
		fold(1.04): "1.04", fold(1.2): "1.2", fold(9.96): "10", fold(1234): "1,234", twoDigits(.751): "0.75", twoDigits(.0312): "0.031", twoDigits(2): "2.0",
		list(nil): "", list([]string{"a"}): "a", list([]string{"a", "b", "c"}): "a, b and c", count(1, "pair"): "1 pair", times(3): "3 times",
	} {
		if got != want {
			t.Errorf("got %q; want %q", got, want)
		}
	}
	if got := fmt.Sprint(turns(100).Spread(), NewStat([]float64{1, 1, 1, 1, 9}).Spread(), NewStat([]float64{1, 9, 1}).Spread(), NewStat(nil).Spread()); got[2:] == "" ||
		!strings.HasSuffix(got, " 0 8 0") {
		t.Errorf("got spreads %s; want a disturbed one of five to be left out, and one of three to count", got)
	}
}
