package pebble_test

import (
	"fmt"
	"slices"
	"syscall"
	"testing"
	"time"

	engine "github.com/cockroachdb/pebble/v2"
	"github.com/firth-health/firth/store/pebble"
)

func cpu() time.Duration {
	var u syscall.Rusage
	syscall.Getrusage(0, &u)
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}

func BenchmarkTune(b *testing.B) {
	const n = 300_000
	ops := readings(b, 0, n, 100)
	type c struct {
		name string
		f    func(*engine.Options)
	}
	set := func(cache, mem int64) func(*engine.Options) {
		return func(o *engine.Options) { o.CacheSize = cache << 20; o.MemTableSize = uint64(mem) << 20 }
	}
	for _, x := range []c{
		{"32/16", set(32, 16)}, {"96/16", set(96, 16)}, {"64/8", set(64, 8)}, {"64/16", set(64, 16)}, {"160/32", set(160, 32)},
		{"96/16 L0=8", func(o *engine.Options) { set(96, 16)(o); o.L0CompactionThreshold = 8 }},
		{"96/16 base256", func(o *engine.Options) { set(96, 16)(o); o.LBaseMaxBytes = 256 << 20 }},
		{"96/16 nocomp-top", func(o *engine.Options) {
			set(96, 16)(o)
			o.ApplyCompressionSettings(func() engine.DBCompressionSettings { return engine.DBCompressionBalanced })
		}},
		{"96/16 none", func(o *engine.Options) {
			set(96, 16)(o)
			o.ApplyCompressionSettings(func() engine.DBCompressionSettings { return engine.DBCompressionNone })
		}},
		{"96/16 blobs", func(o *engine.Options) {
			set(96, 16)(o)
			o.FormatMajorVersion = engine.FormatValueSeparation
			o.Experimental.ValueSeparationPolicy = func() engine.ValueSeparationPolicy {
				return engine.ValueSeparationPolicy{Enabled: true, MinimumSize: 512, MaxBlobReferenceDepth: 10, RewriteMinimumAge: 5 * time.Minute, TargetGarbageRatio: 0.3}
			}
		}},
		{"96/16 block32k", func(o *engine.Options) { set(96, 16)(o); o.Levels[0].BlockSize = 32 << 10 }},
		{"96/16 file8", func(o *engine.Options) { set(96, 16)(o); o.TargetFileSizes[0] = 2 << 20 }},
	} {
		b.Run(x.name, func(b *testing.B) {
			s, err := pebble.OpenEngine(b.TempDir(), pebble.Options{}, x.f)
			if err != nil {
				b.Fatal(err)
			}
			start, c0 := time.Now(), cpu()
			for part := range slices.Chunk(ops, 500) {
				if _, err := s.Apply(b.Context(), part); err != nil {
					b.Fatal(err)
				}
			}
			fmt.Printf("%-20s wall %6.1f µs cpu %6.1f µs\n", x.name, float64(time.Since(start).Microseconds())/n, float64((cpu()-c0).Microseconds())/n)
			fmt.Println(s.EngineMetrics())
			s.Close()
		})
	}
}
