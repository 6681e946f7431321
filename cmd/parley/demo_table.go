package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/parley-rpc/parley/rpc"
	"github.com/parley-rpc/parley/services/catalog"
)

// errWrong is the error of a call that gave another result than it should.
var errWrong = errors.New("wrong answer")

// registerWork puts the functions that the comparison calls, besides add, into
// reg: each returns what it gets.
func registerWork(reg *rpc.Registry) error {
	return errors.Join(
		reg.Register("demo.integers", func(list []int) []int { return list }),
		reg.Register("demo.records", func(list []catalog.Product) []catalog.Product { return list }),
		reg.Register("demo.blob", func(blob []byte) []byte { return blob }),
	)
}

// works are what the comparison calls.
func works() []work {
	integers := make([]int, 1000)
	for i := range integers {
		integers[i] = i * 37
	}
	records := make([]catalog.Product, 100)
	for i := range records {
		records[i] = catalog.Product{ID: i, Name: fmt.Sprintf("product %d", i), Price: float64(i) + 0.25}
	}
	blob := make([]byte, 1<<20)
	for i := range blob {
		blob[i] = byte(i ^ i>>8)
	}
	add := func(ctx context.Context, c rpc.Caller) error {
		sum, err := rpc.Invoke[int](ctx, c, "add", 3, 5)
		return check(err, sum == 8)
	}
	return []work{
		{"small call", 1, add},
		{"small call, 64 at once", 64, add},
		{"1000 integers", 1, func(ctx context.Context, c rpc.Caller) error {
			got, err := rpc.Invoke[[]int](ctx, c, "demo.integers", integers)
			return check(err, slices.Equal(got, integers))
		}},
		{"100 records", 1, func(ctx context.Context, c rpc.Caller) error {
			got, err := rpc.Invoke[[]catalog.Product](ctx, c, "demo.records", records)
			return check(err, slices.Equal(got, records))
		}},
		{"blob of 1 MiB", 1, func(ctx context.Context, c rpc.Caller) error {
			got, err := rpc.Invoke[[]byte](ctx, c, "demo.blob", blob)
			return check(err, bytes.Equal(got, blob))
		}},
	}
}

func check(err error, right bool) error {
	if err == nil && !right {
		return errWrong
	}
	return err
}

const (
	tableRow   = "  %-23s %-13s %10s %11s %10s %10s %12s %10s\n"
	tableWidth = 107
)

// printTable measures all works on all lanes and prints a row for each as soon
// as it is known.
func printTable(ctx context.Context, std stdio, lanes []lane) error {
	begin, out := time.Now(), std.out
	fmt.Fprintf(out, tableRow, "", "", "calls/s", "vs XML-RPC", "p50", "p99", "bytes/call", "CPU/call")
	for _, w := range works() {
		p := newProgressSince(begin, std.err, "measuring "+w.name)
		all, err := sideBySide(ctx, w, lanes)
		p.done()
		if err != nil {
			return err
		}
		fmt.Fprintln(out, " "+strings.Repeat("─", tableWidth))
		for i, f := range all {
			name, ratio := "", ""
			if i == 0 {
				name = w.name
			} else {
				ratio = fmt.Sprintf("%.1f ×", f.perSecond()/all[0].perSecond())
			}
			cpu := "unknown"
			if f.cpuKnown {
				cpu = inMicroseconds(f.cpuPerCall())
			}
			fmt.Fprintf(out, tableRow, name, lanes[i].name, grouped(f.perSecond()), ratio, inMicroseconds(f.percentile(0.5)),
				inMicroseconds(f.percentile(0.99)), grouped(f.bytes), cpu)
		}
	}
	return nil
}

// inMicroseconds writes a duration with three or more digits.
func inMicroseconds(d time.Duration) string {
	us := float64(d) / float64(time.Microsecond)
	switch {
	case us < 10:
		return fmt.Sprintf("%.2f µs", us)
	case us < 100:
		return fmt.Sprintf("%.1f µs", us)
	}
	return grouped(us) + " µs"
}

// grouped writes a number without a fraction, its digits in groups of three.
func grouped(f float64) string {
	digits := fmt.Sprintf("%.0f", f)
	for i := len(digits) - 3; i > 0; i -= 3 {
		digits = digits[:i] + "," + digits[i:]
	}
	return digits
}
