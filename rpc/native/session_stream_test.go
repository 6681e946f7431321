package native

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"iter"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/parley-rpc/parley/rpc"
	"github.com/parley-rpc/parley/rpc/native/cbor"
)

// streamRegistry returns a registry with these functions.
func streamRegistry(t testing.TB, fns map[string]any) *rpc.Registry {
	t.Helper()
	reg := rpc.NewRegistry()
	reg.Logger = quiet
	for name, fn := range fns {
		if err := reg.Register(name, fn); err != nil {
			t.Fatal(err)
		}
	}
	return reg
}

// noStreams checks that a session holds nothing of a stream any more.
func noStreams(t testing.TB, sessions ...*session) {
	t.Helper()
	for _, s := range sessions {
		eventually(t, "all streams are forgotten", func() bool {
			s.mu.Lock()
			defer s.mu.Unlock()
			return len(s.st.instreams) == 0 && len(s.st.outstreams) == 0 && s.st.streamed == 0
		})
	}
}

// TestSlowConsumerStopsItsProducer: the producer is never more than the window
// ahead, and other calls do not notice.
func TestSlowConsumerStopsItsProducer(t *testing.T) {
	const size = 1000
	var made atomic.Int64
	reg := streamRegistry(t, map[string]any{
		"pieces": func() iter.Seq2[[]byte, error] {
			return func(yield func([]byte, error) bool) {
				for made.Add(1); yield(make([]byte, size), nil); made.Add(1) {
				}
			}
		},
		"one": func() int { return 1 },
	})
	server, client := testPipe(t, sessionConfig{handler: reg}, sessionConfig{})
	taken := 0
	for _, err := range rpc.Stream[[]byte](testContext(t), client, "pieces") {
		if err != nil {
			t.Fatal(err)
		}
		if taken++; taken%300 != 0 {
			continue
		}
		before := made.Load()
		eventually(t, "the producer waits", func() bool {
			now := made.Load()
			time.Sleep(20 * time.Millisecond)
			still := now == made.Load()
			before = now
			return still
		})
		if ahead := int(before) - taken; ahead > defaultWindow/size+2 || ahead < defaultWindow/size/3 {
			t.Fatalf("the producer is %d items ahead; want about %d at most", ahead, defaultWindow/size)
		}
		if n, err := rpc.Invoke[int](testContext(t), client, "one"); err != nil || n != 1 {
			t.Fatalf("a call beside the stream: got %d, %v", n, err)
		}
		if taken == 1500 {
			break
		}
	}
	noStreams(t, server, client)
}

// TestSlowFunctionStopsItsUpload is the same in the other direction.
func TestSlowFunctionStopsItsUpload(t *testing.T) {
	const size = 1000
	var made atomic.Int64
	proceed, took := make(chan struct{}), make(chan int, 1)
	reg := streamRegistry(t, map[string]any{
		"slow": func(items iter.Seq2[[]byte, error]) (int, error) {
			n := 0
			for _, err := range items {
				if err != nil {
					return 0, err
				}
				if n++; n%500 == 1 {
					took <- n
					<-proceed
				}
			}
			return n, nil
		},
		"one": func() int { return 1 },
	})
	server, client := testPipe(t, sessionConfig{handler: reg}, sessionConfig{})
	items := iter.Seq2[[]byte, error](func(yield func([]byte, error) bool) {
		for range 2000 {
			made.Add(1)
			if !yield(make([]byte, size), nil) {
				return
			}
		}
	})
	answer := make(chan error, 1)
	go func() {
		n, err := rpc.Invoke[int](testContext(t), client, "slow", items)
		if err == nil && n != 2000 {
			err = fmt.Errorf("got %d items", n)
		}
		answer <- err
	}()
	for range 4 {
		n := <-took
		time.Sleep(50 * time.Millisecond)
		if ahead := int(made.Load()) - n; ahead > defaultWindow/size+2 {
			t.Errorf("the producer is %d items ahead; want at most %d", ahead, defaultWindow/size+2)
		}
		if n, err := rpc.Invoke[int](testContext(t), client, "one"); err != nil || n != 1 {
			t.Errorf("a call beside the upload: got %d, %v", n, err)
		}
		proceed <- struct{}{}
	}
	if err := <-answer; err != nil {
		t.Error(err)
	}
	noStreams(t, server, client)
}

// noise is a reader of n bytes that differ.
func noise(n int) io.Reader {
	return io.LimitReader(&counterReader{}, int64(n))
}

type counterReader struct{ n uint64 }

func (r *counterReader) Read(p []byte) (int, error) {
	for i := range p {
		p[i] = byte(r.n * 0x9e3779b97f4a7c15 >> 56)
		r.n++
	}
	return len(p), nil
}

// TestBytesOfAnySize: what is larger than every limit on messages and memory
// passes through in both directions.
func TestBytesOfAnySize(t *testing.T) {
	const size = 96 << 20
	want := sha256.New()
	io.Copy(want, noise(size))
	sum := fmt.Sprintf("%x", want.Sum(nil))
	reg := streamRegistry(t, map[string]any{
		"get": func(n int) io.Reader { return noise(n) },
		"put": func(r io.Reader) (string, error) {
			h := sha256.New()
			_, err := io.Copy(h, r)
			return fmt.Sprintf("%x", h.Sum(nil)), err
		},
	})
	srv := testServer(t, testURL(t, "tcp"), &Server{Handler: reg, Limits: Limits{MaxMessage: 1 << 20, MaxBuffered: 1 << 20}})
	c := testClient(t, srv.Addr(), DialConfig{Limits: Limits{MaxMessage: 1 << 20, MaxBuffered: 1 << 20}})
	ctx := testContext(t)
	h := sha256.New()
	r := rpc.Reader(ctx, c, "get", size)
	defer r.Close()
	if n, err := io.Copy(h, r); err != nil || n != size || fmt.Sprintf("%x", h.Sum(nil)) != sum {
		t.Errorf("get: got %d bytes with the sum %x, %v; want %d with %s", n, h.Sum(nil), err, size, sum)
	}
	if got, err := rpc.Invoke[string](ctx, c, "put", noise(size)); err != nil || got != sum {
		t.Errorf("put: got %s, %v; want %s", got, err, sum)
	}
}

// TestLargeItems: an item may be larger than the window, and than a frame.
func TestLargeItems(t *testing.T) {
	reg := streamRegistry(t, map[string]any{
		"mirror": func(items iter.Seq2[[]byte, error]) iter.Seq2[[]byte, error] { return items },
	})
	server, client := testPipe(t, sessionConfig{handler: reg}, sessionConfig{})
	sizes := []int{0, 1, 4090, 4096, 70_000, 1 << 20, 5, 65_525, 65_526, 65_527, 3 << 20, 10, 300_000}
	content := func(i int) []byte { return bytes.Repeat([]byte{byte(i + 1)}, sizes[i]) }
	n := 0
	upload := iter.Seq2[[]byte, error](func(yield func([]byte, error) bool) {
		for i := range sizes {
			if !yield(content(i), nil) {
				return
			}
		}
	})
	// The arguments themselves are sent in parts too, in front of the stream.
	for item, err := range rpc.Stream[[]byte](testContext(t), client, "mirror", upload) {
		if err != nil {
			t.Fatal(err)
		}
		if !bytes.Equal(item, content(n)) {
			t.Fatalf("item %d: got %d bytes; want %d", n, len(item), sizes[n])
		}
		n++
	}
	if n != len(sizes) {
		t.Errorf("got %d items; want %d", n, len(sizes))
	}
	noStreams(t, server, client)

	// Leaving while large items are on their way, and a message that is cut then.
	endless := iter.Seq2[[]byte, error](func(yield func([]byte, error) bool) {
		for yield(make([]byte, 2<<20), nil) {
		}
	})
	for range 20 {
		for _, err := range rpc.Stream[[]byte](testContext(t), client, "mirror", endless) {
			if err != nil {
				t.Fatal(err)
			}
			break
		}
	}
	noStreams(t, server, client)
	if got, err := rpc.Invoke[[][]byte](testContext(t), client, "mirror", [][]byte{[]byte("x")}); err != nil || len(got) != 1 {
		t.Errorf("afterwards: got %q, %v", got, err)
	}
}

// TestUploadBehindLargeArguments: DATA never overtakes the parts of its CALL.
func TestUploadBehindLargeArguments(t *testing.T) {
	reg := streamRegistry(t, map[string]any{
		"total": func(b []byte, nums iter.Seq2[int, error]) (int, error) {
			total := len(b)
			for n, err := range nums {
				if err != nil {
					return 0, err
				}
				total += n
			}
			return total, nil
		},
	})
	srv := testServer(t, testURL(t, "unix"), &Server{Handler: reg})
	c := testClient(t, srv.Addr(), DialConfig{})
	for _, size := range []int{0, 100_000, 3 << 20} {
		nums := iter.Seq2[int, error](func(yield func(int, error) bool) {
			for i := 0; i < 1000 && yield(i, nil); i++ {
			}
		})
		got, err := rpc.Invoke[int](testContext(t), c, "total", make([]byte, size), nums)
		if want := size + 999*500; err != nil || got != want {
			t.Errorf("with %d bytes: got %d, %v; want %d", size, got, err, want)
		}
	}
}

// TestLostStream: a connection that is lost ends a stream with an error at both
// ends, behind what has come.
func TestLostStream(t *testing.T) {
	ended := make(chan error, 2)
	reg := streamRegistry(t, map[string]any{
		"ticks": func(ctx context.Context) iter.Seq2[int, error] {
			return func(yield func(int, error) bool) {
				for i := range 3 {
					if !yield(i, nil) {
						return
					}
				}
				<-ctx.Done()
				ended <- ctx.Err()
			}
		},
		"collect": func(nums iter.Seq2[int, error]) error {
			for _, err := range nums {
				if err != nil {
					ended <- err
					return err
				}
			}
			ended <- nil
			return nil
		},
	})
	server, client := testPipe(t, sessionConfig{handler: reg}, sessionConfig{})
	got := 0
	var last error
	for _, err := range rpc.Stream[int](testContext(t), client, "ticks") {
		if last = err; err == nil {
			if got++; got == 3 {
				server.nc.Close()
			}
		}
	}
	var link *rpc.LinkError
	if got != 3 || !errors.As(last, &link) || link.Sent != rpc.Unknown {
		t.Errorf("got %d items, then %v; want 3, then a LinkError of unknown outcome", got, last)
	}
	if err := <-ended; err == nil {
		t.Error("the producer was not told")
	}

	_, client = testPipe(t, sessionConfig{handler: reg}, sessionConfig{})
	_, err := rpc.Invoke[rpc.Void](testContext(t), client, "collect", iter.Seq2[int, error](func(yield func(int, error) bool) {
		yield(1, nil)
		time.Sleep(20 * time.Millisecond)
		client.nc.Close()
		for yield(2, nil) {
		}
	}))
	if !errors.As(err, &link) || link.Sent != rpc.Unknown {
		t.Errorf("the upload: got %v; want a LinkError of unknown outcome", err)
	}
	if err := <-ended; err == nil {
		t.Error("an upload that was cut off looked complete to its function")
	}
}

// TestStreamsAreBounded: a connection whose streams take too much memory loses
// a stream, not more.
func TestStreamsAreBounded(t *testing.T) {
	hold := make(chan struct{})
	reg := streamRegistry(t, map[string]any{
		"late": func(r io.Reader) (int64, error) {
			<-hold
			return io.Copy(io.Discard, r)
		},
		"one": func() int { return 1 },
	})
	limits, err := Limits{MaxMessage: 1 << 20, MaxBuffered: 1 << 20, StreamWindow: 1 << 19}.withDefaults()
	if err != nil {
		t.Fatal(err)
	}
	server, client := testPipe(t, sessionConfig{handler: reg, limits: limits}, sessionConfig{})
	const calls = 8
	outcomes := make(chan error, calls)
	for range calls {
		go func() {
			_, err := rpc.Invoke[int64](testContext(t), client, "late", noise(2<<20))
			outcomes <- err
		}()
	}
	eventually(t, "the buffers are full", func() bool {
		server.mu.Lock()
		defer server.mu.Unlock()
		failed := 0
		for _, f := range server.st.instreams {
			if f.err != nil {
				failed++
			}
		}
		if server.st.streamed > limits.MaxBuffered {
			t.Errorf("%d bytes are held; want at most %d", server.st.streamed, limits.MaxBuffered)
		}
		return failed > 0 && len(server.st.instreams) == calls
	})
	if n, err := rpc.Invoke[int](testContext(t), client, "one"); err != nil || n != 1 {
		t.Errorf("a call beside them: got %d, %v", n, err)
	}
	close(hold)
	failed := 0
	for range calls {
		if err := <-outcomes; err != nil {
			if f := new(rpc.Fault); !errors.As(err, &f) || f.Code != rpc.CodeOverLimit || !strings.Contains(f.Message, "more than") {
				t.Errorf("got %v; want fault %d", err, rpc.CodeOverLimit)
			}
			failed++
		}
	}
	if failed == 0 || failed == calls {
		t.Errorf("%d of %d streams were broken off; want some", failed, calls)
	}
	noStreams(t, server, client)
}

// TestUploadIsNotMadeTwice: a call that is refused before anything of its upload
// was read is made again; afterwards it is not.
func TestUploadIsNotMadeTwice(t *testing.T) {
	reg := streamRegistry(t, map[string]any{
		"sum": func(nums iter.Seq2[int, error]) (total int, err error) {
			for n, err := range nums {
				if err != nil {
					return 0, err
				}
				total += n
			}
			return total, nil
		},
	})
	url := testURL(t, "unix")
	testServer(t, url, &Server{Handler: reg})
	c := testClient(t, url, DialConfig{WaitForReady: true})
	c.live.Load().end(ErrGoingAway) // it is found out by the call
	nums := func(yield func(int, error) bool) { _ = yield(1, nil) && yield(2, nil) }
	if n, err := rpc.Invoke[int](testContext(t), c, "sum", iter.Seq2[int, error](nums)); err != nil || n != 3 {
		t.Errorf("got %d, %v; want 3", n, err)
	}
}

// TestCredit looks at the frames: a session sends no more than it is allowed, and
// gives back what was taken.
func TestCredit(t *testing.T) {
	reg := streamRegistry(t, map[string]any{
		"pieces": func(n, size int) iter.Seq2[[]byte, error] {
			return func(yield func([]byte, error) bool) {
				for i := 0; i < n && yield(make([]byte, size), nil); i++ {
				}
			}
		},
		"count": func(items iter.Seq2[[]byte, error]) (n int, err error) {
			for _, err := range items {
				if err != nil {
					return 0, err
				}
				n++
			}
			return n, nil
		},
	})
	p, s := greeted(t, sessionConfig{handler: reg})
	p.send(frame(frameCall, flagItems, 1, callBody("pieces", 300, 2000)))
	item := 2000 + 3
	for sent := 0; sent < defaultWindow; sent += item {
		p.want(frameData, 1)
	}
	p.wantNothing()
	p.send(frame(frameCredit, 0, 1, string(binary.AppendUvarint(nil, uint64(item)))))
	if f := p.want(frameData, 1); len(f.body) != item {
		t.Fatalf("an item of %d bytes; want %d", len(f.body), item)
	}
	p.send(frame(frameCredit, 0, 1, string(binary.AppendUvarint(nil, 1<<20))))
	for range 300 - (defaultWindow+item-1)/item - 1 {
		p.want(frameData, 1)
	}
	p.want(frameResult, 1)
	p.send(frame(frameCredit, 0, 1, "\x01")) // has met the answer on its way

	p.send(frame(frameCall, flagUpload, 3, callBody("count")))
	b, err := cbor.Append(nil, make([]byte, 50_000))
	if err != nil {
		t.Fatal(err)
	}
	for range 4 {
		p.send(frame(frameData, 0, 3, string(b)))
	}
	back := 0
	for back < 3*50_000-defaultWindow/2 {
		f := p.want(frameCredit, 3)
		n, _ := binary.Uvarint([]byte(f.body))
		back += int(n)
	}
	p.send(frame(frameData, flagEnd, 3, ""))
	if f := p.want(frameResult, 3); f.body != "\x04" {
		t.Errorf("count: got % x; want 04", f.body)
	}
	p.send(frame(frameData, 0, 3, "x")) // has met the answer on its way
	noStreams(t, s)
}

// TestStreamBreaches sends DATA and CREDIT that no peer may send.
func TestStreamBreaches(t *testing.T) {
	reg := streamRegistry(t, map[string]any{
		"late":  func(ctx context.Context, r io.Reader) { <-ctx.Done() },
		"items": func(ctx context.Context) iter.Seq2[int, error] { return func(func(int, error) bool) { <-ctx.Done() } },
	})
	late := frame(frameCall, flagUpload, 1, callBody("late"))
	items := frame(frameCall, flagItems, 1, callBody("items"))
	full := strings.Repeat("x", maxBody)
	more := func(total int, chunk string) string {
		return frame(frameData, flagMore, 1, string(binary.AppendUvarint(nil, uint64(total)))+chunk)
	}
	tests := []struct {
		name   string
		frames []string
		want   string
	}{
		{"DATA without credit", []string{late, frame(frameData, 0, 1, full), frame(frameData, 0, 1, full), frame(frameData, 0, 1, full), frame(frameData, 0, 1, full), frame(frameData, 0, 1, "x")}, "DATA 1 of 1 bytes without credit"},
		{"large DATA without credit", []string{late, frame(frameData, 0, 1, full), frame(frameData, 0, 1, full), frame(frameData, 0, 1, full), frame(frameData, 0, 1, full), more(100, "x")}, "DATA 1 of 100 bytes without credit"},
		{"empty DATA", []string{late, frame(frameData, 0, 1, "")}, "DATA 1 without content"},
		{"DATA after its end", []string{late, frame(frameData, flagEnd, 1, ""), frame(frameData, 0, 1, "x")}, "DATA 1 after its end"},
		{"large DATA after its end", []string{late, frame(frameData, flagEnd, 1, ""), more(100, "x")}, "DATA 1 after its end"},
		{"the end twice", []string{late, frame(frameData, flagEnd, 1, ""), frame(frameData, flagEnd, 1, "")}, "DATA 1 after its end"},
		{"the end with a body", []string{late, frame(frameData, flagEnd, 1, "x")}, "DATA with a body of 1 bytes at its end"},
		{"the end with a large body", []string{late, frame(frameData, flagEnd, 1, full)}, "DATA with a body of 65536 bytes at its end"},
		{"the end within an item", []string{late, more(100, "x"), frame(frameData, flagEnd, 1, "")}, "of another size than the 100 bytes"},
		{"an item above the limit", []string{late, more(defaultMaxMessage+1, "x")}, "DATA 1 of 16777217 bytes, at most"},
		{"an item longer than announced", []string{late, more(4, "abc"), frame(frameData, 0, 1, "de")}, "of another size than the 4 bytes"},
		{"an item shorter than announced", []string{late, more(9, "abc"), frame(frameData, 0, 1, "de")}, "of another size than the 9 bytes"},
		{"an item that does not end", []string{late, more(3, "abc")}, "of another size than the 3 bytes"},
		{"a part without content", []string{late, more(30, "abc"), frame(frameData, flagMore, 1, "")}, "of another size than the 30 bytes"},
		{"flags in a later frame", []string{frame(frameCall, flagMore|flagUpload, 1, "\x10abc"), frame(frameCall, flagMore|flagUpload, 1, "abc")}, "flags 0x05 in a later frame"},
		{"no credit", []string{items, frame(frameCredit, 0, 1, "\x00")}, "CREDIT 1 of 0 bytes"},
		{"too much credit", []string{items, frame(frameCredit, 0, 1, string(binary.AppendUvarint(nil, maxCredit)))}, "CREDIT 1 of 1073741824 bytes"},
		{"absurd credit", []string{items, frame(frameCredit, 0, 1, "\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01")}, "CREDIT 1 of 18446744073709551615 bytes"},
		{"credit that is no number", []string{items, frame(frameCredit, 0, 1, "\xff")}, "CREDIT 1 without a number"},
		{"credit with something behind", []string{items, frame(frameCredit, 0, 1, "\x01\x01")}, "CREDIT 1 without a number"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			wantBreach(t, reg, tt.frames, tt.want)
		})
	}
}

// TestShortFunctionsAsStreams: a caller may take the list of a short function item
// by item; the reader does not wait for it.
func TestShortFunctionsAsStreams(t *testing.T) {
	reg := rpc.NewRegistry()
	if err := reg.Register("list", func(n int) []string { return slices.Repeat([]string{strings.Repeat("x", 100)}, n) }, rpc.Short()); err != nil {
		t.Fatal(err)
	}
	if err := reg.Register("sum", func(iter.Seq2[int, error]) int { return 0 }, rpc.Short()); err == nil {
		t.Error("a function that takes a stream was registered as short")
	}
	server, client := testPipe(t, sessionConfig{handler: reg}, sessionConfig{})
	n := 0
	for _, err := range rpc.Stream[string](testContext(t), client, "list", 20_000) {
		if err != nil {
			t.Fatal(err)
		}
		if n++; n == 1 {
			time.Sleep(10 * time.Millisecond)
			if _, err := rpc.Invoke[[]string](testContext(t), client, "list", 1); err != nil {
				t.Fatal(err)
			}
		}
	}
	if n != 20_000 {
		t.Errorf("got %d items; want 20000", n)
	}
	noStreams(t, server, client)
}
