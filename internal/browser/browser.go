// Package browser drives a headless Chromium in tests: it opens pages, runs
// scripts in them, presses keys, takes pictures, and notes everything that a page
// logs, throws and loads.
//
// It speaks the DevTools protocol over a pipe, which needs no port and no module
// of others.
package browser

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"slices"
	"sync"
	"time"
)

// names are those that Chromium goes by on a PATH.
var names = []string{"chromium", "chromium-browser", "google-chrome", "google-chrome-stable"}

// How tells how to install it.
const How = "apt-get install chromium"

// Find returns the path of a Chromium, or false.
func Find() (path string, ok bool) {
	for _, name := range names {
		if path, err := exec.LookPath(name); err == nil {
			return path, true
		}
	}
	return "", false
}

// flags keep it to itself: no window, nothing that it does on its own account.
var flags = []string{
	"--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--disable-dev-shm-usage",
	"--no-first-run", "--no-default-browser-check", "--disable-background-networking", "--disable-component-update",
	"--disable-sync", "--disable-breakpad", "--disable-crash-reporter", "--disable-extensions", "--disable-default-apps", "--disable-search-engine-choice-screen",
	"--disable-features=Translate,OptimizationHints,MediaRouter", "--metrics-recording-only", "--mute-audio",
	"--no-proxy-server", "--hide-scrollbars", "--font-render-hinting=none", "--remote-debugging-pipe",
}

// Browser is a running Chromium. Its methods are safe for concurrent use.
type Browser struct {
	cmd *exec.Cmd
	dir string         // its profile
	end chan struct{}  // closed when nothing more comes
	own sync.WaitGroup // commands that answer events

	closing sync.Once

	writing sync.Mutex // protects to
	to      *os.File   // commands

	mu      sync.Mutex // protects what follows
	next    int
	waiting map[int]chan<- message
	pages   map[string]*Page // by session
	err     error            // why it is gone
}

// message is one of the protocol: a command, the answer to one, or an event.
type message struct {
	ID        int             `json:"id,omitempty"`
	SessionID string          `json:"sessionId,omitempty"`
	Method    string          `json:"method,omitempty"`
	Params    json.RawMessage `json:"params,omitempty"`
	Result    json.RawMessage `json:"result,omitempty"`
	Error     *struct {
		Message string `json:"message"`
	} `json:"error,omitempty"`
}

// Start starts the Chromium at path with an empty profile, where all that it
// writes goes.
func Start(path string) (_ *Browser, err error) {
	dir, err := os.MkdirTemp("", "browser")
	if err != nil {
		return nil, fmt.Errorf("browser: %w", err)
	}
	defer func() {
		if err != nil {
			os.RemoveAll(dir)
		}
	}()
	theirIn, to, err := os.Pipe()
	if err != nil {
		return nil, fmt.Errorf("browser: %w", err)
	}
	from, theirOut, err := os.Pipe()
	if err != nil {
		return nil, errors.Join(fmt.Errorf("browser: %w", err), theirIn.Close(), to.Close())
	}
	cmd := exec.Command(path, append(slices.Clone(flags), "--user-data-dir="+dir)...)
	cmd.Env = append(os.Environ(), "HOME="+dir, "XDG_CONFIG_HOME="+dir, "XDG_CACHE_HOME="+dir)
	cmd.ExtraFiles = []*os.File{theirIn, theirOut} // its descriptors 3 and 4
	ownGroup(cmd)
	err = cmd.Start()
	theirIn.Close()
	theirOut.Close()
	if err != nil {
		return nil, errors.Join(fmt.Errorf("browser: start %s: %w", path, err), to.Close(), from.Close())
	}
	b := &Browser{cmd: cmd, dir: dir, to: to, end: make(chan struct{}), waiting: map[int]chan<- message{}, pages: map[string]*Page{}}
	go b.read(from)
	return b, nil
}

// read hands out what comes until there is no more.
func (b *Browser) read(from *os.File) {
	defer close(b.end)
	defer from.Close()
	r := bufio.NewReaderSize(from, 64<<10)
	for {
		text, err := r.ReadBytes(0) // each message ends with a zero byte
		var m message
		if err == nil {
			err = json.Unmarshal(text[:len(text)-1], &m)
		}
		b.mu.Lock()
		if err != nil {
			if errors.Is(err, io.EOF) {
				err = errors.New("chromium has ended")
			}
			b.err = fmt.Errorf("browser: %w", err)
			for id, answer := range b.waiting {
				delete(b.waiting, id)
				close(answer)
			}
			b.mu.Unlock()
			return
		}
		answer, page := b.waiting[m.ID], b.pages[m.SessionID]
		if m.ID != 0 {
			delete(b.waiting, m.ID)
		}
		b.mu.Unlock()
		switch {
		case m.ID != 0 && answer != nil:
			answer <- m // has room for it
		case m.ID == 0 && page != nil:
			page.event(m.Method, m.Params)
		}
	}
}

// call sends a command and reads its result into into, which may be nil.
func (b *Browser) call(ctx context.Context, session, method string, params, into any) error {
	text, err := json.Marshal(params)
	if err != nil {
		return fmt.Errorf("browser: %s: %w", method, err)
	}
	answer := make(chan message, 1)
	b.mu.Lock()
	if b.err != nil {
		b.mu.Unlock()
		return b.err
	}
	b.next++
	id := b.next
	b.waiting[id] = answer
	b.mu.Unlock()
	line, err := json.Marshal(message{ID: id, SessionID: session, Method: method, Params: text})
	if err == nil {
		b.writing.Lock()
		_, err = b.to.Write(append(line, 0))
		b.writing.Unlock()
	}
	if err != nil {
		return fmt.Errorf("browser: %s: %w", method, err)
	}
	select {
	case m, ok := <-answer:
		switch {
		case !ok:
			return fmt.Errorf("browser: %s: chromium has ended", method)
		case m.Error != nil:
			return fmt.Errorf("browser: %s: %s", method, m.Error.Message)
		case into == nil:
			return nil
		}
		if err := json.Unmarshal(m.Result, into); err != nil {
			return fmt.Errorf("browser: %s: %w", method, err)
		}
		return nil
	case <-ctx.Done():
		b.mu.Lock()
		delete(b.waiting, id)
		b.mu.Unlock()
		return fmt.Errorf("browser: %s: %w", method, ctx.Err())
	}
}

// Close ends it, with all processes that it has started, waits for that, and
// removes its profile. Closing twice does nothing.
func (b *Browser) Close() { b.closing.Do(b.close) }

func (b *Browser) close() {
	killGroup(b.cmd)
	_ = b.cmd.Wait() // it was killed
	<-b.end
	b.own.Wait()
	b.to.Close()
	// Its other processes were killed too, and may take a moment to be gone.
	for range 100 {
		if os.RemoveAll(b.dir) == nil {
			return
		}
		time.Sleep(20 * time.Millisecond)
	}
}
