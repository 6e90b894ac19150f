//go:build race

package socket

// raceDetector says that sync.Pool forgets at random, so that allocations are not
// to be counted.
const raceDetector = true
