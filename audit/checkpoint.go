package audit

import (
	"context"
	"crypto/ed25519"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"time"
)

// Checkpoint is a signed statement that a chain, up to an event, has a hash. Who has it, and knows the key, knows when anything before was changed, and when the chain was made shorter.
type Checkpoint struct {
	Head
	Time      time.Time `json:"time"`
	Key       string    `json:"key,omitempty"`       // the public key, in hexadecimal digits; empty when unsigned
	Signature []byte    `json:"signature,omitempty"` // Ed25519 over "firth audit checkpoint" and chain, number, hash and time, each on a line
}

func (c *Checkpoint) signed() []byte {
	return fmt.Appendf(nil, "firth audit checkpoint\n%s\n%d\n%s\n%s\n", c.Chain, c.Number, c.Hash, c.Time.UTC().Format(time.RFC3339Nano))
}

func keyName(public ed25519.PublicKey) string { return hex.EncodeToString(public) }

// sign signs with a key, or leaves it unsigned where there is none.
func (c *Checkpoint) sign(key ed25519.PrivateKey) {
	if key != nil {
		c.Key = keyName(publicOf(key))
		c.Signature = ed25519.Sign(key, c.signed())
	}
}

// Check verifies the signature by one of the keys. Without keys it verifies that of the key that the checkpoint names, which proves only that it is whole.
func (c *Checkpoint) Check(keys ...ed25519.PublicKey) error {
	return checkSignature(c.Key, c.Signature, c.signed(), keys)
}

func checkSignature(name string, signature, signed []byte, keys []ed25519.PublicKey) error {
	if name == "" {
		if len(keys) == 0 {
			return nil
		}
		return errors.New("is not signed")
	}
	public, err := hex.DecodeString(name)
	if err != nil || len(public) != ed25519.PublicKeySize {
		return errors.New("names no key")
	}
	if len(keys) > 0 && !slices.ContainsFunc(keys, func(key ed25519.PublicKey) bool { return key.Equal(ed25519.PublicKey(public)) }) {
		return fmt.Errorf("is signed with another key, %s", name)
	}
	if !ed25519.Verify(public, signed, signature) {
		return errors.New("has a signature that is not right")
	}
	return nil
}

// ParseCheckpoint reads the last checkpoint of a file of them, one a line.
func ParseCheckpoint(file []byte) (*Checkpoint, error) {
	list, err := ParseCheckpoints(file)
	if err != nil {
		return nil, err
	}
	return &list[len(list)-1], nil
}

// checkpointIfDue writes a checkpoint when enough happened since the last one, or now when it is to be the last.
func (t *Trail) checkpointIfDue(now bool) error {
	at := t.opts.Clock()
	t.mu.Lock()
	number, end, checked := t.durable, t.durableHash, t.checked
	t.mu.Unlock()
	if number == checked || !now && number-checked < uint64(t.opts.CheckpointEvents) && at.Before(t.due) {
		return nil
	}
	c := &Checkpoint{Head: Head{Chain: t.chain, Number: number, Hash: hex.EncodeToString(end[:])}, Time: at.UTC().Truncate(time.Millisecond)}
	c.sign(t.opts.Key)
	value, err := json.Marshal(c)
	if err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(context.Background(), putTime)
	defer cancel()
	if _, err := t.state.PutState(ctx, kindCheckpoints+t.chain, recordID(c.Number), value, 0); err != nil {
		return err
	}
	t.mu.Lock()
	t.checked, t.due = number, at.Add(t.opts.CheckpointEvery)
	t.mu.Unlock()
	if t.opts.Checkpoints == nil {
		return nil
	}
	_, err = t.opts.Checkpoints.Write(append(value, '\n'))
	return err
}

// Checkpoint signs where the chain of this server is now: everything that was recorded before is in what it returns.
func (t *Trail) Checkpoint(ctx context.Context) (*Checkpoint, error) {
	if err := t.Flush(ctx); err != nil {
		return nil, err
	}
	t.wanted.Store(true)
	for range 2 { // the first turn of the writer may have been past it
		if err := t.await(ctx); err != nil {
			return nil, err
		}
	}
	return t.lastCheckpoint(ctx, t.chain)
}

// await waits until the writer has come round.
func (t *Trail) await(ctx context.Context) error {
	t.mu.Lock()
	turn, isOver := t.turn, t.isOver
	t.mu.Unlock()
	if isOver {
		return ErrClosed
	}
	t.poke()
	select {
	case <-turn:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// lastCheckpoint is the newest one of a chain; nil when there is none.
func (b *book) lastCheckpoint(ctx context.Context, chain string) (*Checkpoint, error) {
	number, err := b.lastID(ctx, kindCheckpoints+chain)
	if err != nil || number == 0 {
		return nil, err
	}
	found, err := b.state.GetState(ctx, kindCheckpoints+chain, recordID(number))
	if err != nil {
		return nil, err
	}
	c := &Checkpoint{}
	if err := json.Unmarshal(found.Value, c); err != nil {
		return nil, fmt.Errorf("checkpoint %s of chain %s cannot be read", recordID(number), chain)
	}
	return c, nil
}
