package native

import (
	"encoding/binary"
	"errors"
	"fmt"
	"math"
	"math/bits"
	"time"
	"unicode/utf8"

	"github.com/parley-rpc/parley/rpc"
	"github.com/parley-rpc/parley/rpc/value"
)

// The session protocol, spoken by two peers of this kind after the challenge.
// Every frame of frame.go holds one session frame:
//
//	length, 4 bytes | type, 1 byte | flags, 1 byte | id, uvarint | body
//
//	type         id            body
//	HELLO    01  0             "parley" | lowest version | highest version | n | n x (key | value)
//	CALL     02  of the call   a message: time-out in us | method | n | n x (key | value) | arguments
//	RESULT   03  of the call   a message: the result
//	FAULT    04  of the call   code, signed | text
//	CANCEL   05  of the call   nothing
//	DATA     06  of the call   a message: an item of a stream
//	CREDIT   07  of the call   bytes that may be sent in further DATA
//	PING     08  its number    nothing
//	PONG     09  of the PING   nothing
//	GOAWAY   0a  last id       reason, 1 byte | text
//
// Numbers in bodies are uvarints, the signed one a zigzag varint (both as in
// package encoding/binary), texts in the middle of a body have their length in
// front, a text at its end goes to the end. Arguments (a list) and result are
// CBOR. docs/wire-native.md tells the rules.
type frameType byte

const (
	frameHello  frameType = 0x01
	frameCall   frameType = 0x02
	frameResult frameType = 0x03
	frameFault  frameType = 0x04
	frameCancel frameType = 0x05
	frameData   frameType = 0x06
	frameCredit frameType = 0x07
	framePing   frameType = 0x08
	framePong   frameType = 0x09
	frameGoaway frameType = 0x0a

	// Types from here on may be skipped by a side that does not know them.
	frameExtension frameType = 0x80
)

const (
	// flagMore on a CALL, RESULT or DATA: the message goes on in a later frame of
	// the same type and id.
	flagMore = 0x01
	// flagItems on a CALL: the caller takes the result as a stream of DATA.
	flagItems = 0x02
	// flagUpload on a CALL: its last argument comes as a stream of DATA.
	flagUpload = 0x04
	// flagEnd on a DATA, which is empty: the caller sends no more of them.
	flagEnd = 0x08
)

// flagsOf are the flags that a frame may have.
var flagsOf = [...]byte{
	frameCall: flagMore | flagItems | flagUpload, frameResult: flagMore, frameData: flagMore | flagEnd,
	frameGoaway: 0, // the last one
}

const (
	sessionVersion = 1
	helloMagic     = "parley"

	// maxBody is the largest body of a frame. Longer messages are split.
	maxBody = 64 << 10
	// maxControl is the largest body of a frame that is no CALL, RESULT, FAULT,
	// DATA or extension.
	maxControl = 1 << 10
	// chunkSize is the part of a message that goes into one frame, with room
	// for the time-out in the first one.
	chunkSize = maxBody - binary.MaxVarintLen64

	maxFrameHead = 2 + binary.MaxVarintLen64
	// maxFaultBody bounds the body of a FAULT, which is never split.
	maxFaultBody = 32 << 10
	// maxReason bounds the text of a GOAWAY.
	maxReason = 512
)

// Keys of the settings in a HELLO. Unknown ones are ignored.
const (
	settingMaxMessage = 1 // largest message the sender accepts, in bytes
	settingMaxCalls   = 2 // calls to the sender that may be unanswered at once
	settingWindow     = 3 // bytes of a stream that the sender takes before its first CREDIT
)

// Reasons of a GOAWAY.
const (
	reasonShutdown = 0 // no fault of anyone: answers will come, new calls will not be taken
	reasonProtocol = 1 // the receiver broke the protocol; the connection ends now
	reasonVersion  = 2 // no common version; the connection ends now
)

var frameNames = [...]string{
	frameHello: "HELLO", frameCall: "CALL", frameResult: "RESULT", frameFault: "FAULT", frameCancel: "CANCEL",
	frameData: "DATA", frameCredit: "CREDIT", framePing: "PING", framePong: "PONG", frameGoaway: "GOAWAY",
}

func (t frameType) String() string {
	if int(t) < len(frameNames) && frameNames[t] != "" {
		return frameNames[t]
	}
	return fmt.Sprintf("type 0x%02x", byte(t))
}

// frameHead is what stands in front of the body of a session frame.
type frameHead struct {
	kind  frameType
	flags byte
	id    uint64
	body  int // length in bytes
}

func (h frameHead) more() bool { return h.flags&flagMore != 0 }

// appendSessionHead appends the head of a frame, its length included, whose
// body has n bytes.
func appendSessionHead(dst []byte, t frameType, flags byte, id uint64, n int) []byte {
	dst = appendFrameHeader(dst, 2+uvarintLen(id)+n)
	dst = append(dst, byte(t), flags)
	return binary.AppendUvarint(dst, id)
}

func uvarintLen(n uint64) int { return (bits.Len64(n|1) + 6) / 7 }

// parseFrameHead reads the head of a frame from the first bytes of a payload of
// size bytes, and returns the bytes it has.
func parseFrameHead(b []byte, size int) (h frameHead, n int, err error) {
	if len(b) < 3 {
		return h, 0, fmt.Errorf("a frame of %d bytes: expected type, flags and id", size)
	}
	id, idLen := binary.Uvarint(b[2:])
	if idLen <= 0 || idLen != uvarintLen(id) {
		return h, 0, errors.New("a frame whose id is not a number in its shortest form")
	}
	n = 2 + idLen
	h = frameHead{kind: frameType(b[0]), flags: b[1], id: id, body: size - n}
	switch {
	case h.body > maxBody:
		return h, n, fmt.Errorf("%s of %d bytes, at most %d are allowed", h.kind, h.body, maxBody)
	case h.kind >= frameExtension:
		return h, n, nil
	case int(h.kind) < len(flagsOf) && h.flags&^flagsOf[h.kind] != 0:
		return h, n, fmt.Errorf("%s with flags 0x%02x, which it does not have", h.kind, h.flags)
	case h.kind == frameData && h.flags&flagEnd != 0 && (h.more() || h.body > 0):
		return h, n, fmt.Errorf("DATA with a body of %d bytes at its end: expected none", h.body)
	case h.body > maxControl && h.kind != frameCall && h.kind != frameResult && h.kind != frameFault && h.kind != frameData:
		return h, n, fmt.Errorf("%s of %d bytes, at most %d are allowed", h.kind, h.body, maxControl)
	}
	return h, n, nil
}

// hello is what a side says of itself, once, before anything else.
type hello struct {
	lowest, highest uint64 // versions
	maxMessage      int
	maxCalls        int
	window          int
}

func (h hello) append(dst []byte) []byte {
	dst = append(dst, helloMagic...)
	for _, n := range []uint64{h.lowest, h.highest, 3, settingMaxMessage, uint64(h.maxMessage), settingMaxCalls, uint64(h.maxCalls), settingWindow, uint64(h.window)} {
		dst = binary.AppendUvarint(dst, n)
	}
	return dst
}

// parseHello reads the body of a HELLO. Settings that the peer left out are as
// small as they may be.
func parseHello(body []byte) (hello, error) {
	in := cursor{rest: body}
	h := hello{maxMessage: minMaxMessage, maxCalls: 1, window: minStreamWindow}
	if string(in.bytes(len(helloMagic))) != helloMagic {
		return h, fmt.Errorf("expected a HELLO that begins with %q, got %q", helloMagic, value.Clip(string(body), 16))
	}
	h.lowest, h.highest = in.uvarint(), in.uvarint()
	for n := in.uvarint(); n > 0 && !in.bad; n-- {
		switch key, v := in.uvarint(), in.uvarint(); key {
		case settingMaxMessage:
			h.maxMessage = int(min(v, math.MaxInt32))
		case settingMaxCalls:
			h.maxCalls = int(min(v, math.MaxInt32))
		case settingWindow:
			h.window = int(min(v, maxCredit))
		}
	}
	switch {
	case in.bad || h.lowest > h.highest:
		return h, errors.New("a malformed HELLO")
	case h.maxMessage < minMaxMessage:
		return h, fmt.Errorf("a HELLO whose largest message is %d bytes, at least %d must be accepted", h.maxMessage, minMaxMessage)
	case h.window < minStreamWindow:
		return h, fmt.Errorf("a HELLO whose stream window is %d bytes, at least %d must be accepted", h.window, minStreamWindow)
	case h.maxCalls < 1:
		return h, errors.New("a HELLO that allows no calls; to offer nothing, answer them with a fault")
	}
	return h, nil
}

// appendTimeout appends the time-out of a CALL.
func appendTimeout(dst []byte, d time.Duration) []byte {
	if d == 0 {
		return append(dst, 0)
	}
	return binary.AppendUvarint(dst, uint64(max(1, d.Microseconds())))
}

// appendCallHead appends what stands between the time-out and the arguments of
// a CALL.
func appendCallHead(dst []byte, method string, meta map[string]string) []byte {
	dst = binary.AppendUvarint(dst, uint64(len(method)))
	dst = append(dst, method...)
	dst = binary.AppendUvarint(dst, uint64(len(meta)))
	for k, v := range meta {
		dst = binary.AppendUvarint(dst, uint64(len(k)))
		dst = append(dst, k...)
		dst = binary.AppendUvarint(dst, uint64(len(v)))
		dst = append(dst, v...)
	}
	return dst
}

// callHead is the message of a CALL. Its bytes are parts of the message.
type callHead struct {
	timeout time.Duration // zero: none
	method  []byte
	meta    map[string]string
	args    []byte
}

func parseCall(message []byte) (h callHead, err error) {
	in := cursor{rest: message}
	if us := in.uvarint(); us > 0 {
		h.timeout = time.Duration(min(us, math.MaxInt64/1000)) * time.Microsecond
	}
	h.method = in.text()
	pairs := in.uvarint()
	for range min(pairs, rpc.MaxMeta) {
		k, v := in.text(), in.text()
		if in.bad {
			break
		}
		if h.meta == nil {
			h.meta = make(map[string]string, min(pairs, 8))
		}
		h.meta[string(k)] = string(v)
	}
	h.args = in.rest
	if in.bad {
		return h, errors.New("a length in it goes beyond its end")
	}
	if uint64(len(h.meta)) != pairs {
		return h, errors.New("metadata with the same key twice")
	}
	return h, checkMeta(h.meta)
}

// checkMeta says what is wrong with metadata, on either side.
func checkMeta(meta map[string]string) error {
	size := 0
	for k, v := range meta {
		if size += len(k) + len(v); size > rpc.MaxMeta {
			return fmt.Errorf("metadata of more than %d bytes", rpc.MaxMeta)
		}
		if !utf8.ValidString(k) || !utf8.ValidString(v) {
			return fmt.Errorf("metadata that is not UTF-8: %q", value.Clip(k, 64))
		}
	}
	return nil
}

func appendFault(dst []byte, f *rpc.Fault) []byte {
	dst = binary.AppendVarint(dst, int64(f.Code))
	text := f.Message
	if len(text) > maxFaultBody-binary.MaxVarintLen64 {
		text = value.Clip(text, maxFaultBody/2)
	}
	return append(dst, text...)
}

func parseFault(body []byte) (*rpc.Fault, error) {
	code, n := binary.Varint(body)
	if n <= 0 || int64(int(code)) != code {
		return nil, errors.New("a FAULT without a code")
	}
	text := string(body[n:])
	if !utf8.ValidString(text) {
		text = value.Clip(text, len(text))
	}
	return &rpc.Fault{Code: int(code), Message: text}, nil
}

// goaway is the body of a GOAWAY.
type goaway struct {
	reason byte
	text   string
}

func (g goaway) append(dst []byte) []byte {
	return append(append(dst, g.reason), g.text[:min(len(g.text), maxReason)]...)
}

func parseGoaway(body []byte) (goaway, error) {
	if len(body) == 0 {
		return goaway{}, errors.New("a GOAWAY without a reason")
	}
	return goaway{body[0], value.Clip(string(body[1:]), maxReason)}, nil
}

// cursor reads numbers and texts. What is not there makes it bad, and is zero.
type cursor struct {
	rest []byte
	bad  bool
}

func (c *cursor) uvarint() uint64 {
	n, size := binary.Uvarint(c.rest)
	if size <= 0 {
		c.bad, c.rest = true, nil
		return 0
	}
	c.rest = c.rest[size:]
	return n
}

func (c *cursor) text() []byte {
	n := c.uvarint()
	if n > uint64(len(c.rest)) {
		c.bad, c.rest = true, nil
		return nil
	}
	return c.bytes(int(n))
}

func (c *cursor) bytes(n int) []byte {
	if n > len(c.rest) {
		c.bad, c.rest = true, nil
		return nil
	}
	b := c.rest[:n]
	c.rest = c.rest[n:]
	return b
}
