package billing

// CustomerStatus is the state of a customer, as on the wire.
type CustomerStatus string

// The states of a customer.
const (
	CustomerDraft      CustomerStatus = "DRAFT"
	CustomerActive     CustomerStatus = "ACTIVE"
	CustomerArchived   CustomerStatus = "ARCHIVED"
	CustomerDeprecated CustomerStatus = "DEPRECATED"
	CustomerClosed     CustomerStatus = "CLOSED"
)

// CustomerStatuses lists the states.
var CustomerStatuses = []CustomerStatus{CustomerDraft, CustomerActive, CustomerArchived, CustomerDeprecated, CustomerClosed}

// CustomerType tells a company from a person.
type CustomerType string

// The types of customer.
const (
	Organization CustomerType = "ORGANIZATION"
	Individual   CustomerType = "INDIVIDUAL"
)

// CustomerTypes lists the types.
var CustomerTypes = []CustomerType{Organization, Individual}

// Customer is who receives messages.
type Customer struct {
	Head
	Type                    CustomerType        `json:"type"`
	Status                  CustomerStatus      `json:"status"`
	Email                   string              `json:"email"`
	Locale                  string              `json:"locale"`   // BCP 47, e.g. nl-BE
	Timezone                string              `json:"timezone"` // IANA
	Organization            OrganizationDetails `json:"organization"`
	Individual              IndividualDetails   `json:"individual"`
	NotificationPreferences []Preference        `json:"notification_preferences"`
	BillingEntityID         string              `json:"billing_entity_id"`
}

// OrganizationDetails describes a customer that is a company.
type OrganizationDetails struct {
	LegalName         string  `json:"legal_name"`
	RegisteredAddress Address `json:"registered_address"`
}

// IndividualDetails describes a customer that is a person.
type IndividualDetails struct {
	Name               PersonName `json:"name"`
	ResidentialAddress Address    `json:"residential_address"`
}

// PersonName is the name of a person; Infix is the Dutch "van der".
type PersonName struct {
	FirstName string `json:"first_name"`
	Infix     string `json:"infix"`
	LastName  string `json:"last_name"`
}

// String joins the parts that are set.
func (n PersonName) String() string {
	s := n.FirstName
	for _, part := range []string{n.Infix, n.LastName} {
		switch {
		case part == "":
		case s == "":
			s = part
		default:
			s += " " + part
		}
	}
	return s
}

// Address is a postal address.
type Address struct {
	Line1      string `json:"line1"`
	Line2      string `json:"line2"`
	City       string `json:"city"`
	PostalCode string `json:"postal_code"`
	State      string `json:"state"`
	Country    string `json:"country"`
}

// Preference says by which channels somebody wants to hear about a subject.
type Preference struct {
	Type     string    `json:"type"` // INVOICE
	Channels []Channel `json:"channels"`
}

// Channel is one way of being told.
type Channel struct {
	Type    string `json:"type"` // EMAIL
	Enabled bool   `json:"enabled"`
}

// AllowsEmail reports whether preferences leave email about invoices on. What
// is not said is allowed.
func AllowsEmail(preferences []Preference) bool {
	for _, p := range preferences {
		for _, c := range p.Channels {
			if p.Type == "INVOICE" && c.Type == "EMAIL" && !c.Enabled {
				return false
			}
		}
	}
	return true
}

// Kind implements [Resource].
func (*Customer) Kind() Kind { return KindCustomer }

// rank: a customer who is gone stays gone if both are told of in one second.
func (c *Customer) rank() int {
	if c.Closed() {
		return 1
	}
	return 0
}

// Name is how the customer is addressed: the legal name or the person's.
func (c *Customer) Name() string {
	if c.Organization.LegalName != "" {
		return c.Organization.LegalName
	}
	return c.Individual.Name.String()
}

// Closed reports whether the customer is gone and must not be written to.
func (c *Customer) Closed() bool {
	return c.Status == CustomerClosed || c.Status == CustomerArchived
}

// Contact is a person at a customer who may get copies.
type Contact struct {
	Head
	CustomerID              CustomerID   `json:"customer_id"`
	Name                    PersonName   `json:"name"`
	Email                   string       `json:"email"`
	NotificationPreferences []Preference `json:"notification_preferences"`
}

// Kind implements [Resource].
func (*Contact) Kind() Kind { return KindContact }

func (c *Contact) rank() int { return 0 }

// BillingEntity is the seller: the company in whose name messages go out.
type BillingEntity struct { //nolint:revive // the contract's word, which everybody in the field uses
	Head
	LegalName         string   `json:"legal_name"`
	Email             string   `json:"email"`
	Timezone          string   `json:"timezone"`
	RegisteredAddress Address  `json:"registered_address"`
	Branding          Branding `json:"branding"`
}

// Branding is how the seller's messages look.
type Branding struct {
	Name   string `json:"name"`
	Domain string `json:"domain"`
	Colors Colors `json:"colors"`
	Logo   Logo   `json:"logo"`
}

// Colors are CSS hex colours such as #0b5fff.
type Colors struct {
	Primary   string `json:"primary"`
	Secondary string `json:"secondary"`
}

// Logo is the seller's picture: by public URL or by content (base64).
type Logo struct {
	FileName    string `json:"file_name"`
	ContentType string `json:"content_type"`
	Content     string `json:"content"`
	PublicURL   string `json:"public_url"`
}

// Kind implements [Resource].
func (*BillingEntity) Kind() Kind { return KindBillingEntity }

func (b *BillingEntity) rank() int { return 0 }
