package httpapi

import (
	"context"
	"net/http"
	"time"

	"github.com/dunwellhq/dunwell/internal/platform"
)

// clock is the clock of a platform that has one of its own.
type clock struct{ now time.Time }

func clockMembers(m *members, c *clock) { instant(m, "now", &c.now, plain.required()) }

// clockOf writes a platform's clock, null where it goes by the time of day. A body
// does not set it: the clock has a route of its own.
func clockOf(m *members, p *platform.Platform) {
	if m.mode != encode {
		return
	}
	var own *clock
	if !p.Clock.IsZero() {
		own = &clock{p.Clock}
	}
	block(m, "clock", &own, plain, clockMembers)
}

// setClock gives a TEST platform a clock of its own, or moves it on.
func (s *server) setClock(c *call) (reply, error) {
	doc, err := c.document()
	if err != nil {
		return reply{}, err
	}
	var to clock
	if err := decodeInto(doc, &to, clockMembers, nil); err != nil {
		return reply{}, err
	}
	p, err := s.engine.SetClock(c.Context(), c.platform, to.now)
	return answer(http.StatusOK, p, platformMembers, err)
}

// ahead reports whether a state claims to be from too far ahead of the later of
// the machine's clock and the platform's, which is read for those alone that are
// ahead of the machine's. The transaction that stores the state asks again.
func (s *server) ahead(ctx context.Context, p platform.ID) func(time.Time) bool {
	return func(at time.Time) bool {
		if !aheadOf(s.engine.Now())(at) {
			return false
		}
		latest, err := s.engine.Latest(ctx, p)
		return err == nil && aheadOf(latest)(at)
	}
}

func aheadOf(latest time.Time) func(time.Time) bool {
	return func(at time.Time) bool { return at.After(latest.Add(aheadBy)) }
}
