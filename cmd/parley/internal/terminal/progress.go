package terminal

import (
	"io"
	"os"
	"sync"
	"time"

	"github.com/schollz/progressbar/v3"
)

// progressAfter is how long a command works before it shows that it does.
const progressAfter = 2 * time.Second

// ProgressEvery is how often a line of progress is written anew.
const ProgressEvery = 100 * time.Millisecond

// Progress is one line on a terminal that says what takes so long: a spinner, or
// a bar once it is known how much there is. Nothing is shown in the first two
// seconds, and nothing at all where w is no terminal. The line is erased at the
// end. While it is shown, others must not write to the terminal.
type Progress struct {
	w       io.Writer
	width   int
	stop    chan struct{} // closed by done
	stopped chan struct{} // closed when nothing is written any more

	mu          sync.Mutex // protects what follows
	text        string
	part, total int
	over        bool
}

// NewProgress shows what is being done until done is called.
func NewProgress(w io.Writer, what string) *Progress {
	return NewProgressSince(time.Now(), w, what)
}

// NewProgressSince is NewProgress for work that began before.
func NewProgressSince(begin time.Time, w io.Writer, what string) *Progress {
	p := &Progress{w: w, width: Width(w), text: what}
	if p.width > 0 {
		p.stop, p.stopped = make(chan struct{}), make(chan struct{})
		go p.show(begin)
	}
	return p
}

// Set says how far it has come; total is 0 if nobody knows. An empty text leaves
// the one that there is.
func (p *Progress) Set(part, total int, text string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.part, p.total = part, total
	if text != "" {
		p.text = text
	}
}

// Done erases the line. It may be called more than once.
func (p *Progress) Done() {
	p.mu.Lock()
	first := !p.over
	p.over = true
	p.mu.Unlock()
	if p.stop != nil {
		if first {
			close(p.stop)
		}
		<-p.stopped
	}
}

func (p *Progress) show(begin time.Time) {
	defer close(p.stopped)
	timer := time.NewTimer(progressAfter - time.Since(begin))
	defer timer.Stop()
	var line *progressLine
	for {
		select {
		case <-timer.C:
		case <-p.stop:
			if line != nil {
				line.erase()
			}
			return
		}
		p.mu.Lock()
		text, part, total := p.text, p.part, p.total
		p.mu.Unlock()
		known := total > 0 && p.width >= narrowBar
		if line == nil || line.known != known {
			if line != nil {
				line.erase()
			}
			line = newProgressLine(p.w, p.width, begin, known)
		}
		line.write(text, part, total)
		timer.Reset(ProgressEvery)
	}
}

// progressLine is what is on the terminal.
type progressLine struct {
	bar   *progressbar.ProgressBar
	room  int // for text
	begin time.Time
	known bool // how much there is: a bar, and else a spinner
}

// The parts of a line besides the text, in columns: the time takes up to 10, a
// spinner 4, the percentage and the frame of a bar 12. A terminal that is narrower
// than narrowBar gets a spinner in any case.
const (
	barWidth   = 20
	besideText = 14
	besideBar  = barWidth + 22
	narrowBar  = 60
)

func newProgressLine(w io.Writer, width int, begin time.Time, known bool) *progressLine {
	most := int64(-1)
	l := &progressLine{room: width - besideText, begin: begin, known: known}
	if known {
		most = thousandths
		l.room = width - besideBar
	}
	l.bar = progressbar.NewOptions64(most,
		progressbar.OptionSetWriter(w),
		progressbar.OptionSetWidth(barWidth),
		progressbar.OptionSetPredictTime(false),
		progressbar.OptionSetElapsedTime(false), // the library's begins when the line does
		progressbar.OptionSpinnerType(asciiSpinner),
		progressbar.OptionSetSpinnerChangeInterval(0), // no goroutine of its own
		progressbar.OptionEnableColorCodes(false),
		progressbar.OptionUseANSICodes(os.Getenv("TERM") != "dumb"),
		progressbar.OptionSetTheme(progressbar.ThemeASCII),
	)
	return l
}

const (
	thousandths  = 1000
	asciiSpinner = 9 // of the library: | / - \
)

// write shows how far it has come. It never says that all is done: that is what
// the end of the line says.
func (l *progressLine) write(text string, part, total int) {
	if l.known {
		n := min(max(int64(part)*thousandths/int64(total), 0), thousandths-1)
		_ = l.bar.Set64(n) // a terminal that is gone needs no progress
	}
	elapsed := " " + time.Since(l.begin).Truncate(time.Second).String()
	l.bar.Describe(Cut(text, max(l.room, narrowest)) + elapsed) // and writes
}

func (l *progressLine) erase() { _ = l.bar.Clear() }
