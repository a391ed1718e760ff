package platform

import (
	"time"

	"github.com/dunwellhq/dunwell/internal/ident"
)

// SourceID identifies a source (srce_…).
type SourceID string

// NewSourceID returns a fresh id of a source.
func NewSourceID() SourceID { return SourceID(ident.New("srce")) }

// SourceType names the billing system whose webhooks a source takes.
type SourceType string

// Stripe is the billing system that this version understands.
const Stripe SourceType = "STRIPE"

// Source is a billing system that sends its native webhooks to us.
type Source struct {
	ID                     SourceID   `json:"id"`
	PlatformID             ID         `json:"platform_id"`
	Reference              string     `json:"reference"`
	Type                   SourceType `json:"type"`
	DefaultBillingEntityID string     `json:"default_billing_entity_id"`
	CreatedAt              time.Time  `json:"created_at"`
	UpdatedAt              time.Time  `json:"updated_at"`

	// SigningSecret authenticates the webhooks; kept encrypted, like the
	// credentials of an integration.
	SigningSecret string `json:"-"`
}
