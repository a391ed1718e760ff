package engine

import (
	"context"
	"maps"

	"github.com/dunwellhq/dunwell/internal/hold"
	"github.com/dunwellhq/dunwell/internal/ident"
	"github.com/dunwellhq/dunwell/internal/platform"
	"github.com/dunwellhq/dunwell/internal/store"
)

// Suppress keeps an address from getting any mail. It is exclusive with every
// claim: once it has returned, nothing more goes there. What is due finds out at
// its claim.
func (e *Engine) Suppress(
	ctx context.Context, p platform.ID, s hold.Suppression, then ...After[hold.Suppression],
) (hold.Suppression, error) {
	now := e.Now()
	s.ID, s.Mailbox = hold.SuppressionID(ident.New("supp")), platform.Mailbox(s.Email)
	s.CreatedAt, s.UpdatedAt = now, now
	return s, e.store.Write(ctx, func(tx *store.Tx) error {
		if err := tx.LockPlatform(ctx, string(p), true); err != nil {
			return err
		}
		if err := tx.InsertSuppression(ctx, p, s); err != nil {
			return err
		}
		return after(ctx, tx, s, then)
	})
}

// Unsuppress lets an address get mail again, and returns the suppression as it was.
func (e *Engine) Unsuppress(ctx context.Context, p platform.ID, id hold.SuppressionID) (hold.Suppression, error) {
	var out hold.Suppression
	err := e.store.Write(ctx, func(tx *store.Tx) error {
		if err := tx.LockPlatform(ctx, string(p), true); err != nil {
			return err
		}
		var err error
		if out, err = tx.Suppression(ctx, p, id); err != nil {
			return err
		}
		return tx.DeleteSuppression(ctx, p, id)
	})
	return out, err
}

// suppressed are the mailboxes that get no mail, with the suppression of each.
type suppressed map[string]hold.SuppressionID

// add reads which of the addresses are suppressed.
func (s suppressed) add(ctx context.Context, r store.Reader, p platform.ID, addresses []string) error {
	seen := map[string]bool{}
	var mailboxes []string
	for _, a := range addresses {
		if m := platform.Mailbox(a); !seen[m] {
			seen[m] = true
			mailboxes = append(mailboxes, m)
		}
	}
	found, err := r.Suppressed(ctx, p, mailboxes)
	maps.Copy(s, found)
	return err
}

// of returns the suppression of an address, or "".
func (s suppressed) of(address string) hold.SuppressionID {
	if len(s) == 0 {
		return ""
	}
	return s[platform.Mailbox(address)]
}

// any reports whether one of the addresses is suppressed.
func (s suppressed) any(addresses []string) bool {
	for _, a := range addresses {
		if s.of(a) != "" {
			return true
		}
	}
	return false
}
