package cbor

// Mark is where an Encoder stood, to go back to.
type Mark struct{ e Encoder }

// Mark returns where e stands.
func (e *Encoder) Mark() Mark { return Mark{*e} }

// Rewind takes back what has been written since, and an error as well. The
// containers that were open then must not have ended.
func (e *Encoder) Rewind(m Mark) {
	buf := e.buf
	*e = m.e
	e.buf = buf[:len(m.e.buf)]
}
