package auth

import "time"

// Use is what a credential is for. A secret of one use is never accepted for
// another.
type Use string

const (
	// UseChannel is the login of the native channel inside TLS.
	UseChannel Use = "channel"
	// UseHTTP is HTTP Basic, or a bearer key.
	UseHTTP Use = "http"
	// UseAuthkey is the challenge of the native channel without TLS.
	UseAuthkey Use = "authkey"
)

// Entry is one credential in a file of them: what a server keeps. But for the key
// of UseAuthkey, which the challenge needs as it is, nothing in it logs in.
type Entry struct {
	// ID names the credential, and is the user name of HTTP Basic: 1 to 64 letters
	// a to z, digits, dots, underscores and hyphens, beginning with a letter or
	// digit. No two entries of a file share one.
	ID string `json:"id"`
	// Identity is whom it proves: what a Policy knows. Several entries may have
	// the same one, so that credentials can be changed without a pause.
	Identity string `json:"identity"`
	Use      Use    `json:"use"`

	// KDF is how StoredKey was made: "raw", or "argon2id$v=19$m=65536,t=3,p=4"
	// with the memory in KiB, the passes and the threads. UseChannel has both,
	// UseHTTP "raw" or else a PHC.
	KDF       string `json:"kdf,omitempty"`
	Salt      []byte `json:"salt,omitempty"`
	StoredKey []byte `json:"stored_key,omitempty"`
	ServerKey []byte `json:"server_key,omitempty"` // UseChannel alone
	// PHC is the argon2id hash of the password of HTTP Basic.
	PHC string `json:"phc,omitempty"`
	// Key is the authkey of UseAuthkey.
	Key string `json:"key,omitempty"`

	// NotBefore and NotAfter bound its life, the second excluded. Zero is no bound.
	NotBefore time.Time `json:"not_before,omitzero"`
	NotAfter  time.Time `json:"not_after,omitzero"`
}
