package main

import (
	"encoding/base64"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// bytes64 is n bytes in the form that entries have them.
func bytes64(n int) string { return base64.StdEncoding.EncodeToString(make([]byte, n)) }

// channelEntry is a line of a file, made by a KDF that need not be today's.
func channelEntry(id, kdf, more string) string {
	return fmt.Sprintf(`{"id":%q,"identity":%q,"use":"channel","kdf":%q,"salt":%q,"stored_key":%q,"server_key":%q%s}`,
		id, id, kdf, bytes64(16), bytes64(32), bytes64(32), more) + "\n"
}

func authkeyEntry(id, key string) string {
	return fmt.Sprintf(`{"id":%q,"identity":%q,"use":"authkey","key":%q}`, id, id, key) + "\n"
}

func until(d time.Duration) string {
	return fmt.Sprintf(`,"not_after":%q`, time.Now().Add(d).UTC().Format(time.RFC3339))
}

func TestAuthCheckFile(t *testing.T) {
	const day = 24 * time.Hour
	phc := "$argon2id$v=19$m=19456,t=2,p=1$" + strings.TrimRight(bytes64(16), "=") + "$" + strings.TrimRight(bytes64(32), "=")
	for name, tt := range map[string]struct {
		doc  string
		mode os.FileMode
		args []string
		want []string // on standard output, or on standard error if it fails
		code int
	}{
		"Good":            {channelEntry("a", "raw", until(15*day)) + authkeyEntry("b", goodKey), 0o600, nil, []string{"no errors, 0 warnings, 2 credentials"}, 0},
		"Soon":            {"\n" + channelEntry("a", "raw", until(13*day)), 0o600, nil, []string{":2: warning: a expires at", "no errors, 1 warning, 1 credential\n"}, 0},
		"Over":            {channelEntry("a", "raw", until(-day)), 0o600, nil, []string{":1: warning: a expired at"}, 0},
		"CheapChannel":    {channelEntry("a", "argon2id$v=19$m=19456,t=2,p=1", ""), 0o600, nil, []string{":1: warning: a: its hash takes 19456 KiB and 2 passes"}, 0},
		"CheapHTTP":       {fmt.Sprintf(`{"id":"a","identity":"a","use":"http","phc":%q}`, phc), 0o600, nil, []string{":1: warning: a: its hash takes 19456 KiB"}, 0},
		"Today":           {channelEntry("a", "argon2id$v=19$m=65536,t=3,p=4", ""), 0o600, nil, []string{"0 warnings"}, 0},
		"Empty":           {`{"version":1}` + "\n", 0o600, nil, []string{"warning: there are no credentials"}, 0},
		"ShortAllowed":    {authkeyEntry("a", "12345"), 0o600, []string{"--dangerously-allow-short-key"}, []string{":1: warning: the authkey of a"}, 0},
		"Short":           {"\n" + authkeyEntry("a", "12345"), 0o600, nil, []string{":2", "5 bytes"}, 2},
		"TooCheap":        {channelEntry("a", "argon2id$v=19$m=8,t=1,p=1", ""), 0o600, nil, []string{":1"}, 2},
		"ForEveryone":     {channelEntry("a", "raw", ""), 0o644, nil, []string{"0644", "chmod 600"}, 2},
		"Twice":           {channelEntry("a", "raw", "") + channelEntry("a", "raw", ""), 0o600, nil, []string{":2"}, 2},
		"UnknownField":    {strings.Replace(channelEntry("a", "raw", ""), `"use"`, `"colour":"x","use"`, 1), 0o600, nil, []string{":1"}, 2},
		"NoServerKey":     {strings.Replace(channelEntry("a", "raw", ""), `"server_key"`, `"phc"`, 1), 0o600, nil, []string{":1"}, 2},
		"NoFile":          {"", 0, nil, []string{"no such file"}, 2},
		"FileAndConfig":   {channelEntry("a", "raw", ""), 0o600, []string{"--config", "x"}, []string{"not both"}, 2},
		"UnfinishedThing": {channelEntry("a", "raw", "")[:40], 0o600, nil, []string{":1"}, 2},
	} {
		t.Run(name, func(t *testing.T) {
			path := filepath.Join(t.TempDir(), "none")
			if tt.doc != "" {
				path = writeFile(t, "credentials", tt.doc, tt.mode)
			}
			got := at(t, "", append([]string{"auth", "check", path}, tt.args...)...)
			if got.code != tt.code {
				t.Errorf("%+v; want exit code %d", got, tt.code)
			}
			if tt.code == 2 {
				if got.stdout != "" {
					t.Errorf("standard output has %q", got.stdout)
				}
				got.oneLine(t, tt.want...)
				return
			}
			for _, want := range tt.want {
				if !strings.Contains(got.stdout, want) || got.stderr != "" {
					t.Errorf("%+v; want %q on standard output", got, want)
				}
			}
		})
	}
}

// What is warned of is what does not fit together.
func TestAuthCheckConfig(t *testing.T) {
	ca := newAuthority(t)
	ca.issue(t, "server", "", time.Hour)
	if err := os.WriteFile(ca.path("credentials"), []byte(channelEntry("ann", "raw", "")+authkeyEntry("py", goodKey)), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(ca.path("channel"), []byte(channelEntry("ann", "raw", "")), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(ca.path("open.key"), []byte(read(t, ca.path("server.key"))), 0o644); err != nil {
		t.Fatal(err)
	}
	os.Chmod(ca.path("open.key"), 0o644)
	ca.issue(t, "past", "", -time.Hour)
	ca.issue(t, "other", "", time.Hour)
	const (
		creds = "credentials = 'credentials'\n"
		tls   = "[[native]]\nlisten = 'tls://127.0.0.1:1'\n"
		tcp   = "[[native]]\nlisten = '127.0.0.1:2'\n"
		web   = "[[xmlrpc]]\nlisten = '127.0.0.1:3'\n"
		mtls  = tls + "cert = 'server.pem'\nkey = 'server.key'\nclient_ca = 'ca.pem'\n"
	)
	for name, tt := range map[string]struct {
		doc      string
		warnings []string
		err      string
	}{
		"Good":           {creds + tls + tcp, nil, ""},
		"Socket":         {creds + tls + "[[native]]\nlisten = 'unix:x.sock'\n", nil, ""},
		"SocketAlone":    {creds + "[[native]]\nlisten = 'unix:x.sock'\n", []string{"warning: nobody can use credentials for channel, such as ann"}, ""},
		"NoTLS":          {creds + tcp, []string{"warning: nobody can use credentials for channel, such as ann"}, ""},
		"NoTCP":          {creds + tls, []string{"warning: nobody can use credentials for authkey, such as py"}, ""},
		"NoHTTP":         {creds + tls + tcp + web, []string{":7: warning: nobody can log in at 127.0.0.1:3: no credential for http"}, ""},
		"Policy":         {creds + tls + tcp + "[policy]\nann = ['*']\nbob = ['*']\n", []string{"policy does not name py", "policy names bob"}, ""},
		"PolicyForAll":   {creds + tls + tcp + "[policy]\nann = ['*']\n'*' = ['system.*']\n", nil, ""},
		"PolicyAndCert":  {creds + tcp + mtls + "[policy]\nann = ['*']\npy = ['*']\n'spiffe://x' = ['*']\n", []string{"such as ann", "server.pem: warning: the certificate expires"}, ""},
		"PolicyOpen":     {web + "[policy]\nann = ['*']\n", nil, ":2: listen 127.0.0.1:3 asks nobody who he is"},
		"NoCredentials":  {tls, nil, ":2: listen tls://127.0.0.1:1 wants a login, and there are no credentials"},
		"NoAuthkey":      {tcp, nil, ":2: listen 127.0.0.1:2 wants an authkey, and there are no credentials"},
		"NoFile":         {"credentials = 'none'\n" + tls, nil, "none"},
		"Beyond":         {creds + "[[native]]\nlisten = '0.0.0.0:1'\n", nil, "dangerously_listen_beyond_loopback"},
		"BeyondTLS":      {creds + tcp + "[[native]]\nlisten = 'tls://0.0.0.0:1'\n", nil, ""},
		"HTTPBeyond":     {creds + "[[xmlrpc]]\nlisten = '0.0.0.0:1'\n", nil, "cert and key make it https"},
		"OpenHTTPSFar":   {"[[xmlrpc]]\nlisten = '0.0.0.0:1'\ncert = 'server.pem'\nkey = 'server.key'\n", nil, "everyone may call everything"},
		"KeyForEveryone": {creds + tcp + tls + "cert = 'server.pem'\nkey = 'open.key'\n", nil, "0644"},
		"KeyOfOther":     {creds + tcp + tls + "cert = 'server.pem'\nkey = 'other.key'\n", nil, "private key"},
		"PastCert":       {creds + tcp + tls + "cert = 'past.pem'\nkey = 'past.key'\n", []string{"past.pem: warning: the certificate expired"}, ""},
		"NoCert":         {creds + tcp + tls + "cert = 'none.pem'\nkey = 'other.key'\n", nil, "none.pem"},
		"NoKey":          {creds + tcp + tls + "cert = 'server.pem'\nkey = 'none.key'\n", nil, "none.key"},
		"NoHost":         {creds + "[[native]]\nlisten = 'tls://:16001'\n", nil, ":3: listen tls://:16001: native: address \"tls://:16001\": no host; for every interface write tls://0.0.0.0:16001"},
		"NoSuchPort":     {creds + "[[native]]\nlisten = '127.0.0.1:80443'\n", nil, ":3: listen 127.0.0.1:80443: "},
		"NoSuchHTTPPort": {creds + "[[xmlrpc]]\nlisten = '127.0.0.1:80443'\n", nil, ":3: listen 127.0.0.1:80443: want a port from 0 to 65535"},
		"HTTPNoPort":     {creds + "[[xmlrpc]]\nlisten = 'localhost'\n", nil, ":3: listen localhost: want host:port or unix:/path"},
		"HTTPLongPath":   {creds + "[[xmlrpc]]\nlisten = 'unix:/" + strings.Repeat("x", 120) + "'\n", nil, "has 103 at most"},
		"BadHosts":       {creds + "[[xmlrpc]]\nlisten = '127.0.0.1:0'\nhosts = ['http://x']\n", nil, ":3: listen 127.0.0.1:0: xmlrpc: Server.Hosts"},
		"NoFunction":     {creds + "objects = 'nope'\n" + tcp, nil, "objects nope: there is no such function"},
		"NoClientCA":     {creds + tls + "cert = 'server.pem'\nkey = 'server.key'\nclient_ca = 'none.pem'\n", nil, "none.pem"},
		"NoLiveAuthkey":  {"credentials = 'channel'\n" + tcp, nil, ":3: listen 127.0.0.1:2: no credential in"},
		"Unknown":        {creds + tls + "x = 1\n", nil, ":4: native[0].x"},
	} {
		t.Run(name, func(t *testing.T) {
			path := ca.path(name + ".toml")
			if err := os.WriteFile(path, []byte(tt.doc), 0o600); err != nil {
				t.Fatal(err)
			}
			got := at(t, "", "auth", "check", "--config", path)
			if tt.err != "" {
				if got.code != 2 || got.stdout != "" {
					t.Errorf("%+v; want exit code 2", got)
				}
				got.oneLine(t, tt.err)
				if served := at(t, "", "serve", "--config", path); served.code != 2 {
					t.Errorf("serve says otherwise: %+v", served)
				} else if served.stderr != got.stderr {
					t.Errorf("serve says %q; the check %q", served.stderr, got.stderr)
				}
				return
			}
			if got.code != 0 || got.stderr != "" || !strings.Contains(got.stdout, fmt.Sprintf("no errors, %d warning", len(tt.warnings))) {
				t.Errorf("%+v; want %d warnings", got, len(tt.warnings))
			}
			for _, want := range tt.warnings {
				if !strings.Contains(got.stdout, want) {
					t.Errorf("%+v; want %q", got, want)
				}
			}
		})
	}
}

// The file may be named as all other commands want it, and once.
func TestAuthCheckTakesFile(t *testing.T) {
	path := writeFile(t, "credentials", authkeyEntry("b", goodKey), 0o600)
	if got := at(t, "", "auth", "check", "--file", path); got.code != 0 || got.stdout != path+": no errors, 0 warnings, 1 credential\n" {
		t.Errorf("%+v; want what auth check FILE prints", got)
	}
	got := at(t, "", "auth", "check", path, "--file", path)
	if got.code != 2 {
		t.Errorf("%+v; want exit code 2", got)
	}
	got.oneLine(t, "the file of credentials is there twice")
}

// A use that is overwritten by another would be a login that somebody misses.
func TestAuthAddTakesOneUse(t *testing.T) {
	path := filepath.Join(t.TempDir(), "credentials")
	got := at(t, "", "auth", "add", "a", "--use", "channel", "--use=http", "--file", path, "--generate", "--secret-out", "-")
	if got.code != 2 || got.stdout != "" {
		t.Errorf("%+v; want exit code 2 and no secret", got)
	}
	got.oneLine(t, "--use is there more than once", "--identity")
	if _, err := os.Stat(path); err == nil {
		t.Error("there is a file of credentials")
	}
}
