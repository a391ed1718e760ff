package workflow

import (
	"github.com/dunwellhq/dunwell/internal/billing"
	"github.com/dunwellhq/dunwell/internal/condition"
)

// Basis is what of the states decided: the members that [Facts.Stops] and the
// scope ask for, as they were at the decision. It is kept with the decision,
// because the states move on.
type Basis struct {
	CustomerID     string                 `json:"customer_id,omitempty"`
	CustomerStatus billing.CustomerStatus `json:"customer_status,omitempty"`

	InvoiceID     string                `json:"invoice_id,omitempty"`
	InvoiceType   billing.InvoiceType   `json:"invoice_type,omitempty"`
	InvoiceStatus billing.InvoiceStatus `json:"invoice_status,omitempty"`
	PaymentStatus billing.PaymentStatus `json:"payment_status,omitempty"`
	OpenAmount    billing.Money         `json:"open_invoice_amount,omitzero"`
	OnHold        bool                  `json:"on_hold,omitempty"`

	PaymentID     string                `json:"payment_id,omitempty"`
	PaymentResult billing.PaymentResult `json:"payment_result,omitempty"`

	SubscriptionID     string                     `json:"pricing_plan_subscription_id,omitempty"`
	SubscriptionStatus billing.SubscriptionStatus `json:"pricing_plan_subscription_status,omitempty"`

	WalletID     string               `json:"wallet_id,omitempty"`
	WalletStatus billing.WalletStatus `json:"wallet_status,omitempty"`

	Conditions   *condition.Reading `json:"conditions,omitempty"`    // what conditions that did not hold read
	SupersededBy ID                 `json:"superseded_by,omitempty"` // the workflow that comes first
}

// Basis returns what of the facts decides.
func (f Facts) Basis() Basis {
	var b Basis
	if f.Customer != nil {
		b.CustomerID, b.CustomerStatus = f.Customer.ID, f.Customer.Status
	}
	if i := f.Invoice; i != nil {
		b.InvoiceID, b.InvoiceType, b.InvoiceStatus = i.ID, i.Type, i.Status
		b.PaymentStatus, b.OpenAmount, b.OnHold = i.PaymentStatus, i.OpenAmount(), i.OnHold
	}
	if f.Payment != nil {
		b.PaymentID, b.PaymentResult = f.Payment.ID, f.Payment.Result
	}
	if f.Subscription != nil {
		b.SubscriptionID, b.SubscriptionStatus = f.Subscription.ID, f.Subscription.Status
	}
	if f.Wallet != nil {
		b.WalletID, b.WalletStatus = f.Wallet.ID, f.Wallet.Status
	}
	return b
}
