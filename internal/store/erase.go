package store

import (
	"context"
	"fmt"

	"github.com/dunwellhq/dunwell/internal/billing"
	"github.com/dunwellhq/dunwell/internal/platform"
)

// ended are the executions that are over, in the words of their index.
const ended = `status IN ('SENT', 'FAILED', 'UNCONFIRMED', 'CANCELLED', 'SKIPPED')`

// erasedMessage is what is said in place of a message that was erased.
const erasedMessage = "erased with its customer"

// EraseMessages deletes what was written to a customer, and what providers
// answered, which names who they were asked to deliver to. The hashes of what was
// handed over stay. Every execution of the customer must have ended.
func (tx *Tx) EraseMessages(ctx context.Context, p platform.ID, customer billing.CustomerID) error {
	for _, text := range []string{
		`UPDATE messages SET content = '', problem = $3 WHERE platform_id = $1 AND execution_id IN (
		     SELECT id FROM executions WHERE platform_id = $1 AND customer_id = $2 AND ` + ended + `)`,
		`UPDATE attempts SET reply = $3 WHERE platform_id = $1 AND reply <> '' AND execution_id IN (
		     SELECT id FROM executions WHERE platform_id = $1 AND customer_id = $2 AND ` + ended + `)`,
	} {
		if _, err := tx.c.exec(ctx, text, string(p), string(customer), erasedMessage); err != nil {
			return fmt.Errorf("erasing messages: %w", err)
		}
	}
	if _, err := tx.c.exec(ctx,
		`DELETE FROM outbox WHERE platform_id = $1 AND customer_id = $2`, string(p), string(customer)); err != nil {
		return fmt.Errorf("emptying the outbox: %w", err)
	}
	return nil
}

// EraseReplies takes the body of every reply that has a text in it, so that it
// cannot be told again. The key stays taken: a request that is sent again must
// not have its effect again, and bring back what was erased.
func (tx *Tx) EraseReplies(ctx context.Context, p platform.ID, text string) error {
	_, err := tx.c.exec(ctx,
		`UPDATE idempotency SET body = '' WHERE platform_id = $1 AND body <> '' AND replace(body, $2, '') <> body`, string(p), text)
	return err
}
