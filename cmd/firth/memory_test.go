package main

import (
	"io/fs"
	"log/slog"
	"math"
	"os"
	"runtime/debug"
	"testing"
	"testing/fstest"

	"github.com/firth-health/firth/internal/config"
)

func TestAvailableMemory(t *testing.T) {
	const machine = "MemFree:        100 kB\nMemTotal:       4194304 kB\n"
	tests := []struct {
		name  string
		files map[string]string
		want  int64
	}{
		{name: "nothing known", want: 0},
		{name: "machine", files: map[string]string{"proc/meminfo": machine}, want: 2 << 30},
		{name: "container, version 2", files: map[string]string{"proc/meminfo": machine, "proc/self/cgroup": "0::/\n", "sys/fs/cgroup/memory.max": "1073741824\n"}, want: 768 << 20},
		{name: "service, version 2", files: map[string]string{"proc/meminfo": machine, "proc/self/cgroup": "0::/system.slice/firth.service\n",
			"sys/fs/cgroup/system.slice/firth.service/memory.max": "max\n", "sys/fs/cgroup/system.slice/memory.max": "536870912\n"}, want: 384 << 20},
		{name: "version 1", files: map[string]string{"proc/meminfo": machine, "proc/self/cgroup": "4:memory:/a\n3:cpuset:/\n0::/\n", "sys/fs/cgroup/memory/a/memory.limit_in_bytes": "1073741824\n"}, want: 768 << 20},
		{name: "version 1 without limit", files: map[string]string{"proc/meminfo": machine, "proc/self/cgroup": "4:memory:/\n", "sys/fs/cgroup/memory/memory.limit_in_bytes": "9223372036854771712\n"}, want: 2 << 30},
		{name: "limit above the machine", files: map[string]string{"proc/meminfo": machine, "proc/self/cgroup": "0::/\n", "sys/fs/cgroup/memory.max": "1099511627776\n"}, want: 2 << 30},
		{name: "nonsense", files: map[string]string{"proc/meminfo": "MemTotal: many kB\n", "proc/self/cgroup": "0\n::\n", "sys/fs/cgroup/memory.max": "x"}, want: 0},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			root := fstest.MapFS{}
			for name, content := range tt.files {
				root[name] = &fstest.MapFile{Data: []byte(content)}
			}
			if got := availableMemory(root); got != tt.want {
				t.Errorf("availableMemory = %d, want %d", got, tt.want)
			}
		})
	}
	if limit := availableMemory(os.DirFS("/")); limit < 0 || limit == math.MaxInt64 {
		t.Errorf("of this machine: %d", limit)
	}
}

func TestLimitMemory(t *testing.T) {
	machine := fstest.MapFS{"proc/meminfo": &fstest.MapFile{Data: []byte("MemTotal: 8388608 kB\n")}}
	tests := []struct {
		name        string
		setting     int64
		environment string
		want        int64
	}{
		{name: "auto", setting: config.AutoMemory, want: 4 << 30},
		{name: "given", setting: 3 << 30, want: 3 << 30},
		{name: "off", setting: config.NoMemoryLimit, want: math.MaxInt64},
		{name: "the environment wins", setting: 3 << 30, environment: "5GiB", want: math.MaxInt64},
	}
	before := debug.SetMemoryLimit(math.MaxInt64)
	t.Cleanup(func() { debug.SetMemoryLimit(before) })
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			debug.SetMemoryLimit(math.MaxInt64)
			lookup := func(string) (string, bool) { return tt.environment, tt.environment != "" }
			limitMemory(config.Config{Memory: tt.setting}, slog.New(slog.DiscardHandler), lookup, machine)
			if got := debug.SetMemoryLimit(-1); got != tt.want {
				t.Errorf("limit = %d, want %d", got, tt.want)
			}
		})
	}
}

func TestCacheBytes(t *testing.T) {
	machine := fstest.MapFS{"proc/meminfo": &fstest.MapFile{Data: []byte("MemTotal: 8388608 kB\n")}}
	tests := []struct {
		name    string
		setting int64
		limit   int64
		root    fs.FS
		want    int64
	}{
		{name: "given", setting: 5 << 20, limit: 4 << 30, root: machine, want: 5 << 20},
		{name: "a quarter of the limit", limit: 2 << 30, root: machine, want: 512 << 20},
		{name: "of the machine's memory without a limit", limit: math.MaxInt64, root: machine, want: 1 << 30},
		{name: "little memory", limit: 128 << 20, root: machine, want: 96 << 20},
		{name: "nothing known", limit: math.MaxInt64, root: fstest.MapFS{}, want: 96 << 20},
	}
	before := debug.SetMemoryLimit(-1)
	t.Cleanup(func() { debug.SetMemoryLimit(before) })
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			debug.SetMemoryLimit(tt.limit)
			if got := cacheBytes(config.Config{Cache: tt.setting}, tt.root); got != tt.want {
				t.Errorf("cacheBytes = %d, want %d", got, tt.want)
			}
		})
	}
}
