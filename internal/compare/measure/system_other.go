//go:build !linux

package measure

import "time"

func systemSleep(d time.Duration) { time.Sleep(d) }
