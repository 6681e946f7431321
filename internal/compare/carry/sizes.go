package carry

import (
	"bytes"
	"context"
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"syscall"

	kolo "github.com/kolo/xmlrpc"

	"github.com/parley-rpc/parley/internal/compare"
	"github.com/parley-rpc/parley/rpc"
)

const mib = 1 << 20

// sizes are the steps at which sizes are tried.
var (
	blobs   = [...]int{2, 4, 8, 16} // MiB
	lengths = [...]int{50_000, 300_000}
	depths  = [...]int{60, 100}
)

func sizeTrials() []trial {
	var all []trial
	for _, n := range blobs {
		all = append(all, trial{"sizes", fmt.Sprintf("%d MiB of bytes", n), func(ctx context.Context, _ *world, l *lane) (compare.Outcome, error) {
			return tryBlob(ctx, l, n*mib)
		}})
	}
	all = append(all,
		trial{"sizes", "16 MiB of bytes as a result", tryLargeResult},
		trial{"sizes", "20 MiB of bytes as a result that is a stream", tryDownstream},
		trial{"sizes", "20 MiB of bytes as an argument that is a stream", tryUpstream})
	for _, n := range lengths {
		all = append(all, trial{"sizes", fmt.Sprintf("a list of %d integers", n), func(ctx context.Context, _ *world, l *lane) (compare.Outcome, error) {
			return tryLongList(ctx, l, n)
		}})
	}
	for _, n := range depths {
		all = append(all, trial{"sizes", fmt.Sprintf("lists in one another, %d deep", n), func(ctx context.Context, _ *world, l *lane) (compare.Outcome, error) {
			return tryDeepList(ctx, l, n)
		}})
	}
	return all
}

func tryBlob(ctx context.Context, l *lane, n int) (compare.Outcome, error) {
	blob := make([]byte, n)
	for i := range blob {
		blob[i] = byte(i ^ i>>8)
	}
	same := false
	var err error
	if l.name == koloLane { // whose users do the base64
		text := base64.StdEncoding.EncodeToString(blob)
		var back string
		back, err = rpc.Invoke[string](ctx, l.call, "echo", kolo.Base64(text))
		same = back == text
	} else {
		var back []byte
		back, err = rpc.Invoke[[]byte](ctx, l.call, "echo", blob)
		same = bytes.Equal(back, blob)
	}
	return sized(ctx, l, same, err)
}

// byLength is the note of what is refused before it is read. Who sends all of it before
// it looks for an answer may see the connection closed, and not the answer.
const byLength = "HTTP 413, or a connection that is closed"

// sized is the outcome of a large value that was sent to and fro.
func sized(ctx context.Context, l *lane, same bool, err error) (compare.Outcome, error) {
	if err == nil || l.name == nativeLane {
		return echoed(ctx, l, same, err)
	}
	if !strings.Contains(err.Error(), "413") && !errors.Is(err, syscall.EPIPE) && !errors.Is(err, syscall.ECONNRESET) {
		return echoed(ctx, l, same, err)
	}
	if _, err := rpc.Invoke[int](ctx, l.call, "add", 3, 5); err != nil {
		return compare.Outcome{}, fmt.Errorf("the client does not work afterwards: %w", err)
	}
	return no(byLength), nil
}

// echoed is the outcome of a value that was sent to and fro.
func echoed(ctx context.Context, l *lane, same bool, err error) (compare.Outcome, error) {
	if err != nil {
		why, err := refused(ctx, l, err)
		return no(why), err
	}
	if !same {
		return compare.Outcome{}, fmt.Errorf("what came back is not what was sent")
	}
	return yes(""), nil
}

// tryDownstream and tryUpstream move more than a message may have.
func tryDownstream(ctx context.Context, _ *world, l *lane) (compare.Outcome, error) {
	if l.name == koloLane {
		return compare.Outcome{}, nil // it has no streams
	}
	r := rpc.Reader(ctx, l.call, "flood")
	defer r.Close()
	n, err := io.Copy(io.Discard, r)
	return echoed(ctx, l, n == flood, err)
}

func tryUpstream(ctx context.Context, w *world, l *lane) (compare.Outcome, error) {
	if l.name == koloLane {
		return compare.Outcome{}, nil
	}
	n, err := rpc.Invoke[int](ctx, l.call, "upload", w.service.newGate().id, io.LimitReader(zeros{}, flood))
	return sized(ctx, l, n == flood, err)
}

// tryLargeResult has a function answer more than was sent.
func tryLargeResult(ctx context.Context, _ *world, l *lane) (compare.Outcome, error) {
	if l.name == koloLane {
		return compare.Outcome{}, nil // it reads whatever comes, for a second
	}
	b, err := rpc.Invoke[[]byte](ctx, l.call, "blob", 16*mib)
	return echoed(ctx, l, len(b) == 16*mib, err)
}

func tryLongList(ctx context.Context, l *lane, n int) (compare.Outcome, error) {
	list := make([]int, n)
	for i := range list {
		list[i] = i
	}
	back, err := rpc.Invoke[[]int](ctx, l.call, "echo", list)
	return sized(ctx, l, slices.Equal(back, list), err)
}

func tryDeepList(ctx context.Context, l *lane, depth int) (compare.Outcome, error) {
	list := []any{}
	for range depth - 1 {
		list = []any{list}
	}
	back, err := rpc.Invoke[any](ctx, l.call, "echo", list)
	return echoed(ctx, l, show(back) == show(list), err)
}
