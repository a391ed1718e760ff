package httpapi_test

import (
	"strings"
	"testing"
	"time"

	"github.com/dunwellhq/dunwell/internal/platform"
)

func TestPatchIntegration(t *testing.T) {
	onBoth(t, func(t *testing.T, w *world) {
		made := w.do("POST", "/v1/integrations", `{"reference":"mail","name":"Mail","type":"EMAIL_PROVIDER","status":"ACTIVE",
			"authentication":{"username_password":{"username":"u","password":"secret-one"}},
			"email_provider":{"variant":"SMTP","smtp":{"host":"smtp.acme.example","from":"a@acme.example"}}}`).want(201)
		path := "/v1/integrations/mail"
		stored := func() string {
			in, err := w.s.OpenIntegration(w.ctx, w.p, platform.IntegrationID(made.id()))
			w.must(err)
			return in.Credentials.Username + ":" + in.Credentials.Password
		}
		w.advance(time.Minute)
		got := w.do("PATCH", path, `{"name":null,"email_provider":{"smtp":{"from":"b@acme.example"},"use_localized_templates":true}}`).want(200)
		if got.at("name") != nil || got.text("status") != "ACTIVE" || got.text("email_provider.variant") != "SMTP" || got.text("email_provider.smtp.host") != "smtp.acme.example" ||
			got.text("email_provider.smtp.from") != "b@acme.example" || got.at("email_provider.smtp.port") != 587.0 || got.at("email_provider.use_localized_templates") != true ||
			got.text("created_at") != made.text("created_at") || got.text("updated_at") == made.text("updated_at") || got.has("authentication") {
			t.Errorf("got %s", got.body)
		}
		if same := w.do("GET", path, "").want(200); string(same.body) != string(got.body) {
			t.Errorf("read: got %s, want %s", same.body, got.body)
		}
		// Stored credentials do not follow to where they were not given for.
		for _, smtp := range []string{`{"host":"evil.example"}`, `{"port":25}`, `{"security":"NONE","port":587}`, `{"security":"NONE"}`} {
			w.do("PATCH", path, `{"email_provider":{"smtp":`+smtp+`}}`).fails(400, "MISSING_FIELD", "authentication")
		}
		w.do("PATCH", path, `{"email_provider":{"variant":"SYSTEM"}}`).fails(400, "INVALID_FIELD", "email_provider.smtp")
		if stored() != "u:secret-one" {
			t.Errorf("what was refused, or did not name them, changed the credentials: %s", stored())
		}
		w.do("PATCH", path, `{"email_provider":{"variant":"SYSTEM","smtp":null}}`).want(200)
		w.do("PATCH", path, `{"email_provider":{"variant":"SMTP","smtp":{"host":"evil.example"}}}`).fails(400, "MISSING_FIELD", "authentication")
		moved := w.do("PATCH", path, `{"email_provider":{"variant":"SMTP","smtp":{"host":"mx.acme.example","security":"TLS"}},
			"authentication":{"username_password":{"username":"v","password":"secret-two"}}}`).want(200)
		if moved.at("email_provider.smtp.port") != 465.0 || moved.at("email_provider.smtp.from") != nil || stored() != "v:secret-two" {
			t.Errorf("moved with credentials of its own: got %s and %s", moved.body, stored())
		}
		w.do("PATCH", path, `{"authentication":null,"email_provider":{"smtp":{"host":"mx2.acme.example"}}}`).want(200)
		if stored() != ":" {
			t.Errorf("null kept them: %s", stored())
		}
		w.do("PATCH", path, `{"status":"ARCHIVED","id":"another","created_at":null}`).want(200)
		for body, field := range map[string]string{
			`{"status":null}`: "status", `{"email_provider":null}`: "email_provider", `{"email_provider":{"variant":null}}`: "email_provider.variant",
			`{"email_provider":{"smtp":{"host":null}}}`: "email_provider.smtp.host",
		} {
			w.do("PATCH", path, body).fails(400, "MISSING_FIELD", field)
		}
		w.do("POST", "/v1/integrations", `{"reference":"other","type":"EMAIL_PROVIDER","status":"ACTIVE","email_provider":{"variant":"SYSTEM"}}`).want(201)
		w.do("PATCH", path, `{"reference":"other"}`).fails(409, "RESOURCE_ALREADY_EXISTS", "reference")
		w.do("PATCH", "/v1/integrations/none", `{}`).fails(404, "RESOURCE_NOT_FOUND", "-")
		if said := w.said.String() + w.log.String(); strings.Contains(said, "secret-one") || strings.Contains(said, "secret-two") {
			t.Error("a password was told")
		}
	})
}
