package httpapi

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/dunwellhq/dunwell/internal/billing"
	"github.com/dunwellhq/dunwell/internal/calendar"
	"github.com/dunwellhq/dunwell/internal/fault"
	"github.com/dunwellhq/dunwell/internal/workflow"
)

// TestFirstFaultInDocumentOrder plants several faults in one body, its members
// in any order, and wants the first.
func TestFirstFaultInDocumentOrder(t *testing.T) {
	type planted struct{ name, member, field string }
	byNoun := map[string]map[string][]planted{}
	for _, c := range rules {
		names := topNames(c.members)
		if c.kind == noFault || len(names) != 1 || !strings.HasPrefix(c.field, names[0]) {
			continue
		}
		if byNoun[c.noun] == nil {
			byNoun[c.noun] = map[string][]planted{}
		}
		byNoun[c.noun][names[0]] = append(byNoun[c.noun][names[0]], planted{names[0], c.members, c.field})
	}
	nounsToTry := []string{"customer", "invoice", "billing entity", "payment", "workflow", "integration", "subscription", "wallet type", "wallet"}
	rapid.Check(t, func(t *rapid.T) {
		noun := rapid.SampledFrom(nounsToTry).Draw(t, "noun")
		base := least[noun]
		var members []planted
		for _, name := range sortedKeys(byNoun[noun]) {
			if noun == "workflow" && (name == "type" || name == "status") || !rapid.Bool().Draw(t, name) {
				continue // without its type and status a workflow cannot be judged further
			}
			base = without(base, name)
			members = append(members, rapid.SampledFrom(byNoun[noun][name]).Draw(t, "member"))
		}
		for _, name := range topNames(base) {
			members = append(members, planted{name: name, member: only(base, name)})
		}
		members = append(members, planted{member: `"unknown":[{"deep":1}]`})
		members = rapid.Permutation(members).Draw(t, "order")
		want := ""
		texts := make([]string, len(members))
		for i, m := range members {
			if texts[i] = m.member; want == "" {
				want = m.field
			}
		}
		_, err := decodeNounOf(noun, "{"+strings.Join(texts, ",")+"}")
		if f := fault.As(err); (f == nil && want != "") || (f != nil && f.Field != want) {
			t.Fatalf("got %v, want a fault at %q in {%.600s}", err, want, strings.Join(texts, ","))
		}
	})
}

func sortedKeys[V any](m map[string]V) []string {
	var names []string
	for name := range m {
		names = append(names, name)
	}
	slices.Sort(names)
	return names
}

// only is one member of a list of members.
func only(members, name string) string {
	for _, other := range topNames(members) {
		if other != name {
			members = without(members, other)
		}
	}
	return members
}

func decodeNounOf(noun, body string) ([]byte, error) {
	doc, err := parse([]byte(body))
	if err != nil {
		return nil, err
	}
	return nouns[noun](doc)
}

// TestMissingCountsAtTheEnd: what is absent is told after what is wrong, inner
// objects before outer ones.
func TestMissingCountsAtTheEnd(t *testing.T) {
	for body, want := range map[string]string{
		`{}`:                                   "name",
		`{"status":5}`:                         "status",
		`{"invoice":{"overdue":5},"status":5}`: "invoice.overdue",
		`{"invoice":{"variant":"OVERDUE","overdue":{"periods":[{"value":0}]}},"status":5}`:                                                             "invoice.overdue.periods.0.value",
		`{"invoice":{"variant":"OVERDUE","overdue":{"periods":[{"value":1}]}},"status":5}`:                                                             "invoice.overdue.periods.0.type",
		`{"name":"n","reference":"r","type":"INVOICE","status":"INACTIVE","invoice":{"overdue":{}},"customer_ids":[]}`:                                 "invoice.variant",
		`{"name":"n","reference":"r","type":"INVOICE","status":"INACTIVE","customer_ids":[],"invoice":{"overdue":{}}}`:                                 "customer_ids",
		`{"status":"INACTIVE","type":"INVOICE","invoice":{"variant":"OVERDUE","overdue":{"periods":["x"]}}}`:                                           "invoice.overdue.periods.0",
		`{"status":"INACTIVE","type":"INVOICE","invoice":{"variant":"OVERDUE","overdue":{"periods":[]}}}`:                                              "invoice.overdue.periods",
		`{"status":"INACTIVE","type":"WALLET","wallet":{"variant":"WALLET_BALANCE","wallet_balance":{"threshold":{"percentage":5},"comparator":"X"}}}`: "wallet.wallet_balance.threshold.percentage",
	} {
		_, err := decodeNoun(t, "workflow", body)
		if f := fault.As(err); f == nil || f.Field != want {
			t.Errorf("%s: got %v, want %s", body, err, want)
		}
	}
}

// TestWorkflowRoundTrip: what is written can be read, and says the same.
func TestWorkflowRoundTrip(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		w := anyWorkflow(t)
		out := encodeTo(nil, &w, workflowMembers)
		doc, err := parse(out)
		if err != nil {
			t.Fatalf("%s: %v", out, err)
		}
		var back workflow.Workflow
		if err := decodeInto(doc, &back, workflowMembers, checkNewWorkflow); err != nil {
			t.Fatalf("%s: %v", out, err)
		}
		back.ID, back.Version, back.CreatedAt, back.UpdatedAt = w.ID, w.Version, w.CreatedAt, w.UpdatedAt
		if !cmp.Equal(w, back) {
			t.Fatalf("%s: %s", out, cmp.Diff(w, back))
		}
		// A patch with the whole of it changes nothing.
		same := w
		if err := patchInto(doc, &same, workflowMembers, checkChangedWorkflow(w)); err != nil || !cmp.Equal(w, same) {
			t.Fatalf("%s: %v %s", out, err, cmp.Diff(w, same))
		}
	})
}

func anySchedule(t *rapid.T) workflow.Schedule {
	s := workflow.Schedule{
		BusinessDaysOnly: rapid.Bool().Draw(t, "business days only"),
		CatchUp:          rapid.SampledFrom(append([]workflow.CatchUp{""}, workflow.CatchUps...)).Draw(t, "catch up"),
		Backfill:         rapid.SampledFrom(append([]workflow.Backfill{""}, workflow.Backfills...)).Draw(t, "backfill"),
	}
	if rapid.Bool().Draw(t, "hours") {
		at := calendar.TimeOfDay(rapid.IntRange(0, 1439).Draw(t, "send at"))
		until := calendar.TimeOfDay(rapid.IntRange(int(at)+1, 1440).Draw(t, "send until"))
		s.SendAt, s.SendUntil = &at, &until
	}
	if rapid.Bool().Draw(t, "late") {
		s.MaxLateness = calendar.Period{Type: calendar.Week, Value: rapid.IntRange(1, 50).Draw(t, "lateness")}
	}
	return s
}

func anyWorkflow(t *rapid.T) workflow.Workflow {
	w := workflow.Workflow{
		ID: "wkfl_x", Version: 3, CreatedAt: today, UpdatedAt: today,
		Name:        rapid.StringMatching(`[a-zé<>"\\]{1,20}`).Draw(t, "name"),
		Description: rapid.StringMatching(`[a-z\n\t ]{0,20}`).Draw(t, "description"),
		Reference:   rapid.StringMatching(`[a-z/é]{1,20}`).Draw(t, "reference"),
		Status:      workflow.Inactive,
		Schedule:    anySchedule(t),
		OnAmbiguous: rapid.SampledFrom(onAmbiguous).Draw(t, "on ambiguous"),
	}
	w.Description = strings.TrimSpace(w.Description)
	if rapid.Bool().Draw(t, "scoped") {
		w.CustomerIDs = rapid.SliceOfNDistinct(rapid.Custom(func(t *rapid.T) billing.CustomerID {
			return billing.CustomerID(rapid.StringMatching(`[a-z]{1,5}`).Draw(t, "customer"))
		}), 1, 5, rapid.ID).Draw(t, "customers")
	}
	p := workflow.DefaultMaxLateness
	p.Value = rapid.IntRange(1, 500).Draw(t, "value")
	periods := &workflow.Periods{Periods: append([]calendar.Period{}, p)}
	switch w.Type = rapid.SampledFrom(workflow.Types).Draw(t, "type"); w.Type {
	case workflow.Invoice:
		w.Invoice = &workflow.InvoiceConfig{Variant: rapid.SampledFrom(workflow.Variants[w.Type]).Draw(t, "variant")}
		switch w.Invoice.Variant { //nolint:exhaustive // those with periods
		case workflow.Overdue:
			w.Invoice.Overdue = periods
		case workflow.UpcomingPaymentRemind:
			w.Invoice.UpcomingPayment = periods
		}
	case workflow.Payment:
		w.Payment = &workflow.PaymentConfig{Variant: workflow.FailedPayment}
	case workflow.Subscription:
		w.Subscription = &workflow.SubscriptionConfig{Variant: workflow.FreeTrialReminder, ReminderPeriods: periods.Periods}
	case workflow.Wallet:
		threshold := &workflow.Threshold{Percentage: "12.50"}
		if rapid.Bool().Draw(t, "amount") {
			threshold = &workflow.Threshold{Amount: &billing.Money{Quantity: "0.10", Currency: "EUR"}}
		}
		w.Wallet = &workflow.WalletConfig{Variant: workflow.WalletBalance, Balance: &workflow.BalanceConfig{Comparator: "LESS_THAN", Threshold: threshold}}
	}
	return w
}

// fullest has every member of each kind of resource.
var fullest = map[string]string{
	"customer": `{"reference":"r","type":"INDIVIDUAL","status":"ACTIVE","email":"a@x.example","locale":"nl-BE","timezone":"Europe/Brussels",
		"organization":{"legal_name":"l","registered_address":{"line1":"1","line2":"2","city":"c","postal_code":"p","state":"s","country":"BE"}},
		"individual":{"name":{"first_name":"f","infix":"i","last_name":"l"},"residential_address":{"city":"c"}},
		"notification_preferences":[{"type":"INVOICE","channels":[{"type":"EMAIL","enabled":false}]}],"billing_entity_id":"b",
		"metadata":{"a":[1,{"b":null}]},"source_version":5}`,
	"contact": `{"reference":"r","customer_id":"c","name":{"first_name":"f"},"email":"a@x.example","notification_preferences":[],"source_updated_at":"2026-01-01T00:00:00Z"}`,
	"invoice": `{"reference":"r","invoice_number":"n","status":"FINAL","type":"ONE_OFF","customer_id":"c","customer_reference":"cr","billing_entity_id":"b",
		"pricing_plan_subscription_ids":["s"],"invoice_date":"2026-01-01T00:00:00Z","due_date":"2026-02-01T00:00:00+01:00","timezone":"Asia/Tokyo","billing_currency":"EUR",
		"invoice_amount_including_tax":{"quantity":"121.00","currency":"EUR"},"open_invoice_amount":{"quantity":"1.0","currency":"EUR"},
		"closed_invoice_amount":{"quantity":"120","currency":"EUR"},"paid_invoice_amount":{"quantity":"-0","currency":"EUR"},"paid":false,
		"payment_status":"PARTIALLY_PAID","on_hold":true,"updated_to_final_at":"2026-01-02T00:00:00Z","charge_at":"2026-01-03T00:00:00Z",
		"pay_invoice_link":{"url":"https://pay.example/1","portal_url_id":"p","expiry_period":{"type":"WEEK","value":2}},"pdf_url":"https://pdf.example/1",
		"lines":[{"description":"d","quantity":"2","unit_amount":{"quantity":"1","currency":"EUR"},"amount":{"quantity":"2","currency":"EUR"},"tax":null}],
		"metadata":{}}`,
	"payment": `{"reference":"r","external_reference":"e","invoice_id":"i","customer_id":"c","amount":{"quantity":"1","currency":"JPY"},"result":"ERROR",
		"result_details":{"code":"c","reason":"r","external_code":"ec","external_reason":"er"},"payment_method_details":{"type":"card"},
		"timestamp":"2026-01-01T00:00:00Z","dunning_action_details":{"attempt":2,"external_reference":"x","next_attempt_scheduled":true,"next_attempt_at":"2026-01-05T00:00:00Z"}}`,
	"billing entity": `{"reference":"r","legal_name":"l","email":"a@x.example","timezone":"UTC","registered_address":{"city":"c"},
		"branding":{"name":"n","domain":"x.example","colors":{"primary":"#fff","secondary":"#0b5fff"},"logo":{"file_name":"l.png","content_type":"image/png","content":"aGk=","public_url":"https://x.example/l.png"}}}`,
	"subscription": `{"reference":"r","name":"n","customer_id":"c","billing_entity_id":"b","status":"ACTIVE","pricing_plan_schedule_infos":[
		{"id":"s","type":"TRIAL","start_at":"2026-01-01T00:00:00Z","end_at":"2026-01-31T00:00:00+01:00"},{"id":"t","type":"DEFAULT"}],"metadata":{"a":1}}`,
	"schedule": `{"reference":"r","type":"TRIAL","pricing_plan_subscription_id":"s","start_at":"2026-01-01T00:00:00Z","end_at":"2026-01-31T00:00:00Z","source_version":0}`,
	"wallet type": `{"reference":"r","name":"n","type":"CREDIT","status":"DEPRECATED","credit":{"grant_type":"AMOUNT",
		"amount_grant":{"default_currency":"EUR","tax_category":"t"},"credits_grant":{"credit_type_id":"c"}},"balance":{"default_currency":"USD"}}`,
	"wallet": `{"reference":"r","wallet_type_id":"t","customer_id":"c","status":"INACTIVE","balance":{"credits":{"quantity":"12.50","credit_type_id":"x"}},
		"granted":{"credits":{"quantity":"100","credit_type_id":"x"},"amount":{"quantity":"25.00","currency":"EUR"}},"balance_at":"2026-01-31T09:00:00Z"}`,
}

// TestFullestIsKept: every member comes back, and the store keeps it as it is.
func TestFullestIsKept(t *testing.T) {
	for noun, body := range fullest {
		out, err := decodeNoun(t, noun, body)
		if err != nil {
			t.Errorf("%s: %v", noun, err)
			continue
		}
		doc, _ := parse([]byte(body))
		kept, _ := parse(out)
		for i := doc.nodes[0].first; i != 0; i = doc.nodes[i].next {
			name := doc.nodes[i].name
			j := kept.member(0, name)
			if j < 0 || kept.nodes[j].kind == 'n' {
				t.Errorf("%s: %s was lost: %s", noun, name, out)
			}
		}
		if err := roundTrip(noun, []byte(body)); err != nil {
			t.Errorf("%s: %v", noun, err)
		}
	}
}

// roundTrip checks what must hold of every body that is taken: what is written
// of it can be read and is then written alike, and a resource that the store
// gives back has the same content as the one it was given.
func roundTrip(noun string, body []byte) error {
	first, err := decodeNounOf(noun, string(body))
	if err != nil {
		if f := fault.As(err); f == nil || f.Kind == 0 || f.Message == "" {
			return fmt.Errorf("no fault that says what is wrong: %w", err)
		}
		return nil
	}
	second, err := decodeNounOf(noun, string(first))
	if noun == "source" {
		return nil // its secret is not written
	}
	if err != nil || string(first) != string(second) {
		return fmt.Errorf("written %s, then %s: %w", first, second, err)
	}
	kind, mirrored := mirroredNouns[noun]
	if !mirrored {
		return nil
	}
	doc, _ := parse(body)
	r := billing.New(kind)
	_ = run(&codec{doc: doc, ahead: aheadOf(today)}, decode, &r, resourceMembers, nil)
	raw, err := billing.Encode(r)
	if err != nil {
		return fmt.Errorf("storing: %w", err)
	}
	stored, err := billing.Decode(kind, raw)
	if err != nil || !billing.SameContent(r, stored) {
		return fmt.Errorf("the store gives back %s: %w", raw, err)
	}
	return nil
}

var mirroredNouns = map[string]billing.Kind{
	"customer": billing.KindCustomer, "contact": billing.KindContact, "invoice": billing.KindInvoice,
	"payment": billing.KindPayment, "billing entity": billing.KindBillingEntity,
	"subscription": billing.KindSubscription, "schedule": billing.KindSchedule,
	"wallet type": billing.KindWalletType, "wallet": billing.KindWallet,
}

// FuzzDecode: no body makes any noun panic, and what is taken survives.
func FuzzDecode(f *testing.F) {
	for _, c := range rules {
		f.Add(with(c.noun, c.members))
	}
	for _, body := range fullest {
		f.Add(body)
	}
	f.Add(`{"metadata":{"a":"\u003c\ud83d\ude00\/","b":1E400,"c":-0.0},"status":"ACTIVE","customer_id":"c"}`)
	f.Fuzz(func(t *testing.T, body string) {
		for noun := range nouns {
			if err := roundTrip(noun, []byte(body)); err != nil {
				t.Errorf("%s %q: %v", noun, body, err)
			}
		}
		doc, err := parse([]byte(body))
		if err != nil {
			return
		}
		w := workflow.Workflow{Type: workflow.Invoice, Status: workflow.Inactive, Name: "n", Reference: "r", Invoice: &workflow.InvoiceConfig{Variant: workflow.ToFinal}}
		_ = patchInto(doc, &w, workflowMembers, checkChangedWorkflow(w))
	})
}

const typical = `{"name":"Remind of overdue invoices","description":"Three steps","type":"INVOICE","reference":"overdue-eu","status":"DRAFT",
	"customer_ids":null,"invoice":{"variant":"OVERDUE","overdue":{"periods":[{"type":"DAY","value":3},{"type":"WEEK","value":1},{"type":"WEEK","value":2}]}}}`

// BenchmarkDecodeWorkflow is what POST /v1/workflows spends on its body.
func BenchmarkDecodeWorkflow(b *testing.B) {
	b.ReportAllocs()
	for b.Loop() {
		doc, err := parse([]byte(typical))
		if err != nil {
			b.Fatal(err)
		}
		var w workflow.Workflow
		if err := decodeInto(doc, &w, workflowMembers, checkNewWorkflow); err != nil {
			b.Fatal(err)
		}
	}
}

// BenchmarkDecodeInvoice is what ingestion spends on an item.
func BenchmarkDecodeInvoice(b *testing.B) {
	b.ReportAllocs()
	body := []byte(fullest["invoice"])
	for b.Loop() {
		doc, err := parse(body)
		if err != nil {
			b.Fatal(err)
		}
		r := billing.New(billing.KindInvoice)
		if err := run(&codec{doc: doc, ahead: aheadOf(today)}, decode, &r, resourceMembers, nil); err != nil {
			b.Fatal(err)
		}
	}
}

// BenchmarkEncodeWorkflow is what the response costs.
func BenchmarkEncodeWorkflow(b *testing.B) {
	b.ReportAllocs()
	doc, _ := parse([]byte(typical))
	var w workflow.Workflow
	_ = decodeInto(doc, &w, workflowMembers, checkNewWorkflow)
	w.ID, w.CreatedAt, w.UpdatedAt = "wkfl_00000000000000000000", today, today
	for b.Loop() {
		encodeTo(nil, &w, workflowMembers)
	}
}
