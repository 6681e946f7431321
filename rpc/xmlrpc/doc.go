// Package xmlrpc carries calls as XML-RPC over HTTP, which programs in nearly
// every language can speak with what they have.
//
// A [Server] serves an [rpc.Caller], normally a registry. It listens by itself
// or is mounted as an http.Handler in a program that has a server already:
//
//	srv := xmlrpc.Server{Handler: reg}
//	err := srv.ListenAndServe("127.0.0.1:8080")
//
//	mux.Handle("/RPC2", &xmlrpc.Server{Handler: reg})
//
// A [Client] is an rpc.Caller:
//
//	c, err := xmlrpc.NewClient("http://127.0.0.1:8080/RPC2", xmlrpc.ClientConfig{})
//	sum, err := rpc.Invoke[int](ctx, c, "add", 3, 5)
//
// # The way of a call
//
// A request passes the gates (gate.go), which look at its head alone, and then
// the login (entrance.go), if the server has one; only then is its body read
// within bounds (body.go), the call in it is made (call.go), and
// the answer written. What XML looks like is known to package xmlvalue only,
// and which Go types it becomes to package value only.
//
// # Logins
//
// With [Server.Auth] every request says who sends it, by HTTP Basic or a bearer
// key, which whatever client there is can send; [ClientConfig.Login] is that of
// ours. Over a network that takes TLS. auth.Credentials and auth.Secret are made
// for the two fields.
//
// # The page for browsers
//
// A GET of the endpoint is answered with a page: what its reader may call, each
// function with its parameters and help, a form to try it, and programs that call
// it from Python, Ruby, PHP, a shell and Go. Login and authorization are those of
// calls. The page loads nothing from anywhere and is a plain document where
// scripts are off. What it shows of a function comes from rpc.Params and rpc.Help;
// the examples for a struct show its members.
//
// # Deadlines and metadata
//
// Two headers that other implementations ignore travel with a call:
// Parley-Timeout-Ms is the time that the caller will wait, in milliseconds, and
// Parley-Meta-NAME is the entry "name" of [rpc.Request.Meta].
//
// # CGI and FastCGI
//
// Since a Server is an http.Handler, net/http/cgi and net/http/fcgi serve it. The
// gates and the login are the same there; the address of a caller, and whether
// TLS protects the way, are what the web server says, and time-outs and bounds of
// connections are its own. Give [Server.Hosts] the name of the site.
package xmlrpc
