package engine_test

import (
	"fmt"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/dunwellhq/dunwell/internal/billing"
	"github.com/dunwellhq/dunwell/internal/calendar"
)

// kindNames are the words for what the billing system tells of.
var kindNames = map[string]billing.Kind{
	"customer": billing.KindCustomer, "seller": billing.KindBillingEntity, "invoice": billing.KindInvoice,
	"payment": billing.KindPayment, "subscription": billing.KindSubscription, "trial": billing.KindSchedule,
	"wallet": billing.KindWallet,
}

var currency = regexp.MustCompile(`^[A-Z]{3}$`)

// resource tells a state: what was told before, but for what the line says.
// "invoice 1001 of ada: …", "invoice 1001: paid".
func (s *scenario) resource(line sentence) error {
	kind, known := kindNames[line.words[0]]
	if !known || len(line.words) < 2 {
		return fmt.Errorf("%q: %w", line.words[0], errUnknown)
	}
	key := billing.Key{Kind: kind, ID: line.words[1]}
	of := ""
	if len(line.words) == 4 && line.words[2] == "of" {
		of = line.words[3]
	}
	r := s.next(key)
	said := slices.DeleteFunc(slices.Clone(line.said), func(said string) bool { return said == "as history" })
	for _, what := range said {
		if err := s.set(r, what); err != nil {
			return err
		}
	}
	if of != "" {
		belongTo(r, of)
	}
	s.resources[key] = r
	return s.take(len(said) != len(line.said), s.copy(r))
}

// next is the state that follows what was told last, to be changed.
func (s *scenario) next(key billing.Key) billing.Resource {
	if r := s.resources[key]; r != nil {
		return s.copy(r)
	}
	switch key.Kind {
	case billing.KindCustomer:
		c := s.customer(key.ID)
		c.Locale = "en-GB"
		return c
	case billing.KindInvoice:
		i := s.invoice(key.ID, "")
		i.Number = key.ID
		return i
	case billing.KindPayment:
		return s.payment(key.ID, "")
	case billing.KindSubscription:
		sub := &billing.Subscription{Name: "Pro", Status: billing.SubscriptionActive}
		sub.ID = key.ID
		return sub
	case billing.KindSchedule:
		t := &billing.Schedule{Type: billing.Trial}
		t.ID = key.ID
		return t
	case billing.KindWallet:
		return s.wallet(key.ID, "", "")
	default:
		r := billing.New(key.Kind)
		r.Base().ID = key.ID
		return r
	}
}

// copy is a state that the engine may keep.
func (s *scenario) copy(r billing.Resource) billing.Resource {
	switch r := r.(type) {
	case *billing.Customer:
		c := *r
		return &c
	case *billing.BillingEntity:
		c := *r
		return &c
	case *billing.Invoice:
		c := *r
		return &c
	case *billing.Payment:
		c := *r
		return &c
	case *billing.Subscription:
		c := *r
		return &c
	case *billing.Schedule:
		c := *r
		return &c
	case *billing.Wallet:
		c := *r
		return &c
	default:
		s.Fatalf("%T is not told in scenarios", r)
		return nil
	}
}

func belongTo(r billing.Resource, id string) {
	switch r := r.(type) {
	case *billing.Invoice:
		r.CustomerID = billing.CustomerID(id)
	case *billing.Payment:
		r.InvoiceID = billing.InvoiceID(id)
	case *billing.Subscription:
		r.CustomerID = billing.CustomerID(id)
	case *billing.Schedule:
		r.SubscriptionID = billing.SubscriptionID(id)
	case *billing.Wallet:
		r.CustomerID = billing.CustomerID(id)
	}
}

func (s *scenario) set(r billing.Resource, said string) error {
	switch r := r.(type) {
	case *billing.Customer:
		return setCustomer(r, said)
	case *billing.BillingEntity:
		r.Timezone = strings.TrimPrefix(said, "zone ")
		return nil
	case *billing.Invoice:
		return s.setInvoice(r, said)
	case *billing.Payment:
		return setPayment(r, said)
	case *billing.Subscription:
		return s.setSubscription(r, said)
	case *billing.Schedule:
		return s.setTrial(r, said)
	case *billing.Wallet:
		return setWallet(r, said)
	default:
		return errUnknown
	}
}

func setCustomer(c *billing.Customer, said string) error {
	mail := func(on bool) []billing.Preference {
		return []billing.Preference{{Type: "INVOICE", Channels: []billing.Channel{{Type: "EMAIL", Enabled: on}}}}
	}
	what, value := cutLast(said)
	switch {
	case said == "closed":
		c.Status = billing.CustomerClosed
	case said == "open":
		c.Status = billing.CustomerActive
	case said == "wants no mail":
		c.NotificationPreferences = mail(false)
	case said == "wants mail":
		c.NotificationPreferences = mail(true)
	case said == "has no address":
		c.Email = ""
	case what == "zone":
		c.Timezone = value
	case what == "seller":
		c.BillingEntityID = value
	default:
		return fmt.Errorf("%q: %w", said, errUnknown)
	}
	return nil
}

// invoiceStates are the words for what an invoice may have become.
var invoiceStates = map[string]func(*billing.Invoice){
	"paid": func(i *billing.Invoice) {
		i.PaymentStatus, i.Open = billing.Paid, billing.Money{Quantity: "0", Currency: i.Currency}
	},
	"unpaid":      func(i *billing.Invoice) { i.PaymentStatus, i.Open = billing.Unpaid, i.Total },
	"credited":    func(i *billing.Invoice) { i.Open = billing.Money{Quantity: "0", Currency: i.Currency} },
	"credit note": func(i *billing.Invoice) { i.Type = billing.InvoiceCredit },
	"void":        func(i *billing.Invoice) { i.Status = billing.InvoiceVoid },
	"draft":       func(i *billing.Invoice) { i.Status, i.FinalAt = billing.InvoiceDraft, time.Time{} },
	"final":       func(i *billing.Invoice) { i.Status = billing.InvoiceFinal },
	"on hold":     func(i *billing.Invoice) { i.OnHold = true },
	"off hold":    func(i *billing.Invoice) { i.OnHold = false },
	"not due":     func(i *billing.Invoice) { i.DueOn, i.DueDate = "", time.Time{} },
	"no charge":   func(i *billing.Invoice) { i.ChargeAt = time.Time{} },
}

func (s *scenario) setInvoice(i *billing.Invoice, said string) (err error) {
	if become := invoiceStates[said]; become != nil {
		become(i)
		return nil
	}
	what, value, _ := strings.Cut(said, " ")
	switch {
	case currency.MatchString(value):
		i.Currency, i.Total = value, billing.Money{Quantity: billing.Decimal(what), Currency: value}
	case what == "open":
		i.PaymentStatus, i.Open = billing.PartiallyPaid, billing.Money{Quantity: billing.Decimal(value), Currency: i.Currency}
	case what == "due" && !strings.Contains(value, " "):
		i.DueOn, i.DueDate = value, time.Time{}
		_, err = calendar.ParseDay(value)
	case what == "due":
		i.DueOn = ""
		i.DueDate, err = s.instant(value)
	case what == "charge":
		i.ChargeAt, err = s.instant(value)
	case what == "dated":
		i.InvoiceDate, err = s.instant(value)
		i.FinalAt = i.InvoiceDate
	case what == "zone":
		i.Timezone = value
	case what == "seller":
		i.BillingEntityID = value
	case what == "subscription":
		i.SubscriptionIDs = []string{value}
	default:
		return fmt.Errorf("%q: %w", said, errUnknown)
	}
	return err
}

func setPayment(p *billing.Payment, said string) (err error) {
	what, value, _ := strings.Cut(said, " ")
	switch {
	case slices.Contains(billing.PaymentResults, billing.PaymentResult(said)):
		p.Result = billing.PaymentResult(said)
	case what == "attempt":
		p.Dunning.Attempt, err = strconv.Atoi(value)
	case currency.MatchString(value):
		p.Amount = billing.Money{Quantity: billing.Decimal(what), Currency: value}
	default:
		return fmt.Errorf("%q: %w", said, errUnknown)
	}
	return err
}

func (s *scenario) setSubscription(sub *billing.Subscription, said string) error {
	if status := billing.SubscriptionStatus(strings.ToUpper(said)); slices.Contains(billing.SubscriptionStatuses, status) {
		sub.Status = status
		return nil
	}
	end, ok := strings.CutPrefix(said, "trial until ")
	if !ok {
		return fmt.Errorf("%q: %w", said, errUnknown)
	}
	at, err := s.instant(end)
	sub.Schedules = []billing.ScheduleInfo{{ID: sub.ID + "-trial", Type: billing.Trial, StartAt: s.now, EndAt: at}}
	return err
}

func (s *scenario) setTrial(t *billing.Schedule, said string) (err error) {
	switch said {
	case "no trial":
		t.Type = billing.DefaultSchedule
		return nil
	case "a trial":
		t.Type = billing.Trial
		return nil
	}
	t.EndAt, err = s.instant(strings.TrimPrefix(said, "until "))
	return err
}

// setWallet reads "900 of 1000 credits", "9.50 EUR" and states.
func setWallet(w *billing.Wallet, said string) error {
	if status := billing.WalletStatus(strings.ToUpper(said)); slices.Contains(billing.WalletStatuses, status) {
		w.Status = status
		return nil
	}
	number, unit := cutLast(said)
	left, granted, _ := strings.Cut(number, " of ")
	if unit != "credits" {
		w.Balance, w.Granted = billing.Holding{Amount: billing.Money{Quantity: billing.Decimal(left), Currency: unit}}, billing.Holding{}
		return nil
	}
	w.Balance.Credits.Quantity = billing.Decimal(left)
	if granted != "" {
		w.Granted.Credits.Quantity = billing.Decimal(granted)
	}
	return nil
}

// bulkPrefix begins the ids of what is told by the thousand.
const bulkPrefix = "many-"

// bulk tells of many invoices at once: "10000 invoices of 100 customers: 100.00
// EUR, due 2020-01-01 to 2025-12-31". Their due dates are spread evenly over the
// days, and they come in batches of a thousand.
func (s *scenario) bulk(n int, line sentence) error {
	if len(line.words) != 5 || line.words[1] != "invoices" || line.words[4] != "customers" {
		return fmt.Errorf("want: 10000 invoices of 100 customers: 100.00 EUR, due 2020-01-01 to 2025-12-31")
	}
	owners, err := strconv.Atoi(line.words[3])
	if err != nil || owners < 1 {
		return fmt.Errorf("want a number of customers: %w", err)
	}
	many := bulk{scenario: s, n: n}
	for _, said := range line.said {
		if err := many.set(said); err != nil {
			return err
		}
	}
	var list []billing.Resource
	for i := range owners {
		list = append(list, s.next(billing.Key{Kind: billing.KindCustomer, ID: fmt.Sprintf("customer%d", i+1)}))
	}
	for i := range n {
		list = append(list, many.invoice(i, owners))
	}
	s.many += n
	for batch := range slices.Chunk(list, 1000) {
		if err := s.take(many.history, batch...); err != nil {
			return err
		}
	}
	return nil
}

type bulk struct {
	*scenario
	n        int
	from, to calendar.Date // of the due dates
	history  bool
	said     []string // of each
}

func (b *bulk) set(said string) (err error) {
	due, ok := strings.CutPrefix(said, "due ")
	switch {
	case said == "as history":
		b.history = true
	case ok:
		first, last, several := strings.Cut(due, " to ")
		if b.from, err = calendar.ParseDay(first); err != nil {
			return err
		}
		if b.to = b.from; several {
			b.to, err = calendar.ParseDay(last)
		}
	default:
		b.said = append(b.said, said)
	}
	return err
}

func (b *bulk) invoice(i, owners int) billing.Resource {
	r := b.next(billing.Key{Kind: billing.KindInvoice, ID: bulkPrefix + strconv.Itoa(b.many+i+1)})
	belongTo(r, fmt.Sprintf("customer%d", i%owners+1))
	r.(*billing.Invoice).DueOn = (b.from + calendar.Date(i*int(b.to-b.from+1)/b.n)).String() //nolint:forcetypeassert // next makes what its kind says
	for _, said := range b.said {
		if err := b.scenario.set(r, said); err != nil {
			b.Fatal(err)
		}
	}
	return r
}
