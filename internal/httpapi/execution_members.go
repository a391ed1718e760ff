package httpapi

import (
	"time"

	"github.com/dunwellhq/dunwell/internal/billing"
	"github.com/dunwellhq/dunwell/internal/execution"
	"github.com/dunwellhq/dunwell/internal/message"
)

// shownExecution is an execution with what is shown when it is asked for by id.
type shownExecution struct {
	execution.Execution
	attempts []execution.Attempt
	message  *message.Message
	problem  string // why there is no message
}

// executionMembers lists the members of a workflow execution (contract B3) as
// the list shows them.
func executionMembers(m *members, e *execution.Execution) {
	m.served("WORKFLOW_EXECUTION", string(e.ID))
	text(m, "workflow_id", &e.WorkflowID, plain)
	text(m, "trigger_id", &e.TriggerID, plain)
	text(m, "action_id", &e.ActionID, plain)
	text(m, "variant", &e.Variant, plain)
	text(m, "customer_id", &e.CustomerID, plain)
	text(m, "invoice_id", &e.InvoiceID, plain)
	m.putText("payment_id", e.Of(billing.KindPayment), plain)
	m.putText("pricing_plan_subscription_id", e.Of(billing.KindSubscription), plain.omitted())
	m.putText("wallet_id", e.Of(billing.KindWallet), plain.omitted())
	text(m, "integration_id", &integrationOf(e).id, plain)
	text(m, "status", &e.Status, plain)
	text(m, "reason", &e.Reason, plain)
	instant(m, "due_at", &e.DueAt, plain)
	instant(m, "next_attempt_at", &e.NextAttemptAt, plain)
	number(m, "attempt_count", &e.Attempts, 0, e.Attempts, plain)
	m.putText("delivery", "", plain) // no provider of this version reports back
	m.times(e.CreatedAt, e.UpdatedAt)
}

type integrationRef struct{ id string }

func integrationOf(e *execution.Execution) *integrationRef {
	if e.Action.SendEmail == nil {
		return &integrationRef{}
	}
	return &integrationRef{string(e.Action.SendEmail.IntegrationID)}
}

// shownMembers adds the attempts, what the provider said last and the message.
func shownMembers(m *members, s *shownExecution) {
	executionMembers(m, &s.Execution)
	objects(m, "attempts", &s.attempts, len(s.attempts), plain, attemptMembers)
	reply := ""
	if n := len(s.attempts); n > 0 {
		reply = s.attempts[n-1].Reply
	}
	m.putText("provider_reply", reply, plain)
	block(m, "message", &s.message, plain, messageMembers)
	m.putText("message_problem", s.problem, plain)
}

func attemptMembers(m *members, a *execution.Attempt) {
	number(m, "number", &a.Number, 1, a.Number, plain)
	instant(m, "started_at", &a.StartedAt, plain)
	instant(m, "ended_at", &a.EndedAt, plain)
	text(m, "outcome", &a.Outcome, plain)
	text(m, "reply", &a.Reply, plain)
	text(m, "content_hash", &a.ContentHash, plain)
}

// messageMembers lists the members of a rendered message.
func messageMembers(m *members, msg *message.Message) {
	headers := headersOf(msg)
	objects(m, "headers", &headers, len(headers), plain, headerMembers)
	object(m, "from", &msg.From, plain, recipientMembers)
	object(m, "reply_to", &msg.ReplyTo, plain, recipientMembers)
	recipients(m, "to", msg.To)
	recipients(m, "cc", msg.CC)
	recipients(m, "bcc", msg.BCC)
	text(m, "subject", &msg.Subject, plain)
	text(m, "html", &msg.HTML, plain)
	text(m, "text", &msg.Text, plain)
	text(m, "locale", &msg.Locale, plain)
	text(m, "template", &msg.Template, plain)
	m.putList("warnings", false, len(msg.Warnings), plain, func(i int) { m.out = appendText(m.out, msg.Warnings[i]) })
	m.putList("attachments", false, 0, plain, nil)
}

func recipients(m *members, name string, list []message.Address) {
	m.putList(name, false, len(list), plain, func(i int) { write(m.codec, &list[i], recipientMembers) })
}

func recipientMembers(m *members, a *message.Address) {
	text(m, "name", &a.Name, plain)
	text(m, "email", &a.Email, plain)
}

// header is one line of a mail's header, before its transfer encoding.
type header struct{ name, value string }

func headerMembers(m *members, h *header) {
	text(m, "name", &h.name, plain)
	text(m, "value", &h.value, plain)
}

// headersOf are the headers that the mail has. Blind copies are in none.
func headersOf(msg *message.Message) []header {
	list := []header{}
	add := func(name, value string) {
		if value != "" {
			list = append(list, header{name, value})
		}
	}
	if msg.MessageID != "" {
		add("Message-ID", "<"+msg.MessageID+">")
	}
	if !msg.Date.IsZero() {
		add("Date", msg.Date.UTC().Format(time.RFC1123Z))
	}
	add("From", mailboxes(msg.From))
	add("Reply-To", mailboxes(msg.ReplyTo))
	add("To", mailboxes(msg.To...))
	add("Cc", mailboxes(msg.CC...))
	add("Subject", msg.Subject)
	add("Auto-Submitted", "auto-generated")
	return list
}

// mailboxes writes addresses as people read them.
func mailboxes(list ...message.Address) string {
	out := ""
	for _, a := range list {
		if a.Email == "" {
			continue
		}
		if out != "" {
			out += ", "
		}
		if a.Name == "" {
			out += a.Email
		} else {
			out += a.Name + " <" + a.Email + ">"
		}
	}
	return out
}
