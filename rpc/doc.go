// Package rpc is the heart of Parley: a registry of plain Go functions, and the
// model of a call that every transport carries.
//
// A service registers its functions once:
//
//	reg := rpc.NewRegistry()
//	err := reg.Register("add", func(a, b int) int { return a + b }, rpc.Params("a", "b"))
//
// and serves the registry on any number of transports. A call takes one way:
//
//	bytes -> frame -> codec -> Request -> interceptors -> authorization -> arguments -> function -> answer
//
// The transport does the first three steps and hands the [Request] to
// [Registry.Call], the one door; there is no way round it. The package knows no
// bytes and no sockets.
//
// On the other side everything that calls can be made on is a [Caller]: the
// clients of the transports, the [Peer] of a call (where a transport goes both
// ways), and the registry itself, which is all a test needs. [Invoke], [Stream],
// [Bind] and the stubs are typed shells around it and work on each of them:
//
//	sum, err := rpc.Invoke[int](ctx, c, "add", 3, 5)
//
// A result, and the last argument, may be a stream: an iter.Seq2[T, error], or an
// io.Reader. [Stream] and [Reader] take such results as they come.
//
// A call ends in one of three ways, which an error tells apart: the peer said
// no ([Fault]), the call was not sent, or its outcome is unknown ([LinkError]).
// The codes of faults are the same on every transport:
//
//	-32700  the message could not be parsed               CodeNotWellFormed
//	-32701  its character encoding is not supported       CodeEncoding
//	-32702  a character that its encoding does not have   CodeInvalidCharacter
//	-32600  parsed, but not a call                        CodeInvalidRequest
//	-32601  no such method, or none for this caller       CodeMethodNotFound
//	-32602  the arguments do not fit the function         CodeInvalidParams
//	-32603  a panic, or a result that cannot be encoded   CodeInternal
//	-32500  an error that the function returned           CodeApplication
//	-32400  the system below the server                   CodeSystem
//	-32300  the transport                                 CodeTransport
//	-32001  not authenticated                             CodeNotAuthenticated
//	-32003  over a limit                                  CodeOverLimit
//	-32004  the deadline has passed                       CodeDeadlineExceeded
//	-32005  cancelled                                     CodeCancelled
//	-32006  the server shuts down                         CodeShuttingDown
//
// A function makes one of its own with [Errorf], outside of -32768 to -32000.
package rpc
