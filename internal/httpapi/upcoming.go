package httpapi

import (
	"maps"
	"net/http"
	"net/url"
	"time"

	"github.com/dunwellhq/dunwell/internal/billing"
	"github.com/dunwellhq/dunwell/internal/calendar"
	"github.com/dunwellhq/dunwell/internal/engine"
	"github.com/dunwellhq/dunwell/internal/fault"
)

// upcoming tells what goes out between two instants. Its pages have no numbers: one
// goes on where the page before has come to.
func (s *server) upcoming(c *call) (reply, error) {
	a := asked{path: c.URL.EscapedPath()}
	var err error
	if a.params, err = c.parameters(); err != nil {
		return reply{}, err
	}
	q := engine.UpcomingQuery{}
	if q.Limit, err = a.whole("limit", defaultLimit, maxLimit); err != nil {
		return reply{}, err
	}
	if _, err := a.filter(filter{param: "customer_id"}); err != nil {
		return reply{}, err
	}
	if q.From, err = a.instant("from"); err != nil {
		return reply{}, err
	}
	if q.To, err = a.instant("to"); err != nil {
		return reply{}, err
	}
	if q.Cursor, _, err = single(a.params, "cursor"); err != nil {
		return reply{}, err
	}
	q.CustomerID = billing.CustomerID(a.params.Get("customer_id"))
	found, err := s.engine.Upcoming(c.Context(), c.platform, q)
	if err != nil {
		return reply{}, err
	}
	list := comingPage{found, a}
	return answer(http.StatusOK, list, comingPageMembers, nil)
}

// instant reads a parameter that is a point in time.
func (a *asked) instant(name string) (time.Time, error) {
	s, given, err := single(a.params, name)
	if err != nil || !given {
		return time.Time{}, err
	}
	t, err := calendar.ParseInstant(s)
	if err != nil || t.Year() <= 1 || t.Year() > 9999 {
		return time.Time{}, fault.At(fault.Invalid, name, "%s must be %s", name, wantInstant)
	}
	return t, nil
}

// comingPage is a page with what asked for it.
type comingPage struct {
	engine.Upcoming
	asked asked
}

func comingPageMembers(m *members, p *comingPage) {
	m.putList("data", false, len(p.Items), plain, func(i int) { write(m.codec, &p.Items[i], comingMembers) })
	instant(m, "from", &p.From, plain)
	instant(m, "to", &p.To, plain)
	number(m, "limit", &p.Limit, 1, p.Limit, plain)
	m.key("links")
	write(m.codec, p, func(m *members, p *comingPage) {
		m.putText("first", p.link(""), plain)
		m.putText("previous", "", plain)
		m.putText("current", p.link(p.Cursor), plain)
		next := ""
		if p.Next != "" {
			next = p.link(p.Next)
		}
		m.putText("next", next, plain)
	})
}

// link is the path of the page behind a cursor, of the same stretch of time.
func (p *comingPage) link(cursor string) string {
	params := url.Values{}
	maps.Copy(params, p.asked.params)
	params.Del("cursor")
	params.Set("from", p.From.UTC().Format(time.RFC3339))
	params.Set("to", p.To.UTC().Format(time.RFC3339))
	if cursor != "" {
		params.Set("cursor", cursor)
	}
	return p.asked.path + "?" + params.Encode()
}

// comingMembers lists the members of what goes out (contract B3).
func comingMembers(m *members, o *engine.Outlook) {
	m.putText("object_type", "UPCOMING_TRIGGER", plain)
	instant(m, "scheduled_at", &o.At, plain)
	text(m, "workflow_id", &o.Trigger.WorkflowID, plain)
	text(m, "variant", &o.Trigger.Variant, plain)
	text(m, "step", &o.Trigger.Step, plain.omitted())
	text(m, "resource_type", &o.Trigger.Kind, plain)
	text(m, "resource_id", &o.Trigger.ResourceID, plain)
	text(m, "customer_id", &o.Trigger.CustomerID, plain)
	text(m, "trigger_id", &o.Trigger.ID, plain)
	fires := o.Goes()
	flag(m, "would_fire", &fires, plain)
	reasonMembers(m, o)
}
