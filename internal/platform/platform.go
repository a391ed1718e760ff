// Package platform is the tenant: its settings, its kill switch and its
// integrations with email providers. Everything else in Dunwell belongs to
// exactly one platform.
package platform

import "time"

// ID identifies a platform (plat_…).
type ID string

// Environment says whether a platform writes to real customers.
type Environment string

// The environments.
const (
	Live Environment = "LIVE"
	Test Environment = "TEST"
)

// Sending is the platform's kill switch, asked at every claim.
type Sending string

// The positions of the switch.
const (
	On       Sending = "ON"       // messages go to their recipients
	Paused   Sending = "PAUSED"   // executions stay PENDING with reason SENDING_PAUSED
	Redirect Sending = "REDIRECT" // every message goes to RedirectTo and to nobody else
)

// Platform is a tenant and its settings.
type Platform struct {
	ID                     ID          `json:"id"`
	Reference              string      `json:"reference"`
	Name                   string      `json:"name"`
	Environment            Environment `json:"environment"`
	Timezone               string      `json:"timezone"`
	Locale                 string      `json:"locale"`
	DefaultBillingEntityID string      `json:"default_billing_entity_id"`
	Calendar               *Calendar   `json:"calendar"` // nil: Saturdays and Sundays are closed
	PaymentLinkTemplate    string      `json:"payment_link_template"`
	Sending                Sending     `json:"sending"`
	RedirectTo             string      `json:"redirect_to"`
	AllowedRecipients      []string    `json:"allowed_recipients"` // the only ones that a TEST platform writes to
	CreatedAt              time.Time   `json:"created_at"`
	UpdatedAt              time.Time   `json:"updated_at"`

	// Clock is what the platform's own clock shows, kept apart from its settings;
	// zero: it goes by the machine's.
	Clock time.Time `json:"-"`
}
