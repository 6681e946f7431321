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
// quotes what it did not expect. Handlers of a log can still ask what it is.
func errorAttr(err error) slog.Attr { return slog.Any("error", clippedError{err}) }

// clippedError is an error with a text that is fit for a log.
type clippedError struct{ error }

func (e clippedError) Error() string { return value.Clip(e.error.Error(), 1024) }
func (e clippedError) Unwrap() error { return e.error }

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
