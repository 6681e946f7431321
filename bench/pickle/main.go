// Command pickle compares Parley's pickle codec with CPython's, which is in C, and
// with og-rek, the codec in Go that others use. All of them read what CPython
// wrote; they take turns, and what counts is processor time.
package main

import (
	"bytes"
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"reflect"
	"runtime"
	"text/tabwriter"
	"time"

	ogrek "github.com/kisielk/og-rek"

	"github.com/parley-rpc/parley/internal/compare/measure"
	"github.com/parley-rpc/parley/rpc/native/pickle"
	"github.com/parley-rpc/parley/rpc/value"
)

func main() {
	runs := flag.Int("runs", 7, "rounds; of each figure the smallest counts")
	turn := flag.Duration("time", 50*time.Millisecond, "how long a turn is, about")
	python := flag.String("python", "python3", "the CPython to compare with")
	flag.Parse()
	if err := run(context.Background(), os.Stdout, *python, *runs, *turn); err != nil {
		fmt.Fprintln(os.Stderr, "pickle:", err)
		os.Exit(1)
	}
}

// record is one of the records of child.py.
type record struct {
	Pid    int     `rpc:"pid"`
	Pname  string  `rpc:"pname"`
	Pprice float64 `rpc:"pprice"`
}

// work is a value in one protocol.
type work struct {
	name     string // of the function in child.py that makes it
	what     string
	protocol int
	typed    func() any // a pointer to the Go type for it
}

func works() []work {
	records, ints := func() any { return new([]record) }, func() any { return new([]int64) }
	var all []work
	for _, protocol := range []int{2, 4} {
		all = append(all,
			work{"records", "100 records", protocol, records},
			work{"integers", "range(100000)", protocol, ints},
			work{"random64", "100000 of 64 bits", protocol, ints})
	}
	return all
}

// contender does one thing with one value.
type contender struct {
	name string
	loop func() error                           // in this process
	cpu  func(loops int) (time.Duration, error) // elsewhere
	best time.Duration                          // for one loop
}

// The contenders who read, by their place in the list of a work. Those who write
// follow in the same order.
const (
	readOgrek = iota
	readPython
	readDynamic
	readTyped
	readers
)

func run(ctx context.Context, out io.Writer, python string, runs int, turn time.Duration) error {
	c, err := startChild(ctx, python)
	if err != nil {
		return err
	}
	err = compare(out, c, runs, turn)
	return errors.Join(err, c.close())
}

func compare(out io.Writer, c *child, runs int, turn time.Duration) error {
	all := works()
	lists := make([][]contender, len(all))
	for i, w := range all {
		var err error
		if lists[i], err = w.compare(c, runs, turn); err != nil {
			return fmt.Errorf("%s, protocol %d: %w", w.what, w.protocol, err)
		}
	}
	table(out, all, lists)
	return nil
}

// compare lets the contenders of w take turns, first those that read, then those
// that write. While some of them do, nothing else is kept: all that lives is work
// for the garbage collector in each turn.
func (w work) compare(c *child, runs int, turn time.Duration) ([]contender, error) {
	data, err := c.data(w)
	if err != nil {
		return nil, err
	}
	if err := w.check(data); err != nil {
		return nil, err
	}
	list := w.readers(c, data)
	if err := takeTurns(list, runs, turn); err != nil {
		return nil, err
	}
	writers, err := w.writers(c, data)
	if err != nil {
		return nil, err
	}
	err = takeTurns(writers, runs, turn)
	return append(list, writers...), err
}

func takeTurns(list []contender, runs int, turn time.Duration) error {
	for range runs {
		for i := range list {
			if err := list[i].turn(turn); err != nil {
				return fmt.Errorf("%s: %w", list[i].name, err)
			}
		}
	}
	for i := range list {
		list[i].loop, list[i].cpu = nil, nil // with what they refer to
	}
	return nil
}

// check reads data in both ways, which have to give the same.
func (w work) check(data []byte) error {
	dynamic, _, err := pickle.Decode(data, pickle.Options{})
	if err != nil {
		return err
	}
	typed, same := w.typed(), w.typed()
	if err := decodeTyped(data, typed); err != nil {
		return err
	}
	if err := value.Convert(same, dynamic); err != nil {
		return err
	}
	if !reflect.DeepEqual(typed, same) {
		return errors.New("the typed values are others than the dynamic ones")
	}
	return nil
}

// python returns what measures c at one thing.
func (w work) python(c *child, what string) func(int) (time.Duration, error) {
	return func(loops int) (time.Duration, error) { return c.cpu(what, w, loops) }
}

func (w work) readers(c *child, data []byte) []contender {
	return []contender{
		readOgrek: {name: "og-rek", loop: func() error {
			_, err := ogrek.NewDecoder(bytes.NewReader(data)).Decode()
			return err
		}},
		readPython: {name: "pickle.loads", cpu: w.python(c, "loads")},
		readDynamic: {name: "Decode", loop: func() error {
			_, _, err := pickle.Decode(data, pickle.Options{})
			return err
		}},
		readTyped: {name: "Read", loop: func() error { return decodeTyped(data, w.typed()) }},
	}
}

func (w work) writers(c *child, data []byte) ([]contender, error) {
	dynamic, _, err := pickle.Decode(data, pickle.Options{})
	if err != nil {
		return nil, err
	}
	typed := w.typed()
	if err := decodeTyped(data, typed); err != nil {
		return nil, err
	}
	list := reflect.ValueOf(typed).Elem().Interface()
	var buf []byte
	write := func(v any) func() error {
		return func() (err error) {
			buf, err = pickle.Append(buf[:0], v, pickle.EncodeOptions{Protocol: w.protocol})
			return err
		}
	}
	return []contender{
		{name: "og-rek", loop: func() error {
			var out bytes.Buffer
			return ogrek.NewEncoderWithConfig(&out, &ogrek.EncoderConfig{Protocol: w.protocol}).Encode(dynamic)
		}},
		{name: "pickle.dumps", cpu: w.python(c, "dumps")},
		{name: "Append", loop: write(dynamic)},
		{name: "Append, typed", loop: write(list)},
	}, nil
}

func decodeTyped(data []byte, dst any) error {
	m, err := pickle.Read(data, pickle.Options{})
	if err != nil {
		return err
	}
	s := m.Source()
	value.Decode(s, dst)
	if err := s.Err(); err != nil {
		return err
	}
	return nil
}

// turn measures c for about so long.
func (c *contender) turn(long time.Duration) error {
	loops := 1
	if c.best > 0 {
		loops = max(1, int(long/c.best))
	}
	for range 2 { // the first turn only finds out how long a loop is
		cpu, err := c.measure(loops)
		if err != nil {
			return err
		}
		one := max(cpu/time.Duration(loops), 1)
		if first := c.best == 0; first || one < c.best {
			c.best = one
			if first {
				loops = max(1, int(long/one))
				continue
			}
		}
		break
	}
	return nil
}

func (c *contender) measure(loops int) (time.Duration, error) {
	if c.cpu != nil {
		return c.cpu(loops)
	}
	runtime.GC()
	start := processorTime()
	for range loops {
		if err := c.loop(); err != nil {
			return 0, err
		}
	}
	return processorTime() - start, nil
}

// processorTime returns what this process has used, the garbage collector too.
func processorTime() time.Duration {
	used, _ := measure.CPU()
	return used
}

func table(out io.Writer, all []work, lists [][]contender) {
	t := tabwriter.NewWriter(out, 0, 0, 2, ' ', tabwriter.AlignRight)
	figures := func(head string, first int, goals bool) {
		fmt.Fprintf(t, "%s\tprotocol\tog-rek\tCPython\tdynamic\ttyped\tog-rek/dynamic\tog-rek/typed\tdynamic/CPython\ttyped/CPython\t", head)
		if goals {
			fmt.Fprint(t, "goals\t")
		}
		fmt.Fprintln(t)
		for i, w := range all {
			best := func(j int) float64 { return float64(lists[i][first+j].best) / float64(time.Microsecond) }
			og, python, dynamic, typed := best(0), best(1), best(2), best(3)
			fmt.Fprintf(t, "%s\t%d\t%.1f\t%.1f\t%.1f\t%.1f\t%.2f\t%.2f\t%.2f\t%.2f\t",
				w.what, w.protocol, og, python, dynamic, typed, og/dynamic, og/typed, dynamic/python, typed/python)
			if goals {
				fmt.Fprintf(t, "%s, %s\t", met(og, dynamic, python), met(og, typed, python))
			}
			fmt.Fprintln(t)
		}
		fmt.Fprintln(t)
	}
	figures("reading, µs", readOgrek, true)
	figures("writing, µs", readers, false)
	t.Flush()
	fmt.Fprintln(out, "Goals of reading, dynamic and typed: at least 3 times as fast as og-rek, at most twice as long as CPython.")
}

// met says whether the goals are reached.
func met(ogrek, parley, python float64) string {
	if ogrek/parley >= 3 && parley/python <= 2 {
		return "met"
	}
	return "missed"
}
