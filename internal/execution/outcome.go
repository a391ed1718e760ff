package execution

import (
	"math/rand/v2"
	"time"
)

// OutcomeKind says how an attempt ended.
type OutcomeKind string

// How an attempt ends.
const (
	Accepted OutcomeKind = "ACCEPTED" // the provider took responsibility
	Refused  OutcomeKind = "REFUSED"  // definitely not taken, and time will not cure it
	Deferred OutcomeKind = "DEFERRED" // definitely not taken, and time may cure it
	Unknown  OutcomeKind = "UNKNOWN"  // the provider may or may not have taken it
)

// Outcome is how an attempt ended, as a value: a provider that refuses is not
// an error of ours.
type Outcome struct {
	Kind       OutcomeKind
	Reply      string        // what the provider said, for people; at most 1,000 bytes
	RetryAfter time.Duration // the provider's own wish for a DEFERRED one; 0 is none
	ProviderID string        // the provider's name for an ACCEPTED message
}

// RetryFor is how long what time can cure is tried again.
const RetryFor = 72 * time.Hour

// maxRetryAfter caps the provider's wish.
const maxRetryAfter = 24 * time.Hour

const (
	firstBackoff = 10 * time.Second
	maxBackoff   = time.Hour
)

// Backoff returns how long to wait after the attempt of that number (from 1):
// between the provider's wish and full jitter over a doubling span. It is
// never less than the wish and never below one second.
func Backoff(attempt int, wish time.Duration) time.Duration {
	span := maxBackoff
	if attempt < 10 {
		span = min(maxBackoff, firstBackoff<<max(attempt-1, 0))
	}
	jitter := time.Second + rand.N(span) //nolint:gosec // spreads load, guards nothing
	return min(wish, maxRetryAfter) + jitter
}
