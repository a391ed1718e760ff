package message

import (
	"cmp"
	"errors"
	"fmt"

	"github.com/dunwellhq/dunwell/internal/billing"
	"github.com/dunwellhq/dunwell/internal/workflow"
)

// maxRecipients bounds To, CC and BCC together: what every mail server takes at
// once (RFC 5321, 4.5.3.1.8). An action names at most 50, contacts share the rest.
const maxRecipients = 100

// errNoSender says that nobody has an address to send from.
var errNoSender = errors.New("there is no address to send from: the action, the billing entity and the integration have none")

// errSuppressedCopy does not show the address, as [errBadAddress] does not.
var errSuppressedCopy = errors.New("the address is suppressed")

// envelope fills in who the message is from and to. To goes before CC and CC
// before BCC: an address that several of them have stays in the first.
func (m *Message) envelope(in *Input) error {
	customer := in.Facts.Customer
	switch {
	case customer == nil || customer.Email == "":
		return ErrNoRecipient
	case !in.wanted(customer.NotificationPreferences):
		return ErrPreferenceOff
	case in.suppressed(customer.Email):
		return ErrSuppressed
	}
	to, err := address(customer.Name(), customer.Email)
	if err != nil {
		return fmt.Errorf("%w that can be used: %w", ErrNoRecipient, err)
	}
	m.To = []Address{to}
	m.copies(in)
	return m.sender(in)
}

// suppressed reports whether an address gets no mail at all.
func (in *Input) suppressed(email string) bool { return in.Suppressed != nil && in.Suppressed(email) }

// copies fills in CC and BCC. A copy whose address is not valid, or suppressed,
// is left out with a warning: the customer's message does not wait for it.
func (m *Message) copies(in *Input) {
	for i, email := range in.Email.CC {
		m.CC = m.copyTo(in, m.CC, fmt.Sprintf("cc_recipients.%d", i), workflow.Mailbox{Email: email})
	}
	if in.Email.ContactsAsCC() {
		m.contacts(in)
	}
	for i, email := range in.Email.BCC {
		m.BCC = m.copyTo(in, m.BCC, fmt.Sprintf("bcc_recipients.%d", i), workflow.Mailbox{Email: email})
	}
}

// contacts adds those of the customer to CC, as many as there is room for.
func (m *Message) contacts(in *Input) {
	most, left := maxRecipients-len(m.To)-len(in.Email.BCC), 0
	for _, c := range in.Facts.Contacts {
		switch {
		case c.Email == "" || !in.wanted(c.NotificationPreferences):
		case len(m.CC) == most:
			left++
		default:
			m.CC = m.copyTo(in, m.CC, fmt.Sprintf("contact %.80q", c.ID), workflow.Mailbox{Name: c.Name.String(), Email: c.Email})
		}
	}
	if left > 0 {
		m.warn("%d contacts got no copy: a message has at most %d recipients.", left, maxRecipients)
	}
}

// wanted reports whether preferences leave the message on. They speak of
// invoices: who wants no mail about those has not said so of a trial or wallet.
func (in *Input) wanted(preferences []billing.Preference) bool {
	return in.Variant == workflow.FreeTrialReminder || in.Variant == workflow.WalletBalance || billing.AllowsEmail(preferences)
}

func (m *Message) copyTo(in *Input, list []Address, who string, box workflow.Mailbox) []Address {
	a, err := address(box.Name, box.Email)
	if err == nil && in.suppressed(box.Email) {
		err = errSuppressedCopy
	}
	if err != nil {
		m.warn("The copy to %s was left out: %v.", who, err)
		return list
	}
	return with(list, a, m.To, m.CC)
}

// sender fills in From and Reply-To. The first address that is set counts; one
// that is not valid is an error rather than a reason to send from another.
func (m *Message) sender(in *Input) (err error) {
	from := seller(in)
	switch e := &in.Email; {
	case e.From != nil && e.From.Email != "":
		from = *e.From
	case from.Email == "":
		from.Email = in.DefaultFrom
	}
	if from.Email == "" {
		return errNoSender
	}
	if m.From, err = address(from.Name, from.Email); err != nil {
		return fmt.Errorf("addressing the sender: %w", err)
	}
	if r := in.Email.ReplyTo; r != nil && r.Email != "" {
		if m.ReplyTo, err = address(r.Name, r.Email); err != nil {
			return fmt.Errorf("addressing the replies: %w", err)
		}
	}
	return nil
}

// seller is in whose name the message goes out: the billing entity under its
// brand, else under its legal name, else the platform.
func seller(in *Input) workflow.Mailbox {
	if e := in.Facts.Entity; e != nil {
		return workflow.Mailbox{Name: cmp.Or(e.Branding.Name, e.LegalName, in.Platform.Name), Email: e.Email}
	}
	return workflow.Mailbox{Name: in.Platform.Name}
}

func (m *Message) warn(format string, args ...any) {
	m.Warnings = append(m.Warnings, fmt.Sprintf(format, args...))
}
