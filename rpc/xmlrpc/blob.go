package xmlrpc

import (
	"context"
	"io"
	"sync"
)

// blob is a result that is read while it is sent, for as long as its call has time
// and its caller is there. The end of that closes it, if it can be closed, so that a
// Read returns that waits for what does not come.
type blob struct {
	ctx    context.Context
	r      io.Reader
	shut   func()
	forget func() bool
}

func newBlob(ctx context.Context, r io.Reader) *blob {
	shut := func() {}
	if c, ok := r.(io.Closer); ok {
		shut = sync.OnceFunc(func() { _ = c.Close() })
	}
	return &blob{ctx, r, shut, context.AfterFunc(ctx, shut)}
}

func (b *blob) Read(p []byte) (int, error) {
	n, err := b.r.Read(p)
	if over := b.ctx.Err(); over != nil {
		return 0, over
	}
	return n, err
}

func (b *blob) close() {
	b.forget()
	b.shut()
}
