package auth

import (
	"errors"
	"fmt"
)

// maxIDSize bounds the id of a credential, in bytes.
const maxIDSize = 64

// errID is what a bad id is told to be. It does not quote the id: what stands in
// its place may be a secret.
var errID = errors.New("want 1 to 64 of a to z, 0 to 9, dot, underscore and hyphen, beginning with a letter or digit")

// checkID looks at the id of a credential.
func checkID(id string) error {
	if len(id) == 0 || len(id) > maxIDSize {
		return fmt.Errorf("id: got %d bytes; %w", len(id), errID)
	}
	for i := range len(id) {
		switch c := id[i]; {
		case 'a' <= c && c <= 'z', '0' <= c && c <= '9':
		case i > 0 && (c == '.' || c == '_' || c == '-'):
		default:
			return fmt.Errorf("id: byte %d is none of its characters; %w", i+1, errID)
		}
	}
	return nil
}
