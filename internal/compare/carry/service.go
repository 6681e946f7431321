package carry

import (
	"context"
	"errors"
	"fmt"
	"sync"

	"github.com/parley-rpc/parley/rpc"
)

// The codes that the functions answer with.
const (
	codeOther   = 1   // it has seen something else than was sent
	codeSoldOut = 404 // errSoldOut
)

var errSoldOut = errors.New("sold out")

// service is what the servers of the world serve.
type service struct {
	mu sync.Mutex
}

func newService() *service { return &service{} }

func (s *service) register(reg *rpc.Registry) error {
	return errors.Join(
		reg.Register("add", func(a, b int) int { return a + b }, rpc.Params("a", "b")),
		reg.Register("echo", func(v any) any { return v }),
		// seen tells what has arrived: its kind, and all of it.
		reg.Register("seen", func(v any) []string { return []string{kindOf(v), show(v)} }),
		reg.Register("line", func(l line) string { return fmt.Sprint(l) }),
		reg.Register("whoami", func(ctx context.Context) string { return whoAmI(ctx) }),
	)
}
