// Package auth says who may come in, and what they may call. It serves both
// transports and knows neither: it hands out keys and answers questions, and the
// transports ask.
//
//   - [Authkey] is a shared key, for the challenge of the native channel on one
//     machine: [Key] for one at hand, [LoadKey] for one in a file,
//     [GenerateKey] for a new one. It is what native's Auth fields take.
//   - [Keyring] holds several that are valid at the same time, so that each peer
//     can have its own name, and keys can be changed without a pause.
//   - [Credentials] are a file of all that a server knows its callers by, on both
//     transports: [LoadCredentials] reads it, [EditCredentials] changes it, and a
//     credential can end while its holder is connected.
//   - [Certificate] is one of TLS from files, which may be replaced while a server
//     runs.
//   - [Secret] is what a client logs in with on either transport: [GenerateSecret]
//     for a new key, [NewPassphrase], [LoadSecret] and [ParseSecret].
//   - [Policy] maps the names that keys prove to the methods they may call. It
//     is what the field Authorizer of a rpc.Registry takes.
//
// A server takes what it knows its callers by, a client its secret, and the
// registry the policy:
//
//	logins, err := auth.LoadCredentials("credentials.jsonl", auth.CredentialsConfig{})
//	srv := native.Server{Handler: reg, Login: logins}
//
//	secret, err := auth.LoadSecret("bot.key")
//	c, err := native.Dial(ctx, "tls://rpc.example.org:16001", native.DialConfig{Login: secret})
//
//	reg.Authorizer, err = auth.NewPolicy(map[string][]string{"deploy-bot": {"deploy"}})
//
// The challenge shows that a peer has the key, and nothing else: what is sent
// afterwards is neither encrypted nor protected from change, and someone on the
// way can pass a login through. It is made for loopback and unix sockets.
package auth
