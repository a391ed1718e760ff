// Package workflow is what should happen: a workflow with the configuration of
// its target, its actions, the states that both move through, and the pure
// function that says which workflows an event fires.
package workflow

import (
	"time"

	"github.com/dunwellhq/dunwell/internal/billing"
	"github.com/dunwellhq/dunwell/internal/calendar"
)

// ID identifies a workflow (wkfl_…).
type ID string

// Type is the kind of resource that a workflow is about.
type Type string

// The types of workflow.
const (
	Invoice      Type = "INVOICE"
	Payment      Type = "PAYMENT"
	Subscription Type = "PRICING_PLAN_SUBSCRIPTION"
	Wallet       Type = "WALLET"
)

// Types lists the types.
var Types = []Type{Invoice, Payment, Subscription, Wallet}

// Variant is what exactly a workflow waits for.
type Variant string

// The variants.
const (
	ToFinal               Variant = "TO_FINAL"
	Overdue               Variant = "OVERDUE"
	UpcomingPaymentRemind Variant = "UPCOMING_PAYMENT_REMINDER"
	FailedPayment         Variant = "FAILED_PAYMENT"
	FreeTrialReminder     Variant = "FREE_TRIAL_REMINDER"
	WalletBalance         Variant = "WALLET_BALANCE"
)

// Variants lists the variants of each type.
var Variants = map[Type][]Variant{
	Invoice:      {ToFinal, Overdue, UpcomingPaymentRemind},
	Payment:      {FailedPayment},
	Subscription: {FreeTrialReminder},
	Wallet:       {WalletBalance},
}

// AllVariants lists the variants of every type.
var AllVariants = []Variant{ToFinal, Overdue, UpcomingPaymentRemind, FailedPayment, FreeTrialReminder, WalletBalance}

// Workflow says what should happen when something happens to a resource.
type Workflow struct {
	ID          ID                   `json:"id"`
	Name        string               `json:"name"`
	Description string               `json:"description"`
	Type        Type                 `json:"type"`
	Reference   string               `json:"reference"`
	Status      Status               `json:"status"`
	CustomerIDs []billing.CustomerID `json:"customer_ids"` // nil: every customer
	ExcludedIDs []billing.CustomerID `json:"exclude_customer_ids"`

	Invoice      *InvoiceConfig      `json:"invoice"`
	Payment      *PaymentConfig      `json:"payment"`
	Subscription *SubscriptionConfig `json:"pricing_plan_subscription"`
	Wallet       *WalletConfig       `json:"wallet"`

	Conditions string `json:"conditions"` // an expression of package condition; "": it asks nothing
	Priority   *int   `json:"priority"`   // nil: independent of the others of its variant

	Schedule    Schedule    `json:"schedule"`
	OnAmbiguous OnAmbiguous `json:"on_ambiguous"`

	Begun     map[string]time.Time `json:"begun"` // since when each step counts, by its text; see [Workflow.Begin]
	Version   int                  `json:"version"`
	CreatedAt time.Time            `json:"created_at"`
	UpdatedAt time.Time            `json:"updated_at"`
}

// OnAmbiguous says what to do with a send whose outcome nobody can know.
type OnAmbiguous string

// What to do with a send whose outcome nobody can know.
const (
	Hold   OnAmbiguous = "HOLD"   // leave it to a person: never twice
	Resend OnAmbiguous = "RESEND" // send the same bytes again: never lost
)

// InvoiceConfig is the configuration block of an INVOICE workflow.
type InvoiceConfig struct {
	Variant         Variant  `json:"variant"`
	Overdue         *Periods `json:"overdue"`
	UpcomingPayment *Periods `json:"upcoming_payment"`
}

// Periods are the steps of a dated workflow, in the order of the request.
type Periods struct {
	Periods []calendar.Period `json:"periods"`
}

// PaymentConfig is the configuration block of a PAYMENT workflow.
type PaymentConfig struct {
	Variant Variant `json:"variant"`
}

// SubscriptionConfig is the configuration block of a PRICING_PLAN_SUBSCRIPTION workflow.
type SubscriptionConfig struct {
	Variant         Variant           `json:"variant"`
	ReminderPeriods []calendar.Period `json:"reminder_periods"`
}

// WalletConfig is the configuration block of a WALLET workflow.
type WalletConfig struct {
	Variant Variant        `json:"variant"`
	Balance *BalanceConfig `json:"wallet_balance"`
}

// BalanceConfig is the threshold that a wallet's balance is watched against.
type BalanceConfig struct {
	WalletTypeID string     `json:"wallet_type_id"`
	Comparator   string     `json:"comparator"`
	Threshold    *Threshold `json:"threshold"`
}

// Threshold is exactly one of a percentage of what was granted, an amount of
// money, or credits.
type Threshold struct {
	Percentage billing.Decimal  `json:"percentage"`
	Amount     *billing.Money   `json:"amount"`
	Credits    *billing.Credits `json:"credits"`
}

// Steps are the periods of a dated workflow, in the order of the request.
func (w *Workflow) Steps() []calendar.Period {
	switch {
	case w.Invoice != nil && w.Invoice.Variant == Overdue && w.Invoice.Overdue != nil:
		return w.Invoice.Overdue.Periods
	case w.Invoice != nil && w.Invoice.Variant == UpcomingPaymentRemind && w.Invoice.UpcomingPayment != nil:
		return w.Invoice.UpcomingPayment.Periods
	case w.Subscription != nil:
		return w.Subscription.ReminderPeriods
	default:
		return nil
	}
}

// Watches reports whether a workflow is about wallets of a type.
func (w *Workflow) Watches(t billing.WalletTypeID) bool {
	if w.Wallet == nil || w.Wallet.Balance == nil {
		return false
	}
	return w.walletType() == "" || w.walletType() == string(t)
}

// walletType is the type of wallet that a workflow watches; "" for all.
func (w *Workflow) walletType() string {
	if w.Wallet == nil || w.Wallet.Balance == nil {
		return ""
	}
	return w.Wallet.Balance.WalletTypeID
}

// Variant is what the workflow waits for, or "" while a DRAFT does not say.
func (w *Workflow) Variant() Variant {
	switch {
	case w.Invoice != nil:
		return w.Invoice.Variant
	case w.Payment != nil:
		return w.Payment.Variant
	case w.Subscription != nil:
		return w.Subscription.Variant
	case w.Wallet != nil:
		return w.Wallet.Variant
	default:
		return ""
	}
}
