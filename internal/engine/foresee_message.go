package engine

import (
	"context"
	"fmt"
	"maps"
	"slices"

	"github.com/dunwellhq/dunwell/internal/billing"
	"github.com/dunwellhq/dunwell/internal/execution"
	"github.com/dunwellhq/dunwell/internal/fault"
	"github.com/dunwellhq/dunwell/internal/platform"
	"github.com/dunwellhq/dunwell/internal/workflow"
)

// messages says of each action of an outlook what will become of its message, as
// if nothing of what stands against all of them did: it is made as for a claim.
func (s *foresight) messages(ctx context.Context, w *workflow.Armed, o *Outlook) error {
	if w == nil || len(w.Actions) == 0 || o.f.Customer == nil { // whom it goes to, nobody knows yet
		return nil
	}
	for _, x := range s.messagesOf(w, o.Trigger) {
		a := ActionOutlook{ActionID: x.ActionID}
		if x.Action.SendEmail == nil {
			a.Defect = "the action has no configuration"
		} else if err := s.message(ctx, x, o.f, &a); err != nil {
			return err
		}
		o.Actions = append(o.Actions, a)
	}
	return nil
}

// message makes one message again and again, each time supposing that what kept it
// from being made had ended.
func (s *foresight) message(ctx context.Context, x execution.Execution, f workflow.Facts, a *ActionOutlook) error {
	account, err := s.account(ctx, x.IntegrationID)
	if err != nil {
		return err
	}
	seen := s.sight.supposing(f)
	for ok := true; ok; {
		j := &job{x: x, integration: account}
		if err := s.e.render(j, s.home, seen); err != nil {
			return err
		}
		if j.skip == workflow.Sent || slices.Contains(a.Against, j.skip) {
			a.Defect = j.defect
			return nil
		}
		a.Against = append(a.Against, j.skip)
		if j.skip == workflow.Suppressed {
			seen.suppressed = nil
			continue
		}
		_, f, ok = workflow.Suppose(&workflow.Armed{}, f, j.skip)
		suppressed := seen.suppressed
		seen = s.sight.supposing(f)
		seen.suppressed = suppressed
	}
	return nil
}

// account reads an integration without its credentials. One that is not there has
// nothing to say about a message.
func (s *foresight) account(ctx context.Context, id platform.IntegrationID) (platform.Integration, error) {
	if in, ok := s.accounts[id]; ok {
		return in, nil
	}
	in, err := s.r.Integration(ctx, s.in.p, string(id))
	if err != nil && !fault.Is(err, fault.NotFound) {
		return in, fmt.Errorf("reading integration %s: %w", id, err)
	}
	s.accounts[id] = in
	return in, nil
}

// supposing returns what was seen, with states that are supposed instead, and no
// holds: those have been asked. What a wallet has left is shown as it is.
func (s *sight) supposing(f workflow.Facts) *sight {
	seen := *s
	seen.resources, seen.holds = maps.Clone(s.resources), nil
	put := func(r billing.Resource) { seen.resources[billing.KeyOf(r)] = r }
	if f.Customer != nil {
		put(f.Customer)
	}
	if f.Invoice != nil {
		put(f.Invoice)
	}
	if f.Payment != nil {
		put(f.Payment)
	}
	if f.Subscription != nil {
		put(f.Subscription)
	}
	if f.Wallet != nil {
		wallet := *f.Wallet
		if told, ok := s.resources[billing.KeyOf(f.Wallet)].(*billing.Wallet); ok {
			wallet.Balance, wallet.Granted, wallet.Kept = told.Balance, told.Granted, told.Kept
		}
		put(&wallet)
	}
	return &seen
}
