package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"os/signal"
	"slices"
	"sync"
	"syscall"
	"time"

	"github.com/alecthomas/kong"
	"github.com/parley-rpc/parley/cmd/parley/internal/login"
	"github.com/parley-rpc/parley/cmd/parley/internal/terminal"
	"github.com/parley-rpc/parley/cmd/parley/internal/tomlfile"
	"github.com/parley-rpc/parley/cmd/parley/internal/usage"
)

// serveCommand serves functions until it is told to stop.
type serveCommand struct {
	XMLRPC string `name:"xmlrpc" default:"127.0.0.1:8080" placeholder:"ADDR" help:"Where to serve XML-RPC: host:port (port 0 takes a free one), unix:/path, or off. Default: ${default}"`
	Native string `default:"127.0.0.1:16000" placeholder:"ADDR" help:"Where to serve the native channel, likewise, or tls://host:port with --credentials. Default: ${default}"`
	login.AuthkeyFlags
	Credentials                     string        `placeholder:"FILE" help:"File of credentials, from parley auth add. Every listener asks for one of them then, and no authkey is made."`
	DangerouslyListenBeyondLoopback bool          `help:"Serve on addresses that other machines can reach, though nothing is encrypted."`
	Objects                         string        `placeholder:"FUNC" help:"Take every object that a Python Client sends as the arguments of this function."`
	DrainTime                       time.Duration `default:"10s" help:"How long calls that are running may go on once serve is told to stop."`
	LogLevel                        slog.Level    `default:"INFO" placeholder:"LEVEL" help:"What is logged on standard error: DEBUG, INFO, WARN or ERROR. Default: ${default}"`
	Config                          string        `placeholder:"FILE" help:"File that says all of this, and certificates, a policy and limits besides (docs/command.md). No other flag goes with it."`

	given []string // the flags of the command line, by name
}

// Help is what kong shows below the short help.
func (*serveCommand) Help() string {
	return `Serves add, echo, sleep, fail, catalog.*, validator1.* and system.*. On standard output stand one line for each listener and then ready, and nothing else:

    xmlrpc http://127.0.0.1:8080/RPC2
    native tcp://127.0.0.1:16000
    ready

A browser that opens the xmlrpc address shows what can be called, with a form to try each function and programs that call it.

The native channel takes Go clients and, on the same port, Python programs with multiprocessing.connection: c.send(("add", (3, 5))).

On SIGTERM or Ctrl-C it answers what was accepted, takes nothing new, and ends with exit code 0. The second one ends it at once. With --config, SIGHUP reads credentials, policy and certificates again; a file of credentials that changes is noticed within a second.`
}

// AfterApply is called by kong.
func (c *serveCommand) AfterApply(line *kong.Context) error {
	for _, p := range line.Path {
		if p.Flag != nil {
			c.given = append(c.given, p.Flag.Name)
		}
	}
	return nil
}

// off is the address of a transport that is not served.
const off = "off"

// errStopped is the end of a serve that was told twice to stop.
var errStopped = errors.New("stopped before all calls were answered")

func (c *serveCommand) run(std terminal.Streams) error {
	// From here on a signal is a wish to stop, also while all this is set up.
	signals := make(chan os.Signal, 2)
	signal.Notify(signals, os.Interrupt, syscall.SIGTERM)
	defer signal.Stop(signals)

	s, err := c.open(std)
	if err != nil {
		return err
	}
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

// open sets up what the flags or the file ask for.
func (c *serveCommand) open(std terminal.Streams) (*service, error) {
	s := &service{authkey: c.AuthkeyFlags, path: c.Config}
	if c.Config != "" {
		if i := slices.IndexFunc(c.given, func(flag string) bool { return flag != "config" }); i >= 0 {
			return nil, usage.Errorf("--%s does not go with --config; say it in %s", c.given[i], c.Config)
		}
		f, err := loadConfig(c.Config)
		if err != nil {
			return nil, err
		}
		s.cfg = f.config
	} else {
		var err error
		if s.cfg, err = c.config(); err != nil {
			return nil, err
		}
	}
	return s, s.open(std.Err)
}

// config is what the flags say.
func (c *serveCommand) config() (config, error) {
	if c.XMLRPC == off && c.Native == off {
		return config{}, usage.Errorf("both --xmlrpc and --native are off, so there is nothing to serve")
	}
	if c.DrainTime <= 0 {
		return config{}, usage.Errorf("--drain-time is %v, expected more than 0", c.DrainTime)
	}
	if c.Credentials != "" && c.AuthkeyFile != "" {
		return config{}, usage.Errorf("--authkey-file and --credentials do not go together; add the key to the credentials: parley auth add ID --use authkey --secret-file %s --file %s", c.AuthkeyFile, c.Credentials)
	}
	cfg := config{
		Credentials: c.Credentials, AllowMD5: c.AllowMD5, DangerouslyAllowShortKey: c.DangerouslyAllowShortKey,
		Objects: c.Objects, LogLevel: c.LogLevel, DrainTime: tomlfile.Duration{Duration: c.DrainTime},
	}
	dir, err := os.Getwd()
	listener := func(flag, addr string) listenerConfig {
		if err == nil {
			addr = socketIn(dir, addr)
		}
		return listenerConfig{Listen: addr, DangerouslyListenBeyondLoopback: c.DangerouslyListenBeyondLoopback, where: flag}
	}
	if c.XMLRPC != off {
		cfg.XMLRPC = []xmlrpcConfig{{listenerConfig: listener("--xmlrpc", c.XMLRPC)}}
	}
	if c.Native != off {
		cfg.Native = []nativeConfig{{listenerConfig: listener("--native", c.Native)}}
	}
	return cfg, nil
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
