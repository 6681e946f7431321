package peers

import (
	"bufio"
	"context"
	"encoding/binary"
	"net"

	"github.com/parley-rpc/parley/internal/compare/harness"
	"github.com/parley-rpc/parley/internal/compare/work"
)

// raw writes a frame, four bytes of length in front, and reads one.
func raw() *harness.Peer {
	return &harness.Peer{
		Name:       "raw",
		OneAtATime: true,
		Serve:      serveWith(serveRaw),
		Dial: func(_, addr string) (harness.Conn, error) {
			nc, err := dial(addr)
			if err != nil {
				return nil, err
			}
			return &rawConn{Conn: nc, r: bufio.NewReader(nc)}, nil
		},
	}
}

// rawUnix is the same over a unix socket.
func rawUnix() *harness.Peer {
	p := raw()
	p.Name = "raw-unix"
	p.Serve = func(dir string) (string, error) { return serveConns(harness.SocketIn(dir), serveRaw) }
	return p
}

func serveRaw(nc net.Conn) {
	r := bufio.NewReader(nc)
	var buf []byte
	for {
		var err error
		if buf, err = readFrame(r, buf, 4); err != nil {
			return
		}
		answer, err := rawAnswer(buf[4:])
		if err != nil {
			return
		}
		// The answer stands behind at least five bytes that are not needed any more.
		frame := buf[5-4 : 5+len(answer)]
		binary.BigEndian.PutUint32(frame, uint32(len(answer)))
		if _, err := nc.Write(frame); err != nil {
			return
		}
	}
}

type rawConn struct {
	net.Conn
	r *bufio.Reader
}

func (c *rawConn) Prepare(in *work.Input) (harness.Call, error) {
	request, err := rawRequest(in)
	if err != nil {
		return nil, err
	}
	frame := append(binary.BigEndian.AppendUint32(nil, uint32(len(request))), request...)
	var buf []byte
	return func(context.Context) error {
		if _, err := c.Write(frame); err != nil {
			return err
		}
		if buf, err = readFrame(c.r, buf, 0); err != nil {
			return err
		}
		return checkRaw(in, request, buf)
	}, nil
}
