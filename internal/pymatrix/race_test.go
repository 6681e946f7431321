//go:build race

package pymatrix

// messageSize is smaller here: the race detector looks at each byte.
const messageSize = 2 << 20
