package native

import (
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
