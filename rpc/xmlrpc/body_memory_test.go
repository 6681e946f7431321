package xmlrpc

import (
	"bytes"
	"context"
	"io"
	"net/http"
	"net/http/httptest"
	"runtime"
	"sync"
	"testing"
)

// stalling is a body that ends only when it is let go.
type stalling struct {
	rest    []byte
	stalled chan<- struct{}
	release <-chan struct{}
}

func (s *stalling) Read(p []byte) (int, error) {
	if len(s.rest) == 0 {
		s.stalled <- struct{}{}
		<-s.release
		return 0, io.ErrUnexpectedEOF
	}
	n := copy(p, s.rest)
	s.rest = s.rest[n:]
	return n, nil
}

func (s *stalling) Close() error { return nil }

// TestThreatDeclaredLengthsTakeMemory: 64 callers who say that 4 MiB will come and
// send no more than what makes a body large take together what MaxBuffered is.
func TestThreatDeclaredLengthsTakeMemory(t *testing.T) {
	const callers, declared, buffered = 64, 4 << 20, 32 << 20
	b := &bodyReader{max: declared, memory: newBudget(buffered)}
	ctx, cancel := context.WithCancel(t.Context())
	stalled, release := make(chan struct{}, callers), make(chan struct{})
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	var wg sync.WaitGroup
	for range callers {
		wg.Go(func() {
			r := httptest.NewRequestWithContext(ctx, http.MethodPost, "/", nil)
			r.Body, r.ContentLength = &stalling{make([]byte, smallBody), stalled, release}, declared
			if _, no := b.read(httptest.NewRecorder(), r); no == nil {
				t.Error("half a body was read without an error")
			}
		})
	}
	for range buffered / declared { // the others wait for room
		<-stalled
	}
	runtime.ReadMemStats(&after)
	// Beside the large buffers each has the small ones that it began with, and its request.
	const most = buffered + callers*4*smallBody
	if taken := after.TotalAlloc - before.TotalAlloc; taken > most {
		t.Errorf("%d callers take %d KiB; want at most %d", callers, taken>>10, most>>10)
	}
	cancel()
	close(release)
	wg.Wait()
}

// TestBodyOfKnownLengthHasItsSize: a large body is copied once on its way.
func TestBodyOfKnownLengthHasItsSize(t *testing.T) {
	const size = 1 << 20
	b := &bodyReader{max: 4 * size, memory: newBudget(4 * size)}
	r := httptest.NewRequestWithContext(t.Context(), http.MethodPost, "/", bytes.NewReader(make([]byte, size)))
	buf, no := b.read(httptest.NewRecorder(), r)
	if no != nil {
		t.Fatal(no.reason)
	}
	if len(buf.data) != size || cap(buf.data) > size+1 {
		t.Errorf("got %d bytes in a buffer of %d; want %d in one of %d", len(buf.data), cap(buf.data), size, size+1)
	}
	b.free(buf)
}
