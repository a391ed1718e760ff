package engine_test

import (
	"errors"
	"fmt"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/dunwellhq/dunwell/internal/billing"
	"github.com/dunwellhq/dunwell/internal/calendar"
	"github.com/dunwellhq/dunwell/internal/engine"
	"github.com/dunwellhq/dunwell/internal/hold"
	"github.com/dunwellhq/dunwell/internal/platform"
	"github.com/dunwellhq/dunwell/internal/workflow"
)

// sentence is a line of what is given: what it is about, and what is said of it.
type sentence struct {
	words []string // before the colon
	said  []string // behind it, between commas
}

var stamped = regexp.MustCompile(`^(\d{4}-\d\d-\d\d \d\d:\d\d) +(.+)$`)

// line plays a line: the clock goes on to its time, if it has one, and what it
// says happens.
func (s *scenario) line(text string) error {
	s.Helper()
	if m := stamped.FindStringSubmatch(text); m != nil {
		at, err := s.instant(m[1])
		if err != nil {
			return err
		}
		if at.Before(s.now) {
			return fmt.Errorf("want a time at or after %s", s.now.In(s.zone).Format(minute))
		}
		s.advance(at)
		text = m[2]
	}
	before, after, said := strings.Cut(text, ": ")
	line := sentence{words: strings.Fields(before)}
	if said {
		after, asked, asks := strings.Cut(after, ", if ")
		for part := range strings.SplitSeq(after, ", ") {
			line.said = append(line.said, strings.TrimSpace(part))
		}
		if asks { // to the end of the line, commas and all
			line.said = append(line.said, "if "+asked)
		}
	}
	if err := s.happens(line); err != nil {
		return err
	}
	if !strings.HasSuffix(before, andThen) {
		s.settle()
	}
	return nil
}

func (s *scenario) happens(line sentence) error {
	switch line.words[0] {
	case "until", "down":
		return s.wait(line)
	case "platform":
		return s.changePlatform(line)
	case "workflow":
		return s.toldWorkflow(line)
	case "hold", "release":
		return s.hold(line)
	case "suppress":
		_, err := s.e.Suppress(s.ctx, s.p, hold.Suppression{Email: line.words[1], Reason: hold.ByHand})
		return err
	}
	if n, err := strconv.Atoi(line.words[0]); err == nil {
		return s.bulk(n, line)
	}
	return s.resource(line)
}

// andThen ends "down until … and then": the next line comes before the engine has
// looked around.
const andThen = " and then"

// wait moves the clock: "until" with the engine at work, "down until" without.
func (s *scenario) wait(line sentence) error {
	at := strings.Join(line.words[slices.Index(line.words, "until")+1:], " ")
	end, err := s.instant(strings.TrimSuffix(at, andThen))
	if err != nil {
		return err
	}
	if line.words[0] == "until" {
		s.advance(end)
		return nil
	}
	s.now = end
	return nil
}

// instant reads a time in the scenario's zone; of a date alone, its beginning.
func (s *scenario) instant(text string) (time.Time, error) {
	if !strings.Contains(text, " ") {
		text += " 00:00"
	}
	at, err := time.ParseInLocation(minute, text, s.zone)
	return at.UTC(), err
}

var errUnknown = errors.New("nothing is known by that name")

// changePlatform changes the settings of the platform.
func (s *scenario) changePlatform(line sentence) error {
	_, err := s.e.ChangePlatform(s.ctx, s.p, func(p *platform.Platform) error {
		for _, said := range line.said {
			if err := setPlatform(p, said); err != nil {
				return err
			}
		}
		return nil
	})
	return err
}

func setPlatform(p *platform.Platform, said string) error {
	c := platform.Calendar{}
	if p.Calendar != nil {
		c = *p.Calendar
	}
	if said == "no holidays" {
		p.Calendar = nil
		return nil
	}
	what, value := cutLast(said)
	switch what {
	case "zone":
		p.Timezone = value
		return nil
	case "sending":
		p.Sending = platform.Sending(value)
		return nil
	case "seller":
		p.DefaultBillingEntityID = value
		return nil
	case "holiday region":
		c.HolidayRegion = value
	case "closed on":
		c.WeekendDays = append(slices.Clone(c.WeekendDays), platform.Weekday(value))
	case "holiday":
		c.Holidays = append(slices.Clone(c.Holidays), value)
	default:
		return fmt.Errorf("%q: %w", said, errUnknown)
	}
	p.Calendar = &c
	_, err := c.Days(time.Time{}.AddDate(2026, 0, 0))
	return err
}

// cutLast cuts the last word off.
func cutLast(text string) (before, last string) {
	i := strings.LastIndex(text, " ")
	if i < 0 {
		return text, ""
	}
	return text[:i], text[i+1:]
}

// toldWorkflow makes or changes a workflow: "workflow dunning OVERDUE: …" makes
// one, "workflow dunning: …" changes it.
func (s *scenario) toldWorkflow(line sentence) error {
	name := line.words[1]
	change := func(w *workflow.Workflow) error {
		w.Name, w.Reference = name, name
		for _, said := range line.said {
			if err := setWorkflow(w, said); err != nil {
				return err
			}
		}
		return nil
	}
	if id, known := s.workflows[name]; known {
		_, err := s.e.ChangeWorkflow(s.ctx, s.p, string(id), change)
		return err
	}
	if len(line.words) != 3 {
		return fmt.Errorf("want: workflow %s OVERDUE: after DAY 7", name)
	}
	var wrong error
	w := s.workflow(workflow.Variant(line.words[2]), func(w *workflow.Workflow) { wrong = change(w) })
	s.workflows[name], s.names[w.ID] = w.ID, name
	return wrong
}

func setWorkflow(w *workflow.Workflow, said string) error {
	what, value, _ := strings.Cut(said, " ")
	switch what {
	case "after", "before":
		return setPeriods(w, value)
	case "below":
		return setThreshold(w.Wallet.Balance, value)
	case "of": // of type credits
		w.Wallet.Balance.WalletTypeID = strings.TrimPrefix(value, "type ")
	case "for":
		w.CustomerIDs = nil
		if value != "everybody" {
			w.CustomerIDs = customers(value)
		}
	case "if":
		w.Conditions = value
	case "priority":
		n, err := strconv.Atoi(value)
		w.Priority = &n
		return err
	case "not": // not for eve
		w.ExcludedIDs = customers(strings.TrimPrefix(value, "for "))
	default:
		return setSchedule(w, said)
	}
	return nil
}

func customers(names string) []billing.CustomerID {
	var list []billing.CustomerID
	for name := range strings.SplitSeq(names, " and ") {
		if name != "nobody" {
			list = append(list, billing.CustomerID(name))
		}
	}
	return list
}

func setPeriods(w *workflow.Workflow, text string) error {
	var periods []calendar.Period
	for part := range strings.SplitSeq(text, " and ") {
		p, ok := calendar.ParsePeriod(strings.Replace(part, " ", ":", 1))
		if !ok {
			return fmt.Errorf("%q is no period such as DAY 7", part)
		}
		periods = append(periods, p)
	}
	switch w.Variant() {
	case workflow.Overdue:
		w.Invoice = &workflow.InvoiceConfig{Variant: w.Variant(), Overdue: &workflow.Periods{Periods: periods}}
	case workflow.UpcomingPaymentRemind:
		w.Invoice = &workflow.InvoiceConfig{Variant: w.Variant(), UpcomingPayment: &workflow.Periods{Periods: periods}}
	default:
		w.Subscription = &workflow.SubscriptionConfig{Variant: w.Variant(), ReminderPeriods: periods}
	}
	return nil
}

func setThreshold(c *workflow.BalanceConfig, text string) error {
	number, unit, _ := strings.Cut(text, " ")
	switch {
	case strings.HasSuffix(number, "%"):
		c.Threshold = &workflow.Threshold{Percentage: billing.Decimal(strings.TrimSuffix(number, "%"))}
	case unit == "credits":
		c.Threshold = &workflow.Threshold{Credits: &billing.Credits{Quantity: billing.Decimal(number), CreditTypeID: "api"}}
	case currency.MatchString(unit):
		c.Threshold = &workflow.Threshold{Amount: &billing.Money{Quantity: billing.Decimal(number), Currency: unit}}
	default:
		return fmt.Errorf("%q is no threshold such as 5 credits, 10.00 EUR or 10%%", text)
	}
	return nil
}

func setSchedule(w *workflow.Workflow, said string) error {
	what, value := cutLast(said)
	s := &w.Schedule
	switch {
	case slices.Contains(workflow.Statuses, workflow.Status(strings.ToUpper(said))):
		w.Status = workflow.Status(strings.ToUpper(said))
	case said == "business days only":
		s.BusinessDaysOnly = true
	case said == "every day":
		s.BusinessDaysOnly = false
	case what == "catch up":
		s.CatchUp = workflow.CatchUp(value)
	case what == "backfill":
		s.Backfill = workflow.Backfill(value)
	case what == "send at", what == "send until":
		at, err := calendar.ParseTimeOfDay(value)
		if err != nil {
			return err
		}
		if what == "send at" {
			s.SendAt = &at
		} else {
			s.SendUntil = &at
		}
	case strings.HasPrefix(said, "at most "): // at most DAY 5 late
		p, ok := calendar.ParsePeriod(strings.Replace(strings.TrimPrefix(what, "at most "), " ", ":", 1))
		if !ok {
			return fmt.Errorf("%q: want at most DAY 5 late", said)
		}
		s.MaxLateness = p
	default:
		return fmt.Errorf("%q: %w", said, errUnknown)
	}
	return nil
}

// hold sets or releases a hold: "hold on invoice 1001: DISPUTE, until 2026-02-20",
// "release invoice 1001".
func (s *scenario) hold(line sentence) error {
	words := line.words[len(line.words)-2:]
	key := billing.Key{Kind: kindNames[words[0]], ID: words[1]}
	if line.words[0] == "release" {
		_, err := s.e.ReleaseHold(s.ctx, s.p, s.holds[key])
		return err
	}
	h := hold.Hold{Scope: key.Kind, ResourceID: key.ID, Reason: hold.Reason(line.said[0])}
	for _, said := range line.said[1:] {
		h.Until = strings.TrimPrefix(said, "until ")
	}
	h, err := s.e.CreateHold(s.ctx, s.p, h)
	s.holds[key] = h.ID
	return err
}

// ingest takes a state in as the billing system tells it. history brings no
// events.
func (s *scenario) take(history bool, list ...billing.Resource) error {
	batch := engine.Batch{NoEvents: history}
	for _, r := range list {
		batch.Items = append(batch.Items, billing.Item{Resource: r})
	}
	results, err := s.e.Ingest(s.ctx, s.p, batch)
	for _, r := range results {
		err = errors.Join(err, r.Err)
	}
	return err
}
