// Package decisions holds the measurements and facts that docs/decisions rests
// upon, as tests and benchmarks: one that stops being true is heard of.
//
//	go test -v -bench . ./internal/decisions
package decisions
