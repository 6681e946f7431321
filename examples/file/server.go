package main

import (
	"context"
	"errors"
	"io"
	"io/fs"
	"log"
	"sync"

	"github.com/parley-rpc/parley/auth"
	"github.com/parley-rpc/parley/rpc/native"
)

// serve lets clients put and get the file store until ctx ends, and returns when
// the last connection is gone. ready is told where it listens.
func serve(ctx context.Context, url string, key *auth.Authkey, store string, ready func(url string)) error {
	l, err := native.Listen(url, native.ListenConfig{Auth: key, MaxMessage: chunkSize})
	if err != nil {
		return err
	}
	defer l.Close()
	ready(l.Addr())

	var conns sync.WaitGroup
	defer conns.Wait()
	for {
		conn, err := l.Accept(ctx)
		switch {
		case ctx.Err() != nil:
			return nil
		case err != nil:
			return err
		}
		conns.Go(func() {
			defer conn.Close()
			if err := answer(ctx, conn, store); err != nil && ctx.Err() == nil {
				log.Printf("%s: %v", conn.RemoteAddr(), err)
			}
		})
	}
}

// answer serves one client until it goes.
func answer(ctx context.Context, conn *native.Conn, store string) error {
	for {
		message, err := recv(ctx, conn)
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return err
		}
		switch {
		case string(message) == "get":
			err = answerGet(ctx, conn, store)
		case len(message) == len("put")+8 && string(message[:3]) == "put":
			err = answerPut(ctx, conn, store, message[3:])
		default:
			err = refuse(ctx, conn, "want put with a size, or get")
		}
		if err != nil {
			return err
		}
	}
}

// refuse tells the client why, and returns the same for the log.
func refuse(ctx context.Context, conn *native.Conn, why string) error {
	return errors.Join(errors.New(why), send(ctx, conn, []byte(why)))
}

func answerGet(ctx context.Context, conn *native.Conn, store string) error {
	f, size, err := openFile(store)
	if errors.Is(err, fs.ErrNotExist) {
		return refuse(ctx, conn, "nobody has put a file yet")
	}
	if err != nil { // the name of the file is no business of the client
		return errors.Join(err, refuse(ctx, conn, "the file cannot be read"))
	}
	defer f.Close()
	if err := send(ctx, conn, withSize("ok", size)); err != nil {
		return err
	}
	_, err = sendChunks(ctx, conn, f, size)
	return err
}

func answerPut(ctx context.Context, conn *native.Conn, store string, announced []byte) error {
	size, err := parseSize(announced)
	if err != nil {
		return refuse(ctx, conn, err.Error())
	}
	if err := send(ctx, conn, []byte("ok")); err != nil {
		return err
	}
	sum, err := recvFile(ctx, conn, store, size)
	switch {
	case errors.Is(err, errSum):
		return refuse(ctx, conn, err.Error())
	case err != nil:
		return err
	}
	log.Printf("%s: put %d bytes, sha256 %x", conn.RemoteAddr(), size, sum)
	return send(ctx, conn, []byte("ok"))
}
