package main

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"time"

	"github.com/parley-rpc/parley/rpc/native"
	"github.com/parley-rpc/parley/rpc/value"
)

// What is sent, each line one message of send_bytes:
//
//	put:  client  "put", '>Q' size    get:  client  "get"
//	      server  "ok"                      server  "ok", '>Q' size
//	      client  chunks, sha256            server  chunks, sha256
//	      server  "ok"
//
// In place of an "ok" there may be a text that says why not, and the end of the
// connection. The chunks together have as many bytes as size says.
const (
	// chunkSize is the largest message, in bytes. One end holds it twice.
	chunkSize = 256 << 10
	// maxFile is the largest file that is taken, in bytes: the disk is no less
	// finite than the memory.
	maxFile = 4 << 30
	// patience is how long the other end may take for one message, not for a file.
	patience = 30 * time.Second
)

func send(ctx context.Context, conn *native.Conn, message []byte) error {
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	return conn.SendBytes(ctx, message)
}

func recv(ctx context.Context, conn *native.Conn) ([]byte, error) {
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	return conn.RecvBytes(ctx)
}

// expect receives a message that begins with word and returns what is behind it.
func expect(ctx context.Context, conn *native.Conn, word string) ([]byte, error) {
	message, err := recv(ctx, conn)
	if err != nil {
		return nil, err
	}
	rest, ok := bytes.CutPrefix(message, []byte(word))
	if !ok {
		return nil, fmt.Errorf("%s: want %q, the other end says: %s", conn.RemoteAddr(), word, value.Clip(string(message), 200))
	}
	return rest, nil
}

// withSize appends a size to a word.
func withSize(word string, size int64) []byte {
	return binary.BigEndian.AppendUint64([]byte(word), uint64(size))
}

// parseSize reads what stands behind a word, before anything is done for it.
func parseSize(data []byte) (int64, error) {
	if len(data) != 8 {
		return 0, fmt.Errorf("got a size of %d bytes; want 8", len(data))
	}
	size := binary.BigEndian.Uint64(data)
	if size > maxFile {
		return 0, fmt.Errorf("got a file of %d bytes; want at most %d", size, int64(maxFile))
	}
	return int64(size), nil
}

// sendChunks sends size bytes of r, and their sum.
func sendChunks(ctx context.Context, conn *native.Conn, r io.Reader, size int64) (sum []byte, err error) {
	hash := sha256.New()
	chunk := make([]byte, chunkSize)
	for left := size; left > 0; {
		n, err := io.ReadFull(r, chunk[:min(left, chunkSize)])
		if err != nil {
			return nil, fmt.Errorf("%d bytes are missing that the file had: %w", left-int64(n), err)
		}
		hash.Write(chunk[:n])
		if err := send(ctx, conn, chunk[:n]); err != nil {
			return nil, err
		}
		left -= int64(n)
	}
	sum = hash.Sum(nil)
	return sum, send(ctx, conn, sum)
}

// errSum is a file that is not what was sent.
var errSum = errors.New("the SHA-256 of what arrived is another one")

// recvChunks writes size bytes to w, and returns their sum once it has checked it.
func recvChunks(ctx context.Context, conn *native.Conn, w io.Writer, size int64) (sum []byte, err error) {
	hash := sha256.New()
	for left := size; left > 0; {
		chunk, err := recv(ctx, conn)
		if err != nil {
			return nil, fmt.Errorf("%d bytes are missing: %w", left, err)
		}
		if len(chunk) == 0 || int64(len(chunk)) > left {
			return nil, fmt.Errorf("got a chunk of %d bytes; want 1 to the %d that are left", len(chunk), left)
		}
		hash.Write(chunk)
		if _, err := w.Write(chunk); err != nil {
			return nil, err
		}
		left -= int64(len(chunk))
	}
	want, err := recv(ctx, conn)
	if err != nil {
		return nil, fmt.Errorf("the SHA-256 is missing: %w", err)
	}
	if sum = hash.Sum(nil); !bytes.Equal(sum, want) {
		return nil, errSum
	}
	return sum, nil
}

// recvFile is recvChunks into the file at path, which is replaced at once when all
// is there, and left alone if not.
func recvFile(ctx context.Context, conn *native.Conn, path string, size int64) (sum []byte, err error) {
	f, err := os.CreateTemp(filepath.Dir(path), filepath.Base(path)+".part-*")
	if err != nil {
		return nil, err
	}
	defer os.Remove(f.Name()) // fails when it has got its name
	defer f.Close()
	if sum, err = recvChunks(ctx, conn, f, size); err != nil {
		return nil, err
	}
	if err := f.Close(); err != nil {
		return nil, err
	}
	return sum, os.Rename(f.Name(), path)
}

// openFile opens a file to be sent.
func openFile(path string) (f *os.File, size int64, err error) {
	if f, err = os.Open(path); err != nil {
		return nil, 0, err
	}
	info, err := f.Stat()
	if err == nil && !info.Mode().IsRegular() {
		err = fmt.Errorf("%s is no regular file", path)
	}
	if err != nil {
		f.Close()
		return nil, 0, err
	}
	return f, info.Size(), nil
}
