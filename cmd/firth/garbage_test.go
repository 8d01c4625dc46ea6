package main

import (
	"math"
	"testing"
)

func TestPercentOf(t *testing.T) {
	tests := []struct {
		name  string
		live  uint64
		limit int64
		want  int
	}{
		{"before the first collection", 0, math.MaxInt64, 100},
		{"little alive", 24 << 20, math.MaxInt64, 400},
		{"as much as the headroom", 96 << 20, math.MaxInt64, 100},
		{"much alive", 4 << 30, math.MaxInt64, 100},
		{"next to nothing alive", 1 << 20, math.MaxInt64, 9600},
		{"in a small container", 24 << 20, 384 << 20, 200},
		{"in a very small container", 24 << 20, 96 << 20, 100},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			if got := percentOf(tt.live, tt.limit); got != tt.want {
				t.Errorf("percentOf(%d, %d) = %d, want %d", tt.live, tt.limit, got, tt.want)
			}
		})
	}
}
