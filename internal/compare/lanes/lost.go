package lanes

import (
	"errors"
	"fmt"
	"regexp"
	"strings"
	"sync"
	"time"

	"github.com/parley-rpc/parley/internal/compare/harness"
	"github.com/parley-rpc/parley/internal/compare/work"
)

// What goes wrong with one lane does not cost the others their figures. A call
// that fails ends the turns of its lane at that work, and a process that died or
// says nothing any more ends those of its lane altogether. A wrong answer ends the
// comparison: its figures would be of something else.

// ends reports whether an error is that of the whole comparison.
func (r *run) ends(err error) bool {
	return r.ctx.Err() != nil || errors.Is(err, work.ErrWrong)
}

// lose takes a lane out, with its processes. Rows with all of their turns stay.
func (r *run) lose(lane int, doing string, err error) {
	r.lost[lane] = brief(err.Error())
	if s := r.stands; lane < len(s) && s[lane] != nil {
		r.stand(lane).Stop()
		s[lane] = nil
	}
	r.gap("%s broke off (%s), and works of which it had not all turns have no figures of it: %s.", r.lanes[lane].Name, doing, r.lost[lane])
}

func (r *run) gap(format string, args ...any) {
	r.result.Gaps = append(r.result.Gaps, fmt.Sprintf(format, args...))
}

// left is how many lanes take part.
func (r *run) left() (n int) {
	for _, why := range r.lost {
		if why == "" {
			n++
		}
	}
	return n
}

// stand is one lane alone.
func (r *run) stand(lane int) harness.Stands { return r.stands[lane : lane+1] }

// atOnce bounds how many lanes do something at the same time that is not measured.
const atOnce = 4

// each does something with the lanes that are left, some at a time. Those with
// which it fails are lost; the error is that of the whole comparison.
func (r *run) each(doing string, do func(lane int) error) error {
	errs := make([]error, len(r.lanes))
	slots := make(chan struct{}, atOnce)
	var running sync.WaitGroup
	for i := range r.lanes {
		if r.lost[i] != "" {
			continue
		}
		slots <- struct{}{}
		running.Go(func() {
			errs[i] = do(i)
			<-slots
		})
	}
	running.Wait()
	for i, err := range errs {
		switch {
		case err == nil:
		case r.ends(err):
			return fmt.Errorf("%s: %w", doing, err)
		default:
			r.lose(i, doing, err)
		}
	}
	return nil
}

// stop ends all processes that are left.
func (r *run) stop() {
	var left harness.Stands
	for _, s := range r.stands {
		if s != nil {
			left = append(left, s)
		}
	}
	left.Stop()
	r.stands = nil
}

// figures reports whether there are any.
func (r *run) figures() bool {
	for _, row := range r.result.Rows {
		if row.CallsPerS != nil {
			return true
		}
	}
	return false
}

// hurry reports whether it is too late to get more works ready than the first n,
// and leaves them out then.
func (r *run) hurry(n int) bool { return r.cut(n, r.plan.budget*7/10) }

// late is the same in the first round.
func (r *run) late(n int) bool { return r.cut(n, r.plan.budget*5/4) }

func (r *run) cut(n int, limit time.Duration) bool {
	if limit == 0 || n == 0 || r.plan.leastRounds > 1 || time.Since(r.begin) < limit {
		return false
	}
	var names []string
	for _, t := range r.plan.works[n:] {
		names = append(names, t.Name)
	}
	r.plan.works = r.plan.works[:n]
	r.gap("There was no time for %s: the machine is too slow, or too busy.", strings.Join(names, ", "))
	return true
}

// Where something ran is of no use to a reader: it is gone.
var (
	whereURL    = regexp.MustCompile(` (at |to |dial )?(https?|http\+unix|tcp|tls|unix)://[^\s]*[^\s:]`)
	whereSocket = regexp.MustCompile(`\b(read|write|dial|connect) (tcp|unix) [^ ]+: `)
)

// brief is a reason in one line: the first one, and what a process said last.
func brief(text string) string {
	const most = 240
	lines := strings.Split(strings.TrimSpace(text), "\n")
	short := lines[0]
	if last := strings.TrimSpace(lines[len(lines)-1]); len(lines) > 1 && last != "" {
		short += " (" + last + ")"
	}
	short = whereSocket.ReplaceAllString(whereURL.ReplaceAllString(short, ""), "")
	if runes := []rune(short); len(runes) > most {
		short = string(runes[:most-1]) + "…"
	}
	return short
}
