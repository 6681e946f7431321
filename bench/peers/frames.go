package peers

import (
	"encoding/binary"
	"errors"
	"io"
	"net"

	"github.com/parley-rpc/parley/rpc/native/cbor"

	"github.com/parley-rpc/parley/internal/compare/harness"
	"github.com/parley-rpc/parley/internal/compare/work"
)

// The raw peers are floors: what sockets and goroutines cost without any RPC.
// Their messages are an operation and a body. For opAdd the body is two int64 and
// the answer is one; for opEcho it is the arguments of the call as Parley writes
// them, which nobody decodes, and the answer is the same bytes.

const (
	opAdd byte = iota
	opEcho
)

var errFrame = errors.New("a frame that is no request")

// rawRequest is the message of an input.
func rawRequest(in *work.Input) ([]byte, error) {
	switch in.Form {
	case work.Add:
		b := binary.BigEndian.AppendUint64([]byte{opAdd}, uint64(in.A))
		return binary.BigEndian.AppendUint64(b, uint64(in.B)), nil
	case work.List:
		return cbor.AppendArgs([]byte{opEcho}, []any{in.Ints})
	case work.Records:
		return cbor.AppendArgs([]byte{opEcho}, []any{in.Records})
	case work.Blob:
		return cbor.AppendArgs([]byte{opEcho}, []any{in.Blob})
	}
	return nil, in.Form.Unknown()
}

// rawAnswer answers a message. The answer may stand in the memory of the message.
func rawAnswer(message []byte) ([]byte, error) {
	switch {
	case len(message) == 17 && message[0] == opAdd:
		a, b := binary.BigEndian.Uint64(message[1:]), binary.BigEndian.Uint64(message[9:])
		binary.BigEndian.PutUint64(message[1:], a+b)
		return message[1:9], nil
	case len(message) > 0 && message[0] == opEcho:
		return message[1:], nil
	}
	return nil, errFrame
}

// checkRaw checks the answer to a message.
func checkRaw(in *work.Input, request, answer []byte) error {
	if in.Form != work.Add {
		return in.CheckBytes(answer, request[1:])
	}
	if len(answer) != 8 {
		return errFrame
	}
	return in.CheckSum(int64(binary.BigEndian.Uint64(answer)))
}

// maxFrame bounds a frame, in bytes.
const maxFrame = 16 << 20

// readFrame reads a length and as many bytes, behind room bytes of buf that stay
// free. The memory of buf is used again if it is large enough.
func readFrame(r io.Reader, buf []byte, room int) ([]byte, error) {
	if cap(buf) < room+4 {
		buf = make([]byte, room+4, 512)
	}
	head := buf[:room+4][room:]
	if _, err := io.ReadFull(r, head); err != nil {
		return buf, err
	}
	n := int(binary.BigEndian.Uint32(head))
	if n > maxFrame {
		return buf, errFrame
	}
	if cap(buf) < room+n {
		buf = make([]byte, room+n)
	}
	buf = buf[:room+n]
	_, err := io.ReadFull(r, buf[room:])
	return buf, err
}

// serveConns serves each connection of a listener on a goroutine of its own.
func serveConns(at string, serve func(net.Conn)) (addr string, err error) {
	l, addr, err := listenAt(at)
	if err != nil {
		return "", err
	}
	harness.Background(func() error {
		for {
			nc, err := l.Accept()
			if err != nil {
				return err
			}
			go func() { // until the client closes
				defer nc.Close()
				serve(nc)
			}()
		}
	})
	return addr, nil
}
