// Package cbor is the codec of the native session: CBOR (RFC 8949) as a
// [value.Source] and a [value.Sink].
//
// A program that wants values of its own in this form needs [Append] and [Decode]
// alone.
//
// A [Decoder] walks over the bytes of one message and keeps nothing but its
// position and the containers it stands in; an [Encoder] appends. The plans of
// package value drive both, so that arguments go from the message straight into
// the parameters of a function.
//
// Every kind of package value has a form, and survives the way there and back
// in its own kind. A list of structs travels as a table: the field names once,
// then rows of values. The tags that this takes are listed in tags.go; the
// format as a whole is in docs/wire-cbor.md.
//
// The Decoder is strict. Definite lengths only, each head and each integer in
// its shortest form, text in valid UTF-8, no map with the same key twice, no
// tag that it does not know, except in what is skipped over.
package cbor

import (
	"errors"
	"fmt"
	"math"
	"strconv"
	"sync"

	"github.com/parley-rpc/parley/rpc/value"
)

// Options are the limits of one message. The zero value is the default, which
// both ends of a session have; a negative limit is an error of the Decoder or
// Encoder that gets it.
type Options struct {
	// MaxDepth is how many containers may stand in one another. A table counts
	// as a list with a map in it. Zero means 64.
	MaxDepth int
	// MaxElements is how many elements all containers of a message may have
	// together; an entry of a map counts as two. Zero means 262 144.
	MaxElements int
	// MaxIntBits bounds integers beyond 64 bits, and both halves of a fraction.
	// Zero means 4096.
	MaxIntBits int
	// ShareBytes is the size, in bytes, from which on Decoder.Bytes returns part
	// of the message itself instead of a copy. Shared tells whether it has; the
	// message must then stay as it is for as long as what was decoded from it.
	// Zero means never.
	ShareBytes int
}

// ErrLimit is in the chain of every error that says a message is over one of
// its limits.
var ErrLimit = errors.New("over the limit")

// withDefaults puts the defaults in place of zeros.
func (o Options) withDefaults() (Options, error) {
	var err error
	set := func(limit *int, initial int, name string) {
		switch {
		case *limit == 0:
			*limit = initial
		case *limit < 0:
			err = fmt.Errorf("Options.%s is %d; expected 0 for the default, or a limit above it", name, *limit)
		}
	}
	set(&o.MaxDepth, value.DefaultMaxDepth, "MaxDepth")
	set(&o.MaxElements, value.DefaultMaxElements, "MaxElements")
	set(&o.MaxIntBits, value.DefaultMaxIntBits, "MaxIntBits")
	set(&o.ShareBytes, math.MaxInt, "ShareBytes")
	return o, err
}

var (
	encoders = sync.Pool{New: func() any { return new(Encoder) }}
	decoders = sync.Pool{New: func() any { return new(Decoder) }}
)

// Append appends v to dst. After an error it returns dst as it was.
func Append(dst []byte, v any) ([]byte, error) {
	e := encoders.Get().(*Encoder)
	defer encoders.Put(e)
	e.Reset(dst, Options{})
	value.Encode(e, v)
	return e.finish()
}

// AppendArgs appends the arguments of a call to dst, as one list. The path of
// an error begins with params[i], as it does where they are decoded.
func AppendArgs(dst []byte, args []any) ([]byte, error) {
	e := encoders.Get().(*Encoder)
	defer encoders.Put(e)
	e.Reset(dst, Options{})
	e.List(value.KindList, len(args))
	for i, arg := range args {
		value.Encode(e, arg)
		if err := e.Err(); err != nil {
			err.Path = "params[" + strconv.Itoa(i) + "]" + err.Path
			break
		}
	}
	e.End()
	return e.finish()
}

// finish returns what has been written, and lets go of it.
func (e *Encoder) finish() ([]byte, error) {
	dst, err := e.Output(), e.Err()
	e.Reset(nil, Options{}) // the pool keeps no message
	if err != nil {
		return dst, fmt.Errorf("cbor: %w", err)
	}
	return dst, nil
}

// Decode decodes data, which holds exactly one value, into *dst.
func Decode(data []byte, dst any, o Options) error {
	d := decoders.Get().(*Decoder)
	defer decoders.Put(d)
	d.Reset(data, o)
	value.Decode(d, dst)
	err := d.Finish()
	d.Reset(nil, Options{}) // the pool keeps no message
	if err != nil {
		return fmt.Errorf("cbor: %w", err)
	}
	return nil
}
