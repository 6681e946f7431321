package main

import (
	"strings"

	"github.com/alecthomas/kong"
)

// examples returns what the help of each command shows, by the words of the
// command. Tests run them all, against servers at other addresses.
func examples() map[string]string {
	return map[string]string{
		"": `
parley serve
parley call http://127.0.0.1:8080/RPC2 add 3 5
parley call tcp://127.0.0.1:16000 catalog.list --output table`,
		"demo": `
parley demo`,
		"serve": `
parley serve
parley serve --xmlrpc 127.0.0.1:8080 --native unix:tool.sock
parley serve --xmlrpc off --native tls://127.0.0.1:16001 \
  --credentials credentials.jsonl
parley serve --config parley.toml`,
		"call": `
parley call http://127.0.0.1:8080/RPC2 add 3 5
parley call tcp://127.0.0.1:16000 add '[1,2,3]' '[4,5]'
parley call tcp://127.0.0.1:16000 catalog.list --output table
parley call tcp://127.0.0.1:16000 add @photo.jpg @photo.jpg --raw
echo hello | parley call http://127.0.0.1:8080/RPC2 echo @-
parley call tls://127.0.0.1:16001 add 3 5 --credential-file ann.key
parley call prod add 3 5 --timeout 5s`,
		"list": `
parley list http://127.0.0.1:8080/RPC2
parley list tcp://127.0.0.1:16000 --output json
parley list prod`,
		"describe": `
parley describe http://127.0.0.1:8080/RPC2
parley describe tcp://127.0.0.1:16000 add catalog.get
parley describe prod --output json`,
		"ping": `
parley ping http://127.0.0.1:8080/RPC2
parley ping tcp://127.0.0.1:16000 --count 5 --interval 200ms
parley ping prod --output json`,
		"bench": `
parley bench tcp://127.0.0.1:16000 add 3 5
parley bench http://127.0.0.1:8080/RPC2 add 3 5 --callers 64 --duration 30s
parley bench tcp://127.0.0.1:16000 add 3 5 --rate 5000
parley bench unix:///run/tool.sock echo @file.bin --calls 1000 --output json`,
		"compare": `
parley compare
parley compare --quick --html report.html
parley compare --full --json full.json --csv full.csv
parley compare --lanes native-tcp,xmlrpc,kolo --work add-64,records-100
parley compare --full --baseline full.json
parley compare --quick --json - >quick.json
parley compare --against http://127.0.0.1:8080/RPC2 add 3 5
parley compare --against tcp://127.0.0.1:16000 \
  http://127.0.0.1:8080/RPC2 add 3 5`,
		"auth": `
parley auth add bob --use channel --file credentials.jsonl \
  --generate --secret-out new.key
parley auth list --file credentials.jsonl`,
		"auth keygen": `
parley auth keygen deploy-bot.k1 --out deploy-bot.key
parley auth keygen --authkey --out authkey`,
		"auth add": `
parley auth add ann.phone --identity ann --use channel \
  --file credentials.jsonl --generate --secret-out new.key
parley auth add deploy-bot.k1 --use http --not-after 90d \
  --file credentials.jsonl --secret-file deploy-bot.key
echo 'a long pass phrase' | parley auth add carl --use http \
  --file credentials.jsonl`,
		"auth passwd": `
parley auth passwd ann --file credentials.jsonl \
  --generate --secret-out new.key`,
		"auth list": `
parley auth list --file credentials.jsonl
parley auth list --file credentials.jsonl --output json`,
		"auth revoke": `
parley auth revoke ann.laptop --file credentials.jsonl
parley auth revoke --identity ann --file credentials.jsonl`,
		"auth check": `
parley auth check credentials.jsonl
parley auth check --config parley.toml`,
		"profiles": `
parley profiles
parley profiles --output json
PARLEY_CONFIG=servers.toml parley profiles`,
		"version": `
parley version
parley version --output json`,
		"completion": `
source <(parley completion bash)
parley completion zsh >_parley     # in a directory of $fpath
parley completion fish >parley.fish`,
	}
}

// addExamples puts the examples of each command behind its help.
func addExamples(app *kong.Application) {
	all := examples()
	var add func(words string, n *kong.Node)
	add = func(words string, n *kong.Node) {
		if text := all[words]; text != "" {
			n.Detail = strings.TrimSpace(n.Detail + "\n\nExamples:\n" + strings.ReplaceAll(text, "\n", "\n    "))
		}
		for _, child := range n.Children {
			add(strings.TrimSpace(words+" "+child.Name), child)
		}
	}
	add("", app.Node)
}
