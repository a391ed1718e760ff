package engine_test

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/dunwellhq/dunwell/internal/billing"
	"github.com/dunwellhq/dunwell/internal/execution"
	"github.com/dunwellhq/dunwell/internal/message"
	"github.com/dunwellhq/dunwell/internal/store"
	"github.com/dunwellhq/dunwell/internal/trigger"
	"github.com/dunwellhq/dunwell/internal/workflow"
)

// told is one line of what comes of a scenario.
type told struct {
	at   time.Time
	who  string // what it is about
	step string
	what string
	bulk bool // of one of many, which are counted
}

// everything is a limit that no scenario reaches.
const everything = 1 << 20

// told says what was decided, in the order of time, with what was sent, and what
// is planned still.
func (s *scenario) told() string {
	s.Helper()
	triggers := map[trigger.ID]trigger.Trigger{}
	page, err := s.s.Triggers(s.ctx, s.p, store.Query{Page: 1, Limit: everything, Ascending: true})
	s.must(err)
	for _, t := range page.Items {
		triggers[t.ID] = t
	}
	var list []told
	mails := s.mails()
	for _, m := range s.moments(page.Items) {
		if line, ok := s.moment(m, triggers[m.TriggerID], mails); ok {
			list = append(list, line)
		}
	}
	slices.SortStableFunc(list, told.compare)
	text := s.write(list)
	return text + s.planned(page.Items)
}

func (a told) compare(b told) int {
	order := cmp.Or(a.at.Compare(b.at), cmp.Compare(a.who, b.who), cmp.Compare(a.step, b.step))
	if order == 0 && a.bulk {
		return cmp.Compare(a.what, b.what)
	}
	return order // of one trigger, as it was decided
}

// moments are the timelines of all customers, one behind the other. Of what is
// told by the thousand it is where each trigger and each message stands.
func (s *scenario) moments(triggers []trigger.Trigger) []execution.Moment {
	s.Helper()
	customers := map[string]bool{}
	var all []execution.Moment
	for _, t := range triggers {
		if isBulk(t) {
			all = append(all, execution.Moment{At: t.UpdatedAt, Of: execution.OfTrigger, Status: string(t.Status), Reason: t.Reason, TriggerID: t.ID})
		} else {
			customers[string(t.CustomerID)] = true
		}
	}
	for c := range customers {
		page, err := s.s.Timeline(s.ctx, s.p, billing.KindCustomer, c, store.Query{Page: 1, Limit: everything, Ascending: true})
		s.must(err)
		all = append(all, page.Items...)
	}
	page, err := s.s.Executions(s.ctx, s.p, store.Query{Page: 1, Limit: everything})
	s.must(err)
	for _, x := range page.Items {
		if strings.HasPrefix(x.ResourceID, bulkPrefix) {
			all = append(all, execution.Moment{At: x.UpdatedAt, Of: execution.OfExecution, Status: string(x.Status), Reason: x.Reason, TriggerID: x.TriggerID})
		}
	}
	return all
}

// mails are the messages in the outbox, by their execution.
func (s *scenario) mails() map[execution.ID]string {
	s.Helper()
	page, err := s.s.Outbox(s.ctx, s.p, store.Query{Page: 1, Limit: everything})
	s.must(err)
	mails := map[execution.ID]string{}
	for _, c := range page.Items {
		m, err := message.Decode([]byte(c.Content))
		s.must(err)
		var to []string
		for _, a := range m.To {
			to = append(to, a.Email)
		}
		mails[c.ExecutionID] = fmt.Sprintf("%s: %s", strings.Join(to, " and "), m.Subject)
	}
	return mails
}

// moment tells what a clerk wants to know of a moment: that something is planned
// is told at the end, that an attempt went well by its message.
func (s *scenario) moment(m execution.Moment, t trigger.Trigger, mails map[execution.ID]string) (told, bool) {
	line := told{at: m.At, who: s.nameOf(t), step: s.stepOf(t), bulk: isBulk(t)}
	switch {
	case m.Of == execution.OfAttempt, m.Status == string(trigger.Planned) && m.Reason == workflow.Sent:
		return told{}, false
	case m.Of == execution.OfTrigger:
		line.what = m.Status
	case m.Status == string(execution.Sent) && isBulk(t):
		line.what = "mail"
	case m.Status == string(execution.Sent):
		line.what = "mail to " + mails[m.ExecutionID]
	default:
		line.what = "mail " + m.Status
	}
	if m.Reason != workflow.Sent {
		line.what += " " + string(m.Reason)
	}
	return line, true
}

// nameOf names what a trigger is about. Of what a line like "10000 invoices" made
// none has a name.
func (s *scenario) nameOf(t trigger.Trigger) string {
	kind := map[billing.Kind]string{
		billing.KindInvoice: "invoice", billing.KindPayment: "payment",
		billing.KindSubscription: "subscription", billing.KindWallet: "wallet",
	}[t.Kind]
	if isBulk(t) {
		return kind + "s"
	}
	return kind + " " + t.ResourceID
}

func isBulk(t trigger.Trigger) bool { return strings.HasPrefix(t.ResourceID, bulkPrefix) }

// stepOf is the step of a trigger with the name of its workflow and the date from
// which it counts.
func (s *scenario) stepOf(t trigger.Trigger) string {
	text := s.names[t.WorkflowID]
	switch {
	case t.Step == "":
		return text
	case isBulk(t):
		return text + " " + t.Step
	case t.Variant == workflow.Overdue:
		return text + " " + t.Step + " after " + t.Occurrence
	default:
		return text + " " + t.Step + " before " + t.Occurrence
	}
}

// write writes lines in columns, and counts those that are alike.
func (s *scenario) write(list []told) string {
	var rows [][]string
	for i := 0; i < len(list); {
		n, alike := list[i], 1
		if next := i + 1; next < len(list) && n.sends(list[next]) {
			list[next].what = n.what + ", " + list[next].what
			i++
			continue
		}
		for i+alike < len(list) && list[i+alike].alike(n) {
			alike++
		}
		who := n.who
		if n.bulk {
			who = fmt.Sprintf("%d %s", alike, who)
		}
		rows = append(rows, []string{s.time(n.at), who, n.step, n.what})
		i += alike
	}
	return columns(rows)
}

func (a told) alike(b told) bool {
	return a.at.Equal(b.at) && a.who == b.who && a.step == b.step && a.what == b.what
}

// sends reports whether the next line is the message of what fired in this one.
func (a told) sends(next told) bool {
	return !a.bulk && a.what == string(trigger.Fired) && a.at.Equal(next.at) && a.who == next.who && a.step == next.step &&
		strings.HasPrefix(next.what, "mail ")
}

// planned tells what is still to come.
func (s *scenario) planned(triggers []trigger.Trigger) string {
	var list []told
	for _, t := range triggers {
		if t.Status == trigger.Planned {
			what := string(t.Reason)
			if t.Reason == workflow.Sent {
				what = "PLANNED for " + s.time(t.ScheduledAt)
			}
			list = append(list, told{who: s.nameOf(t), step: s.stepOf(t), what: what, bulk: isBulk(t)})
		}
	}
	if list == nil {
		return ""
	}
	slices.SortFunc(list, func(a, b told) int { return cmp.Or(a.compare(b), cmp.Compare(a.what, b.what)) })
	var b strings.Builder
	for line := range strings.Lines(s.write(list)) {
		_, line, _ = strings.Cut(line, "  ")
		b.WriteString("still: " + strings.TrimLeft(line, " "))
	}
	return b.String()
}

func (s *scenario) time(t time.Time) string { return t.In(s.zone).Format("Mon 2006-01-02 15:04") }

// columns writes rows with as much room for each cell as the widest of its
// column needs; the last has what is left.
func columns(rows [][]string) string {
	var width []int
	for _, row := range rows {
		for i, cell := range row[:len(row)-1] {
			if i == len(width) {
				width = append(width, 0)
			}
			width[i] = max(width[i], len(cell))
		}
	}
	var b strings.Builder
	for _, row := range rows {
		for i, cell := range row[:len(row)-1] {
			fmt.Fprintf(&b, "%-*s  ", width[i], cell)
		}
		b.WriteString(row[len(row)-1] + "\n")
	}
	return b.String()
}
