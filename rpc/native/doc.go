// Package native is the native channel: authenticated connections over TCP or
// unix sockets that carry calls between Go programs, and objects to and from
// unmodified Python programs that use multiprocessing.connection.
//
// A [Server] serves an rpc.Caller, normally a registry. [Dial] returns a client,
// which is an rpc.Caller as well:
//
//	srv := native.Server{Handler: reg, Auth: key}
//	err := srv.ListenAndServe("tcp://127.0.0.1:16000")
//
//	c, err := native.Dial(ctx, "tcp://127.0.0.1:16000", native.DialConfig{Auth: key})
//	sum, err := rpc.Invoke[int](ctx, c, "add", 3, 5)
//
// Package auth has the keys, and package python the Server.Objects that answers
// Python programs.
//
// A byte takes this way in:
//
//	socket -> acceptor -> challenge ---> frame -> session -> Handler   (Go peers)
//	                   -> TLS -> login         -> Conn -> pickle -> value   (Python peers)
//
// An acceptor limits who may take up a place before logging in, and gives each
// connection a goroutine for its login. The challenge is that of Python's
// multiprocessing: both sides prove in turn that they have the same authkey.
// In it two programs with this package find out about each other, and then speak
// the session protocol: many calls and streams at a time, in both directions, in
// CBOR. Everybody else sends frames that each hold one object, as a pickle or as
// XML.
//
// A Server has both kinds of peers on one port. [Listen] and [DialConn] leave calls aside and pass objects, like
// Listener and Client in Python:
//
//	l, err := native.Listen("unix:///run/tool.sock", native.ListenConfig{Auth: key})
//	conn, err := l.Accept(ctx)
//	err = conn.Recv(ctx, &request)
//	err = conn.Send(ctx, answer)
//
// # Safety
//
// Between machines there is tls://: TLS 1.3 with a login inside that is bound to it
// ([Server.Login], [DialConfig.Login]; package auth has both sides). It needs no
// certificates, and both sides have proved themselves before anything else is said.
//
// On tcp:// and unix:// there is the challenge. It shows that a peer has the key; it
// is HMAC-SHA256 (HMAC-MD5, for Python 3.11 and older, only if the Auth allows it).
// What follows it is neither encrypted nor protected from change, and somebody on
// the way can pass a login through and then use the connection. So listeners refuse
// tcp:// addresses beyond loopback unless told otherwise.
//
// Nothing that a peer sends runs code here: the pickle reader builds data. Before
// the login no message is longer than 256 bytes, 4096 inside TLS, and none is
// decoded; later ones are limited, and memory is taken for what has come, not for
// what a length claims.
package native
