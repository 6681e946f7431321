package rpc

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"slices"
	"sync"

	"github.com/parley-rpc/parley/rpc/value"
)

// TokenCaller makes calls whose first arguments say who calls: the token of a
// login, or (database, user id, password). Many XML-RPC services want them in
// every call. It puts them before the arguments of each call, into the elements
// of a multicall, and before no call of a method that needs none; and it logs in
// when there is none yet, and once more when the service says that it has
// expired.
//
//	c, err := rpc.NewTokenCaller(client, rpc.TokenConfig{
//		Login: func(ctx context.Context, c rpc.Caller) ([]any, error) {
//			token, err := rpc.Invoke[string](ctx, c, "auth.login", user, password)
//			return []any{token}, err
//		},
//		Expired: func(f *rpc.Fault) bool { return f.Code == codeSessionExpired },
//	})
//	order, err := rpc.Invoke[Order](ctx, c, "order.get", id)
//
// Of the elements of a multicall only [Multicaller] makes those again that were
// refused; who calls system.multicall by name gets their faults.
//
// The path in an error about an argument counts the token too: params[1] is the
// first argument behind one. Nothing prints the token. It is safe for concurrent
// use.
type TokenCaller struct {
	caller Caller
	config TokenConfig

	mu      sync.Mutex // protects what follows
	current *token     // nil if there is none, or it has expired
	login   *login     // under way
}

// TokenConfig says what stands before the arguments. It has Args, or Login, or
// both.
type TokenConfig struct {
	// Args are the leading arguments of every call. With Login, they are those
	// until they have expired.
	Args []any
	// Login returns the leading arguments. It is called with the Caller that has
	// none, before the first call and after one that Expired was true for. Calls
	// at the same time share one login, under the context of one of them; one that
	// fails is the error of all of them, and is tried again by the next call.
	Login func(ctx context.Context, c Caller) ([]any, error)
	// Expired reports whether a fault says that a call was refused because of its
	// token, and has therefore not run. The call is made once more then, after a
	// new login; other calls are never repeated, and neither is one that sends a
	// stream, of which part may be gone. Nil means that no fault says so.
	Expired func(*Fault) bool
	// Bare reports whether a method is called without the leading arguments. Nil
	// means those of introspection: system.listMethods, methodHelp, methodParams,
	// methodSignature, methodTypes and getCapabilities. Elements of a system.multicall are asked
	// about by their own names, and itself is not.
	Bare func(method string) bool
}

// token is the leading arguments of calls. Its address says which login it is of.
type token struct{ args []any }

// login is one that is under way.
type login struct {
	done  chan struct{} // closed when what follows is set
	token *token
	err   error
	cut   bool // it failed because the call that made it has ended
}

// NewTokenCaller returns a TokenCaller that makes its calls on c.
func NewTokenCaller(c Caller, config TokenConfig) (*TokenCaller, error) {
	switch {
	case c == nil:
		return nil, errors.New("rpc: a TokenCaller needs a Caller")
	case len(config.Args) == 0 && config.Login == nil:
		return nil, errors.New("rpc: TokenConfig has neither Args nor Login")
	case config.Expired != nil && config.Login == nil:
		return nil, errors.New("rpc: TokenConfig.Expired without Login: there is no way to a new token")
	}
	if config.Bare == nil {
		config.Bare = isIntrospection
	}
	t := &TokenCaller{caller: c, config: config}
	if len(config.Args) > 0 {
		t.SetToken(config.Args...)
	}
	return t, nil
}

func isIntrospection(method string) bool {
	switch method {
	case "system.listMethods", "system.methodHelp", "system.methodParams", "system.methodSignature", "system.methodTypes", "system.getCapabilities":
		return true
	}
	return false
}

// SetToken replaces the leading arguments of the calls that begin from now on.
func (t *TokenCaller) SetToken(args ...any) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.current = &token{slices.Clone(args)}
}

// Call makes a call with the leading arguments before its own.
func (t *TokenCaller) Call(ctx context.Context, req *Request) (any, error) {
	if req.Method != multicallName && t.config.Bare(req.Method) {
		return t.caller.Call(ctx, req)
	}
	args, err := ValuesOf(req.Args)
	if err != nil {
		return nil, fmt.Errorf("rpc: call %s: %w", value.Clip(req.Method, 64), err)
	}
	current, err := t.token(ctx)
	if err != nil {
		return nil, err
	}
	again := *req // arguments are read once
	again.Args = args
	items := false
	if yield := req.Yield; yield != nil {
		again.Yield = func(item any) error { items = true; return yield(item) }
	}
	result, err := t.callWith(ctx, current, &again)
	if !t.refused(err) {
		return result, err
	}
	t.expire(current)
	if items || len(args) > 0 && isUpload(args[len(args)-1]) {
		return nil, err
	}
	if current, err = t.token(ctx); err != nil {
		return nil, err
	}
	return t.callWith(ctx, current, &again)
}

// callWith makes a call with the leading arguments of current. Its own are Values.
func (t *TokenCaller) callWith(ctx context.Context, current *token, req *Request) (any, error) {
	args, err := ValuesOf(req.Args)
	if err != nil {
		return nil, err
	}
	with := *req
	switch {
	case req.Method == multicallName:
		with.Args, err = t.inElements(current, args)
	case !t.config.Bare(req.Method):
		with.Args = slices.Concat(current.args, args)
	}
	if err != nil {
		return nil, err
	}
	return t.caller.Call(ctx, &with)
}

// inElements puts the leading arguments into the calls of a multicall.
func (t *TokenCaller) inElements(current *token, args Values) (Values, error) {
	if len(args) != 1 {
		return args, nil // the server will say what is wrong with it
	}
	calls, ok := args[0].([]sentElement)
	if !ok {
		if err := value.Convert(&calls, args[0]); err != nil {
			return nil, fmt.Errorf("rpc: call %s: expected a list of {methodName, params}: %w", multicallName, err)
		}
	}
	calls = slices.Clone(calls)
	for i := range calls {
		if e := &calls[i]; !t.config.Bare(e.Method) {
			e.Params = slices.Concat(current.args, e.Params)
		}
	}
	return Values{calls}, nil
}

// refused reports whether a call has failed because its token has expired.
func (t *TokenCaller) refused(err error) bool {
	var f *Fault
	return t.config.Expired != nil && errors.As(err, &f) && t.config.Expired(f)
}

// expire forgets a token, unless another one has taken its place.
func (t *TokenCaller) expire(old *token) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.current == old {
		t.current = nil
	}
}

// token returns the one there is, and logs in if there is none.
func (t *TokenCaller) token(ctx context.Context) (*token, error) {
	for {
		t.mu.Lock()
		if current := t.current; current != nil {
			t.mu.Unlock()
			return current, nil
		}
		l := t.login
		if l == nil {
			l = &login{done: make(chan struct{})}
			t.login = l
			t.mu.Unlock()
			t.logIn(ctx, l)
			return l.token, l.err
		}
		t.mu.Unlock()
		select {
		case <-l.done:
		case <-ctx.Done():
			return nil, &LinkError{Sent: NotSent, Op: "log in", Err: ctx.Err()}
		}
		if !l.cut { // else this one has a go
			return l.token, l.err
		}
	}
}

// logIn logs in for all that wait for l.
func (t *TokenCaller) logIn(ctx context.Context, l *login) {
	l.err = errors.New("rpc: log in: the function has panicked")
	defer func() {
		t.mu.Lock()
		defer t.mu.Unlock()
		t.login = nil
		if l.err == nil && t.current == nil { // SetToken may have come between
			t.current = l.token
		}
		close(l.done)
	}()
	args, err := t.config.Login(unmarked(ctx), t.caller)
	if err == nil && len(args) == 0 {
		err = errors.New("it returned no arguments")
	}
	if err != nil {
		l.err, l.cut = fmt.Errorf("rpc: log in: %w", err), ctx.Err() != nil
		return
	}
	l.token, l.err = &token{slices.Clone(args)}, nil
}

// Format writes the name of the type, for every verb.
func (t *TokenCaller) Format(s fmt.State, _ rune) { io.WriteString(s, "rpc.TokenCaller") }

// LogValue is what Format writes.
func (t *TokenCaller) LogValue() slog.Value { return slog.StringValue("rpc.TokenCaller") }

// Format writes the name of the type, for every verb.
func (c TokenConfig) Format(s fmt.State, _ rune) { io.WriteString(s, "rpc.TokenConfig") }

// LogValue is what Format writes.
func (c TokenConfig) LogValue() slog.Value { return slog.StringValue("rpc.TokenConfig") }
