// Package work holds what is measured: the calls that every peer makes, and how
// their answers are checked.
package work

import (
	"fmt"
	"math/rand/v2"
)

// Form is one of the four calls that every peer has.
type Form int

// The forms. All but Add give back what they get.
const (
	Add Form = iota
	List
	Struct
	Blob
)

// Work is a form, and how many make it at once.
type Work struct {
	Name    string
	Form    Form
	Callers int
	Conns   int // over which the callers are spread
}

// All are the works that can be named, in the order of the table.
func All() []Work {
	return []Work{
		{"add-serial", Add, 1, 1},
		{"add-64", Add, 64, 1},
		{"add-256c", Add, 256, 256},
		{"list-1k", List, 1, 1},
		{"struct-100", Struct, 1, 1},
		{"blob-1M", Blob, 1, 1},
	}
}

// Find returns the work with this name.
func Find(name string) (Work, error) {
	for _, w := range All() {
		if w.Name == name {
			return w, nil
		}
	}
	return Work{}, fmt.Errorf("%q is no work; there are add-serial, add-64, add-256c, list-1k, struct-100, blob-1M", name)
}

// Record is an entry of Struct. Each peer that knows records sends it under
// these names.
type Record struct {
	ID    int     `xmlrpc:"pid" json:"pid"`
	Name  string  `xmlrpc:"pname" json:"pname"`
	Price float64 `xmlrpc:"pprice" json:"pprice"`
}

// The sizes of the forms.
const (
	listLen   = 1000
	structLen = 100
	blobLen   = 1 << 20
)

// Input is what one caller sends, call after call. Nobody changes it.
type Input struct {
	Form    Form
	A, B    int
	Ints    []int
	Records []Record
	Blob    []byte
	// Full: every answer is compared as a whole. Otherwise its length, both ends
	// and some of the middle are, so that the check costs next to nothing beside
	// the call.
	Full bool
}

// Measured is the input of the calls that are measured; add(3, 5) among them.
func Measured(f Form) *Input {
	in := newInput(f, 0)
	in.A, in.B = 3, 5
	return in
}

// WarmUp is an input whose content is different for each caller, and whose
// answers are compared as a whole.
func WarmUp(f Form, caller int) *Input {
	in := newInput(f, uint64(caller)+1)
	in.Full = true
	return in
}

func newInput(f Form, seed uint64) *Input {
	r := rand.New(rand.NewPCG(seed, 17))
	in := &Input{Form: f, A: int(1000 * seed), B: r.IntN(1000)}
	switch f {
	case List:
		in.Ints = make([]int, listLen)
		for i := range in.Ints {
			in.Ints[i] = i*37 + int(seed)
		}
	case Struct:
		in.Records = make([]Record, structLen)
		for i := range in.Records {
			in.Records[i] = Record{ID: i + int(seed), Name: fmt.Sprintf("product %d", i+int(seed)), Price: float64(i) + 0.25}
		}
	case Blob:
		in.Blob = make([]byte, blobLen)
		for i := range in.Blob {
			in.Blob[i] = byte(r.Uint32())
		}
	}
	return in
}
