package httpapi

import (
	"fmt"

	"github.com/dunwellhq/dunwell/internal/fault"
	"github.com/dunwellhq/dunwell/internal/hold"
)

// holdMembers lists the members of a hold (contract B4).
func holdMembers(m *members, h *hold.Hold) {
	m.served("HOLD", string(h.ID))
	enum(m, "scope", &h.Scope, hold.Scopes, plain.required())
	text(m, "resource_id", &h.ResourceID, identifier.required())
	if m.mode == encode {
		m.putText("customer_id", string(h.CustomerID), plain)
	}
	enum(m, "reason", &h.Reason, hold.Reasons, plain.required())
	day(m, "until", &h.Until)
	if m.mode == encode {
		m.putTime("ends_at", h.EndsAt, plain)
	}
	text(m, "note", &h.Note, prose)
	if m.mode == encode {
		m.putText("status", string(h.Status), plain)
		m.putTime("released_at", h.ReleasedAt, plain)
	}
	m.times(h.CreatedAt, h.UpdatedAt)
}

// checkChangedHold returns the judge of a patch of old.
func checkChangedHold(old hold.Hold) func(*codec, *hold.Hold) {
	return func(c *codec, h *hold.Hold) {
		const another = "%s must stay %s: release the hold and set another"
		if h.Scope != old.Scope {
			c.fault(fault.Invalid, "scope", fmt.Sprintf(another, "scope", old.Scope))
		}
		if h.ResourceID != old.ResourceID {
			c.fault(fault.Invalid, "resource_id", fmt.Sprintf(another, "resource_id", old.ResourceID))
		}
		if h.Reason != old.Reason {
			c.fault(fault.Invalid, "reason", fmt.Sprintf(another, "reason", old.Reason))
		}
	}
}

// lastYear is the last in which a day can end before the years that can be
// written do.
const lastYear = "9998"

// day is a member that is a date without a time; "" is not set.
func day(m *members, name string, v *string) {
	if m.mode == encode {
		m.putText(name, *v, plain)
		return
	}
	if n := take(m, name, v, nullable); n != nil {
		const want = "a date such as 2026-01-31"
		switch on := plainDay(n); {
		case n.kind != '"':
			m.wrongType(n, name, want)
		case on == "" || on[:4] > lastYear:
			m.wrong(n, name, want)
		default:
			*v = on
		}
	}
}
