package main

import (
	"bufio"
	"bytes"
	"io/fs"
	"log/slog"
	"math"
	"path"
	"runtime/debug"
	"strconv"
	"strings"

	"github.com/firth-health/firth/internal/config"
)

// limitMemory tells the Go runtime what to stay below, unless the environment did (GOMEMLIMIT). Without a limit the heap of a server that reads much
// doubles between collections whatever the machine has; with it, garbage is collected earlier when memory gets short. root is the root of the file system.
func limitMemory(c config.Config, log *slog.Logger, lookup func(string) (string, bool), root fs.FS) {
	if limit, found := lookup("GOMEMLIMIT"); found && limit != "" {
		log.Debug("memory limit", "from", "GOMEMLIMIT", "limit", limit)
		return
	}
	limit := c.Memory
	if limit == config.AutoMemory {
		limit = availableMemory(root)
	}
	if limit <= 0 {
		return
	}
	debug.SetMemoryLimit(limit)
	log.Debug("memory limit", "bytes", limit)
}

// leastCache is the store's cache where memory is small or its size unknown.
const leastCache = 96 << 20

// cacheBytes is the size of the store's cache: as given, or a quarter of what the process stays below. The Go heap, where the cache is, may be twice what is alive in it, so this
// leaves half of the limit to requests. A cache that is not used takes no memory.
func cacheBytes(c config.Config, root fs.FS) int64 {
	if c.Cache != config.AutoCache {
		return c.Cache
	}
	limit := debug.SetMemoryLimit(-1)
	if limit == math.MaxInt64 {
		limit = availableMemory(root)
	}
	return max(limit/4, leastCache)
}

// availableMemory is three quarters of what the process's control group may use, or half of the machine's memory when that is less; 0 when neither is
// known, as outside of Linux. The rest is for the page cache, which the store relies on, and for other programs.
func availableMemory(root fs.FS) int64 {
	limit := int64(math.MaxInt64)
	if total := machineMemory(root); total > 0 {
		limit = total / 2
	}
	if group := groupMemory(root); group > 0 {
		limit = min(limit, group/4*3)
	}
	if limit == math.MaxInt64 {
		return 0
	}
	return limit
}

// machineMemory reads MemTotal (man 5 proc_meminfo), which is in KiB.
func machineMemory(root fs.FS) int64 {
	data, err := fs.ReadFile(root, "proc/meminfo")
	if err != nil {
		return 0
	}
	for lines := bufio.NewScanner(bytes.NewReader(data)); lines.Scan(); {
		if fields := strings.Fields(lines.Text()); len(fields) == 3 && fields[0] == "MemTotal:" && fields[2] == "kB" {
			kib, err := strconv.ParseInt(fields[1], 10, 44)
			if err != nil {
				return 0
			}
			return kib << 10
		}
	}
	return 0
}

// groupMemory is the least limit of the control groups the process is in (man 7 cgroups); 0 for none. In a container its own group is the root of the tree
// that is mounted.
func groupMemory(root fs.FS) int64 {
	data, err := fs.ReadFile(root, "proc/self/cgroup")
	if err != nil {
		return 0
	}
	var least int64
	for lines := bufio.NewScanner(bytes.NewReader(data)); lines.Scan(); {
		parts := strings.SplitN(lines.Text(), ":", 3)
		if len(parts) != 3 {
			continue
		}
		tree, file := "sys/fs/cgroup", "memory.max"
		if parts[1] == "memory" {
			tree, file = "sys/fs/cgroup/memory", "memory.limit_in_bytes"
		} else if parts[1] != "" {
			continue
		}
		for at := path.Join("/", parts[2]); ; at = path.Dir(at) {
			if limit := readLimit(root, path.Join(tree, at, file)); limit > 0 && (least == 0 || limit < least) {
				least = limit
			}
			if at == "/" {
				break
			}
		}
	}
	return least
}

// readLimit reads a file with a number of bytes; 0 when there is none, or it says max.
func readLimit(root fs.FS, name string) int64 {
	data, err := fs.ReadFile(root, name)
	if err != nil {
		return 0
	}
	limit, err := strconv.ParseInt(strings.TrimSpace(string(data)), 10, 64)
	if err != nil {
		return 0
	}
	return limit
}
