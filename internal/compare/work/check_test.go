package work

import (
	"errors"
	"slices"
	"testing"
)

// An answer that differs is found: anywhere if the input is Full, and otherwise
// in its length and at both ends.
func TestChecksFindWrongAnswers(t *testing.T) {
	checks := map[string]func(in *Input, change func(n int) int) error{
		"list": func(in *Input, change func(int) int) error {
			got := slices.Clone(in.Ints)
			if i := change(len(got)); i >= 0 {
				got[i]++
			} else {
				got = got[1:]
			}
			return CheckInts(in, got)
		},
		"struct": func(in *Input, change func(int) int) error {
			got := slices.Clone(in.Records)
			if i := change(len(got)); i >= 0 {
				got[i].Price++
			} else {
				got = got[1:]
			}
			return in.CheckRecords(len(got), func(i int) Record { return got[i] })
		},
		"blob": func(in *Input, change func(int) int) error {
			got := slices.Clone(in.Blob)
			if i := change(len(got)); i >= 0 {
				got[i]++
			} else {
				got = got[1:]
			}
			return in.CheckBlob(got)
		},
	}
	forms := map[string]Work{"list": {Form: List, Size: 1000}, "struct": {Form: Records, Size: 100}, "blob": {Form: Blob, Size: 1 << 20}}
	changes := []struct {
		name   string
		change func(n int) int
		cheap  bool // found without Full too
	}{
		{"first", func(int) int { return 0 }, true},
		{"second", func(int) int { return 1 }, false},
		{"last", func(n int) int { return n - 1 }, true},
		{"shorter", func(int) int { return -1 }, true},
	}
	for name, check := range checks {
		for _, c := range changes {
			in := forms[name].WarmUp(3)
			if err := check(in, c.change); !errors.Is(err, ErrWrong) {
				t.Errorf("%s, full, %s: got %v; want %v", name, c.name, err, ErrWrong)
			}
			in.Full = false
			if err := check(in, c.change); c.cheap && !errors.Is(err, ErrWrong) {
				t.Errorf("%s, cheap, %s: got %v; want %v", name, c.name, err, ErrWrong)
			}
		}
	}
	if err := (Work{Form: Add}).WarmUp(1).CheckSum(0); !errors.Is(err, ErrWrong) {
		t.Errorf("add: got %v; want %v", err, ErrWrong)
	}
}

func TestChecksAcceptRightAnswers(t *testing.T) {
	for _, f := range []Form{Add, List, Records, Blob} {
		for _, in := range []*Input{(Work{Form: f, Size: 1000}).Measured(), (Work{Form: f, Size: 1}).WarmUp(0), (Work{Form: f}).WarmUp(255)} {
			err := errors.Join(
				in.CheckSum(int64(in.A+in.B)), CheckInts(in, in.Ints), in.CheckBlob(in.Blob),
				in.CheckRecords(len(in.Records), func(i int) Record { return in.Records[i] }))
			if err != nil {
				t.Errorf("form %s: %v", f, err)
			}
		}
	}
}

// Callers send different things while they warm up, so that an answer that goes
// to another caller is found.
func TestWarmUpsDiffer(t *testing.T) {
	seen := map[int]bool{}
	for caller := range 256 {
		in := (Work{Form: Add}).WarmUp(caller)
		if seen[in.A+in.B] {
			t.Fatalf("caller %d: %d + %d: another has the same sum", caller, in.A, in.B)
		}
		seen[in.A+in.B] = true
	}
	if in := (Work{Form: Add}).Measured(); in.A != 3 || in.B != 5 {
		t.Errorf("got add(%d, %d); want add(3, 5)", in.A, in.B)
	}
}
