package httpapi

import (
	"strconv"
	"testing"
	"time"
)

// TestRateLimiterIsBounded: however many credentials there are, few buckets are
// kept, and those in use stay.
func TestRateLimiterIsBounded(t *testing.T) {
	l, now := newRateLimiter(1), time.Date(2026, 11, 23, 9, 0, 0, 0, time.UTC)
	for range 2 {
		if err := l.admit("busy", now); err != nil {
			t.Fatal(err)
		}
	}
	for i := range 3 * maxBuckets {
		now = now.Add(time.Millisecond)
		if err := l.admit(strconv.Itoa(i), now); err != nil {
			t.Fatal(err)
		}
		if len(l.buckets) > maxBuckets {
			t.Fatalf("got %d buckets, want at most %d", len(l.buckets), maxBuckets)
		}
		if i%500 == 499 { // before it is full again
			for l.admit("busy", now) == nil {
				continue
			}
		}
	}
	if l.admit("busy", now) == nil {
		t.Error("a bucket in use was forgotten")
	}
}
