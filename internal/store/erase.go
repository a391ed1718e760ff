package store

import (
	"context"
	"fmt"

	"github.com/dunwellhq/dunwell/internal/billing"
	"github.com/dunwellhq/dunwell/internal/hold"
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

// EraseWords takes what people wrote about a customer: the notes of holds, and
// the references that triggers about wallets repeat.
func (tx *Tx) EraseWords(ctx context.Context, p platform.ID, customer billing.CustomerID) error {
	holds, err := all(ctx, tx.c, document[hold.Hold],
		`SELECT doc FROM holds WHERE platform_id = $1 AND customer_id = $2 FOR UPDATE`, string(p), string(customer))
	if err != nil {
		return fmt.Errorf("reading holds: %w", err)
	}
	for _, h := range holds {
		h.Note = ""
		if err := tx.UpdateHold(ctx, p, h); err != nil {
			return fmt.Errorf("erasing the note of a hold: %w", err)
		}
	}
	triggers, err := all(ctx, tx.c, scanTrigger,
		`SELECT `+triggerColumns+` FROM triggers WHERE platform_id = $1 AND customer_id = $2 AND details <> '' ORDER BY id FOR UPDATE`,
		string(p), string(customer))
	if err != nil {
		return fmt.Errorf("reading triggers: %w", err)
	}
	args := make([][]any, len(triggers))
	for i, t := range triggers {
		t.Details.CustomerReference, t.Details.WalletReference = "", ""
		details, err := encode(t.Details)
		if err != nil {
			return err
		}
		args[i] = []any{string(p), string(t.ID), details}
	}
	_, err = tx.c.execMany(ctx, `UPDATE triggers SET details = $3 WHERE platform_id = $1 AND id = $2`, args)
	return err
}

// EraseReadings takes what conditions read of a customer, with the other facts of
// the decisions that they made.
func (tx *Tx) EraseReadings(ctx context.Context, p platform.ID, customer billing.CustomerID) error {
	const read = `reason IN ('CONDITION_FALSE', 'CONDITION_ERROR') AND facts <> ''`
	for _, text := range []string{
		`UPDATE triggers SET facts = '' WHERE platform_id = $1 AND customer_id = $2 AND ` + read,
		`UPDATE decisions SET facts = '' WHERE platform_id = $1 AND trigger_id IN (
		     SELECT id FROM triggers WHERE platform_id = $1 AND customer_id = $2) AND ` + read,
	} {
		if _, err := tx.c.exec(ctx, text, string(p), string(customer)); err != nil {
			return fmt.Errorf("erasing what conditions read: %w", err)
		}
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
