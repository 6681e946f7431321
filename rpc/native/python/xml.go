package python

import (
	"bytes"
	"context"
	"errors"
	"strconv"
	"strings"

	"github.com/parley-rpc/parley/rpc"
	"github.com/parley-rpc/parley/rpc/native/pickle"
	"github.com/parley-rpc/parley/rpc/value"
	"github.com/parley-rpc/parley/rpc/xmlrpc/xmlvalue"
)

// A message that begins with '<', which no pickle does, is XML: that of
// multiprocessing.connection.XmlClient and of managers with the serializer
// xmlrpclib. It is one <param> within <params>, as _xml_dumps in
// Lib/multiprocessing/connection.py makes it, and so are answers.
func isXML(data []byte) bool { return len(data) > 0 && data[0] == '<' }

// tagSize is what values take once they are read, in bytes for each tag of theirs:
// at most that of <value/>, a place in a list that grows, and of
// <value><struct/></value>, a map.
const tagSize = 32

// readXML is readMessage for XML.
func readXML(data []byte, cfg Config) message {
	m := unreadMessage(data, cfg)
	if hold := cfg.Pickle.Hold; hold != nil {
		if err := hold(tagSize * bytes.Count(data, []byte("<"))); err != nil {
			m.err = overLimit(err)
			return m
		}
	}
	v, err := decodeXML(data, cfg.Pickle)
	if err != nil {
		m.unread(err)
		return m
	}
	if list, ok := v.([]any); ok {
		v = value.Tuple(list) // all sequences are arrays in XML, and a call is a tuple
	}
	m.read(v, cfg)
	return m
}

// decodeXML returns the one value that data holds. The limits are those of
// pickles, as far as there is something to limit.
func decodeXML(data []byte, o pickle.Options) (any, error) {
	d, err := xmlvalue.ReadParams(data, xmlOptions(o))
	if err != nil {
		return nil, err
	}
	v := value.DecodeAny(d)
	if err := d.Finish(); err != nil {
		return nil, err
	}
	params, _ := v.([]any)
	if len(params) != 1 {
		return nil, errors.New("expected <params> with one <param>, got " + strconv.Itoa(len(params)))
	}
	return params[0], nil
}

// xmlOptions are the limits for pickles, as far as XML can exceed them, and what
// Python's reader and writer know beyond the specification.
func xmlOptions(o pickle.Options) xmlvalue.Options {
	x := xmlvalue.Options{MaxDepth: min(o.MaxDepth, 10_000), MaxElements: o.MaxElements, NonFinite: true}
	if o.MaxIntBits > 0 {
		x.MaxDigits = o.MaxIntBits*302/1000 + 2
	}
	return x
}

// appendXML appends the document of one value.
func appendXML(dst []byte, v any) ([]byte, error) {
	out, err := xmlvalue.AppendValue(append(dst, "<params><param>"...), v, xmlOptions(pickle.Options{}))
	if err != nil {
		return dst, err
	}
	return append(out, "</param></params>"...), nil
}

// xmlFault makes the recv of an XmlClient raise an xmlrpc.client.Fault.
func xmlFault(f *rpc.Fault) []byte {
	return append(xmlvalue.AppendFaultValue([]byte("<fault>"), f.Code, f.Message), "</fault>"...)
}

// traceback is the text of an error for a client of a manager. XML does not tell
// which Python reads it, and that of Python 2 wants ASCII here, so that all else
// is escaped as in a literal of Python.
func traceback(f *rpc.Fault) string {
	var b strings.Builder
	for _, r := range f.Error() {
		if r >= ' ' && r < 0x7f || r == '\n' || r == '\t' {
			b.WriteRune(r)
		} else {
			b.WriteString(strings.Trim(strconv.QuoteRuneToASCII(r), "'"))
		}
	}
	b.WriteByte('\n')
	return b.String()
}

// unsendable is the fault for a result that cannot be sent. Whoever was to have the
// result learns what XML has no form for; all else is in the log.
func (h *handler) unsendable(ctx context.Context, m *message, cause error) *rpc.Fault {
	f := h.internal(ctx, m.method, cause)
	var at *value.Error
	if !errors.As(cause, &at) {
		return f
	}
	if no, ok := at.Err.(*xmlvalue.WriteError); ok { //nolint:errorlint // one that is wrapped may stand in a text of the service's own
		path := at.Path
		if m.form == formManager {
			path = strings.TrimPrefix(path, "[1]") // behind "#RETURN"
		}
		f.Message += ": result" + path + ": " + no.Reason
	}
	return f
}
