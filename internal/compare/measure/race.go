//go:build race

package measure

const race = true
