//go:build peers

package xmlrpc_test

import (
	"maps"
	"os/exec"
	"slices"
	"testing"

	"github.com/parley-rpc/parley/internal/peertest"
)

func TestLiveSnippetsOfRuby(t *testing.T) {
	if err := exec.Command("ruby", "-e", `require "xmlrpc/client"`).Run(); err != nil {
		peertest.Missing(t, "ruby with xmlrpc", "apt-get install ruby-xmlrpc")
	}
	runSnippets(t, snippetsOf(t, "127.0.0.1:0", nil), "ruby", "call.rb", []string{"ruby"})
	runSnippets(t, snippetsOf(t, "127.0.0.1:0", oneUser{"ann", "se-cret"}), "ruby", "call.rb", []string{"ruby"}, few...)
}

func TestLiveSnippetsOfPHP(t *testing.T) {
	if err := exec.Command("php", "-r", `exit(function_exists("xmlrpc_encode_request") ? 0 : 1);`).Run(); err != nil {
		peertest.Missing(t, "php with xmlrpc", "apt-get install php-cli php-xmlrpc")
	}
	all := snippetsOf(t, "127.0.0.1:0", nil)
	const numbered = "validator1.nestedStructTest"
	if text, ok := all[numbered]["php"]; ok {
		t.Errorf("%s: got the program\n%s; want none, for the extension makes a list of a record whose names are numbers", numbered, text)
	}
	names := slices.DeleteFunc(slices.Collect(maps.Keys(snippetAnswers)), func(name string) bool { return name == numbered })
	runSnippets(t, all, "php", "call.php", []string{"php"}, names...)
	runSnippets(t, snippetsOf(t, "127.0.0.1:0", oneUser{"ann", "se-cret"}), "php", "call.php", []string{"php"}, few...)
}

func TestLiveHostileNameInPHP(t *testing.T) {
	if err := exec.Command("php", "-r", `exit(function_exists("xmlrpc_encode_request") ? 0 : 1);`).Run(); err != nil {
		peertest.Missing(t, "php with xmlrpc", "apt-get install php-cli php-xmlrpc")
	}
	wantArrived(t, "php", "call.php", "php")
}
