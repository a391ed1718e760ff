package platform

import "time"

// IntegrationID identifies an integration (intg_…).
type IntegrationID string

// IntegrationStatus is the state of an integration, as on the wire.
type IntegrationStatus string

// The states of an integration. Only ACTIVE and TESTING ones deliver.
const (
	IntegrationDraft      IntegrationStatus = "DRAFT"
	IntegrationPending    IntegrationStatus = "PENDING"
	IntegrationTesting    IntegrationStatus = "TESTING"
	IntegrationActive     IntegrationStatus = "ACTIVE"
	IntegrationError      IntegrationStatus = "ERROR"
	IntegrationDeprecated IntegrationStatus = "DEPRECATED"
	IntegrationArchived   IntegrationStatus = "ARCHIVED"
)

// IntegrationStatuses lists the states in the order of an integration's life.
var IntegrationStatuses = []IntegrationStatus{
	IntegrationDraft, IntegrationPending, IntegrationTesting, IntegrationActive,
	IntegrationError, IntegrationDeprecated, IntegrationArchived,
}

// Delivers reports whether executions may be handed to the integration.
func (s IntegrationStatus) Delivers() bool {
	return s == IntegrationActive || s == IntegrationTesting
}

// Provider names the protocol that an integration speaks.
type Provider string

// The providers that this version speaks to.
const (
	System Provider = "SYSTEM" // captured in the platform's outbox, sent to nobody
	SMTP   Provider = "SMTP"
)

// Class is what a provider allows us to promise; see docs/delivery.md.
type Class string

// The classes.
const (
	ClassOwn     Class = "OWN"     // written in our own transaction
	ClassNeither Class = "NEITHER" // neither an idempotency key nor a way to ask
)

// Class of the provider.
func (p Provider) Class() Class {
	if p == System {
		return ClassOwn
	}
	return ClassNeither
}

// Security is how a connection to an SMTP server is protected.
type Security string

// The ways, from the strongest.
const (
	TLS      Security = "TLS"      // TLS from the first byte, port 465
	STARTTLS Security = "STARTTLS" // upgraded before anything is said, port 587; refused if the server cannot
	NoTLS    Security = "NONE"     // for a relay on the same machine
)

// Integration is an account at an email provider.
type Integration struct {
	ID            IntegrationID     `json:"id"`
	Reference     string            `json:"reference"`
	Name          string            `json:"name"`
	Description   string            `json:"description"`
	Type          string            `json:"type"` // EMAIL_PROVIDER
	Status        IntegrationStatus `json:"status"`
	Message       string            `json:"message"`
	EmailProvider EmailProvider     `json:"email_provider"`
	CreatedAt     time.Time         `json:"created_at"`
	UpdatedAt     time.Time         `json:"updated_at"`

	// Credentials never leave the process but encrypted: the store keeps
	// them apart from the rest, and no JSON form has them.
	Credentials Credentials `json:"-"`
}

// EmailProvider says which provider and how to reach it.
type EmailProvider struct {
	Variant               Provider      `json:"variant"`
	SMTP                  *SMTPSettings `json:"smtp"`
	UseLocalizedTemplates bool          `json:"use_localized_templates"`
}

// SMTPSettings is how to reach an SMTP server.
type SMTPSettings struct {
	Host     string   `json:"host"`
	Port     int      `json:"port"`
	Security Security `json:"security"`
	From     string   `json:"from"` // address used where neither action nor billing entity has one
}

// TrustsAsMuchAs reports whether credentials that go to old may go to p: to no
// server, or to the same one and not in the clear where they were not.
func (p EmailProvider) TrustsAsMuchAs(old EmailProvider) bool {
	switch {
	case p.SMTP == nil:
		return true
	case old.SMTP == nil || p.SMTP.Host != old.SMTP.Host || p.SMTP.Port != old.SMTP.Port:
		return false
	default:
		return p.SMTP.Security != NoTLS || old.SMTP.Security == NoTLS
	}
}

// Credentials of an integration. Empty means that none are needed.
type Credentials struct {
	Username string `json:"username"`
	Password string `json:"password"`
}

// LogValue keeps credentials out of logs, whoever logs an integration.
func (Credentials) LogValue() string { return "[credentials]" }

// String keeps credentials out of formatted text.
func (Credentials) String() string { return "[credentials]" }
