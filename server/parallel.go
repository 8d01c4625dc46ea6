package server

import (
	"fmt"
	"runtime/debug"
	"sync"
	"sync/atomic"
)

// parallel calls do for 0 to n-1 by at most so many workers and waits for all. A panic is passed on to the caller, whose pipeline answers it.
func parallel(n, workers int, do func(i int)) {
	workers = min(workers, n)
	if workers <= 1 {
		for i := range n {
			do(i)
		}
		return
	}
	var next atomic.Int64
	var broken atomic.Pointer[string]
	var wait sync.WaitGroup
	for range workers {
		wait.Go(func() {
			defer func() {
				if cause := recover(); cause != nil {
					text := fmt.Sprintf("%v\n%s", cause, debug.Stack())
					broken.Store(&text)
				}
			}()
			for broken.Load() == nil {
				i := int(next.Add(1)) - 1
				if i >= n {
					return
				}
				do(i)
			}
		})
	}
	wait.Wait()
	if text := broken.Load(); text != nil {
		panic(*text)
	}
}
