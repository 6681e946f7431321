package python

import (
	"bytes"
	"sync"
)

const (
	// largeAnswer is the smallest answer that is sent from the memory in which it
	// was made, in bytes. A smaller one is copied.
	largeAnswer = 64 << 10

	// maxKeptAnswer is the largest memory that is kept for the next answer, in bytes.
	maxKeptAnswer = 4 << 20
)

// answerMemory holds memory in which answers are made. It is a cache: nothing depends on
// what it holds.
var answerMemory = sync.Pool{New: func() any { b := make([]byte, 0, 1<<10); return &b }}

// makeAnswer returns what encode appends. The memory is the caller's, who may give
// it to keepAnswer. A peer that does not read its small answer keeps no more than
// that from the others.
func makeAnswer(encode func(dst []byte) ([]byte, error)) ([]byte, error) {
	b := answerMemory.Get().(*[]byte)
	answer, err := encode((*b)[:0])
	switch {
	case err != nil:
		answer = nil
	case len(answer) >= max(largeAnswer, cap(answer)/4):
		return answer, nil
	default:
		*b = answer
		answer = bytes.Clone(answer)
	}
	if cap(*b) <= maxKeptAnswer {
		answerMemory.Put(b)
	}
	return answer, err
}

// keepAnswer takes back the memory of a large answer. Nobody may hold on to it.
func keepAnswer(answer []byte) {
	if n := cap(answer); n >= largeAnswer && n <= maxKeptAnswer {
		answerMemory.Put(&answer)
	}
}
