package tomlfile

import (
	"fmt"
	"time"
)

// Duration is a time.Duration that is written as text.
type Duration struct{ time.Duration }

func (d *Duration) UnmarshalText(text []byte) (err error) {
	if d.Duration, err = time.ParseDuration(string(text)); err != nil {
		return fmt.Errorf(`got %q; want a number with its unit, such as "10s" or "2m"`, text)
	}
	return nil
}
