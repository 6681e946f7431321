package main

import (
	"context"

	"github.com/parley-rpc/parley/auth"
	"github.com/parley-rpc/parley/rpc/native"
)

func dial(ctx context.Context, url string, key *auth.Authkey) (*native.Conn, error) {
	return native.DialConn(ctx, url, native.ConnConfig{Auth: key, MaxMessage: chunkSize})
}

// put sends the file at path to the server, which may be server.py, and returns
// its SHA-256.
func put(ctx context.Context, url string, key *auth.Authkey, path string) ([]byte, error) {
	f, size, err := openFile(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	conn, err := dial(ctx, url, key)
	if err != nil {
		return nil, err
	}
	defer conn.Close()
	if err := send(ctx, conn, withSize("put", size)); err != nil {
		return nil, err
	}
	if _, err := expect(ctx, conn, "ok"); err != nil { // before 4 GB are sent in vain
		return nil, err
	}
	sum, err := sendChunks(ctx, conn, f, size)
	if err != nil {
		return nil, err
	}
	_, err = expect(ctx, conn, "ok")
	return sum, err
}

// get receives the file of the server into the one at path, and returns its
// SHA-256.
func get(ctx context.Context, url string, key *auth.Authkey, path string) ([]byte, error) {
	conn, err := dial(ctx, url, key)
	if err != nil {
		return nil, err
	}
	defer conn.Close()
	if err := send(ctx, conn, []byte("get")); err != nil {
		return nil, err
	}
	announced, err := expect(ctx, conn, "ok")
	if err != nil {
		return nil, err
	}
	size, err := parseSize(announced)
	if err != nil {
		return nil, err
	}
	return recvFile(ctx, conn, path, size)
}
