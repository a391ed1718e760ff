package store_test

import (
	"fmt"
	"testing"

	"github.com/dunwellhq/dunwell/internal/billing"
	"github.com/dunwellhq/dunwell/internal/execution"
	"github.com/dunwellhq/dunwell/internal/platform"
	"github.com/dunwellhq/dunwell/internal/store"
	"github.com/dunwellhq/dunwell/internal/trigger"
	"github.com/dunwellhq/dunwell/internal/workflow"
)

// many is more than one statement writes or looks up at once, and some.
const many = 130

func planned(p platform.ID, invoice int, id string) trigger.Trigger {
	return trigger.Trigger{
		ID: trigger.ID(id), PlatformID: p, Type: trigger.Event, Status: trigger.Planned, CustomerID: "c", CreatedAt: now, UpdatedAt: now, ScheduledAt: now,
		Key: trigger.Key{
			WorkflowID: "w", Variant: workflow.Overdue, Step: "DAY:1", Kind: billing.KindInvoice, ResourceID: fmt.Sprint("i", invoice), Occurrence: "2026-11-22",
		},
	}
}

// TestManyTriggersAtOnce inserts triggers of which every third has its key taken,
// and decides about all that are stored: each is told apart, however many one
// statement writes.
func TestManyTriggersAtOnce(t *testing.T) {
	onBoth(t, func(t *testing.T, s *store.Store, p platform.ID) {
		var taken, list []trigger.Trigger
		var ids, invoices []string
		for i := range many {
			if i%3 == 0 {
				taken = append(taken, planned(p, i, fmt.Sprint("first", i)))
			}
			list = append(list, planned(p, i, fmt.Sprint("t", i)))
			ids, invoices = append(ids, fmt.Sprint("t", i)), append(invoices, fmt.Sprint("i", i))
		}
		write(t, s, func(tx *store.Tx) error {
			_, err := tx.InsertTriggers(t.Context(), taken)
			return err
		})
		write(t, s, func(tx *store.Tx) error {
			inserted, err := tx.InsertTriggers(t.Context(), list)
			for i, got := range inserted {
				if want := i%3 != 0; got != want {
					t.Errorf("trigger %d: inserted %v, want %v", i, got, want)
				}
			}
			return err
		})
		for i := range list {
			list[i].Status, list[i].UpdatedAt, list[i].WorkflowVersion = trigger.Fired, now.Add(1), i
			list[i].Facts.InvoiceID = list[i].ResourceID
		}
		write(t, s, func(tx *store.Tx) error { return tx.UpdateTriggers(t.Context(), list) })
		stored, err := s.TriggersByID(t.Context(), p, ids)
		if err != nil {
			t.Fatal(err)
		}
		for i, want := range list {
			got, ok := stored[want.ID]
			switch {
			case ok != (i%3 != 0):
				t.Errorf("trigger %d: stored %v", i, ok)
			case ok && (got.Status != trigger.Fired || got.WorkflowVersion != i || got.ResourceID != want.ResourceID):
				t.Errorf("trigger %d: got %+v", i, got)
			}
		}
		fired, err := s.FiredSteps(t.Context(), p, billing.KindInvoice, invoices)
		if err != nil || len(fired) != many-len(taken) {
			t.Errorf("got %d fired steps, %v, want %d", len(fired), err, many-len(taken))
		}
		checkDecisions(t, s, p)
	})
}

// checkDecisions sees that the decision before is kept of one that was stored.
func checkDecisions(t *testing.T, s *store.Store, p platform.ID) {
	t.Helper()
	page, err := s.Timeline(t.Context(), p, billing.KindInvoice, "i1", store.Query{Page: 1, Limit: 10, Ascending: true})
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, m := range page.Items {
		if m.Of == execution.OfTrigger {
			got = append(got, m.Status)
		}
	}
	if want := "[PLANNED FIRED]"; fmt.Sprint(got) != want {
		t.Errorf("got the decisions %v, want %s", got, want)
	}
}
