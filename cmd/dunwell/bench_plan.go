package main

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"time"

	"github.com/dunwellhq/dunwell/internal/calendar"
	"github.com/dunwellhq/dunwell/internal/store"
)

// The shape of P6: so many invoices fall due on each date, and an overdue
// workflow reminds after so many days, so that one date has 100,000 steps due
// whatever the number of invoices.
const (
	fewInvoices    = 100_000
	duePerDate     = fewInvoices / reminders
	reminders      = 3
	planCustomers  = 100_000
	quietTicks     = 500
	singleRequests = 100
)

// planning is P6: what a table of many open invoices makes of the work of
// planning and firing one date of it, against a table of 100,000.
func (b *bench) planning(ctx context.Context) error {
	few, err := b.measurePlan(ctx, fewInvoices)
	if err != nil {
		return fmt.Errorf("%d invoices: %w", fewInvoices, err)
	}
	many := few
	if b.Invoices > fewInvoices {
		many, err = b.measurePlan(ctx, b.Invoices)
	}
	if err != nil {
		return fmt.Errorf("%d invoices: %w", b.Invoices, err)
	}
	b.rows = append(b.rows, b.planFigures(few, many)...)
	return nil
}

// planned is what was measured on one table.
type planned struct {
	due         int    // steps of the date
	plan, fire  spread // a second
	quiet       durations
	quietAfter  durations
	edit, paid  durations
	pagesPerDue float64 // 0: the database does not say
}

func (b *bench) planFigures(few, many planned) []figure {
	plan, fire, empty := "≥ 20,000 /s", "≥ 10,000 /s", "p99 ≤ 5 ms"
	if b.name == "sqlite" {
		plan, empty = "≥ 10,000 /s", "p99 ≤ 1 ms"
	}
	slower := func(few, many float64) string { return fmt.Sprintf("%.2f × the case of 100,000", many/few) }
	times := func(d durations) string { return fmt.Sprintf("p50 %.2f, p99 %.2f ms", d.at(0.5), d.at(0.99)) }
	rows := []figure{
		{"P6", fmt.Sprintf("nothing due, %d open invoices", b.Invoices), times(many.quiet), slower(few.quiet.at(0.5), many.quiet.at(0.5)), empty},
		{"P6", "nothing due, after firing", times(many.quietAfter), slower(few.quietAfter.at(0.5), many.quietAfter.at(0.5)), empty},
		{"P6", fmt.Sprintf("plan a date with %d due", many.due), many.plan.text("%.0f") + " /s", slower(many.plan.median(), few.plan.median()), plan + ", ≤ 2"},
		{"P6", "fire them", many.fire.text("%.0f") + " /s", slower(many.fire.median(), few.fire.median()), fire + ", ≤ 2"},
		{"P6", "PATCH /v1/workflows/{id} (its hours)", times(many.edit), slower(few.edit.at(0.5), many.edit.at(0.5)), "p50 ≤ 5 ms, ≤ 2"},
		{"P6", "PATCH /v1/invoices/{id} (paid)", times(many.paid), slower(few.paid.at(0.5), many.paid.at(0.5)), "p50 ≤ 5 ms, ≤ 2"},
	}
	if many.pagesPerDue > 0 {
		rows = append(rows, figure{
			"P6", "pages read to find one that is due", fmt.Sprintf("%.2f", many.pagesPerDue), slower(few.pagesPerDue, many.pagesPerDue), "≤ 2",
		})
	}
	return rows
}

// measurePlan measures one table of n open invoices.
func (b *bench) measurePlan(ctx context.Context, n int) (m planned, err error) {
	w, err := b.planWorld(ctx, n)
	if err != nil {
		return m, err
	}
	defer func() { err = errors.Join(err, w.stop()) }()
	for range b.Runs {
		if err := w.run(ctx, &m); err != nil {
			return m, err
		}
	}
	m.pagesPerDue, err = w.pages(ctx)
	return m, err
}

// run plans the date and fires it once, and measures what goes on between.
func (w *planWorld) run(ctx context.Context, m *planned) error {
	if err := w.reset(ctx); err != nil {
		return err
	}
	w.at(w.date.AddDays(-2), 12)
	began := time.Now()
	if err := w.engine.Plan(ctx); err != nil {
		return err
	}
	took := time.Since(began)
	var err error
	if m.due, err = w.count(ctx, "PLANNED"); err != nil {
		return err
	}
	m.plan = append(m.plan, float64(m.due)/took.Seconds())
	if m.quiet, err = w.quiet(ctx, m.quiet); err != nil {
		return err
	}
	if err := w.single(ctx, m); err != nil {
		return err
	}
	return w.fire(ctx, m)
}

// single measures changes of one workflow and of one invoice of which a message
// is planned.
func (w *planWorld) single(ctx context.Context, m *planned) error {
	edit, err := timed(singleRequests, func(i int) error {
		return w.do(ctx, http.MethodPatch, "/v1/workflows/"+w.workflow, map[string]any{"schedule": map[string]any{"send_at": fmt.Sprintf("09:%02d", i%2)}}, nil)
	})
	if err != nil {
		return err
	}
	if err := w.exec(ctx, `DELETE FROM plan_tasks`); err != nil { // else they would be worked off before the date is fired
		return err
	}
	ids, err := w.plannedInvoices(ctx, singleRequests)
	if err != nil {
		return err
	}
	paid, err := timed(len(ids), func(i int) error {
		return w.do(ctx, http.MethodPatch, "/v1/invoices/"+ids[i], map[string]any{"payment_status": "PAID"}, nil)
	})
	m.edit, m.paid = append(m.edit, edit...), append(m.paid, paid...)
	if err != nil {
		return err
	}
	for _, id := range ids { // the next run finds what this one found
		if err := w.do(ctx, http.MethodPatch, "/v1/invoices/"+id, map[string]any{"payment_status": "UNPAID"}, nil); err != nil {
			return err
		}
	}
	return nil
}

// fire fires what was planned, as fast as the engine may: the messages that have
// their turn are put aside when there are as many as a platform may have waiting.
func (w *planWorld) fire(ctx context.Context, m *planned) error {
	w.at(w.date, 12)
	if err := w.exec(ctx, `ANALYZE triggers`); err != nil { // as hours after the planning every database has
		return err
	}
	var took time.Duration
	fired := 0
	for {
		began := time.Now()
		if err := w.engine.Fire(ctx); err != nil {
			return err
		}
		took += time.Since(began)
		n, err := w.count(ctx, "FIRED")
		if err != nil {
			return err
		}
		if n == fired {
			break
		}
		fired = n
		if err := w.exec(ctx, `UPDATE executions SET status = 'SENT' WHERE status = 'PENDING'`); err != nil {
			return err
		}
	}
	if fired < m.due*9/10 {
		return fmt.Errorf("of %d planned messages %d were fired", m.due, fired)
	}
	m.fire = append(m.fire, float64(fired)/took.Seconds())
	var err error
	if err := w.exec(ctx, fmt.Sprintf(`UPDATE planning SET announced = %d`, w.date+store.AnnouncedAhead)); err != nil {
		return err
	}
	m.quietAfter, err = w.quiet(ctx, m.quietAfter)
	return err
}

// quiet times looks at what is to be planned and fired, when nothing is.
func (w *planWorld) quiet(ctx context.Context, so durations) (durations, error) {
	list, err := timed(quietTicks, func(int) error {
		return errors.Join(w.engine.Plan(ctx), w.engine.Fire(ctx))
	})
	return append(so, list...), err
}

func timed(n int, do func(int) error) (durations, error) {
	list := make(durations, n)
	for i := range n {
		began := time.Now()
		if err := do(i); err != nil {
			return nil, err
		}
		list[i] = time.Since(began)
	}
	return list, nil
}

// dueDates are the dates on which n invoices fall due, as rows of SQL: each with
// its number, its text and the text by which the template says its own. Of the date
// that is planned they are the days before it, and a few from it on.
func dueDates(n int, planned calendar.Date) (rows string, count int) {
	count = max(n/duePerDate, reminders)
	last := planned.AddDays(-1 + (count-reminders)/10)
	var b strings.Builder
	for i := range count {
		d := last.AddDays(-i)
		if i > 0 {
			b.WriteString(", ")
		}
		fmt.Fprintf(&b, "(%d, %d, '%s')", i, int(d-templateDue), d)
	}
	return b.String(), count
}
