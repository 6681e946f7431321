package main

import (
	"fmt"

	"github.com/parley-rpc/parley/cmd/parley/internal/dial"
	"github.com/parley-rpc/parley/cmd/parley/internal/terminal"
)

// profilesCommand lists the profiles.
type profilesCommand struct{ terminal.OutputFlag }

// Help is what kong shows below the short help.
func (*profilesCommand) Help() string {
	return `Where a URL stands on a command line may stand the name of a profile. Profiles are written by hand into config.toml, in the directory parley of the user's configuration (~/.config on Linux), or in the file that the variable PARLEY_CONFIG names:

    [server.prod]
    url = "tls://rpc.example.org:16001"
    credential_file = "prod.key"

    [server.test]
    url = "http://127.0.0.1:8080/RPC2"
    timeout = "5s"

The other keys are pin, ca, cert, key, user, password_file, authkey_file, allow_md5 and dangerously_allow_short_key, which mean what the flags do. A flag on the command line counts more than a key. Relative paths count from the file's directory. There are no secrets in the file; others must not be able to change it.`
}

// namedServer is a profile as profiles shows it.
type namedServer struct {
	Name  string `json:"name"`
	URL   string `json:"url"`
	Login string `json:"login"`
}

func (c *profilesCommand) run(std terminal.Streams) error {
	p, err := dial.LoadProfiles()
	if err != nil {
		return err
	}
	list := []namedServer{}
	for _, name := range p.All() {
		list = append(list, namedServer{name, p.Server[name].URL, p.Server[name].Login()})
	}
	if c.AsJSON() {
		return terminal.PrintJSON(std.Out, list)
	}
	if len(list) == 0 {
		fmt.Fprintf(std.Err, "parley: there are no profiles in %s; parley profiles --help says what to write there\n", p.Path())
		return nil
	}
	table := terminal.Table{Header: []string{"NAME", "URL", "LOGIN"}}
	for _, s := range list {
		table.Add(s.Name, terminal.Printable(s.URL), s.Login)
	}
	return table.Print(std.Out)
}
