package auth

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"time"
)

const (
	// watchInterval is how often Watch looks at the file.
	watchInterval = time.Second
	// maxLoggedIDs bounds the ids in the event reload.
	maxLoggedIDs = 16
)

// Reload reads the file again. An error leaves everything as it was. Either way
// the Logger gets the event reload.
func (c *Credentials) Reload() error {
	c.loading.Lock()
	defer c.loading.Unlock()
	if c.path == "" {
		return errors.New("auth: credentials: they are from no file; use Replace")
	}
	c.seen = stampOf(c.path)
	change, err := c.reload()
	c.log(change, err)
	return err
}

// Replace puts other entries in the place of those there are, by the rules of
// NewCredentials; after an error all is as before. It is for Credentials without
// a file.
func (c *Credentials) Replace(entries []Entry) error {
	c.loading.Lock()
	defer c.loading.Unlock()
	if c.path != "" {
		return fmt.Errorf("auth: credentials: they are from %s; use EditCredentials and Reload", c.path)
	}
	set, err := newCredentialSet(entries, c.policy())
	if err != nil {
		err = fmt.Errorf("auth: credentials: %w", err)
		c.log(setChange{}, err)
		return err
	}
	set.mockKey = c.mockKey()
	c.log(c.put(set), nil)
	return nil
}

// Watch looks at the file once a second until ctx ends, and reloads it when it
// has changed. A file that cannot be read or is not as it should be changes
// nothing; each such state of it is logged once. Watch returns the error of ctx,
// or at once an error if there is no file.
func (c *Credentials) Watch(ctx context.Context) error {
	if c.path == "" {
		return errors.New("auth: credentials: they are from no file to watch")
	}
	ticker := time.NewTicker(watchInterval)
	defer ticker.Stop()
	for {
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-ticker.C:
			c.look()
		}
	}
}

// look reloads the file if it is not as it was seen last.
func (c *Credentials) look() {
	c.loading.Lock()
	defer c.loading.Unlock()
	last := c.seen
	c.seen = stampOf(c.path)
	again := c.seen.state == last.state
	if again && !last.fresh {
		return
	}
	failed := c.failed
	change, err := c.reload()
	if again && c.failed == failed && change.none() {
		return // the second look at a file that was fresh
	}
	c.log(change, err)
}

// stamp is what a file looked like, from outside.
type stamp struct {
	state string // differs if the file does
	// fresh is set if the file had changed so shortly before that one more change
	// may not show: it is worth a second look.
	fresh bool
}

func newStamp(changed time.Time, state ...any) stamp {
	return stamp{state: fmt.Sprintln(state...), fresh: time.Since(changed).Abs() < watchInterval}
}

// reload reads the file and takes over what it says. c.loading is held.
func (c *Credentials) reload() (setChange, error) {
	set, err := c.read()
	if err != nil {
		err = fmt.Errorf("auth: credentials: reload: %w; the former entries stay", err)
		c.failed = err.Error()
		return setChange{}, err
	}
	c.failed = ""
	return c.put(set), nil
}

// setChange is how one set differs from the one before.
type setChange struct {
	added, removed, changed int
	ids                     []string // of all of those, maxLoggedIDs at most
}

func (s *setChange) none() bool { return s.added+s.removed+s.changed == 0 }

func (s *setChange) count(n *int, id string) {
	*n++
	if len(s.ids) < maxLoggedIDs {
		s.ids = append(s.ids, id)
	}
}

// put takes over next.
func (c *Credentials) put(next *credentialSet) setChange {
	c.mu.Lock()
	defer c.mu.Unlock()
	// Under the lock: whoever has looked something up in the old set has begun
	// its login before now.
	now := time.Now()
	var change setChange
	for _, cred := range next.all {
		old := c.set.byID[cred.ID]
		switch {
		case old == nil:
			// It may have been here before, with another secret.
			cred.since = now
			change.count(&change.added, cred.ID)
		case !cred.sameSecret(&old.Entry):
			cred.since = now
			change.count(&change.changed, cred.ID)
		default:
			cred.since = old.since
			if !cred.equal(&old.Entry) {
				change.count(&change.changed, cred.ID)
			}
		}
	}
	for _, old := range c.set.all {
		if next.byID[old.ID] == nil {
			change.count(&change.removed, old.ID)
		}
	}
	c.set = next
	if !change.none() {
		c.fire()
	}
	return change
}

// log writes the event reload.
func (c *Credentials) log(change setChange, err error) {
	attrs := make([]slog.Attr, 0, 6)
	if c.path != "" {
		attrs = append(attrs, slog.String("path", c.path))
	}
	if err != nil {
		attrs = append(attrs, slog.String("outcome", "error"), slog.Any("error", err))
		c.cfg.Logger.LogAttrs(context.Background(), slog.LevelError, "reload", attrs...)
		return
	}
	attrs = append(attrs, slog.String("outcome", "ok"),
		slog.Int("added", change.added), slog.Int("removed", change.removed), slog.Int("changed", change.changed))
	if len(change.ids) > 0 {
		attrs = append(attrs, slog.Any("credentials", change.ids))
	}
	c.cfg.Logger.LogAttrs(context.Background(), slog.LevelInfo, "reload", attrs...)
}
