package service

import (
	"fmt"
	"log/slog"
	"net/netip"
	"os"
	"strings"

	"github.com/parley-rpc/parley/cmd/parley/internal/tomlfile"
)

// Config is everything that serve is told: by a file, or by its flags. The names
// of the keys, and what they mean, stand in docs/command.md.
type Config struct {
	Credentials              string `toml:"credentials"` // the path of a file; empty: none
	AllowMD5                 bool   `toml:"allow_md5"`
	DangerouslyAllowShortKey bool   `toml:"dangerously_allow_short_key"`

	Objects   string            `toml:"objects"`
	LogLevel  slog.Level        `toml:"log_level"`
	DrainTime tomlfile.Duration `toml:"drain_time"`

	XMLRPC []XMLRPCConfig      `toml:"xmlrpc"`
	Native []NativeConfig      `toml:"native"`
	Policy map[string][]string `toml:"policy"` // nil: everyone may call everything
	Limits limitsConfig        `toml:"limits"`
}

// ListenerConfig is what the listeners of both transports have in common.
type ListenerConfig struct {
	Listen                          string   `toml:"listen"`
	Cert                            string   `toml:"cert"`
	Key                             string   `toml:"key"`
	AllowFrom                       []prefix `toml:"allow_from"`
	DangerouslyListenBeyondLoopback bool     `toml:"dangerously_listen_beyond_loopback"`

	where string // for messages: the flag, or the line, that Listen comes from
}

// ByFlag is the listener that a flag asks for.
func ByFlag(flag, addr string, dangerouslyBeyondLoopback bool) ListenerConfig {
	if dir, err := os.Getwd(); err == nil {
		addr = socketIn(dir, addr)
	}
	return ListenerConfig{Listen: addr, DangerouslyListenBeyondLoopback: dangerouslyBeyondLoopback, where: flag}
}

type XMLRPCConfig struct {
	ListenerConfig
	Hosts []string `toml:"hosts"`
	Paths []string `toml:"paths"`

	// What peers need that are older than they should be.
	AllowMissingContentType bool `toml:"allow_missing_content_type"`
	NoGzip                  bool `toml:"no_gzip"`
	NoNil                   bool `toml:"no_nil"`
	Int32Only               bool `toml:"int32_only"`
	LongInt                 bool `toml:"long_int"`
}

// encrypted reports whether what is sent is.
func (c XMLRPCConfig) encrypted() bool { return c.Cert != "" }

type NativeConfig struct {
	ListenerConfig
	ClientCA string `toml:"client_ca"`
}

func (c NativeConfig) encrypted() bool { return strings.HasPrefix(c.Listen, "tls://") }

// limitsConfig bounds each listener. Zero is the default of its transport.
type limitsConfig struct {
	MaxConns     int               `toml:"max_conns"`
	MaxCalls     int               `toml:"max_calls"`
	MaxMessage   int               `toml:"max_message"`
	CallTimeout  tomlfile.Duration `toml:"call_timeout"`
	LoginTimeout tomlfile.Duration `toml:"login_timeout"`
}

// prefix is a range of addresses, or one address.
type prefix struct{ netip.Prefix }

func (p *prefix) UnmarshalText(text []byte) (err error) {
	if p.Prefix, err = netip.ParsePrefix(string(text)); err == nil {
		return nil
	}
	addr, err := netip.ParseAddr(string(text))
	if err != nil {
		return fmt.Errorf(`got %q; want an address or a range of them, such as "192.0.2.7" or "10.0.0.0/8"`, text)
	}
	p.Prefix = netip.PrefixFrom(addr, addr.BitLen())
	return nil
}

// prefixes returns them as the servers take them; nil if there are none.
func prefixes(list []prefix) []netip.Prefix {
	var out []netip.Prefix
	for _, p := range list {
		out = append(out, p.Prefix)
	}
	return out
}
