// Package python lets Python programs call Go functions, and Go programs those
// of Python, over objects that are sent with multiprocessing.connection. The
// programs need no change: what they have always sent is understood.
//
// [Handler] serves them on a native.Server:
//
//	srv := native.Server{Handler: reg, Objects: python.Handler(reg), Auth: key}
//
// A message is, by what it holds,
//
//   - a call as a tuple, ("add", (3, 5)) or ("add", (3, 5), {"key": value}),
//     which is answered by the result itself or by an exception object;
//   - a call as the well-known RPCProxy recipe sends it, a pickled tuple
//     (name, args, kwargs) that is sent as bytes: the answer is the pickle of the
//     result or of an exception, sent as bytes as well;
//   - what a BaseManager of multiprocessing.managers and its proxies send: the
//     functions without a dot in their name are the methods of its type rpc, those
//     named catalog.x of its type catalog;
//   - with [Config.Objects], the arguments of the one function named there.
//
// What is wrong is answered by an exception that says why, and the connection goes
// on, also after an object of a class that is not known and after more than the
// limits. Only what no program sends by mistake closes it: bytes that are no pickle,
// names that run something, a few bytes that stand for very much. Classes of the
// peer that are types of Go too are named in a Registry of package pickle.
//
// Each of these may come as XML in the place of a pickle, as the serializer
// xmlrpclib and an XmlClient send it, and is answered in XML then.
//
// A message travels like this:
//
//	bytes of native.Conn -> readMessage -> rpc.Caller -> message.answer -> native.Conn
//
// where what a manager asks about objects is answered by handler.manage, with no
// state: an object is the name of a namespace, so that nothing has to be kept.
//
// Each answer is in the pickle protocol of its question, so that Python 2.7 and
// every version of 3 can be served at the same time. Nothing that a peer sends
// is run or imported: see package pickle.
//
// [Client] calls Python programs that serve one of these forms, and [Manager] those
// that are the server of a BaseManager. Its calls go
//
//	Proxy -> pool of connections -> wire -> native.Conn
package python
