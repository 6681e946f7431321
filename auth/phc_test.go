package auth

import (
	"runtime"
	"strings"
	"testing"

	"github.com/alexedwards/argon2id"
)

func TestHashPassword(t *testing.T) {
	const password = "correct horse battery staple"
	phc, err := hashPassword(password)
	if err != nil || !strings.HasPrefix(phc, "$argon2id$v=19$m=65536,t=3,p=4$") || checkPHC(phc) != nil {
		t.Fatalf("got %q, %v; want a hash with 64 MiB, 3 passes, 4 threads on every machine", phc, err)
	}
	if ok, err := verifyPHC(password, phc); !ok || err != nil {
		t.Errorf("the password: got %v, %v; want true", ok, err)
	}
	if ok, err := verifyPHC(password+" ", phc); ok || err != nil {
		t.Errorf("another one: got %v, %v; want false", ok, err)
	}
	if _, err := hashPassword(""); err == nil {
		t.Error("an empty password was hashed")
	}
}

// A hash is verified with the parameters that it names.
func TestVerifyPHCOfOtherParameters(t *testing.T) {
	phc, err := argon2id.CreateHash("secret", &argon2id.Params{Memory: 19456, Iterations: 2, Parallelism: 1, SaltLength: 64, KeyLength: 32})
	if err != nil {
		t.Fatal(err)
	}
	if ok, err := verifyPHC("secret", phc); !ok || err != nil {
		t.Errorf("got %v, %v; want true", ok, err)
	}
}

const (
	phcSalt = "AAECAwQFBgcICQoLDA0ODw" // 16 bytes
	phcHash = "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8"
)

// badPHCs are hashes that the library would panic on, take memory without bound
// for, or read as something else.
var badPHCs = map[string]string{
	"nothing":                      "",
	"the password":                 "correct horse battery staple",
	"memory of 4 TiB":              "$argon2id$v=19$m=4294967295,t=3,p=4$" + phcSalt + "$" + phcHash,
	"memory above the bound":       "$argon2id$v=19$m=262145,t=3,p=4$" + phcSalt + "$" + phcHash,
	"memory of 33 bits":            "$argon2id$v=19$m=4294967296,t=3,p=4$" + phcSalt + "$" + phcHash,
	"memory of 40 digits":          "$argon2id$v=19$m=" + strings.Repeat("9", 40) + ",t=3,p=4$" + phcSalt + "$" + phcHash,
	"memory below the floor":       "$argon2id$v=19$m=19455,t=3,p=4$" + phcSalt + "$" + phcHash,
	"negative memory":              "$argon2id$v=19$m=-1,t=3,p=4$" + phcSalt + "$" + phcHash,
	"no passes":                    "$argon2id$v=19$m=65536,t=0,p=4$" + phcSalt + "$" + phcHash,
	"one pass":                     "$argon2id$v=19$m=65536,t=1,p=4$" + phcSalt + "$" + phcHash,
	"too many passes":              "$argon2id$v=19$m=65536,t=11,p=4$" + phcSalt + "$" + phcHash,
	"4 G passes":                   "$argon2id$v=19$m=65536,t=4294967295,p=4$" + phcSalt + "$" + phcHash,
	"no threads":                   "$argon2id$v=19$m=65536,t=3,p=0$" + phcSalt + "$" + phcHash,
	"too many threads":             "$argon2id$v=19$m=65536,t=3,p=17$" + phcSalt + "$" + phcHash,
	"threads that do not fit":      "$argon2id$v=19$m=65536,t=3,p=260$" + phcSalt + "$" + phcHash,
	"zeros in front":               "$argon2id$v=19$m=065536,t=3,p=4$" + phcSalt + "$" + phcHash,
	"junk behind the numbers":      "$argon2id$v=19$m=65536,t=3,p=4,x=1$" + phcSalt + "$" + phcHash,
	"junk behind the version":      "$argon2id$v=19 $m=65536,t=3,p=4$" + phcSalt + "$" + phcHash,
	"another order":                "$argon2id$v=19$t=3,m=65536,p=4$" + phcSalt + "$" + phcHash,
	"argon2i":                      "$argon2i$v=19$m=65536,t=3,p=4$" + phcSalt + "$" + phcHash,
	"argon2d":                      "$argon2d$v=19$m=65536,t=3,p=4$" + phcSalt + "$" + phcHash,
	"bcrypt":                       "$2b$12$abcdefghijklmnopqrstuuabcdefghijklmnopqrstuvwxyz01234",
	"version 16":                   "$argon2id$v=16$m=65536,t=3,p=4$" + phcSalt + "$" + phcHash,
	"no version":                   "$argon2id$m=65536,t=3,p=4$" + phcSalt + "$" + phcHash,
	"no hash":                      "$argon2id$v=19$m=65536,t=3,p=4$" + phcSalt,
	"an empty hash":                "$argon2id$v=19$m=65536,t=3,p=4$" + phcSalt + "$",
	"a short hash":                 "$argon2id$v=19$m=65536,t=3,p=4$" + phcSalt + "$AAAA",
	"a long hash":                  "$argon2id$v=19$m=65536,t=3,p=4$" + phcSalt + "$" + phcHash[:42] + "AAAA",
	"an empty salt":                "$argon2id$v=19$m=65536,t=3,p=4$$" + phcHash,
	"a short salt":                 "$argon2id$v=19$m=65536,t=3,p=4$AAECAwQFBgcICQoLDA0O$" + phcHash,
	"a long salt":                  "$argon2id$v=19$m=65536,t=3,p=4$" + strings.Repeat("AAAA", 22) + "$" + phcHash,
	"a hash with padding":          "$argon2id$v=19$m=65536,t=3,p=4$" + phcSalt + "$" + phcHash + "=",
	"a hash with a newline within": "$argon2id$v=19$m=65536,t=3,p=4$" + phcSalt + "$" + phcHash[:9] + "\n" + phcHash[9:],
	"bits that belong to no byte":  "$argon2id$v=19$m=65536,t=3,p=4$" + phcSalt + "$" + phcHash[:42] + "9",
	"base64url":                    "$argon2id$v=19$m=65536,t=3,p=4$" + phcSalt + "$_" + phcHash[1:],
	"junk in front":                "x$argon2id$v=19$m=65536,t=3,p=4$" + phcSalt + "$" + phcHash,
	"junk behind":                  "$argon2id$v=19$m=65536,t=3,p=4$" + phcSalt + "$" + phcHash + "$x",
	"a newline behind":             "$argon2id$v=19$m=65536,t=3,p=4$" + phcSalt + "$" + phcHash + "\n",
}

func TestPHCBombIsRefused(t *testing.T) {
	if err := checkPHC("$argon2id$v=19$m=65536,t=3,p=4$" + phcSalt + "$" + phcHash); err != nil {
		t.Fatalf("a good one: %v", err)
	}
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	for name, phc := range badPHCs {
		if err := checkPHC(phc); err == nil {
			t.Errorf("%s: checkPHC accepts it", name)
			continue
		} else if strings.Contains(err.Error(), phcHash[:8]) {
			t.Errorf("%s: the error shows the hash: %v", name, err)
		}
		if ok, err := verifyPHC("correct horse battery staple", phc); ok || err == nil {
			t.Errorf("%s: got %v, %v; want an error", name, ok, err)
		}
		e := basicEntry("a")
		e.PHC = phc
		if _, err := NewCredentials([]Entry{e}, CredentialsConfig{}); err == nil {
			t.Errorf("%s: it is taken for an entry", name)
		}
	}
	runtime.ReadMemStats(&after)
	if got := after.TotalAlloc - before.TotalAlloc; got > 4<<20 {
		t.Errorf("took %d bytes to refuse them; want less than 4 MiB", got)
	}
}

// What checkPHC accepts the library reads as what it says, and computes without
// a failure; with little memory here, since that is how the fuzzer stays quick.
func FuzzCheckPHC(f *testing.F) {
	for _, phc := range badPHCs {
		f.Add(phc)
	}
	f.Add("$argon2id$v=19$m=65536,t=3,p=4$" + phcSalt + "$" + phcHash)
	f.Add("$argon2id$v=19$m=262144,t=10,p=16$" + strings.Repeat("AAAA", 21) + "AA$" + phcHash)
	f.Fuzz(func(t *testing.T, phc string) {
		if checkPHC(phc) != nil {
			return
		}
		params, salt, hash, err := argon2id.DecodeHash(phc)
		if err != nil {
			t.Fatalf("%q: the library: %v", phc, err)
		}
		switch {
		case params.Memory < 19456, params.Memory > 262144, params.Iterations < 2, params.Iterations > 10,
			params.Parallelism < 1, params.Parallelism > 16, len(salt) < 16, len(salt) > 64, len(hash) != 32:
			t.Fatalf("%q: got %+v, %d and %d bytes; want them within bounds", phc, params, len(salt), len(hash))
		}
		part := strings.Split(phc, "$")
		_, threads, _ := strings.Cut(part[3], ",p=")
		part[3] = "m=8,t=1,p=" + threads
		if _, err := argon2id.ComparePasswordAndHash("secret", strings.Join(part, "$")); err != nil {
			t.Fatalf("%q: compare: %v", phc, err)
		}
	})
}
