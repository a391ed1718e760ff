package workflow

import (
	"time"

	"github.com/dunwellhq/dunwell/internal/billing"
	"github.com/dunwellhq/dunwell/internal/calendar"
)

// Suppose returns a workflow and facts as they would be if what a reason stands
// for had ended, and all else were the same. So the code that decides, which names
// one reason, can be asked what else stands against a message; no decision is
// made on what it returns. ok is false for a reason that is not about them. What
// it is given stays as it is.
func Suppose(w *Armed, f Facts, r Reason) (_ *Armed, _ Facts, ok bool) {
	if f, ok = f.suppose(r); ok || w == nil {
		return w, f, ok
	}
	armed := *w
	return &armed, f, armed.suppose(r)
}

// suppose returns facts without what a reason stands for.
func (f Facts) suppose(r Reason) (Facts, bool) {
	switch r {
	case Held:
		f.Holds = nil
	case CustomerClosed:
		f.Customer = but(f.Customer, func(c *billing.Customer) { c.Status = billing.CustomerActive })
	case PreferenceOff:
		f.Customer = but(f.Customer, func(c *billing.Customer) { c.NotificationPreferences = nil })
	case VoidReason, NotFinal, OnHold, Credited, AutoCharge:
		f.Invoice = but(f.Invoice, func(i *billing.Invoice) { supposeInvoice(i, r) })
	case PaidReason:
		f.Invoice = but(f.Invoice, supposeUnpaid)
		f.Payment = but(f.Payment, func(p *billing.Payment) { supposeFailed(p, p.Result != billing.Pending) })
	case PaymentPending:
		f.Covered = false
		f.Payment = but(f.Payment, func(p *billing.Payment) { supposeFailed(p, p.Result == billing.Pending) })
	case SubscriptionEnded:
		f.Subscription = but(f.Subscription, func(s *billing.Subscription) { s.Status = billing.SubscriptionActive })
	case WalletInactive:
		f.Wallet = but(f.Wallet, func(w *billing.Wallet) { w.Status = billing.WalletActive })
	case BalanceRestored, UnitMismatch: // of a balance that is not told, nobody knows either
		f.Wallet = but(f.Wallet, func(w *billing.Wallet) {
			w.Balance, w.Granted, w.Kept = billing.Holding{}, billing.Holding{}, billing.Standing{}
		})
	default:
		return f, false
	}
	return f, true
}

// but returns a copy of a state with a change, or nil if it is not known.
func but[T any](v *T, change func(*T)) *T {
	if v == nil {
		return nil
	}
	c := *v
	change(&c)
	return &c
}

func supposeInvoice(i *billing.Invoice, r Reason) {
	switch r {
	case OnHold:
		i.OnHold = false
	case AutoCharge:
		i.ChargeAt = time.Time{}
	case Credited:
		i.Type, i.Open = billing.InvoiceStandard, billing.Money{Quantity: "1", Currency: i.Currency}
	default:
		i.Status = billing.InvoiceFinal
	}
}

// supposeUnpaid leaves all that an invoice is about open.
func supposeUnpaid(i *billing.Invoice) {
	i.PaymentStatus, i.PaidFlag, i.PaidAmount, i.Open = billing.Unpaid, nil, billing.Money{}, i.Total
}

func supposeFailed(p *billing.Payment, is bool) {
	if is {
		p.Result = billing.Refused
	}
}

// suppose takes away what a reason stands for that is the workflow's own.
func (a *Armed) suppose(r Reason) bool {
	switch r {
	case Excluded:
		a.ExcludedIDs = nil
	case OutOfScope:
		a.CustomerIDs = nil
		if a.Wallet != nil && a.Wallet.Balance != nil {
			every := *a.Wallet.Balance
			every.WalletTypeID = ""
			a.Wallet = &WalletConfig{Variant: a.Wallet.Variant, Balance: &every}
		}
	case ConditionFalse, ConditionError:
		a.Conditions = ""
	case NoAction:
		a.Actions = []Action{{}}
	case TooLate, Superseded:
		a.Priority = nil
		a.Schedule.CatchUp = All
		a.Schedule.MaxLateness = calendar.Period{Type: calendar.Year, Value: calendar.Year.MaxValue()}
	default:
		return false
	}
	return true
}
