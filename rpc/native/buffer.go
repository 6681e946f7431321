package native

import "sync"

// maxKeptBuffer is the largest buffer that is kept for the next message, in
// bytes.
const maxKeptBuffer = 64 << 10

// buffers holds memory between messages. It is a cache: nothing depends on what
// it holds.
var buffers = sync.Pool{New: func() any { b := make([]byte, 0, 1<<10); return &b }}

func getBuffer() *[]byte { return buffers.Get().(*[]byte) }

// putBuffer gives b back. Nobody may hold on to its memory.
func putBuffer(b *[]byte) {
	if cap(*b) <= maxKeptBuffer {
		buffers.Put(b)
	}
}
