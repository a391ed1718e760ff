package client

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"math/rand/v2"
	"net"
	"net/http"
	"strconv"
	"time"
)

const (
	defaultRetries = 4
	firstPause     = 200 * time.Millisecond
	longestPause   = 10 * time.Second
	longestAsked   = 30 * time.Second // beyond it the caller decides
)

// send sends a request until it is answered for good.
func (c *Client) send(ctx context.Context, r request, header http.Header, body []byte) (Response, error) {
	for tries := 0; ; tries++ {
		resp, err := c.try(ctx, r, header, body)
		answered := err == nil
		if answered {
			if resp.Status/100 == 2 {
				return resp, nil
			}
			err = errorOf(resp)
		}
		again := r.again(resp)
		if !answered {
			again = r.againAfter(ctx, err)
		}
		pause, soon := pauseAfter(resp, tries)
		if !again || !soon || tries >= c.retries {
			return resp, err
		}
		if waiting := sleep(ctx, pause); waiting != nil {
			return resp, fmt.Errorf("%w (while waiting to try again after: %w)", waiting, err)
		}
	}
}

// bearsKey reports a request by whose key the server knows it again.
func (r request) bearsKey() bool { return r.keyed && !r.safe }

// repeatable reports a request that has no second effect, and whose second answer
// tells no other outcome than the first. A DELETE's does, and so may a PATCH's that
// changes the reference by which its path names the workflow.
func (r request) repeatable() bool {
	switch r.method {
	case http.MethodGet, http.MethodHead, http.MethodPut:
		return true
	case http.MethodPost:
		return r.keyed || r.safe
	default:
		return false
	}
}

// again reports whether a request shall be sent again that was answered like this.
func (r request) again(resp Response) bool {
	switch resp.Status {
	case http.StatusTooManyRequests:
		return true
	case http.StatusBadGateway, http.StatusServiceUnavailable, http.StatusGatewayTimeout:
		return r.repeatable()
	case http.StatusInternalServerError:
		return resp.Header.Get("Idempotency-Retryable") == "true"
	case http.StatusUnprocessableEntity: // the try before this one is still at work
		return r.bearsKey() && errorOf(resp).Code == ErrorCodeIdempotencyCheckFailed
	default:
		return false
	}
}

// againAfter reports whether a request shall be sent again that was not answered.
func (r request) againAfter(ctx context.Context, err error) bool {
	if ctx.Err() != nil {
		return false
	}
	if _, wrong := errors.AsType[*tls.CertificateVerificationError](err); wrong {
		return false
	}
	if dns, failed := errors.AsType[*net.DNSError](err); failed && dns.IsNotFound {
		return false
	}
	op, ok := errors.AsType[*net.OpError](err)
	return r.repeatable() || ok && op.Op == "dial" // then it cannot have arrived
}

// pauseAfter is how long to wait before the next try, and whether that is soon
// enough to wait for it.
func pauseAfter(resp Response, tries int) (time.Duration, bool) {
	if asked := retryAfter(resp.Header); asked > 0 {
		return asked, asked <= longestAsked
	}
	most := longestPause
	if tries < 6 { // 2^6 first pauses are longer than the longest
		most = min(most, firstPause<<tries)
	}
	// At least half of it, so that a request does not come back at once, and at
	// random, so that many that failed together do not come back together.
	return most/2 + rand.N(most/2), true //nolint:gosec // nobody gains by guessing it
}

// retryAfter is how long the server asks to wait. If it names an hour, that is
// seen by its own clock: ours may be another.
func retryAfter(h http.Header) time.Duration {
	v := h.Get("Retry-After")
	if seconds, err := strconv.Atoi(v); err == nil {
		return max(0, time.Duration(seconds)*time.Second)
	}
	at, err := http.ParseTime(v)
	now, unknown := http.ParseTime(h.Get("Date"))
	if err != nil || unknown != nil {
		return 0
	}
	return max(0, at.Sub(now))
}

func sleep(ctx context.Context, d time.Duration) error {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-t.C:
		return nil
	}
}
