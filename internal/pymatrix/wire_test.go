package pymatrix

import (
	"bytes"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"net"
	"testing"
	"time"

	"github.com/parley-rpc/parley/rpc/native/pickle"
	"github.com/parley-rpc/parley/rpc/value"
)

// This is multiprocessing.connection as an attacker writes it: frames and the
// challenge of Python 3.12, with nothing checked.

// patience is how long a test waits for the other side, on a busy machine.
const patience = 30 * time.Second

func writeFrame(nc net.Conn, payload []byte) error {
	_, err := nc.Write(append(binary.BigEndian.AppendUint32(nil, uint32(len(payload))), payload...))
	return err
}

func readFrame(nc net.Conn) ([]byte, error) {
	var head [4]byte
	if _, err := io.ReadFull(nc, head[:]); err != nil {
		return nil, err
	}
	n := binary.BigEndian.Uint32(head[:])
	if n > 32<<20 {
		return nil, fmt.Errorf("got a frame of %d bytes", n)
	}
	b := make([]byte, n)
	_, err := io.ReadFull(nc, b)
	return b, err
}

func proof(message []byte) []byte {
	h := hmac.New(sha256.New, []byte(testKey))
	h.Write(message)
	return append([]byte("{sha256}"), h.Sum(nil)...)
}

// answerChallenge reads a challenge, answers it and reads the verdict.
func answerChallenge(nc net.Conn) error {
	challenge, err := readFrame(nc)
	if err != nil {
		return err
	}
	message, ok := bytes.CutPrefix(challenge, []byte("#CHALLENGE#"))
	if !ok {
		return fmt.Errorf("got %q; want a challenge", challenge)
	}
	if err := writeFrame(nc, proof(message)); err != nil {
		return err
	}
	if verdict, err := readFrame(nc); err != nil || string(verdict) != "#WELCOME#" {
		return fmt.Errorf("got %q, %v; want a welcome", verdict, err)
	}
	return nil
}

// sendChallenge challenges and takes any answer.
func sendChallenge(nc net.Conn) error {
	if err := writeFrame(nc, []byte("#CHALLENGE#{sha256}"+times("r", 40))); err != nil {
		return err
	}
	if _, err := readFrame(nc); err != nil {
		return err
	}
	return writeFrame(nc, []byte("#WELCOME#"))
}

// login connects as Python 3.12 does.
func login(t testing.TB, addr string) net.Conn {
	t.Helper()
	nc, err := net.Dial("tcp", addr)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { nc.Close() })
	nc.SetDeadline(time.Now().Add(patience))
	if err := errors.Join(answerChallenge(nc), sendChallenge(nc)); err != nil {
		t.Fatalf("login: %v", err)
	}
	return nc
}

// admit is the other side of login.
func admit(nc net.Conn) error {
	nc.SetDeadline(time.Now().Add(patience))
	if err := sendChallenge(nc); err != nil {
		return err
	}
	return answerChallenge(nc)
}

// failureOf returns the exception in an answer of any form; "" if there is none.
func failureOf(answer []byte) string {
	if bytes.HasPrefix(answer, []byte("<")) {
		if bytes.Contains(answer, []byte("#TRACEBACK")) || bytes.Contains(answer, []byte("<fault>")) {
			return string(answer)
		}
		return ""
	}
	v, _, err := pickle.Decode(answer, pickle.Options{})
	if err != nil {
		return ""
	}
	switch v := v.(type) {
	case *pickle.Exception:
		return v.Text()
	case []byte:
		return failureOf(v)
	case string:
		return failureOf([]byte(v))
	case value.Tuple:
		if len(v) == 2 && v[0] == "#ERROR" {
			if e, ok := v[1].(*pickle.Exception); ok {
				return e.Text()
			}
		}
	}
	return ""
}

// wantHonest makes a call as any client does.
func wantHonest(t testing.TB, nc net.Conn) {
	t.Helper()
	nc.SetDeadline(time.Now().Add(patience))
	if err := writeFrame(nc, []byte("\x80\x04"+short("add")+"K\x03K\x05\x86\x86.")); err != nil {
		t.Fatal(err)
	}
	answer, err := readFrame(nc)
	if err != nil {
		t.Fatal(err)
	}
	if v, _, err := pickle.Decode(answer, pickle.Options{}); v != int64(8) {
		t.Fatalf("add(3, 5): got %v, %v; want 8", v, err)
	}
}

// wantClosed calls once more, which nobody answers where the other side has
// closed.
func wantClosed(t testing.TB, nc net.Conn) {
	t.Helper()
	nc.SetDeadline(time.Now().Add(patience))
	_ = writeFrame(nc, []byte("\x80\x04"+short("add")+"K\x03K\x05\x86\x86."))
	var b [1]byte
	n, err := nc.Read(b[:])
	var ne net.Error
	if n > 0 || err == nil || errors.As(err, &ne) && ne.Timeout() {
		t.Errorf("got %d bytes, %v; want the connection closed", n, err)
	}
}
