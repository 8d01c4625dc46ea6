// Package progress draws one line on a terminal that says how far a long command is, and nothing where the output is not a terminal. The import and bench
// commands use it. It owns the drawing only; what is counted belongs to the caller.
package progress
