//go:build !race

package validate_test

const raceDetector = false
