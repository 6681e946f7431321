package native

import (
	"errors"
	"log/slog"

	"github.com/parley-rpc/parley/rpc"
	"github.com/parley-rpc/parley/rpc/value"
)

// identityAttrs are the attributes of who a peer has proved to be, in the log. A
// certificate says what its owner likes.
func identityAttrs(id rpc.Identity) (identity, credential slog.Attr) {
	return slog.String("identity", value.Clip(id.Name, 128)), slog.String("credential", value.Clip(id.Credential, 128))
}

// errorAttr is an error in the log that may hold what a peer has sent: package tls
// quotes what it did not expect.
func errorAttr(err error) slog.Attr { return slog.String("error", value.Clip(err.Error(), 1024)) }

// refusalAttrs say why a login failed: the error, and the credential that the peer
// has named, and not proved, if the error has a method Credential() string that
// tells.
func refusalAttrs(err error) []any {
	attrs := []any{errorAttr(err)}
	var named interface{ Credential() string }
	if errors.As(err, &named) && named.Credential() != "" {
		attrs = append(attrs, slog.String("credential", value.Clip(named.Credential(), 128)))
	}
	return attrs
}
