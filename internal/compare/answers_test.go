package compare

type answerCase struct {
	name   string
	result *Result
	edit   func(*Result)
}

// spoilt makes a result one of a noisy machine: turns of one start, so far apart.
func spoilt(r *Result, noise float64, factors ...float64) {
	r.Depth, r.Starts, r.Rounds, r.TurnMS = "quick", 1, len(factors), 40
	r.Machine.Noise, r.Machine.Load, r.Machine.Processors = noise, 7.3, 2
	for i := range r.Rows {
		for _, s := range []**Stat{&r.Rows[i].CallsPerS, &r.Rows[i].P99, &r.Rows[i].ClientCPU, &r.Rows[i].ServerCPU} {
			if *s == nil {
				continue
			}
			var all []float64
			for j := range factors {
				all = append(all, (*s).Median*factors[(i+j)%len(factors)])
			}
			*s = NewStat(all)
		}
	}
}

// costly gives the rows what calls cost: bytes, processor time, and a p99.
func costly(r *Result) {
	for i := range r.Rows {
		row := &r.Rows[i]
		if row.CallsPerS == nil {
			continue
		}
		bytes := map[bool]float64{true: 62, false: 640}[r.Lane(row.Lane).Family == "native"]
		row.WireBytes = &bytes
		us := 1e6 / row.CallsPerS.Median
		row.P99, row.ClientCPU, row.ServerCPU = turns(2*us), turns(us), turns(.5*us)
	}
}

// given makes a result one of a rate that was given: calls/s are the rate, or less.
func given(r *Result, rate float64) {
	costly(r)
	r.Rate = rate
	for i := range r.Rows {
		if s := r.Rows[i].CallsPerS; s != nil {
			r.Rows[i].CallsPerS = turns(min(rate, s.Median))
		}
	}
}

func against(r *Result) { r.Depth, r.Starts, r.Rounds = "against", 1, 21 }

func answers() []answerCase {
	eight := rates{
		"add-1": {"native-tcp": 20000, "xmlrpc": 9000}, "add-64": {"native-tcp": 280000, "xmlrpc": 31000},
		"blob-1024": {"native-tcp": 20000, "xmlrpc": 9000}, "blob-65536": {"native-tcp": 9000, "xmlrpc": 1000},
		"list-10": {"native-tcp": 20000, "xmlrpc": 9000}, "list-1000": {"native-tcp": 10000, "xmlrpc": 3000},
		"records-1": {"native-tcp": 20000, "xmlrpc": 9000}, "records-100": {"native-tcp": 9000, "xmlrpc": 2000},
	}
	two := rates{"add-1": {"native-tcp": 20000, "xmlrpc": 9000}, "add-64": {"native-tcp": 280000, "xmlrpc": 31000}}
	three := rates{"add-1": {"native-tcp": 20000, "native-unix": 30000, "xmlrpc": 9000, "kolo": 7000, "py-mp": 14000}}
	urls := rates{
		"call-1": {"tcp://127.0.0.1:1": 100, "http://127.0.0.1:2/RPC2": 50, "unix:///s": 100.2},
		"call-8": {"tcp://127.0.0.1:1": 400, "http://127.0.0.1:2/RPC2": 100, "unix:///s": 400.3},
	}
	return []answerCase{
		{"native wins everywhere", quiet(eight), costly},
		{"native wins, and nothing else was measured", quiet(rates{"add-1": {"native-tcp": 300, "xmlrpc": 100}}), nil},
		{"XML-RPC wins", quiet(rates{"add-1": {"native-tcp": 100, "xmlrpc": 250}}), costly},
		{"XML-RPC wins in one family", quiet(rates{
			"add-1": {"native-tcp": 200, "xmlrpc": 100}, "records-10": {"native-tcp": 300, "xmlrpc": 100},
			"blob-8": {"native-tcp": 100, "xmlrpc": 150}, "blob-64": {"native-tcp": 100, "xmlrpc": 200}, "list-8": {"native-tcp": 500, "xmlrpc": 100},
		}), costly},
		{"it depends", quiet(rates{
			"add-1": {"native-tls": 100, "xmlrpc-tls": 300}, "records-10": {"native-tls": 400, "xmlrpc-tls": 100}, "blob-8": {"native-tls": 100, "xmlrpc-tls": 100},
		}), nil},
		{"narrow ties", quiet(rates{"add-1": {"native-unix": 100, "xmlrpc-unix": 100.5}, "add-8": {"native-unix": 101, "xmlrpc-unix": 100}}), costly},
		{"a win, and a narrow tie", quiet(rates{"add-1": {"native-tcp": 100, "xmlrpc": 100}, "blob-8": {"native-tcp": 1200, "xmlrpc": 100}}), nil},
		{"wide ties", quiet(rates{"add-1": {"native-tcp": 100, "xmlrpc": 101}}), func(r *Result) {
			costly(r)
			r.Depth, r.Starts, r.Rounds = "quick", 1, 21
		}},
		{"noise that hides most", quiet(eight), func(r *Result) {
			costly(r)
			spoilt(r, 14, 1, .3, 4)
		}},
		{"noise that hides all but one", quiet(rates{"add-1": {"native-tcp": 100, "xmlrpc": 101}, "add-8": {"native-tcp": 100, "xmlrpc": 99}, "blob-8": {"native-tcp": 9e6, "xmlrpc": 10}}), func(r *Result) {
			costly(r)
			spoilt(r, 2, 1, .6, 1.4)
		}},
		{"noise in a full run", quiet(two), func(r *Result) {
			costly(r)
			spoilt(r, 14, 1, .1, 9)
			r.Depth = "full"
		}},
		{"one turn", quiet(eight), func(r *Result) {
			costly(r)
			spoilt(r, 13.7, 1)
		}},
		{"two turns, on a quiet machine", quiet(two), func(r *Result) {
			costly(r)
			spoilt(r, 0, 1, 1)
			r.Machine.Load = 0
		}},
		{"one turn of several lanes", quiet(three), func(r *Result) { spoilt(r, 0, 1) }},
		{"a rate that both kept", quiet(eight), func(r *Result) { given(r, 500) }},
		{"a rate that one did not keep", quiet(two), func(r *Result) { given(r, 10000) }},
		{"a rate, and no p99", quiet(two), func(r *Result) {
			given(r, 500)
			for i := range r.Rows {
				r.Rows[i].P99 = nil
			}
		}},
		{"a rate, and a p99 of all turns together", quiet(two), func(r *Result) {
			given(r, 500)
			for i := range r.Rows {
				r.Rows[i].P99 = NewStat([]float64{r.Rows[i].P99.Median})
			}
		}},
		{"against one server", quiet(rates{"call-1": {"tcp://127.0.0.1:1": 100}}), against},
		{"against two servers", quiet(rates{"call-1": {"tcp://127.0.0.1:1": 100, "http://127.0.0.1:2/RPC2": 50}}), against},
		{"against three servers", quiet(urls), against},
		{"against two servers, in one turn", quiet(rates{"call-1": {"tcp://127.0.0.1:1": 100, "http://127.0.0.1:2/RPC2": 50}}), func(r *Result) {
			spoilt(r, 0, 1)
			r.Depth = "against"
		}},
		{"different sockets", quiet(rates{"add-1": {"native-unix": 300, "xmlrpc": 100}}), nil},
		{"one transport, several sockets", quiet(rates{"add-1": {"native-tcp": 100, "native-unix": 300, "native-tls": 50}}), nil},
		{"alone", quiet(rates{"add-1": {"py-mp": 1234}}), nil},
		{"alone, in one turn", quiet(rates{"add-1": {"py-mp": 1234}}), func(r *Result) { spoilt(r, 0, 1) }},
		{"Python beside kolo", quiet(rates{"add-1": {"py-mp": 300, "kolo": 100, "py-xmlrpc": 100}}), nil},
		{"others, and a lane that is missing", quiet(rates{
			"add-1":      {"native-tcp": 300, "xmlrpc": 100, "kolo": 50, "py-mp": 600, "native-unix": 400, "py-mp-unix": 404},
			"records-10": {"native-tcp": 300, "xmlrpc": 100, "kolo": 50, "py-mp": 150, "native-unix": 400, "py-mp-unix": 404},
		}), func(r *Result) {
			r.Missing = []Missing{{"py-xmlrpc", "no python3"}}
			r.Abilities = sampleAbilities()
		}},
		{"slower or too close", quiet(rates{
			"add-1": {"native-tcp": 300, "xmlrpc": 100, "kolo": 300}, "blob-8": {"native-tcp": 300, "xmlrpc": 100, "kolo": 50},
		}), nil},
		{"several lanes are missing", quiet(two), func(r *Result) {
			r.Missing = []Missing{{"py-xmlrpc", "no python3"}, {"py-mp", "no python3"}, {"kolo", "it broke"}}
		}},
		{"rows that failed", quiet(rates{"add-1": {"native-tcp": 300, "xmlrpc": 100}, "blob-8": {"native-tcp": 300, "xmlrpc": 0}}), nil},
		{"nothing in common", quiet(rates{"add-1": {"native-tcp": 100, "xmlrpc": 0}, "blob-8": {"native-tcp": 0, "xmlrpc": 100}}), nil},
		{"nothing at all", quiet(rates{"add-1": {"native-tcp": 0, "xmlrpc": 0}}), nil},
	}
}

// ranks are the lanes of a work with what stands between them.
func ranks(k *Ranking) (text string) {
	for i, lane := range k.Lanes {
		if i > 0 {
			text += map[bool]string{true: " ≈ ", false: " > "}[k.TooClose(lane, k.Lanes[i-1])]
		}
		text += lane
	}
	return text
}
