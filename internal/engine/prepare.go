package engine

import (
	"cmp"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/dunwellhq/dunwell/internal/billing"
	"github.com/dunwellhq/dunwell/internal/execution"
	"github.com/dunwellhq/dunwell/internal/fault"
	"github.com/dunwellhq/dunwell/internal/hold"
	"github.com/dunwellhq/dunwell/internal/message"
	"github.com/dunwellhq/dunwell/internal/platform"
	"github.com/dunwellhq/dunwell/internal/store"
	"github.com/dunwellhq/dunwell/internal/workflow"
)

// job is one execution on its way through a drain.
type job struct {
	x           execution.Execution
	integration platform.Integration
	prepared    store.Prepared
	message     message.Message

	// What speaks against sending it: a decision, or a defect of the message.
	skip   workflow.Reason
	defect string
	kept   bool // not every recipient may be written to: it is captured instead of sent

	session Session            // open and authenticated; nil where none is needed or to be had
	slot    *slots             // taken together with the session
	refused *execution.Outcome // why there is no session
	waits   bool               // no slot of the integration was free

	claimed     bool
	token       string
	onAmbiguous workflow.OnAmbiguous
	tests       bool // its platform may have a clock of its own
	lane        store.Lane
}

// prepare renders the messages of executions from the states as they are now.
// Nothing is locked: the claim compares the revisions that a message shows with
// those it finds, and what differs is prepared again. Bytes that were frozen by
// an unknown outcome are taken as they are.
func (e *Engine) prepare(ctx context.Context, p platform.Platform, due []execution.Execution) ([]*job, error) {
	seen, err := look(ctx, e.store.Reader, p, due, e.clockOf(p))
	if err != nil {
		return nil, err
	}
	frozen, err := e.frozen(ctx, p.ID, due)
	if err != nil {
		return nil, err
	}
	integrations := map[platform.IntegrationID]platform.Integration{}
	jobs := make([]*job, len(due))
	for i, x := range due {
		j := &job{x: x, lane: store.Lane{PlatformID: p.ID, Number: x.Lane}}
		jobs[i] = j
		if x.Action.SendEmail == nil {
			j.defect = "the action has no configuration"
			continue
		}
		id := x.Action.SendEmail.IntegrationID
		in, ok := integrations[id]
		if !ok {
			in, err = e.store.OpenIntegration(ctx, p.ID, id)
			switch {
			case errors.Is(err, store.ErrSealed) && in.EmailProvider.Variant == platform.System: // it uses none
			case errors.Is(err, store.ErrSealed):
				j.refused = &execution.Outcome{Kind: execution.Deferred, Reply: err.Error()}
				continue
			case fault.Is(err, fault.NotFound): // deleted, which waits for what is open
				j.defect = "its integration was deleted"
				continue
			case err != nil:
				return nil, fmt.Errorf("reading the integration of execution %s: %w", x.ID, err)
			}
			integrations[id] = in
		}
		j.integration = in
		if kept, ok := frozen[x.ID]; ok {
			j.prepared = kept
			if j.message, err = message.Decode([]byte(kept.Content)); err != nil {
				j.defect = "the stored message cannot be read: " + err.Error()
			}
			j.kept = !p.Delivers(j.message.Recipients())
			continue
		}
		if err := e.render(j, p, seen); err != nil {
			return nil, err
		}
	}
	return jobs, nil
}

// frozen reads the messages whose bytes must not change any more.
func (e *Engine) frozen(ctx context.Context, p platform.ID, due []execution.Execution) (map[execution.ID]store.Prepared, error) {
	var ids []string
	for _, x := range due {
		if x.FrozenHash != "" {
			ids = append(ids, string(x.ID))
		}
	}
	if len(ids) == 0 {
		return nil, nil //nolint:nilnil // nothing is frozen
	}
	return e.store.ReadPrepared(ctx, p, ids)
}

// render makes the message of one job, or notes why there is none.
func (e *Engine) render(j *job, p platform.Platform, seen *sight) error {
	facts, shows := seen.facts(p, j.x), seen.shows(p, j.x)
	j.prepared = store.Prepared{ExecutionID: j.x.ID, Shows: shows}
	if j.skip = stands(j.x, facts); j.skip != workflow.Sent {
		return nil
	}
	from := ""
	if smtp := j.integration.EmailProvider.SMTP; smtp != nil {
		from = smtp.From
	}
	m, err := e.renderer.Render(message.Input{
		Variant:     j.x.Variant,
		Email:       *j.x.Action.SendEmail,
		Facts:       facts,
		Platform:    p,
		DefaultFrom: from,
		DeliveryKey: deliveryKey(j.x.ID, shows),
		Now:         e.clockOf(p),
		Suppressed:  func(email string) bool { return seen.suppressed.of(email) != "" },
	})
	if err != nil {
		j.skip, j.defect = unrendered(err)
		return nil
	}
	if about := j.x.Action.SendEmail.Invoice; about != nil && about.IncludePDF {
		m.Warnings = append(m.Warnings, "the action asks for the PDF; this version attaches none")
	}
	if p.Sending == platform.Redirect {
		m.To = []message.Address{{Name: m.To[0].Name, Email: p.RedirectTo}}
		m.CC, m.BCC = nil, nil
		if seen.suppressed.of(p.RedirectTo) != "" {
			j.skip = workflow.Suppressed
			return nil
		}
	}
	if j.kept = !p.Delivers(m.Recipients()); j.kept {
		m.Warnings = append(m.Warnings, "captured in the outbox instead of sent: "+notAllowed)
	}
	raw, err := m.Encode()
	if err != nil {
		return fmt.Errorf("encoding the message of execution %s: %w", j.x.ID, err)
	}
	j.message = m
	j.prepared.Content, j.prepared.Hash = string(raw), message.Hash(raw)
	return nil
}

// notAllowed is why a TEST platform keeps a message.
const notAllowed = "this is a TEST platform, and not every recipient is one of its allowed_recipients"

// unrendered says what an error of rendering means: a decision, or a defect of
// this message alone.
func unrendered(err error) (workflow.Reason, string) {
	switch {
	case errors.Is(err, message.ErrNoRecipient):
		return workflow.NoRecipient, ""
	case errors.Is(err, message.ErrPreferenceOff):
		return workflow.PreferenceOff, ""
	case errors.Is(err, message.ErrSuppressed):
		return workflow.Suppressed, ""
	default:
		return workflow.Sent, err.Error()
	}
}

// deliveryKey names one delivery: the same execution showing the same states
// has the same key on every node, and another one once a state has changed.
func deliveryKey(id execution.ID, shows string) string {
	sum := sha256.Sum256([]byte(shows))
	return string(id) + "-" + hex.EncodeToString(sum[:6])
}

// sight is what a batch of executions is about, as it was read.
type sight struct {
	resources map[billing.Key]billing.Resource // what is known
	revisions map[billing.Key]int64            // of those
	contacts  map[billing.CustomerID][]*billing.Contact

	holds      holds
	suppressed suppressed
}

// look reads everything that the messages of the executions show, and what keeps
// them from going although the states allow it.
func look(ctx context.Context, r store.Reader, p platform.Platform, due []execution.Execution, now time.Time) (*sight, error) {
	s := &sight{
		resources:  map[billing.Key]billing.Resource{},
		revisions:  map[billing.Key]int64{},
		contacts:   map[billing.CustomerID][]*billing.Contact{},
		holds:      holds{},
		suppressed: suppressed{},
	}
	ids := about(due)
	if err := s.read(ctx, r, p.ID, ids); err != nil {
		return nil, err
	}
	named := keys{} // by what has been read
	for _, x := range due {
		named.add(billing.KindBillingEntity, s.entityOf(p, x))
		named.add(billing.KindWalletType, s.walletTypeOf(x))
	}
	if err := s.read(ctx, r, p.ID, named); err != nil {
		return nil, err
	}
	contacts, err := r.ReadContacts(ctx, p.ID, ids.sorted(billing.KindCustomer, nil))
	if err != nil {
		return nil, err
	}
	for _, row := range contacts {
		contact, err := row.Resource()
		if err != nil {
			return nil, err
		}
		if c, ok := contact.(*billing.Contact); ok {
			s.contacts[c.CustomerID] = append(s.contacts[c.CustomerID], c)
		}
	}
	return s, s.readStops(ctx, r, p, due, now)
}

// readStops reads the holds on what the executions are about, and which of the
// addresses that their messages may go to are suppressed.
func (s *sight) readStops(ctx context.Context, r store.Reader, p platform.Platform, due []execution.Execution, now time.Time) error {
	asked := map[billing.Key]bool{}
	var keys []billing.Key
	var addresses []string
	for _, x := range due {
		for _, k := range hold.On(x.CustomerID, s.invoiceOf(x)) {
			if !asked[k] {
				asked[k] = true
				keys = append(keys, k)
			}
		}
		addresses = append(addresses, s.addresses(p, x)...)
	}
	if err := s.holds.add(ctx, r, p.ID, keys, now); err != nil {
		return err
	}
	if err := s.suppressed.add(ctx, r, p.ID, addresses); err != nil {
		return fmt.Errorf("reading suppressions: %w", err)
	}
	return nil
}

func (s *sight) invoiceOf(x execution.Execution) *billing.Invoice {
	inv, _ := s.find(billing.KindInvoice, string(x.InvoiceID)).(*billing.Invoice)
	return inv
}

// addresses are those that an execution's message may go to, in a fixed order.
func (s *sight) addresses(p platform.Platform, x execution.Execution) []string {
	var list []string
	if c, ok := s.find(billing.KindCustomer, string(x.CustomerID)).(*billing.Customer); ok {
		list = append(list, c.Email)
	}
	if email := x.Action.SendEmail; email != nil {
		list = slices.Concat(list, email.CC, email.BCC)
		if email.ContactsAsCC() {
			for _, c := range s.contacts[x.CustomerID] {
				list = append(list, c.Email)
			}
		}
	}
	if p.Sending == platform.Redirect {
		list = append(list, p.RedirectTo)
	}
	return list
}

// about lists what executions are about.
func about(list []execution.Execution) keys {
	k := keys{}
	for _, x := range list {
		k.add(billing.KindCustomer, string(x.CustomerID))
		k.add(billing.KindInvoice, string(x.InvoiceID))
		k.add(billing.KindSchedule, x.ScheduleID)
		k.add(x.Kind, x.ResourceID)
	}
	return k
}

// read reads resources and decodes those that are known.
func (s *sight) read(ctx context.Context, r store.Reader, p platform.ID, ids keys) error {
	for kind := range ids {
		rows, err := r.ReadResources(ctx, p, kind, ids.sorted(kind, nil))
		if err != nil {
			return err
		}
		for id, row := range rows {
			resource, err := row.Resource()
			if err != nil {
				return err
			}
			if resource != nil {
				key := billing.Key{Kind: kind, ID: id}
				s.resources[key], s.revisions[key] = resource, row.Revision
			}
		}
	}
	return nil
}

func (s *sight) find(kind billing.Kind, id string) billing.Resource {
	return s.resources[billing.Key{Kind: kind, ID: id}]
}

// entityOf is the seller of an execution's message: the invoice's or the
// subscription's, else the customer's, else the platform's.
func (s *sight) entityOf(p platform.Platform, x execution.Execution) string {
	own := ""
	switch {
	case x.InvoiceID != "":
		if inv, ok := s.find(billing.KindInvoice, string(x.InvoiceID)).(*billing.Invoice); ok {
			own = inv.BillingEntityID
		}
	case x.Kind == billing.KindSubscription:
		if sub, ok := s.find(x.Kind, x.ResourceID).(*billing.Subscription); ok {
			own = sub.BillingEntityID
		}
	}
	if c, ok := s.find(billing.KindCustomer, string(x.CustomerID)).(*billing.Customer); ok {
		own = cmp.Or(own, c.BillingEntityID)
	}
	return cmp.Or(own, p.DefaultBillingEntityID)
}

func (s *sight) walletTypeOf(x execution.Execution) string {
	if w, ok := s.find(billing.KindWallet, x.Of(billing.KindWallet)).(*billing.Wallet); ok {
		return string(w.WalletTypeID)
	}
	return ""
}

// parts are what a message is made of, in a fixed order.
func (s *sight) parts(p platform.Platform, x execution.Execution) []billing.Key {
	return []billing.Key{
		{Kind: billing.KindCustomer, ID: string(x.CustomerID)},
		{Kind: billing.KindInvoice, ID: string(x.InvoiceID)},
		{Kind: billing.KindPayment, ID: x.Of(billing.KindPayment)},
		{Kind: billing.KindSubscription, ID: x.Of(billing.KindSubscription)},
		{Kind: billing.KindSchedule, ID: x.ScheduleID},
		{Kind: billing.KindWallet, ID: x.Of(billing.KindWallet)},
		{Kind: billing.KindWalletType, ID: s.walletTypeOf(x)},
		{Kind: billing.KindBillingEntity, ID: s.entityOf(p, x)},
	}
}

func (s *sight) facts(p platform.Platform, x execution.Execution) workflow.Facts {
	f := workflow.Facts{Contacts: slices.Clone(s.contacts[x.CustomerID])}
	for _, key := range s.parts(p, x) {
		f.Take(s.resources[key])
	}
	schedule, _ := s.find(billing.KindSchedule, x.ScheduleID).(*billing.Schedule)
	f.Trial = f.Subscription.ScheduleOf(x.ScheduleID, schedule)
	f.Holds = s.holds.on(x.CustomerID, f.Invoice)
	return f
}

// shows names the states that a message is made of, and what keeps it or a copy
// of it from going: the claim takes a message only while they are the stored
// ones. A customer's revision covers contacts.
func (s *sight) shows(p platform.Platform, x execution.Execution) string {
	var b strings.Builder
	for _, key := range s.parts(p, x) {
		if key.ID != "" {
			fmt.Fprintf(&b, "%s %s %d ", key.Kind, key.ID, s.revisions[key])
		}
	}
	for _, h := range s.holds.on(x.CustomerID, s.invoiceOf(x)) {
		fmt.Fprintf(&b, "%s ", h.ID)
	}
	for _, a := range s.addresses(p, x) {
		if id := s.suppressed.of(a); id != "" {
			fmt.Fprintf(&b, "%s ", id)
		}
	}
	fmt.Fprintf(&b, "sending %s %s platform %d", p.Sending, p.RedirectTo, p.UpdatedAt.UnixMicro())
	return b.String()
}
