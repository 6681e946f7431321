package peertest

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"os/exec"
	"testing"
)

// Shell runs a command line with sh in a folder, waits for it and returns its
// standard output. vars are the variables "NAME=value" that it finds beside the
// PATH; the rest of the environment is the same on every machine: UTC, UTF-8,
// a home folder that is empty. The command line is killed together with what it
// started when ctx is done, after a minute if ctx has no deadline. The error of
// one that fails, or that is killed, holds its standard error.
func Shell(t testing.TB, ctx context.Context, dir, line string, vars ...string) (string, error) {
	t.Helper()
	ctx, cancel := limited(ctx)
	defer cancel()
	cmd := exec.CommandContext(ctx, "sh", "-c", line)
	cmd.Dir = dir
	home := t.TempDir()
	cmd.Env = append([]string{"PATH=" + os.Getenv("PATH"), "HOME=" + home, "TMPDIR=" + home, "TZ=UTC", "LC_ALL=C.UTF-8"}, vars...)
	cmd.WaitDelay = pipeDelay
	ownGroup(cmd)
	out, err := run(ctx, cmd)
	if err != nil {
		return out, fmt.Errorf("peertest: %s: %w", line, err)
	}
	return out, nil
}

// limited gives a context without a deadline that of runTimeout.
func limited(ctx context.Context) (context.Context, context.CancelFunc) {
	if _, ok := ctx.Deadline(); ok {
		return ctx, func() {}
	}
	return context.WithTimeout(ctx, runTimeout)
}

// run runs a command, which ends with ctx, kills what it leaves behind and
// returns its standard output. An error says how it ended, with its standard
// error.
func run(ctx context.Context, cmd *exec.Cmd) (string, error) {
	var stdout bytes.Buffer
	var stderr tail
	cmd.Stdout, cmd.Stderr = &stdout, &stderr
	err := cmd.Run()
	killRest(cmd)
	switch {
	case err != nil && ctx.Err() != nil:
		err = fmt.Errorf("was killed because it was not done in time: %w\n%s", context.Cause(ctx), &stderr)
	case err != nil:
		err = fmt.Errorf("failed: %w\n%s", err, &stderr)
	}
	return stdout.String(), err
}
