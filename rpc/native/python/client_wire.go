package python

import (
	"errors"
	"fmt"
	"sync/atomic"

	"github.com/parley-rpc/parley/rpc"
	"github.com/parley-rpc/parley/rpc/native/pickle"
	"github.com/parley-rpc/parley/rpc/value"
	"github.com/parley-rpc/parley/rpc/xmlrpc/xmlvalue"
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
		return packXML(nil, v)
	}
	return pickle.Append(nil, v, w.options.EncodeOptions(int(w.protocol.Load())))
}

// unpack reads one object. An error that is errMalformed says that it was none.
func (w *wire) unpack(data []byte) (any, error) {
	if w.serializer == XML {
		return unpackXML(data, w.options)
	}
	v, info, err := pickle.Decode(data, w.options)
	if err != nil {
		if class := new(pickle.ClassError); errors.As(err, &class) || errors.Is(err, pickle.ErrLimit) {
			return nil, err
		}
		return nil, fmt.Errorf("%w: %w", errMalformed, err)
	}
	w.protocol.Store(int32(pickle.AnswerProtocol(info.Protocol)))
	return v, nil
}

// What xmlrpclib.dumps((object,)) puts around an object, in CPython's
// Lib/multiprocessing/connection.py.
const xmlBefore, xmlAfter = "<params><param>", "</param></params>"

// clientXML are for a reader that is xmlrpclib: it takes an integer of any size
// for <int>, and all that float() reads.
var clientXML = xmlvalue.Options{LongInt: true, NonFinite: true}

func packXML(dst []byte, v any) ([]byte, error) {
	dst, err := xmlvalue.AppendValue(append(dst, xmlBefore...), v, clientXML)
	return append(dst, xmlAfter...), err
}

// unpackXML reads an object. The limits are those of pickles, as far as there is
// something to limit.
func unpackXML(data []byte, o pickle.Options) (any, error) {
	const before, after = "<methodResponse>", "</methodResponse>"
	document := make([]byte, 0, len(before)+len(data)+len(after))
	document = append(append(append(document, before...), data...), after...)
	d, err := xmlvalue.ReadResponse(document, xmlvalue.Options{MaxDepth: o.MaxDepth, MaxElements: o.MaxElements})
	if err != nil {
		return nil, fmt.Errorf("%w: %w", errMalformed, err)
	}
	if _, _, isFault := d.Fault(); isFault {
		return nil, fmt.Errorf("%w: expected a value, got a fault", errMalformed)
	}
	v := value.DecodeAny(d)
	if err := d.Finish(); err != nil {
		return nil, fmt.Errorf("%w: %w", errMalformed, err)
	}
	return v, nil
}
