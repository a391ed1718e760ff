package store

import (
	"context"
	"fmt"
	"math"
	"time"

	"github.com/dunwellhq/dunwell/internal/billing"
	"github.com/dunwellhq/dunwell/internal/calendar"
	"github.com/dunwellhq/dunwell/internal/platform"
)

// A deadline is stored as one number, by which it is found: of a plain date, the
// days since 1970 raised by plainDays, so that none is 0 or below. Which date an
// instant is, the seller's zone says, and that may change: of it the date in UTC
// is stored, from which the true one is at most a day away, raised by
// instantDays, so that the two never meet.
const (
	plainDays   = 1_000_000
	instantDays = 11_000_000
)

// deadlinesOf are the days by which a resource is found that is open: when it is
// due or its trial ends, and when it is charged.
func deadlinesOf(r billing.Resource) (due, charge int64) {
	switch r := r.(type) {
	case *billing.Invoice:
		if r.Collectible() {
			return dayOf(r.Due()), dayOf(billing.Deadline{At: r.ChargeAt})
		}
	case *billing.Subscription:
		if trial := r.TrialOf(nil); trial != nil && !r.Ended() {
			return dayOf(billing.Deadline{At: trial.EndAt}), 0
		}
	case *billing.Schedule:
		if r.Type == billing.Trial {
			return dayOf(billing.Deadline{At: r.EndAt}), 0
		}
	}
	return 0, 0
}

func dayOf(d billing.Deadline) int64 {
	switch {
	case !d.IsSet():
		return 0
	case d.Day != "":
		return plainDays + int64(d.On(time.UTC))
	default:
		return instantDays + int64(d.On(time.UTC))
	}
}

// Span is a stretch of an index of deadlines.
type Span struct {
	Kind    billing.Kind
	Charged bool // of charges; else of due dates and ends of trials
	low     int64
	high    int64
}

// Spans are where the deadlines of a kind that fall on dates from one to another,
// in whatever zone, are found. Only invoices are charged, and only they have
// plain dates.
func Spans(kind billing.Kind, charged bool, from, to calendar.Date) []Span {
	about := Span{kind, charged, instantDays + int64(from) - 1, instantDays + int64(to) + 1}
	if charged || kind != billing.KindInvoice {
		return []Span{about}
	}
	return []Span{{kind, charged, plainDays + int64(from), plainDays + int64(to)}, about}
}

// AllSpans are where all deadlines of a kind are found.
func AllSpans(kind billing.Kind, charged bool) []Span {
	return []Span{{kind, charged, 1, math.MaxInt32}}
}

// Place is how far a span has been read.
type Place struct {
	Day int64  `json:"day"`
	ID  string `json:"id"`
}

// Deadlines reads the resources of a span behind a place, in its order, and the
// place of the last.
func (r Reader) Deadlines(ctx context.Context, p platform.ID, s Span, after Place, limit int) ([]billing.Resource, Place, error) {
	column := "due_on"
	if s.Charged {
		column = "charge_on"
	}
	type found struct {
		stored Stored
		day    int64
	}
	// The lower border goes into the place: one condition, one descent.
	if after.Day < s.low {
		after = Place{s.low, ""}
	}
	list, err := all(ctx, r.c, func(rs rows) (f found, err error) {
		var created, updated int64
		err = rs.Scan(&f.stored.Kind, &f.stored.ID, &f.stored.Revision, &f.stored.doc, &created, &updated, &f.day)
		f.stored.CreatedAt, f.stored.UpdatedAt = instant(created), instant(updated)
		return f, err
	}, `SELECT `+storedColumns+`, `+column+` FROM resources WHERE platform_id = $1 AND kind = $2
		AND (`+column+`, id) > ($3, $4) AND `+column+` <= $5 AND `+column+` > 0 ORDER BY `+column+`, id LIMIT $6`,
		string(p), string(s.Kind), after.Day, after.ID, s.high, limit)
	if err != nil {
		return nil, after, fmt.Errorf("reading deadlines: %w", err)
	}
	resources := make([]billing.Resource, 0, len(list))
	for _, f := range list {
		res, err := f.stored.Resource()
		if err != nil {
			return nil, after, err
		}
		resources = append(resources, res)
		after = Place{f.day, f.stored.ID}
	}
	return resources, after, nil
}

// SchedulesOf reads the schedules that are told as resources of their own, by
// their subscription.
func (r Reader) SchedulesOf(ctx context.Context, p platform.ID, subscriptions []string) (map[string][]*billing.Schedule, error) {
	list, err := lookUpAll(ctx, r.c, scanResource,
		`SELECT `+storedColumns+` FROM resources WHERE platform_id = $1 AND kind = 'PRICING_PLAN_SCHEDULE' AND parent_id = ANY($2)
		 AND parent_id <> '' AND revision > 0`, subscriptions, string(p))
	found := map[string][]*billing.Schedule{}
	for _, res := range list {
		if s, ok := res.(*billing.Schedule); ok {
			found[string(s.SubscriptionID)] = append(found[string(s.SubscriptionID)], s)
		}
	}
	return found, err
}

// PaymentsOfAll reads the payments of invoices, by their invoice.
func (r Reader) PaymentsOfAll(ctx context.Context, p platform.ID, invoices []string) (map[string][]billing.Resource, error) {
	list, err := lookUpAll(ctx, r.c, scanResource,
		`SELECT `+storedColumns+` FROM resources WHERE platform_id = $1 AND invoice_id = ANY($2) AND invoice_id <> '' AND kind = 'PAYMENT'
		 AND revision > 0`, invoices, string(p))
	found := map[string][]billing.Resource{}
	for _, res := range list {
		found[string(billing.InvoiceOf(res))] = append(found[string(billing.InvoiceOf(res))], res)
	}
	return found, err
}
