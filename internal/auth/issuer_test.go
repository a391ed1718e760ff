package auth_test

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/dunwellhq/dunwell/internal/fault"
	"github.com/dunwellhq/dunwell/internal/oidctest"
)

// lasting is a good token, of the present key, that outlives the test.
func (v *verifier) lasting() string {
	return v.token(map[string]any{"exp": v.clock().Add(1000 * time.Hour).Unix()})
}

// strange is a token that anybody can make: of a key that nobody has.
func (v *verifier) strange() string {
	return v.issuer.SignAs(map[string]any{"kid": "made-up"}, v.issuer.Claims(v.clock(), map[string]any{"exp": v.clock().Add(1000 * time.Hour).Unix()}))
}

// said is the kind of fault that a token gets, 0 if it is taken, and when it
// may be tried again.
func (v *verifier) said(token string) (fault.Kind, time.Duration) {
	v.Helper()
	_, err := v.ours.Verify(v.Context(), token)
	if err == nil {
		return 0, 0
	}
	f := fault.As(err)
	if f == nil {
		v.Fatalf("got %v, want a fault", err)
	}
	return f.Kind, f.RetryAfter
}

// TestIssuerComesUp: an issuer that was down from the start is found within
// seconds once it is up, by whoever asks, whenever they are told to.
func TestIssuerComesUp(t *testing.T) {
	down := func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusBadGateway) }
	for name, strangers := range map[string]bool{"alone": false, "among strangers": true} {
		t.Run(name, func(t *testing.T) {
			v := newVerifier(t)
			v.issuer.Misbehave(down)
			good, bad := v.lasting(), v.strange()
			second := func() (fault.Kind, time.Duration) {
				v.advance(time.Second)
				if strangers {
					v.said(bad)
				}
				return v.said(good)
			}
			var again time.Time // when, as was said before, it is asked again
			for at := range 600 {
				before := v.issuer.Asked(oidctest.ConfigPath)
				kind, wait := second()
				if kind != fault.Unavailable || wait <= 0 || wait > 5*time.Second {
					t.Fatalf("down for %d s: got kind %d, to be tried again in %v", at, kind, wait)
				}
				if asked := v.issuer.Asked(oidctest.ConfigPath) > before; asked == v.clock().Before(again) {
					t.Fatalf("down for %d s: asked is %v, and %v was promised", at, asked, again)
				}
				again = v.clock().Add(wait)
			}
			if asked := v.issuer.Asked(oidctest.ConfigPath); asked < 100 || asked > 130 {
				t.Errorf("10 minutes down: asked %d times, want once in 5 s", asked)
			}
			v.issuer.Misbehave(nil)
			if kind, wait := second(); kind != 0 {
				v.advance(wait)
				v.wants(good, 0) // who does as told gets in
			}
			for range 600 {
				if kind, _ := second(); kind != 0 {
					t.Fatalf("up again: got kind %d", kind)
				}
			}
		})
	}
}

// TestStrangersForDays: tokens that no key fits, however often they come, keep no
// withdrawn key alive, no new one out, and nobody else waiting.
func TestStrangersForDays(t *testing.T) {
	for name, c := range map[string]struct{ from, long time.Duration }{
		"from the start":               {0, 3 * time.Hour},
		"as the first keys become due": {time.Hour - 30*time.Second, 26 * time.Hour},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			v := newVerifier(t)
			long, withdrawn := c.long, time.Hour+10*time.Minute
			if testing.Short() {
				long = 80 * time.Minute
			}
			old, bad := v.lasting(), v.strange()
			good := old
			believed := time.Duration(0) // the old key, once it was withdrawn
			for at := time.Duration(0); at < long; {
				if at >= c.from {
					if kind, _ := v.said(bad); kind != fault.Unauthorised {
						t.Fatalf("after %v: the stranger got kind %d", at, kind)
					}
				}
				if at >= withdrawn && good == old {
					v.issuer.Rotate()
					good = v.lasting()
					withdrawn = at
				}
				if kind, _ := v.said(good); kind != 0 && (good == old || at > withdrawn+5*time.Second) {
					t.Fatalf("after %v: a good token got kind %d", at, kind)
				}
				if at%(10*time.Minute) == 0 && good != old {
					if kind, _ := v.said(old); kind == 0 {
						believed = at - withdrawn
					}
				}
				step := time.Second
				if at%time.Hour >= 3*time.Minute { // as often as that all day takes minutes
					step = 4 * time.Second
				}
				at += step
				v.advance(step)
			}
			if believed > time.Hour {
				t.Errorf("a withdrawn key was believed for %v", believed)
			}
			if asked, most := v.issuer.Asked(oidctest.ConfigPath), int(long/(5*time.Second))+10; asked > most {
				t.Errorf("asked %d times in %v, want at most once in 5 s", asked, long)
			}
		})
	}
}

// TestStrangersDuringAnOutage: they neither shorten for how long known keys do
// without the issuer, nor delay that it is asked again.
func TestStrangersDuringAnOutage(t *testing.T) {
	v := newVerifier(t)
	good, bad := v.lasting(), v.strange()
	v.wants(good, 0)
	v.issuer.Misbehave(func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusBadGateway) })
	for at := time.Duration(0); at < 25*time.Hour; at += 30 * time.Second {
		v.said(bad)
		want := fault.Kind(0)
		if at >= 24*time.Hour {
			want = fault.Unavailable
		}
		if kind, _ := v.said(good); kind != want {
			t.Fatalf("down for %v: got kind %d, want %d", at, kind, want)
		}
		v.advance(30 * time.Second)
	}
	v.issuer.Misbehave(nil)
	v.said(bad)
	v.wants(good, 0)
}

// TestOneQuestionAtATime: however many wait for the issuer, it is asked by one
// of them, and what it said, or that it said nothing, goes for all.
func TestOneQuestionAtATime(t *testing.T) {
	for name, c := range map[string]struct {
		before func(*verifier) // brings it to where it has to ask
		answer int
		want   fault.Kind
	}{
		"no keys yet":          {func(*verifier) {}, 200, 0},
		"no keys yet, down":    {func(*verifier) {}, 502, fault.Unavailable},
		"unknown key":          {func(v *verifier) { v.wants(v.token(nil), 0); v.issuer.Rotate() }, 200, 0},
		"unknown key, down":    {func(v *verifier) { v.wants(v.token(nil), 0); v.issuer.Rotate() }, 502, fault.Unavailable},
		"keys long out of use": {func(v *verifier) { v.wants(v.token(nil), 0); v.advance(30 * time.Hour) }, 502, fault.Unavailable},
	} {
		t.Run(name, func(t *testing.T) {
			v := newVerifier(t)
			c.before(v)
			var now, most, all atomic.Int32
			var callers sync.WaitGroup
			ready := make(chan struct{})
			v.issuer.Misbehave(func(w http.ResponseWriter, r *http.Request) {
				all.Add(1)
				most.Store(max(most.Load(), now.Add(1)))
				defer now.Add(-1)
				<-ready
				if c.answer != 200 {
					w.WriteHeader(c.answer)
					return
				}
				v.issuer.Answer(w, r)
			})
			for i := range 40 {
				token := v.token(map[string]any{"sub": fmt.Sprint(i)})
				callers.Go(func() {
					if i == 39 {
						close(ready)
					}
					v.wants(token, c.want)
				})
			}
			callers.Wait()
			requests := int32(2) // for the configuration and for the keys
			if c.answer != 200 {
				requests = 1
			}
			if most.Load() != 1 || all.Load() != requests {
				t.Errorf("asked %d times, %d at once; want %d, one after the other", all.Load(), most.Load(), requests)
			}
		})
	}
}

// TestOthersGoOnMeanwhile: while one asks for keys that are due, nobody else
// waits whose key is known, and who waits for another may leave.
func TestOthersGoOnMeanwhile(t *testing.T) {
	v := newVerifier(t)
	good, bad := v.lasting(), v.strange()
	v.wants(good, 0)
	v.advance(time.Hour)
	asked, answer := make(chan struct{}), make(chan struct{})
	v.issuer.Misbehave(func(w http.ResponseWriter, r *http.Request) {
		v.issuer.Misbehave(nil)
		close(asked)
		select {
		case <-answer:
		case <-r.Context().Done():
		}
		v.issuer.Answer(w, r)
	})
	var first sync.WaitGroup
	first.Go(func() { v.wants(good, 0) })
	<-asked
	v.wants(good, 0)
	gone, leave := context.WithCancel(t.Context())
	leave()
	if _, err := v.ours.Verify(gone, bad); !errors.Is(err, context.Canceled) {
		t.Errorf("who has left: got %v", err)
	}
	if v.log.Len() > 0 {
		t.Errorf("they waited until who asked had given up: %s", v.log.String())
	}
	close(answer)
	first.Wait()
}

// TestAllKeysWithdrawn: an issuer that has none any more says so, and is believed.
func TestAllKeysWithdrawn(t *testing.T) {
	v := newVerifier(t)
	good := v.lasting()
	v.wants(good, 0)
	for answer, want := range map[string]fault.Kind{`{"keys":[]}`: fault.Unauthorised, `{}`: 0, `{"keys":null}`: 0} {
		v.issuer.Misbehave(func(w http.ResponseWriter, r *http.Request) {
			if r.URL.Path == oidctest.KeysPath {
				fmt.Fprint(w, answer)
				return
			}
			v.issuer.Answer(w, r)
		})
		v.advance(time.Hour)
		v.wants(good, want)
		v.issuer.Misbehave(nil)
		v.advance(time.Minute)
		v.wants(good, 0)
	}
}
