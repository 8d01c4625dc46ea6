package mongo_test

import (
	"context"
	"encoding/hex"
	"errors"
	"fmt"
	"strings"

	"go.mongodb.org/mongo-driver/v2/bson"
	driver "go.mongodb.org/mongo-driver/v2/mongo"
	"go.mongodb.org/mongo-driver/v2/mongo/options"

	"github.com/firth-health/firth/store"
)

// judge looks what is there after a cut, does the same again as a client would who was not told, and goes on writing.
func (c *crashCase) judge() error {
	wrong := []error{c.look()}
	if refusedBusy(c.acted) && c.done && !c.path.idempotent {
		wrong = append(wrong, fmt.Errorf("DENIED: it was done, and the caller was told %w", c.acted))
	}
	if c.acted != nil && !errors.Is(c.acted, store.ErrUnknown) && !refusedBusy(c.acted) && !errors.Is(c.acted, store.ErrNotFound) {
		wrong = append(wrong, fmt.Errorf("VOCABULARY: the caller was told %w", c.acted))
	}
	if c.path.meanwhile != nil && c.mode.goesOn && c.acted != nil && !refusedBusy(c.acted) {
		wrong = append(wrong, fmt.Errorf("UNTOLD: what another wrote tells whether it was done: %w", c.acted))
	}
	if c.path.meanwhile == nil {
		wrong = append(wrong, c.again())
	}
	wrong = append(wrong, c.goOn())
	_, err := c.ledger.versions(c.ctx, c.second)
	return errors.Join(append(wrong, err)...)
}

func refusedBusy(err error) bool { return (&effort{err: err}).refused() }

// look finds out whether what was cut was done.
func (c *crashCase) look() error {
	if c.path.after != nil {
		return errors.Join(c.path.after(c, c.acted), c.ledger.verify(c.ctx, c.second))
	}
	if err := c.ledger.verify(c.ctx, c.second); err != nil {
		return err
	}
	for _, e := range c.ledger.efforts {
		if len(e.ops) > 0 && len(c.ops) > 0 && &e.ops[0] == &c.ops[0] {
			c.done = e.done()
		}
	}
	return nil
}

// again does the same again.
func (c *crashCase) again() error {
	want := error(nil)
	if c.done {
		want = c.path.again
	}
	done := c.done
	if err := c.path.act(c, c.second); !errors.Is(err, want) {
		return fmt.Errorf("AGAIN: done before: %t, done again: got %v, want %v", done, err, want)
	}
	if c.path.after == nil || want != nil {
		return nil
	}
	defer func() { c.done = done }()
	return c.path.after(c, nil)
}

// goOn writes what the path was about once more.
func (c *crashCase) goOn() error {
	for i := range c.ops {
		op := writeOp(c.T, store.Update, c.ops[i].Key.Type, c.ops[i].Key.ID, fmt.Sprintf("%s-on-%d", c.id(""), i))
		if err := c.apply(c.second, op); err != nil {
			return fmt.Errorf("STUCK: the next write of %s: %w", op.Key, err)
		}
	}
	return nil
}

// known takes from what is wrong what is known to be, and counts it.
func (c *crashCase) known(wrong error, table *crashTable) error {
	if wrong == nil {
		return nil
	}
	var rest []string
	for line := range strings.SplitSeq(wrong.Error(), "\n") {
		word, _, _ := strings.Cut(line, ":")
		if c.path.gaps[word] == "" {
			rest = append(rest, line)
			continue
		}
		table.gap(c.path.name, word)
	}
	if len(rest) == 0 {
		return nil
	}
	return errors.New(strings.Join(rest, "\n"))
}

// outcome is what the caller was told, and what is true.
func (c *crashCase) outcome() string {
	e := &effort{err: c.acted}
	if c.done {
		e.found = 1
	}
	if e.refused() && c.done {
		return "busy, done" // of what may be done again
	}
	return e.outcome()
}

// endSessions ends sessions and their transactions at the server.
func (l *crashLane) endSessions(ctx context.Context, ids []string) error {
	client, err := driver.Connect(options.Client().ApplyURI(l.uri))
	if err != nil {
		return err
	}
	var list bson.A
	for _, id := range ids {
		raw, err := hex.DecodeString(id)
		if err != nil {
			return err
		}
		list = append(list, bson.D{{Key: "id", Value: bson.Binary{Subtype: bson.TypeBinaryUUID, Data: raw}}})
	}
	err = client.Database("admin").RunCommand(ctx, bson.D{{Key: "killSessions", Value: list}}).Err()
	return errors.Join(err, client.Disconnect(ctx))
}
