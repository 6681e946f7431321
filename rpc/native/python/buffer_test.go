package python

import (
	"bytes"
	"testing"
)

// TestAnswerMemory: a small answer has memory of its own, whatever it was made in,
// and so has a large one until it is given back.
func TestAnswerMemory(t *testing.T) {
	answer := func(n int, fill byte) []byte {
		b, err := makeAnswer(func(dst []byte) ([]byte, error) { return append(dst, bytes.Repeat([]byte{fill}, n)...), nil })
		if err != nil {
			t.Fatal(err)
		}
		return b
	}
	const largest = maxKeptAnswer / 4
	for range 20 {
		keepAnswer(answer(maxKeptAnswer/2, 'x'))
		small, large := answer(100, 's'), answer(largest, 'l')
		answer(200, 'o')
		if cap(small) > 4096 {
			t.Fatalf("a small answer: got %d bytes of memory; want about 100", cap(small))
		}
		if cap(large) > 4*largest {
			t.Fatalf("an answer of %d: got %d bytes of memory; want 4 times that at most", len(large), cap(large))
		}
		if bytes.Count(small, []byte("s")) != 100 || bytes.Count(large, []byte("l")) != largest {
			t.Fatal("an answer has changed")
		}
	}
}
