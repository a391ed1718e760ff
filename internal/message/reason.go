package message

import (
	"slices"
	"strings"

	"github.com/dunwellhq/dunwell/internal/billing"
)

// reason is why a payment failed, as the customer is told: in general terms. A
// provider's own code never reaches the customer, let alone one that says that
// a card is reported stolen.
type reason string

const (
	insufficientFunds reason = "insufficient_funds"
	expired           reason = "expired"
	authentication    reason = "authentication"
	badDetails        reason = "details"
	declined          reason = "declined"
	technical         reason = "technical"
)

var reasons = []reason{insufficientFunds, expired, authentication, badDetails, declined, technical}

// hints say which part of a provider's code stands for which reason. The first
// that fits counts. SEPA and ACH return codes are compared as a whole.
var hints = []struct {
	reason reason
	part   []string
	whole  []string
}{
	{insufficientFunds, []string{"insufficient", "notenoughbalance", "nsf"}, []string{"am04", "r01", "r09"}},
	{expired, []string{"expired"}, nil},
	{authentication, []string{"authentication", "3dsecure", "3ds", "scarequired"}, nil},
	{badDetails, []string{
		"accountclosed", "closedaccount", "noaccount", "nomandate", "mandate", "incorrectnumber", "invalidnumber",
		"invalidaccount", "invalidcard", "invalidiban", "incorrectcvc", "invalidcvc", "invalidexpiry",
	}, []string{"ac01", "ac04", "ac06", "md01", "r02", "r03", "r04"}},
	{technical, []string{"processingerror", "technical", "unavailable", "timeout"}, nil},
}

// failureReason classifies the failure of a payment.
func failureReason(p *billing.Payment) reason {
	for _, code := range []string{p.Details.Code, p.Details.ExternalCode} {
		code = strings.NewReplacer("_", "", "-", "", " ", "", ".", "").Replace(strings.ToLower(code))
		for _, h := range hints {
			if slices.Contains(h.whole, code) || slices.ContainsFunc(h.part, func(part string) bool { return strings.Contains(code, part) }) {
				return h.reason
			}
		}
	}
	if p.Result == billing.Errored {
		return technical
	}
	return declined
}
