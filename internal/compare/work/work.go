// Package work holds what is called when transports are measured: the forms of
// call that every server has, what callers send, and how answers are checked.
//
//	a list of works (of bench, of parley compare)
//	   |  name, form, size, callers, connections: data, which an order to a child holds
//	Input    what one caller sends, made from form and size
//	   |  through a client and its server
//	Check…   the answer is the right one
package work

import (
	"fmt"
	"math/rand/v2"
)

// Form is one of the four calls that every server has. It is the name of the
// function too.
type Form string

// The forms. All but Add give back what they get.
const (
	Add     Form = "add"
	List    Form = "list"
	Records Form = "records"
	Blob    Form = "blob"
)

// Work is a call, and how many make it at once.
type Work struct {
	Name string `json:"name"`
	Form Form   `json:"form"`
	// Size is how many integers a List has, records Records, bytes a Blob; 0 for
	// Add.
	Size    int `json:"size"`
	Callers int `json:"callers"`
	// Conns is over how many connections the callers are spread, where one can
	// carry several calls at a time.
	Conns int `json:"conns"`
}

// Record is an entry of Records. Each server that knows records has them under
// these names.
type Record struct {
	ID    int     `xmlrpc:"pid" json:"pid"`
	Name  string  `xmlrpc:"pname" json:"pname"`
	Price float64 `xmlrpc:"pprice" json:"pprice"`
}

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
func (w Work) Measured() *Input {
	in := w.input(0)
	in.A, in.B = 3, 5
	return in
}

// WarmUp is an input whose content is different for each caller, and whose
// answers are compared as a whole.
func (w Work) WarmUp(caller int) *Input {
	in := w.input(uint64(caller) + 1)
	in.Full = true
	return in
}

func (w Work) input(seed uint64) *Input {
	r := rand.New(rand.NewPCG(seed, 17))
	in := &Input{Form: w.Form, A: int(1000 * seed), B: r.IntN(1000)}
	switch w.Form {
	case List:
		in.Ints = make([]int, w.Size)
		for i := range in.Ints {
			in.Ints[i] = i*37 + int(seed)
		}
	case Records:
		in.Records = make([]Record, w.Size)
		for i := range in.Records {
			in.Records[i] = Record{ID: i + int(seed), Name: fmt.Sprintf("product %d", i+int(seed)), Price: float64(i) + 0.25}
		}
	case Blob:
		in.Blob = make([]byte, w.Size)
		for i := range in.Blob {
			in.Blob[i] = byte(r.Uint32())
		}
	}
	return in
}

// Args are the arguments of the call, for clients that take them as a list.
func (in *Input) Args() []any {
	switch in.Form {
	case List:
		return []any{in.Ints}
	case Records:
		return []any{in.Records}
	case Blob:
		return []any{in.Blob}
	}
	return []any{in.A, in.B}
}

// Unknown is the error of a form that a client does not know: a mistake in its
// file.
func (f Form) Unknown() error { return fmt.Errorf("form %q is not known", string(f)) }
