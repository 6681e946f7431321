package peers

import (
	_ "embed"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"

	"github.com/parley-rpc/parley/internal/compare/harness"

	shared "github.com/parley-rpc/parley/internal/compare/peers"
)

//go:embed c/server.c
var xmlrpcCSource string

// xmlrpcC is the server of xmlrpc-c (Abyss, in C), called by Parley's XML-RPC
// client: what differs from parley-xmlrpc is the server alone.
func xmlrpcC() *harness.Peer {
	return &harness.Peer{
		Name:    "xmlrpc-c",
		Missing: needXMLRPCC,
		Server:  buildXMLRPCC,
		Dial:    shared.DialXMLRPC,
	}
}

func needXMLRPCC() error {
	for _, tool := range []string{"gcc", "xmlrpc-c-config"} {
		if _, err := exec.LookPath(tool); err != nil {
			return fmt.Errorf("not available: there is no %s in PATH (apt-get install gcc libc6-dev libxmlrpc-core-c3-dev)", tool)
		}
	}
	return nil
}

// buildXMLRPCC compiles the server into dir.
func buildXMLRPCC(dir string) (*exec.Cmd, error) {
	source, program := filepath.Join(dir, "server.c"), filepath.Join(dir, "server")
	if err := os.WriteFile(source, []byte(xmlrpcCSource), 0o600); err != nil {
		return nil, err
	}
	libs, err := exec.Command("xmlrpc-c-config", "abyss-server", "--libs").Output()
	if err != nil {
		return nil, fmt.Errorf("xmlrpc-c-config abyss-server --libs: %w", err)
	}
	args := append([]string{"-O2", "-o", program, source}, strings.Fields(string(libs))...)
	if out, err := exec.Command("gcc", args...).CombinedOutput(); err != nil {
		return nil, errors.Join(fmt.Errorf("gcc: %w", err), errors.New(string(out)))
	}
	return exec.Command(program), nil
}
