//go:build unix

package native

import (
	"bufio"
	"context"
	"encoding/binary"
	"fmt"
	"io"
	"net"
	"testing"

	"github.com/parley-rpc/parley/rpc"
	"github.com/parley-rpc/parley/rpc/native/cbor"
)

// BenchmarkEcho is a call with a typed argument that comes back as the result.
// Beside it stands what the same bytes take as frames with nothing in them to
// understand: what is between the two is the session and the codec.

type benchProduct struct {
	ID    int     `rpc:"pid"`
	Name  string  `rpc:"pname"`
	Price float64 `rpc:"pprice"`
}

func BenchmarkEcho(b *testing.B) {
	records := make([]benchProduct, 100)
	for i := range records {
		records[i] = benchProduct{ID: i, Name: fmt.Sprintf("product %d", i), Price: float64(i)*1.25 + 0.1}
	}
	ints := make([]int, 1000)
	for i := range ints {
		ints[i] = 7 * i
	}
	b.Run("100 records", func(b *testing.B) { benchEcho(b, records) })
	b.Run("1000 ints", func(b *testing.B) { benchEcho(b, ints) })
}

func benchEcho[T any](b *testing.B, list []T) {
	b.Run("call", func(b *testing.B) {
		reg := benchRegistry(b)
		if err := reg.Register("same", rpc.Func1(func(_ context.Context, list []T) ([]T, error) { return list, nil })); err != nil {
			b.Fatal(err)
		}
		srv := testServer(b, testURL(b, "tcp"), &Server{Handler: reg})
		same := rpc.Stub1[[]T, []T](testClient(b, srv.Addr(), DialConfig{}), "same")
		ctx := context.Background()
		b.ReportAllocs()
		defer reportCPU(b)()
		for b.Loop() {
			if got, err := same(ctx, list); err != nil || len(got) != len(list) {
				b.Fatal(len(got), err)
			}
		}
	})
	b.Run("frames", func(b *testing.B) {
		body, err := cbor.AppendArgs(nil, []any{list})
		if err != nil {
			b.Fatal(err)
		}
		benchFrames(b, body)
	})
}

// benchFrames sends body there and back behind a length of four bytes.
func benchFrames(b *testing.B, body []byte) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		b.Fatal(err)
	}
	defer l.Close()
	done := make(chan struct{})
	go func() {
		defer close(done)
		if c, err := l.Accept(); err == nil {
			defer c.Close()
			in := bufio.NewReaderSize(c, 64<<10)
			for frame := []byte(nil); err == nil; {
				if frame, err = readBenchFrame(in, frame); err == nil {
					_, err = c.Write(frame)
				}
			}
		}
	}()
	defer func() { <-done }()
	c, err := net.Dial("tcp", l.Addr().String())
	if err != nil {
		b.Fatal(err)
	}
	defer c.Close()
	in := bufio.NewReaderSize(c, 64<<10)
	out := append(binary.BigEndian.AppendUint32(nil, uint32(len(body))), body...)
	var frame []byte
	defer reportCPU(b)()
	for b.Loop() {
		if _, err = c.Write(out); err == nil {
			frame, err = readBenchFrame(in, frame)
		}
		if err != nil || len(frame) != len(out) {
			b.Fatal(len(frame), err)
		}
	}
}

func readBenchFrame(in *bufio.Reader, frame []byte) ([]byte, error) {
	head, err := in.Peek(4)
	if err != nil {
		return frame, err
	}
	n := 4 + int(binary.BigEndian.Uint32(head))
	if cap(frame) < n {
		frame = make([]byte, n)
	}
	_, err = io.ReadFull(in, frame[:n])
	return frame[:n], err
}
