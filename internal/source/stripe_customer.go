package source

import (
	"github.com/go-json-experiment/json/jsontext"

	"github.com/dunwellhq/dunwell/internal/billing"
	"github.com/dunwellhq/dunwell/internal/fault"
)

type stripeCustomer struct {
	ID       string         `json:"id"`
	Name     string         `json:"name"`
	Email    string         `json:"email"`
	Locales  []string       `json:"preferred_locales"`
	Address  stripeAddress  `json:"address"`
	Metadata jsontext.Value `json:"metadata"`
}

type stripeAddress struct {
	Line1      string `json:"line1"`
	Line2      string `json:"line2"`
	City       string `json:"city"`
	PostalCode string `json:"postal_code"`
	State      string `json:"state"`
	Country    string `json:"country"`
}

func (a stripeAddress) billing() billing.Address {
	return billing.Address{
		Line1:      text(a.Line1, maxName),
		Line2:      text(a.Line2, maxName),
		City:       text(a.City, maxName),
		PostalCode: text(a.PostalCode, maxName),
		State:      text(a.State, maxName),
		Country:    text(a.Country, maxName),
	}
}

// customer translates customer.created, .updated and .deleted. A deletion says
// no more than that the customer is gone.
func (s Stripe) customer(d *Delivery, raw jsontext.Value) error {
	var c stripeCustomer
	if err := stripeDecode(raw, &c, "data.object"); err != nil {
		return err
	}
	id := identifier(c.ID)
	if id == "" {
		return badID("customer", "cus_…")
	}
	if d.Type == "customer.deleted" {
		gone := &billing.Customer{Head: billing.Head{ID: id, Version: billing.At(d.At)}, Status: billing.CustomerClosed}
		d.Items = append(d.Items, billing.Item{Resource: gone, Mode: billing.Merge})
		return nil
	}
	customer := s.newCustomer(id, c.Name, c.Email, c.Address)
	customer.Version = billing.At(d.At)
	customer.Metadata = metadata(c.Metadata)
	if len(c.Locales) > 0 {
		customer.Locale = locale(c.Locales[0])
	}
	d.Items = append(d.Items, billing.Item{Resource: customer, Mode: billing.Restate})
	return nil
}

// newCustomer makes a customer of what both a customer and an invoice carry.
// Stripe has one name and does not tell companies from persons.
func (s Stripe) newCustomer(id, name, mailbox string, address stripeAddress) *billing.Customer {
	return &billing.Customer{
		Head:   billing.Head{ID: id},
		Type:   billing.Organization,
		Status: billing.CustomerActive,
		Email:  email(mailbox),
		Organization: billing.OrganizationDetails{
			LegalName:         text(name, maxName),
			RegisteredAddress: address.billing(),
		},
		BillingEntityID: s.BillingEntityID,
	}
}

func badID(object, form string) error {
	return fault.At(fault.Invalid, "data.object.id", "the %s needs its id, %s: 1 to 256 characters without white space", object, form)
}
