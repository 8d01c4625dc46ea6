package pebble

import "github.com/firth-health/firth/search"

type hotScan struct{}

func (v *view) hotScan(plan search.And, order order) (*hotScan, bool) { return nil, false }
func (r *run) findHot(h *hotScan)                                     {}
