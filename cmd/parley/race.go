//go:build race

package main

// raceDetector: this program was built with it.
const raceDetector = true
