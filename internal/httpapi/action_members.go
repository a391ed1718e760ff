package httpapi

import (
	"fmt"
	"strings"

	"github.com/dunwellhq/dunwell/internal/fault"
	"github.com/dunwellhq/dunwell/internal/message"
	"github.com/dunwellhq/dunwell/internal/workflow"
)

// maxCopies bounds CC and BCC together.
const maxCopies = 50

// actionMembers lists the members of a workflow action (contract A5).
func actionMembers(m *members, a *workflow.Action) {
	m.served("WORKFLOW_ACTION", string(a.ID))
	text(m, "workflow_id", &a.WorkflowID, identifier.required())
	enum(m, "type", &a.Type, []workflow.ActionType{workflow.SendEmailToCustomer}, plain.required())
	text(m, "description", &a.Description, prose)
	enum(m, "status", &a.Status, workflow.Statuses, plain.required())
	block(m, "send_email_to_customer", &a.SendEmail, config, sendEmailMembers)
	m.times(a.CreatedAt, a.UpdatedAt)
}

// emailVariants are the types of workflow that an email has a block for.
var emailVariants = []workflow.Type{workflow.Invoice, workflow.Payment, workflow.Subscription}

func sendEmailMembers(m *members, e *workflow.SendEmail) {
	text(m, "integration_id", &e.IntegrationID, identifier.required())
	text(m, "subject", &e.Subject, rule{check: checkSubject})
	block(m, "from", &e.From, config, mailboxMembers)
	block(m, "reply_to", &e.ReplyTo, config, mailboxMembers)
	texts(m, "cc_recipients", &e.CC, maxCopies, address)
	texts(m, "bcc_recipients", &e.BCC, maxCopies, address)
	text(m, "template_name", &e.TemplateName, shortLine.required())
	enum(m, "variant", &e.Variant, emailVariants, plain.notNull().omitted())
	block(m, "invoice", &e.Invoice, config, invoiceEmailMembers)
	block(m, "payment", &e.Payment, config, plainEmailMembers)
	block(m, "pricing_plan_subscription", &e.Subscription, config, plainEmailMembers)
}

func mailboxMembers(m *members, b *workflow.Mailbox) {
	text(m, "name", &b.Name, shortLine)
	text(m, "email", &b.Email, address.required())
}

func invoiceEmailMembers(m *members, e *workflow.InvoiceEmail) {
	enum(m, "type", &e.Type, workflow.Variants[workflow.Invoice], plain.notNull().omitted())
	flag(m, "include_pdf", &e.IncludePDF, plain.notNull())
	flag(m, "include_payment_link", &e.IncludePaymentLink, plain.notNull())
	flag(m, "include_customer_contacts_as_cc", &e.ContactsAsCC, plain.notNull())
}

func plainEmailMembers(m *members, e *workflow.PlainEmail) {
	flag(m, "include_customer_contacts_as_cc", &e.ContactsAsCC, plain.notNull())
}

// checkSubject takes a template whose syntax is right; a variable that does
// not exist is left empty, with a warning on the execution.
func checkSubject(s string) string {
	if tooLong(s, 1024) || strings.ContainsFunc(s, breaks) {
		return "a template of at most 1024 characters on one line, without control characters"
	}
	if err := message.CheckSubject(s); err != nil {
		return fmt.Sprintf("a template such as \"Invoice {{invoice_number}}\": %v", err)
	}
	return ""
}

const emailPath = "send_email_to_customer"

// checkNewAction returns the judge of an action that is created (contract A5).
// w is its workflow, or nil if that does not exist, which the engine says.
func checkNewAction(w *workflow.Workflow) func(*codec, *workflow.Action) {
	return func(c *codec, a *workflow.Action) {
		if a.Status == workflow.Archived {
			c.fault(fault.Invalid, "status", "status must be ACTIVE, INACTIVE or DRAFT: an action is not created archived")
		}
		checkAction(c, a, w, a.Status != workflow.Draft && a.Status != "")
	}
}

// checkChangedAction returns the judge of a patch of old, an action of w.
func checkChangedAction(old workflow.Action, w *workflow.Workflow) func(*codec, *workflow.Action) {
	return func(c *codec, a *workflow.Action) {
		if a.WorkflowID != old.WorkflowID {
			c.fault(fault.Invalid, "workflow_id", fmt.Sprintf("workflow_id must stay %s: an action never moves to another workflow", old.WorkflowID))
		}
		if err := old.Status.Move(a.Status); err != nil {
			c.fault(fault.State, "status", fault.As(err).Message)
		}
		abandoned := a.Status == workflow.Archived && (old.Status == workflow.Draft || old.Status == workflow.Archived)
		checkAction(c, a, w, a.Status != workflow.Draft && !abandoned)
	}
}

// checkAction judges what an action says. A DRAFT may be incomplete, but nothing
// in it may be wrong.
func checkAction(c *codec, a *workflow.Action, w *workflow.Workflow, complete bool) {
	e := a.SendEmail
	if e == nil {
		if complete {
			missing(c, emailPath)
		}
		return
	}
	if len(e.CC)+len(e.BCC) > maxCopies {
		c.fault(fault.Invalid, emailPath+".bcc_recipients",
			fmt.Sprintf("cc_recipients and bcc_recipients must name at most %d addresses together", maxCopies))
	}
	checkEmailBlocks(c, e, w)
	if e.Invoice != nil && e.Invoice.Type == workflow.UpcomingPaymentRemind {
		checkReminder(c, e.Invoice)
	}
	if w != nil {
		checkEmailOf(c, e, w, complete)
	}
}

// checkReminder: a reminder that is sent before money is due asks for none.
func checkReminder(c *codec, i *workflow.InvoiceEmail) {
	for _, f := range []struct {
		name string
		set  bool
	}{{"include_pdf", i.IncludePDF}, {"include_payment_link", i.IncludePaymentLink}} {
		if f.set {
			c.fault(fault.Invalid, emailPath+".invoice."+f.name, f.name+" must be false for an UPCOMING_PAYMENT_REMINDER")
		}
	}
}

// checkEmailOf judges an email against the workflow that sends it.
func checkEmailOf(c *codec, e *workflow.SendEmail, w *workflow.Workflow, complete bool) {
	const variant = emailPath + ".variant"
	switch {
	case w.Type == workflow.Wallet && e.Variant != "":
		c.fault(fault.Invalid, variant, "variant must be left out: the workflow is of type WALLET")
	case w.Type == workflow.Wallet:
	case e.Variant == "" && !complete:
	case e.Variant == "":
		c.fault(fault.Missing, variant, fmt.Sprintf("variant is required: %s, the type of the workflow", w.Type))
	case e.Variant != w.Type:
		c.fault(fault.Invalid, variant, fmt.Sprintf("variant must be %s, the type of the workflow", w.Type))
	}
	i := e.Invoice
	if i == nil || w.Invoice == nil || w.Invoice.Variant == "" {
		return
	}
	if i.Type != "" && i.Type != w.Invoice.Variant {
		c.fault(fault.Invalid, emailPath+".invoice.type", fmt.Sprintf("type must be %s, the variant of the workflow", w.Invoice.Variant))
	}
	if w.Invoice.Variant == workflow.UpcomingPaymentRemind {
		checkReminder(c, i)
	}
}

// checkEmailBlocks refuses the block of another variant than the email's, which
// is the type of the workflow: that of a WALLET has none.
func checkEmailBlocks(c *codec, e *workflow.SendEmail, w *workflow.Workflow) {
	about := e.Variant
	if about == "" && w != nil {
		about = w.Type
	}
	if about == "" {
		return // what is wrong is said elsewhere
	}
	for _, b := range []struct {
		variant workflow.Type
		present bool
	}{
		{workflow.Invoice, e.Invoice != nil},
		{workflow.Payment, e.Payment != nil},
		{workflow.Subscription, e.Subscription != nil},
	} {
		if name := blockName(b.variant); b.present && b.variant != about {
			c.fault(fault.Invalid, emailPath+"."+name, fmt.Sprintf("%s must be left out: the email is of a workflow of type %s", name, about))
		}
	}
}
