package message

import (
	"errors"
	"net/url"
	"strings"

	"github.com/mailgun/raymond/v2"

	"github.com/dunwellhq/dunwell/internal/workflow"
)

// paymentLink is where the customer can pay: the invoice's own link, else the
// platform's template filled in. It is empty where a link is not wanted, as in
// every UPCOMING_PAYMENT_REMINDER, or nothing is to be paid, and, with a
// warning, where it is no http or https address: such a link is worse than none.
func (m *Message) paymentLink(in *Input, v values) string {
	invoice := in.Facts.Invoice
	if invoice == nil || !invoice.Collectible() || !in.Email.IncludesPaymentLink() || in.Variant == workflow.UpcomingPaymentRemind {
		return ""
	}
	link := invoice.PayLink.URL
	if link == "" && in.Platform.PaymentLinkTemplate != "" {
		filled, unknown, err := fillLink(in.Platform.PaymentLinkTemplate, v)
		if err != nil {
			m.warn("The payment link was left out: %v.", err)
			return ""
		}
		m.warnUnknown("the payment link", unknown)
		link = filled
	}
	if link == "" {
		return ""
	}
	checked, err := webAddress(link)
	if err != nil {
		m.warn("The payment link was left out: %v.", err)
	}
	return checked
}

// CheckPaymentLink reports what is wrong with the template of a payment link:
// it must be an http or https address, with variables anywhere but in its
// host, each of which exists.
func CheckPaymentLink(template string) error {
	sample := values{}
	for _, v := range Variables {
		sample[v.Name] = "x/ y"
	}
	link, unknown, err := fillLink(template, sample)
	if err != nil {
		return err
	}
	if len(unknown) > 0 {
		return errors.New("there is no variable " + unknown[0])
	}
	_, err = webAddress(link)
	return err
}

// fillLink fills in the template of a link. Values are escaped so that none
// can end the part of the address that it stands in.
func fillLink(template string, v values) (link string, unknown []string, err error) {
	p, err := parseForeign(template)
	if err != nil {
		return "", nil, err
	}
	escaped := make(values, len(v))
	for name, value := range v {
		escaped[name] = raymond.SafeString(strings.ReplaceAll(url.QueryEscape(string(value)), "+", "%20"))
	}
	link, err = p.execute(escaped)
	return link, p.unknown, err
}

var errNoWebAddress = errors.New("it is no http or https address")

// webAddress checks an address that people are asked to click.
func webAddress(s string) (string, error) {
	u, err := url.Parse(s)
	if err != nil || (u.Scheme != "https" && u.Scheme != "http") || u.Hostname() == "" || u.User != nil ||
		s != clean(s, maxURL) || strings.Contains(s, " ") {
		return "", errNoWebAddress
	}
	return u.String(), nil
}
