package engine_test

import (
	"flag"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/dunwellhq/dunwell/internal/billing"
	"github.com/dunwellhq/dunwell/internal/calendar"
	"github.com/dunwellhq/dunwell/internal/ident"
	"github.com/dunwellhq/dunwell/internal/platform"
	"github.com/dunwellhq/dunwell/internal/store"
	"github.com/dunwellhq/dunwell/internal/trigger"
	"github.com/dunwellhq/dunwell/internal/workflow"
)

// zones are some of every kind: far east and far west, offsets of half and a
// quarter of an hour, with and without summer time, and none.
var zones = []string{
	"", "UTC", "Europe/Amsterdam", "America/Los_Angeles", "Pacific/Kiritimati", "Etc/GMT+12", "Asia/Kathmandu",
	"Australia/Lord_Howe", "Pacific/Apia", "America/Juneau", "America/St_Johns",
}

// property checks a property as often as there is time for where each check has a
// platform of its own; -rapid.checks asks for more.
func (w *world) property(prop func(*rapid.T)) {
	w.Helper()
	checks := flag.Lookup("rapid.checks")
	if before := checks.Value.String(); before == checks.DefValue {
		few := "25"
		if testing.Short() { // with the race detector, which is not what finds a wrong date
			few = "2"
		}
		w.must(checks.Value.Set(few))
		defer func() { w.must(checks.Value.Set(before)) }()
	}
	rapid.Check(w.T, prop)
}

func anyZone(t *rapid.T, of string) string { return rapid.SampledFrom(zones).Draw(t, of) }

func anyPeriod(t *rapid.T) calendar.Period {
	unit := rapid.SampledFrom([]calendar.Unit{calendar.Day, calendar.Day, calendar.Week, calendar.Month}).Draw(t, "unit")
	return calendar.Period{Type: unit, Value: rapid.IntRange(1, map[calendar.Unit]int{calendar.Day: 20, calendar.Week: 3, calendar.Month: 2}[unit]).Draw(t, "value")}
}

// estate is a platform with everything on it that dates depend on.
type estate struct {
	home      platform.Platform
	workflow  workflow.Workflow
	entity    *billing.BillingEntity
	customers []*billing.Customer
	invoices  []*billing.Invoice
}

func anyEstate(t *rapid.T, w *world) estate {
	e := estate{home: platform.Platform{Timezone: anyZone(t, "platform")}}
	if rapid.Bool().Draw(t, "calendar") {
		e.home.Calendar = &platform.Calendar{
			WeekendDays: []platform.Weekday{"FRIDAY", "SATURDAY"},
			Holidays:    []string{"2026-11-26", "2026-11-29", "2026-11-30", "2026-12-25"},
		}
	}
	e.entity = &billing.BillingEntity{Timezone: anyZone(t, "entity")}
	e.entity.ID = "b1"
	variant := rapid.SampledFrom([]workflow.Variant{workflow.Overdue, workflow.UpcomingPaymentRemind}).Draw(t, "variant")
	periods := &workflow.Periods{Periods: rapid.SliceOfNDistinct(rapid.Custom(anyPeriod), 1, 4, calendar.Period.String).Draw(t, "periods")}
	e.workflow = workflow.Workflow{Name: "w", Type: workflow.Invoice, Status: workflow.Active, Invoice: &workflow.InvoiceConfig{Variant: variant}}
	if variant == workflow.Overdue {
		e.workflow.Invoice.Overdue = periods
	} else {
		e.workflow.Invoice.UpcomingPayment = periods
	}
	e.workflow.Schedule.BusinessDaysOnly = rapid.Bool().Draw(t, "business days only")
	at := calendar.TimeOfDay(rapid.IntRange(0, 19*60).Draw(t, "send at"))
	e.workflow.Schedule.SendAt = &at
	for i := range rapid.IntRange(1, 3).Draw(t, "customers") {
		c := w.customer(fmt.Sprint("c", i))
		c.Timezone = anyZone(t, "customer")
		e.customers = append(e.customers, c)
	}
	for i := range rapid.IntRange(1, 12).Draw(t, "invoices") {
		inv := w.invoice(fmt.Sprint("i", i), rapid.SampledFrom(e.customers).Draw(t, "of").ID)
		inv.Timezone, inv.BillingEntityID = anyZone(t, "invoice"), rapid.SampledFrom([]string{"", "b1"}).Draw(t, "seller")
		due := w.now.Add(time.Duration(rapid.IntRange(-70*24, 80*24).Draw(t, "due in hours")) * time.Hour)
		switch rapid.IntRange(0, 3).Draw(t, "as") {
		case 0:
			inv.DueDate = due
		case 1:
			inv.ChargeAt, inv.DueOn = due, "2026-12-01"
		default:
			inv.DueOn = due.Format(time.DateOnly)
		}
		e.invoices = append(e.invoices, inv)
	}
	return e
}

// elsewhere goes to a platform of its own, with an integration.
func (w *world) elsewhere() {
	w.Helper()
	w.p = w.newPlatform(ident.New("ref"))
	in, _, err := w.e.PutIntegration(w.ctx, w.p, platform.Integration{
		Type: "EMAIL_PROVIDER", Status: platform.IntegrationActive,
		EmailProvider: platform.EmailProvider{Variant: platform.System},
	}, false)
	w.must(err)
	w.intg = in.ID
}

// settle makes the platform, with its workflow, and its resources if they are to
// be known from the beginning.
func (e *estate) settle(w *world, resources bool) {
	w.elsewhere()
	_, err := w.e.ChangePlatform(w.ctx, w.p, func(p *platform.Platform) error {
		p.Timezone, p.Calendar = e.home.Timezone, e.home.Calendar
		return nil
	})
	w.must(err)
	e.workflow.Reference = "r"
	e.workflow, err = w.e.CreateWorkflow(w.ctx, w.p, e.workflow)
	w.must(err)
	if resources {
		e.bring(w)
	}
}

func (e *estate) bring(w *world) {
	list := []billing.Resource{e.entity}
	for _, c := range e.customers {
		list = append(list, c)
	}
	for _, i := range e.invoices {
		list = append(list, i)
	}
	w.ingest(list...)
}

// expected is what must be planned for the dates up to one, by asking the course
// of every invoice, with no index to find them by.
func (e *estate) expected(from time.Time, through calendar.Date) []string {
	out := []string{}
	for _, inv := range e.invoices {
		d := inv.Due()
		if e.workflow.Variant() == workflow.UpcomingPaymentRemind {
			d = inv.Payable()
		}
		if !d.IsSet() {
			continue
		}
		entity, customer := "", ""
		if inv.BillingEntityID != "" {
			entity = e.entity.Timezone
		}
		for _, c := range e.customers {
			if c.ID == string(inv.CustomerID) {
				customer = c.Timezone
			}
		}
		open, err := e.home.Calendar.Days(from)
		if err != nil {
			panic(err)
		}
		c := trigger.NewCourse(&e.workflow, d, trigger.Place{
			Seller: calendar.FirstZone(inv.Timezone, entity, e.home.Timezone),
			Reader: calendar.FirstZone(customer, inv.Timezone, entity, e.home.Timezone),
			Open:   open,
		})
		for _, s := range c.Steps {
			if !s.None && !s.Superseded && !s.At.Before(from) && s.Date <= through {
				out = append(out, fmt.Sprintf("%s %s %s %s", inv.ID, s.Period, c.Occurrence(), s.At.UTC().Format(time.RFC3339)))
			}
		}
	}
	slices.Sort(out)
	return out
}

func (w *world) plannedNow() []string {
	w.Helper()
	page, err := w.s.Triggers(w.ctx, w.p, store.Query{
		Page: 1, Limit: 1000, Filters: []store.Filter{{Field: "status", Values: []string{string(trigger.Planned)}}},
	})
	w.must(err)
	out := make([]string, len(page.Items))
	for i, t := range page.Items {
		out[i] = fmt.Sprintf("%s %s %s %s", t.ResourceID, t.Step, t.Occurrence, t.ScheduledAt.Format(time.RFC3339))
	}
	slices.Sort(out)
	return out
}

// R9: what the planner finds by its index, date by date, is what the course of
// every invoice says; an ingestion that comes when the dates have been announced
// plans the same, and so does the planner once more after a crash in between.
func TestWhatIsPlannedIsWhatTheCoursesSay(t *testing.T) {
	onBoth(t, func(w *world) {
		begin := w.now
		w.property(func(t *rapid.T) {
			w.now = begin
			e := anyEstate(t, w)
			days := rapid.IntRange(1, 12).Draw(t, "days")
			e.settle(w, true)
			for range days {
				w.now = w.now.AddDate(0, 0, 1)
				w.must(w.e.Plan(w.ctx))
			}
			want := e.expected(begin, store.Horizon(w.now))
			if diff := cmp.Diff(want, w.plannedNow()); diff != "" {
				t.Fatalf("by the planner: (-want +got)\n%s", diff)
			}

			w.now = begin.AddDate(0, 0, days)
			e.settle(w, false)
			w.must(w.e.Plan(w.ctx))
			e.bring(w)
			want = e.expected(w.now, store.Horizon(w.now))
			if diff := cmp.Diff(want, w.plannedNow()); diff != "" {
				t.Fatalf("by the ingestion: (-want +got)\n%s", diff)
			}
			w.must(w.s.Write(w.ctx, func(tx *store.Tx) error {
				var tasks []store.Task
				for d := calendar.DateOf(w.now, time.UTC) - 2; d <= store.Horizon(w.now); d++ {
					tasks = append(tasks, store.Task{PlatformID: w.p, Kind: store.PlanDate, On: d})
				}
				return tx.InsertTasks(w.ctx, tasks, w.now)
			}))
			w.must(w.e.Plan(w.ctx))
			if diff := cmp.Diff(want, w.plannedNow()); diff != "" {
				t.Fatalf("once more: (-want +got)\n%s", diff)
			}
		})
	})
}

// R7: in whatever order and batches the states of invoices arrive, the same is
// planned in the end, and the same messages go.
func TestTheOrderOfStatesChangesNothingThatIsSent(t *testing.T) {
	onBoth(t, func(w *world) {
		begin := w.now
		w.property(func(t *rapid.T) {
			states := anyStates(t, w)
			var want []string
			for round, order := range [][]billing.Resource{states, rapid.Permutation(states).Draw(t, "order")} {
				w.now = begin
				w.elsewhere()
				w.overdue(1, 2, 5)
				for len(order) > 0 {
					n := rapid.IntRange(1, len(order)).Draw(t, "batch")
					_, err := w.e.Ingest(w.ctx, w.p, batchOf(order[:n]...))
					w.must(err)
					order = order[n:]
				}
				got := append([]string{"planned:"}, w.plannedNow()...)
				for range 8 {
					w.now = w.now.AddDate(0, 0, 1)
					w.must(w.e.Plan(w.ctx))
					w.must(w.e.Fire(w.ctx))
				}
				got = append(append(got, "sent:"), w.firedNow()...)
				if round == 0 {
					want = got
				} else if diff := cmp.Diff(want, got); diff != "" {
					t.Fatalf("(-in order +as they came)\n%s", diff)
				}
			}
		})
	})
}

// anyStates are states of a customer and of two invoices, each under a version of
// its own, in the order of the versions.
func anyStates(t *rapid.T, w *world) []billing.Resource {
	w.now = time.Date(2026, 11, 23, 9, 0, 0, 0, time.UTC)
	list := []billing.Resource{w.customer("c0")}
	for i := range rapid.IntRange(2, 8).Draw(t, "states") {
		inv := w.due(rapid.SampledFrom([]string{"i1", "i2"}).Draw(t, "of"), "c0",
			w.now.AddDate(0, 0, rapid.IntRange(-3, 6).Draw(t, "due")).Format(time.DateOnly))
		inv.Version = billing.Version{Kind: billing.ByNumber, Number: int64(i + 1)}
		switch rapid.IntRange(0, 6).Draw(t, "state") {
		case 0:
			inv.PaymentStatus = billing.Paid
		case 1:
			inv.OnHold = true
		case 2:
			inv.Status = billing.InvoiceVoid
		case 3:
			inv.DueOn = ""
		}
		list = append(list, inv)
	}
	return list
}

func (w *world) firedNow() []string {
	w.Helper()
	var out []string
	for _, t := range w.triggers() {
		if t.Status == trigger.Fired {
			out = append(out, strings.Join([]string{t.ResourceID, t.Step, t.Occurrence}, " "))
		}
	}
	slices.Sort(out)
	return out
}
