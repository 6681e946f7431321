package main

import (
	"log/slog"
	"os"
	"os/signal"
	"slices"
	"syscall"
	"time"

	"github.com/alecthomas/kong"
	"github.com/parley-rpc/parley/cmd/parley/internal/login"
	"github.com/parley-rpc/parley/cmd/parley/internal/service"
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

func (c *serveCommand) run(std terminal.Streams) error {
	// From here on a signal is a wish to stop, also while all this is set up.
	signals := make(chan os.Signal, 2)
	signal.Notify(signals, os.Interrupt, syscall.SIGTERM)
	defer signal.Stop(signals)

	s, err := c.service()
	if err != nil {
		return err
	}
	if err := s.Open(std.Err); err != nil {
		return err
	}
	return s.Run(std, signals)
}

// service is what the flags or the file ask for.
func (c *serveCommand) service() (*service.Service, error) {
	if c.Config != "" {
		if i := slices.IndexFunc(c.given, func(flag string) bool { return flag != "config" }); i >= 0 {
			return nil, usage.Errorf("--%s does not go with --config; say it in %s", c.given[i], c.Config)
		}
		return service.FromFile(c.Config)
	}
	cfg, err := c.config()
	if err != nil {
		return nil, err
	}
	return service.New(cfg, c.AuthkeyFlags), nil
}

// config is what the flags say.
func (c *serveCommand) config() (service.Config, error) {
	if c.XMLRPC == off && c.Native == off {
		return service.Config{}, usage.Errorf("both --xmlrpc and --native are off, so there is nothing to serve")
	}
	if c.DrainTime <= 0 {
		return service.Config{}, usage.Errorf("--drain-time is %v, expected more than 0", c.DrainTime)
	}
	if c.Credentials != "" && c.AuthkeyFile != "" {
		return service.Config{}, usage.Errorf("--authkey-file and --credentials do not go together; add the key to the credentials: parley auth add ID --use authkey --secret-file %s --file %s", c.AuthkeyFile, c.Credentials)
	}
	cfg := service.Config{
		Credentials: c.Credentials, AllowMD5: c.AllowMD5, DangerouslyAllowShortKey: c.DangerouslyAllowShortKey,
		Objects: c.Objects, LogLevel: c.LogLevel, DrainTime: tomlfile.Duration{Duration: c.DrainTime},
	}
	listener := func(flag, addr string) service.ListenerConfig {
		return service.ByFlag(flag, addr, c.DangerouslyListenBeyondLoopback)
	}
	if c.XMLRPC != off {
		cfg.XMLRPC = []service.XMLRPCConfig{{ListenerConfig: listener("--xmlrpc", c.XMLRPC)}}
	}
	if c.Native != off {
		cfg.Native = []service.NativeConfig{{ListenerConfig: listener("--native", c.Native)}}
	}
	return cfg, nil
}
