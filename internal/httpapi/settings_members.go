package httpapi

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/dunwellhq/dunwell/internal/calendar"
	"github.com/dunwellhq/dunwell/internal/fault"
	"github.com/dunwellhq/dunwell/internal/message"
	"github.com/dunwellhq/dunwell/internal/platform"
)

// platformMembers lists the members of a platform (contract B4).
func platformMembers(m *members, p *platform.Platform) {
	m.served("PLATFORM", string(p.ID))
	text(m, "reference", &p.Reference, identifier.required())
	text(m, "name", &p.Name, shortLine.required().trimmed())
	enum(m, "environment", &p.Environment, []platform.Environment{platform.Live, platform.Test}, plain.required())
	text(m, "timezone", &p.Timezone, zone)
	text(m, "locale", &p.Locale, locale)
	text(m, "default_billing_entity_id", &p.DefaultBillingEntityID, identifier)
	text(m, "payment_link_template", &p.PaymentLinkTemplate, rule{check: checkPaymentLink})
	enum(m, "sending", &p.Sending, []platform.Sending{platform.On, platform.Paused, platform.Redirect}, plain.notNull())
	text(m, "redirect_to", &p.RedirectTo, address)
	texts(m, "allowed_recipients", &p.AllowedRecipients, maxAllowed, address)
	block(m, "calendar", &p.Calendar, plain, calendarMembers)
	clockOf(m, p)
	m.times(p.CreatedAt, p.UpdatedAt)
}

// maxHolidays bounds the holidays of a calendar.
const maxHolidays = 1_000

func calendarMembers(m *members, c *platform.Calendar) {
	texts(m, "weekend_days", &c.WeekendDays, len(platform.Weekdays), rule{check: checkWeekday})
	texts(m, "holidays", &c.Holidays, maxHolidays, rule{check: checkDay})
	text(m, "holiday_region", &c.HolidayRegion, shortLine)
}

func checkWeekday(s string) string {
	if !slices.Contains(platform.Weekdays, platform.Weekday(s)) {
		return "one of " + join(platform.Weekdays)
	}
	return ""
}

func checkDay(s string) string {
	if _, err := calendar.ParseDay(s); err != nil {
		return "a date such as 2026-12-25"
	}
	return ""
}

func checkPaymentLink(s string) string {
	if tooLong(s, 2048) || strings.ContainsFunc(s, breaks) {
		return "a template of at most 2048 characters on one line"
	}
	if err := message.CheckPaymentLink(s); err != nil {
		return fmt.Sprintf("a template such as https://pay.example.com/{{invoice_id}}: %v", err)
	}
	return ""
}

// maxAllowed bounds the recipients that a TEST platform allows.
const maxAllowed = 1_000

// checkNewPlatform judges a new platform and lets it send.
func checkNewPlatform(now time.Time) func(*codec, *platform.Platform) {
	return func(c *codec, p *platform.Platform) {
		if p.Sending == "" {
			p.Sending = platform.On
		}
		checkPlatform(c, p, now)
	}
}

func checkPlatform(c *codec, p *platform.Platform, now time.Time) {
	if _, err := p.Calendar.Days(now); err != nil {
		wrong := fault.As(err)
		c.fault(wrong.Kind, "calendar."+wrong.Field, wrong.Message)
	}
	if p.Sending == platform.Redirect && p.RedirectTo == "" {
		c.fault(fault.Missing, "redirect_to", "redirect_to is required while sending is REDIRECT")
	}
	// Ignored, it would let everything out that it is meant to keep in.
	if p.Environment == platform.Live && len(p.AllowedRecipients) > 0 {
		c.fault(fault.Invalid, "allowed_recipients", "allowed_recipients must be left out: a LIVE platform writes to every customer, use sending PAUSED or REDIRECT to hold it back")
	}
}

// checkChangedPlatform returns the judge of a patch of old. References are unique
// among all platforms: who may try them finds out those of others, and tokens
// name platforms by them.
func checkChangedPlatform(old platform.Platform, renames bool, now time.Time) func(*codec, *platform.Platform) {
	return func(c *codec, p *platform.Platform) {
		if p.Reference != old.Reference && !renames {
			c.fault(fault.State, "reference", fmt.Sprintf("reference must stay %s: only the bootstrap administrator, who makes platforms, may change it", old.Reference))
		}
		if p.Environment != old.Environment {
			c.fault(fault.Invalid, "environment", fmt.Sprintf("environment must stay %s: it is set when a platform is made", old.Environment))
		}
		checkPlatform(c, p, now)
	}
}

// givenIntegration is an integration as a body gives it.
type givenIntegration struct {
	platform.Integration
	auth *authentication // nil keeps the stored credentials
}

type authentication struct{ apiKey, client, password *platform.Credentials }

// integrationMembers lists the members of an integration (contract B1).
// Credentials are taken and never written.
func integrationMembers(m *members, in *givenIntegration) {
	m.served("INTEGRATION", string(in.ID))
	text(m, "reference", &in.Reference, shortLine)
	text(m, "name", &in.Name, shortLine)
	text(m, "description", &in.Description, prose)
	enum(m, "type", &in.Type, []string{"EMAIL_PROVIDER"}, plain.required())
	enum(m, "status", &in.Status, platform.IntegrationStatuses, plain.required())
	text(m, "message", &in.Message, longLine)
	if m.mode != encode {
		block(m, "authentication", &in.auth, plain, authenticationMembers)
	}
	object(m, "email_provider", &in.EmailProvider, plain.required(), emailProviderMembers)
	m.times(in.CreatedAt, in.UpdatedAt)
}

func emailProviderMembers(m *members, p *platform.EmailProvider) {
	enum(m, "variant", &p.Variant, []platform.Provider{platform.System, platform.SMTP}, plain.required())
	block(m, "smtp", &p.SMTP, plain, smtpMembers)
	flag(m, "use_localized_templates", &p.UseLocalizedTemplates, plain)
	unsupported(m, "delivery_window", "mailgun", "sendgrid", "ses", "postmark", "resend")
}

func smtpMembers(m *members, s *platform.SMTPSettings) {
	text(m, "host", &s.Host, rule{need: required, check: checkHost})
	number(m, "port", &s.Port, 1, 65_535, plain)
	enum(m, "security", &s.Security, []platform.Security{platform.TLS, platform.STARTTLS, platform.NoTLS}, plain)
	text(m, "from", &s.From, address)
	if m.mode == encode {
		return
	}
	if s.Security == "" {
		s.Security = platform.STARTTLS
	}
	if s.Port == 0 {
		s.Port = ports[s.Security]
	}
}

// ports are the usual ones.
var ports = map[platform.Security]int{platform.TLS: 465, platform.STARTTLS: 587, platform.NoTLS: 25}

func checkHost(s string) string {
	bad := func(r rune) bool { return blank(r) || strings.ContainsRune(`/\@?#"<>`, r) }
	if s == "" || len(s) > 253 || strings.ContainsFunc(s, bad) {
		return "the name or address of a mail server, such as smtp.example.com"
	}
	return ""
}

func authenticationMembers(m *members, a *authentication) {
	block(m, "username_password", &a.password, plain, usernamePasswordMembers)
	block(m, "api_key", &a.apiKey, plain, func(*members, *platform.Credentials) {})
	block(m, "client_credentials", &a.client, plain, func(*members, *platform.Credentials) {})
}

func usernamePasswordMembers(m *members, c *platform.Credentials) {
	text(m, "username", &c.Username, longLine)
	text(m, "password", &c.Password, longLine)
}

// checkIntegration judges an integration as a whole and settles its credentials.
func checkIntegration(c *codec, in *givenIntegration) {
	p := &in.EmailProvider
	switch {
	case p.Variant == platform.SMTP && p.SMTP == nil:
		c.fault(fault.Missing, "email_provider.smtp", "smtp is required for variant SMTP")
	case p.Variant == platform.System && p.SMTP != nil:
		c.fault(fault.Invalid, "email_provider.smtp", "smtp must be left out: the variant is SYSTEM")
	}
	a := in.auth
	if a == nil {
		return
	}
	const want = " must be left out: this version's providers take username_password, or nothing"
	if a.apiKey != nil {
		c.fault(fault.Invalid, "authentication.api_key", "api_key"+want)
	}
	if a.client != nil {
		c.fault(fault.Invalid, "authentication.client_credentials", "client_credentials"+want)
	}
	if a.password != nil {
		in.Credentials = *a.password
	}
}

// sourceMembers lists the members of a source (contract B4). The secret is
// taken and never written.
func sourceMembers(m *members, s *platform.Source) {
	m.served("SOURCE", string(s.ID))
	text(m, "reference", &s.Reference, shortLine)
	enum(m, "type", &s.Type, []platform.SourceType{platform.Stripe}, plain.required())
	if m.mode != encode {
		text(m, "signing_secret", &s.SigningSecret, word(1024).required())
	}
	text(m, "default_billing_entity_id", &s.DefaultBillingEntityID, identifier)
	unsupported(m, "max_silence")
	if m.mode == encode {
		m.putText("ingest_path", ingestPath(s.ID), plain)
		m.putText("max_silence", "", plain)
	}
	m.times(s.CreatedAt, s.UpdatedAt)
}

// checkChangedSource returns the judge of a patch of old.
func checkChangedSource(old platform.Source) func(*codec, *platform.Source) {
	return func(c *codec, s *platform.Source) {
		if s.Type != old.Type {
			c.fault(fault.Invalid, "type", fmt.Sprintf("type must stay %s: another system is another source", old.Type))
		}
	}
}

// ingestPath is where the system of a source sends its webhooks.
func ingestPath(id platform.SourceID) string { return "/v1/ingest/sources/" + string(id) }
