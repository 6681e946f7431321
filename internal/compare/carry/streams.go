package carry

import (
	"bytes"
	"context"
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"iter"
	"slices"
	"sync"

	kolo "github.com/kolo/xmlrpc"

	"github.com/parley-rpc/parley/internal/compare"
	"github.com/parley-rpc/parley/rpc"
)

func streamTrials() []trial {
	return []trial{
		{"streams", "a result, item by item", tryResultStream},
		{"streams", "a result without an end, which the caller stops", tryEndless},
		{"streams", "an argument, item by item", tryArgumentStream},
		{"streams", "both in one call, each item answered before the next", tryBothWays},
		{"streams", "a result of bytes, as they come", tryDownload},
		{"streams", "an argument of bytes, as they come", tryUpload},
		{"streams", "a reader that waits holds up nobody else", trySlowReader},
	}
}

// opening lets what waits at a gate go on when whatever could have come by itself has
// had the time to.
type opening struct {
	work sync.WaitGroup
	err  error
}

func open(ctx context.Context, w *world, l *lane, g *gate) *opening {
	o := &opening{}
	o.work.Go(func() {
		o.err = settle(ctx, w, l)
		g.open.happen()
	})
	return o
}

// done waits until the gate is open, and returns what has gone wrong with it.
func (o *opening) done() error {
	o.work.Wait()
	return o.err
}

const asList = "a list, when all of it is there"

// The function yields one item and waits. If the caller gets that, it comes by itself.
func tryResultStream(ctx context.Context, w *world, l *lane) (compare.Outcome, error) {
	g := w.service.newGate()
	o := open(ctx, w, l, g)
	defer o.work.Wait()
	var got []int
	byItself := false
	for n, err := range rpc.Stream[int](ctx, l.call, "numbers", g.id) {
		if err != nil {
			why, err := refused(ctx, l, err)
			return no(why), err
		}
		if len(got) == 0 && !g.open.happened() {
			byItself = true
			g.open.happen()
		}
		got = append(got, n)
	}
	if !slices.Equal(got, []int{1, 2, 3}) {
		return compare.Outcome{}, fmt.Errorf("got %v", got)
	}
	if !byItself {
		return changed(asList), o.done()
	}
	return yes(""), o.done()
}

func tryEndless(ctx context.Context, w *world, l *lane) (compare.Outcome, error) {
	g := w.service.newGate()
	for n, err := range rpc.Stream[int](ctx, l.call, "endless", g.id) {
		if err != nil {
			why, err := refused(ctx, l, err)
			return no(why), err
		}
		if n == 100 {
			break
		}
	}
	select {
	case <-g.ended.c:
		return yes("the function ends, too"), nil
	case <-ctx.Done():
		return compare.Outcome{}, errors.New("the function goes on after its caller has left")
	}
}

// The caller sends one item and waits until the function has it.
func tryArgumentStream(ctx context.Context, w *world, l *lane) (compare.Outcome, error) {
	g := w.service.newGate()
	if l.name == koloLane {
		total, err := rpc.Invoke[int](ctx, l.call, "sum", g.id, []int{1, 2, 3})
		if err != nil || total != 6 {
			return compare.Outcome{}, fmt.Errorf("got %d, %w", total, err)
		}
		return changed("a list, made by the caller"), nil
	}
	o := open(ctx, w, l, g)
	defer o.work.Wait()
	byItself := false
	items := func(yield func(int, error) bool) {
		if !yield(1, nil) {
			return
		}
		select {
		case <-g.begun.c:
			byItself = true
		case <-g.open.c:
		case <-ctx.Done():
			return
		}
		_ = yield(2, nil) && yield(3, nil)
	}
	total, err := rpc.Invoke[int](ctx, l.call, "sum", g.id, iter.Seq2[int, error](items))
	if err != nil {
		why, err := refused(ctx, l, err)
		return no(why), err
	}
	if total != 6 {
		return compare.Outcome{}, fmt.Errorf("the sum is %d", total)
	}
	if !byItself {
		return changed(asList), o.done()
	}
	return yes(""), o.done()
}

// The caller sends an item when it has the answer to the one before.
func tryBothWays(ctx context.Context, w *world, l *lane) (compare.Outcome, error) {
	if l.name == koloLane {
		back, err := rpc.Invoke[[]int](ctx, l.call, "double", []int{1, 2, 3})
		if err != nil || !slices.Equal(back, []int{2, 4, 6}) {
			return compare.Outcome{}, fmt.Errorf("got %v, %w", back, err)
		}
		return changed("lists, made by the caller"), nil
	}
	g := w.service.newGate()
	o := open(ctx, w, l, g)
	defer o.work.Wait()
	answered := make(chan struct{}, 3)
	byItself := true
	items := func(yield func(int, error) bool) {
		for n := range 3 {
			if !yield(n+1, nil) {
				return
			}
			select {
			case <-answered:
			case <-g.open.c:
				byItself = false
			case <-ctx.Done():
				return
			}
		}
	}
	var got []int
	for n, err := range rpc.Stream[int](ctx, l.call, "double", iter.Seq2[int, error](items)) {
		if err != nil {
			why, err := refused(ctx, l, err)
			return no(why), err
		}
		got = append(got, n)
		answered <- struct{}{}
	}
	if !slices.Equal(got, []int{2, 4, 6}) {
		return compare.Outcome{}, fmt.Errorf("got %v", got)
	}
	if !byItself {
		return changed("lists, when all of them are there"), o.done()
	}
	return yes(""), o.done()
}

func tryDownload(ctx context.Context, w *world, l *lane) (compare.Outcome, error) {
	g := w.service.newGate()
	o := open(ctx, w, l, g)
	defer o.work.Wait()
	all := slices.Concat(half('a'), half('b'))
	if l.name == koloLane {
		text, err := rpc.Invoke[string](ctx, l.call, "download", g.id)
		if err != nil || text != base64.StdEncoding.EncodeToString(all) {
			return compare.Outcome{}, fmt.Errorf("got %d letters, %w", len(text), err)
		}
		return changed("a text in base64, when all of it is there"), o.done()
	}
	r := rpc.Reader(ctx, l.call, "download", g.id)
	defer r.Close()
	got := make([]byte, 1, len(all))
	if _, err := io.ReadFull(r, got); err != nil {
		why, err := refused(ctx, l, err)
		return no(why), err
	}
	byItself := !g.open.happened()
	g.open.happen()
	rest, err := io.ReadAll(r)
	if err != nil || !bytes.Equal(append(got, rest...), all) {
		return compare.Outcome{}, fmt.Errorf("got %d bytes, %w", len(got)+len(rest), err)
	}
	if !byItself {
		return changed("bytes, when all of them are there"), o.done()
	}
	return yes(""), o.done()
}

func tryUpload(ctx context.Context, w *world, l *lane) (compare.Outcome, error) {
	g := w.service.newGate()
	if l.name == koloLane {
		text := base64.StdEncoding.EncodeToString(slices.Concat(half('a'), half('b')))
		n, err := rpc.Invoke[int](ctx, l.call, "upload", g.id, kolo.Base64(text))
		if err != nil || n != 2*piece {
			return compare.Outcome{}, fmt.Errorf("got %d bytes, %w", n, err)
		}
		return changed("a text in base64, made by the caller"), nil
	}
	o := open(ctx, w, l, g)
	defer o.work.Wait()
	byItself := false
	next := make(chan struct{})
	var watch sync.WaitGroup
	watch.Go(func() {
		defer close(next)
		select {
		case <-g.begun.c:
			byItself = true
		case <-g.open.c:
		case <-ctx.Done():
		}
	})
	r := io.MultiReader(bytes.NewReader(half('a')), &gated{ctx, next, bytes.NewReader(half('b'))})
	n, err := rpc.Invoke[int](ctx, l.call, "upload", g.id, r)
	if err != nil {
		why, err := refused(ctx, l, err)
		return no(why), err
	}
	watch.Wait()
	if n != 2*piece {
		return compare.Outcome{}, fmt.Errorf("got %d bytes", n)
	}
	if !byItself {
		return changed("bytes, when all of them are there"), o.done()
	}
	return yes(""), o.done()
}

// One stream is read to its end while another one is not read at all.
func trySlowReader(ctx context.Context, w *world, l *lane) (compare.Outcome, error) {
	if l.name == koloLane {
		return compare.Outcome{}, nil // as a result without an end
	}
	slow := w.service.newGate()
	next, stop := iter.Pull2(rpc.Stream[int](ctx, l.call, "endless", slow.id))
	defer stop()
	if _, err, _ := next(); err != nil {
		why, err := refused(ctx, l, err)
		return no(why), err
	}
	fast := w.service.newGate()
	for n, err := range rpc.Stream[int](ctx, l.call, "endless", fast.id) {
		if err != nil {
			return compare.Outcome{}, err
		}
		if n == 100_000 { // many times what may wait for a reader
			break
		}
	}
	if n, err, _ := next(); n != 2 || err != nil {
		return compare.Outcome{}, fmt.Errorf("the stream that was not read goes on with %d, %w", n, err)
	}
	return yes("on one connection"), nil
}
