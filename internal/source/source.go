// Package source translates the native webhooks of billing systems into
// resources: one set of files per system, named after it.
//
// A system's type has two methods. Signature reads what a request claims to be
// signed with, and Verify says whether it is; Translate says what its body means, as whole or partial states
// that carry the billing system's own order, so that the order of arrival and
// repetition do not matter. Both are pure: no SQL, no HTTP, no clock.
//
// What is produced is valid by the API's own rules, whatever was received. The
// package leaves to others: to know a delivery that came before, to combine a
// state with the stored one, to link payments, to derive events.
package source

import (
	"time"

	"github.com/dunwellhq/dunwell/internal/billing"
)

// Delivery is one authenticated webhook, translated.
type Delivery struct {
	ID    string    // the billing system's id of the event, equal when it is delivered again
	Type  string    // the billing system's type of the event
	At    time.Time // when it happened, by the billing system; zero for an ignored event that does not say
	Items []billing.Item
	// Links tell which invoice the payments of an external reference belong
	// to, those that are stored and those that arrive later.
	Links []billing.Link
	// Ignored reports that the event means nothing to us: it is acknowledged
	// and has no effect. Items and Links are empty then.
	Ignored bool
}
