//go:build race

package validate_test

// raceDetector makes sync.Pool forget at random.
const raceDetector = true
