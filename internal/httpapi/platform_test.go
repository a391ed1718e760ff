package httpapi_test

import (
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/dunwellhq/dunwell/internal/auth"
	"github.com/dunwellhq/dunwell/internal/ident"
	"github.com/dunwellhq/dunwell/internal/platform"
)

func TestCreatePlatform(t *testing.T) {
	onBoth(t, func(t *testing.T, w *world) {
		bootstrap := w.newKey(auth.Key{Role: auth.Administrator, Bootstrap: true, Platforms: []platform.ID{w.p}})
		const body = `{"reference":"us","name":" Acme Inc. ","environment":"LIVE","timezone":"America/New_York","id":"x"}`
		w.do("POST", "/v1/platforms", body).fails(403, "USER_NOT_ALLOWED", "-") // an administrator is not enough
		made := w.as(bootstrap, "POST", "/v1/platforms", body, keyHeader, "k").want(201)
		if !ident.Has(made.id(), "plat") || made.text("name") != "Acme Inc." || made.text("sending") != "ON" || made.text("timezone") != "America/New_York" ||
			made.at("allowed_recipients") != nil {
			t.Errorf("got %s", made.body)
		}
		if again := w.as(bootstrap, "POST", "/v1/platforms", body, keyHeader, "k").want(201); string(again.body) != string(made.body) {
			t.Errorf("got %s, want %s", again.body, made.body)
		}
		w.as(bootstrap, "POST", "/v1/platforms", body).fails(409, "RESOURCE_ALREADY_EXISTS", "reference")
		for body, want := range map[string][2]string{
			`{}`:                                     {"MISSING_FIELD", "reference"},
			`{"reference":"x","name":"n"}`:           {"MISSING_FIELD", "environment"},
			`{"reference":"x","environment":"LIVE"}`: {"MISSING_FIELD", "name"},
			`{"reference":"x y","name":"n","environment":"LIVE"}`:                                         {"INVALID_FIELD", "reference"},
			`{"reference":"x","name":"n","environment":"DEMO"}`:                                           {"INVALID_FIELD", "environment"},
			`{"reference":"x","name":"n","environment":"LIVE","sending":null}`:                            {"MISSING_FIELD", "sending"},
			`{"reference":"x","name":"n","environment":"LIVE","sending":"REDIRECT"}`:                      {"MISSING_FIELD", "redirect_to"},
			`{"reference":"x","name":"n","environment":"LIVE","timezone":"Mars"}`:                         {"INVALID_FIELD", "timezone"},
			`{"reference":"x","name":"n","environment":"LIVE","allowed_recipients":["a@x.example"]}`:      {"INVALID_FIELD", "allowed_recipients"},
			`{"reference":"x","name":"n","environment":"TEST","allowed_recipients":["a@x.example","b"]}`:  {"INVALID_FIELD", "allowed_recipients.1"},
			`{"reference":"x","name":"n","environment":"TEST","calendar":{"holidays":["2026-02-30"]}}`:    {"INVALID_FIELD", "calendar.holidays.0"},
			`{"reference":"x","name":"n","environment":"TEST","sending":"PAUSED","allowed_recipients":5}`: {"INVALID_FIELD", "allowed_recipients"},
		} {
			w.as(bootstrap, "POST", "/v1/platforms", body).fails(400, want[0], want[1])
		}
		// The new platform is empty, the bootstrap key opens it at once, and
		// nobody else does.
		id := made.id()
		if got := w.as(bootstrap, "GET", "/v1/workflows", "", "x-platform-id", id).want(200); got.at("data.0") != nil {
			t.Errorf("got %s", got.body)
		}
		w.do("GET", "/v1/workflows", "", "x-platform-id", id).fails(403, "USER_NOT_ALLOWED", "-")
		w.do("GET", "/v1/platforms/"+id, "").fails(404, "RESOURCE_NOT_FOUND", "-")
		keys := w.as(bootstrap, "GET", "/v1/api-keys", "", "x-platform-id", id).want(200)
		if !slices.Equal(keys.texts("data.0.platform_ids"), []string{string(w.p), id}) || keys.at("data.1") != nil {
			t.Errorf("got %s, want the bootstrap key alone", keys.body)
		}
		admin := w.as(bootstrap, "POST", "/v1/api-keys", "{}", "x-platform-id", id).want(201).text("api_key")
		w.as(admin, "POST", "/v1/workflows", draft).want(201)
		w.as(admin, "POST", "/v1/platforms", body).fails(403, "USER_NOT_ALLOWED", "-")
		if secret := w.as(bootstrap, "POST", "/v1/api-keys", "{}", "x-platform-id", string(w.p)).text("api_key"); !strings.HasPrefix(secret, "dw_live_") {
			t.Errorf("got %.8s…", secret)
		}
		test := w.as(bootstrap, "POST", "/v1/platforms", `{"reference":"try","name":"n","environment":"TEST"}`).want(201).id()
		if secret := w.as(bootstrap, "POST", "/v1/api-keys", "{}", "x-platform-id", test).text("api_key"); !strings.HasPrefix(secret, "dw_test_") {
			t.Errorf("got %.8s…", secret)
		}
	})
}

// TestPlatformReference: who cannot make platforms cannot find out, by trying,
// how others are called.
func TestPlatformReference(t *testing.T) {
	onBoth(t, func(t *testing.T, w *world) {
		bootstrap := w.newKey(auth.Key{Role: auth.Administrator, Bootstrap: true, Platforms: []platform.ID{w.p}})
		settings := w.holding(auth.PlatformUpdate)
		both := w.newKey(auth.Key{Role: auth.Administrator, Platforms: []platform.ID{w.p, w.other}})
		path := "/v1/platforms/" + string(w.p)
		for _, key := range []string{settings, w.key, both} {
			var said []string
			for _, reference := range []string{"other", "unused"} {
				r := w.as(key, "PATCH", path, `{"name":"x","reference":"`+reference+`"}`).fails(400, "INVALID_OPERATION", "reference")
				said = append(said, r.comparable())
			}
			if said[0] != said[1] {
				t.Errorf("one that is taken: got\n%s\nwant, as for one that is not,\n%s", said[0], said[1])
			}
			w.as(key, "PATCH", path, `{"name":"x","reference":"acme"}`).want(200) // as it is
			w.as(key, "PATCH", path, `{"sending":"OFF","reference":"other"}`).fails(400, "INVALID_FIELD", "sending")
		}
		w.as(bootstrap, "PATCH", path, `{"reference":"other"}`).fails(409, "RESOURCE_ALREADY_EXISTS", "reference")
		if got := w.as(bootstrap, "PATCH", path, `{"reference":"acme-eu"}`).want(200); got.text("reference") != "acme-eu" {
			t.Errorf("got %s", got.body)
		}
	})
}

// TestTestPlatform: what a TEST platform may not send lies in its outbox and
// says why.
func TestTestPlatform(t *testing.T) {
	w := onSQLite(t)
	bootstrap := w.newKey(auth.Key{Role: auth.Administrator, Bootstrap: true, Platforms: []platform.ID{w.p}})
	w.p = platform.ID(w.as(bootstrap, "POST", "/v1/platforms", `{"reference":"try","name":"n","environment":"TEST"}`).want(201).id())
	w.key = w.newKey(auth.Key{Role: auth.Administrator, Platforms: []platform.ID{w.p}})
	in := w.do("POST", "/v1/integrations", `{"type":"EMAIL_PROVIDER","status":"ACTIVE","email_provider":{"variant":"SMTP","smtp":{"host":"127.0.0.1","port":1}}}`).want(201).id()
	wf := w.do("POST", "/v1/workflows", strings.Replace(toFinal, "INACTIVE", "ACTIVE", 1)).want(201).id()
	w.do("POST", "/v1/workflow-actions", action(wf, in, `,"variant":"INVOICE"`)).want(201)
	w.do("PUT", "/v1/customers/c", `{"status":"ACTIVE","email":"ap@acme.example"}`).want(201)
	w.do("PUT", "/v1/invoices/i", `{"status":"FINAL","customer_id":"c","billing_currency":"EUR","invoice_amount_including_tax":{"quantity":"1.00","currency":"EUR"}}`).want(201)
	w.drain()
	x := w.do("GET", "/v1/workflow-executions", "").want(200)
	shown := w.do("GET", "/v1/workflow-executions/"+x.text("data.0.id"), "").want(200)
	if shown.text("status") != "SENT" || !strings.Contains(shown.text("attempts.0.reply"), "allowed_recipients") {
		t.Errorf("got %s", shown.body)
	}
	mail := w.do("GET", "/v1/outbox", "").want(200)
	if mail.text("data.0.to.0.email") != "ap@acme.example" || !strings.Contains(strings.Join(mail.texts("data.0.warnings"), ""), "allowed_recipients") {
		t.Errorf("got %s", mail.body)
	}

	// Once the customer is allowed, the provider is spoken to.
	w.advance(time.Second)
	w.do("PATCH", "/v1/platforms/"+string(w.p), `{"allowed_recipients":["AP@Acme.Example"]}`).want(200)
	w.do("PUT", "/v1/invoices/j", `{"status":"FINAL","customer_id":"c","billing_currency":"EUR","invoice_amount_including_tax":{"quantity":"1.00","currency":"EUR"}}`).want(201)
	w.drain()
	if got := w.do("GET", "/v1/workflow-executions?invoice_id=j", "").want(200); got.text("data.0.status") != "WAITING" {
		t.Errorf("got %s, want it waiting for the server that is none", got.body)
	}
}
