package httpapi

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/dunwellhq/dunwell/internal/billing"
	"github.com/dunwellhq/dunwell/internal/fault"
	"github.com/dunwellhq/dunwell/internal/hold"
	"github.com/dunwellhq/dunwell/internal/platform"
	"github.com/dunwellhq/dunwell/internal/workflow"
)

var today = time.Date(2026, 11, 23, 9, 0, 0, 0, time.UTC)

// nouns decode a document as each noun that a body can be, and write it again.
var nouns = map[string]func(*tree) ([]byte, error){
	"workflow": func(doc *tree) ([]byte, error) {
		var w workflow.Workflow
		err := decodeInto(doc, &w, workflowMembers, checkNewWorkflow)
		return encodeTo(nil, &w, workflowMembers), err
	},
	"action": func(doc *tree) ([]byte, error) {
		var a workflow.Action
		err := decodeInto(doc, &a, actionMembers, checkNewAction(nil))
		return encodeTo(nil, &a, actionMembers), err
	},
	"integration": func(doc *tree) ([]byte, error) {
		var in givenIntegration
		err := decodeInto(doc, &in, integrationMembers, checkIntegration)
		return encodeTo(nil, &in.Integration, shownIntegration), err
	},
	"source": func(doc *tree) ([]byte, error) {
		var s platform.Source
		err := decodeInto(doc, &s, sourceMembers, nil)
		return encodeTo(nil, &s, sourceMembers), err
	},
	"hold": func(doc *tree) ([]byte, error) {
		var h hold.Hold
		err := decodeInto(doc, &h, holdMembers, nil)
		return encodeTo(nil, &h, holdMembers), err
	},
	"suppression": func(doc *tree) ([]byte, error) {
		var s hold.Suppression
		err := decodeInto(doc, &s, suppressionMembers, nil)
		return encodeTo(nil, &s, suppressionMembers), err
	},
	"customer":       resourceNoun(billing.KindCustomer),
	"contact":        resourceNoun(billing.KindContact),
	"invoice":        resourceNoun(billing.KindInvoice),
	"payment":        resourceNoun(billing.KindPayment),
	"billing entity": resourceNoun(billing.KindBillingEntity),
	"subscription":   resourceNoun(billing.KindSubscription),
	"schedule":       resourceNoun(billing.KindSchedule),
	"wallet type":    resourceNoun(billing.KindWalletType),
	"wallet":         resourceNoun(billing.KindWallet),
}

func resourceNoun(kind billing.Kind) func(*tree) ([]byte, error) {
	return func(doc *tree) ([]byte, error) {
		r := billing.New(kind)
		err := run(&codec{doc: doc, ahead: aheadOf(today)}, decode, &r, resourceMembers, nil)
		return encodeTo(nil, &r, resourceMembers), err
	}
}

// least is the least that each noun takes.
var least = map[string]string{
	"workflow":       `"name":"n","type":"INVOICE","reference":"r","status":"ACTIVE","invoice":{"variant":"TO_FINAL"}`,
	"action":         `"workflow_id":"w","type":"SEND_EMAIL_TO_CUSTOMER","status":"ACTIVE","send_email_to_customer":{"integration_id":"i","template_name":"default","variant":"INVOICE"}`,
	"integration":    `"type":"EMAIL_PROVIDER","status":"ACTIVE","email_provider":{"variant":"SYSTEM"}`,
	"source":         `"type":"STRIPE","signing_secret":"whsec_x"`,
	"hold":           `"scope":"INVOICE","resource_id":"i","reason":"DISPUTE"`,
	"suppression":    `"email":"ada@example.com"`,
	"customer":       `"status":"ACTIVE"`,
	"contact":        `"customer_id":"c"`,
	"invoice":        `"status":"FINAL","customer_id":"c"`,
	"payment":        `"result":"REFUSED","customer_id":"c"`,
	"billing entity": ``,
	"subscription":   `"status":"ACTIVE","customer_id":"c"`,
	"schedule":       ``,
	"wallet type":    `"status":"ACTIVE"`,
	"wallet":         `"wallet_type_id":"t","customer_id":"c"`,
}

func decodeNoun(t testing.TB, noun, body string) ([]byte, error) {
	t.Helper()
	doc, err := parse([]byte(body))
	if err != nil {
		return nil, err
	}
	return nouns[noun](doc)
}

// with puts members in front of the least that a noun takes, without those of
// the same name.
func with(noun, members string) string {
	base := least[noun]
	names := topNames(members)
	if noun == "workflow" && slices.Contains(names, "type") {
		names = append(names, "invoice") // the block of the type that it no longer has
	}
	for _, name := range names {
		base = without(base, name)
	}
	return "{" + strings.Trim(members+","+base, ",") + "}"
}

func topNames(members string) []string {
	doc, err := parse([]byte("{" + members + "}"))
	if err != nil {
		panic(err)
	}
	var names []string
	for i := doc.nodes[0].first; i != 0; i = doc.nodes[i].next {
		names = append(names, doc.nodes[i].name)
	}
	return names
}

// without removes a member from a list of members.
func without(members, name string) string {
	doc, err := parse([]byte("{" + members + "}"))
	if err != nil {
		panic(err)
	}
	var kept []string
	for i := doc.nodes[0].first; i != 0; i = doc.nodes[i].next {
		if n := doc.nodes[i]; n.name != name {
			kept = append(kept, fmt.Sprintf("%q:%s", n.name, doc.src[n.at:n.end]))
		}
	}
	return strings.Join(kept, ",")
}

func TestLeastIsTaken(t *testing.T) {
	for noun := range nouns {
		if _, err := decodeNoun(t, noun, with(noun, "")); err != nil {
			t.Errorf("%s: %v", noun, err)
		}
	}
}

const (
	missingField = fault.Missing
	invalidField = fault.Invalid
	noFault      = fault.Kind(0)
)

// rules: what each member takes, the kind of fault and its field otherwise.
var rules = []struct {
	noun, members string
	kind          fault.Kind
	field         string
}{
	// Workflow: its own members.
	{"workflow", `"name":null`, missingField, "name"},
	{"workflow", `"name":5`, invalidField, "name"},
	{"workflow", `"name":""`, invalidField, "name"},
	{"workflow", `"name":"   "`, invalidField, "name"},
	{"workflow", `"name":"a\nb"`, invalidField, "name"},
	{"workflow", `"name":"a\u0000b"`, invalidField, "name"},
	{"workflow", `"name":"a\u2028b"`, invalidField, "name"},
	{"workflow", `"name":"  é  "`, noFault, ""},
	{"workflow", `"description":null`, noFault, ""},
	{"workflow", `"description":"two\nlines"`, noFault, ""},
	{"workflow", `"description":"\u0000"`, invalidField, "description"},
	{"workflow", `"type":null`, missingField, "type"},
	{"workflow", `"type":"invoice"`, invalidField, "type"},
	{"workflow", `"type":["INVOICE"]`, invalidField, "type"},
	{"workflow", `"reference":null`, missingField, "reference"},
	{"workflow", `"reference":"a b"`, invalidField, "reference"},
	{"workflow", `"reference":""`, invalidField, "reference"},
	{"workflow", `"reference":"\u00a0"`, invalidField, "reference"},
	{"workflow", `"status":null`, missingField, "status"},
	{"workflow", `"status":"ARCHIVED"`, invalidField, "status"},
	{"workflow", `"status":"ON"`, invalidField, "status"},
	{"workflow", `"customer_ids":null`, noFault, ""},
	{"workflow", `"customer_ids":[]`, invalidField, "customer_ids"},
	{"workflow", `"customer_ids":"c"`, invalidField, "customer_ids"},
	{"workflow", `"customer_ids":["c",5]`, invalidField, "customer_ids.1"},
	{"workflow", `"customer_ids":[null]`, invalidField, "customer_ids.0"},
	{"workflow", `"customer_ids":["c","a b"]`, invalidField, "customer_ids.1"},
	{"workflow", `"object_type":5,"id":{},"created_at":[],"updated_at":null,"version":"x","unknown":true`, noFault, ""},
	// Workflow: extension members.
	{"workflow", `"schedule":null,"on_ambiguous":null,"priority":null,"conditions":null`, noFault, ""},
	{"workflow", `"schedule":{}`, noFault, ""},
	{"workflow", `"schedule":{"max_lateness":null}`, noFault, ""},
	{"workflow", `"schedule":{"max_lateness":{"type":"WEEK","value":1}}`, noFault, ""},
	{"workflow", `"schedule":{"max_lateness":{"type":"WEEK","value":0}}`, invalidField, "schedule.max_lateness.value"},
	{"workflow", `"schedule":{"max_lateness":{"type":"WEEK"}}`, missingField, "schedule.max_lateness.value"},
	{"workflow", `"schedule":{"send_at":"09:00"}`, noFault, ""},
	{"workflow", `"schedule":{"send_at":"9:00"}`, invalidField, "schedule.send_at"},
	{"workflow", `"schedule":{"send_at":900}`, invalidField, "schedule.send_at"},
	{"workflow", `"schedule":{"send_at":"20:00"}`, invalidField, "schedule.send_at"},
	{"workflow", `"schedule":{"send_at":"20:00","send_until":"24:00"}`, noFault, ""},
	{"workflow", `"schedule":{"send_until":"09:00"}`, invalidField, "schedule.send_until"},
	{"workflow", `"schedule":{"send_until":"24:01"}`, invalidField, "schedule.send_until"},
	{"workflow", `"schedule":{"business_days_only":false}`, noFault, ""},
	{"workflow", `"schedule":{"business_days_only":"yes"}`, invalidField, "schedule.business_days_only"},
	{"workflow", `"schedule":{"catch_up":"NEWEST"}`, invalidField, "schedule.catch_up"},
	{"workflow", `"schedule":{"backfill":"ALL"}`, invalidField, "schedule.backfill"},
	{"workflow", `"schedule":5`, invalidField, "schedule"},
	{"workflow", `"on_ambiguous":"RESEND"`, noFault, ""},
	{"workflow", `"on_ambiguous":"MAYBE"`, invalidField, "on_ambiguous"},
	{"workflow", `"priority":1`, noFault, ""},
	{"workflow", `"priority":0`, noFault, ""},
	{"workflow", `"priority":-1000000`, noFault, ""},
	{"workflow", `"priority":1000001`, invalidField, "priority"},
	{"workflow", `"priority":1.5`, invalidField, "priority"},
	{"workflow", `"priority":"1"`, invalidField, "priority"},
	{"workflow", `"exclude_customer_ids":["c","c"]`, noFault, ""},
	{"workflow", `"exclude_customer_ids":[]`, noFault, ""},
	{"workflow", `"exclude_customer_ids":["c","a b"]`, invalidField, "exclude_customer_ids.1"},
	{"workflow", `"exclude_customer_ids":"c"`, invalidField, "exclude_customer_ids"},
	{"workflow", `"conditions":"true"`, noFault, ""},
	{"workflow", `"conditions":""`, noFault, ""},
	{"workflow", `"conditions":"invoice.status =="`, invalidField, "conditions"},
	{"workflow", `"conditions":"payment.result == \"REFUSED\""`, invalidField, "conditions"},
	{"workflow", `"conditions":"\u0000"`, invalidField, "conditions"},
	{"workflow", `"conditions":5`, invalidField, "conditions"},
	{"workflow", `"grouping":{}`, invalidField, "grouping"},
	// Workflow: blocks.
	{"workflow", `"invoice":null`, invalidField, "invoice"},
	{"workflow", `"invoice":5`, invalidField, "invoice"},
	{"workflow", `"invoice":{}`, missingField, "invoice.variant"},
	{"workflow", `"status":"DRAFT","invoice":{}`, noFault, ""},
	{"workflow", `"status":"DRAFT","type":"PAYMENT","invoice":{}`, invalidField, "invoice"},
	{"workflow", `"type":"PAYMENT","invoice":{"variant":"TO_FINAL"},"payment":{"variant":"FAILED_PAYMENT"}`, invalidField, "invoice"},
	{"workflow", `"payment":{"variant":"FAILED_PAYMENT"}`, invalidField, "payment"},
	{"workflow", `"invoice":{"variant":null}`, missingField, "invoice.variant"},
	{"workflow", `"status":"DRAFT","invoice":{"variant":null}`, missingField, "invoice.variant"},
	{"workflow", `"invoice":{"variant":"FAILED_PAYMENT"}`, invalidField, "invoice.variant"},
	{"workflow", `"invoice":{"variant":"TO_FINAL","overdue":{"periods":[]}}`, invalidField, "invoice.overdue"},
	{"workflow", `"invoice":{"variant":"TO_FINAL","overdue":null}`, invalidField, "invoice.overdue"},
	{"workflow", `"invoice":{"variant":"TO_FINAL","upcoming_payment":{}}`, invalidField, "invoice.upcoming_payment"},
	// Periods.
	{"workflow", overdue(`[]`), missingField, "invoice.overdue.periods"},
	{"workflow", overdue(`null`), missingField, "invoice.overdue.periods"},
	{"workflow", overdue(`5`), invalidField, "invoice.overdue.periods"},
	{"workflow", overdue(`[5]`), invalidField, "invoice.overdue.periods.0"},
	{"workflow", overdue(`[{"type":"DAY","value":1},{"type":"HOUR","value":1}]`), invalidField, "invoice.overdue.periods.1.type"},
	{"workflow", overdue(`[{"value":1}]`), missingField, "invoice.overdue.periods.0.type"},
	{"workflow", overdue(`[{"type":"DAY"}]`), missingField, "invoice.overdue.periods.0.value"},
	{"workflow", overdue(`[{"type":"DAY","value":null}]`), missingField, "invoice.overdue.periods.0.value"},
	{"workflow", overdue(`[{"type":"DAY","value":0}]`), invalidField, "invoice.overdue.periods.0.value"},
	{"workflow", overdue(`[{"type":"DAY","value":-1}]`), invalidField, "invoice.overdue.periods.0.value"},
	{"workflow", overdue(`[{"type":"DAY","value":1.0}]`), invalidField, "invoice.overdue.periods.0.value"},
	{"workflow", overdue(`[{"type":"DAY","value":1e0}]`), invalidField, "invoice.overdue.periods.0.value"},
	{"workflow", overdue(`[{"type":"DAY","value":"1"}]`), invalidField, "invoice.overdue.periods.0.value"},
	{"workflow", overdue(`[{"type":"DAY","value":99999999999999999999}]`), invalidField, "invoice.overdue.periods.0.value"},
	{"workflow", overdue(`[{"type":"DAY","value":3650}]`), noFault, ""},
	{"workflow", overdue(`[{"type":"DAY","value":3651}]`), invalidField, "invoice.overdue.periods.0.value"},
	{"workflow", overdue(`[{"type":"WEEK","value":522}]`), invalidField, "invoice.overdue.periods.0.value"},
	{"workflow", overdue(`[{"type":"MONTH","value":121}]`), invalidField, "invoice.overdue.periods.0.value"},
	{"workflow", overdue(`[{"type":"YEAR","value":11}]`), invalidField, "invoice.overdue.periods.0.value"},
	{"workflow", overdue(`[{"type":"DAY","value":7},{"type":"WEEK","value":1}]`), invalidField, "invoice.overdue.periods.1"},
	{"workflow", overdue(`[{"type":"MONTH","value":12},{"type":"DAY","value":1},{"type":"YEAR","value":1}]`), invalidField, "invoice.overdue.periods.2"},
	{"workflow", overdue(`[{"type":"DAY","value":30},{"type":"MONTH","value":1}]`), noFault, ""},
	{"workflow", `"status":"INACTIVE","invoice":{"variant":"OVERDUE"}`, missingField, "invoice.overdue"},
	{"workflow", `"status":"INACTIVE","invoice":{"variant":"OVERDUE","overdue":{}}`, missingField, "invoice.overdue.periods"},
	{"workflow", `"status":"INACTIVE","invoice":{"variant":"UPCOMING_PAYMENT_REMINDER"}`, missingField, "invoice.upcoming_payment"},
	{"workflow", `"status":"DRAFT","invoice":{"variant":"OVERDUE","upcoming_payment":{}}`, invalidField, "invoice.upcoming_payment"},
	{"workflow", `"status":"DRAFT","invoice":{"variant":"OVERDUE","overdue":{"periods":[]}}`, noFault, ""},
	{"workflow", `"status":"DRAFT","invoice":{"overdue":{"periods":[{"type":"DAY","value":7},{"type":"WEEK","value":1}]}}`, invalidField, "invoice.overdue.periods.1"},
	// What this version cannot run.
	{"workflow", `"type":"PAYMENT","payment":{"variant":"FAILED_PAYMENT"}`, noFault, ""},
	// Subscription.
	{"workflow", subscription(`{"variant":"FREE_TRIAL_REMINDER","reminder_periods":null}`), missingField, "pricing_plan_subscription.reminder_periods"},
	{"workflow", subscription(`{"variant":"FREE_TRIAL_REMINDER","reminder_periods":[]}`), missingField, "pricing_plan_subscription.reminder_periods"},
	{"workflow", subscription(`{"variant":"FREE_TRIAL_REMINDER"}`), missingField, "pricing_plan_subscription.reminder_periods"},
	{"workflow", subscription(`{"reminder_periods":[{"type":"DAY","value":3}]}`), missingField, "pricing_plan_subscription.variant"},
	{"workflow", subscription(`{"variant":"FREE_TRIAL_REMINDER","reminder_periods":[{"type":"DAY","value":3}]}`), noFault, ""},
	// Wallet.
	{"workflow", wallet(`{}`), missingField, "wallet.variant"},
	{"workflow", wallet(`{"variant":"WALLET_BALANCE"}`), missingField, "wallet.wallet_balance"},
	{"workflow", wallet(`{"variant":"WALLET_BALANCE","wallet_balance":{"threshold":{"percentage":"10"}}}`), missingField, "wallet.wallet_balance.comparator"},
	{"workflow", wallet(`{"variant":"WALLET_BALANCE","wallet_balance":{"comparator":"LESS_THAN"}}`), missingField, "wallet.wallet_balance.threshold"},
	{"workflow", threshold(`null`), invalidField, "wallet.wallet_balance.threshold"},
	{"workflow", threshold(`{}`), missingField, "wallet.wallet_balance.threshold"},
	{"workflow", threshold(`{"percentage":null}`), missingField, "wallet.wallet_balance.threshold"},
	{"workflow", threshold(`{"percentage":"10"}`), noFault, ""},
	{"workflow", threshold(`{"percentage":"100.00"}`), noFault, ""},
	{"workflow", threshold(`{"percentage":"100.01"}`), invalidField, "wallet.wallet_balance.threshold.percentage"},
	{"workflow", threshold(`{"percentage":"0"}`), invalidField, "wallet.wallet_balance.threshold.percentage"},
	{"workflow", threshold(`{"percentage":"-1"}`), invalidField, "wallet.wallet_balance.threshold.percentage"},
	{"workflow", threshold(`{"percentage":"1e1"}`), invalidField, "wallet.wallet_balance.threshold.percentage"},
	{"workflow", threshold(`{"percentage":10}`), invalidField, "wallet.wallet_balance.threshold.percentage"},
	{"workflow", threshold(`{"percentage":"10","amount":{"quantity":"1","currency":"EUR"}}`), invalidField, "wallet.wallet_balance.threshold"},
	{"workflow", threshold(`{"amount":null}`), invalidField, "wallet.wallet_balance.threshold.amount"},
	{"workflow", threshold(`{"amount":{"quantity":"25.50","currency":"EUR"}}`), noFault, ""},
	{"workflow", threshold(`{"amount":{"quantity":"25.50"}}`), missingField, "wallet.wallet_balance.threshold.amount.currency"},
	{"workflow", threshold(`{"amount":{"quantity":"25.50","currency":"EURO"}}`), invalidField, "wallet.wallet_balance.threshold.amount.currency"},
	{"workflow", threshold(`{"amount":{"quantity":"25.","currency":"EUR"}}`), invalidField, "wallet.wallet_balance.threshold.amount.quantity"},
	{"workflow", threshold(`{"credits":{"quantity":"5"}}`), missingField, "wallet.wallet_balance.threshold.credits.credit_type_id"},
	{"workflow", threshold(`{"credits":{"quantity":"5","credit_type_id":"x"}}`), noFault, ""},
	{"workflow", strings.Replace(threshold(`{"percentage":"10"}`), "LESS_THAN", "GREATER_THAN", 1), invalidField, "wallet.wallet_balance.comparator"},

	// Action.
	{"action", `"workflow_id":null`, missingField, "workflow_id"},
	{"action", `"workflow_id":"a b"`, invalidField, "workflow_id"},
	{"action", `"type":"CALL"`, invalidField, "type"},
	{"action", `"status":"ARCHIVED"`, invalidField, "status"},
	{"action", `"send_email_to_customer":null`, invalidField, "send_email_to_customer"},
	{"action", email(`"integration_id":null`), missingField, "send_email_to_customer.integration_id"},
	{"action", email(`"template_name":""`), invalidField, "send_email_to_customer.template_name"},
	{"action", email(`"subject":null`), noFault, ""},
	{"action", email(`"subject":"Invoice {{invoice_number}} {{nothing}}"`), noFault, ""},
	{"action", email(`"subject":"{{#if"`), invalidField, "send_email_to_customer.subject"},
	{"action", email(`"subject":"a\r\nBcc: x@y.z"`), invalidField, "send_email_to_customer.subject"},
	{"action", email(`"from":null`), invalidField, "send_email_to_customer.from"},
	{"action", email(`"from":{}`), missingField, "send_email_to_customer.from.email"},
	{"action", email(`"from":{"email":"Ada <ada@x.example>"}`), invalidField, "send_email_to_customer.from.email"},
	{"action", email(`"from":{"email":"a@x.example","name":"A\nB"}`), invalidField, "send_email_to_customer.from.name"},
	{"action", email(`"reply_to":{"email":null}`), missingField, "send_email_to_customer.reply_to.email"},
	{"action", email(`"cc_recipients":null,"bcc_recipients":[]`), noFault, ""},
	{"action", email(`"cc_recipients":["a@x.example","b"]`), invalidField, "send_email_to_customer.cc_recipients.1"},
	{"action", email(`"cc_recipients":` + addresses(26) + `,"bcc_recipients":` + addresses(25)), invalidField, "send_email_to_customer.bcc_recipients"},
	{"action", email(`"cc_recipients":` + addresses(51)), invalidField, "send_email_to_customer.cc_recipients"},
	{"action", email(`"variant":null`), missingField, "send_email_to_customer.variant"},
	{"action", email(`"variant":"WALLET"`), invalidField, "send_email_to_customer.variant"},
	{"action", email(`"invoice":null`), invalidField, "send_email_to_customer.invoice"},
	{"action", email(`"invoice":{"include_pdf":null}`), missingField, "send_email_to_customer.invoice.include_pdf"},
	{"action", email(`"invoice":{"include_pdf":"yes"}`), invalidField, "send_email_to_customer.invoice.include_pdf"},
	{"action", email(`"invoice":{"type":"UPCOMING_PAYMENT_REMINDER","include_payment_link":true}`), invalidField, "send_email_to_customer.invoice.include_payment_link"},
	{"action", email(`"invoice":{"type":"UPCOMING_PAYMENT_REMINDER"}`), noFault, ""},
	{"action", email(`"payment":{}`), invalidField, "send_email_to_customer.payment"},

	// Integration.
	{"integration", `"type":"SMS"`, invalidField, "type"},
	{"integration", `"status":null`, missingField, "status"},
	{"integration", `"email_provider":null`, missingField, "email_provider"},
	{"integration", `"email_provider":{}`, missingField, "email_provider.variant"},
	{"integration", `"email_provider":{"variant":"SENDGRID"}`, invalidField, "email_provider.variant"},
	{"integration", `"email_provider":{"variant":"SMTP"}`, missingField, "email_provider.smtp"},
	{"integration", `"email_provider":{"variant":"SMTP","smtp":{}}`, missingField, "email_provider.smtp.host"},
	{"integration", `"email_provider":{"variant":"SMTP","smtp":{"host":"a b"}}`, invalidField, "email_provider.smtp.host"},
	{"integration", `"email_provider":{"variant":"SMTP","smtp":{"host":"h","port":0}}`, invalidField, "email_provider.smtp.port"},
	{"integration", `"email_provider":{"variant":"SMTP","smtp":{"host":"h","security":"SSL"}}`, invalidField, "email_provider.smtp.security"},
	{"integration", `"email_provider":{"variant":"SMTP","smtp":{"host":"h","from":"x"}}`, invalidField, "email_provider.smtp.from"},
	{"integration", `"email_provider":{"variant":"SYSTEM","smtp":{"host":"h"}}`, invalidField, "email_provider.smtp"},
	{"integration", `"email_provider":{"variant":"SYSTEM","delivery_window":{}}`, invalidField, "email_provider.delivery_window"},
	{"integration", `"authentication":{"api_key":{"header":"h","value":"v"}}`, invalidField, "authentication.api_key"},
	{"integration", `"authentication":{"username_password":{"username":"u","password":5}}`, invalidField, "authentication.username_password.password"},
	{"integration", `"authentication":null`, noFault, ""},

	// Source.
	{"source", `"type":"LAGO"`, invalidField, "type"},
	{"source", `"signing_secret":null`, missingField, "signing_secret"},
	{"source", `"signing_secret":""`, invalidField, "signing_secret"},
	{"source", `"max_silence":{"type":"DAY","value":1}`, invalidField, "max_silence"},
	// Hold, suppression.
	{"hold", `"scope":"WALLET"`, invalidField, "scope"},
	{"hold", `"scope":null`, missingField, "scope"},
	{"hold", `"resource_id":""`, invalidField, "resource_id"},
	{"hold", `"resource_id":"a b"`, invalidField, "resource_id"},
	{"hold", `"reason":"dispute"`, invalidField, "reason"},
	{"hold", `"reason":null`, missingField, "reason"},
	{"hold", `"until":null,"note":null,"customer_id":7,"status":"RELEASED"`, noFault, ""},
	{"hold", `"until":"2028-02-29","note":"a\nb"`, noFault, ""},
	{"hold", `"until":"2027-02-29"`, invalidField, "until"},
	{"hold", `"until":"2027-02-28T00:00:00Z"`, invalidField, "until"},
	{"hold", `"until":"9998-12-31"`, noFault, ""},
	{"hold", `"until":"9999-01-01"`, invalidField, "until"},
	{"hold", `"until":"0001-01-01"`, invalidField, "until"},
	{"hold", `"until":20270228`, invalidField, "until"},
	{"hold", `"note":"\u0000"`, invalidField, "note"},
	{"suppression", `"email":"Ada Lovelace <ada@example.com>"`, invalidField, "email"},
	{"suppression", `"email":null`, missingField, "email"},
	{"suppression", `"email":"dünn@bücher.example"`, noFault, ""},
	{"suppression", `"reason":null,"note":"n"`, noFault, ""},
	{"suppression", `"reason":"BOUNCED"`, invalidField, "reason"},

	// Mirrored resources.
	{"customer", `"status":null`, missingField, "status"},
	{"customer", `"status":"GONE"`, invalidField, "status"},
	{"customer", `"reference":null,"type":null,"email":null,"locale":null,"timezone":null,"organization":null,"individual":null,"notification_preferences":null,"billing_entity_id":null,"metadata":null,"source_version":null,"source_updated_at":null`, noFault, ""},
	{"customer", `"email":""`, noFault, ""},
	{"customer", `"email":"a@b@c"`, invalidField, "email"},
	{"customer", `"email":"a@-b.example"`, invalidField, "email"},
	{"customer", `"email":"a@b-.example"`, invalidField, "email"},
	{"customer", `"email":"a@b_c.example"`, invalidField, "email"},
	{"customer", `"email":"a@b..example"`, invalidField, "email"},
	{"customer", `"email":"a@` + strings.Repeat("b", 64) + `.example"`, invalidField, "email"},
	{"customer", `"email":"a@` + strings.Repeat("ö", 58) + `.example"`, invalidField, "email"},
	{"customer", `"email":"a@` + strings.Repeat("b", 63) + `.example"`, noFault, ""},
	{"customer", `"email":"a@größe-1.例え.example"`, noFault, ""},
	{"customer", `"email":"a@localhost"`, noFault, ""},
	{"customer", `"email":"a@3com.b--c.example"`, noFault, ""},
	{"customer", `"email":"a b@x.example"`, invalidField, "email"},
	{"customer", `"email":"a@x.example\u0000"`, invalidField, "email"},
	{"customer", `"email":"a\u200b@x.example"`, invalidField, "email"},
	{"customer", `"email":"a@x.example\r\n"`, invalidField, "email"},
	{"customer", `"email":"\"a b\"@x.example"`, invalidField, "email"},
	{"customer", `"email":"` + strings.Repeat("a", 65) + `@x.example"`, invalidField, "email"},
	{"customer", `"email":"jörg@bücher.example"`, noFault, ""},
	{"customer", `"locale":"dutch, flemish"`, invalidField, "locale"},
	{"customer", `"timezone":"Amsterdam"`, invalidField, "timezone"},
	{"customer", `"timezone":"../etc/passwd"`, invalidField, "timezone"},
	{"customer", `"timezone":"Local"`, invalidField, "timezone"},
	{"customer", `"organization":{"registered_address":{"city":5}}`, invalidField, "organization.registered_address.city"},
	{"customer", `"individual":{"name":{"first_name":"A\tB"}}`, invalidField, "individual.name.first_name"},
	{"customer", `"notification_preferences":[{"type":"INVOICE","channels":[{"type":"EMAIL"}]}]`, missingField, "notification_preferences.0.channels.0.enabled"},
	{"customer", `"notification_preferences":[{"type":"NEWS"}]`, invalidField, "notification_preferences.0.type"},
	{"customer", `"metadata":"x"`, invalidField, "metadata"},
	{"customer", `"metadata":{"a":"` + strings.Repeat("x", 40_000) + `"}`, invalidField, "metadata"},
	{"customer", `"source_version":"1"`, invalidField, "source_version"},
	{"customer", `"source_version":-1`, invalidField, "source_version"},
	{"customer", `"source_version":1.5`, invalidField, "source_version"},
	{"customer", `"source_version":0`, noFault, ""},
	{"customer", `"source_version":1,"source_updated_at":"2026-01-01T00:00:00Z"`, invalidField, "source_updated_at"},
	{"customer", `"source_updated_at":"2026-11-23T09:05:00Z"`, noFault, ""},
	{"customer", `"source_updated_at":"2026-11-23T09:05:01Z"`, invalidField, "source_updated_at"},
	{"customer", `"source_updated_at":1767225600`, invalidField, "source_updated_at"},
	{"contact", `"customer_id":null`, missingField, "customer_id"},
	{"contact", `"email":"x"`, invalidField, "email"},
	{"invoice", `"status":null`, missingField, "status"},
	{"invoice", `"customer_id":null`, missingField, "customer_id"},
	{"invoice", `"type":"PROFORMA"`, invalidField, "type"},
	{"invoice", `"invoice_date":"2026-01-31T09:00:00.5Z"`, invalidField, "invoice_date"},
	{"invoice", `"invoice_date":"2026-01-31T09:00:00,5Z"`, invalidField, "invoice_date"},
	{"invoice", `"invoice_date":"2026-01-31T09:00:00"`, invalidField, "invoice_date"},
	{"invoice", `"invoice_date":"2026-01-31"`, invalidField, "invoice_date"},
	{"invoice", `"invoice_date":"2026-02-30T09:00:00Z"`, invalidField, "invoice_date"},
	{"invoice", `"invoice_date":"9999-12-31T23:59:59-01:00"`, invalidField, "invoice_date"},
	{"invoice", `"invoice_date":"0001-01-01T00:00:00+01:00"`, invalidField, "invoice_date"},
	{"invoice", `"invoice_date":"2026-01-31T09:00:00+05:45"`, noFault, ""},
	{"invoice", `"due_date":"2026-01-31"`, noFault, ""},
	{"invoice", `"due_date":"2026-02-30"`, invalidField, "due_date"},
	{"invoice", `"due_date":"31-01-2026"`, invalidField, "due_date"},
	{"invoice", `"due_date":20260131`, invalidField, "due_date"},
	{"invoice", `"invoice_amount_including_tax":{"quantity":"1","currency":"XYZ"}`, invalidField, "invoice_amount_including_tax.currency"},
	{"invoice", `"invoice_amount_including_tax":{"currency":"EUR"}`, missingField, "invoice_amount_including_tax.quantity"},
	{"invoice", `"invoice_amount_including_tax":{"quantity":1,"currency":"EUR"}`, invalidField, "invoice_amount_including_tax.quantity"},
	{"invoice", `"invoice_amount_including_tax":"1 EUR"`, invalidField, "invoice_amount_including_tax"},
	{"invoice", `"billing_currency":"eur"`, invalidField, "billing_currency"},
	{"invoice", `"paid":"yes"`, invalidField, "paid"},
	{"invoice", `"paid":null,"on_hold":null`, noFault, ""},
	{"invoice", `"payment_status":"LATE"`, invalidField, "payment_status"},
	{"invoice", `"pay_invoice_link":{"url":"javascript:alert(1)"}`, invalidField, "pay_invoice_link.url"},
	{"invoice", `"pay_invoice_link":{"expiry_period":{"type":"DAY","value":7}}`, noFault, ""},
	{"invoice", `"pdf_url":"file:///etc/passwd"`, invalidField, "pdf_url"},
	{"invoice", `"lines":[{},{"amount":{"quantity":"x","currency":"EUR"}}]`, invalidField, "lines.1.amount.quantity"},
	{"invoice", `"pricing_plan_subscription_ids":["s",""]`, invalidField, "pricing_plan_subscription_ids.1"},
	{"payment", `"result":null`, missingField, "result"},
	{"payment", `"customer_id":null`, missingField, "customer_id"},
	{"payment", `"customer_id":null,"invoice_id":"i"`, noFault, ""},
	{"payment", `"dunning_action_details":{"attempt":0}`, invalidField, "dunning_action_details.attempt"},
	{"payment", `"payment_method_details":{"type":"card","card":{"last4":"4242"}}`, noFault, ""},
	{"payment", `"payment_method_details":"card"`, invalidField, "payment_method_details"},
	{"payment", `"timestamp":"now"`, invalidField, "timestamp"},
	{"billing entity", `"branding":{"colors":{"primary":"blue"}}`, invalidField, "branding.colors.primary"},
	{"billing entity", `"branding":{"logo":{"content":"***"}}`, invalidField, "branding.logo.content"},
	{"billing entity", `"branding":{"logo":{"public_url":"ftp://x/y"}}`, invalidField, "branding.logo.public_url"},
	{"subscription", `"status":null`, missingField, "status"},
	{"subscription", `"status":"TRIAL"`, invalidField, "status"},
	{"subscription", `"customer_id":null`, missingField, "customer_id"},
	{"subscription", `"customer_id":"a b"`, invalidField, "customer_id"},
	{"subscription", `"name":"a\nb"`, invalidField, "name"},
	{"subscription", `"reference":null,"name":null,"billing_entity_id":null,"pricing_plan_schedule_infos":null`, noFault, ""},
	{"subscription", `"pricing_plan_schedule_infos":[]`, noFault, ""},
	{"subscription", `"pricing_plan_schedule_infos":{}`, invalidField, "pricing_plan_schedule_infos"},
	{"subscription", `"pricing_plan_schedule_infos":[{"id":"s","type":null,"start_at":null,"end_at":null}]`, noFault, ""},
	{"subscription", `"pricing_plan_schedule_infos":[{"type":"TRIAL"}]`, missingField, "pricing_plan_schedule_infos.0.id"},
	{"subscription", `"pricing_plan_schedule_infos":[{"id":"s"},{"id":"t","type":"FREE"}]`, invalidField, "pricing_plan_schedule_infos.1.type"},
	{"subscription", `"pricing_plan_schedule_infos":[{"id":"s","end_at":"2026-01-31"}]`, invalidField, "pricing_plan_schedule_infos.0.end_at"},
	{"schedule", `"type":null,"pricing_plan_subscription_id":null,"start_at":null,"end_at":null`, noFault, ""},
	{"schedule", `"type":"FREE"`, invalidField, "type"},
	{"schedule", `"pricing_plan_subscription_id":"a b"`, invalidField, "pricing_plan_subscription_id"},
	{"schedule", `"end_at":"2026-01-31T09:00:00.5Z"`, invalidField, "end_at"},
	{"wallet type", `"status":null`, missingField, "status"},
	{"wallet type", `"status":"CANCELLED"`, invalidField, "status"},
	{"wallet type", `"type":"MONEY"`, invalidField, "type"},
	{"wallet type", `"name":null,"type":null,"credit":null,"balance":null`, noFault, ""},
	{"wallet type", `"credit":{"grant_type":null,"amount_grant":null,"credits_grant":null}`, noFault, ""},
	{"wallet type", `"credit":{"grant_type":"MONEY"}`, invalidField, "credit.grant_type"},
	{"wallet type", `"credit":{"amount_grant":{"default_currency":"EURO"}}`, invalidField, "credit.amount_grant.default_currency"},
	{"wallet type", `"credit":{"credits_grant":{"credit_type_id":"a b"}}`, invalidField, "credit.credits_grant.credit_type_id"},
	{"wallet type", `"balance":{"default_currency":"eur"}`, invalidField, "balance.default_currency"},
	{"wallet", `"wallet_type_id":null`, missingField, "wallet_type_id"},
	{"wallet", `"customer_id":null`, missingField, "customer_id"},
	{"wallet", `"status":"CLOSED"`, invalidField, "status"},
	{"wallet", `"status":null,"balance":null,"granted":null,"balance_at":null`, noFault, ""},
	{"wallet", `"balance":{},"granted":{"credits":null,"amount":null}`, noFault, ""},
	{"wallet", `"balance":"5"`, invalidField, "balance"},
	{"wallet", `"balance":{"credits":{"quantity":"5"}}`, missingField, "balance.credits.credit_type_id"},
	{"wallet", `"balance":{"credits":{"quantity":5,"credit_type_id":"t"}}`, invalidField, "balance.credits.quantity"},
	{"wallet", `"balance":{"credits":{"quantity":"-5.50","credit_type_id":"t"}}`, noFault, ""},
	{"wallet", `"granted":{"amount":{"quantity":"5"}}`, missingField, "granted.amount.currency"},
	{"wallet", `"balance_at":"yesterday"`, invalidField, "balance_at"},
}

func overdue(periods string) string {
	return `"status":"INACTIVE","invoice":{"variant":"OVERDUE","overdue":{"periods":` + periods + `}}`
}

func subscription(block string) string {
	return `"status":"INACTIVE","type":"PRICING_PLAN_SUBSCRIPTION","pricing_plan_subscription":` + block
}

func wallet(block string) string { return `"status":"INACTIVE","type":"WALLET","wallet":` + block }

func threshold(block string) string {
	return wallet(`{"variant":"WALLET_BALANCE","wallet_balance":{"comparator":"LESS_THAN","threshold":` + block + `}}`)
}

func email(members string) string {
	base := `"integration_id":"i","template_name":"default","variant":"INVOICE"`
	for _, name := range topNames(members) {
		base = without(base, name)
	}
	return `"send_email_to_customer":{` + strings.Trim(base+","+members, ",") + `}`
}

func addresses(n int) string {
	list := make([]string, n)
	for i := range list {
		list[i] = fmt.Sprintf(`"a%d@x.example"`, i)
	}
	return "[" + strings.Join(list, ",") + "]"
}

func TestRules(t *testing.T) {
	for _, c := range rules {
		members := c.members
		body := with(c.noun, members)
		_, err := decodeNoun(t, c.noun, body)
		got := fault.As(err)
		switch {
		case c.kind == noFault && err != nil:
			t.Errorf("%s %.200s: got %v, want none", c.noun, members, err)
		case c.kind == noFault:
		case got == nil:
			t.Errorf("%s %.200s: got %v, want %s", c.noun, members, err, c.field)
		case got.Kind != c.kind || got.Field != c.field || got.Message == "":
			t.Errorf("%s %.200s: got kind %d at %q (%s), want kind %d at %q", c.noun, members, got.Kind, got.Field, got.Message, c.kind, c.field)
		}
	}
}

// TestLengths: the longest that is taken, and one more.
func TestLengths(t *testing.T) {
	for _, c := range []struct {
		noun, format string
		most         int
		char         string
	}{
		{"workflow", `"name":"%s"`, 256, "é"},
		{"workflow", `"reference":"%s"`, 256, "é"},
		{"workflow", `"description":"%s"`, 1024, "é"},
		{"workflow", `"customer_ids":["%s"]`, 256, "x"},
		{"customer", `"billing_entity_id":"%s"`, 256, "x"},
		{"invoice", `"invoice_number":"%s"`, 256, "é"},
		{"payment", `"result_details":{"reason":"%s"}`, 1024, "é"},
		{"invoice", `"open_invoice_amount":{"quantity":"%s","currency":"EUR"}`, 40, "1"},
	} {
		for n, bad := range map[int]bool{c.most: false, c.most + 1: true} {
			_, err := decodeNoun(t, c.noun, with(c.noun, fmt.Sprintf(c.format, strings.Repeat(c.char, n))))
			if (err != nil) != bad {
				t.Errorf("%s %s of %d: got %v", c.noun, c.format, n, err)
			}
		}
	}
	for n, bad := range map[int]bool{maxCustomers: false, maxCustomers + 1: true} {
		list := strings.Repeat(`"c",`, n-1) + `"c"`
		if _, err := decodeNoun(t, "workflow", with("workflow", `"customer_ids":[`+list+`]`)); (err != nil) != bad {
			t.Errorf("%d customers: got %v", n, err)
		}
	}
}

// TestPatch: absent keeps, null clears, lists and blocks are replaced whole.
func TestPatch(t *testing.T) {
	base := func() workflow.Workflow {
		doc, err := parse([]byte(`{"name":"n","type":"INVOICE","reference":"r","status":"INACTIVE","description":"d","customer_ids":["a","b"],
			"invoice":{"variant":"OVERDUE","overdue":{"periods":[{"type":"DAY","value":1},{"type":"DAY","value":2}]}},
			"schedule":{"max_lateness":{"type":"WEEK","value":1}},"on_ambiguous":"RESEND"}`))
		if err != nil {
			t.Fatal(err)
		}
		var w workflow.Workflow
		if err := decodeInto(doc, &w, workflowMembers, checkNewWorkflow); err != nil {
			t.Fatal(err)
		}
		return w
	}
	for _, c := range []struct {
		from, patch string
		kind        fault.Kind
		field       string
		want        func(*workflow.Workflow)
	}{
		{"", `{}`, 0, "", func(*workflow.Workflow) {}},
		{"", `{"name":" m "}`, 0, "", func(w *workflow.Workflow) { w.Name = "m" }},
		{"", `{"description":null,"customer_ids":null}`, 0, "", func(w *workflow.Workflow) { w.Description, w.CustomerIDs = "", nil }},
		{"", `{"customer_ids":["c","c"]}`, 0, "", func(w *workflow.Workflow) { w.CustomerIDs = []billing.CustomerID{"c"} }},
		{"", `{"customer_ids":[]}`, invalidField, "customer_ids", nil},
		{"", `{"name":null}`, missingField, "name", nil},
		{"", `{"type":"INVOICE"}`, 0, "", func(*workflow.Workflow) {}},
		{"", `{"type":"PAYMENT"}`, invalidField, "type", nil},
		{"", `{"invoice":{"variant":"TO_FINAL"}}`, 0, "", func(w *workflow.Workflow) { w.Invoice = &workflow.InvoiceConfig{Variant: workflow.ToFinal} }},
		{"", `{"invoice":{"variant":"OVERDUE"}}`, missingField, "invoice.overdue", nil},
		{"", `{"invoice":null}`, invalidField, "invoice", nil},
		{"", `{"payment":{}}`, invalidField, "payment", nil},
		{"", `{"schedule":null,"on_ambiguous":null}`, 0, "", func(w *workflow.Workflow) {
			w.Schedule, w.OnAmbiguous = workflow.Schedule{}, workflow.Hold
		}},
		{"", `{"status":"ACTIVE"}`, 0, "", func(w *workflow.Workflow) { w.Status = workflow.Active }},
		{"", `{"status":"DRAFT"}`, fault.State, "status", nil},
		{"", `{"status":"ARCHIVED"}`, 0, "", func(w *workflow.Workflow) { w.Status = workflow.Archived }},
		{"ACTIVE", `{"invoice":{"variant":"TO_FINAL"}}`, fault.State, "invoice.variant", nil},
		{"DRAFT incomplete", `{"status":"INACTIVE"}`, missingField, "invoice", nil},
		{"DRAFT incomplete", `{"status":"ARCHIVED"}`, 0, "", func(w *workflow.Workflow) { w.Status = workflow.Archived }},
		{"DRAFT incomplete", `{"name":"m"}`, 0, "", func(w *workflow.Workflow) { w.Name = "m" }},
	} {
		old := base()
		switch c.from {
		case "ACTIVE":
			old.Status = workflow.Active
		case "DRAFT incomplete":
			old.Status, old.Invoice = workflow.Draft, nil
		}
		got, want := old, old
		doc, err := parse([]byte(c.patch))
		if err != nil {
			t.Fatal(err)
		}
		err = patchInto(doc, &got, workflowMembers, checkChangedWorkflow(old))
		if c.kind != 0 {
			if f := fault.As(err); f == nil || f.Kind != c.kind || f.Field != c.field {
				t.Errorf("%s: got %v, want kind %d at %s", c.patch, err, c.kind, c.field)
			}
			continue
		}
		if c.want(&want); err != nil || !cmp.Equal(got, want) {
			t.Errorf("%s: got %v, %s", c.patch, err, cmp.Diff(want, got))
		}
	}
}

// TestUnreadableNeverQuotes: what cannot be read is not echoed.
func TestUnreadableNeverQuotes(t *testing.T) {
	_, err := parse([]byte(`{"password":"hunter2" x`))
	if f := fault.As(err); f == nil || f.Kind != fault.Unreadable || strings.Contains(err.Error(), "hunter2") {
		t.Errorf("got %v", err)
	}
}

// TestOutcomes: every kind of fault has its status, and what is no fault tells
// nothing.
func TestOutcomes(t *testing.T) {
	for k := fault.Unauthorised; k <= fault.Unavailable; k++ {
		if o, body := describe(fault.New(k, "m")); o.status == 0 || o.status == 500 || body.code == "" || body.message != "m" {
			t.Errorf("kind %d: got %v %v", k, o, body)
		}
	}
	o, body := describe(errors.New("the secret of the house"))
	if o.status != 500 || body.code != "INTERNAL_ERROR" || body.kind != "API_ERROR" || strings.Contains(body.message, "secret") {
		t.Errorf("got %v %v", o, body)
	}
}
