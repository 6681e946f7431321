package native

import (
	"crypto/fips140"
	"errors"
	"os"
	"os/exec"
	"strings"
	"testing"
)

// In FIPS 140-only mode MD5 panics when it is used. It must not come to that,
// whatever the policy and the peer say.
func TestFIPSOnlyModeRefusesMD5(t *testing.T) {
	if !fips140.Enforced() {
		cmd := exec.Command(os.Args[0], "-test.run=^TestFIPSOnlyModeRefusesMD5$", "-test.v")
		cmd.Env = append(os.Environ(), "GODEBUG=fips140=only")
		out, err := cmd.CombinedOutput()
		if err != nil || !strings.Contains(string(out), "in FIPS 140-only mode") {
			t.Fatalf("in FIPS 140-only mode: %v\n%s", err, out)
		}
		return
	}
	t.Log("in FIPS 140-only mode")
	message := appendChallenge(nil, listenerRole, false)
	k := []authkey{{key: []byte(testKey)}}
	if _, _, err := verify(k, message, make([]byte, md5Size), true); !errors.Is(err, ErrPolicy) || !strings.Contains(err.Error(), "FIPS") {
		t.Errorf("verify: got %v; want ErrPolicy that names FIPS", err)
	}
	for _, m := range []string{"{md5}" + string(counted(0, 40)), string(counted(0, 20))} {
		for _, peer := range []dialect{dialectUnknown, dialectMD5, dialectNamed} {
			response, d, err := respond(k[0].key, []byte(m), peer, true)
			if err == nil && (d != dialectSHA256 || len(response) != bareSHA256Size) || err != nil && !errors.Is(err, ErrPolicy) {
				t.Errorf("respond to %d bytes: got %d bytes, %v; want SHA-256 or ErrPolicy", len(m), len(response), err)
			}
		}
	}
	if _, err := authkeysOf(oneKey("short")); !errors.Is(err, ErrNoKey) {
		t.Errorf("a short key, which HMAC refuses in this mode: got %v; want ErrNoKey", err)
	}
	for name := range digests {
		if name != "md5" {
			mac(name, k[0].key, message)
		}
	}
	a, b := tcpPair(t)
	listener := start(t.Context(), a, handshake{auth: withMD5(testKey), role: listenerRole})
	dialer := start(t.Context(), b, handshake{auth: withMD5(testKey), role: dialerRole})
	if l, d := <-listener, <-dialer; l.err != nil || d.err != nil {
		t.Errorf("a login with SHA-256: %v, %v", l.err, d.err)
	}
}
