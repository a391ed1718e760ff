package e2e_test

import (
	"bytes"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"os"
	"regexp"
	"strconv"
	"strings"
	"time"
)

// bill is one invoice of one customer in a Stripe account. Its webhooks are the
// fixtures of the source's own tests, told about this customer and this
// invoice, and of this hour.
type bill struct {
	api      string // the fixtures: 2022 (before basil) or 2025
	customer string
	name     string
	email    string // "" is null
	locale   string
	invoice  string
	number   string
	cents    int
	currency string
	final    time.Time
}

// newBill returns an invoice over 1,234.56 euro to a new Dutch customer,
// finalized just now.
func newBill() bill {
	n := next()
	return bill{
		api:      "2025",
		customer: fmt.Sprintf("cus_e2eCustomer%08d", n),
		name:     fmt.Sprintf("Molenaar %d B.V.", n),
		email:    fmt.Sprintf("inkoop%d@molenaar.example", n),
		locale:   "nl-NL",
		invoice:  fmt.Sprintf("in_e2eInvoiceOfStripe%010d", n),
		number:   fmt.Sprintf("E2E-%06d", n),
		cents:    123456,
		currency: "eur",
		final:    time.Now().Add(-2 * time.Second),
	}
}

// another returns a further invoice of the same customer.
func (b bill) another() bill {
	other := newBill()
	b.invoice, b.number, b.final = other.invoice, other.number, other.final
	return b
}

// webhook is one event, as Stripe would deliver it any number of times.
type webhook struct {
	kind string
	body []byte
}

// Ids and names in the fixtures that stand for a bill's own.
var (
	fixtureInvoices  = []string{"in_1PzqA0Fx7Kd2LmNpInvOld01", "in_1SVqA0Gy8Le3MnPqInvNew01"}
	fixtureCustomers = []string{"cus_QkOldVanDerMolen", "cus_TnNewAlderWorks01"}
	fixtureNames     = []string{"Van der Molen Koffie B.V.", "Alder Works LLC"}
	fixtureNumbers   = []string{"7C1D20AB-0002", "TDW-00042"}
	fixtureCharges   = []string{"ch_3PzqB1Fx7Kd2LmNp0ChgOld1", "ch_3SVqB1Gy8Le3MnPq0ChgNew1"}
	fixtureIntents   = []string{"pi_3PzqB1Fx7Kd2LmNp0IntOld1", "pi_3SVqB1Gy8Le3MnPq0IntNew1"}

	fixtureEvents = regexp.MustCompile(`"evt_\w+"`)
	fixtureTimes  = regexp.MustCompile(`\b17\d{8}\b`)
)

// event returns the webhook of a fixture, which happens at that time. Every
// other time in it stays as far from it as it was; edit changes its object.
func (b bill) event(w *world, fixture string, at time.Time, edit ...func(data object)) webhook {
	w.Helper()
	raw, err := os.ReadFile("../internal/source/testdata/stripe/" + b.api + "_" + fixture + ".json")
	if err != nil {
		w.Fatal(err)
	}
	text := string(raw)
	for _, told := range []struct {
		by []string
		as string
	}{
		{fixtureInvoices, b.invoice},
		{fixtureCustomers, b.customer},
		{fixtureNames, b.name},
		{fixtureNumbers, b.number},
		{fixtureIntents, "pi_" + strings.TrimPrefix(b.invoice, "in_")},
	} {
		for _, name := range told.by {
			text = strings.ReplaceAll(text, name, told.as)
		}
	}
	text = fixtureEvents.ReplaceAllString(text, fmt.Sprintf(`"evt_e2eEvent%010d"`, next()))

	event := decode(w, text)
	shift := at.Unix() - number(w, event["created"])
	event = decode(w, fixtureTimes.ReplaceAllStringFunc(text, func(s string) string {
		seconds, err := strconv.ParseInt(s, 10, 64)
		if err != nil {
			w.Fatal(err)
		}
		return strconv.FormatInt(seconds+shift, 10)
	}))
	data := event["data"].(object)["object"].(object)
	b.fill(data)
	for _, change := range edit {
		change(data)
	}
	body, err := json.Marshal(event)
	if err != nil {
		w.Fatal(err)
	}
	return webhook{event["type"].(string), body}
}

// fill tells an object the bill's amounts and addresses.
func (b bill) fill(data object) {
	var email any
	if b.email != "" {
		email = b.email
	}
	switch data["object"] {
	case "customer":
		data["email"], data["preferred_locales"] = email, []string{b.locale}
	case "charge", "payment_intent":
		data["amount"], data["currency"] = b.cents, b.currency
	case "invoice":
		data["customer_email"], data["currency"] = email, b.currency
		data["total"], data["amount_due"], data["amount_remaining"], data["amount_paid"] = b.cents, b.cents, b.cents, 0
		if data["status"] == "paid" {
			data["amount_remaining"], data["amount_paid"] = 0, b.cents
		}
		if data["status"] != "draft" {
			data["effective_at"] = b.final.Unix()
			data["status_transitions"].(object)["finalized_at"] = b.final.Unix()
		}
	}
}

// created returns customer.created, of a minute before the invoice.
func (b bill) created(w *world) webhook {
	w.Helper()
	return b.event(w, "customer_created", b.final.Add(-time.Minute))
}

// finalized returns invoice.finalized.
func (b bill) finalized(w *world) webhook {
	w.Helper()
	return b.event(w, "invoice_finalized", b.final)
}

// attempt returns the three events of one failed attempt to charge.
func (b bill) attempt(w *world, charge string, at time.Time) []webhook {
	w.Helper()
	var events []webhook
	for _, fixture := range []string{"charge_failed", "payment_intent_payment_failed", "invoice_payment_failed"} {
		hook := b.event(w, fixture, at)
		for _, name := range fixtureCharges {
			hook.body = bytes.ReplaceAll(hook.body, []byte(name), []byte(charge))
		}
		events = append(events, hook)
	}
	return events
}

func decode(w *world, text string) object {
	w.Helper()
	var v object
	decoder := json.NewDecoder(strings.NewReader(text))
	decoder.UseNumber()
	if err := decoder.Decode(&v); err != nil {
		w.Fatalf("reading a fixture: %v", err)
	}
	return v
}

func number(w *world, v any) int64 {
	w.Helper()
	n, err := v.(json.Number).Int64()
	if err != nil {
		w.Fatal(err)
	}
	return n
}

// sign returns the Stripe-Signature of a body, made at that time.
func sign(body []byte, secret string, at time.Time) string {
	stamp := strconv.FormatInt(at.Unix(), 10)
	mac := hmac.New(sha256.New, []byte(secret))
	mac.Write([]byte(stamp + "."))
	mac.Write(body)
	return "t=" + stamp + ",v1=" + hex.EncodeToString(mac.Sum(nil))
}

// post sends a webhook once, signed now, and returns the status of the answer;
// an error says that there was none, because the process is gone.
func (w *world) post(hook webhook) (int, error) {
	request, err := w.request(http.MethodPost, w.ingestPath, hook.body, "Stripe-Signature", sign(hook.body, signingSecret, time.Now()), "X-API-KEY", "")
	if err != nil {
		return 0, err
	}
	response, err := w.http.Do(request)
	if err != nil {
		return 0, err
	}
	defer response.Body.Close()
	if answer, err := io.ReadAll(response.Body); err == nil && response.StatusCode != http.StatusOK {
		w.Logf("%s: answered %d %s", hook.kind, response.StatusCode, answer)
	}
	return response.StatusCode, nil
}

// deliver sends webhooks, each of which has to be taken.
func (w *world) deliver(hooks ...webhook) {
	w.Helper()
	for _, hook := range hooks {
		status, err := w.post(hook)
		if err != nil {
			w.Fatalf("delivering %s: %v", hook.kind, err)
		}
		if status != http.StatusOK {
			w.Fatalf("delivering %s: got %d, want 200", hook.kind, status)
		}
	}
}
