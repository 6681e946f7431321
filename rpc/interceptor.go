package rpc

import "context"

// Interceptor wraps a Handler, on the serving and on the calling side alike. Of
// several the first is outermost. It sees a stream as a whole: next returns
// when the last item has been taken.
type Interceptor func(next Handler) Handler

// chain wraps a handler into interceptors.
func chain(interceptors []Interceptor, h Handler) Handler {
	for i := len(interceptors) - 1; i >= 0; i-- {
		h = interceptors[i](h)
	}
	return h
}

// Intercept returns a Caller whose calls go through interceptors before they
// reach c.
func Intercept(c Caller, interceptors ...Interceptor) Caller {
	return callerFunc(chain(interceptors, c.Call))
}

type callerFunc Handler

func (f callerFunc) Call(ctx context.Context, req *Request) (any, error) { return f(ctx, req) }
