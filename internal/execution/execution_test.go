package execution_test

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/dunwellhq/dunwell/internal/billing"
	"github.com/dunwellhq/dunwell/internal/execution"
	"github.com/dunwellhq/dunwell/internal/workflow"
)

var now = time.Date(2026, 11, 23, 9, 0, 0, 0, time.UTC)

func TestSettle(t *testing.T) {
	claimed := execution.Execution{
		Status: execution.Sending, Token: "t", LeaseUntil: now.Add(time.Minute), Attempts: 1,
		FirstTriedAt: now.Add(-time.Hour), CreatedAt: now.Add(-10 * execution.RetryFor),
	}
	old := claimed
	old.FirstTriedAt = now.Add(-execution.RetryFor)
	doubted := claimed
	doubted.FrozenHash = "hash"
	for name, c := range map[string]struct {
		from    execution.Execution
		outcome execution.OutcomeKind
		doubt   workflow.OnAmbiguous
		want    execution.Status
	}{
		"accepted":                    {claimed, execution.Accepted, workflow.Hold, execution.Sent},
		"refused":                     {claimed, execution.Refused, workflow.Hold, execution.Failed},
		"deferred":                    {claimed, execution.Deferred, workflow.Hold, execution.Waiting},
		"deferred for three days":     {old, execution.Deferred, workflow.Hold, execution.Failed},
		"refused after a doubt":       {doubted, execution.Refused, workflow.Resend, execution.Unconfirmed},
		"unknown, held":               {claimed, execution.Unknown, workflow.Hold, execution.Unconfirmed},
		"unknown, by default":         {claimed, execution.Unknown, "", execution.Unconfirmed},
		"unknown, sent again":         {claimed, execution.Unknown, workflow.Resend, execution.Waiting},
		"unknown, again for too long": {old, execution.Unknown, workflow.Resend, execution.Unconfirmed},
	} {
		got := c.from.Settle(execution.Outcome{Kind: c.outcome}, "hash", c.doubt, now)
		if got.Status != c.want || got.Token != "" || !got.LeaseUntil.IsZero() {
			t.Errorf("%s: got %+v, want %s without token or lease", name, got, c.want)
		}
		if waits := got.Status == execution.Waiting; waits != got.NextAttemptAt.After(now) {
			t.Errorf("%s: got a next attempt at %v for %s", name, got.NextAttemptAt, got.Status)
		}
		if frozen := c.outcome == execution.Unknown || c.from.FrozenHash != ""; frozen != (got.FrozenHash == "hash") {
			t.Errorf("%s: got frozen %q, want it frozen by an unknown outcome alone", name, got.FrozenHash)
		}
	}
}

func TestEnd(t *testing.T) {
	waiting := execution.Execution{Status: execution.Waiting, NextAttemptAt: now.Add(time.Hour), Attempts: 3, FrozenHash: "hash"}
	want := execution.Execution{Status: execution.Skipped, Reason: workflow.TooLate, UpdatedAt: now, Attempts: 3, FrozenHash: "hash"}
	if diff := cmp.Diff(want, waiting.End(execution.Skipped, workflow.TooLate, now)); diff != "" {
		t.Errorf("(-want +got)\n%s", diff)
	}
}

// A retry is never earlier than the provider asks, up to a day, and never later
// than the longest pause after that.
func TestBackoffBounds(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		attempt := rapid.IntRange(0, 1000).Draw(t, "attempt")
		wish := time.Duration(rapid.Int64Range(0, int64(100*time.Hour)).Draw(t, "wish"))
		got := execution.Backoff(attempt, wish)
		least := min(wish, 24*time.Hour) + time.Second
		if got < least || got > least+time.Hour {
			t.Fatalf("attempt %d, wish %v: got %v, want %v to an hour more", attempt, wish, got, least)
		}
	})
	if got := execution.Backoff(1, 0); got > 11*time.Second {
		t.Errorf("the first pause: got %v, want at most 11s", got)
	}
}

func TestLanesSpreadAndStay(t *testing.T) {
	counts := map[int]int{}
	for i := range 16_000 {
		id := billing.CustomerID(rune('a'+i%26)) + billing.CustomerID(rune(0x100+i))
		lane := execution.Lane(id)
		if lane != execution.Lane(id) || lane < 0 || lane >= execution.Lanes {
			t.Fatalf("lane of %s: got %d", id, lane)
		}
		counts[lane]++
	}
	for lane, n := range counts {
		if n < 500 || n > 2000 {
			t.Errorf("lane %d has %d of 16,000 customers", lane, n)
		}
	}
	if got := execution.Lane("cus_1"); got != 2 {
		t.Errorf("lane of cus_1: got %d, want 2: moving customers between lanes loses their order for a while", got)
	}
}
