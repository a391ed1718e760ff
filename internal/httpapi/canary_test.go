package httpapi_test

import (
	"strings"
	"testing"

	"github.com/dunwellhq/dunwell/internal/apitest"
	"github.com/dunwellhq/dunwell/internal/auth"
	"github.com/dunwellhq/dunwell/internal/httpapi"
	"github.com/dunwellhq/dunwell/internal/platform"
)

// TestCanary: no secret that came in, or was made here, is in any answer but
// the one that shows it first, or in any line of the log.
func TestCanary(t *testing.T) {
	w := onSQLite(t)
	issuer := w.withIssuer(t)
	const password, signing = "hunter2-canary-password", "whsec_canary_signing"
	token := issuer.Sign(issuer.Claims(w.clock(), map[string]any{"platforms": "acme", "roles": "admins"}))
	revoked := w.newKey(auth.Key{Role: auth.Administrator, Platforms: []platform.ID{w.p}})
	w.revoke(revoked)
	never := []string{w.key, w.foreign, revoked, token, password, signing}

	own, theirs := w.seed(w.key, w.p, "ours"), w.seed(w.foreign, w.other, "theirs")
	made := w.do("POST", "/v1/api-keys", `{}`, keyHeader, "k").want(201)
	w.do("POST", "/v1/api-keys", `{}`, keyHeader, "k").want(201)
	rolled := w.do("POST", "/v1/api-keys/"+made.id()+"/roll", "").want(200)
	once := []string{made.text("api_key"), rolled.text("api_key")}
	integration := func(password string) string {
		return `{"type":"EMAIL_PROVIDER","status":"ACTIVE","authentication":{"username_password":{"username":"u","password":` + password + `}},
			"email_provider":{"variant":"SMTP","smtp":{"host":"127.0.0.1","port":1}}}`
	}
	w.do("PUT", "/v1/integrations/"+own.ids["integrations"], integration(`"`+password+`"`)).want(200)
	w.do("PUT", "/v1/integrations/"+own.ids["integrations"], integration(`["`+password+`"]`)).want(400)
	w.do("PUT", "/v1/integrations/"+own.ids["integrations"], integration(`"`+password+`\n"`)).want(400)
	w.do("PATCH", "/v1/sources/"+own.ids["sources"], `{"signing_secret":"`+signing+`"}`).want(200)
	w.do("PATCH", "/v1/sources/"+own.ids["sources"], `{"signing_secret":"`+signing+` "}`).want(400)
	w.do("PATCH", "/v1/sources/"+own.ids["sources"], `{"signing_secret":["`+signing+`"]}`).want(400)

	described := apitest.Operations(t)
	for _, r := range inOrder(httpapi.Routes()) {
		for _, key := range append(never[:4:4], once...) {
			a := attack{w, key, r, described[r.Verb+" "+r.Path], own, theirs}
			a.send(t, target(r, own.ids[a.kind()]), a.example(t))
			if r.Open {
				continue
			}
			w.bearing(key, r.Verb, target(r, own.ids[a.kind()]), "{")
			w.as("x", r.Verb, target(r, "x"), "", "x-platform-id", key, "Authorization", "Basic "+key)
			w.do(r.Verb, target(r, "x"), "", "x-platform-id", key)
		}
	}

	said, log := w.said.String(), w.log.String()
	if !strings.Contains(said, own.ids["integrations"]) || strings.Count(log, `"msg":"request"`) < len(httpapi.Routes()) {
		t.Fatal("the control: answers or log were not kept")
	}
	for i, secret := range never {
		if strings.Contains(said, secret) || strings.Contains(log, secret) {
			t.Errorf("secret %d got out", i)
		}
	}
	for i, secret := range once {
		if n := strings.Count(said, secret); n != 1 || strings.Contains(log, secret) {
			t.Errorf("new secret %d: told %d times, in the log: %v; want it told once", i, n, strings.Contains(log, secret))
		}
	}
}
