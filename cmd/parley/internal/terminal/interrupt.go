package terminal

import (
	"context"
	"os"
	"os/signal"
	"syscall"
)

// UntilSignal returns a context that ends with Ctrl-C, SIGTERM, or the terminal
// (SIGHUP, unless nohup has it ignored), so that a command can clean up: processes,
// and folders in the place for temporary files. stop gives signals their usual
// meaning again.
func UntilSignal(parent context.Context) (ctx context.Context, stop context.CancelFunc) {
	signals := []os.Signal{os.Interrupt, syscall.SIGTERM}
	if !signal.Ignored(syscall.SIGHUP) {
		signals = append(signals, syscall.SIGHUP)
	}
	return signal.NotifyContext(parent, signals...)
}
