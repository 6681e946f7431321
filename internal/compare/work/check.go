package work

import (
	"bytes"
	"errors"
	"fmt"
)

// ErrWrong is in the chain of every error about the content of an answer.
var ErrWrong = errors.New("wrong answer")

// CheckSum checks the answer of Add.
func (in *Input) CheckSum(got int64) error {
	if want := int64(in.A + in.B); got != want {
		return fmt.Errorf("%w: add(%d, %d): got %d; want %d", ErrWrong, in.A, in.B, got, want)
	}
	return nil
}

// stride is the distance of the elements that are compared if Full is not set.
const stride = 101

// CheckInts checks the answer of List, whatever integers a peer has.
func CheckInts[T int | int64](in *Input, got []T) error {
	if len(got) != len(in.Ints) {
		return fmt.Errorf("%w: got %d ints; want %d", ErrWrong, len(got), len(in.Ints))
	}
	for i := range in.places(len(got)) {
		if int(got[i]) != in.Ints[i] {
			return fmt.Errorf("%w: int %d: got %d; want %d", ErrWrong, i, got[i], in.Ints[i])
		}
	}
	return nil
}

// CheckRecords checks the answer of Records, in the peer's own type: at gives one
// record of it.
func (in *Input) CheckRecords(n int, at func(i int) Record) error {
	if n != len(in.Records) {
		return fmt.Errorf("%w: got %d records; want %d", ErrWrong, n, len(in.Records))
	}
	for i := range in.places(n) {
		if got := at(i); got != in.Records[i] {
			return fmt.Errorf("%w: record %d: got %v; want %v", ErrWrong, i, got, in.Records[i])
		}
	}
	return nil
}

// CheckBlob checks the answer of Blob.
func (in *Input) CheckBlob(got []byte) error { return in.CheckBytes(got, in.Blob) }

// CheckBytes checks an answer that a peer does not decode.
func (in *Input) CheckBytes(got, want []byte) error {
	const end = 64
	switch {
	case len(got) != len(want):
		return fmt.Errorf("%w: got %d bytes; want %d", ErrWrong, len(got), len(want))
	case in.Full || len(got) <= 3*end:
		if !bytes.Equal(got, want) {
			return fmt.Errorf("%w: other bytes than were sent", ErrWrong)
		}
	default:
		for _, at := range []int{0, len(got)/2 - end/2, len(got) - end} {
			if !bytes.Equal(got[at:at+end], want[at:at+end]) {
				return fmt.Errorf("%w: other bytes than were sent, near byte %d", ErrWrong, at)
			}
		}
	}
	return nil
}

// places yields the indexes of n elements that are compared: the first and the
// last are among them.
func (in *Input) places(n int) func(yield func(int) bool) {
	step := stride
	if in.Full {
		step = 1
	}
	return func(yield func(int) bool) {
		for i := 0; i < n-1; i += step {
			if !yield(i) {
				return
			}
		}
		if n > 0 {
			yield(n - 1)
		}
	}
}
