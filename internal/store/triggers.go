package store

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/go-json-experiment/json"

	"github.com/dunwellhq/dunwell/internal/billing"
	"github.com/dunwellhq/dunwell/internal/execution"
	"github.com/dunwellhq/dunwell/internal/platform"
	"github.com/dunwellhq/dunwell/internal/trigger"
	"github.com/dunwellhq/dunwell/internal/workflow"
)

const triggerColumns = `platform_id, id, type, status, reason, workflow_id, variant, step, kind, resource_id, occurrence,
	customer_id, invoice_id, workflow_version, event_at, scheduled_at, details, created_at, updated_at`

func scanTrigger(rs rows) (trigger.Trigger, error) {
	var t trigger.Trigger
	var event, scheduled, created, updated int64
	var details []byte
	err := rs.Scan(&t.PlatformID, &t.ID, &t.Type, &t.Status, &t.Reason, &t.WorkflowID, &t.Variant, &t.Step, &t.Kind,
		&t.ResourceID, &t.Occurrence, &t.CustomerID, &t.InvoiceID, &t.WorkflowVersion, &event, &scheduled, &details, &created, &updated)
	if err != nil {
		return t, err
	}
	t.EventAt, t.ScheduledAt, t.CreatedAt, t.UpdatedAt = instant(event), instant(scheduled), instant(created), instant(updated)
	if len(details) == 0 {
		return t, nil
	}
	return t, json.Unmarshal(details, &t.Details)
}

var triggerList = list{
	from:    "triggers",
	columns: triggerColumns,
	where:   "created_at > 0",
	order:   []string{"created_at", "updated_at", "status", "type"},
	filters: with(columns("id", "type", "status", "workflow_id", "customer_id", "invoice_id", "created_at", "updated_at"), map[string]field{
		"payment_id":                   idOf(billing.KindPayment),
		"pricing_plan_subscription_id": idOf(billing.KindSubscription),
		"wallet_id":                    idOf(billing.KindWallet),
	}),
}

// Trigger reads a trigger.
func (r Reader) Trigger(ctx context.Context, p platform.ID, id trigger.ID) (trigger.Trigger, error) {
	t, err := one(ctx, r.c, scanTrigger,
		`SELECT `+triggerColumns+` FROM triggers WHERE platform_id = $1 AND id = $2`, string(p), string(id))
	if errors.Is(err, errNoRow) {
		return t, notFound("WORKFLOW_TRIGGER", "workflow trigger", string(id))
	}
	return t, err
}

// TriggersByID reads triggers by their ids.
func (r Reader) TriggersByID(ctx context.Context, p platform.ID, ids []string) (map[trigger.ID]trigger.Trigger, error) {
	list, err := lookUp(ctx, r.c, scanTrigger,
		`SELECT `+triggerColumns+` FROM triggers WHERE platform_id = $1 AND id = $2`, keyed(ids, string(p)))
	found := make(map[trigger.ID]trigger.Trigger, len(list))
	for _, t := range list {
		found[t.ID] = t
	}
	return found, err
}

// Triggers lists triggers.
func (r Reader) Triggers(ctx context.Context, p platform.ID, q Query) (Page[trigger.Trigger], error) {
	return page(ctx, r, triggerList, scanTrigger, string(p), q)
}

// InsertTriggers stores triggers and reports which are new: one whose key is
// taken is left out, however many nodes insert it at once.
func (tx *Tx) InsertTriggers(ctx context.Context, list []trigger.Trigger) ([]bool, error) {
	args := make([][]any, len(list))
	for i, t := range list {
		details := ""
		if t.Details != (trigger.Details{}) {
			var err error
			if details, err = encode(t.Details); err != nil {
				return nil, err
			}
		}
		facts, err := encodeFacts(t.Facts)
		if err != nil {
			return nil, err
		}
		args[i] = []any{
			string(t.PlatformID), string(t.ID), string(t.Type), string(t.Status), string(t.Reason), string(t.WorkflowID),
			string(t.Variant), t.Step, string(t.Kind), t.ResourceID, t.Occurrence, string(t.CustomerID), string(t.InvoiceID),
			t.WorkflowVersion, micros(t.EventAt), micros(t.ScheduledAt), details, micros(t.CreatedAt), micros(t.UpdatedAt),
			facts, 1, micros(t.CreatedAt),
		}
	}
	inserted, err := tx.c.writeRows(ctx, insertTriggers, args)
	if err != nil {
		return nil, fmt.Errorf("inserting triggers: %w", err)
	}
	return inserted, nil
}

func insertTriggers(rows int) string {
	return `INSERT INTO triggers (` + triggerColumns + `, facts, decision, decided_at) VALUES ` + values(rows, 22) + ` ON CONFLICT DO NOTHING`
}

// LockedTrigger reads the EVENT trigger of a key for a change of it.
func (tx *Tx) LockedTrigger(ctx context.Context, p platform.ID, k trigger.Key) (trigger.Trigger, error) {
	return one(ctx, tx.c, scanTrigger,
		`SELECT `+triggerColumns+` FROM triggers WHERE platform_id = $1 AND workflow_id = $2 AND variant = $3 AND step = $4
		 AND kind = $5 AND resource_id = $6 AND occurrence = $7 AND type = 'EVENT' FOR UPDATE`,
		string(p), string(k.WorkflowID), string(k.Variant), k.Step, string(k.Kind), k.ResourceID, k.Occurrence)
}

// WaitingForCustomers reads and locks the triggers that wait for one of these
// customers to become known.
func (tx *Tx) WaitingForCustomers(ctx context.Context, p platform.ID, customers []string) ([]trigger.Trigger, error) {
	return lookUp(ctx, tx.c, scanTrigger,
		`SELECT `+triggerColumns+` FROM triggers WHERE platform_id = $1 AND customer_id = $2
		 AND status = 'PLANNED' AND reason = 'WAITING_FOR_CUSTOMER' FOR UPDATE`, keyed(customers, string(p)))
}

// WaitingForInvoices reads and locks the triggers that wait for one of these
// invoices, or for the customer of one, to become known.
func (tx *Tx) WaitingForInvoices(ctx context.Context, p platform.ID, invoices []string) ([]trigger.Trigger, error) {
	return tx.lockedAbout(ctx, p, invoices, `status = 'PLANNED' AND reason = 'WAITING_FOR_CUSTOMER'`)
}

// NotFired reads and locks the EVENT triggers of invoices, and of their payments,
// that were skipped or cancelled.
func (tx *Tx) NotFired(ctx context.Context, p platform.ID, invoices []string) ([]trigger.Trigger, error) {
	return tx.lockedAbout(ctx, p, invoices, `status IN ('SKIPPED', 'CANCELLED')`)
}

// lockedAbout reads and locks the EVENT triggers of invoices and of their payments
// in which something else holds that no FIRED one fulfils. Those of invoices are
// found by their key: an index of their own would be written for each reminder.
func (tx *Tx) lockedAbout(ctx context.Context, p platform.ID, invoices []string, holds string) ([]trigger.Trigger, error) {
	var found []trigger.Trigger
	for _, which := range []string{
		`kind = 'INVOICE' AND resource_id = $2`,
		`kind = 'PAYMENT' AND invoice_id = $2 AND invoice_id <> '' AND status <> 'FIRED'`,
	} {
		list, err := lookUp(ctx, tx.c, scanTrigger,
			`SELECT `+triggerColumns+` FROM triggers WHERE platform_id = $1 AND `+which+` AND type = 'EVENT' AND `+holds+` FOR UPDATE`,
			keyed(invoices, string(p)))
		if err != nil {
			return nil, err
		}
		found = append(found, list...)
	}
	return found, nil
}

// StoppedByClosing reads and locks the triggers of customers that were stopped
// because the customer was closed.
func (tx *Tx) StoppedByClosing(ctx context.Context, p platform.ID, customers []string) ([]trigger.Trigger, error) {
	return lookUp(ctx, tx.c, scanTrigger,
		`SELECT `+triggerColumns+` FROM triggers WHERE platform_id = $1 AND customer_id = $2
		 AND reason = 'CUSTOMER_CLOSED' FOR UPDATE`, keyed(customers, string(p)))
}

// NotFiredOfWallets reads and locks the triggers of wallets that wait, or that
// were skipped or cancelled.
func (tx *Tx) NotFiredOfWallets(ctx context.Context, p platform.ID, wallets []string) ([]trigger.Trigger, error) {
	return lookUp(ctx, tx.c, scanTrigger,
		`SELECT `+triggerColumns+` FROM triggers WHERE platform_id = $1 AND kind = 'WALLET' AND resource_id = $2 AND type = 'EVENT'
		 AND status IN ('PLANNED', 'SKIPPED', 'CANCELLED') FOR UPDATE`, keyed(wallets, string(p)))
}

// TriggersOfWallet reads what a workflow made of the events of a wallet.
func (r Reader) TriggersOfWallet(ctx context.Context, p platform.ID, w workflow.ID, wallet string) ([]trigger.Trigger, error) {
	return all(ctx, r.c, scanTrigger,
		`SELECT `+triggerColumns+` FROM triggers WHERE platform_id = $1 AND kind = 'WALLET' AND resource_id = $2 AND type = 'EVENT'
		 AND workflow_id = $3`, string(p), wallet, string(w))
}

// Rivals reads what other workflows made of the event that a key is about.
func (r Reader) Rivals(ctx context.Context, p platform.ID, k trigger.Key) ([]trigger.Trigger, error) {
	list, err := all(ctx, r.c, scanTrigger,
		`SELECT `+triggerColumns+` FROM triggers WHERE platform_id = $1 AND kind = $2 AND resource_id = $3 AND variant = $4
		 AND step = $5 AND occurrence = $6 AND workflow_id <> $7 AND type = 'EVENT' ORDER BY id`,
		string(p), string(k.Kind), k.ResourceID, string(k.Variant), k.Step, k.Occurrence, string(k.WorkflowID))
	if err != nil {
		return nil, fmt.Errorf("reading what other workflows made of an event: %w", err)
	}
	return list, nil
}

// CancelEmptyTriggers cancels the triggers of executions that were cancelled,
// where no execution was sent, may have been, or is still to be.
func (tx *Tx) CancelEmptyTriggers(ctx context.Context, cancelled []execution.Execution) error {
	const empty = `platform_id = $1 AND id = $2 AND NOT EXISTS (
		     SELECT 1 FROM executions e WHERE e.platform_id = $1 AND e.trigger_id = $2
		     AND (e.status NOT IN ('CANCELLED', 'SKIPPED') OR e.frozen_hash <> ''))`
	var changes, args [][]any
	seen := map[trigger.ID]bool{} // a trigger has an execution for each action
	for _, x := range cancelled {
		if !seen[x.TriggerID] {
			seen[x.TriggerID] = true
			change := []any{string(x.PlatformID), string(x.TriggerID), string(trigger.Cancelled), string(x.Reason)}
			changes, args = append(changes, change), append(args, append(change, micros(x.UpdatedAt)))
		}
	}
	if err := tx.keepDecisions(ctx, empty, changes); err != nil {
		return err
	}
	_, err := tx.c.execMany(ctx, `UPDATE triggers SET `+decided+`, facts = '' WHERE `+empty, args)
	return err
}

// WaitingSince reads and locks triggers that have waited since before a time for
// their customer or invoice, on all platforms that go by the machine's clock.
func (tx *Tx) WaitingSince(ctx context.Context, before time.Time, limit int) ([]trigger.Trigger, error) {
	return all(ctx, tx.c, scanTrigger,
		`SELECT `+triggerColumns+` FROM triggers WHERE status = 'PLANNED' AND reason = 'WAITING_FOR_CUSTOMER' AND decided_at < $1
		 AND `+byMachine+` ORDER BY decided_at LIMIT $2 FOR UPDATE SKIP LOCKED`, micros(before), limit)
}

// WaitingOf reads and locks those of one platform, by the clock that it goes by.
func (tx *Tx) WaitingOf(ctx context.Context, p platform.ID, before time.Time, limit int) ([]trigger.Trigger, error) {
	return all(ctx, tx.c, scanTrigger,
		`SELECT `+triggerColumns+` FROM triggers WHERE platform_id = $1 AND status = 'PLANNED' AND reason = 'WAITING_FOR_CUSTOMER'
		 AND decided_at < $2 ORDER BY decided_at LIMIT $3 FOR UPDATE SKIP LOCKED`, string(p), micros(before), limit)
}

// UpdateTriggers stores what became of locked triggers.
func (tx *Tx) UpdateTriggers(ctx context.Context, list []trigger.Trigger) error {
	args := make([][]any, len(list))
	for i, t := range list {
		facts, err := encodeFacts(t.Facts)
		if err != nil {
			return err
		}
		args[i] = []any{
			string(t.PlatformID), string(t.ID), string(t.Status), string(t.Reason), micros(t.UpdatedAt), string(t.CustomerID), string(t.InvoiceID),
			t.WorkflowVersion, micros(t.EventAt), facts, micros(t.ScheduledAt),
		}
	}
	if err := tx.keepDecisionsOf(ctx, list); err != nil {
		return err
	}
	_, err := tx.c.writeRows(ctx, updateTriggers, args)
	return err
}

// updateTriggers says of the first row of many what the parameters are: nothing
// else does.
func updateTriggers(rows int) string {
	if rows == 1 {
		return `UPDATE triggers SET ` + decided + `, customer_id = $6, invoice_id = $7, workflow_version = $8, event_at = $9, facts = $10,
			scheduled_at = $11 WHERE platform_id = $1 AND id = $2`
	}
	first, rest, _ := strings.Cut(values(rows, 11), ")")
	for _, number := range []string{"$5", "$8", "$9", "$11"} {
		first = strings.Replace(first, number, "CAST("+number+" AS BIGINT)", 1)
	}
	return `UPDATE triggers SET status = column3, reason = column4, updated_at = column5,
		decided_at = CASE WHEN status = column3 AND reason = column4 THEN decided_at ELSE column5 END,
		decision = CASE WHEN status = column3 AND reason = column4 THEN decision ELSE decision + 1 END,
		customer_id = column6, invoice_id = column7, workflow_version = column8, event_at = column9, facts = column10, scheduled_at = column11
		FROM (VALUES ` + first + ")" + rest + `) AS new WHERE platform_id = column1 AND id = column2`
}

// keepDecisionsOf puts by what had been decided about triggers that are about to
// become what they are in list: of many that become the same, at once.
func (tx *Tx) keepDecisionsOf(ctx context.Context, list []trigger.Trigger) error {
	type becoming struct {
		platform platform.ID
		status   trigger.Status
		reason   workflow.Reason
	}
	ids := map[becoming][]string{}
	for _, t := range list {
		b := becoming{t.PlatformID, t.Status, t.Reason}
		ids[b] = append(ids[b], string(t.ID))
	}
	var single, many [][]any
	for b, ids := range ids {
		if len(ids) >= manyKeys {
			many = append(many, []any{string(b.platform), ids, string(b.status), string(b.reason)})
			continue
		}
		for _, id := range ids {
			single = append(single, []any{string(b.platform), id, string(b.status), string(b.reason)})
		}
	}
	return errors.Join(
		tx.keepDecisions(ctx, `platform_id = $1 AND id = ANY($2)`, many),
		tx.keepDecisions(ctx, `platform_id = $1 AND id = $2`, single))
}

// decided sets what was decided about a trigger: status $3 and reason $4, at $5.
// The same once more is no new decision.
const decided = `status = $3, reason = $4, updated_at = $5,
	decided_at = CASE WHEN status = $3 AND reason = $4 THEN decided_at ELSE $5 END,
	decision = CASE WHEN status = $3 AND reason = $4 THEN decision ELSE decision + 1 END`

// keepDecisions puts by what had been decided about triggers that are about to
// become of status $3 and reason $4.
func (tx *Tx) keepDecisions(ctx context.Context, which string, changes [][]any) error {
	_, err := tx.c.execMany(ctx,
		`INSERT INTO decisions (platform_id, trigger_id, number, status, reason, workflow_version, facts, decided_at)
		 SELECT platform_id, id, decision, status, reason, workflow_version, facts, decided_at FROM triggers
		 WHERE `+which+` AND NOT (status = $3 AND reason = $4) FOR UPDATE`, changes)
	if err != nil {
		return fmt.Errorf("keeping decisions: %w", err)
	}
	return nil
}

func encodeFacts(b workflow.Basis) (string, error) {
	if b == (workflow.Basis{}) {
		return "", nil
	}
	return encode(b)
}

// RelinkTriggers tells triggers and executions of payments their invoice, once
// it is known; an execution that waited for it goes on at the next sweep.
func (tx *Tx) RelinkTriggers(ctx context.Context, p platform.ID, payments []*billing.Payment, now time.Time) error {
	args := make([][]any, len(payments))
	for i, pay := range payments {
		args[i] = []any{string(p), pay.ID, string(pay.InvoiceID), micros(now)}
	}
	for _, text := range []string{
		`UPDATE triggers SET invoice_id = $3, updated_at = $4 WHERE platform_id = $1 AND kind = 'PAYMENT' AND resource_id = $2 AND type = 'EVENT'
		 AND invoice_id = ''`,
		`UPDATE executions SET invoice_id = $3, updated_at = $4,
		 next_attempt_at = CASE WHEN status = 'WAITING' AND reason = 'WAITING_FOR_INVOICE' THEN $4 ELSE next_attempt_at END WHERE platform_id = $1 AND kind = 'PAYMENT' AND resource_id = $2 AND invoice_id = ''
		 AND status IN ('PENDING', 'WAITING', 'SENDING')`,
	} {
		if _, err := tx.c.execMany(ctx, text, args); err != nil {
			return err
		}
	}
	return nil
}

// PlannedAbout reads and locks the triggers about resources that have not been
// decided for good.
func (tx *Tx) PlannedAbout(ctx context.Context, p platform.ID, keys []billing.Key) ([]trigger.Trigger, error) {
	args := make([][]any, len(keys))
	for i, k := range keys {
		args[i] = []any{string(p), string(k.Kind), k.ID}
	}
	return lookUp(ctx, tx.c, scanTrigger,
		`SELECT `+triggerColumns+` FROM triggers WHERE platform_id = $1 AND kind = $2 AND resource_id = $3 AND type = 'EVENT'
		 AND status = 'PLANNED' ORDER BY id FOR UPDATE`, args)
}
