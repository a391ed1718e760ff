package httpapi

import (
	"time"

	"github.com/dunwellhq/dunwell/internal/billing"
	"github.com/dunwellhq/dunwell/internal/fault"
)

// aheadBy is how far a source's time may be ahead of ours.
const aheadBy = 5 * time.Minute

// headMembers are the first members of every mirrored resource.
func headMembers(m *members, kind billing.Kind, h *billing.Head) {
	m.served(string(kind), h.ID)
	text(m, "reference", &h.Reference, shortLine)
}

// tailMembers are the last members of every mirrored resource.
func tailMembers(m *members, h *billing.Head) {
	metadata(m, "metadata", &h.Metadata)
	versionMembers(m, &h.Version)
	if m.mode == encode {
		m.putText("closed_by_snapshot", string(h.ClosedBy), plain.omitted())
	}
	m.times(h.CreatedAt, h.UpdatedAt)
}

// versionMembers are source_version and source_updated_at, of which a state
// has at most one: they place it among the other states of its resource.
func versionMembers(m *members, v *billing.Version) {
	const byNumber, byTime = "source_version", "source_updated_at"
	numbered, at := int64(-1), time.Time{}
	switch v.Kind {
	case billing.ByNumber:
		numbered = v.Number
	case billing.ByTime:
		at = time.Unix(v.Number, 0)
	case billing.Unversioned:
	}
	if m.mode == encode {
		if numbered < 0 {
			m.putText(byNumber, "", plain)
		} else {
			number(m, byNumber, &numbered, 0, numbered, plain)
		}
		instant(m, byTime, &at, plain)
		return
	}
	number(m, byNumber, &numbered, 0, 1<<63-1, plain)
	instant(m, byTime, &at, plain)
	n, t := m.given(byNumber), m.given(byTime)
	if t != nil && m.ahead(at) {
		m.wrong(t, byTime, "at most 5 minutes ahead of the clock")
	}
	switch {
	case n != nil && t != nil:
		m.report(max(n.at, t.at), fault.Invalid, m.path(byTime),
			byTime+" must be left out where source_version is given: one of them orders a resource")
	case n != nil:
		*v = billing.Version{Kind: billing.ByNumber, Number: numbered}
	case t != nil && !at.IsZero():
		*v = billing.At(at)
	}
}

func moneyMembers(m *members, v *billing.Money) {
	decimal(m, "quantity", &v.Quantity, plain.required())
	text(m, "currency", &v.Currency, currency.required())
}

func money(m *members, name string, v *billing.Money) { object(m, name, v, plain, moneyMembers) }

func creditsMembers(m *members, c *billing.Credits) {
	decimal(m, "quantity", &c.Quantity, plain.required())
	text(m, "credit_type_id", &c.CreditTypeID, identifier.required())
}

func addressMembers(m *members, a *billing.Address) {
	text(m, "line1", &a.Line1, shortLine)
	text(m, "line2", &a.Line2, shortLine)
	text(m, "city", &a.City, shortLine)
	text(m, "postal_code", &a.PostalCode, shortLine)
	text(m, "state", &a.State, shortLine)
	text(m, "country", &a.Country, shortLine)
}

func personNameMembers(m *members, n *billing.PersonName) {
	text(m, "first_name", &n.FirstName, shortLine)
	text(m, "infix", &n.Infix, shortLine)
	text(m, "last_name", &n.LastName, shortLine)
}

const maxPreferences = 20

func preferenceMembers(m *members, p *billing.Preference) {
	enum(m, "type", &p.Type, []string{"INVOICE"}, plain.required())
	objects(m, "channels", &p.Channels, maxPreferences, plain, channelMembers)
}

func channelMembers(m *members, c *billing.Channel) {
	enum(m, "type", &c.Type, []string{"EMAIL"}, plain.required())
	flag(m, "enabled", &c.Enabled, plain.required())
}

// customerMembers lists the members of a customer (contract B1).
func customerMembers(m *members, c *billing.Customer) {
	headMembers(m, billing.KindCustomer, &c.Head)
	enum(m, "type", &c.Type, billing.CustomerTypes, plain)
	enum(m, "status", &c.Status, billing.CustomerStatuses, plain.required())
	text(m, "email", &c.Email, address.omitted())
	text(m, "locale", &c.Locale, locale)
	text(m, "timezone", &c.Timezone, zone)
	object(m, "organization", &c.Organization, plain, organizationMembers)
	object(m, "individual", &c.Individual, plain, individualMembers)
	objects(m, "notification_preferences", &c.NotificationPreferences, maxPreferences, plain, preferenceMembers)
	text(m, "billing_entity_id", &c.BillingEntityID, identifier)
	tailMembers(m, &c.Head)
}

func organizationMembers(m *members, o *billing.OrganizationDetails) {
	text(m, "legal_name", &o.LegalName, shortLine)
	object(m, "registered_address", &o.RegisteredAddress, plain, addressMembers)
}

func individualMembers(m *members, i *billing.IndividualDetails) {
	object(m, "name", &i.Name, plain, personNameMembers)
	object(m, "residential_address", &i.ResidentialAddress, plain, addressMembers)
}

// contactMembers lists the members of a contact (contract B1).
func contactMembers(m *members, c *billing.Contact) {
	headMembers(m, billing.KindContact, &c.Head)
	text(m, "customer_id", &c.CustomerID, identifier.required())
	object(m, "name", &c.Name, plain, personNameMembers)
	text(m, "email", &c.Email, address)
	objects(m, "notification_preferences", &c.NotificationPreferences, maxPreferences, plain, preferenceMembers)
	tailMembers(m, &c.Head)
}

// billingEntityMembers lists the members of a billing entity (contract B1).
func billingEntityMembers(m *members, b *billing.BillingEntity) {
	headMembers(m, billing.KindBillingEntity, &b.Head)
	text(m, "legal_name", &b.LegalName, shortLine)
	text(m, "email", &b.Email, address)
	text(m, "timezone", &b.Timezone, zone)
	object(m, "registered_address", &b.RegisteredAddress, plain, addressMembers)
	object(m, "branding", &b.Branding, plain, brandingMembers)
	tailMembers(m, &b.Head)
}

func brandingMembers(m *members, b *billing.Branding) {
	text(m, "name", &b.Name, shortLine)
	text(m, "domain", &b.Domain, identifier)
	object(m, "colors", &b.Colors, plain, colorsMembers)
	object(m, "logo", &b.Logo, plain, logoMembers)
}

func colorsMembers(m *members, c *billing.Colors) {
	text(m, "primary", &c.Primary, color)
	text(m, "secondary", &c.Secondary, color)
}

func logoMembers(m *members, l *billing.Logo) {
	text(m, "file_name", &l.FileName, shortLine)
	text(m, "content_type", &l.ContentType, shortLine)
	text(m, "content", &l.Content, picture)
	text(m, "public_url", &l.PublicURL, link)
}

// paymentMembers lists the members of a payment (contract B1).
func paymentMembers(m *members, p *billing.Payment) {
	headMembers(m, billing.KindPayment, &p.Head)
	text(m, "external_reference", &p.ExternalReference, shortLine)
	text(m, "invoice_id", &p.InvoiceID, identifier)
	text(m, "customer_id", &p.CustomerID, identifier)
	money(m, "amount", &p.Amount)
	enum(m, "result", &p.Result, billing.PaymentResults, plain.required())
	object(m, "result_details", &p.Details, plain, resultDetailsMembers)
	object(m, "payment_method_details", (*paymentMethod)(&p.Method), plain, paymentMethodMembers)
	instant(m, "timestamp", &p.Timestamp, plain)
	object(m, "dunning_action_details", &p.Dunning, plain, dunningMembers)
	tailMembers(m, &p.Head)
	if m.mode != encode && p.InvoiceID == "" && p.CustomerID == "" {
		m.codec.fault(fault.Missing, m.path("customer_id"), "customer_id is required where there is no invoice_id")
	}
}

func resultDetailsMembers(m *members, d *billing.ResultDetails) {
	text(m, "code", &d.Code, shortLine)
	text(m, "reason", &d.Reason, longLine)
	text(m, "external_code", &d.ExternalCode, shortLine)
	text(m, "external_reason", &d.ExternalReason, longLine)
}

// paymentMethod is payment_method_details, of which the type is kept.
type paymentMethod string

func paymentMethodMembers(m *members, t *paymentMethod) { text(m, "type", t, shortLine) }

const maxAttempt = 1_000_000

func dunningMembers(m *members, d *billing.Dunning) {
	number(m, "attempt", &d.Attempt, 1, maxAttempt, plain)
	text(m, "external_reference", &d.ExternalReference, shortLine)
	flag(m, "next_attempt_scheduled", &d.NextAttemptScheduled, plain)
	instant(m, "next_attempt_at", &d.NextAttemptAt, plain)
}
