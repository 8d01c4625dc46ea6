package bench

import (
	"bufio"
	"bytes"
	"errors"
	"os"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"time"
)

// Facts describe the machine of a run, because figures mean nothing without it.
type Facts struct {
	Version string        `json:"version"` // of Firth
	Go      string        `json:"go"`
	System  string        `json:"system"` // operating system and architecture
	CPU     string        `json:"cpu,omitempty"`
	Cores   int           `json:"cores"`
	Memory  int64         `json:"memoryBytes,omitempty"`
	Sync    time.Duration `json:"syncNanoseconds"` // median of appending 4 KiB to a file in the benchmark's directory and syncing it
	Started time.Time     `json:"started"`
}

// gatherFacts measures and reads; what the system does not tell stays empty.
func gatherFacts(dir, version string) (Facts, error) {
	sync, err := syncTime(dir)
	return Facts{Version: version, Go: runtime.Version(), System: runtime.GOOS + "/" + runtime.GOARCH,
		CPU: procValue("/proc/cpuinfo", "model name"), Cores: runtime.NumCPU(),
		Memory: kilobytes(procValue("/proc/meminfo", "MemTotal")), Sync: sync, Started: time.Now().UTC().Truncate(time.Second)}, err
}

// procValue reads "name : value" from a file of /proc.
func procValue(file, name string) string {
	data, err := os.ReadFile(file)
	if err != nil {
		return ""
	}
	for lines := bufio.NewScanner(bytes.NewReader(data)); lines.Scan(); {
		if key, value, found := strings.Cut(lines.Text(), ":"); found && strings.TrimSpace(key) == name {
			return strings.TrimSpace(value)
		}
	}
	return ""
}

// processorTime is what this process has had of the processors, to a hundredth of a second (man 5 proc_pid_stat); 0 where the system does not tell.
func processorTime() time.Duration {
	data, err := os.ReadFile("/proc/self/stat")
	if err != nil {
		return 0
	}
	_, rest, _ := strings.Cut(string(data), ") ") // behind the name
	fields := strings.Fields(rest)
	if len(fields) < 13 {
		return 0
	}
	var ticks int64
	for _, field := range fields[11:13] {
		n, err := strconv.ParseInt(field, 10, 64)
		if err != nil {
			return 0
		}
		ticks += n
	}
	return time.Duration(ticks) * 10 * time.Millisecond
}

// kilobytes reads "123 kB".
func kilobytes(text string) int64 {
	n, err := strconv.ParseInt(strings.TrimSuffix(text, " kB"), 10, 64)
	if err != nil {
		return 0
	}
	return n << 10
}

// syncTime is the price of durability on this disk.
func syncTime(dir string) (median time.Duration, err error) {
	f, err := os.Create(filepath.Join(dir, "sync-test"))
	if err != nil {
		return 0, err
	}
	defer func() { err = errors.Join(err, f.Close(), os.Remove(f.Name())) }()
	var h Histogram
	block := make([]byte, 4<<10)
	for range 100 {
		start := time.Now()
		if _, err := f.Write(block); err != nil {
			return 0, err
		}
		if err := f.Sync(); err != nil {
			return 0, err
		}
		h.Add(time.Since(start))
	}
	return h.Quantile(0.5), nil
}
