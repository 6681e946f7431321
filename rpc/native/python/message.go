package python

import (
	"fmt"
	"slices"

	"github.com/parley-rpc/parley/rpc"
	"github.com/parley-rpc/parley/rpc/native/pickle"
	"github.com/parley-rpc/parley/rpc/value"
)

// form is how a peer packs a call, and expects the answer.
type form uint8

const (
	formPlain   form = iota // the answer is the result, or an exception
	formRecipe              // the same, pickled into bytes
	formManager             // a pair of a kind, "#RETURN" or "#ERROR", and the result
)

// message is one message of a peer. With err it is no call.
type message struct {
	form     form
	xml      bool // in the place of pickle
	protocol int  // of pickle, for the answer
	inner    int  // of pickle, for what is within bytes
	manage   bool // the method is one of a manager's server, and no function
	method   string
	args     arguments
	err      error
	pickle   pickle.Options
	closes   bool // the message cannot be read: the connection is closed behind the answer
}

// readMessage finds out what a peer wants. Its answer can be made in any case.
func readMessage(data []byte, cfg Config) message {
	if isXML(data) {
		return readXML(data, cfg)
	}
	v, info, err := readTuple(data, cfg.Pickle, cfg.Objects == "")
	if err != nil {
		m := unreadMessage(data, cfg)
		if m.form == formManager && m.readTokenCall(data, cfg, err) {
			return m
		}
		m.unread(err)
		return m
	}
	m := message{protocol: pickle.AnswerProtocol(info.Protocol), pickle: cfg.Pickle}
	m.args.registry = cfg.Pickle.Registry
	m.read(v, cfg)
	return m
}

// readTuple reads a pickle. In what may be a call, (name, args), (name, args,
// kwargs) or the (ident, name, args, kwargs) of managers, it leaves the args as a
// *pickle.Message, for the parameters to be decoded from.
func readTuple(data []byte, o pickle.Options, isCall bool) (any, pickle.Info, error) {
	if !isCall {
		return pickle.Decode(data, o)
	}
	msg, err := pickle.Read(data, o)
	if err != nil {
		return nil, msg.Info, err
	}
	var parts []*pickle.Message
	if msg.Kind() == value.KindTuple {
		parts, _ = msg.Parts()
	}
	if len(parts) < 2 || len(parts) > 4 {
		v, err := msg.Value()
		return v, msg.Info, err
	}
	args := 1
	if len(parts) == 4 {
		args = 2
	}
	call := make(value.Tuple, len(parts))
	for i, part := range parts {
		if kind := part.Kind(); i == args && (kind == value.KindTuple || kind == value.KindList) {
			call[i] = part
			continue
		}
		if call[i], err = part.Value(); err != nil {
			return nil, msg.Info, err
		}
	}
	return call, msg.Info, nil
}

// unreadMessage is the message for data that is not read, as far as its first bytes
// tell what the answer has to look like. Without any it is in protocol 2, which
// every Python reads.
func unreadMessage(data []byte, cfg Config) message {
	info, opcode := pickle.Opening(data)
	m := message{xml: isXML(data), protocol: pickle.AnswerProtocol(info.Protocol), inner: 2}
	if info.Protocol < 2 || cfg.Objects != "" {
		return m
	}
	switch opcode {
	case '(': // a MARK: that of the tuple of four of a manager, shorter ones have none
		m.form = formManager
	case 'B', 'C', 0x8e, 'T': // bytes, and a long str of Python 2
		m.form = formRecipe
	}
	return m
}

// read finds out what v wants.
func (m *message) read(v any, cfg Config) {
	if cfg.Objects != "" {
		m.method = cfg.Objects
		m.args.positional = []any{v}
		if args, ok := v.(value.Tuple); ok {
			m.args.positional = args
		}
		return
	}
	switch v := v.(type) {
	case []byte:
		m.readRecipe(v, cfg.Pickle)
	case string:
		if m.protocol > 2 {
			m.readCall(v)
			return
		}
		m.readRecipe([]byte(v), cfg.Pickle) // the str of Python 2
	default:
		m.readCall(v)
	}
}

// readRecipe reads what the RPCProxy recipe sends: pickle.dumps((name, args,
// kwargs)). Python 2 does so in protocol 0.
func (m *message) readRecipe(data []byte, o pickle.Options) {
	m.form = formRecipe
	v, info, err := readTuple(data, o, true)
	m.inner = pickle.AnswerProtocol(info.Protocol)
	if err != nil {
		m.unread(err)
		return
	}
	m.readCall(v)
	if m.form == formManager { // not within bytes
		m.form, m.err = formRecipe, errNoCall(v)
	}
}

// readCall reads (name, args) and (name, args, kwargs), and recognizes the
// (ident, name, args, kwargs) of managers.
func (m *message) readCall(v any) {
	call, ok := v.(value.Tuple)
	if ok && len(call) == 4 && isManagerCall(call) {
		m.readManagerCall(call)
		return
	}
	if !ok || len(call) < 2 || len(call) > 3 {
		m.err = errNoCall(v)
		return
	}
	name, ok1 := call[0].(string)
	ok2 := m.args.stand(call[1])
	named, ok3 := map[string]any(nil), true
	if len(call) == 3 && call[2] != nil {
		named, ok3 = call[2].(map[string]any)
	}
	if !ok1 || !ok2 || !ok3 {
		m.err = errNoCall(v)
		return
	}
	m.method, m.args.named = name, named
}

// isManagerCall recognizes what multiprocessing.managers.dispatch sends.
func isManagerCall(call value.Tuple) bool {
	_, isIdent := call[0].(string)
	_, ok1 := call[1].(string)
	ok2 := new(arguments).stand(call[2])
	_, ok3 := call[3].(map[string]any)
	return (isIdent || call[0] == nil) && ok1 && ok2 && ok3
}

// readManagerCall reads what isManagerCall has recognized.
func (m *message) readManagerCall(call value.Tuple) {
	m.form = formManager
	m.method = call[1].(string)
	m.args.stand(call[2])
	m.args.named, _ = call[3].(map[string]any)
	ident, ofObject := call[0].(string)
	if ofObject && !slices.Contains(aboutObject, m.method) {
		m.method = methodOf(ident, m.method)
		return
	}
	m.manage = true
	if err := m.args.unpack(); err != nil {
		m.unread(err)
		return
	}
	if ofObject {
		m.args.positional = append([]any{ident}, m.args.positional...)
	}
}

func sequence(v any) ([]any, bool) {
	switch v := v.(type) {
	case value.Tuple:
		return v, true
	case []any:
		return v, true
	}
	return nil, false
}

// errNoCall tells a peer what it could have sent.
func errNoCall(v any) error {
	what := "a " + value.Word(v)
	if call, ok := v.(value.Tuple); ok {
		what = fmt.Sprintf("a tuple of %d", len(call))
	}
	return rpc.Errorf(rpc.CodeInvalidRequest, "expected a call, as a tuple such as ('add', (3, 5)) or ('add', (3, 5), {}), or the pickle of one as bytes; got %s", what)
}

// answer packs a result.
func (m *message) answer(result any) ([]byte, error) {
	if result == (value.Void{}) {
		result = nil // XML has another word for it, which is not None in Python
	}
	if m.form == formManager {
		result = value.Tuple{"#RETURN", result}
	}
	return m.pack(result)
}

// refusal packs a fault as an exception, or as what makes one of it.
func (m *message) refusal(f *rpc.Fault) ([]byte, error) {
	switch {
	case m.xml && m.form == formManager:
		return m.pack(value.Tuple{"#TRACEBACK", traceback(f)})
	case m.xml && m.form == formPlain:
		return xmlFault(f), nil
	case m.form == formManager:
		return m.pack(value.Tuple{"#ERROR", exceptionOf(f)})
	}
	return m.pack(exceptionOf(f))
}

// pack makes the message of v.
func (m *message) pack(v any) ([]byte, error) {
	if m.form == formRecipe {
		inner, err := pickle.Append(nil, v, m.pickle.EncodeOptions(m.inner))
		if err != nil {
			return nil, err
		}
		v = inner
	}
	return makeAnswer(func(dst []byte) ([]byte, error) {
		if m.xml {
			return appendXML(dst, v)
		}
		return pickle.Append(dst, v, m.pickle.EncodeOptions(m.protocol))
	})
}
