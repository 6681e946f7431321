package carry

import (
	"context"

	"github.com/parley-rpc/parley/internal/compare"
)

type people struct{}

func newPeople(*world) (*people, error) { return &people{}, nil }
func whoTrials() []trial                { return nil }
func tryPython(ctx context.Context, w *world, python, name string) (map[string]compare.Outcome, error) {
	return nil, nil
}
