package httpapi

import (
	"math"
	"net/http"
	"strconv"
	"sync"
	"time"

	"golang.org/x/time/rate"
)

// maxBuckets bounds the memory of a rate limiter.
const maxBuckets = 10_000

// rateLimiter bounds how many requests a second each credential may send to
// this process. As many as it may send in two seconds may come at once.
type rateLimiter struct {
	perSecond int // 0: no limit

	mu      sync.Mutex
	buckets map[string]*rate.Limiter // by the id of the principal
}

func newRateLimiter(perSecond int) *rateLimiter {
	return &rateLimiter{perSecond: perSecond, buckets: map[string]*rate.Limiter{}}
}

// admit takes a request in, or says after how many seconds to come again.
func (l *rateLimiter) admit(id string, now time.Time) error {
	if l.perSecond == 0 {
		return nil
	}
	r := l.bucket(id, now).ReserveN(now, 1)
	wait := r.DelayFrom(now)
	if wait == 0 {
		return nil
	}
	r.CancelAt(now) // who is turned away takes nobody's place
	seconds := wholeSeconds(wait)
	return &problem{
		status: http.StatusTooManyRequests, code: invalidRequest, header: [2]string{"Retry-After", seconds},
		message: "this credential may send " + strconv.Itoa(l.perSecond) + " requests a second: try again in " + seconds + " s",
	}
}

// wholeSeconds writes a wait as Retry-After has it, never shorter than it is.
func wholeSeconds(wait time.Duration) string { return strconv.Itoa(int(math.Ceil(wait.Seconds()))) }

func (l *rateLimiter) bucket(id string, now time.Time) *rate.Limiter {
	l.mu.Lock()
	defer l.mu.Unlock()
	b, known := l.buckets[id]
	if !known {
		if len(l.buckets) >= maxBuckets {
			l.forget(now)
		}
		b = rate.NewLimiter(rate.Limit(l.perSecond), 2*l.perSecond)
		l.buckets[id] = b
	}
	return b
}

// forget lets go of the buckets that are full: a new one is the same. Where
// there is none, all start again.
func (l *rateLimiter) forget(now time.Time) {
	for id, b := range l.buckets {
		if b.TokensAt(now) >= float64(b.Burst()) {
			delete(l.buckets, id)
		}
	}
	if len(l.buckets) >= maxBuckets {
		clear(l.buckets)
	}
}
