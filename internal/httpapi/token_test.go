package httpapi_test

import (
	"strings"
	"testing"
	"time"

	"github.com/dunwellhq/dunwell/internal/auth"
	"github.com/dunwellhq/dunwell/internal/httpapi"
	"github.com/dunwellhq/dunwell/internal/ident"
	"github.com/dunwellhq/dunwell/internal/oidctest"
	"github.com/dunwellhq/dunwell/internal/platform"
)

// withIssuer has the world take the tokens of an issuer.
func (w *world) withIssuer(t testing.TB) *oidctest.Issuer {
	issuer := oidctest.New(t)
	w.serve(httpapi.Config{Issuer: auth.NewIssuer(auth.IssuerConfig{
		URL: issuer.URL, Audience: "dunwell", Algorithm: "RS256", PlatformsClaim: "platforms", RolesClaim: "roles",
		Roles: map[string][]string{"admins": {"ADMINISTRATOR"}, "readers": {"READ_ONLY"}, "clerks": {"clerk"}},
		Log:   w.logger(), Now: w.clock,
	})})
	return issuer
}

// bearing sends a request with a token alone.
func (w *world) bearing(token, method, target, body string, headers ...string) response {
	w.Helper()
	return w.do(method, target, body, append([]string{"X-API-KEY", "", "Authorization", "Bearer " + token}, headers...)...)
}

func TestTokens(t *testing.T) {
	onBoth(t, func(t *testing.T, w *world) {
		issuer := w.withIssuer(t)
		token := func(platforms, roles any, more ...any) string {
			claims := map[string]any{"platforms": platforms, "roles": roles}
			for i := 0; i < len(more); i += 2 {
				claims[more[i].(string)] = more[i+1]
			}
			return issuer.Sign(issuer.Claims(w.clock(), claims))
		}
		w.do("POST", "/v1/workflows", draft).want(201)
		w.do("POST", "/v1/roles", `{"name":"clerk","permissions":["INVOICE.VIEW"]}`).want(201)
		here, there := string(w.p), string(w.other)
		for name, c := range map[string]struct {
			token, verb, path, on string
			status                int
		}{
			"administrator":                 {token(here, "admins"), "POST", "/v1/workflows/r/archive", "", 200},
			"by reference":                  {token("acme", "readers"), "GET", "/v1/workflows/r", "", 200},
			"reader, writes":                {token(here, "readers"), "POST", "/v1/workflows/r/archive", "", 403},
			"several roles":                 {token(here, []string{"readers", "admins"}), "POST", "/v1/workflows/r/archive", "", 200},
			"stored role":                   {token(here, "clerks"), "GET", "/v1/invoices", "", 200},
			"stored role, other permission": {token(here, "clerks"), "GET", "/v1/workflows", "", 403},
			"stored role, not there":        {token([]string{here, there}, "clerks"), "GET", "/v1/invoices", there, 403},
			"role that is not mapped":       {token(here, "ADMINISTRATOR"), "GET", "/v1/workflows", "", 403},
			"no role":                       {token(here, nil), "GET", "/v1/workflows", "", 403},
			"no platform":                   {token(nil, "admins"), "GET", "/v1/workflows", "", 403},
			"unknown platform":              {token("nowhere", "admins"), "GET", "/v1/workflows", "", 403},
			"unknown and known":             {token([]string{"nowhere", "acme", here}, "readers"), "GET", "/v1/workflows/r", "", 200},
			"the first is the default":      {token([]string{"other", "acme"}, "readers"), "GET", "/v1/workflows/r", "", 404},
			"the other by name":             {token([]string{"other", "acme"}, "readers"), "GET", "/v1/workflows/r", here, 200},
			"another's platform":            {token(there, "admins"), "GET", "/v1/workflows/r", here, 403},
			"never a bootstrap key":         {token(here, "admins"), "POST", "/v1/platforms", "", 403},
			"expired":                       {token(here, "admins", "exp", w.clock().Add(-time.Hour).Unix()), "GET", "/v1/workflows", "", 401},
			"other audience":                {token(here, "admins", "aud", "other"), "GET", "/v1/workflows", "", 401},
			"other issuer":                  {token(here, "admins", "iss", "https://login.example"), "GET", "/v1/workflows", "", 401},
			"unsigned":                      {issuer.Unsigned(issuer.Claims(w.clock(), map[string]any{"platforms": here, "roles": "admins"})), "GET", "/v1/workflows", "", 401},
			"HS256 with the public key":     {issuer.Confused(issuer.Claims(w.clock(), map[string]any{"platforms": here, "roles": "admins"})), "GET", "/v1/workflows", "", 401},
		} {
			t.Run(name, func(t *testing.T) {
				r := w.bearing(c.token, c.verb, c.path, "", "x-platform-id", c.on)
				if r.status != c.status {
					t.Errorf("got %d, want %d: %s", r.status, c.status, r.body)
				}
				switch c.status {
				case 401:
					r.fails(401, "UNAUTHORISED", "-")
				case 403:
					r.fails(403, "USER_NOT_ALLOWED", "-")
				}
			})
		}

		// Without a platform there is none that a header could name.
		for _, platforms := range []any{nil, "nowhere", []string{}, 5, "\x00"} {
			said := w.bearing(token(platforms, "admins"), "GET", "/v1/workflows", "").fails(403, "USER_NOT_ALLOWED", "-")
			if !strings.Contains(said.text("message"), "your token names no platform") {
				t.Errorf("platforms %v: got %s", platforms, said.body)
			}
			for _, on := range []string{here, "plat_00000000000000000000"} {
				if named := w.bearing(token(platforms, "admins"), "GET", "/v1/workflows", "", "x-platform-id", on); named.comparable() != said.comparable() {
					t.Errorf("platforms %v, x-platform-id %s: got %s, want %s", platforms, on, named.body, said.body)
				}
			}
		}
		if r := w.bearing(token(here, "admins"), "GET", "/v1/workflows", "", "x-platform-id", there); !strings.Contains(r.text("message"), "x-platform-id must name") {
			t.Errorf("got %s", r.body)
		}

		// A token goes where bearer tokens go, and nowhere else.
		good := token(here, "admins")
		w.as(good, "GET", "/v1/workflows", "").fails(401, "UNAUTHORISED", "-")
		// Two credentials must name one principal.
		w.do("GET", "/v1/workflows", "", "Authorization", "Bearer "+good).fails(401, "UNAUTHORISED", "-")
		w.bearing(w.key, "GET", "/v1/workflows", "").want(200)

		// A user is the scope of idempotency keys, whatever token names them.
		first := w.bearing(good, "POST", "/v1/workflows", toFinal, keyHeader, "k").want(201)
		w.advance(time.Minute)
		again := w.bearing(token(here, "admins"), "POST", "/v1/workflows", toFinal, keyHeader, "k").want(201)
		if again.header.Get(replayed) != "true" || again.id() != first.id() {
			t.Errorf("got %s, want a replay", again.body)
		}
		w.bearing(token(here, "admins", "sub", "bob"), "POST", "/v1/workflows", toFinal, keyHeader, "k").fails(409, "RESOURCE_ALREADY_EXISTS", "reference")

		user := string(auth.UserOf(issuer.URL, "alice"))
		if !ident.Has(user, "user") || !strings.Contains(w.log.String(), `"user_id":"`+user+`"`) {
			t.Errorf("the log does not name %s", user)
		}
		if strings.Contains(w.log.String(), good) || strings.Contains(w.log.String(), "alice") {
			t.Error("the log has a token or a subject")
		}
	})
}

// TestTokenLosesItsRole: what a role of a token grants ends within a second of
// the role's change, and the token with its time.
func TestTokenLosesItsRole(t *testing.T) {
	w := onSQLite(t)
	issuer := w.withIssuer(t)
	role := w.do("POST", "/v1/roles", `{"name":"clerk","permissions":["INVOICE.VIEW"]}`).want(201).id()
	token := issuer.Sign(issuer.Claims(w.clock(), map[string]any{"platforms": "acme", "roles": "clerks", "exp": w.clock().Add(3 * time.Second).Unix()}))
	w.bearing(token, "GET", "/v1/invoices", "").want(200)
	w.do("PATCH", "/v1/roles/"+role, `{"permissions":["PAYMENT.VIEW"]}`).want(200)
	w.advance(time.Second)
	w.bearing(token, "GET", "/v1/invoices", "").fails(403, "USER_NOT_ALLOWED", "-")
	w.advance(auth.TokenLeeway + 1900*time.Millisecond)
	w.bearing(token, "GET", "/v1/payments", "").want(200)
	w.advance(100 * time.Millisecond) // although it was believed a moment ago
	w.bearing(token, "GET", "/v1/payments", "").fails(401, "UNAUTHORISED", "-")
}

// TestTokensWhileTheIssuerIsDown: that is no fault of the caller's, and keys go on.
func TestTokensWhileTheIssuerIsDown(t *testing.T) {
	w := onSQLite(t)
	issuer := w.withIssuer(t)
	issuer.Stop()
	token := issuer.Sign(issuer.Claims(w.clock(), map[string]any{"platforms": "acme", "roles": "admins"}))
	r := w.bearing(token, "GET", "/v1/workflows", "").fails(503, "INTERNAL_ERROR", "-")
	if r.text("type") != "API_ERROR" || r.header.Get("Retry-After") != "5" {
		t.Errorf("got %s, Retry-After %q", r.body, r.header.Get("Retry-After"))
	}
	w.do("GET", "/v1/workflows", "").want(200)
	issuer.Start()
	w.advance(1900 * time.Millisecond) // too early: who comes then has to wait for the rest
	r = w.bearing(token, "GET", "/v1/workflows", "").fails(503, "INTERNAL_ERROR", "-")
	if r.header.Get("Retry-After") != "4" {
		t.Errorf("a moment later: got Retry-After %q, want 4", r.header.Get("Retry-After"))
	}
	w.advance(4 * time.Second)
	w.bearing(token, "GET", "/v1/workflows", "").want(200)
}

// TestTokensWithoutAnIssuer: where none is configured a token is no credential.
func TestTokensWithoutAnIssuer(t *testing.T) {
	w := onSQLite(t)
	issuer := oidctest.New(t)
	token := issuer.Sign(issuer.Claims(w.clock(), map[string]any{"platforms": "acme", "roles": "admins"}))
	w.bearing(token, "GET", "/v1/workflows", "").fails(401, "UNAUTHORISED", "-")
	if issuer.Asked(oidctest.ConfigPath) != 0 {
		t.Error("an issuer was asked that a stranger named")
	}
}

// TestUsersMakeKeys: a user's rights bound what the user gives, as a key's do.
func TestUsersMakeKeys(t *testing.T) {
	w := onSQLite(t)
	issuer := w.withIssuer(t)
	token := func(roles string) string {
		return issuer.Sign(issuer.Claims(w.clock(), map[string]any{"platforms": "acme", "roles": roles}))
	}
	made := w.bearing(token("admins"), "POST", "/v1/api-keys", `{"role_type":"READ_ONLY"}`).want(201)
	w.as(made.text("api_key"), "GET", "/v1/workflows", "").want(200)
	w.bearing(token("readers"), "POST", "/v1/api-keys", `{"role_type":"READ_ONLY"}`).fails(403, "USER_NOT_ALLOWED", "-")
	w.bearing(token("admins"), "POST", "/v1/api-keys", `{"platform_ids":["`+string(w.other)+`"]}`).fails(403, "USER_NOT_ALLOWED", "platform_ids.0")
	both := w.newKey(auth.Key{Role: auth.Administrator, Platforms: []platform.ID{w.p, w.other}})
	wide := w.as(both, "POST", "/v1/api-keys", `{"platform_ids":["`+string(w.p)+`","`+string(w.other)+`"]}`).want(201).id()
	w.bearing(token("admins"), "POST", "/v1/api-keys/"+wide+"/roll", "").fails(403, "USER_NOT_ALLOWED", "-")
}
