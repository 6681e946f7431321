package harness

import ("context";"io")

func idleServer() error { return nil }
func idleClient() error { return nil }
func soakServer() error { return nil }
func soakClient() error { return nil }
func Idle(context.Context, int, io.Writer, io.Writer) error { return nil }
func Soak(context.Context, int64, io.Writer, io.Writer) error { return nil }
