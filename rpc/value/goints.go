package value

// An IntSource is a Source that reads lists of integers into a []int, too. One
// that is none has them copied from an []int64.
type IntSource interface {
	Source
	// GoInts does for an int what Ints does for an int64.
	GoInts(dst []int) []int
}

// An IntSink is a Sink that writes lists of integers from a []int, too.
type IntSink interface {
	Sink
	// GoInts writes a whole list of integers.
	GoInts([]int)
}
