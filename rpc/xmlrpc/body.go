package xmlrpc

import (
	"bytes"
	"compress/gzip"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"strings"
	"sync"

	"github.com/parley-rpc/parley/rpc/xmlrpc/xmlvalue"
)

const (
	// smallBody is up to which size a body needs no room in the budget, and how
	// much memory is taken at first, in bytes.
	smallBody = 64 << 10
	// largestKept bounds the buffers that are kept for the next body, in bytes.
	largestKept = 4<<20 + 1
	// fewValues is how many values a call may hold without being counted, and
	// valuesShare how many calls with as many as are allowed may run together. A
	// value of eight bytes, <value/>, takes ten times that once it is decoded and
	// sent back.
	fewValues   = 8192
	valuesShare = 2
	valueMemory = 80 // in bytes
)

// weigh returns how much memory a call takes beside its body, in values: about as
// many as it holds, and as many as what its text grows by would take.
func weigh(body []byte) int64 {
	n := countValues(body)
	if len(body) > smallBody {
		n += int64(xmlvalue.Growth(body)) / valueMemory
	}
	return n
}

// countValues returns about how many values a call holds, and never less.
func countValues(body []byte) int64 {
	if len(body) < fewValues*len("<value/>") {
		return 0
	}
	if tags := int64(bytes.Count(body, []byte("<"))); tags <= fewValues {
		return tags // a large one with little but base64 or text in it
	}
	return int64(bytes.Count(body, []byte("<value")))
}

// bodyReader reads the bodies of requests within bounds.
type bodyReader struct {
	max    int // of a body, before and after it is decompressed
	memory *budget

	buffers sync.Pool // *buffer
	gunzips sync.Pool // *gzip.Reader
	gzips   sync.Pool // *gzip.Writer
}

// buffer is memory for a message.
type buffer struct {
	data     []byte
	reserved int64 // in the budget
}

// get returns an empty buffer.
func (b *bodyReader) get() *buffer {
	if buf, ok := b.buffers.Get().(*buffer); ok {
		return buf
	}
	return &buffer{data: make([]byte, 0, 4<<10)}
}

// free takes a buffer back. Nothing may refer to its data any more.
func (b *bodyReader) free(buf *buffer) {
	if buf.reserved > 0 {
		b.memory.release(buf.reserved)
		buf.reserved = 0
	}
	if cap(buf.data) <= largestKept {
		buf.data = buf.data[:0]
		b.buffers.Put(buf)
	}
}

// read reads a whole body. Its memory grows with the bytes that arrive, and by
// what the request says of itself only when smallBody of them have, within what
// the budget holds for it.
func (b *bodyReader) read(w http.ResponseWriter, r *http.Request) (*buffer, *refusal) {
	if r.ContentLength > int64(b.max) {
		w.Header().Set("Connection", "close") // the rest is not worth reading
		return nil, b.tooLarge()
	}
	limited := http.MaxBytesReader(w, r.Body, int64(b.max))
	src := io.Reader(limited)
	encoding, _ := contentEncoding(r.Header) // the gates have looked at the error
	if encoding == "gzip" {
		zr, err := b.gunzip(limited)
		if err != nil {
			return nil, b.broken(err)
		}
		defer b.gunzips.Put(zr)
		src = zr
	}

	buf := b.get()
	for {
		if len(buf.data) >= smallBody && buf.reserved == 0 {
			room := int64(b.max)
			if encoding == "" && r.ContentLength > 0 {
				room = r.ContentLength
			}
			if !b.memory.reserve(r.Context(), room) {
				b.free(buf)
				return nil, tooBusy("the server has no room for a large body at the moment")
			}
			buf.reserved = room
			if encoding == "" && r.ContentLength > 0 {
				buf.makeRoom(int(room) + 1) // and one that finds the end
			}
		}
		buf.grow(b.max)
		n, err := src.Read(buf.data[len(buf.data):cap(buf.data)])
		buf.data = buf.data[:len(buf.data)+n]
		if len(buf.data) > b.max {
			b.free(buf)
			return nil, b.tooLarge()
		}
		if err == io.EOF {
			return buf, nil
		}
		if err != nil {
			b.free(buf)
			return nil, b.broken(err)
		}
	}
}

// makeRoom makes room for n bytes in all, which have been reserved: what was said
// of a body that has sent a part of it is worth one copy of that, and not one
// for each step on the way.
func (buf *buffer) makeRoom(n int) {
	if n > cap(buf.data) {
		data := make([]byte, len(buf.data), n)
		copy(data, buf.data)
		buf.data = data
	}
}

// grow makes room for more: four times what is there, which leaves less behind
// than doubling, and one byte more than the largest body at most.
func (buf *buffer) grow(largest int) {
	if len(buf.data) < cap(buf.data) {
		return
	}
	data := make([]byte, len(buf.data), max(min(4*cap(buf.data), largest+1), len(buf.data)+512))
	copy(data, buf.data)
	buf.data = data
}

func (b *bodyReader) gunzip(src io.Reader) (*gzip.Reader, error) {
	if zr, ok := b.gunzips.Get().(*gzip.Reader); ok {
		if err := zr.Reset(src); err != nil {
			b.gunzips.Put(zr)
			return nil, err
		}
		return zr, nil
	}
	return gzip.NewReader(src)
}

func (b *bodyReader) tooLarge() *refusal {
	return &refusal{status: http.StatusRequestEntityTooLarge, reason: fmt.Sprintf("a call may have at most %d bytes", b.max)}
}

// broken is the refusal for a body that could not be read to its end.
func (b *bodyReader) broken(err error) *refusal {
	var large *http.MaxBytesError
	switch {
	case errors.As(err, &large):
		return b.tooLarge()
	case errors.Is(err, os.ErrDeadlineExceeded):
		return &refusal{status: http.StatusRequestTimeout, reason: "the body did not arrive in time"}
	}
	return &refusal{status: http.StatusBadRequest, reason: "the body could not be read: " + clip(err.Error())}
}

// contentEncoding returns "gzip", "" for none, or an error for any other.
func contentEncoding(h http.Header) (string, error) {
	given := h["Content-Encoding"]
	if len(given) == 0 {
		return "", nil
	}
	switch name := strings.ToLower(strings.Join(given, ",")); name {
	case "", "identity":
		return "", nil
	case "gzip", "x-gzip":
		return "gzip", nil
	default:
		return "", fmt.Errorf("a call may have the Content-Encoding gzip or none, not %s", quote(name))
	}
}

// compress appends body to dst as gzip, with a writer from the pool.
func compress(writers *sync.Pool, dst, body []byte) []byte {
	out := appender{dst}
	zw, ok := writers.Get().(*gzip.Writer)
	if ok {
		zw.Reset(&out)
	} else {
		zw, _ = gzip.NewWriterLevel(&out, gzip.BestSpeed) // the level exists
	}
	_, _ = zw.Write(body) // an appender does not fail
	_ = zw.Close()
	writers.Put(zw)
	return out.data
}

type appender struct{ data []byte }

func (a *appender) Write(p []byte) (int, error) {
	a.data = append(a.data, p...)
	return len(p), nil
}
