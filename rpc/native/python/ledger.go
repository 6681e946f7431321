package python

// ledger counts what one message takes until it is answered: the message, what
// it is decoded to, and the answer. It belongs to the goroutine that serves the
// connection.
type ledger struct {
	take func(n int) error // native.Conn.Hold
	held int
}

// hold counts n more bytes. Its error is a fault.
func (l *ledger) hold(n int) error {
	if err := l.take(n); err != nil {
		return err
	}
	l.held += n
	return nil
}
