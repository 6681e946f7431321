package python

import (
	"github.com/parley-rpc/parley/rpc"
	"github.com/parley-rpc/parley/rpc/native/pickle"
)

// deliver is rpc.Deliver, but hands the result itself to a caller who takes
// anything, as Handler does with arguments: what only pickle has, such as a
// pickle.Date or an exception within a list, arrives as what it is.
func deliver(result any, req *rpc.Request, r *pickle.Registry) (any, error) {
	if req.Yield == nil {
		if req.Into == nil {
			return result, nil
		}
		if into, ok := req.Into.(*any); ok {
			*into = result
			return into, nil
		}
	}
	return rpc.Deliver(r.Source(result), req)
}
