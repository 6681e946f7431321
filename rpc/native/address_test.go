package native

import (
	"context"
	"errors"
	"net"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"syscall"
	"testing"
)

func TestParseAddress(t *testing.T) {
	for _, test := range []struct {
		url, network, address string
		err                   string
	}{
		{"tcp://127.0.0.1:16000", "tcp", "127.0.0.1:16000", ""},
		{"tcp://127.0.0.1:0", "tcp", "127.0.0.1:0", ""},
		{"tcp://[::1]:16000", "tcp", "[::1]:16000", ""},
		{"tcp://localhost:16000", "tcp", "localhost:16000", ""},
		{"unix:///run/tool.sock", "unix", "/run/tool.sock", ""},
		{"unix://@tool", "unix", "@tool", ""},
		{"unix:///with space", "unix", "/with space", ""},
		{"", "", "", "expected tcp://host:port, tls://host:port or unix:///path"},
		{"127.0.0.1:16000", "", "", "expected tcp://host:port, tls://host:port or unix:///path"},
		{"unix:/run/tool.sock", "", "", "expected tcp://host:port, tls://host:port or unix:///path"},
		{"tcp://127.0.0.1", "", "", "expected tcp://host:port"},
		{"tcp://:16000", "", "", "for every interface write tcp://0.0.0.0:16000, or [::]"},
		{"tcp://::1:16000", "", "", "expected tcp://host:port"},
		{"tcp://user@host:16000", "", "", "expected a host name"},
		{"tcp://host:16000/path", "", "", "expected a port"},
		{"tcp://host:http", "", "", "expected a port"},
		{"tcp://host:65536", "", "", "expected a port"},
		{"tcp://host:-1", "", "", "expected a port"},
		{"unix://run/tool.sock", "", "", "expected an absolute path"},
		{"unix://", "", "", "expected an absolute path"},
		{"unix://@", "", "", "no name"},
		{"unix:///a\x00b", "", "", "NUL"},
		{"unix:///" + strings.Repeat("x", 200), "", "", "has 103 at most"},
		{"tls://host:16000", "tls", "host:16000", ""},
		{"tls://:1", "", "", "write tls://0.0.0.0:1, or [::]"},
		{"http://host:80/RPC2", "", "", `got "http"`},
	} {
		network, address, err := parseAddress(test.url)
		if network != test.network || address != test.address {
			t.Errorf("%q: got %q, %q; want %q, %q", test.url, network, address, test.network, test.address)
		}
		if test.err == "" && err != nil || test.err != "" && (err == nil || !strings.Contains(err.Error(), test.err)) {
			t.Errorf("%q: got error %v; want %q", test.url, err, test.err)
		}
		if err := CheckAddress(test.url); (err == nil) != (test.err == "") {
			t.Errorf("%q: CheckAddress returned %v; want %q", test.url, err, test.err)
		}
	}
}

func TestDialSaysWhatToCheck(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	free := "tcp://" + l.Addr().String()
	l.Close()
	cancelled, cancel := context.WithCancel(t.Context())
	cancel()
	for _, test := range []struct {
		ctx  context.Context
		url  string
		want string
		is   error
	}{
		{t.Context(), free, "nothing listens there", syscall.ECONNREFUSED},
		{t.Context(), "unix:///nonexistent/sock", "there is no such socket", os.ErrNotExist},
		{t.Context(), "tcp://127.0.0.1:0", "port 0", nil},
		{t.Context(), "tls://127.0.0.1:1", "tls:// needs Login", nil},
		{cancelled, free, "", context.Canceled},
	} {
		_, err := DialConn(test.ctx, test.url, ConnConfig{Auth: oneKey(testKey)})
		if err == nil || !strings.Contains(err.Error(), test.want) || test.is != nil && !errors.Is(err, test.is) {
			t.Errorf("%s: got %v; want %q, %v", test.url, err, test.want, test.is)
		}
		if err != nil && (strings.Count(err.Error(), "native:") != 1 || !strings.Contains(err.Error(), test.url)) {
			t.Errorf("%s: got %q; want native: once, and the URL", test.url, err)
		}
		if errors.Is(err, ErrAuth) {
			t.Errorf("%s: %v is ErrAuth", test.url, err)
		}
	}
}

func TestListenRefusesToGoBeyondLoopback(t *testing.T) {
	for _, url := range []string{"tcp://0.0.0.0:0", "tcp://[::]:0", "tcp://192.0.2.1:0"} {
		l, err := Listen(url, ListenConfig{Auth: oneKey(testKey)})
		if err == nil {
			l.Close()
		}
		if err == nil || !strings.Contains(err.Error(), "DangerouslyBeyondLoopback") {
			t.Errorf("%s: got %v; want an error that names DangerouslyBeyondLoopback", url, err)
		}
	}
	for _, url := range []string{"tcp://127.0.0.1:0", "tcp://localhost:0", "tcp://127.1.2.3:0"} {
		l, err := Listen(url, ListenConfig{Auth: oneKey(testKey)})
		if err != nil {
			t.Errorf("%s: %v", url, err)
			continue
		}
		if _, address, err := parseAddress(l.Addr()); err != nil || !strings.HasPrefix(address, "127.") || strings.HasSuffix(address, ":0") {
			t.Errorf("%s: got address %s; want one on loopback with the port that was chosen", url, l.Addr())
		}
		l.Close()
	}
}

func TestListenWantsAKey(t *testing.T) {
	for name, cfg := range map[string]ListenConfig{
		"nothing":       {},
		"empty key":     {Auth: oneKey("")},
		"no key":        {Auth: keys{}},
		"key and none":  {Auth: oneKey(testKey), DangerouslyWithoutAuth: true},
		"negative time": {Auth: oneKey(testKey), HandshakeTimeout: -1},
		"negative size": {Auth: oneKey(testKey), MaxMessage: -1},
		"negative conn": {Auth: oneKey(testKey), MaxConns: -1},
	} {
		if l, err := Listen("tcp://127.0.0.1:0", cfg); err == nil {
			l.Close()
			t.Errorf("%s: it listens", name)
		}
	}
}

func TestUnixSocketIsForItsOwner(t *testing.T) {
	path := filepath.Join(t.TempDir(), "s")
	l := testListener(t, "unix://"+path, ListenConfig{Auth: oneKey(testKey)})
	info, err := os.Lstat(path)
	if err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("got %v, %v; want mode 0600", info.Mode(), err)
	}
	if got := l.Addr(); got != "unix://"+path {
		t.Errorf("got %s; want unix://%s", got, path)
	}
	l.Close()
	if _, err := os.Lstat(path); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("after Close: got %v; want the socket to be gone", err)
	}
}

// The mode holds before anybody could connect, not only once Listen returns.
func TestUnixSocketModeFromTheStart(t *testing.T) {
	if runtime.GOOS != "linux" {
		t.Skip("the mode is set after bind on this system")
	}
	path := filepath.Join(t.TempDir(), "s")
	lc := net.ListenConfig{Control: func(_, _ string, c syscall.RawConn) error { return c.Control(restrictSocket) }}
	l, err := lc.Listen(t.Context(), "unix", path)
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	if info, err := os.Lstat(path); err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("right after bind: got %v, %v; want mode 0600", info.Mode(), err)
	}
}

func TestStaleUnixSocket(t *testing.T) {
	cfg := ListenConfig{Auth: oneKey(testKey), Logger: quiet}
	path := filepath.Join(t.TempDir(), "s")
	url := "unix://" + path

	dead, err := net.ListenUnix("unix", &net.UnixAddr{Name: path})
	if err != nil {
		t.Fatal(err)
	}
	dead.SetUnlinkOnClose(false)
	dead.Close()
	first, err := Listen(url, cfg)
	if err != nil {
		t.Fatalf("in the place of a dead server: %v", err)
	}
	if l, err := Listen(url, cfg); err == nil || !strings.Contains(err.Error(), "another process listens there") {
		t.Errorf("in the place of a living server: got %v, %v; want an error", l, err)
	}

	// A listener whose path was taken over leaves the new socket alone.
	if err := os.Remove(path); err != nil {
		t.Fatal(err)
	}
	second := testListener(t, url, cfg)
	first.Close()
	c, err := DialConn(testContext(t), url, ConnConfig{Auth: oneKey(testKey)})
	if err != nil {
		t.Fatalf("after the first listener was closed: %v", err)
	}
	c.Close()
	second.Close()

	if err := os.WriteFile(path, []byte("precious"), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := Listen(url, cfg); err == nil || !strings.Contains(err.Error(), "no socket") {
		t.Errorf("in the place of a file: got %v; want an error", err)
	}
	if got, _ := os.ReadFile(path); string(got) != "precious" {
		t.Error("the file is gone")
	}
	if _, err := Listen("unix://"+filepath.Join(path, "x", "y"), cfg); err == nil {
		t.Error("below a file: it listens")
	}
}
