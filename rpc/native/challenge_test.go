package native

import (
	"bytes"
	"encoding/hex"
	"errors"
	"fmt"
	"iter"
	"strings"
	"testing"

	"github.com/parley-rpc/parley/rpc"
)

// keys is an Auth of plain texts; the identities are id0, id1 ...
type keys struct {
	texts []string
	md5   bool
}

func (k keys) Authkeys() iter.Seq2[rpc.Identity, []byte] {
	return func(yield func(rpc.Identity, []byte) bool) {
		for i, text := range k.texts {
			if !yield(rpc.Identity{Name: fmt.Sprintf("id%d", i)}, []byte(text)) {
				return
			}
		}
	}
}

func (k keys) AllowMD5() bool { return k.md5 }

func oneKey(text string) keys { return keys{texts: []string{text}} }

func withMD5(text string) keys { return keys{texts: []string{text}, md5: true} }

// counted returns n bytes from first upwards.
func counted(first, n int) []byte {
	b := make([]byte, n)
	for i := range b {
		b[i] = byte(first + i)
	}
	return b
}

// What CPython computes with the key "secret" and random bytes 0, 1, 2 ...
func TestVectorsOfCPython(t *testing.T) {
	key := []byte("secret")
	modern := append([]byte("{sha256}"), counted(0, 40)...)
	legacy := counted(0, 20)
	for _, test := range []struct {
		name     string
		message  []byte
		allowMD5 bool
		peer     dialect
		prefix   string
		want     string
	}{
		{"3.12 to 3.12", modern, false, dialectUnknown, "{sha256}", "fc57fbe650d6124b98215e7b5d197d5807ad69982d275a9735ea2d56f1fa6989"},
		{"3.11 to 3.11", legacy, true, dialectUnknown, "", "7defa9cc46abc3583325d17ccda75190"},
	} {
		got, _, err := respond(key, test.message, test.peer, test.allowMD5)
		want, _ := hex.DecodeString(test.want)
		if want = append([]byte(test.prefix), want...); err != nil || !bytes.Equal(got, want) {
			t.Errorf("%s: got %x, %v; want %x", test.name, got, err, want)
		}
		k, err := authkeysOf(withMD5("secret"))
		if err != nil {
			t.Fatal(err)
		}
		if _, _, err := verify(k, test.message, want, test.allowMD5); err != nil {
			t.Errorf("%s: verify: %v", test.name, err)
		}
	}
	crossed, _ := hex.DecodeString("8e48d2bb349b4b72b9382999ed5b62eb")
	k := []authkey{{key: key}}
	if _, d, err := verify(k, modern, crossed, true); err != nil || d != dialectMD5 {
		t.Errorf("3.11 to 3.12: got dialect %d, %v; want MD5 accepted", d, err)
	}
	if _, _, err := verify(k, modern, crossed, false); !errors.Is(err, ErrPolicy) {
		t.Errorf("3.11 to 3.12 without AllowMD5: got %v; want ErrPolicy", err)
	}
}

func TestOwnChallenge(t *testing.T) {
	for _, test := range []struct {
		role  role
		offer bool
		want  string
	}{
		{listenerRole, true, "parley/1 L session"},
		{listenerRole, false, "parley/1 L -"},
		{dialerRole, true, "parley/1 C session"},
		{dialerRole, false, "parley/1 C -"},
	} {
		message := appendChallenge(nil, test.role, test.offer)
		if got := string(message[48:]); got != test.want || string(message[:8]) != "{sha256}" {
			t.Errorf("got %q; want {sha256}, 40 random bytes and %q", message, test.want)
		}
		if n := len(challengePrefix) + len(message); n > maxHandshake {
			t.Errorf("got %d bytes; want %d at most", n, maxHandshake)
		}
		if bytes.Equal(message[8:48], appendChallenge(nil, test.role, test.offer)[8:48]) {
			t.Error("two challenges have the same random bytes")
		}
		got, err := parseTag(message)
		if want := (tag{test.role, test.offer}); err != nil || got != want {
			t.Errorf("%q: got %v, %v; want %v", test.want, got, err, want)
		}
	}
}

func TestParseTag(t *testing.T) {
	random := string(counted(0xd0, 40))
	for _, test := range []struct {
		message string
		want    tag
		err     error
	}{
		{"{sha256}" + random, tag{}, nil},            // Python
		{string(counted(0, 20)), tag{}, nil},         // Python 3.11
		{"{sha256}" + random + "parley", tag{}, nil}, // 46 random bytes
		{"{sha384}" + random + "parley/1 L -", tag{'L', false}, nil},
		{"{sha3_256}" + random + "parley/1 C session", tag{'C', true}, nil},
		{"{sha256}" + random + "parley/1 L zip,session,x more of it", tag{'L', true}, nil},
		{"{sha256}" + random + "parley/1 L sessions", tag{'L', false}, nil},
		{"{sha256}" + random + "parley/2 L session", tag{}, ErrNoChallenge},
		{"{sha256}" + random + "parley/1", tag{}, ErrNoChallenge},
		{"{sha256}" + random + "parley/1 L", tag{}, ErrNoChallenge},
		{"{sha256}" + random + "parley/1 X session", tag{}, ErrNoChallenge},
		{"{sha256}" + random + "parley/1  session", tag{}, ErrNoChallenge},
	} {
		if got, err := parseTag([]byte(test.message)); got != test.want || !errors.Is(err, test.err) {
			t.Errorf("%q: got %v, %v; want %v, %v", test.message, got, err, test.want, test.err)
		}
	}
}

func TestRespond(t *testing.T) {
	random := string(counted(0, 40))
	for _, test := range []struct {
		name     string
		message  string
		peer     dialect
		allowMD5 bool
		size     int // of the response
		dialect  dialect
		err      error
	}{
		{"sha256", "{sha256}" + random, dialectUnknown, false, 8 + 32, dialectNamed, nil},
		{"sha384", "{sha384}" + random, dialectUnknown, false, 8 + 48, dialectNamed, nil},
		{"sha3_256", "{sha3_256}" + random, dialectUnknown, false, 10 + 32, dialectNamed, nil},
		{"sha3_384", "{sha3_384}" + random, dialectUnknown, false, 10 + 48, dialectNamed, nil},
		{"md5, allowed", "{md5}" + random, dialectUnknown, true, 5 + 16, dialectNamed, nil},
		{"md5", "{md5}" + random, dialectUnknown, false, 0, 0, ErrPolicy},
		{"sha1", "{sha1}" + random, dialectUnknown, true, 0, 0, ErrPolicy},
		{"no digest", random, dialectUnknown, true, 0, 0, ErrPolicy},
		{"only a digest", "{sha256}", dialectUnknown, true, 0, 0, ErrPolicy},
		{"few random bytes", "{sha3_256}" + random[:15], dialectUnknown, true, 0, 0, ErrPolicy},
		{"19 bytes", random[:19], dialectUnknown, true, 0, 0, ErrPolicy},
		{"empty", "", dialectUnknown, true, 0, 0, ErrPolicy},
		{"3.11", random[:20], dialectUnknown, true, 16, dialectMD5, nil},
		{"3.11 that answered with MD5", random[:20], dialectMD5, true, 16, dialectMD5, nil},
		{"3.11 or patched", random[:20], dialectUnknown, false, 32, dialectSHA256, nil},
		{"patched", random[:20], dialectSHA256, false, 32, dialectSHA256, nil},
		{"patched, MD5 allowed", random[:20], dialectSHA256, true, 32, dialectSHA256, nil},
		{"3.12 that falls back", random[:20], dialectNamed, false, 0, 0, ErrPolicy},
	} {
		got, d, err := respond([]byte("key"), []byte(test.message), test.peer, test.allowMD5)
		if len(got) != test.size || d != test.dialect || !errors.Is(err, test.err) {
			t.Errorf("%s: got %d bytes, dialect %d, %v; want %d, %d, %v", test.name, len(got), d, err, test.size, test.dialect, test.err)
		}
	}
}

func TestVerify(t *testing.T) {
	message := appendChallenge(nil, listenerRole, true)
	k := []authkey{{key: []byte("first")}, {key: []byte("second")}, {key: []byte("third")}}
	named := func(digest, key string) string {
		return "{" + digest + "}" + string(mac(digest, []byte(key), message))
	}
	for _, test := range []struct {
		name     string
		response string
		allowMD5 bool
		index    int
		err      error
	}{
		{"first key", named("sha256", "first"), false, 0, nil},
		{"second key", named("sha256", "second"), false, 1, nil},
		{"third key", named("sha256", "third"), false, 2, nil},
		{"sha384", named("sha384", "second"), false, 1, nil},
		{"sha3_256", named("sha3_256", "second"), false, 1, nil},
		{"sha3_384", named("sha3_384", "second"), false, 1, nil},
		{"bare SHA256", string(mac("sha256", []byte("third"), message)), false, 2, nil},
		{"bare MD5", string(mac("md5", []byte("second"), message)), true, 1, nil},
		{"bare MD5, not allowed", string(mac("md5", []byte("second"), message)), false, 0, ErrPolicy},
		{"named MD5", named("md5", "second"), true, 1, nil},
		{"named MD5, not allowed", named("md5", "second"), false, 0, ErrPolicy},
		{"another key", named("sha256", "fourth"), true, 0, ErrUnproven},
		{"empty key", named("sha256", ""), true, 0, ErrUnproven},
		{"another digest", "{sha256}" + string(mac("sha3_256", []byte("first"), message)), true, 0, ErrUnproven},
		{"short", named("sha256", "first")[:39], true, 0, ErrNoChallenge},
		{"long", named("sha256", "first") + "x", true, 0, ErrNoChallenge},
		{"unknown digest", "{sha512}" + strings.Repeat("x", 64), true, 0, ErrNoChallenge},
		{"empty", "", true, 0, ErrNoChallenge},
		{"pickle", "\x80\x04K\x01.", true, 0, ErrNoChallenge},
		{"the message itself", string(message), true, 0, ErrNoChallenge},
		{"zeros", strings.Repeat("\x00", 16), true, 0, ErrUnproven},
	} {
		index, _, err := verify(k, message, []byte(test.response), test.allowMD5)
		if index != test.index || !errors.Is(err, test.err) {
			t.Errorf("%s: got key %d, %v; want %d, %v", test.name, index, err, test.index, test.err)
		}
	}
}

// Every bit of a response counts.
func TestFlippedBitIsNoProof(t *testing.T) {
	message := appendChallenge(nil, listenerRole, true)
	k := []authkey{{key: []byte(testKey)}}
	for _, response := range [][]byte{
		append([]byte("{sha256}"), mac("sha256", k[0].key, message)...),
		mac("md5", k[0].key, message),
	} {
		for i := range len(response) * 8 {
			response[i/8] ^= 1 << (i % 8)
			if _, _, err := verify(k, message, response, true); err == nil {
				t.Errorf("bit %d of %d flipped: accepted", i, len(response)*8)
			}
			response[i/8] ^= 1 << (i % 8)
		}
		if _, _, err := verify(k, message, response, true); err != nil {
			t.Errorf("unchanged: %v", err)
		}
	}
}

// failing is an Auth that says why it cannot be used.
type failing struct{ keys }

var errFailing = errors.New("the reason")

func (failing) Check() error { return errFailing }

func TestAuthkeysOf(t *testing.T) {
	many := make([]string, 20)
	for i := range many {
		many[i] = fmt.Sprintf("key %d", i)
	}
	for _, test := range []struct {
		name string
		auth Auth
		want int
		err  error
	}{
		{"nil", nil, 0, ErrNoKey},
		{"none", keys{}, 0, ErrNoKey},
		{"empty", oneKey(""), 0, ErrNoKey},
		{"one of several empty", keys{texts: []string{"a", "", "c"}}, 0, ErrNoKey},
		{"not usable", failing{oneKey("a")}, 0, errFailing},
		{"one", oneKey("a"), 1, nil},
		{"too many", keys{texts: many}, maxAuthkeys, nil},
	} {
		got, err := authkeysOf(test.auth)
		if len(got) != test.want || !errors.Is(err, test.err) {
			t.Errorf("%s: got %d keys, %v; want %d, %v", test.name, len(got), err, test.want, test.err)
		}
		if err != nil && !errors.Is(err, ErrAuth) {
			t.Errorf("%s: %v is not ErrAuth", test.name, err)
		}
	}
}

func TestErrorsAreErrAuth(t *testing.T) {
	for _, err := range []error{ErrKeyRefused, ErrUnproven, ErrPolicy, ErrNoChallenge, ErrReflected, ErrKeyNeeded, ErrNoKey} {
		if !errors.Is(err, ErrAuth) {
			t.Errorf("%v is not ErrAuth", err)
		}
		if errors.Is(ErrAuth, err) {
			t.Errorf("ErrAuth is %v", err)
		}
	}
}
