package python

import (
	"errors"
	"fmt"

	"github.com/parley-rpc/parley/rpc"
	"github.com/parley-rpc/parley/rpc/native/pickle"
	"github.com/parley-rpc/parley/rpc/value"
)

// answer is a value that a program has sent. Its limits have been looked at, and it
// is made when it is known what it is wanted for.
type answer struct {
	message *pickle.Message // nil: it has been made
	made    any
	classes *pickle.Registry
}

// read reads one object. An error that is errMalformed says that it was none.
func (w *wire) read(data []byte) (answer, error) {
	if w.serializer == XML {
		v, err := decodeXML(data, w.options)
		if err != nil {
			return answer{}, fmt.Errorf("%w: %w", errMalformed, err)
		}
		return answer{made: v}, nil
	}
	a, protocol, err := readPickle(data, w.options)
	if err == nil {
		w.protocol.Store(int32(pickle.AnswerProtocol(protocol)))
	}
	return a, err
}

// readPickle reads a pickle.
func readPickle(data []byte, o pickle.Options) (answer, int, error) {
	m, err := pickle.Read(data, o)
	if err == nil {
		return answer{message: m, classes: o.Registry}, m.Info.Protocol, nil
	}
	if class := new(pickle.ClassError); errors.As(err, &class) || errors.Is(err, pickle.ErrLimit) {
		return answer{}, 0, err
	}
	return answer{}, 0, fmt.Errorf("%w: %w", errMalformed, err)
}

// readOpaque reads a pickle that could not be read because of a class in it: an
// exception of a class that is not known is an exception all the same.
func (w *wire) readOpaque(data []byte, err error) (answer, bool) {
	if class := new(pickle.ClassError); !errors.As(err, &class) {
		return answer{}, false
	}
	o := w.options
	o.Objects = true
	a, _, err := readPickle(data, o)
	return a, err == nil
}

// value makes the value. An answer is asked once, by this or by source.
func (a answer) value() (any, error) {
	if a.message == nil {
		return a.made, nil
	}
	return a.message.Value()
}

func (a answer) source() value.Source {
	if a.message == nil {
		return a.classes.Source(a.made)
	}
	return a.message.Source()
}

// parts returns the items of a sequence.
func (a answer) parts() ([]answer, bool) {
	if a.message == nil {
		items, ok := sequence(a.made)
		parts := make([]answer, len(items))
		for i, item := range items {
			parts[i] = answer{made: item, classes: a.classes}
		}
		return parts, ok
	}
	messages, ok := a.message.Parts()
	parts := make([]answer, len(messages))
	for i, m := range messages {
		parts[i] = answer{message: m, classes: a.classes}
	}
	return parts, ok
}

// open makes the value, unless it can only be a list, a tuple or a dict: those are
// read without being made, and are nil here.
func (a *answer) open() (any, error) {
	if a.message == nil {
		return a.made, nil
	}
	switch a.message.Kind() {
	case value.KindList, value.KindTuple, value.KindMap:
		return nil, nil
	}
	v, err := a.message.Value()
	if err == nil {
		a.message, a.made = nil, v
	}
	return v, err
}

// deliver hands the value to a request. Whoever takes anything gets what only
// pickle has, such as a pickle.Date, as it is.
func (a answer) deliver(req *rpc.Request) (any, error) {
	into, isAny := req.Into.(*any)
	if req.Yield != nil || req.Into != nil && !isAny {
		return rpc.Deliver(a.source(), req)
	}
	v, err := a.value()
	if err != nil {
		return nil, &errUnreadable{req.Method, err}
	}
	if isAny {
		*into = v
		return into, nil
	}
	return v, nil
}
