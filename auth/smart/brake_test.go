package smart

import (
	"testing"
	"time"
)

// TestBrake has senders come from many addresses: who has a network of IPv6 is one of them.
func TestBrake(t *testing.T) {
	now := time.Date(2026, 11, 21, 12, 0, 0, 0, time.UTC)
	b := newBrake(func() time.Time { return now }, 2, time.Second)
	for _, step := range []struct {
		address string
		want    bool
	}{
		{"2001:db8::1", true}, {"2001:db8::2", true}, {"2001:db8::3", false}, {"2001:db8:0:1::1", true},
		{"192.0.2.1", true}, {"::ffff:192.0.2.1", true}, {"192.0.2.1", false}, {"192.0.2.2", true},
	} {
		if got := b.allow(step.address); got != step.want {
			t.Errorf("%s: %t", step.address, got)
		}
	}
}
