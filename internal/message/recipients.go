package message

import (
	"cmp"
	"errors"
	"fmt"

	"github.com/dunwellhq/dunwell/internal/billing"
	"github.com/dunwellhq/dunwell/internal/workflow"
)

// maxRecipients bounds To, CC and BCC together: what mail servers take at once.
const maxRecipients = 100

// errNoSender says that nobody has an address to send from.
var errNoSender = errors.New("there is no address to send from: the action, the billing entity and the integration have none")

// envelope fills in who the message is from and to. To goes before CC and CC
// before BCC: an address that several of them have stays in the first.
func (m *Message) envelope(in *Input) error {
	customer := in.Facts.Customer
	switch {
	case customer == nil || customer.Email == "":
		return ErrNoRecipient
	case !billing.AllowsEmail(customer.NotificationPreferences):
		return ErrPreferenceOff
	}
	to, err := address(customer.Name(), customer.Email)
	if err != nil {
		return fmt.Errorf("%w that is valid: %w", ErrNoRecipient, err)
	}
	m.To = []Address{to}
	m.copies(in)
	return m.sender(in)
}

// copies fills in CC and BCC. A copy whose address is not valid is left out
// with a warning: the customer's message does not wait for it.
func (m *Message) copies(in *Input) {
	for _, email := range in.Email.CC {
		m.CC = m.copyTo(m.CC, "", email)
	}
	if in.Email.ContactsAsCC() {
		for _, c := range in.Facts.Contacts {
			if c.Email != "" && billing.AllowsEmail(c.NotificationPreferences) {
				m.CC = m.copyTo(m.CC, c.Name.String(), c.Email)
			}
		}
	}
	for _, email := range in.Email.BCC {
		m.BCC = m.copyTo(m.BCC, "", email)
	}
}

func (m *Message) copyTo(list []Address, name, email string) []Address {
	a, err := address(name, email)
	switch {
	case err != nil:
		m.warn("A copy was left out: %v.", err)
		return list
	case len(m.To)+len(m.CC)+len(m.BCC) == maxRecipients:
		m.warn("The copy to %s was left out: a message has at most %d recipients.", email, maxRecipients)
		return list
	default:
		return with(list, a, m.To, m.CC)
	}
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
