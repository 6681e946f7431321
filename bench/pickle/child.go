package main

import (
	"bufio"
	"context"
	_ "embed"
	"encoding/hex"
	"fmt"
	"io"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"time"
)

//go:embed child.py
var script string

// child is a CPython that does what it is told, one order after another.
type child struct {
	cmd *exec.Cmd
	in  io.WriteCloser
	out *bufio.Reader
}

func startChild(ctx context.Context, python string) (*child, error) {
	cmd := exec.CommandContext(ctx, python, "-c", script)
	cmd.Stderr = os.Stderr
	in, err := cmd.StdinPipe()
	if err != nil {
		return nil, err
	}
	out, err := cmd.StdoutPipe()
	if err != nil {
		return nil, err
	}
	if err := cmd.Start(); err != nil {
		return nil, err
	}
	return &child{cmd, in, bufio.NewReader(out)}, nil
}

// close ends the child and waits for it.
func (c *child) close() error {
	if err := c.in.Close(); err != nil {
		return err
	}
	return c.cmd.Wait()
}

// order sends a line and returns the line that comes back.
func (c *child) order(what string, w work, loops int) (string, error) {
	if _, err := fmt.Fprintln(c.in, what, w.name, w.protocol, loops); err != nil {
		return "", err
	}
	line, err := c.out.ReadString('\n')
	if err != nil {
		return "", fmt.Errorf("python: %s %s: %w", what, w.name, err)
	}
	return strings.TrimSpace(line), nil
}

// data returns the value of w as CPython writes it.
func (c *child) data(w work) ([]byte, error) {
	line, err := c.order("make", w, 1)
	if err != nil {
		return nil, err
	}
	return hex.DecodeString(line)
}

// cpu returns the processor time of so many loops of what.
func (c *child) cpu(what string, w work, loops int) (time.Duration, error) {
	line, err := c.order(what, w, loops)
	if err != nil {
		return 0, err
	}
	seconds, err := strconv.ParseFloat(line, 64)
	return time.Duration(seconds * float64(time.Second)), err
}
