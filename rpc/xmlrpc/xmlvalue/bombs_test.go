package xmlvalue

import (
	"fmt"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/parley-rpc/parley/rpc/value"
)

// bombs are documents that cost their sender one repeated piece, by what is
// repeated: size is about how long they are, in bytes. They are read as
// responses, with limits as wide as they go.
var bombs = []struct {
	name string
	doc  func(size int) string
}{
	{"< alone", func(n int) string { return strings.Repeat("<", n) }},
	{"< within a value", func(n int) string { return response("<value>" + strings.Repeat("<", n)) }},
	{"</ within a value", func(n int) string { return response("<value>" + strings.Repeat("</", n/2)) }},
	{"spaces", func(n int) string { return strings.Repeat(" ", n) }},
	{"spaces in a tag", func(n int) string { return response("<value" + strings.Repeat(" ", n) + ">") }},
	{"attributes", func(n int) string {
		var b strings.Builder
		for i := 0; b.Len() < n; i++ {
			fmt.Fprintf(&b, " a%d=''", i)
		}
		return response("<value" + b.String() + "/>")
	}},
	{"tags with attributes", func(n int) string {
		return response(arrayOpen + strings.Repeat("<value a='' b='' c='&lt;'/>", n/27) + arrayClose)
	}},
	{"a long attribute", func(n int) string { return response("<value a='" + strings.Repeat("&lt;", n/4) + "'/>") }},
	{"a long name of an attribute", func(n int) string { return response("<value " + strings.Repeat("a", n) + "=''/>") }},
	{"a long element", func(n int) string { return response("<value><" + strings.Repeat("a", n) + "/></value>") }},
	{"a long element of prefixes", func(n int) string { return response("<value><" + strings.Repeat("a:", n/2) + "/></value>") }},
	{"a long name of a member", func(n int) string {
		return response("<value><struct><member><name>" + strings.Repeat("a", n) + "</name><value/></member></struct></value>")
	}},
	{"long names on the way to an error", func(n int) string {
		return response(strings.Repeat("<value><struct><member><name>"+strings.Repeat("a", n/64)+"</name>", 64) + "<value><int>x</int></value>")
	}},
	{"swapped members", func(n int) string {
		return response("<value><struct>" + strings.Repeat("<member><value/><name>a</name></member>", n/39) + "</struct></value>")
	}},
	{"swapped members without a name", func(n int) string {
		return response("<value><struct>" + strings.Repeat("<member><value><struct>", n/23))
	}},
	{"comments", func(n int) string { return response("<value>" + strings.Repeat("<!---->", n/7) + "</value>") }},
	{"comments between letters", func(n int) string { return response("<value>" + strings.Repeat("a<!---->", n/8) + "</value>") }},
	{"CDATA", func(n int) string { return response("<value>" + strings.Repeat("<![CDATA[a]]>", n/13) + "</value>") }},
	{"CDATA and references", func(n int) string {
		return response("<value>" + strings.Repeat("<![CDATA[\r]]>&lt;\r", n/18) + "</value>")
	}},
	{"references", func(n int) string { return response("<value>" + strings.Repeat("&#9;", n/4) + "</value>") }},
	{"& without end", func(n int) string { return response("<value>" + strings.Repeat("&", n) + "</value>") }},
	{"carriage returns", func(n int) string { return response("<value>" + strings.Repeat("\r", n) + "</value>") }},
	{"brackets", func(n int) string { return response("<value>" + strings.Repeat("]]&gt;", n/6) + "</value>") }},
	{"ISO-8859-1", func(n int) string {
		return `<?xml version="1.0" encoding="ISO-8859-1"?>` + response("<value>"+strings.Repeat("\xE9", n)+"</value>")
	}},
	{"digits", func(n int) string { return response("<value><int>" + strings.Repeat("7", n) + "</int></value>") }},
	{"digits of doubles", func(n int) string { return response("<value><double>" + strings.Repeat("7", n) + "</double></value>") }},
	{"many numbers as long as may be", func(n int) string {
		return response(arrayOpen + strings.Repeat("<value><int>"+strings.Repeat("7", 1234)+"</int></value>", n/1260) + arrayClose)
	}},
	{"many doubles as long as may be", func(n int) string {
		return response(arrayOpen + strings.Repeat("<value><double>"+strings.Repeat("7", 300)+"</double></value>", n/330) + arrayClose)
	}},
	{"digits of a second", func(n int) string {
		return response("<value><dateTime.iso8601>19980717T14:08:55." + strings.Repeat("7", n) + "</dateTime.iso8601></value>")
	}},
	{"base64", func(n int) string {
		return response("<value><base64>" + strings.Repeat("QUJD", n/4) + "</base64></value>")
	}},
	{"base64 and spaces", func(n int) string {
		return response("<value><base64>" + strings.Repeat("Q ", n/2) + "</base64></value>")
	}},
	{"base64 that ends badly", func(n int) string {
		return response("<value><base64>" + strings.Repeat("QUJD", n/4) + "!</base64></value>")
	}},
	{"padding", func(n int) string {
		return response("<value><base64>QQ" + strings.Repeat("=", n) + "</base64></value>")
	}},
	{"arrays within arrays", func(n int) string { return nested(n/45, arrayOpen, arrayClose) }},
	{"arrays that do not end", func(n int) string { return response(strings.Repeat(arrayOpen, n/22)) }},
	{"structs within structs", func(n int) string { return nested(n/67, structOpen, structClose) }},
	{"names that come once", func(n int) string {
		var b strings.Builder
		for i := 0; b.Len() < n; i++ {
			fmt.Fprintf(&b, "<member><name>%x</name><value/></member>", i)
		}
		return response("<value><struct>" + b.String() + "</struct></value>")
	}},
	{"faults", func(n int) string {
		return faultDocument("<member><name>faultString</name><value>" + strings.Repeat("&amp;", n/5) + "</value></member>")
	}},
}

// widest are limits that refuse as little as possible.
var widest = Options{MaxDepth: largestDepth, MaxElements: 1 << 30, UniqueNames: false}

func defuse(data []byte) {
	if d, err := ReadResponse(data, widest); err == nil {
		value.DecodeAny(d)
		_ = d.Finish() // whether it is refused is the matter of other tests
	}
}

// timed returns how long data takes to be read, n times.
func timed(n int, data []byte) time.Duration {
	start := time.Now()
	for range n {
		defuse(data)
	}
	return time.Since(start)
}

// One document takes about the time of thirty-two that are as long together;
// quadratic time would be thirty-two times that. Both sides take equally long, so
// what else the machine does and the collector concern both, and of many
// rounds the best counts.
func TestBombsTakeLinearTime(t *testing.T) {
	const short, times = 16 << 10, 32
	for _, bomb := range bombs {
		t.Run(bomb.name, func(t *testing.T) {
			few, many := []byte(bomb.doc(short)), []byte(bomb.doc(short*times))
			a, b := timed(times, few), timed(1, many)
			for start := time.Now(); time.Since(start) < 5*time.Second; a, b = min(a, timed(times, few)), min(b, timed(1, many)) {
				if b <= 10*max(a, 2*time.Millisecond) { // below, it is noise
					return
				}
			}
			t.Errorf("%d times %d bytes take %v, but %d bytes %v", times, len(few), a, len(many), b)
		})
	}
}

// What is allocated while a bomb is read stays below a fixed number of times its
// size, and below a fixed size for those that are refused for what they claim.
func TestBombsTakeLittleMemory(t *testing.T) {
	const size = 1 << 20
	most := map[string]int{ // bytes allocated for one byte of document, where it is more than 5
		"tags with attributes":           6,  // an interface for 27 bytes, in a slice that doubles
		"swapped members":                8,  // the same name again and again, and its place
		"swapped members without a name": 8,  // noted level by level before there is an error
		"names that come once":           12, // a map of empty texts by name
		"arrays within arrays":           12, // to a depth of 10 000, and the path from there
		"structs within structs":         16, // a map at each level
		"arrays that do not end":         12,
	}
	for _, bomb := range bombs {
		data := []byte(bomb.doc(size))
		var before, after runtime.MemStats
		runtime.GC()
		runtime.ReadMemStats(&before)
		defuse(data)
		runtime.ReadMemStats(&after)
		limit := 5
		if n := most[bomb.name]; n > 0 {
			limit = n
		}
		if got := after.TotalAlloc - before.TotalAlloc; got > uint64(limit*len(data)) {
			t.Errorf("%s: %d KiB allocated for a document of %d KiB; want at most %d times that", bomb.name, got>>10, len(data)>>10, limit)
		}
	}
}

// Refusals that need no more than a look at the start of something cost no
// memory, however long it goes on.
func TestRefusalsAllocateNothingBySize(t *testing.T) {
	for _, name := range []string{
		"< alone", "< within a value", "spaces in a tag", "attributes", "a long element", "a long element of prefixes",
		"digits", "digits of doubles", "& without end", "padding", "swapped members without a name",
	} {
		for _, bomb := range bombs {
			if bomb.name != name {
				continue
			}
			o := Options{} // the depth is that of a server
			allocs := func(size int) float64 {
				data := []byte(bomb.doc(size))
				return testing.AllocsPerRun(5, func() {
					if _, err := readValueOf(data, o); err == nil {
						t.Fatalf("%s: accepted", name)
					}
				})
			}
			if few, many := allocs(16<<10), allocs(1<<20); many > few+40 {
				t.Errorf("%s: %v allocations for 16 KiB, %v for 1 MiB", name, few, many)
			}
		}
	}
}

func readValueOf(data []byte, o Options) (any, error) {
	d, err := ReadResponse(data, o)
	if err != nil {
		return nil, err
	}
	v := value.DecodeAny(d)
	return v, d.Finish()
}

// The numbers of the largest documents there are.
func TestLargeBombs(t *testing.T) {
	for name, doc := range map[string]string{
		"16 MiB of <":                   strings.Repeat("<", 16<<20),
		"16 MiB of < in a value":        response("<value>" + strings.Repeat("<", 16<<20)),
		"a million attributes":          response("<value" + strings.Repeat(" a=''", 1_000_000) + "/>"),
		"a million levels":              nested(1_000_000, "<value><array>", "</array></value>"),
		"a million levels without end":  response(strings.Repeat("<value><array>", 1_000_000)),
		"a million levels, value first": response(strings.Repeat(swapOpen, 1_000_000)),
	} {
		data := []byte(doc)
		var before, after runtime.MemStats
		runtime.ReadMemStats(&before)
		start := time.Now()
		_, err := readValueOf(data, Options{})
		took := time.Since(start)
		runtime.ReadMemStats(&after)
		if err == nil {
			t.Errorf("%s: accepted", name)
		}
		if took > 30*tooLong { // up to 23 MB; what is quadratic takes hours
			t.Errorf("%s: took %v", name, took)
		}
		if got := after.TotalAlloc - before.TotalAlloc; got > 1<<20 && name != "a million levels, value first" {
			t.Errorf("%s: %d KiB allocated", name, got>>10)
		}
	}
}
