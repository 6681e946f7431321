package auth

import (
	"encoding/base64"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/parley-rpc/parley/auth/internal/scram"
)

// nonce is one that a client could have.
const nonce = "Y2xpZW50bm9uY2UtMjRieXRlcy0wMTIz"

// wrongProofFor is a C2 in which nothing but the proof is wrong.
func wrongProofFor(ends exports) func(sent []string) string {
	return func(sent []string) string {
		return "c=" + bound("p=tls-exporter,,", ends[scram.Exporter]) + ",r=" + valueOf(sent[0], "r") +
			",p=" + base64.StdEncoding.EncodeToString(make([]byte, 32))
	}
}

// A stranger cannot find out which ids exist: not by what is sent, how much of
// it, whether it changes, or the time that it takes.
func TestUnknownAndKnownLookAlike(t *testing.T) {
	_, _, entries := testSecrets(t)
	ended := entries[0]
	ended.ID, ended.NotAfter = "old.k1", time.Now().Add(-time.Hour)
	key, err := ParseSecret(testKeyText)
	if err != nil {
		t.Fatal(err)
	}
	web, err := key.Entry(UseHTTP, "bot")
	if err != nil {
		t.Fatal(err)
	}
	web.ID = "web.k1"
	server := testCredentials(t, entries[0], ended, web)
	ends := tlsExports(1)
	try := func(server *Credentials, id string) outcome {
		return script(server, ends, say("p=tls-exporter,,n="+id+",r="+nonce), wrongProofFor(ends))
	}

	known := try(server, "bot.k1")
	seen := map[string]bool{}
	for _, id := range []string{"bot.k1", "bot.k2", "nobody", "root", "old.k1", "web.k1"} {
		first, again := try(server, id), try(server, id)
		wantRefused(t, id, first, again)
		if !first.wrongProof() {
			t.Errorf("%s: got %v; want a wrong proof", id, first.err)
		}
		if len(first.sent) != 2 || first.sent[1] != known.sent[1] || len(first.sent[0]) != len(known.sent[0]) {
			t.Errorf("%s: the server sent %q; want what it sends for one that exists, %q", id, first.sent, known.sent)
			continue
		}
		salt := valueOf(first.sent[0], "s")
		if salt != valueOf(again.sent[0], "s") || valueOf(first.sent[0], "k") != "raw" || valueOf(first.sent[0], "i") != "1" {
			t.Errorf("%s: got %s and %s; want the same salt, and the KDF of one that exists", id, first.sent[0], again.sent[0])
		}
		if seen[salt] {
			t.Errorf("%s: got the salt of another id", id)
		}
		seen[salt] = true
		if valueOf(first.sent[0], "r") == valueOf(again.sent[0], "r") {
			t.Errorf("%s: got the same nonce twice", id)
		}
	}

	// The time, of logins that take turns, so that what else the machine does
	// falls on both. A true difference is there in each attempt.
	const rounds, attempts, tolerance = 1500, 8, 0.10
	both := testCredentials(t, entries...)
	ids := [2]string{"bot.k1", "bot.k2"}
	var ratio float64
	for range attempts {
		var took [2][]time.Duration
		for range rounds {
			for i, id := range ids {
				began := time.Now()
				try(both, id)
				took[i] = append(took[i], time.Since(began))
			}
		}
		for i := range took {
			slices.Sort(took[i])
		}
		ratio = float64(took[1][rounds/2]) / float64(took[0][rounds/2])
		if ratio > 1-tolerance && ratio < 1+tolerance {
			t.Logf("medians: %v known, %v unknown", took[0][rounds/2], took[1][rounds/2])
			return
		}
	}
	t.Errorf("an unknown id takes %.2f times as long as one that exists, in each of %d attempts; want 0.9 to 1.1", ratio, attempts)
}

// Messages that are not of the protocol end the login at once, are answered with
// no more than e=other-error, and are no guess.
func TestBrokenLoginMessages(t *testing.T) {
	key, _, entries := testSecrets(t)
	server := testCredentials(t, entries...)
	ends := tlsExports(1)
	proof := base64.StdEncoding.EncodeToString(make([]byte, 32))
	const header = "p=tls-exporter,,"
	cb := bound(header, ends[scram.Exporter])

	for name, c1 := range map[string]string{
		"empty":                "",
		"space":                " " + header + "n=bot.k1,r=" + nonce,
		"newline":              header + "n=bot.k1,r=" + nonce + "\n",
		"NUL":                  header + "n=bot.k1,r=" + nonce + "\x00",
		"not ASCII":            header + "n=böt,r=" + nonce,
		"HTTP":                 "GET / HTTP/1.1\r\n\r\n",
		"pickle":               "\x80\x04K\x01.",
		"challenge":            "#CHALLENGE#{sha256}0123456789012345678901234567890123456789",
		"no header":            "n=bot.k1,r=" + nonce,
		"header alone":         header,
		"unknown binding":      "p=tls-unique,,n=bot.k1,r=" + nonce,
		"no binding name":      "p=,,n=bot.k1,r=" + nonce,
		"y":                    "y,,n=bot.k1,r=" + nonce,
		"another's name":       "p=tls-exporter,a=root,n=bot.k1,r=" + nonce,
		"capital":              header + "n=Bot.k1,r=" + nonce,
		"no id":                header + "n=,r=" + nonce,
		"id too long":          header + "n=" + strings.Repeat("a", 65) + ",r=" + nonce,
		"escape in id":         header + "n=bot=2Ck1,r=" + nonce,
		"slash in id":          header + "n=../etc/passwd,r=" + nonce,
		"no nonce":             header + "n=bot.k1,r=",
		"nonce missing":        header + "n=bot.k1",
		"nonce too short":      header + "n=bot.k1,r=" + nonce[:15],
		"nonce too long":       header + "n=bot.k1,r=" + strings.Repeat("x", 129),
		"order":                header + "r=" + nonce + ",n=bot.k1",
		"mandatory extension":  header + "m=x,n=bot.k1,r=" + nonce,
		"extension":            header + "n=bot.k1,r=" + nonce + ",x=y",
		"two ids":              header + "n=bot.k1,n=ann,r=" + nonce,
		"too long":             header + "n=bot.k1,r=" + nonce + strings.Repeat("x", 4096),
		"a lot":                strings.Repeat(",", 1<<16),
		"the second message":   "c=" + cb + ",r=" + nonce + ",p=" + proof,
		"a comma at the end":   header + "n=bot.k1,r=" + nonce + ",",
		"name without a value": header + "n,r=" + nonce,
	} {
		o := script(server, ends, say(c1), wrongProofFor(ends))
		wantRefused(t, "C1, "+name, o)
		if len(o.sent) != 1 || o.sent[0] != scram.Refusal || o.wrongProof() {
			t.Errorf("C1, %s: got %v, sent %q; want %s alone, and no guess", name, o.err, o.sent, scram.Refusal)
		}
		if len(o.text()) > 300 {
			t.Errorf("C1, %s: got an error of %d bytes; want a short one", name, len(o.text()))
		}
	}

	for name, c2 := range map[string]func(r string) string{
		"empty":            func(string) string { return "" },
		"no proof":         func(r string) string { return "c=" + cb + ",r=" + r },
		"empty proof":      func(r string) string { return "c=" + cb + ",r=" + r + ",p=" },
		"short proof":      func(r string) string { return "c=" + cb + ",r=" + r + ",p=AAAA" },
		"long proof":       func(r string) string { return "c=" + cb + ",r=" + r + ",p=" + strings.Repeat("A", 64) },
		"not base64":       func(r string) string { return "c=" + cb + ",r=" + r + ",p=!" + proof[1:] },
		"no padding":       func(r string) string { return "c=" + cb + ",r=" + r + ",p=" + strings.TrimRight(proof, "=") },
		"bits behind":      func(r string) string { return "c=" + cb + ",r=" + r + ",p=" + proof[:42] + "B=" },
		"extension":        func(r string) string { return "c=" + cb + ",r=" + r + ",x=y,p=" + proof },
		"behind the proof": func(r string) string { return "c=" + cb + ",r=" + r + ",p=" + proof + ",x=y" },
		"order":            func(r string) string { return "r=" + r + ",c=" + cb + ",p=" + proof },
		"client's nonce":   func(string) string { return "c=" + cb + ",r=" + nonce + ",p=" + proof },
		"longer nonce":     func(r string) string { return "c=" + cb + ",r=" + r + "x,p=" + proof },
		"shorter nonce":    func(r string) string { return "c=" + cb + ",r=" + r[:len(r)-1] + ",p=" + proof },
		"no binding":       func(r string) string { return "c=,r=" + r + ",p=" + proof },
		"biws":             func(r string) string { return "c=biws,r=" + r + ",p=" + proof },
		"header alone":     func(r string) string { return "c=" + bound(header, nil) + ",r=" + r + ",p=" + proof },
		"data alone":       func(r string) string { return "c=" + bound("", ends[scram.Exporter]) + ",r=" + r + ",p=" + proof },
		"data of the other": func(r string) string {
			return "c=" + bound(header, ends[scram.ServerPoint]) + ",r=" + r + ",p=" + proof
		},
		"more data": func(r string) string {
			return "c=" + bound(header, append(ends[scram.Exporter], 0)) + ",r=" + r + ",p=" + proof
		},
		"another header": func(r string) string { return "c=" + bound("n,,", ends[scram.Exporter]) + ",r=" + r + ",p=" + proof },
		"newline":        func(r string) string { return "c=" + cb + ",r=" + r + ",p=" + proof + "\n" },
		"newline inside": func(r string) string { return "c=" + cb + ",r=" + r + ",p=" + proof[:20] + "\n" + proof[20:] },
		"too long":       func(r string) string { return "c=" + cb + ",r=" + r + ",p=" + strings.Repeat(proof, 200) },
		"error":          func(string) string { return scram.Refusal },
	} {
		o := script(server, ends, say(header+"n=bot.k1,r="+nonce), func(sent []string) string { return c2(valueOf(sent[0], "r")) })
		wantRefused(t, "C2, "+name, o)
		if len(o.sent) != 2 || o.sent[1] != scram.Refusal || o.wrongProof() {
			t.Errorf("C2, %s: got %v, sent %q; want a challenge and %s, and no guess", name, o.err, o.sent, scram.Refusal)
		}
	}

	const salt, server24 = "c2FsdCBvZiAxNiBieXRlcw==", "c2VydmVybm9uY2UtMjRieXRl"
	for name, s1 := range map[string]func(r string) string{
		"empty":            func(string) string { return "" },
		"refusal":          func(string) string { return scram.Refusal },
		"another refusal":  func(string) string { return "e=unknown-user" },
		"an odd refusal":   func(string) string { return "e=\x1b[2J" },
		"the last message": func(string) string { return "v=" + proof },
		"nonce alone":      func(r string) string { return "r=" + r + server24 },
		"another nonce":    func(string) string { return "r=" + nonce + server24 + ",s=" + salt + ",i=1,k=raw" },
		"nothing added":    func(r string) string { return "r=" + r + ",s=" + salt + ",i=1,k=raw" },
		"little added":     func(r string) string { return "r=" + r + server24[1:] + ",s=" + salt + ",i=1,k=raw" },
		"much added":       func(r string) string { return "r=" + r + strings.Repeat("x", 129) + ",s=" + salt + ",i=1,k=raw" },
		"added before":     func(r string) string { return "r=" + server24 + r + ",s=" + salt + ",i=1,k=raw" },
		"no salt":          func(r string) string { return "r=" + r + server24 + ",s=,i=1,k=raw" },
		"salt not base64":  func(r string) string { return "r=" + r + server24 + ",s=" + strings.Repeat("!", 24) + ",i=1,k=raw" },
		"salt not padded": func(r string) string {
			return "r=" + r + server24 + ",s=" + strings.TrimRight(salt, "=") + ",i=1,k=raw"
		},
		"no KDF":           func(r string) string { return "r=" + r + server24 + ",s=" + salt },
		"KDF of RFC 7677":  func(r string) string { return "r=" + r + server24 + ",s=" + salt + ",i=4096" },
		"extension":        func(r string) string { return "r=" + r + server24 + ",s=" + salt + ",i=1,k=raw,x=y" },
		"mandatory":        func(r string) string { return "m=x,r=" + r + server24 + ",s=" + salt + ",i=1,k=raw" },
		"order":            func(r string) string { return "s=" + salt + ",r=" + r + server24 + ",i=1,k=raw" },
		"order of the KDF": func(r string) string { return "r=" + r + server24 + ",s=" + salt + ",k=raw,i=1" },
		"newline":          func(r string) string { return "r=" + r + server24 + ",s=" + salt + ",i=1,k=raw\n" },
		"too long": func(r string) string {
			return "r=" + r + server24 + ",s=" + salt + ",i=1,k=" + strings.Repeat("r", 4096)
		},
		"numbers with signs": func(r string) string { return "r=" + r + server24 + ",s=" + salt + ",i=+1,k=raw" },
		"numbers with zeros": func(r string) string { return "r=" + r + server24 + ",s=" + salt + ",i=01,k=raw" },
	} {
		o := script(key, ends, func(sent []string) string { return s1(valueOf(sent[0], "r")) })
		wantRefused(t, "S1, "+name, o)
		if len(o.sent) != 1 {
			t.Errorf("S1, %s: the client sent %q; want no proof", name, o.sent)
		}
		if strings.ContainsAny(o.text(), "\x1b\n") || len(o.text()) > 300 {
			t.Errorf("S1, %s: got the error %q; want a short one that prints", name, o.err)
		}
	}

	for name, s2 := range map[string]func(right string) string{
		"empty":       func(string) string { return "" },
		"refusal":     func(string) string { return scram.Refusal },
		"no value":    func(string) string { return "v=" },
		"cut":         func(right string) string { return right[:len(right)-1] },
		"more":        func(right string) string { return right + "," },
		"extension":   func(right string) string { return right + ",x=y" },
		"newline":     func(right string) string { return right + "\n" },
		"not padded":  func(right string) string { return strings.TrimRight(right, "=") },
		"another key": func(right string) string { return "v=" + proof },
		"capital":     func(right string) string { return "V" + right[1:] },
	} {
		c, _ := login(t, key, server, ends, ends, func(message, text string) string {
			if message == "S2" {
				return s2(text)
			}
			return text
		})
		wantRefused(t, "S2, "+name, c)
	}
}
