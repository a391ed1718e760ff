package source

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"strconv"
	"strings"
	"time"

	"github.com/dunwellhq/dunwell/internal/fault"
)

// stripeTolerance is how far the time of a signature may be from ours, on
// either side: Stripe's own advice, and the contract's.
const stripeTolerance = 5 * time.Minute

// StripeSignature is what the header of a webhook claims.
type StripeSignature struct {
	signed string // the time, as it is written
	macs   [][]byte
}

// Signature reads the Stripe-Signature header of a webhook. What it refuses need
// not be read any further: no body makes it right. Every error is
// fault.Unauthorised.
func (Stripe) Signature(header string, now time.Time) (StripeSignature, error) {
	var none StripeSignature
	signed, macs, err := parseStripeSignature(header)
	if err != nil {
		return none, err
	}
	seconds, err := strconv.ParseInt(signed, 10, 64)
	if err != nil {
		return none, fault.New(fault.Unauthorised, "the time t in Stripe-Signature is no number of seconds")
	}
	switch { // in seconds: a time.Time of a forged number may overflow
	case seconds < now.Add(-stripeTolerance).Unix():
		return none, fault.New(fault.Unauthorised, "the signature is older than 5 minutes: Stripe signs each delivery anew, so this one was held back or repeated")
	case seconds > now.Add(stripeTolerance).Unix():
		return none, fault.New(fault.Unauthorised, "the signature is more than 5 minutes in the future: check this machine's clock")
	}
	return StripeSignature{signed, macs}, nil
}

// Verify checks the signature over the body as it came. Any of the secrets may
// have made it, so that a secret can be rolled while both work. Every error is
// fault.Unauthorised.
func (s StripeSignature) Verify(body []byte, secrets []string) error {
	if !anySigned(s.signed, body, s.macs, secrets) {
		return fault.New(fault.Unauthorised, "no signature in Stripe-Signature matches the body: check the signing secret (whsec_…) of this endpoint, and that nothing between Stripe and here changes the body")
	}
	return nil
}

// parseStripeSignature reads t=…,v1=…,v1=… and returns t as it is written,
// which is what is signed. Other schemes (v0, of Stripe's test tools) are
// passed over.
func parseStripeSignature(header string) (signed string, signatures [][]byte, err error) {
	for part := range strings.SplitSeq(header, ",") {
		key, value, _ := strings.Cut(strings.TrimSpace(part), "=")
		switch key {
		case "t":
			if signed != "" {
				return "", nil, fault.New(fault.Unauthorised, "Stripe-Signature names two times t")
			}
			signed = value
		case "v1":
			if mac, err := hex.DecodeString(value); err == nil && len(mac) == sha256.Size {
				signatures = append(signatures, mac)
			}
		}
	}
	switch {
	case signed == "":
		return "", nil, fault.New(fault.Unauthorised, "the request needs the header Stripe-Signature: t=…,v1=…, but has no time t")
	case len(signatures) == 0:
		return "", nil, fault.New(fault.Unauthorised, "the request needs the header Stripe-Signature: t=…,v1=…, but has no signature v1")
	}
	return signed, signatures, nil
}

// anySigned reports whether one of the secrets made one of the signatures. An
// empty secret is no secret: anybody could sign with it.
func anySigned(signed string, body []byte, signatures [][]byte, secrets []string) bool {
	for _, secret := range secrets {
		if secret == "" {
			continue
		}
		mac := hmac.New(sha256.New, []byte(secret))
		mac.Write([]byte(signed + "."))
		mac.Write(body)
		want := mac.Sum(nil)
		for _, got := range signatures {
			if hmac.Equal(got, want) {
				return true
			}
		}
	}
	return false
}
