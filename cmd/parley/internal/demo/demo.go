// Package demo shows what Parley is: one registry on both transports, every kind
// of client, and the transports side by side.
package demo

import (
	"context"
	"fmt"
	"io"
	"log/slog"
	"net"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/parley-rpc/parley/auth"
	"github.com/parley-rpc/parley/cmd/parley/internal/service"
	"github.com/parley-rpc/parley/cmd/parley/internal/terminal"
	"github.com/parley-rpc/parley/rpc"
	"github.com/parley-rpc/parley/rpc/native"
	"github.com/parley-rpc/parley/rpc/native/python"
	"github.com/parley-rpc/parley/rpc/xmlrpc"
	"github.com/parley-rpc/parley/services/adder"
)

// demoTimeout bounds all of the demo.
const demoTimeout = 60 * time.Second

// Run serves, asks and measures, and fails if an answer was wrong.
func Run(std terminal.Streams) error {
	ctx, stop := terminal.UntilSignal(context.Background()) // to clean up in any case
	defer stop()
	ctx, cancel := context.WithTimeout(ctx, demoTimeout)
	defer cancel()
	begin := time.Now()
	stage, err := openStage(ctx, std.Err)
	if err != nil {
		return err
	}
	defer stage.close()

	out := std.Out
	fmt.Fprintln(out, "One registry, in which add was registered once, served on two transports:")
	fmt.Fprintln(out)
	fmt.Fprintln(out, "  XML-RPC  ", stage.url)
	fmt.Fprintln(out, "  native   ", addressURL(stage.tcp))
	fmt.Fprintln(out, "           ", addressURL(stage.unix))
	fmt.Fprintln(out)
	wrong := stage.interview(ctx, out)

	fmt.Fprintln(out, "The transports side by side, client and server in processes of their own:")
	fmt.Fprintln(out)
	result, err := measureDemo(ctx, std)
	if err != nil {
		return err
	}
	printTable(out, result)
	fmt.Fprint(out, tableNotes)
	if wrong > 0 {
		return fmt.Errorf("%d answers were wrong", wrong)
	}
	_, err = fmt.Fprintf(out, "\nEvery answer was right. Done in %.1f s.\n%s\n", time.Since(begin).Seconds(), nextSteps)
	return err
}

// nextSteps are for who has seen enough of the demo.
const nextSteps = "Next: parley compare measures all transports in a minute; docs/quickstart.md makes a server of your own."

// stage is everything that the demo sets up for its clients.
type stage struct {
	url       string // of the XML-RPC server
	tcp, unix net.Addr
	peers     []peer
	noPython  bool

	closers []func() // in the order of opening
}

func (s *stage) close() {
	for i := len(s.closers) - 1; i >= 0; i-- {
		s.closers[i]()
	}
}

// openStage sets everything up; after an error nothing is left of it.
func openStage(ctx context.Context, stderr io.Writer) (*stage, error) {
	s := &stage{}
	if err := s.open(ctx, stderr); err != nil {
		s.close()
		return nil, err
	}
	return s, nil
}

func (s *stage) open(ctx context.Context, stderr io.Writer) error {
	reg := rpc.NewRegistry()
	reg.Logger = service.NewLogger(stderr, slog.LevelError, "serve --allow-md5")
	if err := adder.Register(reg); err != nil {
		return err
	}
	py, ok := findPython(ctx)
	s.noPython = !ok
	key, err := auth.GenerateKey().With(auth.KeyConfig{AllowMD5: py.needMD5})
	if err != nil {
		return err
	}
	dir, err := os.MkdirTemp("", "parley-demo-")
	if err != nil {
		return err
	}
	s.closers = append(s.closers, func() { os.RemoveAll(dir) })

	hs := &xmlrpc.Server{Handler: reg, Logger: reg.Logger}
	httpAddr, err := s.serve(hs, hs.Listen, "127.0.0.1:0")
	if err != nil {
		return err
	}
	s.url = hs.URL(httpAddr)
	ns := &native.Server{Handler: reg, Objects: python.Handler(reg), Auth: key, Logger: reg.Logger}
	if s.tcp, err = s.serve(ns, ns.Listen, "tcp://127.0.0.1:0"); err != nil {
		return err
	}
	if s.unix, err = s.serve(ns, ns.Listen, "unix://"+filepath.Join(dir, "native.sock")); err != nil {
		return err
	}

	overHTTP, err := xmlrpc.NewClient(s.url, xmlrpc.ClientConfig{})
	if err != nil {
		return err
	}
	s.closers = append(s.closers, func() { overHTTP.Close() })
	overTCP, err := native.Dial(ctx, addressURL(s.tcp), native.DialConfig{Auth: key, Logger: reg.Logger})
	if err != nil {
		return err
	}
	s.closers = append(s.closers, func() { overTCP.Close() })

	s.peers = []peer{
		koloPeer(s.url),
		callerPeer("Parley's XML-RPC client", "XML-RPC", overHTTP),
	}
	if ok {
		s.peers = append(s.peers, py.xmlrpcPeer(s.url))
	}
	s.peers = append(s.peers, callerPeer("Parley's native client", "native", overTCP))
	if ok {
		s.peers = append(s.peers, py.nativePeer(s.tcp, key))
	}
	return nil
}

// runner is what the servers of both transports have in common.
type runner interface {
	Serve(net.Listener) error
	Close() error
}

// serve opens a listener and serves it until the stage is closed.
func (s *stage) serve(srv runner, listen func(string) (net.Listener, error), addr string) (net.Addr, error) {
	l, err := listen(addr)
	if err != nil {
		return nil, err
	}
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		_ = srv.Serve(l) // ends with Close; before that, calls tell
	}()
	s.closers = append(s.closers, func() { srv.Close(); <-ended })
	return l.Addr(), nil
}

// interview puts the questions to all peers, prints what each got, and returns
// how many answers were wrong.
func (s *stage) interview(ctx context.Context, out io.Writer) (wrong int) {
	questions := questions()
	for _, p := range s.peers {
		fmt.Fprintf(out, "  %s (%s)\n", p.name, p.transport)
		answers, err := p.ask(ctx, questions)
		if err != nil {
			fmt.Fprintf(out, "    WRONG  it did not get its answers: %s\n\n", terminal.Printable(err.Error()))
			wrong += len(questions)
			continue
		}
		for i, q := range questions {
			mark := "ok   "
			if !q.right(answers[i]) {
				mark = "WRONG"
				wrong++
			}
			shown := answers[i].String()
			if q.want == nil && mark != "WRONG" {
				shown = "refused, as it should be: " + shown
			}
			fmt.Fprintf(out, "    %s  %-26s %s\n", mark, q.text, shown)
		}
		fmt.Fprintln(out)
	}
	if s.noPython {
		fmt.Fprintln(out, "  Python: there is no python3 in the PATH, so its two clients were left out.")
		fmt.Fprintln(out)
	}
	return wrong
}

func addressURL(a net.Addr) string { return a.Network() + "://" + a.String() }

// tableNotes say what the figures of the table are.
var tableNotes = strings.Join([]string{
	"",
	"  bytes/call  all that crosses the connection for one call, both ways: HTTP headers, frames, everything",
	"  CPU/call    client and server together",
	"  small call  add(3, 5); the other rows return what they get. One caller waits for each answer before",
	"              its next call, except where it says 64: those share one client",
	"  ≈           too close to call",
	"  ?           measured too seldom to tell which is faster; parley compare has more turns",
	"",
}, "\n")
