package interop

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/textproto"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"testing"
)

// What our client made of the answers of each server it makes of them today.
func TestReplayServers(t *testing.T) {
	for _, sv := range servers() {
		t.Run(sv.name, func(t *testing.T) {
			recorded, err := os.ReadFile(file("answers", sv.name, ".http"))
			if err != nil {
				t.Fatal(err)
			}
			answers, err := splitAnswers(recorded)
			if err != nil {
				t.Fatalf("%s: %v", file("answers", sv.name, ".http"), err)
			}
			ln := listen(t, sv.unix)
			left := replay(t, ln, answers)
			sv.compare(t, sv.converse(newSession(t, sv, urlOf(ln.Addr().Network(), ln.Addr().String(), sv.path))))
			if n := left(); n > 0 {
				t.Errorf("%d of %d answers in %s were not asked for", n, len(answers), file("answers", sv.name, ".http"))
			}
		})
	}
}

// listen listens on a socket of its own, until the test ends.
func listen(t *testing.T, unix bool) net.Listener {
	t.Helper()
	network, addr := "tcp", "127.0.0.1:0"
	if unix {
		network, addr = "unix", filepath.Join(t.TempDir(), "s")
	}
	ln, err := net.Listen(network, addr)
	if err != nil {
		t.Fatal(err)
	}
	return ln
}

// urlOf is the URL of a server that listens there.
func urlOf(network, addr, path string) string {
	if path == "" {
		path = "/RPC2"
	}
	if network == "unix" {
		return "http+unix://" + addr + ":" + path
	}
	return "http://" + addr + path
}

// replay answers the requests that come to ln, whatever they are, with the given
// bytes, one answer after another. It returns a function that tells how many are
// left.
func replay(t *testing.T, ln net.Listener, answers [][]byte) (left func() int) {
	var mu sync.Mutex // protects answers
	next := func() []byte {
		mu.Lock()
		defer mu.Unlock()
		if len(answers) == 0 {
			return nil
		}
		a := answers[0]
		answers = answers[1:]
		return a
	}
	var conns sync.WaitGroup
	conns.Go(func() {
		for {
			conn, err := ln.Accept()
			if err != nil {
				return
			}
			conns.Go(func() {
				defer conn.Close()
				answerAll(conn, next)
			})
		}
	})
	t.Cleanup(func() { // runs after the clients are closed, which are made later
		ln.Close()
		conns.Wait()
	})
	return func() int {
		mu.Lock()
		defer mu.Unlock()
		return len(answers)
	}
}

// answerAll answers the requests of a connection until one side closes it.
func answerAll(conn net.Conn, next func() []byte) {
	r := bufio.NewReader(conn)
	for {
		req, err := http.ReadRequest(r)
		if err != nil {
			return
		}
		if _, err := io.Copy(io.Discard, req.Body); err != nil {
			return
		}
		answer := next()
		if _, err := conn.Write(answer); err != nil || answer == nil {
			return
		}
		resp, err := http.ReadResponse(bufio.NewReader(bytes.NewReader(answer)), req)
		if err != nil || resp.Close {
			return
		}
		resp.Body.Close()
	}
}

// splitAnswers cuts recorded bytes into answers.
func splitAnswers(recorded []byte) ([][]byte, error) {
	var answers [][]byte
	for len(recorded) > 0 {
		head, body, err := splitHead(recorded)
		if err != nil {
			return nil, fmt.Errorf("answer %d: %w", len(answers)+1, err)
		}
		n := len(head) + body
		answers = append(answers, recorded[:n])
		recorded = recorded[n:]
	}
	return answers, nil
}

// splitHead returns the head of the answer at the start of recorded, the empty
// line included, and the length of its body.
func splitHead(recorded []byte) (head []byte, body int, err error) {
	i := bytes.Index(recorded, []byte("\r\n\r\n"))
	if i < 0 {
		return nil, 0, errors.New("got no end of its head")
	}
	head = recorded[:i+4]
	_, fields, _ := bytes.Cut(head, []byte("\r\n"))
	header, err := textproto.NewReader(bufio.NewReader(bytes.NewReader(fields))).ReadMIMEHeader()
	if err != nil {
		return nil, 0, err
	}
	if strings.EqualFold(header.Get("Transfer-Encoding"), "chunked") {
		body, err = chunkedLength(recorded[i+4:])
		return head, body, err
	}
	rest := recorded[len(head):]
	length := header.Get("Content-Length")
	if length == "" { // the end of the connection ended it
		if body = bytes.Index(rest, []byte("HTTP/1.")); body < 0 {
			body = len(rest)
		}
		return head, body, nil
	}
	body, err = strconv.Atoi(length)
	if err == nil && (body < 0 || body > len(rest)) {
		err = fmt.Errorf("got the Content-Length %d and %d bytes", body, len(rest))
	}
	return head, body, err
}

// chunkedLength returns the length of a chunked body without trailers, its end
// included.
func chunkedLength(data []byte) (int, error) {
	n := 0
	for {
		line, _, ok := bytes.Cut(data[n:], []byte("\r\n"))
		size, err := strconv.ParseUint(string(line), 16, 31)
		if !ok || err != nil {
			return 0, fmt.Errorf("got the chunk size %q", line)
		}
		n += len(line) + 2 + int(size) + 2
		if n > len(data) {
			return 0, errors.New("got the start of a chunk")
		}
		if size == 0 {
			return n, nil
		}
	}
}
