// Package lanes measures the transports that parley compare compares.
//
//	list.go      the lanes: a pair of client and server of package peers each
//	works.go     what they are asked to do, quick, normal or full
//	   |
//	run.go       starts all of them, gives each its turns (package harness)
//	connect.go   what a connection costs: to make, and to keep
//	   |
//	result.go    figures -> *compare.Result
//
// What a result means, who is ahead and how it is shown, is up to package
// compare.
package lanes

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"
)

// The depths of a comparison.
const (
	Quick  = "quick"  // about 12 s
	Normal = "normal" // about a minute
	Full   = "full"   // about ten minutes, with processes that are started anew
)

// Options say what is compared, and how. The zero value is a comparison of
// normal depth.
type Options struct {
	Depth string // empty: Normal
	// Lanes and Works are names; nil are all that there are, and all of the depth. A
	// form of work, such as add, and a pattern, such as blob-*, stand for all of these.
	Lanes, Works []string
	// Rate is calls per second of all callers of a lane together; their latency
	// then counts from when they were due. Zero: each caller calls again when it
	// has been answered.
	Rate float64
	// Turn is how long a lane is measured without a break, Rounds how many turns it
	// has at each work with the same processes, and Starts how often processes are
	// started. Zero: what the depth allows, in the time that it has; there may be
	// fewer rounds then on a slow machine.
	Turn   time.Duration
	Rounds int
	Starts int
	// Progress is told what begins, and how many steps are done out of a total that
	// is an estimate. Nil: nobody is told. Calls do not overlap.
	Progress func(done, total int, what string)
}

func (o *Options) check(lanes []lane) error {
	switch {
	case o.Turn < 0, o.Rounds < 0, o.Starts < 0, !(o.Rate >= 0):
		return errors.New("lanes: Options.Turn, Rounds, Starts and Rate cannot be negative; zero means a default")
	case !slices.Contains([]string{"", Quick, Normal, Full}, o.Depth):
		return fmt.Errorf("lanes: %q is no depth; there are %s", o.Depth, strings.Join([]string{Quick, Normal, Full}, ", "))
	}
	known := names(lanes)
	for _, name := range o.Lanes {
		if !slices.Contains(known, name) {
			return fmt.Errorf("lanes: %q is no lane; there are %s", name, strings.Join(known, ", "))
		}
	}
	return nil
}
