package python

import (
	"errors"
	"fmt"
	"sync/atomic"

	"github.com/parley-rpc/parley/rpc"
	"github.com/parley-rpc/parley/rpc/native/pickle"
	"github.com/parley-rpc/parley/rpc/value"
)

// Serializer is how a Python program writes its objects.
type Serializer int

const (
	// Pickle is what Listener and a BaseManager do if nothing else is said.
	Pickle Serializer = iota
	// XML is what XmlListener does, and a BaseManager with serializer
	// 'xmlrpclib': the values of XML-RPC. Tuples are lists there, bytes reach
	// Python as an xmlrpclib.Binary, an integer from Python has 32 bits, and an
	// exception cannot cross.
	XML
)

// Kwargs are the keyword arguments of a call. They stand behind its other
// arguments:
//
//	rpc.Invoke[any](ctx, queue, "put", item, python.Kwargs{"timeout": 1.5})
type Kwargs map[string]any

// argumentsOf returns what a call has for arguments. A stream at their end is
// collected.
func argumentsOf(req *rpc.Request) (arguments, error) {
	args, err := rpc.ValuesOf(req.Args)
	if err != nil {
		return arguments{}, err
	}
	var a arguments
	if last := len(args) - 1; last >= 0 {
		if named, ok := args[last].(Kwargs); ok {
			args, a.named = args[:last], named
		}
	}
	for i, arg := range args {
		switch arg.(type) {
		case Kwargs:
			return a, fmt.Errorf("argument %d: Kwargs must be the last argument, and the only ones", i+1)
		case *Proxy:
			return a, fmt.Errorf("argument %d: a Proxy cannot be sent; send its value", i+1)
		}
	}
	a.positional, err = rpc.CollectUpload(args, value.DefaultMaxElements, maxUpload)
	return a, err
}

// keywords are the named arguments as they are sent.
func (a arguments) keywords() map[string]any {
	if a.named == nil {
		return map[string]any{}
	}
	return a.named
}

// wire writes calls and reads answers. It is safe for concurrent use.
type wire struct {
	serializer Serializer
	options    pickle.Options
	protocol   atomic.Int32 // of pickle: that of the last answer
}

// errMalformed: an answer is none, so that the peer is not what it should be.
// Nothing that it sends afterwards can be trusted.
var errMalformed = errors.New("the peer sent what is no answer")

func (w *wire) check() error {
	if w.serializer < Pickle || w.serializer > XML {
		return fmt.Errorf("Serializer: got %d; want Pickle or XML", w.serializer)
	}
	if err := w.options.Check(); err != nil {
		return fmt.Errorf("Pickle: %w", err)
	}
	return nil
}

// pack writes one object.
func (w *wire) pack(v any) ([]byte, error) {
	if w.serializer == XML {
		return appendXML(nil, v)
	}
	return pickle.Append(nil, v, w.options.EncodeOptions(int(w.protocol.Load())))
}

// packOpaque writes one object of this package's making, with an instance of a
// class in it.
func (w *wire) packOpaque(v any) ([]byte, error) {
	return pickle.Append(nil, v, pickle.EncodeOptions{Protocol: int(w.protocol.Load()), Objects: true})
}
