package auth

import (
	"encoding/base64"
	"fmt"
	"hash/crc32"
	"strings"

	"github.com/parley-rpc/parley/auth/internal/scram"
)

// The text of a generated key:
//
//	parley1_<id>_<key>_<checksum>
//	key       32 bytes as 43 characters of base64url, without padding
//	checksum  CRC-32 (IEEE) of all before its underscore, as 8 hexadecimal digits
//
// It begins with a mark and ends in a checksum, so that programs which look for
// secrets in public places find it and little else. An underscore may be in the
// id and in the key too, so it is read from its end.
const (
	keyPrefix    = "parley1_"
	keyChars     = 43
	checksumSize = 8
	keyForm      = "parley1_<id>_<43 characters>_<8 hexadecimal digits>"
)

// looksLikeKey reports whether text is meant as the text of a key.
func looksLikeKey(text string) bool {
	return len(text) >= len(keyPrefix) && strings.EqualFold(text[:len(keyPrefix)], keyPrefix)
}

// ParseSecret reads a Secret: the text of a generated key, parley1_..., or an id
// and its passphrase with a colon between them.
func ParseSecret(text string) (*Secret, error) {
	if looksLikeKey(strings.TrimLeft(text, " \t\r\n\"'")) {
		return parseKey(text)
	}
	id, passphrase, ok := strings.Cut(text, ":")
	if !ok {
		return nil, fmt.Errorf("%w: want a generated key, %s, or <id>:<passphrase>", ErrSecret, keyForm)
	}
	if checkSecretID(id) != nil { // whose words could show a secret that stands in the wrong place
		return nil, fmt.Errorf("%w: what stands before the colon is not the id of a credential: want 1 to 64 letters a to z, digits, dots, underscores and hyphens", ErrSecret)
	}
	return NewPassphrase(id, passphrase)
}

// keyText is the text of a key.
func keyText(id string, key []byte) string {
	text := keyPrefix + id + "_" + base64.RawURLEncoding.EncodeToString(key)
	return text + "_" + checksum(text)
}

func checksum(text string) string {
	return fmt.Sprintf("%0*x", checksumSize, crc32.ChecksumIEEE([]byte(text)))
}

func parseKey(text string) (*Secret, error) {
	wrong := func(what string) (*Secret, error) {
		return nil, fmt.Errorf("%w: the text of the key %s; want %s", ErrSecret, what, keyForm)
	}
	switch {
	case strings.ContainsFunc(text, func(r rune) bool { return !isKeyChar(r) }):
		return wrong("has a character that none has: white space, a quotation mark or a line end?")
	case !strings.HasPrefix(text, keyPrefix):
		return wrong("does not begin with " + keyPrefix + " in small letters")
	}
	const end = 1 + keyChars + 1 + checksumSize // with both underscores
	body := len(text) - 1 - checksumSize
	first := len(text) - end
	if first < len(keyPrefix) || text[body] != '_' || text[first] != '_' || checkID(text[len(keyPrefix):first]) != nil {
		return wrong("is not complete: was a part of it lost in copying?")
	}
	if text[body+1:] != checksum(text[:body]) {
		return wrong("does not fit its checksum: a character was lost or changed in copying")
	}
	key, err := base64.RawURLEncoding.Strict().DecodeString(text[first+1 : body])
	if err != nil || len(key) != scram.KeySize {
		return wrong("has no key in it")
	}
	id := text[len(keyPrefix):first]
	if err := checkSecretID(id); err != nil {
		return nil, err
	}
	return newSecret(id, true, key), nil
}

func isKeyChar(r rune) bool {
	return r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' || r >= '0' && r <= '9' || r == '_' || r == '-' || r == '.'
}
