package peers

import (
	"bufio"
	"context"
	"encoding/binary"
	"errors"
	"io"
	"net"
	"runtime"
	"sync"

	"github.com/parley-rpc/parley/internal/compare/harness"
	"github.com/parley-rpc/parley/internal/compare/work"
)

// rawMux carries many calls on one connection: behind the length stands the id
// of the call, four bytes. The server answers on the goroutine that reads.
func rawMux() *harness.Peer {
	return &harness.Peer{Name: "raw-mux", Serve: serveWith(serveMux), Dial: dialMux}
}

// rawMuxGo is the same with a goroutine for each request.
func rawMuxGo() *harness.Peer {
	return &harness.Peer{Name: "raw-mux-go", Serve: serveWith(serveMuxGo), Dial: dialMux}
}

func serveWith(serve func(net.Conn)) func(string) (string, error) {
	return func(string) (string, error) { return serveConns(harness.AnyPort, serve) }
}

// muxBuffer is how much is read at once, in bytes.
const muxBuffer = 64 << 10

// batch gathers frames for one write. Whoever finds nobody writing becomes the
// writer, lets the others add their frames, and writes until nothing is left.
type batch struct {
	nc net.Conn

	mu      sync.Mutex // protects what follows
	out     []byte
	spare   []byte
	writing bool
	waiting int // calls without an answer, as far as the owner counts them
}

// send writes a frame, or leaves that to the writer. It adds n to the calls that
// wait; if there are more than one, others may be about to send too.
func (b *batch) send(id uint32, body []byte, n int) error {
	b.mu.Lock()
	b.waiting += n
	b.out = appendMux(b.out, id, body)
	if b.writing {
		b.mu.Unlock()
		return nil
	}
	b.writing = true
	alone := b.waiting <= 1
	b.mu.Unlock()
	if !alone {
		runtime.Gosched()
	}
	return b.flush()
}

func (b *batch) flush() error {
	for {
		b.mu.Lock()
		out := b.out
		if len(out) == 0 {
			b.writing = false
			b.mu.Unlock()
			return nil
		}
		b.out = b.spare[:0]
		b.mu.Unlock()
		if _, err := b.nc.Write(out); err != nil {
			return err // nobody writes any more
		}
		b.mu.Lock()
		b.spare = out
		b.mu.Unlock()
	}
}

func appendMux(dst []byte, id uint32, body []byte) []byte {
	dst = binary.BigEndian.AppendUint32(dst, uint32(4+len(body)))
	dst = binary.BigEndian.AppendUint32(dst, id)
	return append(dst, body...)
}

func serveMux(nc net.Conn) {
	r := bufio.NewReaderSize(nc, muxBuffer)
	var buf, out []byte
	for {
		var err error
		if buf, err = readFrame(r, buf, 0); err != nil || len(buf) < 4 {
			return
		}
		answer, err := rawAnswer(buf[4:])
		if err != nil {
			return
		}
		out = appendMux(out, binary.BigEndian.Uint32(buf), answer)
		if r.Buffered() > 0 {
			continue // what has come is answered first
		}
		if _, err := nc.Write(out); err != nil {
			return
		}
		out = out[:0]
	}
}

func serveMuxGo(nc net.Conn) {
	r := bufio.NewReaderSize(nc, muxBuffer)
	b := &batch{nc: nc}
	var handlers sync.WaitGroup
	defer handlers.Wait()
	for {
		request, err := readFrame(r, nil, 0)
		if err != nil || len(request) < 4 {
			return
		}
		b.mu.Lock()
		b.waiting++
		b.mu.Unlock()
		handlers.Go(func() {
			answer, err := rawAnswer(request[4:])
			if err == nil {
				err = b.send(binary.BigEndian.Uint32(request), answer, 0)
			}
			b.mu.Lock()
			b.waiting--
			b.mu.Unlock()
			if err != nil {
				nc.Close() // which ends the reader too
			}
		})
	}
}

// muxConn is a client. Each caller has a place in calls, which is the id of its
// calls, since it makes one at a time.
type muxConn struct {
	batch
	calls []*muxCall    // protected by batch.mu
	ended chan struct{} // closed when there are no answers any more
}

type muxCall struct {
	answer []byte
	done   chan struct{} // holds one element when answer is there
}

var errEnded = errors.New("the connection has ended")

func dialMux(_, addr string) (harness.Conn, error) {
	nc, err := dial(addr)
	if err != nil {
		return nil, err
	}
	c := &muxConn{batch: batch{nc: nc}, ended: make(chan struct{})}
	go c.read() // until Close
	return c, nil
}

func (c *muxConn) read() {
	defer close(c.ended)
	r := bufio.NewReaderSize(c.nc, muxBuffer)
	var head [8]byte
	for {
		if _, err := io.ReadFull(r, head[:]); err != nil {
			return
		}
		n, id := int(binary.BigEndian.Uint32(head[:]))-4, int(binary.BigEndian.Uint32(head[4:]))
		c.mu.Lock()
		if n < 0 || n > maxFrame || id >= len(c.calls) {
			c.mu.Unlock()
			return
		}
		call := c.calls[id]
		c.waiting--
		c.mu.Unlock()
		if cap(call.answer) < n {
			call.answer = make([]byte, n)
		}
		call.answer = call.answer[:n]
		if _, err := io.ReadFull(r, call.answer); err != nil {
			return
		}
		call.done <- struct{}{}
	}
}

func (c *muxConn) Prepare(in *work.Input) (harness.Call, error) {
	request, err := rawRequest(in)
	if err != nil {
		return nil, err
	}
	call := &muxCall{done: make(chan struct{}, 1)}
	c.mu.Lock()
	id := uint32(len(c.calls))
	c.calls = append(c.calls, call)
	c.mu.Unlock()
	return func(context.Context) error {
		if err := c.send(id, request, 1); err != nil {
			return err
		}
		select {
		case <-call.done:
		case <-c.ended:
			return errEnded
		}
		return checkRaw(in, request, call.answer)
	}, nil
}

func (c *muxConn) Close() error {
	err := c.nc.Close()
	<-c.ended
	return err
}
