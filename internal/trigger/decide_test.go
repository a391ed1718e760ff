package trigger_test

import (
	"testing"
	"time"

	"github.com/dunwellhq/dunwell/internal/billing"
	"github.com/dunwellhq/dunwell/internal/calendar"
	"github.com/dunwellhq/dunwell/internal/trigger"
	"github.com/dunwellhq/dunwell/internal/workflow"
)

var now = time.Date(2026, 11, 23, 9, 0, 0, 0, time.UTC)

func TestDecide(t *testing.T) {
	customer := &billing.Customer{}
	customer.ID = "c1"
	final := &billing.Invoice{Status: billing.InvoiceFinal}
	final.ID = "i1"
	w := workflow.Armed{
		Workflow: workflow.Workflow{Status: workflow.Active, Invoice: &workflow.InvoiceConfig{Variant: workflow.ToFinal}},
		Actions:  []workflow.Action{{ID: "a1"}},
	}
	scoped, idle, patient := w, w, w
	scoped.CustomerIDs = []billing.CustomerID{"c2"}
	idle.Actions = nil
	patient.Schedule.MaxLateness = calendar.Period{Type: calendar.Month, Value: 1}
	low := workflow.Armed{Actions: w.Actions, Workflow: workflow.Workflow{
		Status: workflow.Active,
		Wallet: &workflow.WalletConfig{Variant: workflow.WalletBalance, Balance: &workflow.BalanceConfig{
			WalletTypeID: "t1", Threshold: &workflow.Threshold{Amount: &billing.Money{Quantity: "5", Currency: "EUR"}},
		}},
	}}
	wallet := func(walletType billing.WalletTypeID, status billing.WalletStatus, quantity billing.Decimal, currency string) workflow.Facts {
		return workflow.Facts{Customer: customer, Wallet: &billing.Wallet{
			WalletTypeID: walletType, Status: status, Balance: billing.Holding{Amount: billing.Money{Quantity: quantity, Currency: currency}},
		}}
	}
	known := workflow.Facts{Customer: customer, Invoice: final}
	for name, c := range map[string]struct {
		w      workflow.Armed
		facts  workflow.Facts
		at     time.Time
		status trigger.Status
		reason workflow.Reason
	}{
		"all is well":            {w, known, now, trigger.Fired, workflow.Sent},
		"customer not known":     {w, workflow.Facts{Invoice: final}, now, trigger.Planned, workflow.WaitingForCustomer},
		"invoice not known":      {w, workflow.Facts{Customer: customer, Payment: &billing.Payment{InvoiceID: "i1"}}, now, trigger.Planned, workflow.WaitingForCustomer},
		"another's workflow":     {scoped, known, now, trigger.Skipped, workflow.OutOfScope},
		"just in time":           {w, known, now.AddDate(0, 0, -3), trigger.Fired, workflow.Sent},
		"too late":               {w, known, now.AddDate(0, 0, -3).Add(-time.Second), trigger.Skipped, workflow.TooLate},
		"late, but allowed":      {patient, known, now.AddDate(0, 0, -20), trigger.Fired, workflow.Sent},
		"ahead of time":          {w, known, now.AddDate(0, 0, 3), trigger.Fired, workflow.Sent},
		"a state stands against": {w, workflow.Facts{Customer: customer, Invoice: &billing.Invoice{Status: billing.InvoiceVoid}}, now, trigger.Skipped, workflow.VoidReason},
		"nothing to do":          {idle, known, now, trigger.Skipped, workflow.NoAction},
		"a low balance":          {low, wallet("t1", billing.WalletActive, "4", "EUR"), now, trigger.Fired, workflow.Sent},
		"a balance risen since":  {low, wallet("t1", billing.WalletActive, "5", "EUR"), now, trigger.Skipped, workflow.BalanceRestored},
		"in another currency":    {low, wallet("t1", billing.WalletActive, "4", "USD"), now, trigger.Skipped, workflow.UnitMismatch},
		"of another type":        {low, wallet("t2", billing.WalletActive, "4", "EUR"), now, trigger.Skipped, workflow.OutOfScope},
		"of an inactive wallet":  {low, wallet("t1", billing.WalletInactive, "5", "EUR"), now, trigger.Skipped, workflow.WalletInactive},
	} {
		status, reason := trigger.Decide(&c.w, c.facts, c.at, now)
		if status != c.status || reason != c.reason {
			t.Errorf("%s: got %s %q, want %s %q", name, status, reason, c.status, c.reason)
		}
	}
}

func TestRevivable(t *testing.T) {
	for _, c := range []struct {
		status trigger.Status
		reason workflow.Reason
		want   bool
	}{
		{trigger.Skipped, workflow.OnHold, true},
		{trigger.Cancelled, workflow.PaidReason, true},
		{trigger.Fired, workflow.Sent, false},
		{trigger.Planned, workflow.WaitingForCustomer, false},
		{trigger.Skipped, workflow.TooLate, false},
		{trigger.Cancelled, workflow.WorkflowInactive, false},
	} {
		got := (&trigger.Trigger{Type: trigger.Event, Status: c.status, Reason: c.reason}).Revivable()
		if got != c.want {
			t.Errorf("%s %s: got %v, want %v", c.status, c.reason, got, c.want)
		}
		if (&trigger.Trigger{Type: trigger.Manual, Status: c.status, Reason: c.reason}).Revivable() {
			t.Errorf("%s %s, asked for by a person: fires again by itself", c.status, c.reason)
		}
	}
}
