package soak

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"
)

// level is what the program used at one moment.
type level struct {
	resident float64 // bytes of the process
	heap     float64 // bytes alive after the last garbage collection, from its goal: half of it with GOGC=100
	routines float64
}

// watch reads the metrics of the program until the context ends.
func watch(ctx context.Context, root string, every time.Duration) []level {
	var levels []level
	for tick := time.NewTicker(every); ; {
		select {
		case <-ctx.Done():
			tick.Stop()
			return levels
		case <-tick.C:
			if l, err := measure(ctx, root); err == nil {
				levels = append(levels, l)
			}
		}
	}
}

func measure(ctx context.Context, root string) (l level, err error) {
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, root+"/metrics", nil)
	if err != nil {
		return l, err
	}
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		return l, err
	}
	defer func() { _ = response.Body.Close() }()
	for lines := bufio.NewScanner(io.LimitReader(response.Body, 1<<20)); lines.Scan(); {
		name, text, _ := strings.Cut(lines.Text(), " ")
		value, err := strconv.ParseFloat(text, 64)
		if err != nil {
			continue
		}
		switch name {
		case "process_resident_memory_bytes":
			l.resident = value
		case "go_memstats_next_gc_bytes":
			l.heap = value / 2
		case "go_goroutines":
			l.routines = value
		}
	}
	return l, nil
}

// What the median of the last third may be above that of the second: the history of a bounded set of resources grows, and with it what the store keeps
// of it in memory, and a race detector remembers places in the program that come late.
const (
	growth = 1.15
	slack  = 24 << 20 // bytes
	strays = 50       // goroutines
)

// flat compares the last third with the second.
func flat(levels []level) (report string, ok bool) {
	third := len(levels) / 3
	if third < 3 {
		return fmt.Sprintf("%d measurements are too few", len(levels)), false
	}
	ok = true
	for _, of := range []struct {
		name       string
		value      func(level) float64
		slack, per float64
	}{
		{"resident MiB", func(l level) float64 { return l.resident }, slack, 1 << 20},
		{"heap MiB", func(l level) float64 { return l.heap }, slack, 1 << 20},
		{"goroutines", func(l level) float64 { return l.routines }, strays, 1},
	} {
		medians := make([]float64, 3)
		for i := range medians {
			medians[i] = median(levels[i*third:(i+1)*third], of.value)
		}
		if medians[2] > medians[1]*growth+of.slack {
			ok = false
		}
		report += fmt.Sprintf("%s by thirds: %.0f %.0f %.0f\n", of.name, medians[0]/of.per, medians[1]/of.per, medians[2]/of.per)
	}
	return report, ok
}

func median(levels []level, value func(level) float64) float64 {
	var values []float64
	for _, l := range levels {
		values = append(values, value(l))
	}
	slices.Sort(values)
	return values[len(values)/2]
}
