package condition

import (
	"time"

	"github.com/go-json-experiment/json/jsontext"

	"github.com/dunwellhq/dunwell/internal/billing"
	"github.com/dunwellhq/dunwell/internal/calendar"
)

// What of the mirrored resources an expression can name, in the order of the
// wire. What is ours or the source's bookkeeping (created_at, source_version, …)
// is not: it says nothing about the business.

type (
	address  = billing.Address
	customer = billing.Customer
	pay      = billing.Payment
	sub      = billing.Subscription
	wallet   = billing.Wallet
)

// dated is an invoice, with the zone in which its plain due date begins.
type dated struct {
	*billing.Invoice
	zone *time.Location
}

// due is when the invoice is due, as the wire says it.
func (d *dated) due() time.Time {
	zone := d.zone
	if zone == nil {
		zone = time.UTC
	}
	if day, err := calendar.ParseDate(d.DueOn, zone); err == nil {
		return day
	}
	return d.DueDate
}

var invoiceShape = newShape("invoice",
	text("id", func(i *dated) string { return i.ID }),
	text("reference", func(i *dated) string { return i.Reference }),
	text("invoice_number", func(i *dated) string { return i.Number }),
	text("status", func(i *dated) billing.InvoiceStatus { return i.Status }),
	text("type", func(i *dated) billing.InvoiceType { return i.Type }),
	text("customer_id", func(i *dated) billing.CustomerID { return i.CustomerID }),
	text("customer_reference", func(i *dated) string { return i.CustomerReference }),
	text("billing_entity_id", func(i *dated) string { return i.BillingEntityID }),
	texts("pricing_plan_subscription_ids", func(i *dated) []string { return i.SubscriptionIDs }),
	instant("invoice_date", func(i *dated) time.Time { return i.InvoiceDate }),
	instant("due_date", (*dated).due),
	text("timezone", func(i *dated) string { return i.Timezone }),
	text("billing_currency", func(i *dated) string { return i.Currency }),
	money("invoice_amount_including_tax", func(i *dated) billing.Money { return i.Total }),
	money("open_invoice_amount", func(i *dated) billing.Money { return i.Open }),
	money("closed_invoice_amount", func(i *dated) billing.Money { return i.Closed }),
	money("paid_invoice_amount", func(i *dated) billing.Money { return i.PaidAmount }),
	maybe("paid", func(i *dated) *bool { return i.PaidFlag }),
	text("payment_status", func(i *dated) billing.PaymentStatus { return i.PaymentStatus }),
	flag("on_hold", func(i *dated) bool { return i.OnHold }),
	instant("updated_to_final_at", func(i *dated) time.Time { return i.FinalAt }),
	instant("charge_at", func(i *dated) time.Time { return i.ChargeAt }),
	object("pay_invoice_link", payLinkShape, func(i *dated) *billing.PayLink { return &i.PayLink }),
	text("pdf_url", func(i *dated) string { return i.PDFURL }),
	objects("lines", lineShape, func(i *dated) []billing.Line { return i.Lines }),
	metadata(func(i *dated) jsontext.Value { return i.Metadata }),
)

var payLinkShape = newShape("pay_invoice_link",
	text("url", func(l *billing.PayLink) string { return l.URL }),
	text("portal_url_id", func(l *billing.PayLink) string { return l.PortalURLID }),
)

var lineShape = newShape("line",
	text("description", func(l *billing.Line) string { return l.Description }),
	quantity("quantity", func(l *billing.Line) billing.Decimal { return l.Quantity }),
	money("unit_amount", func(l *billing.Line) billing.Money { return l.UnitAmount }),
	money("amount", func(l *billing.Line) billing.Money { return l.Amount }),
	money("tax", func(l *billing.Line) billing.Money { return l.Tax }),
)

var customerShape = newShape("customer",
	text("id", func(c *customer) string { return c.ID }),
	text("reference", func(c *customer) string { return c.Reference }),
	text("type", func(c *customer) billing.CustomerType { return c.Type }),
	text("status", func(c *customer) billing.CustomerStatus { return c.Status }),
	text("email", func(c *customer) string { return c.Email }),
	text("locale", func(c *customer) string { return c.Locale }),
	text("timezone", func(c *customer) string { return c.Timezone }),
	object("organization", organizationShape, func(c *customer) *billing.OrganizationDetails { return &c.Organization }),
	object("individual", individualShape, func(c *customer) *billing.IndividualDetails { return &c.Individual }),
	objects("notification_preferences", preferenceShape, func(c *customer) []billing.Preference { return c.NotificationPreferences }),
	text("billing_entity_id", func(c *customer) string { return c.BillingEntityID }),
	metadata(func(c *customer) jsontext.Value { return c.Metadata }),
)

var organizationShape = newShape("organization",
	text("legal_name", func(o *billing.OrganizationDetails) string { return o.LegalName }),
	object("registered_address", addressShape, func(o *billing.OrganizationDetails) *address { return &o.RegisteredAddress }),
)

var individualShape = newShape("individual",
	object("name", personNameShape, func(i *billing.IndividualDetails) *billing.PersonName { return &i.Name }),
	object("residential_address", addressShape, func(i *billing.IndividualDetails) *address { return &i.ResidentialAddress }),
)

var personNameShape = newShape("name",
	text("first_name", func(n *billing.PersonName) string { return n.FirstName }),
	text("infix", func(n *billing.PersonName) string { return n.Infix }),
	text("last_name", func(n *billing.PersonName) string { return n.LastName }),
)

var addressShape = newShape("address",
	text("line1", func(a *address) string { return a.Line1 }),
	text("line2", func(a *address) string { return a.Line2 }),
	text("city", func(a *address) string { return a.City }),
	text("postal_code", func(a *address) string { return a.PostalCode }),
	text("state", func(a *address) string { return a.State }),
	text("country", func(a *address) string { return a.Country }),
)

var preferenceShape = newShape("notification_preference",
	text("type", func(p *billing.Preference) string { return p.Type }),
	objects("channels", channelShape, func(p *billing.Preference) []billing.Channel { return p.Channels }),
)

var channelShape = newShape("channel",
	text("type", func(c *billing.Channel) string { return c.Type }),
	flag("enabled", func(c *billing.Channel) bool { return c.Enabled }),
)

var paymentShape = newShape("payment",
	text("id", func(p *pay) string { return p.ID }),
	text("reference", func(p *pay) string { return p.Reference }),
	text("external_reference", func(p *pay) string { return p.ExternalReference }),
	text("invoice_id", func(p *pay) billing.InvoiceID { return p.InvoiceID }),
	text("customer_id", func(p *pay) billing.CustomerID { return p.CustomerID }),
	money("amount", func(p *pay) billing.Money { return p.Amount }),
	text("result", func(p *pay) billing.PaymentResult { return p.Result }),
	object("result_details", resultDetailsShape, func(p *pay) *billing.ResultDetails { return &p.Details }),
	object("payment_method_details", paymentMethodShape, func(p *pay) *string { return &p.Method }),
	instant("timestamp", func(p *pay) time.Time { return p.Timestamp }),
	object("dunning_action_details", dunningShape, func(p *pay) *billing.Dunning { return &p.Dunning }),
	metadata(func(p *pay) jsontext.Value { return p.Metadata }),
)

var resultDetailsShape = newShape("result_details",
	text("code", func(d *billing.ResultDetails) string { return d.Code }),
	text("reason", func(d *billing.ResultDetails) string { return d.Reason }),
	text("external_code", func(d *billing.ResultDetails) string { return d.ExternalCode }),
	text("external_reason", func(d *billing.ResultDetails) string { return d.ExternalReason }),
)

var paymentMethodShape = newShape("payment_method_details",
	text("type", func(m *string) string { return *m }),
)

var dunningShape = newShape("dunning_action_details",
	number("attempt", func(d *billing.Dunning) int { return d.Attempt }),
	text("external_reference", func(d *billing.Dunning) string { return d.ExternalReference }),
	flag("next_attempt_scheduled", func(d *billing.Dunning) bool { return d.NextAttemptScheduled }),
	instant("next_attempt_at", func(d *billing.Dunning) time.Time { return d.NextAttemptAt }),
)

var subscriptionShape = newShape("subscription",
	text("id", func(s *sub) string { return s.ID }),
	text("reference", func(s *sub) string { return s.Reference }),
	text("name", func(s *sub) string { return s.Name }),
	text("customer_id", func(s *sub) billing.CustomerID { return s.CustomerID }),
	text("billing_entity_id", func(s *sub) string { return s.BillingEntityID }),
	text("status", func(s *sub) billing.SubscriptionStatus { return s.Status }),
	objects("pricing_plan_schedule_infos", scheduleShape, func(s *sub) []billing.ScheduleInfo { return s.Schedules }),
	metadata(func(s *sub) jsontext.Value { return s.Metadata }),
)

var scheduleShape = newShape("pricing_plan_schedule_info",
	text("id", func(i *billing.ScheduleInfo) string { return i.ID }),
	text("type", func(i *billing.ScheduleInfo) billing.ScheduleType { return i.Type }),
	instant("start_at", func(i *billing.ScheduleInfo) time.Time { return i.StartAt }),
	instant("end_at", func(i *billing.ScheduleInfo) time.Time { return i.EndAt }),
)

var walletShape = newShape("wallet",
	text("id", func(w *wallet) string { return w.ID }),
	text("reference", func(w *wallet) string { return w.Reference }),
	text("wallet_type_id", func(w *wallet) billing.WalletTypeID { return w.WalletTypeID }),
	text("customer_id", func(w *wallet) billing.CustomerID { return w.CustomerID }),
	text("status", func(w *wallet) billing.WalletStatus { return w.Status }),
	object("balance", holdingShape, func(w *wallet) *billing.Holding { return &w.Balance }),
	object("granted", holdingShape, func(w *wallet) *billing.Holding { return &w.Granted }),
	instant("balance_at", func(w *wallet) time.Time { return w.BalanceAt }),
	metadata(func(w *wallet) jsontext.Value { return w.Metadata }),
)

var holdingShape = newShape("holding",
	object("credits", creditsShape, func(h *billing.Holding) *billing.Credits { return &h.Credits }),
	money("amount", func(h *billing.Holding) billing.Money { return h.Amount }),
)

var creditsShape = newShape("credits",
	quantity("quantity", func(c *billing.Credits) billing.Decimal { return c.Quantity }),
	text("credit_type_id", func(c *billing.Credits) string { return c.CreditTypeID }),
)
