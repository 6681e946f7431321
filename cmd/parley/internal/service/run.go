package service

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/signal"
	"sync"
	"syscall"
	"time"

	"github.com/parley-rpc/parley/cmd/parley/internal/terminal"
)

// errStopped is the end of a serve that was told twice to stop.
var errStopped = errors.New("stopped before all calls were answered")

// Run serves what is open until a signal comes, and then answers what was accepted.
// Another signal ends it at once.
func (s *Service) Run(std terminal.Streams, signals <-chan os.Signal) error {
	defer s.watch()()
	hangups := make(chan os.Signal, 1)
	if s.creds != nil || s.path != "" { // without anything to read again it ends the process, as ever
		signal.Notify(hangups, syscall.SIGHUP)
		defer signal.Stop(hangups)
	}
	failed := make(chan error, len(s.listeners))
	for _, l := range s.listeners {
		if l.note != "" {
			fmt.Fprintln(std.Err, "parley:", l.note)
		}
		if _, err := fmt.Fprintln(std.Out, l.name, l.url); err != nil {
			return err
		}
		go func() { failed <- l.server.Serve(l.Listener) }()
	}
	if _, err := fmt.Fprintln(std.Out, "ready"); err != nil {
		return err
	}
	for {
		select {
		case err := <-failed:
			for _, l := range s.listeners {
				l.server.Close()
			}
			return err
		case <-hangups:
			s.reload()
		case sig := <-signals:
			fmt.Fprintf(std.Err, "parley: %v: answering what was accepted, %v at most; once more stops at once\n", sig, s.cfg.DrainTime)
			return drain(s.listeners, s.cfg.DrainTime.Duration, signals)
		}
	}
}

// drain answers what was accepted and refuses what is new, until all is done,
// the time is over, or another signal comes.
func drain(listeners []listening, limit time.Duration, signals <-chan os.Signal) error {
	ctx, cancel := context.WithTimeout(context.Background(), limit)
	defer cancel()
	drained := make(chan struct{})
	go func() {
		defer close(drained)
		var all sync.WaitGroup
		for _, l := range listeners {
			all.Go(func() { _ = l.server.Shutdown(ctx) }) // it says only that time was over
		}
		all.Wait()
	}()
	select {
	case <-drained:
		return nil
	case <-signals:
		return errStopped
	}
}
