package interop

import (
	"fmt"
	"strings"

	"github.com/parley-rpc/parley/rpc"
)

// aria2Secret is what aria2 wants as the first argument of every call.
const aria2Secret = "token:opensesame"

// aria2Server is the download program aria2 with a secret, which stands in front of
// the arguments.
func aria2Server() server {
	const (
		gid     = "00000000000000f1"
		torrent = "00000000000000f2"
	)
	keys := []string{"gid", "status", "totalLength", "completedLength"}
	withSecret := func(name, method string, args ...any) step {
		return calls(name, method, append([]any{aria2Secret}, args...)...)
	}
	return server{
		name:     "aria2",
		language: "C++", library: "aria2",
		packages: []string{"aria2"},
		version:  debian("aria2"),
		notes: []string{
			"The path is `/rpc`. The secret is the first argument, `token:SECRET`: `rpc.NewTokenCaller` with `rpc.TokenConfig{Args: []any{\"token:SECRET\"}}` puts it there, into the elements of a multicall too.",
			"All numbers are text: `\"totalLength\"` is a string. Every fault is 1, and only its text tells `Unauthorized` from a download that there is not; without the secret, a method that there is not is `Unauthorized` too.",
			`Arguments that it does not know are ignored, nil among them.`,
		},
		path: "/rpc",
		steps: []step{
			{"version", func(s *session) string {
				type version struct {
					Version  string   `rpc:"version"`
					Features []string `rpc:"enabledFeatures"`
				}
				v, err := rpc.Invoke[version](s.ctx, s.client, "aria2.getVersion", aria2Secret)
				return fmt.Sprintf("%t %t %v", v.Version != "", len(v.Features) > 0, err)
			}},
			{"download", func(s *session) string {
				return s.call("aria2.addUri", aria2Secret, []string{s.fileAt + "/file"}, record{"gid": gid, "out": "file"})
			}},
			{"its end", func(s *session) string {
				s.await("a download", func(c rpc.Caller) bool {
					status, err := rpc.Invoke[map[string]string](s.ctx, c, "aria2.tellStatus", aria2Secret, gid, keys)
					return err == nil && status["status"] == "complete"
				})
				return s.call("aria2.tellStatus", aria2Secret, gid, keys)
			}},
			{"all of it", func(s *session) string {
				type file struct {
					Index    string `rpc:"index"`
					Length   string `rpc:"length"`
					Selected string `rpc:"selected"`
					URIs     []struct {
						Status string `rpc:"status"`
						URI    string `rpc:"uri"`
					} `rpc:"uris"`
				}
				type status struct {
					Status string `rpc:"status"`
					Files  []file `rpc:"files"`
				}
				st, err := rpc.Invoke[status](s.ctx, s.client, "aria2.tellStatus", aria2Secret, gid)
				if err != nil || len(st.Files) != 1 || len(st.Files[0].URIs) == 0 {
					return fmt.Sprint(st, " ", err)
				}
				return fmt.Sprint(st.Status, " ", st.Files[0].Length, " ", strings.HasSuffix(st.Files[0].URIs[0].URI, "/file"))
			}},
			{"torrent", func(s *session) string {
				return s.call("aria2.addTorrent", aria2Secret, []byte(torrentFile), []string{}, record{"gid": torrent, "pause": "true"})
			}},
			withSecret("what is in it", "aria2.tellStatus", torrent, []string{"infoHash", "bittorrent", "numPieces", "pieceLength", "status"}),
			withSecret("torrent that is none", "aria2.addTorrent", []byte{0, 255}),
			{"100 downloads that wait", func(s *session) string {
				var list []element
				for i := range 100 {
					options := record{"gid": fmt.Sprintf("%016x", i+1), "pause": "true"}
					list = append(list, element{"aria2.addUri", []any{aria2Secret, []string{"http://127.0.0.1:8080/wait"}, options}})
				}
				added, err := rpc.Invoke[[][]string](s.ctx, s.client, "system.multicall", list)
				if err != nil || len(added) == 0 {
					return tell(added, err)
				}
				return fmt.Sprint(len(added), " ", added[0], " ", added[len(added)-1])
			}},
			{"list of them", func(s *session) string {
				list, err := rpc.Invoke[[]map[string]string](s.ctx, s.client, "aria2.tellWaiting", aria2Secret, 0, 1000, keys)
				if err != nil || len(list) == 0 {
					return fmt.Sprint(list, " ", err)
				}
				return fmt.Sprint(len(list), " ", list[0], " ", list[len(list)-1])
			}},
			{"numbers", func(s *session) string {
				n, err := rpc.Invoke[map[string]string](s.ctx, s.client, "aria2.getGlobalStat", aria2Secret)
				return fmt.Sprint(n["numWaiting"], " ", n["numStopped"], " ", err)
			}},
			withSecret("option", "aria2.changeGlobalOption", record{"max-concurrent-downloads": "3"}),
			withSecret("option that there is not", "aria2.changeGlobalOption", record{"max-concurrent-downloads": "many"}),
			withSecret("unknown download", "aria2.tellStatus", "00000000000000ff"),
			withSecret("unknown method", "aria2.noSuch"),
			withSecret("too few arguments", "aria2.tellStatus"),
			withSecret("wrong kind", "aria2.tellStatus", 5),
			calls("no secret", "aria2.getVersion"),
			calls("wrong secret", "aria2.getVersion", "token:wrong"),
			withSecret("nil as an argument", "aria2.getVersion", nil),
			calls("system.listNotifications", "system.listNotifications"),
			{"system.listMethods", func(s *session) string {
				names, err := rpc.Invoke[[]string](s.ctx, s.client, "system.listMethods")
				return fmt.Sprint(len(names), " ", err)
			}},
			calls("system.multicall", "system.multicall", []element{
				{"aria2.tellStatus", []any{aria2Secret, gid, keys}},
				{"aria2.tellStatus", []any{aria2Secret, "00000000000000ff"}},
				{"aria2.tellStatus", []any{"token:wrong", gid}},
				{"no.such", []any{}},
			}),
			{"secret by rpc.TokenCaller", func(s *session) string {
				c, err := rpc.NewTokenCaller(s.client, rpc.TokenConfig{Args: []any{aria2Secret}})
				if err != nil {
					return err.Error()
				}
				status, err := rpc.Invoke[map[string]string](s.ctx, c, "aria2.tellStatus", gid, keys)
				return fmt.Sprint(status, " ", err, "; ", tellAll(s, rpc.Multicaller{Caller: c}, []rpc.Element{
					{Method: "aria2.tellStatus", Args: rpc.Values{torrent, keys}},
					{Method: "aria2.tellStatus", Args: rpc.Values{"00000000000000ff"}},
					{Method: "system.listNotifications"},
				}))
			}},
			{"another path", elsewhere},
		},
	}
}

// torrentFile describes a file of one byte that nobody offers.
const torrentFile = "d4:infod6:lengthi1e4:name8:file.txt12:piece lengthi16384e6:pieces20:aaaaaaaaaaaaaaaaaaaaee"
