// Package xmlvalue is the XML-RPC codec: documents to values and back. It knows
// no HTTP and no functions.
//
// A byte comes in through [ReadCall] or [ReadResponse], which hold the whole
// document in memory, see that it is text that XML can carry (charset.go) and
// read it up to the method's name or the fault. What is left is a [Decoder], a
// [value.Source] that walks the rest of the document from front to back
// (decoder.go for structure, scalar.go for content, scan.go and text.go for the
// XML beneath). A byte goes out through [AppendCall], [AppendResponse] and
// [AppendFault], which drive an [Encoder], a [value.Sink].
//
// Reading is lenient where clients that exist differ from the specification of
// 1999-06-15 (http://xmlrpc.com/spec.md): integers of any width and name, dates
// in every ISO 8601 form in use, base64 without padding, values without a type,
// missing <params> and <data>, nil with and without a prefix, faults with text for
// a code. docs/wire-xmlrpc.md lists all of it. It is strict where leniency is a
// danger: a document that is not well-formed XML 1.0 is refused, and so are a
// document type and processing instructions, whatever they say.
// Nothing recurses on the depth of the input and no memory is taken for more
// than the bytes that have arrived.
//
// Writing follows the specification and departs from it only where [Options]
// says so, with two exceptions that every peer in use reads: integers beyond 32
// bits are <i8>, and nil is <nil/>.
package xmlvalue
