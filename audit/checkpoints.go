package audit

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
)

// ErrNoCheckpoint is of a file without one.
var ErrNoCheckpoint = errors.New("no checkpoint in the file")

// ParseCheckpoints reads a file of checkpoints, one a line. There is at least one.
func ParseCheckpoints(file []byte) ([]Checkpoint, error) {
	var list []Checkpoint
	for line := range bytes.Lines(file) {
		line = bytes.TrimSpace(line)
		if len(line) == 0 {
			continue
		}
		var c Checkpoint
		if err := json.Unmarshal(line, &c); err != nil || c.Chain == "" || c.Number == 0 {
			return nil, fmt.Errorf("%q is not a checkpoint", line[:min(len(line), 60)])
		}
		list = append(list, c)
	}
	if len(list) == 0 {
		return nil, ErrNoCheckpoint
	}
	return list, nil
}

// Checkpoints are the newest ones of all chains.
func (b *book) Checkpoints(ctx context.Context) ([]Checkpoint, error) {
	chains, err := b.chains(ctx)
	if err != nil {
		return nil, err
	}
	var list []Checkpoint
	for _, c := range chains {
		last, err := b.lastCheckpoint(ctx, c.Chain)
		if err != nil {
			return nil, err
		}
		if last != nil {
			list = append(list, *last)
		}
	}
	return list, nil
}
