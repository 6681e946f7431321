package trials

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"strings"
	"sync"
	"time"

	"github.com/parley-rpc/parley/internal/compare/harness"
	"github.com/parley-rpc/parley/internal/compare/peers"
	"github.com/parley-rpc/parley/internal/compare/work"
	"github.com/parley-rpc/parley/rpc"
	"github.com/parley-rpc/parley/rpc/native"
)

func soakClient() error {
	return harness.Obey(func(o harness.Order) (r harness.Report, err error) {
		conns := make([]*native.Client, o.Conns)
		for i := range conns {
			if conns[i], err = peers.DialNative(o.Addr); err != nil {
				return r, err
			}
			defer conns[i].Close()
		}
		errs := make([]error, soakCallers)
		begin := time.Now()
		var running sync.WaitGroup
		for i := range soakCallers {
			running.Go(func() {
				c := newSoakCaller(conns[i%len(conns)], i, o)
				errs[i] = c.run(o.First, o.Calls)
			})
		}
		running.Wait()
		return harness.Report{Calls: soakCallers * o.Calls, Wall: int64(time.Since(begin))}, errors.Join(errs...)
	})
}

// soakCaller is one of the callers.
type soakCaller struct {
	id      int
	rand    *rand.Rand
	noise   []byte // from which content is cut
	mark    func(context.Context, soakMark) (soakMark, error)
	ints    func(context.Context, soakMark, []int) (soakAnswer[[]int], error)
	bytes   func(context.Context, soakMark, []byte) (soakAnswer[[]byte], error)
	text    func(context.Context, soakMark, string) (soakAnswer[string], error)
	records func(context.Context, soakMark, []work.Record) (soakAnswer[[]work.Record], error)
}

// The sizes of content: bytes, and elements.
const (
	soakSmall   = 256
	soakLarge   = 300 << 10 // several frames
	soakInts    = 120
	soakRecords = 12
)

func newSoakCaller(c rpc.Caller, id int, o harness.Order) *soakCaller {
	r := rand.New(rand.NewPCG(o.Seed+uint64(id), uint64(o.First)))
	noise := make([]byte, soakLarge)
	for i := range noise {
		noise[i] = byte(r.Uint32())
	}
	return &soakCaller{
		id: id, rand: r, noise: noise,
		mark:    rpc.Stub1[soakMark, soakMark](c, "mark"),
		ints:    rpc.Stub2[soakMark, []int, soakAnswer[[]int]](c, "ints"),
		bytes:   rpc.Stub2[soakMark, []byte, soakAnswer[[]byte]](c, "bytes"),
		text:    rpc.Stub2[soakMark, string, soakAnswer[string]](c, "text"),
		records: rpc.Stub2[soakMark, []work.Record, soakAnswer[[]work.Record]](c, "records"),
	}
}

func (c *soakCaller) run(first, calls int64) error {
	for n := first; n < first+calls; n++ {
		m := soakMark{c.id, n}
		if err := c.call(context.Background(), m); err != nil {
			return fmt.Errorf("call %d of caller %d: %w", m.Number, m.Caller, err)
		}
	}
	return nil
}

// call makes one call with content of its own. Seven in ten are small; one in a
// thousand is so large that others pass it on the way.
func (c *soakCaller) call(ctx context.Context, m soakMark) error {
	switch p := c.rand.IntN(1000); {
	case p < 700:
		got, err := c.mark(ctx, m)
		if err == nil && got != m {
			err = fmt.Errorf("%w: it is that of %v", work.ErrWrong, got)
		}
		return err
	case p < 800:
		content := make([]int, c.rand.IntN(soakInts))
		for i := range content {
			content[i] = int(c.rand.Int64()) >> c.rand.IntN(64)
		}
		got, err := c.ints(ctx, m, content)
		if err != nil {
			return err
		}
		return soakCheck(got, m, content, equalSlices)
	case p < 900:
		content := strings.Repeat(fmt.Sprintf("%d/%d ", m.Caller, m.Number), c.rand.IntN(20))
		got, err := c.text(ctx, m, content)
		if err != nil {
			return err
		}
		return soakCheck(got, m, content, func(a, b string) bool { return a == b })
	case p < 930:
		content := make([]work.Record, c.rand.IntN(soakRecords))
		for i := range content {
			content[i] = work.Record{ID: int(m.Number) + i, Name: fmt.Sprintf("of %d", m.Caller), Price: c.rand.NormFloat64()}
		}
		got, err := c.records(ctx, m, content)
		if err != nil {
			return err
		}
		return soakCheck(got, m, content, equalSlices)
	case p < 999:
		return c.sendBytes(ctx, m, soakSmall)
	}
	return c.sendBytes(ctx, m, soakLarge)
}

func (c *soakCaller) sendBytes(ctx context.Context, m soakMark, most int) error {
	n := c.rand.IntN(most)
	from := c.rand.IntN(len(c.noise) - n)
	content := c.noise[from : from+n]
	got, err := c.bytes(ctx, m, content)
	if err != nil {
		return err
	}
	return soakCheck(got, m, content, bytes.Equal)
}
