package workflow

import "github.com/dunwellhq/dunwell/internal/billing"

// side is where a balance stands to a threshold.
type side int

const (
	untold     side = iota // no balance has been told yet
	unmeasured             // it cannot be compared: told in another unit, or as a part of nothing
	enough                 // at the threshold or above it
	below
)

// Step is what the step from one state of a wallet to the next means to a
// workflow that watches it.
type Step int

// The steps.
const (
	Stayed     Step = iota
	Fell            // below the threshold: the event that the workflow waits for
	Rose            // to the threshold or above it: the next fall is another event
	Unmeasured      // out of what can be compared with the threshold
)

// Step says what a wallet's step from old to now means. A wallet that is first
// seen (old is nil), first told or first comparable below the threshold has
// fallen below it. Each side is measured against its own grant, and both against
// the threshold as it is: changing a workflow moves no wallet.
func (w *Workflow) Step(old, now *billing.Wallet) Step {
	before, after := untold, w.side(now)
	if old != nil {
		before = w.side(old)
	}
	switch {
	case after == before:
		return Stayed
	case after == below:
		return Fell
	case after == enough && before == below:
		return Rose
	case after == unmeasured:
		return Unmeasured
	default:
		return Stayed
	}
}

// StopsBalance says what in a wallet's balance forbids a message that says that
// it has fallen below the threshold, or [Sent]. The threshold is the workflow's,
// so that no [Facts] can know.
func (w *Workflow) StopsBalance(now *billing.Wallet) Reason {
	if now == nil {
		return Sent
	}
	switch w.side(now) {
	case enough:
		return BalanceRestored
	case unmeasured:
		return UnitMismatch
	default:
		return Sent
	}
}

func (w *Workflow) side(of *billing.Wallet) side {
	if w.Wallet == nil || w.Wallet.Balance == nil || w.Wallet.Balance.Threshold == nil {
		return unmeasured
	}
	s := of.Standing()
	if !s.Balance.IsSet() {
		return untold
	}
	return w.Wallet.Balance.Threshold.side(s)
}

func (t *Threshold) side(s billing.Standing) side {
	amount, credits := s.Balance.Amount, s.Balance.Credits
	switch {
	case t.Amount != nil && amount.IsSet() && amount.Currency == t.Amount.Currency:
		return sideOf(amount.Quantity, t.Amount.Quantity)
	case t.Credits != nil && credits.IsSet() && credits.CreditTypeID == t.Credits.CreditTypeID:
		return sideOf(credits.Quantity, t.Credits.Quantity)
	case t.Percentage != "":
		return t.part(s)
	default:
		return unmeasured
	}
}

// part compares a balance with a percentage of its grant: in credits, else in
// money. Of nothing granted there is no part.
func (t *Threshold) part(s billing.Standing) side {
	left, of := s.Balance, s.Granted
	switch {
	case left.Credits.IsSet() && left.Credits.CreditTypeID == of.Credits.CreditTypeID && of.Credits.Quantity.Sign() > 0:
		return sideOf(left.Credits.Quantity.Mul("100"), of.Credits.Quantity.Mul(t.Percentage))
	case left.Amount.IsSet() && left.Amount.Currency == of.Amount.Currency && of.Amount.Quantity.Sign() > 0:
		return sideOf(left.Amount.Quantity.Mul("100"), of.Amount.Quantity.Mul(t.Percentage))
	default:
		return unmeasured
	}
}

func sideOf(balance, threshold billing.Decimal) side {
	if balance.Cmp(threshold) < 0 {
		return below
	}
	return enough
}
