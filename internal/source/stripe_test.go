package source_test

import (
	"bytes"
	"flag"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"
	"github.com/google/go-cmp/cmp"

	"github.com/dunwellhq/dunwell/internal/billing"
	"github.com/dunwellhq/dunwell/internal/fault"
	"github.com/dunwellhq/dunwell/internal/source"
)

var update = flag.Bool("update", false, "rewrite the golden files")

var stripe = source.Stripe{BillingEntityID: "bien_seller"}

// fixture reads a webhook of testdata/stripe.
func fixture(t testing.TB, name string) []byte {
	t.Helper()
	body, err := os.ReadFile(filepath.Join("testdata", "stripe", name+".json"))
	if err != nil {
		t.Fatal(err)
	}
	return body
}

// Every fixture has a golden file: what it is translated to.
func TestStripeFixtures(t *testing.T) {
	files, err := filepath.Glob("testdata/stripe/*.json")
	if err != nil {
		t.Fatal(err)
	}
	for _, file := range files {
		if strings.HasSuffix(file, ".golden.json") {
			continue
		}
		name := strings.TrimSuffix(filepath.Base(file), ".json")
		t.Run(name, func(t *testing.T) {
			d, err := stripe.Translate(fixture(t, name))
			if err != nil {
				t.Fatal(err)
			}
			valid(t, d)
			got := golden(t, d)
			path := filepath.Join("testdata", "stripe", name+".golden.json")
			if *update {
				if err := os.WriteFile(path, got, 0o600); err != nil {
					t.Fatal(err)
				}
			}
			want, err := os.ReadFile(path)
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(string(want), string(got)); diff != "" {
				t.Errorf("translated differently (-want +got):\n%s", diff)
			}
		})
	}
}

// golden writes a delivery for people to read.
func golden(t *testing.T, d source.Delivery) []byte {
	t.Helper()
	type item struct {
		Kind     billing.Kind   `json:"kind"`
		Mode     string         `json:"mode"`
		EventAt  time.Time      `json:"event_at,omitzero"`
		Resource jsontext.Value `json:"resource"`
	}
	doc := struct {
		ID      string         `json:"id"`
		Type    string         `json:"type"`
		At      time.Time      `json:"at,omitzero"`
		Ignored bool           `json:"ignored,omitzero"`
		Items   []item         `json:"items,omitempty"`
		Links   []billing.Link `json:"links,omitempty"`
	}{ID: d.ID, Type: d.Type, At: d.At, Ignored: d.Ignored, Links: d.Links}
	for _, i := range d.Items {
		raw, err := billing.Encode(i.Resource)
		if err != nil {
			t.Fatal(err)
		}
		mode := map[billing.Mode]string{billing.Replace: "replace", billing.Merge: "merge", billing.Fill: "fill", billing.Restate: "restate"}[i.Mode]
		doc.Items = append(doc.Items, item{i.Resource.Kind(), mode, i.EventAt, raw})
	}
	out, err := json.Marshal(doc, jsontext.WithIndent("  "), json.Deterministic(true))
	if err != nil {
		t.Fatal(err)
	}
	return append(out, '\n')
}

// valid checks what holds for every delivery, whatever was received.
func valid(t *testing.T, d source.Delivery) {
	t.Helper()
	if d.Ignored != (len(d.Items) == 0 && len(d.Links) == 0) {
		t.Errorf("ignored is %v with %d items and %d links", d.Ignored, len(d.Items), len(d.Links))
	}
	for _, i := range d.Items {
		h := i.Resource.Base()
		if !plainID(h.ID) {
			t.Errorf("%s has the id %q", i.Resource.Kind(), h.ID)
		}
		want := billing.At(d.At)
		if i.Mode == billing.Fill {
			want.Number = 0
		}
		if h.Version != want {
			t.Errorf("%s %s has version %v, want %v", i.Resource.Kind(), h.ID, h.Version, want)
		}
		if raw, err := billing.Encode(i.Resource); err != nil || bytes.Contains(raw, []byte(`\u0000`)) {
			t.Errorf("%s %s cannot be stored: %v %s", i.Resource.Kind(), h.ID, err, raw)
		}
		if p, ok := i.Resource.(*billing.Payment); ok && (!p.Result.Failed() || p.CustomerID == "" && p.InvoiceID == "" || p.Dunning.Attempt != 0) {
			t.Errorf("payment %s: %+v", p.ID, p)
		}
	}
	for _, l := range d.Links {
		if !plainID(l.ExternalReference) || !plainID(string(l.InvoiceID)) {
			t.Errorf("link %+v", l)
		}
	}
}

func plainID(s string) bool {
	return s != "" && len([]rune(s)) <= 256 && len(strings.Fields(s)) == 1 && strings.TrimSpace(s) == s
}

func TestStripeMoney(t *testing.T) {
	for currency, want := range map[string]string{
		"eur": "123400.00", "jpy": "12340000", "krw": "12340000", "mga": "12340000", "bhd": "12340.000", "tnd": "12340.000",
		"isk": "123400.00", "ugx": "123400.00", "huf": "123400.00", "twd": "123400.00",
	} {
		body := strings.ReplaceAll(string(fixture(t, "2025_charge_failed")), `"currency": "usd"`, `"currency": "`+currency+`"`)
		d, err := stripe.Translate([]byte(strings.ReplaceAll(body, `"amount": 16500`, `"amount": 12340000`)))
		if err != nil {
			t.Fatal(err)
		}
		got := d.Items[0].Resource.(*billing.Payment).Amount
		if got != (billing.Money{Quantity: billing.Decimal(want), Currency: strings.ToUpper(currency)}) {
			t.Errorf("12340000 %s: got %v, want %s", currency, got, want)
		}
	}
}

func TestStripeResult(t *testing.T) {
	for _, c := range []struct {
		name, from, to string
		want           billing.PaymentResult
	}{
		{"charge declined", `"x"`, `"x"`, billing.Refused},
		{"charge blocked", `"issuer_declined"`, `"blocked"`, billing.Refused},
		{"processing error", `"failure_code": "card_declined"`, `"failure_code": "processing_error"`, billing.Errored},
		{"issuer out of reach", `"reason": "insufficient_funds"`, `"reason": "issuer_not_available"`, billing.Errored},
	} {
		body := strings.ReplaceAll(string(fixture(t, "2025_charge_failed")), c.from, c.to)
		d, err := stripe.Translate([]byte(body))
		if err != nil {
			t.Fatal(err)
		}
		if got := d.Items[0].Resource.(*billing.Payment).Result; got != c.want {
			t.Errorf("%s: got %s, want %s", c.name, got, c.want)
		}
	}
	for from, want := range map[string]billing.PaymentResult{
		`"x"`:          billing.Refused,
		`"card_error"`: billing.Errored,
	} {
		d, err := stripe.Translate([]byte(strings.ReplaceAll(string(fixture(t, "2025_payment_intent_payment_failed")), from, `"api_error"`)))
		if err != nil {
			t.Fatal(err)
		}
		if got := d.Items[0].Resource.(*billing.Payment).Result; got != want {
			t.Errorf("intent with api_error for %s: got %s, want %s", from, got, want)
		}
	}
}

// An event that cannot be used is the sender's fault, with the field.
func TestStripeFaults(t *testing.T) {
	change := func(name, from, to string) string {
		body := string(fixture(t, name))
		if !strings.Contains(body, from) {
			t.Fatalf("%s has no %s", name, from)
		}
		return strings.Replace(body, from, to, 1)
	}
	for _, c := range []struct {
		name, body string
		kind       fault.Kind
		field      string
	}{
		{"no JSON", `{`, fault.Unreadable, ""},
		{"nothing", ``, fault.Unreadable, ""},
		{"an array", `[]`, fault.Unreadable, ""},
		{"trailing data", `{"id":"evt_1"} {}`, fault.Unreadable, ""},
		{"duplicate member", `{"id":"evt_1","id":"evt_2"}`, fault.Unreadable, ""},
		{"duplicate member within", `{"id":"evt_1","object":"event","type":"charge.failed","created":1,"data":{"object":{"id":"ch_1","id":"ch_2"}}}`, fault.Unreadable, ""},
		{"invalid UTF-8", "{\"id\":\"evt_\xff\"}", fault.Unreadable, ""},
		{"no id", `{"object":"event","type":"charge.failed"}`, fault.Invalid, "id"},
		{"id of another type", `{"id":7}`, fault.Invalid, "id"},
		{"no object", `{"id":"evt_1","object":"event","type":"charge.failed","created":1}`, fault.Missing, "data.object"},
		{"no time", `{"id":"evt_1","object":"event","type":"charge.failed","data":{"object":{"id":"ch_1"}}}`, fault.Invalid, "created"},
		{"time as text", `{"id":"evt_1","object":"event","type":"charge.failed","created":"now","data":{"object":{"id":"ch_1"}}}`, fault.Invalid, "created"},
		{"id with a blank", change("2025_charge_failed", `"ch_`, `"ch `), fault.Invalid, "data.object.id"},
		{"customer without id", change("2022_customer_created", `"cus_QkOldVanDerMolen"`, `""`), fault.Invalid, "data.object.id"},
		{"intent without id", change("2025_payment_intent_payment_failed", `"pi_3SVqB1Gy8Le3MnPq0IntNew1"`, `null`), fault.Invalid, "data.object.id"},
		{"invoice without id", change("2025_invoice_finalized", `"in_1SVqA0Gy8Le3MnPqInvNew01"`, `null`), fault.Invalid, "data.object.id"},
		{"invoice of nobody", change("2025_invoice_finalized", `"cus_TnNewAlderWorks01"`, `null`), fault.Invalid, "data.object.customer"},
		{"currency", change("2025_invoice_finalized", `"currency": "usd"`, `"currency": "usdc"`), fault.Invalid, "data.object.currency"},
		{"status", change("2025_invoice_finalized", `"status": "open"`, `"status": "paused"`), fault.Invalid, "data.object.status"},
		{"fraction of a cent", change("2025_invoice_finalized", `"total": 16500`, `"total": 16500.5`), fault.Invalid, "data.object.total"},
		{"amount as text", change("2025_invoice_finalized", `"amount": 15000`, `"amount": "15000"`), fault.Invalid, "data.object.lines.data.0.amount"},
		{"payment of no invoice", change("2025_invoice_payment_paid", `"in_1SVqA0Gy8Le3MnPqInvNew01"`, `null`), fault.Invalid, "data.object.invoice"},
	} {
		t.Run(c.name, func(t *testing.T) {
			d, err := stripe.Translate([]byte(c.body))
			f := fault.As(err)
			if f == nil {
				t.Fatalf("got %+v and %v, want a fault", d, err)
			}
			if f.Kind != c.kind || f.Field != c.field {
				t.Errorf("got %v at %q (%v), want %v at %q", f.Kind, f.Field, f, c.kind, c.field)
			}
		})
	}
}

// An order reference that Stripe cut is half an id: no invoice.
func TestStripeOrderReference(t *testing.T) {
	for reference, want := range map[string]billing.InvoiceID{
		"in_1SVqA0Gy8Le3MnPqInvNew01": "in_1SVqA0Gy8Le3MnPqInvNew01",
		"in_1SVqA0Gy8Le3MnPqInvNew":   "",
		"SO-2026-000000000000000077":  "",
		"in_1SVqA0Gy8Le3 MnPqInvNew1": "",
	} {
		body := strings.ReplaceAll(string(fixture(t, "2025_payment_intent_payment_failed")), "in_1SVqA0Gy8Le3MnPqInvNew01", reference)
		d, err := stripe.Translate([]byte(body))
		if err != nil {
			t.Fatal(err)
		}
		if got := d.Items[0].Resource.(*billing.Payment).InvoiceID; got != want {
			t.Errorf("order reference %q: got invoice %q, want %q", reference, got, want)
		}
		if got := len(d.Links); (want != "") != (got == 1) {
			t.Errorf("order reference %q: got %d links", reference, got)
		}
	}
}

// Odd content within a usable object is left out, cut or cleaned.
func TestStripeOddContent(t *testing.T) {
	body := string(fixture(t, "2025_invoice_finalized"))
	for from, to := range map[string]string{
		`"https://invoice.stripe.com/i/acct_1FakeNew00000001/test_bmV3MQ?s=ap"`: `"javascript:alert(1)"`,
		`"TDW-00042"`:                    `"` + strings.Repeat("é", 300) + `"`,
		`"ap@alderworks.example"`:        `"nobody at all"`,
		`"quantity": 3000`:               `"quantity": {"odd": true}`,
		`"unit_amount_decimal": "5.125"`: `"unit_amount_decimal": "1e9"`,
		`"sub_1SVAB2Gy8Le3MnPqSubNew01"`: `["sub"]`,
		`"effective_at": 1767614405`:     `"effective_at": 99999999999999`,
	} {
		if !strings.Contains(body, from) {
			t.Fatalf("the fixture has no %s", from)
		}
		body = strings.ReplaceAll(body, from, to)
	}
	d, err := stripe.Translate([]byte(body))
	if err != nil {
		t.Fatal(err)
	}
	valid(t, d)
	c, in := d.Items[0].Resource.(*billing.Customer), d.Items[1].Resource.(*billing.Invoice)
	if c.Email != "" || in.PayLink.URL != "" || in.SubscriptionIDs != nil || in.Lines[0].Quantity != "" || in.Lines[0].UnitAmount.IsSet() {
		t.Errorf("got %+v and %+v, want what is odd left out", c, in)
	}
	if in.Number != strings.Repeat("é", 256) || !in.InvoiceDate.Equal(in.FinalAt) {
		t.Errorf("got number %q and date %v, want the number cut and the date of finalization", in.Number, in.InvoiceDate)
	}
}

func FuzzStripeTranslate(f *testing.F) {
	files, err := filepath.Glob("testdata/stripe/2*.json")
	if err != nil {
		f.Fatal(err)
	}
	for _, file := range files {
		if !strings.HasSuffix(file, ".golden.json") {
			f.Add(fixture(f, strings.TrimSuffix(filepath.Base(file), ".json")))
		}
	}
	f.Add([]byte(`{"id":"evt_1","object":"event","type":"invoice.paid","created":1,"data":{"object":{"id":"in_1","object":"invoice","customer":{"id":"cus_1"},"currency":"EUR","status":"paid","lines":{"data":[{"quantity":"1.50","price":{"unit_amount_decimal":"-0.000000000001"}}]}}}}`))
	f.Fuzz(func(t *testing.T, body []byte) {
		d, err := stripe.Translate(body)
		if err != nil {
			if fault.As(err) == nil {
				t.Errorf("no fault: %v", err)
			}
			return
		}
		valid(t, d)
	})
}
