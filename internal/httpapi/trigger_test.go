package httpapi_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/dunwellhq/dunwell/internal/auth"
	"github.com/dunwellhq/dunwell/internal/platform"
)

// The six workflows, each ACTIVE with one ACTIVE action.
var everyWorkflow = map[string]string{
	"TO_FINAL":                  `"type":"INVOICE","invoice":{"variant":"TO_FINAL"}`,
	"OVERDUE":                   `"type":"INVOICE","invoice":{"variant":"OVERDUE","overdue":{"periods":[{"type":"DAY","value":3},{"type":"WEEK","value":1}]}}`,
	"UPCOMING_PAYMENT_REMINDER": `"type":"INVOICE","invoice":{"variant":"UPCOMING_PAYMENT_REMINDER","upcoming_payment":{"periods":[{"type":"DAY","value":3}]}}`,
	"FAILED_PAYMENT":            `"type":"PAYMENT","payment":{"variant":"FAILED_PAYMENT"}`,
	"FREE_TRIAL_REMINDER":       `"type":"PRICING_PLAN_SUBSCRIPTION","pricing_plan_subscription":{"variant":"FREE_TRIAL_REMINDER","reminder_periods":[{"type":"DAY","value":3}]}`,
	"WALLET_BALANCE":            `"type":"WALLET","wallet":{"variant":"WALLET_BALANCE","wallet_balance":{"comparator":"LESS_THAN","threshold":{"percentage":"10"}}}`,
}

// everyTarget asks for each of them by hand, for what billed stores.
var everyTarget = map[string]string{
	"TO_FINAL":                  `"invoice":{"invoice_id":"i1","manual":{"variant":"TO_FINAL"}}`,
	"OVERDUE":                   `"invoice":{"invoice_id":"i1","manual":{"variant":"OVERDUE","overdue":{"period":{"type":"DAY","value":7}}}}`,
	"UPCOMING_PAYMENT_REMINDER": `"invoice":{"invoice_id":"i1","event":null,"manual":{"user_id":"user_someone","variant":"UPCOMING_PAYMENT_REMINDER"}}`,
	"FAILED_PAYMENT":            `"payment":{"payment_id":"p1","manual":{"variant":"FAILED_PAYMENT"}}`,
	"FREE_TRIAL_REMINDER":       `"pricing_plan_subscription":{"pricing_plan_subscription_id":"s1","pricing_plan_schedule_id":"sc1","trial_end_at":"2026-12-01T01:00:00+01:00","manual":{"variant":"FREE_TRIAL_REMINDER"}}`,
	"WALLET_BALANCE":            `"wallet":{"wallet_type_id":"t1","wallet_id":"w1"}`,
}

// workflowOf makes an ACTIVE workflow of a variant and returns its id.
func (w *world) workflowOf(variant, reference, more string) string {
	w.Helper()
	return w.do("POST", "/v1/workflows", fmt.Sprintf(`{"name":"n","reference":%q,"status":"ACTIVE",%s%s}`, reference, everyWorkflow[variant], more)).want(201).id()
}

// actionOf gives a workflow an ACTIVE action.
func (w *world) actionOf(variant, workflow, integration string) {
	w.Helper()
	kind := map[string]string{
		"FAILED_PAYMENT": `,"variant":"PAYMENT"`, "FREE_TRIAL_REMINDER": `,"variant":"PRICING_PLAN_SUBSCRIPTION"`, "WALLET_BALANCE": "",
	}
	more, other := kind[variant]
	if !other {
		more = `,"variant":"INVOICE"`
	}
	w.do("POST", "/v1/workflow-actions", action(workflow, integration, more)).want(201)
}

// billed stores what every variant can be about, without events.
func (w *world) billed() {
	w.Helper()
	r := w.do("POST", "/v1/ingest/resources?events=none", `[
		{"object_type":"CUSTOMER","id":"c1","reference":"C-1","status":"ACTIVE","email":"c1@customer.example","organization":{"legal_name":"Klant"}},
		{"object_type":"INVOICE","id":"i1","status":"FINAL","customer_id":"c1","invoice_number":"2026-1","due_date":"2026-11-01","billing_currency":"EUR","invoice_amount_including_tax":{"quantity":"10.00","currency":"EUR"}},
		{"object_type":"PAYMENT","id":"p1","invoice_id":"i1","result":"REFUSED","amount":{"quantity":"10.00","currency":"EUR"}},
		{"object_type":"PRICING_PLAN_SUBSCRIPTION","id":"s1","customer_id":"c1","status":"ACTIVE","name":"Pro","pricing_plan_schedule_infos":[{"id":"sc1","type":"TRIAL","start_at":"2026-11-01T00:00:00Z","end_at":"2026-12-01T00:00:00Z"},{"id":"sc2","type":"DEFAULT","start_at":"2026-12-01T00:00:00Z"}]},
		{"object_type":"WALLET_TYPE","id":"t1","name":"API credits","status":"ACTIVE","type":"CREDIT"},
		{"object_type":"WALLET","id":"w1","reference":"W-1","customer_id":"c1","wallet_type_id":"t1","status":"ACTIVE","balance":{"credits":{"quantity":"5","credit_type_id":"api"}},"granted":{"credits":{"quantity":"100","credit_type_id":"api"}}}]`).want(200)
	if strings.Contains(string(r.body), `"applied":false`) {
		w.Fatalf("not applied: %s", r.body)
	}
}

// TestManualTriggers: every variant can be fired by hand and has its message.
func TestManualTriggers(t *testing.T) {
	onBoth(t, func(t *testing.T, w *world) {
		w.billed()
		in := w.newIntegration()
		var ids []string
		for variant, target := range everyTarget {
			workflow := w.workflowOf(variant, variant, "")
			w.actionOf(variant, workflow, in)
			made := w.do("POST", "/v1/workflow-triggers", `{"type":"MANUAL","id":"mine","workflow_id":null,"customer_id":null,`+target+`}`).want(201)
			if made.text("type") != "MANUAL" || made.text("status") != "FIRED" || made.text("workflow_id") != workflow || made.text("customer_id") != "c1" ||
				made.has("reason") || strings.Contains(string(made.body), "user_someone") {
				t.Errorf("%s: got %s", variant, made.body)
			}
			if got := w.do("GET", "/v1/workflow-triggers/"+made.id(), "").want(200); string(got.body) != string(made.body) {
				t.Errorf("%s: read again: got %s, want %s", variant, got.body, made.body)
			}
			ids = append(ids, made.id())
			w.drain()
			x := w.do("GET", "/v1/workflow-executions?trigger_id="+made.id(), "").want(200)
			if x.text("data.0.status") != "SENT" || x.text("data.0.variant") != variant || x.at("data.1") != nil {
				detail := w.do("GET", "/v1/workflow-executions/"+x.text("data.0.id"), "")
				t.Errorf("%s: got %s %s", variant, x.body, detail.body)
			}
		}
		overdue := w.do("POST", "/v1/workflow-triggers/search", `{"filter_fields":[{"name":"invoice_id","value":"i1"},{"name":"type","value":"MANUAL"}]}`).want(200)
		if !strings.Contains(string(overdue.body), `"manual":{"user_id":null,"variant":"OVERDUE","overdue":{"period":{"type":"WEEK","value":1}}}`) {
			t.Errorf("the step is not the workflow's: %s", overdue.body)
		}
		for field, n := range map[string]int{"payment_id": 1, "pricing_plan_subscription_id": 1, "wallet_id": 1, "invoice_id": 4, "customer_id": 6} {
			id := map[string]string{"payment_id": "p1", "pricing_plan_subscription_id": "s1", "wallet_id": "w1", "invoice_id": "i1", "customer_id": "c1"}[field]
			got := w.do("POST", "/v1/workflow-triggers/search", fmt.Sprintf(`{"search_fields":[{"name":%q,"value":%q}]}`, field, id)).want(200)
			if list, _ := got.at("data").([]any); len(list) != n {
				t.Errorf("%s: got %d, want %d: %s", field, len(list), n, got.body)
			}
		}
		wallet := w.do("POST", "/v1/workflow-triggers/search", `{"filter_fields":[{"name":"wallet_id","value":"w1"}]}`)
		if wallet.text("data.0.wallet.customer_reference") != "C-1" || wallet.text("data.0.wallet.wallet_reference") != "W-1" ||
			wallet.text("data.0.wallet.wallet_type_id") != "t1" || strings.Contains(string(wallet.body), "manual") {
			t.Errorf("wallet: %s", wallet.body)
		}
		// Free of uniqueness, and once with one key.
		again := `{"type":"MANUAL",` + everyTarget["TO_FINAL"] + `}`
		first := w.again("/v1/workflow-triggers", again, "once", 201)
		if slices.Contains(ids, first.id()) {
			t.Error("a second trigger is the first")
		}
		w.drain()
		if got := w.do("GET", "/v1/workflow-executions?trigger_id="+first.id(), "").want(200); got.text("data.0.status") != "SENT" || got.at("data.1") != nil {
			t.Errorf("got %s", got.body)
		}
	})
}

// TestManualTriggersRefused: what is wrong with a request, each by its field
// (contract A6).
func TestManualTriggersRefused(t *testing.T) {
	onBoth(t, func(t *testing.T, w *world) {
		w.billed()
		in := w.newIntegration()
		ids := map[string]string{}
		for variant := range everyWorkflow {
			ids[variant] = w.workflowOf(variant, variant, "")
			w.actionOf(variant, ids[variant], in)
		}
		draft := w.do("POST", "/v1/workflows", `{"name":"n","reference":"draft","status":"DRAFT","type":"INVOICE","invoice":{"variant":"TO_FINAL"}}`).want(201).id()
		w.do("PUT", "/v1/customers/c2", `{"status":"ACTIVE"}`).want(201)
		scoped := w.workflowOf("TO_FINAL", "scoped", `,"customer_ids":["c2"]`)
		w.do("POST", "/v1/ingest/resources?events=none", `[
			{"object_type":"INVOICE","id":"draft","status":"DRAFT","customer_id":"c1"},
			{"object_type":"INVOICE","id":"void","status":"VOID","customer_id":"c1"},
			{"object_type":"INVOICE","id":"held","status":"FINAL","customer_id":"c1","on_hold":true},
			{"object_type":"INVOICE","id":"paid","status":"FINAL","customer_id":"c1","payment_status":"PAID"},
			{"object_type":"INVOICE","id":"credit","status":"FINAL","customer_id":"c1","type":"CREDIT"},
			{"object_type":"INVOICE","id":"early","status":"FINAL","customer_id":"c9"},
			{"object_type":"CUSTOMER","id":"closed","status":"CLOSED"},
			{"object_type":"INVOICE","id":"closed","status":"FINAL","customer_id":"closed"},
			{"object_type":"PAYMENT","id":"authorized","invoice_id":"i1","result":"AUTHORIZED"},
			{"object_type":"PAYMENT","id":"pending","invoice_id":"i1","result":"PENDING"},
			{"object_type":"PAYMENT","id":"early","invoice_id":"i9","customer_id":"c1","result":"REFUSED"},
			{"object_type":"PRICING_PLAN_SUBSCRIPTION","id":"ended","customer_id":"c1","status":"CANCELLED","pricing_plan_schedule_infos":[{"id":"e1","type":"TRIAL","end_at":"2026-12-01T00:00:00Z"}]},
			{"object_type":"PRICING_PLAN_SCHEDULE","id":"sc9","pricing_plan_subscription_id":"ended","end_at":"2026-12-01T00:00:00Z"},
			{"object_type":"WALLET","id":"off","customer_id":"c1","wallet_type_id":"t1","status":"INACTIVE"}]`).want(200)
		w.do("PUT", "/v1/invoices/theirs", `{"status":"FINAL","customer_id":"c1"}`, "X-API-KEY", w.foreign).want(201)

		invoice := func(id, variant string) string {
			more := ""
			if variant == "OVERDUE" {
				more = `,"overdue":{"period":{"type":"DAY","value":3}}`
			}
			return fmt.Sprintf(`"invoice":{"invoice_id":%q,"manual":{"variant":%q%s}}`, id, variant, more)
		}
		trial := func(subscription, schedule, end string) string {
			return fmt.Sprintf(`"pricing_plan_subscription":{"pricing_plan_subscription_id":%q,"pricing_plan_schedule_id":%q,"trial_end_at":%q,"manual":{"variant":"FREE_TRIAL_REMINDER"}}`, subscription, schedule, end)
		}
		const end = "2026-12-01T00:00:00Z"
		const sub, manual = "pricing_plan_subscription.", "invoice.manual"
		for name, c := range map[string]struct{ body, code, field string }{
			"no type":             {invoice("i1", "TO_FINAL"), "MISSING_FIELD", "type"},
			"type":                {`"type":"OTHER",` + invoice("i1", "TO_FINAL"), "INVALID_FIELD", "type"},
			"EVENT":               {`"type":"EVENT",` + invoice("i1", "TO_FINAL"), "INVALID_FIELD", "type"},
			"no target":           {`"type":"MANUAL"`, "MISSING_FIELD", "invoice"},
			"target null":         {`"type":"MANUAL","invoice":null`, "INVALID_FIELD", "invoice"},
			"target no block":     {`"type":"MANUAL","invoice":"i1"`, "INVALID_FIELD", "invoice"},
			"two targets":         {`"type":"MANUAL",` + everyTarget["WALLET_BALANCE"] + `,` + invoice("i1", "TO_FINAL"), "INVALID_FIELD", "invoice"},
			"event given":         {`"type":"MANUAL","invoice":{"invoice_id":"i1","event":{"variant":"TO_FINAL"},"manual":{"variant":"TO_FINAL"}}`, "INVALID_FIELD", "invoice.event"},
			"wallet event":        {`"type":"MANUAL","wallet":{"wallet_type_id":"t1","wallet_id":"w1","event":{"variant":"WALLET_BALANCE"}}`, "INVALID_FIELD", "wallet.event"},
			"no id":               {`"type":"MANUAL","invoice":{"manual":{"variant":"TO_FINAL"}}`, "MISSING_FIELD", "invoice.invoice_id"},
			"no manual":           {`"type":"MANUAL","invoice":{"invoice_id":"i1"}`, "MISSING_FIELD", manual},
			"no payment manual":   {`"type":"MANUAL","payment":{"payment_id":"p1"}`, "MISSING_FIELD", "payment.manual"},
			"manual null":         {`"type":"MANUAL","invoice":{"invoice_id":"i1","manual":null}`, "INVALID_FIELD", manual},
			"no variant":          {`"type":"MANUAL","invoice":{"invoice_id":"i1","manual":{}}`, "MISSING_FIELD", manual + ".variant"},
			"variant of payments": {`"type":"MANUAL",` + invoice("i1", "FAILED_PAYMENT"), "INVALID_FIELD", manual + ".variant"},
			"no period":           {`"type":"MANUAL","invoice":{"invoice_id":"i1","manual":{"variant":"OVERDUE"}}`, "MISSING_FIELD", manual + ".overdue.period"},
			"period absent":       {`"type":"MANUAL","invoice":{"invoice_id":"i1","manual":{"variant":"OVERDUE","overdue":{}}}`, "MISSING_FIELD", manual + ".overdue.period"},
			"period null":         {`"type":"MANUAL","invoice":{"invoice_id":"i1","manual":{"variant":"OVERDUE","overdue":{"period":null}}}`, "INVALID_FIELD", manual + ".overdue.period"},
			"overdue null":        {`"type":"MANUAL","invoice":{"invoice_id":"i1","manual":{"variant":"OVERDUE","overdue":null}}`, "INVALID_FIELD", manual + ".overdue"},
			"overdue of TO_FINAL": {`"type":"MANUAL","invoice":{"invoice_id":"i1","manual":{"variant":"TO_FINAL","overdue":{"period":{"type":"DAY","value":3}}}}`, "INVALID_FIELD", manual + ".overdue"},
			"other period":        {`"type":"MANUAL","invoice":{"invoice_id":"i1","manual":{"variant":"OVERDUE","overdue":{"period":{"type":"DAY","value":4}}}}`, "INVALID_FIELD", manual + ".overdue.period"},
			"unknown invoice":     {`"type":"MANUAL",` + invoice("none", "TO_FINAL"), "RESOURCE_NOT_FOUND", "invoice.invoice_id"},
			"their invoice":       {`"type":"MANUAL",` + invoice("theirs", "TO_FINAL"), "RESOURCE_NOT_FOUND", "invoice.invoice_id"},
			"named invoice":       {`"type":"MANUAL",` + invoice("i9", "TO_FINAL"), "RESOURCE_NOT_FOUND", "invoice.invoice_id"},
			"unknown workflow":    {`"type":"MANUAL","workflow_id":"none",` + invoice("i1", "TO_FINAL"), "RESOURCE_NOT_FOUND", "workflow_id"},
			"both unknown":        {`"type":"MANUAL","workflow_id":"none",` + invoice("none", "TO_FINAL"), "RESOURCE_NOT_FOUND", "workflow_id"},
			"both, reversed":      {invoice("none", "TO_FINAL") + `,"workflow_id":"none","type":"MANUAL"`, "RESOURCE_NOT_FOUND", "invoice.invoice_id"},
			"a reference":         {`"type":"MANUAL","workflow_id":"TO_FINAL",` + invoice("i1", "TO_FINAL"), "RESOURCE_NOT_FOUND", "workflow_id"},
			"not ACTIVE":          {`"type":"MANUAL","workflow_id":"` + draft + `",` + invoice("i1", "TO_FINAL"), "INVALID_OPERATION", "workflow_id"},
			"other variant":       {`"type":"MANUAL","workflow_id":"` + ids["OVERDUE"] + `",` + invoice("i1", "TO_FINAL"), "INVALID_FIELD", manual + ".variant"},
			"other type":          {`"type":"MANUAL","workflow_id":"` + ids["FAILED_PAYMENT"] + `",` + invoice("i1", "TO_FINAL"), "INVALID_FIELD", manual + ".variant"},
			"not of wallets":      {`"type":"MANUAL","workflow_id":"` + ids["OVERDUE"] + `",` + everyTarget["WALLET_BALANCE"], "UNABLE_TO_PROCESS_INSTRUCTIONS", "workflow_id"},
			"out of scope":        {`"type":"MANUAL","workflow_id":"` + scoped + `",` + invoice("i1", "TO_FINAL"), "UNABLE_TO_PROCESS_INSTRUCTIONS", "workflow_id"},
			"other customer":      {`"type":"MANUAL","customer_id":"c2",` + invoice("i1", "TO_FINAL"), "INVALID_FIELD", "customer_id"},
			"no customer yet":     {`"type":"MANUAL",` + invoice("early", "TO_FINAL"), "INVALID_OPERATION", "invoice.invoice_id"},
			"no invoice yet":      {`"type":"MANUAL","payment":{"payment_id":"early","manual":{"variant":"FAILED_PAYMENT"}}`, "INVALID_OPERATION", "payment.payment_id"},
			"not final":           {`"type":"MANUAL",` + invoice("draft", "TO_FINAL"), "INVALID_OPERATION", "invoice.invoice_id"},
			"void":                {`"type":"MANUAL",` + invoice("void", "OVERDUE"), "INVALID_OPERATION", "invoice.invoice_id"},
			"held":                {`"type":"MANUAL",` + invoice("held", "TO_FINAL"), "INVALID_OPERATION", "invoice.invoice_id"},
			"paid":                {`"type":"MANUAL",` + invoice("paid", "OVERDUE"), "INVALID_OPERATION", "invoice.invoice_id"},
			"credit note":         {`"type":"MANUAL",` + invoice("credit", "UPCOMING_PAYMENT_REMINDER"), "INVALID_OPERATION", "invoice.invoice_id"},
			"closed":              {`"type":"MANUAL",` + invoice("closed", "TO_FINAL"), "INVALID_OPERATION", "invoice.invoice_id"},
			"not failed":          {`"type":"MANUAL","payment":{"payment_id":"authorized","manual":{"variant":"FAILED_PAYMENT"}}`, "INVALID_OPERATION", "payment.payment_id"},
			"pending":             {`"type":"MANUAL","payment":{"payment_id":"pending","manual":{"variant":"FAILED_PAYMENT"}}`, "INVALID_OPERATION", "payment.payment_id"},
			"no schedule":         {`"type":"MANUAL",` + trial("s1", "none", end), "RESOURCE_NOT_FOUND", sub + "pricing_plan_schedule_id"},
			"another's":           {`"type":"MANUAL",` + trial("s1", "sc9", end), "RESOURCE_NOT_FOUND", sub + "pricing_plan_schedule_id"},
			"no trial":            {`"type":"MANUAL",` + trial("s1", "sc2", end), "INVALID_FIELD", sub + "pricing_plan_schedule_id"},
			"other end":           {`"type":"MANUAL",` + trial("s1", "sc1", "2026-12-02T00:00:00Z"), "INVALID_FIELD", sub + "trial_end_at"},
			"fraction":            {`"type":"MANUAL",` + trial("s1", "sc1", "2026-12-01T00:00:00.0Z"), "INVALID_FIELD", sub + "trial_end_at"},
			"ended":               {`"type":"MANUAL",` + trial("ended", "e1", end), "INVALID_OPERATION", sub + "pricing_plan_subscription_id"},
			"no wallet":           {`"type":"MANUAL","wallet":{"wallet_type_id":"t1","wallet_id":"none"}`, "RESOURCE_NOT_FOUND", "wallet.wallet_id"},
			"no wallet type":      {`"type":"MANUAL","wallet":{"wallet_id":"w1"}`, "MISSING_FIELD", "wallet.wallet_type_id"},
			"other wallet type":   {`"type":"MANUAL","wallet":{"wallet_type_id":"t2","wallet_id":"w1"}`, "INVALID_FIELD", "wallet.wallet_type_id"},
			"other reference":     {`"type":"MANUAL","wallet":{"wallet_type_id":"t1","wallet_id":"w1","wallet_reference":"W-2"}`, "INVALID_FIELD", "wallet.wallet_reference"},
			"wallet off":          {`"type":"MANUAL","wallet":{"wallet_type_id":"t1","wallet_id":"off"}`, "INVALID_OPERATION", "wallet.wallet_id"},
		} {
			r := w.do("POST", "/v1/workflow-triggers", `{`+c.body+`}`).fails(400, c.code, c.field)
			if t.Failed() {
				t.Fatalf("%s: %s", name, r.body)
			}
		}
		w.workflowOf("TO_FINAL", "second", "")
		w.do("POST", "/v1/workflow-triggers", `{"type":"MANUAL",`+invoice("i1", "TO_FINAL")+`}`).fails(400, "MISSING_FIELD", "workflow_id")
		for _, id := range []string{"TO_FINAL", "second"} {
			w.do("POST", "/v1/workflows/"+id+"/deactivate", "").want(200)
		}
		w.do("POST", "/v1/workflow-triggers", `{"type":"MANUAL",`+invoice("i1", "TO_FINAL")+`}`).fails(400, "UNABLE_TO_PROCESS_INSTRUCTIONS", "workflow_id")
		if got := w.do("GET", "/v1/workflow-triggers?statuses[]=FIRED&statuses[]=SKIPPED&statuses[]=PLANNED&statuses[]=CANCELLED", ""); len(got.at("data").([]any)) != 0 {
			t.Errorf("something was stored: %s", got.body)
		}
	})
}

// TestManualTriggersEnd: what stops a message stops one that was asked for too,
// and the end of the stop does not bring it back.
func TestManualTriggersEnd(t *testing.T) {
	onBoth(t, func(t *testing.T, w *world) {
		w.billed()
		in := w.newIntegration()
		held := `{"status":"FINAL","customer_id":"c1","invoice_number":"2026-1","on_hold":true,"invoice_amount_including_tax":{"quantity":"10.00","currency":"EUR"}}`
		targets := map[string]func(){
			"TO_FINAL": func() { w.do("PUT", "/v1/invoices/i1", held).want(200) },
			"FREE_TRIAL_REMINDER": func() {
				w.do("PUT", "/v1/pricing-plan-subscriptions/s1", `{"customer_id":"c1","status":"CANCELLED"}`).want(200)
			},
			"WALLET_BALANCE": func() {
				w.do("PUT", "/v1/wallets/w1", `{"customer_id":"c1","wallet_type_id":"t1","status":"ARCHIVED"}`).want(200)
			},
		}
		want := map[string]string{"TO_FINAL": "ON_HOLD", "FREE_TRIAL_REMINDER": "SUBSCRIPTION_ENDED", "WALLET_BALANCE": "WALLET_INACTIVE"}
		for variant, stop := range targets {
			workflow := w.workflowOf(variant, variant, "")
			w.actionOf(variant, workflow, in)
			made := w.do("POST", "/v1/workflow-triggers", `{"type":"MANUAL","workflow_id":"`+workflow+`",`+everyTarget[variant]+`}`).want(201)
			stop()
			if got := w.do("GET", "/v1/workflow-triggers/"+made.id(), ""); got.text("status") != "CANCELLED" || got.text("reason") != want[variant] {
				t.Errorf("%s: got %s, want it CANCELLED %s by the change", variant, got.body, want[variant])
			}
			if got := w.do("GET", "/v1/workflow-triggers", ""); !strings.Contains(string(got.body), made.id()) {
				t.Errorf("%s: a manual one is not listed: %s", variant, got.body)
			}
		}
		w.do("PUT", "/v1/invoices/i1", strings.Replace(held, "true", "false", 1)).want(200)
		w.drain()
		if got := w.do("GET", "/v1/outbox", ""); len(got.at("data").([]any)) != 0 {
			t.Errorf("sent after all: %s", got.body)
		}
		idle := w.workflowOf("OVERDUE", "idle", "")
		skipped := w.do("POST", "/v1/workflow-triggers", `{"type":"MANUAL","workflow_id":"`+idle+`",`+everyTarget["OVERDUE"]+`}`).want(201)
		if skipped.text("status") != "SKIPPED" || skipped.text("reason") != "NO_ACTION" {
			t.Errorf("a workflow without an action: got %s", skipped.body)
		}
	})
}

// A reminder of a trial that is none any more is not sent, whoever tells of it,
// the subscription or the schedule.
func TestReminderOfATrialThatIsNoneAnyMore(t *testing.T) {
	for name, end := range map[string]func(*world){
		"another type": func(w *world) {
			w.do("PUT", "/v1/pricing-plan-subscriptions/s1", `{"customer_id":"c1","status":"ACTIVE","pricing_plan_schedule_infos":
				[{"id":"sc1","type":"DEFAULT","end_at":"2026-12-01T00:00:00Z"}]}`).want(200)
		},
		"not there": func(w *world) {
			w.do("PUT", "/v1/pricing-plan-subscriptions/s1", `{"customer_id":"c1","status":"ACTIVE"}`).want(200)
		},
		"told by the schedule": func(w *world) {
			w.do("PUT", "/v1/pricing-plan-schedules/sc1", `{"type":"DEFAULT","pricing_plan_subscription_id":"s1","end_at":"2026-12-01T00:00:00Z"}`).want(201)
		},
	} {
		t.Run(name, func(t *testing.T) {
			onBoth(t, func(t *testing.T, w *world) {
				w.billed()
				workflow := w.workflowOf("FREE_TRIAL_REMINDER", "trial", "")
				w.actionOf("FREE_TRIAL_REMINDER", workflow, w.newIntegration())
				made := w.do("POST", "/v1/workflow-triggers", `{"type":"MANUAL","workflow_id":"`+workflow+`",`+everyTarget["FREE_TRIAL_REMINDER"]+`}`).want(201)
				end(w)
				if got := w.do("GET", "/v1/workflow-triggers/"+made.id(), ""); got.text("status") != "CANCELLED" || got.text("reason") != "SUBSCRIPTION_ENDED" {
					t.Errorf("got %s, want it CANCELLED SUBSCRIPTION_ENDED by the change", got.body)
				}
				w.drain()
				if got := w.do("GET", "/v1/outbox", ""); len(got.at("data").([]any)) != 0 {
					t.Errorf("sent all the same: %s", got.body)
				}
			})
		})
	}
}

// TestNobodyIsDunnedForMoneyOnItsWay: what a planned reminder would skip, a
// person is refused (contract B1).
func TestNobodyIsDunnedForMoneyOnItsWay(t *testing.T) {
	onBoth(t, func(t *testing.T, w *world) {
		w.billed()
		for _, variant := range []string{"OVERDUE", "UPCOMING_PAYMENT_REMINDER"} {
			w.actionOf(variant, w.workflowOf(variant, variant, ""), w.newIntegration())
		}
		fire := func(variant string) response {
			t.Helper()
			return w.do("POST", "/v1/workflow-triggers", `{"type":"MANUAL",`+everyTarget[variant]+`}`)
		}
		pay := func(more string) {
			t.Helper()
			w.do("PUT", "/v1/payments/p2", `{"invoice_id":"i1",`+more+`}`)
		}
		for _, c := range []struct {
			payment string
			on      bool
		}{
			{`"result":"PENDING","amount":{"quantity":"10.00","currency":"EUR"},"timestamp":"2026-11-23T08:00:00Z"`, true},
			{`"result":"AUTHORIZED","amount":{"quantity":"10.5","currency":"EUR"},"timestamp":"2026-11-09T09:00:02Z"`, true},
			{`"result":"AUTHORIZED","amount":{"quantity":"10.5","currency":"EUR"},"timestamp":"2026-11-09T09:00:01Z"`, false},
			{`"result":"PENDING","amount":{"quantity":"9.99","currency":"EUR"},"timestamp":"2026-11-23T08:00:00Z"`, false},
			{`"result":"PENDING","amount":{"quantity":"10.00","currency":"USD"},"timestamp":"2026-11-23T08:00:00Z"`, false},
			{`"result":"CANCELLED","amount":{"quantity":"10.00","currency":"EUR"},"timestamp":"2026-11-23T08:00:00Z"`, false},
		} {
			pay(c.payment)
			for _, variant := range []string{"OVERDUE", "UPCOMING_PAYMENT_REMINDER"} {
				if got := fire(variant); c.on {
					got.fails(400, "INVALID_OPERATION", "invoice.invoice_id")
					if !strings.Contains(got.text("message"), "PAYMENT_PENDING") {
						t.Errorf("got %s", got.body)
					}
				} else {
					got.want(201)
				}
			}
		}
		w.do("PUT", "/v1/invoices/i1", `{"status":"FINAL","customer_id":"c1","charge_at":"2026-11-23T09:00:02Z","invoice_amount_including_tax":{"quantity":"10.00","currency":"EUR"}}`).want(200)
		if got := fire("OVERDUE"); got.status != 400 || !strings.Contains(got.text("message"), "AUTO_CHARGE") {
			t.Errorf("an invoice that will be collected by itself: got %s", got.body)
		}
		fire("UPCOMING_PAYMENT_REMINDER").want(201)
		w.advance(time.Second)
		fire("OVERDUE").want(201)
	})
}

// TestExpand: customer and workflow next to their ids, for who may read them.
func TestExpand(t *testing.T) {
	onBoth(t, func(t *testing.T, w *world) {
		w.billed()
		workflow := w.workflowOf("TO_FINAL", "announce", "")
		w.actionOf("TO_FINAL", workflow, w.newIntegration())
		w.do("POST", "/v1/workflow-triggers", `{"type":"MANUAL",`+everyTarget["TO_FINAL"]+`}`).want(201)
		for query, want := range map[string][2]bool{
			"":                                {false, false},
			"expand[]=customer":               {true, false},
			"expand[]=customer_id":            {true, false},
			"expand[]=workflow_id&expand[]=x": {false, true},
			"expand[]=ALL":                    {true, true},
			"expand[]=invoice":                {false, false},
		} {
			for _, r := range []response{
				w.do("POST", "/v1/workflow-triggers/search?"+query, "").want(200),
				w.do("GET", "/v1/workflow-triggers?"+query, "").want(200),
			} {
				got := [2]bool{r.text("data.0.customer.id") == "c1", r.text("data.0.workflow.reference") == "announce"}
				if got != want || r.text("data.0.customer_id") != "c1" || r.text("data.0.workflow_id") != workflow {
					t.Errorf("%s: got %s", query, r.body)
				}
			}
		}
		only := w.newKey(auth.Key{Permissions: []auth.Permission{auth.TriggerView, auth.WorkflowView}, Platforms: []platform.ID{w.p}})
		search := func(query string) response {
			t.Helper()
			return w.do("POST", "/v1/workflow-triggers/search?"+query, "", "X-API-KEY", only)
		}
		search("expand[]=customer").fails(403, "USER_NOT_ALLOWED", "-")
		if got := search("expand[]=ALL").want(200); got.has("customer") || strings.Contains(string(got.body), "Klant") || got.text("data.0.workflow.id") != workflow {
			t.Errorf("got %s", got.body)
		}
		// A workflow answers to a payment before its customer is known.
		w.workflowOf("FAILED_PAYMENT", "failed", "")
		w.advance(time.Second)
		w.do("PUT", "/v1/payments/p9", `{"customer_id":"c9","result":"REFUSED"}`).want(201)
		early := w.do("POST", "/v1/workflow-triggers/search?statuses[]=PLANNED&expand[]=customer", "").want(200)
		if early.text("data.0.customer_id") != "c9" || strings.Contains(string(early.body), `"customer":`) {
			t.Errorf("a customer who is not known yet: %s", early.body)
		}
	})
}
