package xmlrpc

import (
	"context"
	"fmt"
	"io"
	"time"
)

// errNoAnswer is what a call without a deadline of its own fails with.
type errNoAnswer time.Duration

func (e errNoAnswer) Error() string {
	return fmt.Sprintf("no answer within %v, the default; give the context a deadline to wait longer", time.Duration(e))
}

func (errNoAnswer) Is(target error) bool { return target == context.DeadlineExceeded }

// errNoMore is what a stream without a deadline of its own fails with that does not
// move any more.
type errNoMore struct {
	length time.Duration
	came   int64 // bytes
}

func (e errNoMore) Error() string {
	return fmt.Sprintf("nothing came within %v, the default (%d bytes of the answer had come); give the context a deadline, which bounds the whole stream, to wait longer", e.length, e.came)
}

func (errNoMore) Is(target error) bool { return target == context.DeadlineExceeded }

// patient is the context of a stream without a deadline: it ends when nothing has
// come for the default time.
type patient struct {
	context.Context
	length time.Duration
	cancel context.CancelCauseFunc
	timer  *time.Timer
	came   int64 // the reader's
}

func newPatient(parent context.Context, length time.Duration) *patient {
	p := &patient{length: length}
	p.Context, p.cancel = context.WithCancelCause(parent)
	p.timer = time.AfterFunc(length, func() { p.cancel(errNoMore{length: length}) })
	return p
}

// end ends p, unless it has ended by itself.
func (p *patient) end() {
	p.timer.Stop()
	p.cancel(context.Canceled)
}

// watch has the time begin anew with each part of body that comes.
func (p *patient) watch(body io.ReadCloser) io.ReadCloser {
	p.timer.Reset(p.length)
	return &watchedBody{body, p}
}

type watchedBody struct {
	io.ReadCloser
	p *patient
}

func (b *watchedBody) Read(buf []byte) (int, error) {
	n, err := b.ReadCloser.Read(buf)
	if n > 0 {
		b.p.came += int64(n)
		b.p.timer.Reset(b.p.length)
	}
	return n, err
}

// cause returns why p has ended, in the words for the caller.
func (p *patient) cause() error {
	if late, ok := context.Cause(p.Context).(errNoMore); ok { //nolint:errorlint // it is set as it is
		late.came = p.came
		return late
	}
	return p.Err()
}
