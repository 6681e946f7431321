package native

import (
	"bytes"
	"cmp"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"os"
	"runtime/debug"
	"time"

	"github.com/parley-rpc/parley/rpc"
)

// serve serves one connection to its end, and closes it.
func (s *Server) serve(nc net.Conn, result handshakeResult, cfg sessionConfig) {
	if s.Auth == nil || result.Login {
		// Without a challenge no tag has told what the peer speaks.
		first := &firstBytes{nc: nc}
		if !s.add(first) {
			nc.Close()
			return
		}
		if s.Objects == nil { // objects may begin late, a session does not
			nc.SetReadDeadline(time.Now().Add(cmp.Or(s.HandshakeTimeout, defaultHandshakeTimeout)))
		}
		var err error
		result.Session, err = first.read()
		s.remove(first)
		if err != nil {
			nc.Close()
			return
		}
		cfg.early = first.b
	}
	warn := func(event string, attr slog.Attr) {
		cfg.logger.LogAttrs(context.Background(), slog.LevelWarn, event, append(peerAttrs(nc.RemoteAddr(), result.Identity), attr)...)
	}
	switch {
	case result.Session && s.Handler == nil:
		warn("peer_refused", slog.String("reason", "the peer wants to call, and nothing answers calls here: set Server.Handler"))
		s.dismiss(nc)
	case result.Session:
		cfg.identity = result.Identity
		c := newSession(context.Background(), nc, cfg)
		if !s.add(c) {
			nc.Close()
			return
		}
		defer s.remove(c)
		result.admission.endBy(c.end)
		c.run()
	case s.Objects == nil:
		warn("peer_refused", slog.String("reason", "the peer sends objects, as Python does, and nothing takes them here: set Server.Objects, or use native.Dial in place of DialConn there"))
		s.refuseObjects(nc, cfg.early)
	default:
		if err := s.serveObjects(nc, result, cfg); err != nil {
			warn("objects_end", slog.Any("error", err))
		}
	}
}

// dismiss closes a connection that is not served, after a moment for its peer to
// take notice, unless the server stops.
func (s *Server) dismiss(nc net.Conn) {
	defer nc.Close()
	c := &firstBytes{nc: nc}
	if !s.add(c) {
		return
	}
	linger(nc)
	s.remove(c)
}

// serveObjects serves a peer that sends objects.
func (s *Server) serveObjects(nc net.Conn, result handshakeResult, cfg sessionConfig) (err error) {
	conn := newConn(nc, result, connOptions{maxMessage: cfg.limits.MaxMessage, readOver: true, pickle: s.Pickle, keyless: s.Auth == nil || result.Login, stall: cfg.limits.DeadAfter, budget: cfg.budget, asking: &s.asking})
	defer conn.tab.close()
	conn.in.w = copy(conn.in.buf, cfg.early)
	defer conn.Close()
	ctx, cancel := context.WithCancel(rpc.WithPeer(context.Background(), conn.Peer()))
	defer cancel()
	conn.served = ctx.Done()
	c := &objectConn{conn: conn, cancel: cancel}
	if !s.add(c) {
		return nil
	}
	defer s.remove(c)
	result.admission.endBy(c.end)
	defer func() {
		if p := recover(); p != nil {
			err = fmt.Errorf("panic: %v\n%s", p, debug.Stack())
		}
	}()
	err = s.Objects.ServeObjects(ctx, conn)
	if errors.Is(err, io.EOF) || errors.Is(err, net.ErrClosed) || errors.Is(err, os.ErrDeadlineExceeded) || ctx.Err() != nil {
		return nil
	}
	conn.farewell()
	return err
}

// objectConn is a connection of an ObjectHandler.
type objectConn struct {
	conn   *Conn
	cancel context.CancelFunc
}

// leave makes Recv fail once nothing is left that has come in: what the handler
// is at, it can finish and answer.
func (c *objectConn) leave() { c.conn.leave() }

func (c *objectConn) end(error) {
	c.cancel()
	c.conn.Close()
}

// firstBytes is a connection on which nobody has said what is spoken.
type firstBytes struct {
	nc net.Conn
	b  []byte // what was read
}

func (f *firstBytes) leave()    { f.nc.Close() }
func (f *firstBytes) end(error) { f.nc.Close() }

// helloStart is how the first frame of a session begins, behind its length.
var helloStart = append([]byte{byte(frameHello), 0, 0}, helloMagic...)

// read reads until it is clear whether the peer begins a session.
func (f *firstBytes) read() (session bool, err error) {
	for {
		if len(f.b) >= headerSize {
			came := f.b[headerSize:]
			size := uint64(binary.BigEndian.Uint32(f.b))
			n := min(len(came), len(helloStart))
			if size < uint64(len(helloStart)) || !bytes.Equal(came[:n], helloStart[:n]) {
				return false, nil
			}
			if n == len(helloStart) {
				return true, nil
			}
		}
		var b [64]byte
		n, err := readSome(f.nc, b[:headerSize+len(helloStart)-len(f.b)])
		if err != nil && n == 0 {
			return false, err
		}
		f.b = append(f.b, b[:n]...)
	}
}
