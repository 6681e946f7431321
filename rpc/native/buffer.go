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

// outgrown holds the memory that payloads outgrow while they arrive. They never hold
// what anybody else has seen.
var outgrown stepPools

// stepPools are a pool for each of the sizes that a frameReader grows through.
type stepPools [3]sync.Pool

// stepOf returns which pool has buffers of n bytes; false if none has.
func stepOf(n int) (int, bool) {
	for i := range outgrown {
		if n == growStep<<(2*i) {
			return i, true
		}
	}
	return 0, false
}

// get returns an empty buffer of growStep bytes, four times that for step 1, and
// so on.
func (p *stepPools) get(step int) []byte {
	if b, ok := p[step].Get().(*[]byte); ok {
		return (*b)[:0]
	}
	return make([]byte, 0, growStep<<(2*step))
}

// put gives b back, which get has returned.
func (p *stepPools) put(b []byte) {
	if step, ok := stepOf(cap(b)); ok {
		p[step].Put(&b)
	}
}
