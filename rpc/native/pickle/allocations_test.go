package pickle

import (
	"bytes"
	"encoding/binary"
	"runtime"
	"testing"

	"github.com/parley-rpc/parley/rpc/value"
)

// TestAllocationsOfRead: lists of numbers and records are read into Go types
// without memory for each of their items, whatever else is kept or not kept under
// the race detector.
func TestAllocationsOfRead(t *testing.T) {
	const n = 5000
	ints, floats := make([]int64, n), make([]float64, n)
	for i := range ints {
		ints[i], floats[i] = int64(i)<<20, float64(i)/3
	}
	products := make([]item, n)
	for i := range products {
		products[i] = item{i, "a name", float64(i) / 4}
	}
	for _, test := range []struct {
		name string
		v    any
		into func() any
		most float64
	}{
		{"ints", ints, func() any { return new([]int64) }, 100},
		{"floats", floats, func() any { return new([]float64) }, 100},
		{"records", products, func() any { return new([]item) }, n / 5}, // 512 bytes of names at a time
		{"records into maps", products, func() any { return new(any) }, 4 * n},
	} {
		data, err := Append(nil, test.v, EncodeOptions{})
		if err != nil {
			t.Fatal(err)
		}
		got := testing.AllocsPerRun(5, func() {
			dst := test.into()
			if p, ok := dst.(*any); ok {
				if *p, _, err = Decode(data, Options{}); err != nil {
					t.Fatal(err)
				}
				return
			}
			m, err := Read(data, Options{})
			if err != nil {
				t.Fatal(err)
			}
			s := m.Source()
			if value.Decode(s, dst); s.Err() != nil {
				t.Fatal(s.Err())
			}
		})
		if got > test.most {
			t.Errorf("%s: got %v allocations for %d items; want at most %v", test.name, got, n, test.most)
		}
	}
}

// TestAllocationsOfLargeBytes: a large []byte takes memory once, to be written and
// to be read.
func TestAllocationsOfLargeBytes(t *testing.T) {
	const size = 1 << 20
	blob := make([]byte, size)
	for _, protocol := range []int{3, 4, 5} {
		message := perRun(func() {
			if _, err := Append(nil, blob, EncodeOptions{Protocol: protocol}); err != nil {
				t.Fatal(err)
			}
		})
		if message > size+size/4 {
			t.Errorf("protocol %d: Append took %d bytes for %d; want them once", protocol, message, size)
		}
		data, err := Append(nil, blob, EncodeOptions{Protocol: protocol})
		if err != nil {
			t.Fatal(err)
		}
		value := perRun(func() {
			if _, _, err := Decode(data, Options{}); err != nil {
				t.Fatal(err)
			}
		})
		if value > size+size/4 {
			t.Errorf("protocol %d: Decode took %d bytes for %d; want them once", protocol, value, size)
		}
		owned := perRun(func() {
			if _, _, err := Decode(data, Options{Owned: true}); err != nil {
				t.Fatal(err)
			}
		})
		if owned > size/4 {
			t.Errorf("protocol %d: Decode of an owned message took %d bytes for %d; want it to use those of the message", protocol, owned, size)
		}
	}
}

// perRun returns how many bytes f takes.
func perRun(f func()) uint64 {
	const runs = 4
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	for range runs {
		f()
	}
	runtime.ReadMemStats(&after)
	return (after.TotalAlloc - before.TotalAlloc) / runs
}

// Of two places that mention bytes of an owned message one has a copy.
func TestOwnedBytesAreNotShared(t *testing.T) {
	blob := bytes.Repeat([]byte("x"), largeBytes)
	head := append([]byte{opProto, 4, opBinBytes}, binary.LittleEndian.AppendUint32(nil, largeBytes)...)
	for _, tail := range []string{"\x94h\x00\x86.", "2\x86.", "\x85\x94h\x00\x86."} {
		data := append(append(bytes.Clone(head), blob...), tail...)
		v, _, err := Decode(data, Options{Owned: true})
		if err != nil {
			t.Fatal(err)
		}
		checkAlone(t, tail, v)
	}
	small, _, err := Decode([]byte("C\x01x."), Options{Owned: true})
	if b, ok := small.([]byte); err != nil || !ok || cap(b) > 8 {
		t.Errorf("got %v of %d bytes, error %v; want a copy of one byte", small, cap(b), err)
	}
}
