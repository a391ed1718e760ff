package store

import (
	"context"
	"errors"

	"github.com/dunwellhq/dunwell/internal/platform"
	"github.com/dunwellhq/dunwell/internal/workflow"
)

// WalletOf reads the id of a wallet of a type that is not archived, if there is one.
func (r Reader) WalletOf(ctx context.Context, p platform.ID, walletType string) (string, bool, error) {
	return r.first(ctx,
		`SELECT id FROM resources WHERE platform_id = $1 AND kind = 'WALLET' AND parent_id = $2 AND parent_id <> ''
		 AND revision > 0 AND status <> 'ARCHIVED' ORDER BY id LIMIT 1`, string(p), walletType)
}

// OpenThrough reads the id of an execution through an integration that has not
// ended, if there is one.
func (r Reader) OpenThrough(ctx context.Context, p platform.ID, id platform.IntegrationID) (string, bool, error) {
	return r.first(ctx,
		`SELECT id FROM executions WHERE platform_id = $1 AND integration_id = $2
		 AND status IN ('PENDING', 'WAITING', 'SENDING') ORDER BY id LIMIT 1`, string(p), string(id))
}

// first reads an id, if there is one.
func (r Reader) first(ctx context.Context, text string, args ...any) (string, bool, error) {
	id, err := one(ctx, r.c, column[string], text, args...)
	if errors.Is(err, errNoRow) {
		return "", false, nil
	}
	return id, err == nil, err
}

// AllSources reads the sources of a platform, without their secrets.
func (r Reader) AllSources(ctx context.Context, p platform.ID) ([]platform.Source, error) {
	return all(ctx, r.c, document[platform.Source], `SELECT doc FROM sources WHERE platform_id = $1`, string(p))
}

// LivingActions reads the actions of a platform that are not archived.
func (r Reader) LivingActions(ctx context.Context, p platform.ID) ([]workflow.Action, error) {
	return all(ctx, r.c, document[workflow.Action],
		`SELECT doc FROM workflow_actions WHERE platform_id = $1 AND status <> 'ARCHIVED' ORDER BY created_at, id`, string(p))
}

// DeleteIntegration deletes an integration with its credentials.
func (tx *Tx) DeleteIntegration(ctx context.Context, p platform.ID, id platform.IntegrationID) error {
	_, err := tx.c.exec(ctx, `DELETE FROM integrations WHERE platform_id = $1 AND id = $2`, string(p), string(id))
	return err
}
