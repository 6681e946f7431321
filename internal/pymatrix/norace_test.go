//go:build !race

package pymatrix

// messageSize is about the largest message that is read, in bytes.
const messageSize = 15 << 20
