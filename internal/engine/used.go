package engine

import (
	"context"

	"github.com/dunwellhq/dunwell/internal/billing"
	"github.com/dunwellhq/dunwell/internal/fault"
	"github.com/dunwellhq/dunwell/internal/platform"
	"github.com/dunwellhq/dunwell/internal/store"
)

// unused refuses to delete what others stand on: a seller that is somebody's
// default, and a type of which there are wallets.
func (in *ingestion) unused(ctx context.Context, key billing.Key) error {
	switch key.Kind {
	case billing.KindBillingEntity:
		return in.noDefault(ctx, key.ID)
	case billing.KindWalletType:
		wallet, found, err := in.tx.WalletOf(ctx, in.p, key.ID)
		if err != nil || !found {
			return err
		}
		return fault.New(fault.State, "wallet %s is of this type, archive or delete it first, and all others of this type", wallet).
			About(string(billing.KindWallet), wallet)
	default:
		return nil
	}
}

func (in *ingestion) noDefault(ctx context.Context, id string) error {
	p, err := in.tx.Platform(ctx, in.p)
	if err != nil {
		return err
	}
	if p.DefaultBillingEntityID == id {
		return fault.New(fault.State, "it is the default billing entity of the platform, give the platform another first").
			About("PLATFORM", string(p.ID))
	}
	sources, err := in.tx.AllSources(ctx, in.p)
	if err != nil {
		return err
	}
	for _, s := range sources {
		if s.DefaultBillingEntityID == id {
			return fault.New(fault.State, "it is the default billing entity of source %s, give the source another first", s.ID).About("", string(s.ID))
		}
	}
	return nil
}

// DeleteIntegration deletes an integration and returns it as it was. It is refused
// while an action that is not archived uses it, or a message is on its way through it.
func (e *Engine) DeleteIntegration(ctx context.Context, p platform.ID, idOrReference string) (platform.Integration, error) {
	var out platform.Integration
	err := e.store.Write(ctx, func(tx *store.Tx) error {
		if err := tx.LockPlatform(ctx, string(p), true); err != nil {
			return err
		}
		if _, err := tx.BumpWorkflowSet(ctx, p); err != nil { // nobody takes it up meanwhile, and nothing fires
			return err
		}
		var err error
		if out, err = tx.Integration(ctx, p, idOrReference); err != nil {
			return err
		}
		if err := idle(ctx, tx, p, out.ID); err != nil {
			return err
		}
		return tx.DeleteIntegration(ctx, p, out.ID)
	})
	return out, err
}

// idle refuses an integration that is used.
func idle(ctx context.Context, tx *store.Tx, p platform.ID, id platform.IntegrationID) error {
	actions, err := tx.LivingActions(ctx, p)
	if err != nil {
		return err
	}
	for _, a := range actions {
		if a.SendEmail != nil && a.SendEmail.IntegrationID == id {
			return fault.New(fault.State, "workflow action %s uses this integration, give it another or archive it first", a.ID).
				About("WORKFLOW_ACTION", string(a.ID))
		}
	}
	execution, found, err := tx.OpenThrough(ctx, p, id)
	if err != nil || !found {
		return err
	}
	return fault.New(fault.State, "workflow execution %s is still to be sent through this integration, try again when it has ended", execution).
		About("", execution)
}
