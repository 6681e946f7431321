package main

import (
	"fmt"

	"github.com/parley-rpc/parley/internal/compare/work"
)

// allWorks are the works that can be named, in the order of the table.
func allWorks() []work.Work {
	return []work.Work{
		{Name: "add-serial", Form: work.Add, Callers: 1, Conns: 1},
		{Name: "add-64", Form: work.Add, Callers: 64, Conns: 1},
		{Name: "add-256c", Form: work.Add, Callers: 256, Conns: 256},
		{Name: "list-1k", Form: work.List, Size: 1000, Callers: 1, Conns: 1},
		{Name: "struct-100", Form: work.Records, Size: 100, Callers: 1, Conns: 1},
		{Name: "blob-1M", Form: work.Blob, Size: 1 << 20, Callers: 1, Conns: 1},
	}
}

// findWork returns the work with this name.
func findWork(name string) (work.Work, error) {
	for _, w := range allWorks() {
		if w.Name == name {
			return w, nil
		}
	}
	return work.Work{}, fmt.Errorf("%q is no work; there are add-serial, add-64, add-256c, list-1k, struct-100, blob-1M", name)
}
