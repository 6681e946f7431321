package native

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"math"
	"os"
	"runtime"
	"strings"
	"testing"
	"testing/iotest"
)

func TestFrameHeader(t *testing.T) {
	for _, test := range []struct {
		n    int64
		want string
	}{
		{0, "00000000"},
		{1, "00000001"},
		{16384, "00004000"},
		{1<<31 - 1, "7fffffff"},
		{1 << 31, "ffffffff0000000080000000"},
		{1<<32 - 1, "ffffffff00000000ffffffff"},
		{1 << 40, "ffffffff0000010000000000"},
	} {
		if test.n > math.MaxInt {
			continue // an int has 32 bits here
		}
		if got := fmt.Sprintf("%x", appendFrameHeader(nil, int(test.n))); got != test.want {
			t.Errorf("header of %d bytes: got %s; want %s", test.n, got, test.want)
		}
	}
}

// countingWriter counts writes; a frame must be one.
type countingWriter struct {
	bytes.Buffer
	writes int
}

func (w *countingWriter) Write(p []byte) (int, error) {
	w.writes++
	return w.Buffer.Write(p)
}

func TestFrameRoundTrip(t *testing.T) {
	readers := map[string]func(io.Reader) io.Reader{
		"whole":    func(r io.Reader) io.Reader { return r },
		"one byte": iotest.OneByteReader,
		"half":     iotest.HalfReader,
		"data+err": iotest.DataErrReader,
	}
	for name, wrap := range readers {
		for _, size := range []int{0, 1, 16, 300} {
			var w countingWriter
			for _, n := range messageSizes {
				w.writes = 0
				payload := bytes.Repeat([]byte{byte(n)}, n)
				count, err := writeFrame(&w, payload)
				if err != nil || count != int64(n+headerSize) {
					t.Fatalf("write %d bytes: got %d, %v; want %d", n, count, err, n+headerSize)
				}
				if n <= joinLimit && w.writes != 1 {
					t.Errorf("write %d bytes: got %d writes; want 1", n, w.writes)
				}
			}
			f := newFrameReader(wrap(&w), 1<<20, size)
			for _, n := range messageSizes {
				got, err := f.next(nil)
				if err != nil || !bytes.Equal(got, bytes.Repeat([]byte{byte(n)}, n)) {
					t.Fatalf("%s, buffer %d: message of %d bytes: got %d bytes, error %v", name, size, n, len(got), err)
				}
			}
			if _, err := f.next(nil); err != io.EOF {
				t.Errorf("%s: at the end: got %v; want EOF", name, err)
			}
		}
	}
}

func TestFrameUsesTheMemoryItIsGiven(t *testing.T) {
	dst := make([]byte, 5, 100)
	got, err := readFrame(bytes.NewReader(frameOf("hello")), dst, 100)
	if err != nil || string(got) != "hello" || &got[0] != &dst[0] {
		t.Errorf("got %q, %v; want hello in dst", got, err)
	}
	got, err = readFrame(bytes.NewReader(frameOf(strings.Repeat("x", 200))), dst, 200)
	if err != nil || len(got) != 200 {
		t.Errorf("beyond its capacity: got %d bytes, %v; want 200", len(got), err)
	}
}

func TestReadFrameReadsNoByteMore(t *testing.T) {
	r := strings.NewReader(string(frameOf("one")) + "rest")
	if _, err := readFrame(r, nil, 100); err != nil {
		t.Fatal(err)
	}
	if rest, _ := io.ReadAll(r); string(rest) != "rest" {
		t.Errorf("left: got %q; want rest", rest)
	}
}

func TestFrameErrors(t *testing.T) {
	long := func(n uint64) []byte {
		return binary.BigEndian.AppendUint64([]byte{0xff, 0xff, 0xff, 0xff}, n)
	}
	for _, test := range []struct {
		name string
		in   []byte
		want error
	}{
		{"nothing", nil, io.EOF},
		{"half a header", []byte{0, 0}, io.ErrUnexpectedEOF},
		{"half a long header", long(5)[:9], io.ErrUnexpectedEOF},
		{"no payload", []byte{0, 0, 0, 2}, io.ErrUnexpectedEOF},
		{"half a payload", []byte{0, 0, 0, 2, 'x'}, io.ErrUnexpectedEOF},
		{"length -2", []byte{0xff, 0xff, 0xff, 0xfe}, ErrFrame},
		{"length -2^31", []byte{0x80, 0, 0, 0}, ErrFrame},
		{"TLS record", []byte{0x16, 0x03, 0x01, 0x02}, ErrTooLarge},
		{"above the limit", appendFrameHeader(nil, 101), ErrTooLarge},
		{"2 GB", []byte{0x7f, 0xff, 0xff, 0xff}, ErrTooLarge},
		{"long, above the limit", long(101), ErrTooLarge},
		{"long, 2^63", long(1 << 63), ErrTooLarge},
		{"long, 2^64-1", long(1<<64 - 1), ErrTooLarge},
	} {
		for _, size := range []int{0, 64} {
			f := newFrameReader(bytes.NewReader(test.in), 100, size)
			for range 2 { // it stays
				if _, err := f.next(nil); !errors.Is(err, test.want) {
					t.Errorf("%s, buffer %d: got %v; want %v", test.name, size, err, test.want)
				}
			}
		}
	}
	if got, err := readFrame(bytes.NewReader(append(long(3), "abc"...)), nil, 100); err != nil || string(got) != "abc" {
		t.Errorf("a short payload behind a long header: got %q, %v; want abc", got, err)
	}
}

// stutter gives one byte and then a time-out, over and over.
type stutter struct {
	data    []byte
	timeout bool
}

func (s *stutter) Read(p []byte) (int, error) {
	if s.timeout = !s.timeout; s.timeout {
		return 0, os.ErrDeadlineExceeded
	}
	if len(s.data) == 0 {
		return 0, io.EOF
	}
	n := copy(p[:1], s.data)
	s.data = s.data[n:]
	return n, nil
}

func TestFrameResumesAfterATimeout(t *testing.T) {
	var data []byte
	payloads := []string{"", "a", strings.Repeat("b", 300), "c"}
	for _, p := range payloads {
		data = append(data, frameOf(p)...)
	}
	data = append(data, "\xff\xff\xff\xff\x00\x00\x00\x00\x00\x00\x00\x03abc"...)
	for _, size := range []int{0, 8, 4096} {
		f := newFrameReader(&stutter{data: data}, 1000, size)
		timeouts := 0
		for _, want := range append(payloads, "abc") {
			var got []byte
			err := os.ErrDeadlineExceeded
			for ; err == os.ErrDeadlineExceeded; timeouts++ {
				got, err = f.next(nil)
			}
			if err != nil || string(got) != want {
				t.Fatalf("buffer %d: got %d bytes, %v; want %d", size, len(got), err, len(want))
			}
		}
		if timeouts < len(data) {
			t.Errorf("buffer %d: got %d time-outs; want one for each of %d bytes", size, timeouts, len(data))
		}
	}
}

// Memory follows what came, not what was announced.
func TestFrameClaimTakesNoMemory(t *testing.T) {
	const limit = 1 << 30
	var before, after runtime.MemStats
	for _, sent := range []int{0, 1000, 100_000, 1_000_000} {
		in := append(appendFrameHeader(nil, limit), make([]byte, sent)...)
		runtime.ReadMemStats(&before)
		_, err := readFrame(bytes.NewReader(in), nil, limit)
		runtime.ReadMemStats(&after)
		if !errors.Is(err, io.ErrUnexpectedEOF) {
			t.Fatalf("got %v; want io.ErrUnexpectedEOF", err)
		}
		if got, most := after.TotalAlloc-before.TotalAlloc, uint64(64<<10+8*sent+4096); got > most {
			t.Errorf("1 GiB announced, %d bytes sent: %d bytes were allocated; want at most %d", sent, got, most)
		}
	}
}

// TestFrameMemoryIsNotShared: what payloads outgrow is used again, what was given
// out is not, nor what was dropped.
func TestFrameMemoryIsNotShared(t *testing.T) {
	var in, want [][]byte
	for i, n := range []int{growStep, growStep + 1, 4 * growStep, 4*growStep + 1, 16 * growStep, 16*growStep + 1, 70 * growStep, 5 * growStep, 1 << 20} {
		payload := bytes.Repeat([]byte{byte(i + 1)}, n)
		want = append(want, payload)
		in = append(in, appendFrameHeader(nil, n), payload)
	}
	f := newFrameReader(bytes.NewReader(bytes.Join(in, nil)), 16<<20, 4096)
	const dropped = 5
	var got [][]byte
	for i := range want {
		f.hold = func(n int) bool { return i != dropped || n < 16*growStep }
		payload, err := f.next(nil)
		if i == dropped != errors.Is(err, errDropped) || i != dropped && err != nil {
			t.Fatalf("payload %d: got %v", i, err)
		}
		if f.lent {
			t.Errorf("payload %d: its memory is still lent; want it given out or back", i)
		}
		got = append(got, payload)
	}
	for i := range want {
		if i != dropped && !bytes.Equal(got[i], want[i]) {
			t.Errorf("payload %d of %d bytes has changed", i, len(want[i]))
		}
	}
}

// TestFrameReadOver: a payload above the limit is read over, but for its first bytes,
// wherever its pieces end; what comes behind it is read. One further above is an
// error at once.
func TestFrameReadOver(t *testing.T) {
	const limit, skip = 10, 300_000
	for _, n := range []int{limit + 1, growStep, growStep + 1, skip} {
		payload := make([]byte, n)
		for i := range payload {
			payload[i] = byte(i)
		}
		in := append(append(appendFrameHeader(nil, n), payload...), frameOf("next")...)
		for _, step := range []int{1, 7, 5000, 1 << 20} {
			f := newFrameReader(&pieces{in: in, step: step}, limit, 4096)
			f.skip = skip
			f.hold = func(n int) bool { t.Errorf("memory was asked for: %d bytes", n); return true }
			start, err := f.next(nil)
			for errors.Is(err, os.ErrDeadlineExceeded) {
				start, err = f.next(nil)
			}
			if !errors.Is(err, errOver) || !bytes.Equal(start, payload[:min(n, startSize)]) || f.lent {
				t.Fatalf("%d bytes by %d: got %q, %v; want the first bytes and %v", n, step, start, err, errOver)
			}
			got, err := f.next(nil)
			for errors.Is(err, os.ErrDeadlineExceeded) {
				got, err = f.next(nil)
			}
			if err != nil || string(got) != "next" {
				t.Fatalf("%d bytes by %d: the next one: got %q, %v", n, step, got, err)
			}
		}
	}
	f := newFrameReader(bytes.NewReader(appendFrameHeader(nil, skip+1)), limit, 4096)
	f.skip = skip
	if _, err := f.next(nil); !errors.Is(err, ErrTooLarge) {
		t.Errorf("above what is read over: got %v; want %v", err, ErrTooLarge)
	}
}

// pieces gives step bytes at a time, and a time-out before each 100th piece.
type pieces struct {
	in   []byte
	step int
	n    int
}

func (p *pieces) Read(b []byte) (int, error) {
	if p.n++; p.n%100 == 0 {
		return 0, os.ErrDeadlineExceeded
	}
	n := copy(b, p.in[:min(p.step, len(p.in))])
	p.in = p.in[n:]
	return n, nil
}

func TestFrameLargeHook(t *testing.T) {
	for _, test := range []struct{ n, want int }{{largePayload - 1, 0}, {largePayload, 1}} {
		calls := 0
		f := newFrameReader(bytes.NewReader(append(appendFrameHeader(nil, test.n), make([]byte, test.n)...)), 1<<20, 4096)
		f.large = func() { calls++ }
		if _, err := f.next(nil); err != nil || calls != test.want {
			t.Errorf("%d bytes: got %d calls, %v; want %d", test.n, calls, err, test.want)
		}
	}
}

// FuzzFrame reads arbitrary bytes in pieces of arbitrary size, with time-outs in
// between, and compares with the frames that a plain reader of the whole sees.
func FuzzFrame(f *testing.F) {
	f.Add(frameOf("hello"), uint8(3), uint8(0))
	f.Add(append(frameOf(""), frameOf("x")...), uint8(1), uint8(16))
	f.Add([]byte("\xff\xff\xff\xff\x00\x00\x00\x00\x00\x00\x00\x03abc"), uint8(5), uint8(4))
	f.Add([]byte{0xff, 0xff, 0xff, 0xfe}, uint8(1), uint8(1))
	f.Add([]byte{0x7f, 0xff, 0xff, 0xff, 1, 2, 3}, uint8(2), uint8(9))
	f.Fuzz(func(t *testing.T, data []byte, step, size uint8) {
		const limit = 1 << 12
		whole := frameReader{src: bytes.NewReader(data), max: limit}
		pieces := newFrameReader(&pieceReader{data: data, step: int(step)%7 + 1}, limit, int(size))
		total := 0
		for {
			want, wantErr := whole.next(nil)
			got, err := pieces.next(nil)
			for errors.Is(err, os.ErrDeadlineExceeded) {
				got, err = pieces.next(nil)
			}
			if fmt.Sprint(err) != fmt.Sprint(wantErr) || !bytes.Equal(got, want) {
				t.Fatalf("in pieces: got %q, %v; want %q, %v", got, err, want, wantErr)
			}
			if err != nil {
				return
			}
			if total += headerSize + len(got); total > len(data) {
				t.Fatalf("got %d bytes of frames out of %d", total, len(data))
			}
		}
	})
}

// pieceReader gives step bytes at a time, with a time-out after each.
type pieceReader struct {
	data    []byte
	step    int
	timeout bool
}

func (r *pieceReader) Read(p []byte) (int, error) {
	if r.timeout = !r.timeout; r.timeout {
		return 0, os.ErrDeadlineExceeded
	}
	if len(r.data) == 0 {
		return 0, io.EOF
	}
	n := copy(p[:min(len(p), r.step)], r.data)
	r.data = r.data[n:]
	return n, nil
}
