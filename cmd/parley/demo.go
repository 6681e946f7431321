package main

import (
	"github.com/parley-rpc/parley/cmd/parley/internal/demo"
	"github.com/parley-rpc/parley/cmd/parley/internal/terminal"
)

// demoCommand shows what Parley is: one registry on both transports, every kind
// of client, and the transports side by side.
type demoCommand struct{}

func (*demoCommand) run(std terminal.Streams) error { return demo.Run(std) }
