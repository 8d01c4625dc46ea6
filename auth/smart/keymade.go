package smart

import (
	"context"
	"fmt"
	"time"

	"github.com/firth-health/firth/auth/smart/events"
)

// keyMade tells of a new key that signs id_tokens.
func (s *Server) keyMade(ctx context.Context, number int, signs time.Time) {
	s.tell(ctx, events.Event{Type: events.KeyMade, Detail: fmt.Sprintf("key %d of id_tokens, which signs from %s on", number, signs.UTC().Format(time.RFC3339))})
}
