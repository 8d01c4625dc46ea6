package audit

import (
	"sync"
	"testing"

	"github.com/firth-health/firth/fhir"
)

// TestCheckpointOnDemand signs what was recorded just before, again and again, while others record.
func TestCheckpointOnDemand(t *testing.T) {
	trail := openTrail(t, Options{})
	done := make(chan struct{})
	var others sync.WaitGroup
	others.Go(func() {
		for {
			select {
			case <-done:
				return
			default:
				must(t, trail, &Event{Interaction: "read", Key: fhir.Key{Type: "Patient", ID: "p"}})
			}
		}
	})
	for range 20 {
		number, err := trail.record(t.Context(), &Event{Interaction: "update", Durable: true}, nil)
		if err != nil {
			t.Fatal(err)
		}
		c, err := trail.Checkpoint(t.Context())
		if err != nil || c == nil || c.Number < number || c.Check(testKeys()...) != nil {
			t.Fatalf("event %d: %+v %v", number, c, err)
		}
	}
	close(done)
	others.Wait()
	reports, err := trail.Verify(t.Context(), VerifyOptions{Keys: testKeys()})
	if err != nil || len(reports) != 1 || reports[0].Finding != nil || reports[0].Checkpoints < 20 {
		t.Errorf("%+v %v", reports, err)
	}
}
