package store

// Best keeps the first few of what it is shown, in an order: a heap whose top is the last of them.
type Best[T any] struct {
	limit   int
	compare func(a, b *T) int
	heap    []T
}

// NewBest returns one that keeps limit things.
func NewBest[T any](limit int, compare func(a, b *T) int) Best[T] {
	return Best[T]{limit: limit, compare: compare}
}

// Limit changes how many one keeps that is empty.
func (b *Best[T]) Limit(limit int) { b.limit = limit }

// Wants reports whether a thing would be kept now, so that others need not be made.
func (b *Best[T]) Wants(thing *T) bool {
	return len(b.heap) < b.limit || b.limit > 0 && b.compare(thing, &b.heap[0]) < 0
}

// Add keeps a thing that it wants, in the place of the last one when it is full.
func (b *Best[T]) Add(thing T) {
	if len(b.heap) == b.limit {
		b.heap[0] = thing
		b.down()
		return
	}
	b.heap = append(b.heap, thing)
	for i := len(b.heap) - 1; i > 0; {
		parent := (i - 1) / 2
		if b.compare(&b.heap[parent], &b.heap[i]) >= 0 {
			break
		}
		b.heap[parent], b.heap[i] = b.heap[i], b.heap[parent]
		i = parent
	}
}

// Full reports whether it keeps as many as it may: from then on a thing that is behind all of them changes nothing.
func (b *Best[T]) Full() bool { return len(b.heap) == b.limit }

func (b *Best[T]) down() {
	for i := 0; ; {
		child := 2*i + 1
		if child >= len(b.heap) {
			return
		}
		if child+1 < len(b.heap) && b.compare(&b.heap[child], &b.heap[child+1]) < 0 {
			child++
		}
		if b.compare(&b.heap[i], &b.heap[child]) >= 0 {
			return
		}
		b.heap[i], b.heap[child] = b.heap[child], b.heap[i]
		i = child
	}
}

// Sorted empties it, in order.
func (b *Best[T]) Sorted() []T {
	out := make([]T, len(b.heap))
	for i := len(out) - 1; i >= 0; i-- {
		out[i] = b.heap[0]
		last := len(b.heap) - 1
		b.heap[0] = b.heap[last]
		b.heap = b.heap[:last]
		b.down()
	}
	return out
}
