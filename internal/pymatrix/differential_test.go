package pymatrix

import (
	"math/rand/v2"
	"regexp"
	"testing"
)

// meantDifferences are all there are between this reader and CPython's, of what
// both have taken or this one alone.
var meantDifferences = []difference{
	{regexp.MustCompile(`^skip `), nil, "there is no answer to compare with"},
	{
		regexp.MustCompile(`^refused TypeError: unhashable type`), regexp.MustCompile(`[01]`),
		"what POP and POP_MARK throw away is no part of the value, and is not looked at here",
	},
	{
		regexp.MustCompile(`^differs .*fnan[:,].*fnan[:,}]`), nil,
		"two NaN are two keys in CPython, and one here",
	},
	{
		regexp.MustCompile(`^differs .* in number: `), regexp.MustCompile(`Decimal`),
		"a Decimal is a key by its text here: not the same one as another text of its value, or as an int",
	},
}

// handmade are programs that no pickler writes.
var handmade = []string{
	"N.", "I01\n.", "I1L\n.", "L1\n.", "F1e5\n.", "Finf\n.", "(t.", "(((ttt.", "]q\x00h\x00h\x00\x87.",
	"]q\x00Na0h\x00.", "(K\x01\x882d.", "\x8f(K\x01\x88\x90.", "}(K\x01Na.", "2.", "(1N.", "(0N.",
	"ccollections\ndeque\n((K\x01K\x02K\x03lK\x02tR.",
	"ccollections\ndefaultdict\n(K\x05tR.",
	"cbuiltins\nValueError\n(Vx\ntR}Vargs\n(Vy\ntsb.",
	"cbuiltins\nOSError\n(K\x02Vx\nVf\ntR.",
	`V\ud83d\ude00` + "\n.", "S'\\x41'\n.",
	"\x80\x04\x95\x02\x00\x00\x00\x00\x00\x00\x00N.",
	"\x80\x02\x80\x05N.",
	"}(I9223372036854775808\nNGC\xe0\x00\x00\x00\x00\x00\x00Nu.", // equal keys
	"}(K\x02Ncfractions\nFraction\n(K\x04K\x02tRNu.",
	"}(I9007199254740993\nNcfractions\nFraction\n(V9007199254740993\ntRNu.",
	"}(G\x3f\xe0\x00\x00\x00\x00\x00\x00Ncfractions\nFraction\n(V1/2\ntRNu.",
	"}(K\x02Ncbuiltins\ncomplex\n(G\x40\x00\x00\x00\x00\x00\x00\x00G\x00\x00\x00\x00\x00\x00\x00\x00tRNu.",
	"Nr0000.",
	"cuuid\nUUID\n)\x81q\x00}Vint\nK\x05sb.",
	"c__builtin__\nxrange\n(K\x00K\x05K\x01tR.",
	"cexceptions\nStandardError\n(Vx\ntR.",
}

// FuzzAgainstCPython mutates bytes: whatever this reader takes, CPython takes
// too, and both read the same value.
func FuzzAgainstCPython(f *testing.F) {
	for _, data := range handmade {
		f.Add([]byte(data))
	}
	for _, data := range seeds(f) {
		f.Add(data)
	}
	o := newOracle(f)
	f.Fuzz(func(t *testing.T, data []byte) { o.check(t, data) })
}

// FuzzProgramsAgainstCPython mutates the choices of a programmer, so that most
// messages are well formed.
func FuzzProgramsAgainstCPython(f *testing.F) {
	random := rand.New(rand.NewPCG(1, 2))
	for range 200 {
		f.Add(randomBytes(random, 10+random.IntN(300)))
	}
	o := newOracle(f)
	f.Fuzz(func(t *testing.T, choices []byte) { o.check(t, program(choices)) })
}

// Random programs, always the same ones.
func TestLiveProgramsAgainstCPython(t *testing.T) {
	o := newOracle(t)
	random := rand.New(rand.NewPCG(3, 4))
	const n = 3000
	for range n {
		o.check(t, program(randomBytes(random, 10+random.IntN(300))))
		if t.Failed() {
			return
		}
	}
	t.Logf("%d programs: %d were read here, of which CPython agrees on %d", n, o.asked, o.agreed)
	if o.agreed < n/4 {
		t.Errorf("got %d of %d programs that both read; want a quarter at least", o.agreed, n)
	}
}

func randomBytes(random *rand.Rand, n int) []byte {
	b := make([]byte, n)
	for i := range b {
		b[i] = byte(random.UintN(256))
	}
	return b
}
