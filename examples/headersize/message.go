package main

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"strconv"

	"github.com/parley-rpc/parley/rpc/native/pickle"
	"github.com/parley-rpc/parley/rpc/value"
)

const (
	// headerSize is the length of the header: the decimal digits of the length of
	// what follows, then spaces. Python writes it as "{:<10}".format(n).
	headerSize = 10
	// maxMessage is the largest message accepted, in bytes, header excluded. Ten
	// digits can claim almost 10 GB.
	maxMessage = 1 << 20
)

// errHeader is every header that is none.
var errHeader = errors.New("malformed header")

// writeMessage writes v with its header, in one write.
func writeMessage(w io.Writer, v any) error {
	// The header stands in front of the pickle, so leave room for it. Protocol 2 is
	// what Python 2.7 reads, too.
	message, err := pickle.Append(make([]byte, headerSize), v, pickle.EncodeOptions{Protocol: 2})
	if err != nil {
		return err
	}
	n := len(message) - headerSize
	if n > maxMessage {
		return fmt.Errorf("the message has %d bytes; the other end takes at most %d", n, maxMessage)
	}
	copy(message, fmt.Sprintf("%-*d", headerSize, n))
	_, err = w.Write(message)
	return err
}

// readMessage reads a message into *dst. The error is io.EOF if the peer closed
// the connection between messages, io.ErrUnexpectedEOF if within one.
//
// It reads a header only if it is what a Python half writes, and takes no memory
// for a length that is merely claimed. What Python's int(), which the tutorial
// reads a header with, would make of others:
//
//	"-1        "  a length below zero: the loop around recv never gets there, and
//	              the rest of the stream is taken in until memory ends
//	"9999999999"  the same, for 10 GB
//	"1_0       "  10, as is "+10", and once decoded the digits of other scripts:
//	              two programs that see the end of a message in different places
//	              can be played off against each other
//	"12        "  with 5 bytes behind it and then nothing: recv answers b"" at the
//	              end, and a loop that does not look runs for ever
func readMessage(r io.Reader, dst any) error {
	var header [headerSize]byte
	if _, err := io.ReadFull(r, header[:]); err != nil {
		return err
	}
	n, err := parseHeader(header[:])
	if err != nil {
		return err
	}
	// ReadAll grows with what comes: a peer that claims much and sends little gets
	// little.
	data, err := io.ReadAll(io.LimitReader(r, int64(n)))
	if err != nil {
		return err
	}
	if len(data) < n {
		return fmt.Errorf("got %d bytes of %d: %w", len(data), n, io.ErrUnexpectedEOF)
	}
	v, _, err := pickle.Decode(data, pickle.Options{})
	if err != nil {
		return err
	}
	return value.Convert(dst, v)
}

// parseHeader returns the length that a header tells.
func parseHeader(header []byte) (int, error) {
	digits := bytes.TrimRight(header, " ")
	for _, c := range digits {
		if c < '0' || '9' < c {
			return 0, fmt.Errorf("%w: got %q; want decimal digits and then spaces", errHeader, header)
		}
	}
	n, err := strconv.ParseInt(string(digits), 10, 64) // ten digits always fit
	if err != nil {
		return 0, fmt.Errorf("%w: got %q; want a length", errHeader, header)
	}
	if n > maxMessage {
		return 0, fmt.Errorf("%w: got a message of %d bytes; want at most %d", errHeader, n, maxMessage)
	}
	return int(n), nil
}
