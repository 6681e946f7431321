package native

import (
	"bytes"
	"cmp"
	"encoding/binary"
	"io"
	"net"
	"time"

	"github.com/parley-rpc/parley/rpc/native/pickle"
	"github.com/parley-rpc/parley/rpc/value"
)

// noObjects is what a peer that sends objects is told where nothing takes them.
const noObjects = "this server takes no Python calls: the Go program has to set native.Server.Objects to python.Handler; the connection is closed now"

// refuseObjects answers the first object of a peer, of which early was read, by an
// exception in the form in which it has called, and closes the connection.
func (s *Server) refuseObjects(nc net.Conn, early []byte) {
	defer nc.Close()
	c := &firstBytes{nc: nc}
	if !s.add(c) {
		return
	}
	defer s.remove(c)
	_ = nc.SetDeadline(time.Now().Add(cmp.Or(s.HandshakeTimeout, defaultHandshakeTimeout)))
	in := io.MultiReader(bytes.NewReader(early), nc)
	var head [headerSize]byte
	if _, err := io.ReadFull(in, head[:]); err != nil {
		return
	}
	first := make([]byte, min(16, int64(binary.BigEndian.Uint32(head[:]))))
	if _, err := io.ReadFull(in, first); err != nil {
		return
	}
	if answer, err := refusedObject(first); err == nil {
		_, _ = writeFrame(nc, answer) // whatever comes of it, the connection ends
	}
	lingerOver(nc, defaultMaxMessage)
}

// refusedObject is the answer to a message that begins with these bytes.
func refusedObject(first []byte) ([]byte, error) {
	if bytes.HasPrefix(first, []byte("<")) { // an XmlClient, and the serializer xmlrpclib
		return []byte("<fault><value><struct><member><name>faultCode</name><value><int>-32600</int></value></member>" +
			"<member><name>faultString</name><value><string>" + noObjects + "</string></value></member></struct></value></fault>"), nil
	}
	info, opcode := pickle.Opening(first)
	o := pickle.EncodeOptions{Protocol: pickle.AnswerProtocol(info.Protocol)}
	e := pickle.NewException("RuntimeError", "fault -32600: "+noObjects)
	switch opcode {
	case '(': // the tuple of four of a manager's client begins with a MARK, shorter ones do not
		return pickle.Append(nil, value.Tuple{"#ERROR", e}, o)
	case 'B', 'C', 0x8e, 'T': // a call that is pickled into bytes has its answer in bytes
		inner, err := pickle.Append(nil, e, pickle.EncodeOptions{Protocol: 2})
		if err != nil {
			return nil, err
		}
		return pickle.Append(nil, inner, o)
	}
	return pickle.Append(nil, e, o)
}
