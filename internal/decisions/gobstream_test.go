package decisions

import (
	"bytes"
	"encoding/gob"
	"testing"
)

// BenchmarkGobStream is gob at its best, and what net/rpc has: the types went
// ahead with an earlier message of the connection. See decision 012.
func BenchmarkGobStream(b *testing.B) {
	var wire bytes.Buffer
	enc, dec := gob.NewEncoder(&wire), gob.NewDecoder(&wire)
	list := products()
	read := func() {
		var got []product
		if err := dec.Decode(&got); err != nil || len(got) != len(list) {
			b.Fatal(len(got), err)
		}
	}
	if err := enc.Encode(list); err != nil {
		b.Fatal(err)
	}
	read()
	b.Run("encode", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			wire.Reset()
			if err := enc.Encode(list); err != nil {
				b.Fatal(err)
			}
		}
	})
	message := bytes.Clone(wire.Bytes())
	wire.Reset()
	b.Run("decode", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			wire.Write(message)
			read()
		}
	})
}
