package validator1

import (
	"fmt"
	"math/rand/v2"
	"strings"
	"time"
)

// record is a struct of XML-RPC as a dynamic value.
type record = map[string]any

// rounds is how many random calls of each function there are.
const rounds = 8

// inputs makes calls and computes their answers, by other code than the service.
type inputs struct{ rng *rand.Rand }

func newInputs() inputs { return inputs{rand.New(rand.NewPCG(1999, 1))} }

// number returns one of at most six digits, so that 2000 of them add up to 32 bits.
func (in inputs) number() int64 { return in.rng.Int64N(2_000_001) - 1_000_000 }

// text returns one of up to n characters, many of them with a meaning in XML.
func (in inputs) text(n int) string {
	const letters = `<>&'"<>&'"]]>ab c` + "\n\t" + `äß€世🌍;#x`
	runes := []rune(letters)
	var b strings.Builder
	for range in.rng.IntN(n + 1) {
		b.WriteRune(runes[in.rng.IntN(len(runes))])
	}
	return b.String()
}

func (in inputs) bytes(n int) []byte {
	b := make([]byte, in.rng.IntN(n+1))
	for i := range b {
		b[i] = byte(in.rng.Uint32())
	}
	return b
}

// date returns one between 1950 and 2050, which has no zone and no fraction on the
// wire.
func (in inputs) date() time.Time {
	start := time.Date(1950, 1, 1, 0, 0, 0, 0, time.UTC)
	return start.Add(time.Duration(in.rng.Int64N(100*365*24*3600)) * time.Second)
}

func three(moe, larry, curly int64) record {
	return record{"moe": moe, "larry": larry, "curly": curly}
}

// stooges returns a random struct, which may have more members than the three, and
// their sum.
func (in inputs) stooges() (r record, sum int64) {
	r = three(in.number(), in.number(), in.number())
	sum = r["moe"].(int64) + r["larry"].(int64) + r["curly"].(int64)
	if in.rng.IntN(2) == 0 {
		r["shemp"] = in.text(5)
		r["Moe"] = int64(1)
	}
	return r, sum
}

func (in inputs) arraysOfStructs() []trial {
	trials := []trial{
		{[]any{[]any{}}, int64(0)},
		{[]any{[]any{three(1, 2, 4)}}, int64(4)},
		{[]any{[]any{three(1, 2, -4), three(8, 16, 32), three(0, 0, 0)}}, int64(28)},
		{[]any{[]any{three(0, 0, 1<<30), three(0, 0, 1<<30-1)}}, int64(1<<31 - 1)},
		{[]any{[]any{three(0, 0, -1<<30), three(0, 0, -1<<30)}}, int64(-1 << 31)},
	}
	for range rounds {
		var sum int64
		list := []any{}
		for range in.rng.IntN(50) {
			r, _ := in.stooges()
			sum += r["curly"].(int64)
			list = append(list, r)
		}
		trials = append(trials, trial{[]any{list}, sum})
	}
	return trials
}

func (in inputs) entities() []trial {
	var trials []trial
	texts := []string{"", "plain", "<", ">", "&", "'", `"`, `<>&'"`, "&lt;&amp;&#39;", "]]>", "<![CDATA[<&]]>", "a < b\n\t&& b > c", "<!-- ' -->"}
	for range rounds {
		texts = append(texts, in.text(100))
	}
	for _, text := range texts {
		want := record{"ctLeftAngleBrackets": int64(0), "ctRightAngleBrackets": int64(0), "ctAmpersands": int64(0), "ctApostrophes": int64(0), "ctQuotes": int64(0)}
		for _, r := range text {
			if name := entityNames()[r]; name != "" {
				want[name] = want[name].(int64) + 1
			}
		}
		trials = append(trials, trial{[]any{text}, want})
	}
	return trials
}

func entityNames() map[rune]string {
	return map[rune]string{'<': "ctLeftAngleBrackets", '>': "ctRightAngleBrackets", '&': "ctAmpersands", '\'': "ctApostrophes", '"': "ctQuotes"}
}

func (in inputs) easyStructs() []trial {
	trials := []trial{
		{[]any{three(1, 2, 4)}, int64(7)},
		{[]any{three(0, 0, 0)}, int64(0)},
		{[]any{three(-1, -2, -4)}, int64(-7)},
		{[]any{three(1<<31-1, -1<<31, 1)}, int64(0)},
	}
	for range rounds {
		r, sum := in.stooges()
		trials = append(trials, trial{[]any{r}, sum})
	}
	return trials
}

func (in inputs) echoStructs() []trial {
	structs := []record{
		{},
		{"a": "b"},
		{"<name> & 'more'": `<value> & "more"`, " spaces ": "  two  ", "ä世🌍": "ä世🌍"},
		{"text": "1", "number": int64(1), "boolean": true, "double": 1.5, "empty": "", "blank": " ", "lines": "a\nb\n"},
		{"date": time.Date(2000, 2, 29, 23, 59, 59, 0, time.UTC), "binary": []byte{0, 255, 13, 10}, "none": []byte{}},
		{"list": []any{}, "struct": record{}, "deep": record{"list": []any{record{"list": []any{int64(1), []any{"x"}}}}}},
		{"max": int64(1<<31 - 1), "min": int64(-1 << 31), "false": false},
	}
	for range rounds {
		structs = append(structs, in.record(3))
	}
	var trials []trial
	for _, s := range structs {
		trials = append(trials, trial{[]any{s}, s})
	}
	return trials
}

// record returns a struct of all kinds, nested up to a depth.
func (in inputs) record(depth int) record {
	r := record{}
	for i := range in.rng.IntN(6) {
		r[fmt.Sprintf("%d%s", i, in.text(5))] = in.any(depth - 1)
	}
	return r
}

func (in inputs) any(depth int) any {
	kinds := 8
	if depth <= 0 {
		kinds = 6
	}
	switch in.rng.IntN(kinds) {
	case 0:
		return in.number()
	case 1:
		return in.rng.IntN(2) == 0
	case 2:
		return in.double()
	case 3:
		return in.date()
	case 4:
		return in.bytes(20)
	case 6:
		return in.record(depth)
	case 7:
		list := []any{}
		for range in.rng.IntN(4) {
			list = append(list, in.any(depth-1))
		}
		return list
	}
	return in.text(20)
}

// double returns a fraction whose decimal form is short: not everybody writes one
// that reads back as the same.
func (in inputs) double() float64 { return float64(in.number()) + 0.25 }

func (in inputs) manyTypes() []trial {
	when := time.Date(1998, 7, 17, 14, 8, 55, 0, time.UTC)
	lists := [][]any{
		{int64(42), true, "text", 1.5, when, []byte("binary")},
		{int64(1<<31 - 1), false, "", -0.25, when.AddDate(-30, 0, 0), []byte{}},
		{int64(-1 << 31), true, `<&>'"]]>`, 1e-3, when.AddDate(30, 0, 0), []byte{0, 1, 254, 255}},
		{int64(0), false, " \n\tü世🌍 ", 123456.789, time.Date(2000, 1, 1, 0, 0, 0, 0, time.UTC), []byte("\r\n")},
	}
	for range rounds {
		lists = append(lists, []any{in.number(), in.rng.IntN(2) == 0, in.text(50), in.double(), in.date(), in.bytes(300)})
	}
	var trials []trial
	for _, list := range lists {
		trials = append(trials, trial{list, list})
	}
	return trials
}

func (in inputs) moderateArrays() []trial {
	var trials []trial
	for i, n := range []int{100, 150, 199, 200} {
		list := make([]any, n)
		for j := range list {
			list[j] = fmt.Sprintf("<%d> & %d", i, j)
		}
		trials = append(trials, trial{[]any{list}, fmt.Sprintf("<%d> & 0<%d> & %d", i, i, n-1)})
	}
	for range rounds {
		list := make([]any, 100+in.rng.IntN(101))
		for j := range list {
			list[j] = in.text(10)
		}
		trials = append(trials, trial{[]any{list}, list[0].(string) + list[len(list)-1].(string)})
	}
	return trials
}

func (in inputs) nestedStructs() []trial {
	var trials []trial
	for i := range rounds {
		calendar := record{}
		for year := 1999; year <= 2001; year++ {
			months := record{}
			for month := 1; month <= 12; month++ {
				days := record{}
				for day := 1; day <= 30; day++ {
					days[fmt.Sprintf("%02d", day)] = record{}
				}
				months[fmt.Sprintf("%02d", month)] = days
			}
			calendar[fmt.Sprint(year)] = months
		}
		fill := func(year, month, day string, r record) { calendar[year].(record)[month].(record)[day] = r }
		r, sum := in.stooges()
		fill("2000", "04", "01", r)
		if i > 0 { // days that must not count
			for _, at := range [][3]string{{"1999", "04", "01"}, {"2001", "04", "01"}, {"2000", "01", "04"}, {"2000", "04", "02"}, {"2000", "03", "01"}} {
				other, _ := in.stooges()
				fill(at[0], at[1], at[2], other)
			}
		}
		trials = append(trials, trial{[]any{calendar}, sum})
	}
	return trials
}

func (in inputs) simpleStructs() []trial {
	var trials []trial
	numbers := []int64{0, 1, -1, 2_147_483, -2_147_483}
	for range rounds {
		numbers = append(numbers, in.number())
	}
	for _, n := range numbers {
		trials = append(trials, trial{[]any{n}, record{"times10": n * 10, "times100": n * 100, "times1000": n * 1000}})
	}
	return trials
}
