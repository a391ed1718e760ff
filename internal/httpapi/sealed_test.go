package httpapi_test

import (
	"database/sql"
	"path/filepath"
	"strings"
	"testing"
	"time"

	_ "github.com/jackc/pgx/v5/stdlib"

	"github.com/dunwellhq/dunwell/internal/pgtest"
	"github.com/dunwellhq/dunwell/internal/platform"
)

// loseKey makes every secret of a database one of a master key that is lost.
func loseKey(t *testing.T, url string) {
	t.Helper()
	driver := "pgx"
	if file, embedded := strings.CutPrefix(url, "sqlite:"); embedded {
		driver, url = "sqlite", "file:"+file+"?_pragma=busy_timeout(10000)"
	}
	db, err := sql.Open(driver, url)
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	for _, table := range []string{"integrations", "sources"} {
		if _, err := db.ExecContext(t.Context(), `UPDATE `+table+` SET secret = $1 WHERE length(secret) > 0`, make([]byte, 64)); err != nil {
			t.Fatal(err)
		}
	}
}

// TestLostKey: what cannot be opened any more is shown, listed and changed like
// all else, and can be entered anew; only who needs the secret is told.
func TestLostKey(t *testing.T) {
	run := func(t *testing.T, url string) {
		w := newWorld(t, url)
		const system = `{"reference":"outbox","type":"EMAIL_PROVIDER","status":"ACTIVE","email_provider":{"variant":"SYSTEM"}}`
		const smtp = `{"type":"EMAIL_PROVIDER","status":"ACTIVE","email_provider":{"variant":"SMTP","smtp":{"host":"h"}}%}`
		const password = `,"authentication":{"username_password":{"username":"u","password":"p"}}`
		outbox := w.do("POST", "/v1/integrations", system).want(201)
		mail := w.do("POST", "/v1/integrations", strings.Replace(smtp, "%", password, 1)).want(201)
		src := w.newSource()
		w.do("POST", "/v1/sources", `{"reference":"other","type":"STRIPE","signing_secret":"x"}`).want(201)
		loseKey(t, url)

		w.advance(time.Second)
		for _, path := range []string{
			"/v1/integrations", "/v1/integrations/" + mail.id(), "/v1/integrations/" + outbox.id(), "/v1/sources", "/v1/sources/" + src.id(),
		} {
			w.do("GET", path, "").want(200)
		}
		kept := w.do("PUT", "/v1/integrations/"+mail.id(), strings.Replace(smtp, "%", `,"name":"renamed"`, 1)).want(200)
		if kept.text("name") != "renamed" || kept.text("created_at") != mail.text("created_at") {
			t.Errorf("keeping its credentials: got %s, want it renamed", kept.body)
		}
		anew := w.do("PUT", "/v1/integrations/"+mail.id(), strings.Replace(smtp, "%", password, 1)).want(200)
		if anew.text("created_at") != mail.text("created_at") {
			t.Errorf("entering its credentials anew: got created_at %s, want %s", anew.text("created_at"), mail.text("created_at"))
		}
		if in, err := w.s.OpenIntegration(w.ctx, w.p, platform.IntegrationID(mail.id())); err != nil || in.Credentials.Password != "p" {
			t.Errorf("entered anew: got %v, want them", err)
		}

		event := `{"id":"evt_1","object":"event","type":"payout.paid","created":1,"data":{"object":{}}}`
		hook := func(secret string) response {
			return w.do("POST", src.text("ingest_path"), event, "Stripe-Signature", sign(event, w.now, secret))
		}
		if r := hook(whsec).fails(503, "INTERNAL_ERROR", "-"); r.header.Get("Retry-After") == "" || !strings.Contains(w.log.String(), "master key") {
			t.Errorf("a webhook: got %v and in the log %s, want it called back and the cause logged", r.header, w.log.String())
		}
		if r := w.do("PATCH", "/v1/sources/"+src.id(), `{"reference":"stripe-eu"}`).want(200); r.text("reference") != "stripe-eu" {
			t.Errorf("keeping its secret: got %s, want the reference changed", r.body)
		}
		hook(whsec).want(503)
		w.do("PATCH", "/v1/sources/"+src.id(), `{"signing_secret":"whsec_new"}`).want(200)
		hook("whsec_new").want(200)
		hook(whsec).fails(401, "UNAUTHORISED", "-")
	}
	t.Run("sqlite", func(t *testing.T) { run(t, "sqlite:"+filepath.Join(t.TempDir(), "d.db")) })
	t.Run("postgres", func(t *testing.T) { run(t, pgtest.URL(t)) })
}
