package httpapi_test

import (
	"fmt"
	"net/http"
	"net/url"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/go-json-experiment/json"

	"github.com/dunwellhq/dunwell/internal/apitest"
	"github.com/dunwellhq/dunwell/internal/auth"
	"github.com/dunwellhq/dunwell/internal/execution"
	"github.com/dunwellhq/dunwell/internal/httpapi"
	"github.com/dunwellhq/dunwell/internal/ident"
	"github.com/dunwellhq/dunwell/internal/platform"
	"github.com/dunwellhq/dunwell/internal/store"
)

// The attack matrix holds every route against every credential, and against the
// ids of another platform in its path, its query and its body. Routes come from
// the route table and ids from the description of the API, so that what is new
// is in it, or fails it until it is.

// target fills the names of a route's path in.
func target(r httpapi.Route, id string) string {
	return strings.NewReplacer("{id}", id, "{idOrReference}", id).Replace(r.Path)
}

// TestMatrix holds every route against every credential.
func TestMatrix(t *testing.T) {
	w := onSQLite(t)
	revoked := w.newKey(auth.Key{Role: auth.Administrator, Platforms: []platform.ID{w.p}})
	w.revoke(revoked)
	expired := w.newKey(auth.Key{Role: auth.Administrator, Platforms: []platform.ID{w.p}, ExpiresAt: w.now})
	nothing := w.newKey(auth.Key{Platforms: []platform.ID{w.p}})
	reader := w.newKey(auth.Key{Role: auth.ReadOnly, Platforms: []platform.ID{w.p}})
	bootstrap := w.newKey(auth.Key{Role: auth.Administrator, Bootstrap: true, Platforms: []platform.ID{w.p}})
	mistyped := w.key[:len(w.key)-1] + "~"
	for _, r := range httpapi.Routes() {
		t.Run(r.Verb+" "+r.Path, func(t *testing.T) {
			call := func(key string, headers ...string) response {
				t.Helper()
				body, id := "{}", "x"
				if strings.HasPrefix(r.Path, "/v1/platforms/") {
					id = string(w.p) // the permission is asked there
				}
				switch {
				case r.Verb == http.MethodGet:
					body = ""
				case r.Path == "/v1/api-keys":
					body = `{"permissions":[]}` // else it would be given more than most hold
				}
				return w.as(key, r.Verb, target(r, id), body, headers...)
			}
			if r.Open {
				if got := call("").status; got == 403 || got >= 500 {
					t.Errorf("an open route answered %d", got)
				}
				return
			}
			if len(r.May) == 0 {
				t.Fatal("the route demands no permission and is not open")
			}
			for _, key := range []string{"", "nonsense", mistyped, revoked, expired} {
				call(key).fails(401, "UNAUTHORISED", "-")
			}
			call(nothing).fails(403, "USER_NOT_ALLOWED", "-")
			theirs := call(w.foreign, "x-platform-id", string(w.p)).fails403(t)
			if nobodys := call(w.foreign, "x-platform-id", ident.New("plat")).fails403(t); nobodys != theirs {
				t.Errorf("another's platform: got %s, want what a missing one looks like: %s", theirs, nobodys)
			}
			if got := call(bootstrap).status; got == 401 || got == 403 || got >= 500 {
				t.Errorf("the bootstrap administrator got %d", got)
			}
			most := !slices.Contains(r.May, auth.PlatformCreate)
			if got := call(w.key).status; got == 401 || (got == 403) == most || got >= 500 {
				t.Errorf("the administrator got %d", got)
			}
			view := strings.HasSuffix(string(r.May[0]), ".VIEW")
			if got := call(reader).status; view == (got == 403) {
				t.Errorf("the reader got %d on a route that demands %v", got, r.May)
			}
			// Every permission but one is too little, the right ones are enough.
			for i := range r.May {
				all := slices.DeleteFunc(slices.Clone(auth.Permissions), func(p auth.Permission) bool { return p == r.May[i] })
				call(w.holding(all...)).fails(403, "USER_NOT_ALLOWED", "-")
			}
			if got := call(w.holding(r.May...)).status; (got == 403) == most {
				t.Errorf("the permissions %v got %d", r.May, got)
			}
		})
	}
}

// fails403 returns the answer that refuses a platform, without its request's id.
func (r response) fails403(t *testing.T) string {
	t.Helper()
	r.fails(403, "USER_NOT_ALLOWED", "-")
	return r.comparable()
}

// seeded is one resource of each kind on a platform, by the name of its routes.
type seeded struct{ ids, references map[string]string }

// seed makes one of everything on the platform that a key opens.
func (w *world) seed(key string, p platform.ID, tag string) seeded {
	w.Helper()
	s := seeded{map[string]string{"platforms": string(p)}, map[string]string{}}
	put := func(kind, path, body string) {
		w.Helper()
		verb := "PUT"
		if strings.Count(path, "/") == 2 {
			verb = "POST"
		}
		r := w.as(key, verb, path, body).want(201)
		s.ids[kind] = r.id()
		if r.has("reference") && r.text("reference") != "" {
			s.references[kind] = r.text("reference")
		}
	}
	put("integrations", "/v1/integrations", `{"reference":"`+tag+`-mail","type":"EMAIL_PROVIDER","status":"ACTIVE","email_provider":{"variant":"SYSTEM"}}`)
	put("workflows", "/v1/workflows", `{"name":"n","reference":"`+tag+`-flow","type":"INVOICE","status":"ACTIVE","invoice":{"variant":"TO_FINAL"}}`)
	put("workflow-actions", "/v1/workflow-actions", action(s.ids["workflows"], s.ids["integrations"], `,"variant":"INVOICE"`))
	put("billing-entities", "/v1/billing-entities/"+tag+"-b", `{"reference":"`+tag+`-seller"}`)
	put("customers", "/v1/customers/"+tag+"-c", `{"status":"ACTIVE","email":"c@acme.example","reference":"`+tag+`-customer"}`)
	put("other-customers", "/v1/customers/"+tag+"-o", `{"status":"ACTIVE"}`)
	put("contacts", "/v1/contacts/"+tag+"-k", `{"customer_id":"`+tag+`-c","reference":"`+tag+`-contact"}`)
	put("invoices", "/v1/invoices/"+tag+"-i", `{"status":"FINAL","customer_id":"`+tag+`-c","billing_currency":"EUR","reference":"`+tag+`-bill",
		"invoice_amount_including_tax":{"quantity":"1.00","currency":"EUR"}}`)
	put("payments", "/v1/payments/"+tag+"-p", `{"result":"REFUSED","customer_id":"`+tag+`-c","reference":"`+tag+`-try"}`)
	put("pricing-plan-subscriptions", "/v1/pricing-plan-subscriptions/"+tag+"-s", `{"status":"ACTIVE","customer_id":"`+tag+`-c","reference":"`+tag+`-plan"}`)
	put("pricing-plan-schedules", "/v1/pricing-plan-schedules/"+tag+"-t", `{"type":"TRIAL","pricing_plan_subscription_id":"`+tag+`-s","end_at":"2026-12-01T00:00:00Z","reference":"`+tag+`-trial"}`)
	put("wallet-types", "/v1/wallet-types/"+tag+"-y", `{"status":"ACTIVE","reference":"`+tag+`-credits"}`)
	put("wallets", "/v1/wallets/"+tag+"-w", `{"status":"ACTIVE","customer_id":"`+tag+`-c","wallet_type_id":"`+tag+`-y","reference":"`+tag+`-wallet"}`)
	put("sources", "/v1/sources", `{"reference":"`+tag+`-stripe","type":"STRIPE","signing_secret":"`+whsec+`"}`)
	s.ids["snapshots"] = w.as(key, "POST", "/v1/ingest/snapshot", `{"phase":"BEGIN","object_types":["INVOICE"]}`).want(201).id()
	put("holds", "/v1/holds", `{"scope":"INVOICE","resource_id":"`+tag+`-i","reason":"DISPUTE"}`)
	put("suppressions", "/v1/suppressions", `{"email":"`+tag+`@away.example"}`)
	put("child-roles", "/v1/roles", `{"name":"below"}`)
	put("roles", "/v1/roles", `{"name":"above"}`)
	put("api-keys", "/v1/api-keys", `{"role_type":"READ_ONLY"}`)
	for n := range execution.Lanes {
		w.e.Drain(w.ctx, store.Lane{PlatformID: p, Number: n})
	}
	for _, kind := range []string{"workflow-triggers", "workflow-executions", "outbox"} {
		if s.ids[kind] = w.as(key, "GET", "/v1/"+kind, "").want(200).text("data.0.id"); s.ids[kind] == "" {
			w.Fatalf("seeding %s: there is none", kind)
		}
	}
	for _, variant := range []string{"FAILED_PAYMENT", "FREE_TRIAL_REMINDER", "WALLET_BALANCE"} { // what can be fired by hand, too
		w.as(key, "POST", "/v1/workflows", fmt.Sprintf(`{"name":"n","reference":"%s-%s","status":"ACTIVE",%s}`, tag, variant, everyWorkflow[variant])).want(201)
	}
	return s
}

// namedBy says what a member that names resources names.
var namedBy = map[string]string{
	"workflow_id": "workflows", "trigger_id": "workflow-triggers", "customer_id": "customers", "customer_ids": "customers",
	"invoice_id": "invoices", "payment_id": "payments", "pricing_plan_subscription_id": "pricing-plan-subscriptions",
	"pricing_plan_schedule_id": "pricing-plan-schedules", "wallet_id": "wallets", "wallet_type_id": "wallet-types", "integration_id": "integrations", "billing_entity_id": "billing-entities",
	"snapshot_id": "snapshots", "resource_id": "invoices", "exclude_customer_ids": "other-customers", "default_billing_entity_id": "billing-entities", "role_ids": "roles", "child_role_ids": "child-roles", "platform_ids": "platforms",
}

// opaque members of a body are kept or compared as they are: nothing is looked up.
var opaque = []string{"pricing_plan_subscription_ids", "wallet_type_id", "credit_type_id", "portal_url_id", "user_id"}

// byHand are the bodies of manual triggers, one for each kind of target.
var byHand = map[string]string{
	"invoice": `{"type":"MANUAL","workflow_id":"","invoice":{"invoice_id":"","manual":{"variant":"TO_FINAL"}}}`,
	"payment": `{"type":"MANUAL","payment":{"payment_id":"","manual":{"variant":"FAILED_PAYMENT"}}}`,
	"pricing_plan_subscription": `{"type":"MANUAL","pricing_plan_subscription":{"pricing_plan_subscription_id":"","pricing_plan_schedule_id":"",
		"trial_end_at":"2026-12-01T00:00:00Z","manual":{"variant":"FREE_TRIAL_REMINDER"}}}`,
	"wallet": `{"type":"MANUAL","wallet":{"wallet_type_id":"","wallet_id":""}}`,
}

// byThemselves are open routes with an id in their path, and why.
var byThemselves = map[string]string{
	"POST /v1/ingest/sources/{id}": "a webhook is authenticated by the signature of the source that it names, on whatever platform",
	"GET /docs/{file}":             "a file of the viewer, the same for everybody",
}

// TestForeignIDs: another platform's id is answered, to the byte, as one that
// does not exist.
func TestForeignIDs(t *testing.T) {
	onBoth(t, func(t *testing.T, w *world) {
		theirs := w.seed(w.foreign, w.other, "theirs")
		own := w.seed(w.key, w.p, "ours")
		described := apitest.Operations(t)
		bootstrap := w.newKey(auth.Key{Role: auth.Administrator, Bootstrap: true, Platforms: []platform.ID{w.p}})
		for _, r := range inOrder(httpapi.Routes()) {
			name := r.Verb + " " + r.Path
			if r.Open {
				if _, ok := byThemselves[name]; !ok && strings.Contains(r.Path, "{") {
					t.Errorf("%s is open and takes an id: say in byThemselves why", name)
				}
				continue
			}
			op, ok := described[name]
			if !ok {
				t.Errorf("%s is not in api/openapi.yaml", name)
				continue
			}
			a := attack{w, w.key, r, op, own, theirs}
			if slices.Contains(r.May, auth.PlatformCreate) {
				a.key = bootstrap
			}
			t.Run(name, func(t *testing.T) {
				a.path(t)
				a.query(t)
				a.body(t)
			})
		}
	})
}

// inOrder puts those routes last that spoil what others need: that archive or
// delete our own, and that make what they do not find.
func inOrder(routes []httpapi.Route) []httpapi.Route {
	rank := func(r httpapi.Route) int {
		switch {
		case r.Verb == "PUT":
			return 4
		case r.Verb == "DELETE" && strings.HasPrefix(r.Path, "/v1/customers/"): // takes the contacts along
			return 3
		case r.Verb == "DELETE":
			return 2
		case r.Verb == "POST" && strings.Contains(r.Path, "{"):
			return 1
		default:
			return 0
		}
	}
	slices.SortStableFunc(routes, func(a, b httpapi.Route) int { return rank(a) - rank(b) })
	return routes
}

// attack is one route with what may be said to it.
type attack struct {
	w           *world
	key         string // of an administrator of our platform
	route       httpapi.Route
	op          apitest.Operation
	own, theirs seeded
}

// kind is the resource of the route: workflows of /v1/workflows/{id}.
func (a attack) kind() string {
	kind, _, _ := strings.Cut(strings.TrimPrefix(a.route.Path, "/v1/"), "/")
	return kind
}

// path tries the ids and references of the other platform in the path.
func (a attack) path(t *testing.T) {
	if !strings.Contains(a.route.Path, "{") {
		return
	}
	id, known := a.theirs.ids[a.kind()]
	if !known {
		t.Fatalf("the matrix has none of %s on the other platform: seed one", a.kind())
	}
	if got := a.send(t, target(a.route, a.own.ids[a.kind()]), a.example(t)); got.status == 404 {
		t.Errorf("the control, an id of our own: got %d %s", got.status, got.body)
	}
	a.same(t, "the path", id, func(id string) response { return a.send(t, target(a.route, id), a.example(t)) })
	if reference := a.theirs.references[a.kind()]; reference != "" && strings.Contains(a.route.Path, "{idOrReference}") {
		a.same(t, "the path, by reference", reference, func(id string) response { return a.send(t, target(a.route, id), a.example(t)) })
	}
}

// query tries them in every parameter that names a resource.
func (a attack) query(t *testing.T) {
	for _, param := range a.op.QueryIDs {
		kind, known := namedBy[strings.TrimSuffix(param, "[]")]
		if !known {
			t.Errorf("the matrix does not know what %s names: add it to namedBy", param)
			continue
		}
		ask := func(id string) response {
			return a.send(t, target(a.route, a.own.ids[a.kind()])+"?"+url.Values{param: {id}}.Encode(), a.example(t))
		}
		if got := ask(a.own.ids[kind]); got.status != 200 {
			t.Errorf("the control, %s of our own: got %d %s", param, got.status, got.body)
		}
		a.same(t, "the parameter "+param, a.theirs.ids[kind], ask)
	}
}

// undescribed are members that name resources and stand in no schema.
var undescribed = map[string][]string{
	"POST /v1/ingest/resources": {"1.customer_id"},
}

// body tries them in every member of the body that names resources.
func (a attack) body(t *testing.T) {
	for _, field := range append(undescribed[a.route.Verb+" "+a.route.Path], a.op.BodyIDs...) {
		name := field[strings.LastIndexByte(field, '.')+1:]
		if slices.Contains(opaque, name) {
			continue
		}
		kind, known := namedBy[name]
		if !known {
			t.Errorf("the matrix does not know what %s names: add it to namedBy or opaque", field)
			continue
		}
		put := func(id string) response {
			return a.send(t, target(a.route, a.own.ids[a.kind()]), with(a.exampleFor(t, field), strings.Split(field, "."), id))
		}
		if got := put(a.own.ids[kind]); got.status >= 300 {
			t.Errorf("the control, %s of our own: got %d %s", field, got.status, got.body)
		}
		a.same(t, "the member "+field, a.theirs.ids[kind], put)
	}
}

// same fails the test unless a foreign id is answered as one that nobody has.
func (a attack) same(t *testing.T, where, foreign string, send func(string) response) {
	t.Helper()
	missing := strings.Replace(foreign, "theirs", "nobody", 1)
	if prefix, _, ok := strings.Cut(foreign, "_"); ok && ident.Has(foreign, prefix) {
		missing = ident.New(prefix)
	}
	got, want := send(foreign).comparable(foreign), send(missing).comparable(missing)
	if got != want {
		t.Errorf("another platform's id in %s: got\n%s\nwant what a missing one gets:\n%s", where, got, want)
	}
}

// example is the body that the description shows, with names that are new and
// ids that are ours; nil where the route takes none.
func (a attack) example(t *testing.T) any {
	if a.route.Verb == http.MethodGet {
		return nil
	}
	if a.op.Example == nil || strings.HasSuffix(a.route.Path, "/search") { // whose names are those of fields
		return map[string]any{}
	}
	raw, err := json.Marshal(a.op.Example)
	if err != nil {
		t.Fatal(err)
	}
	var copied any
	if err := json.Unmarshal(raw, &copied); err != nil {
		t.Fatal(err)
	}
	return a.ours(copied)
}

// exampleFor is an example that has, or may have, a member of the body.
func (a attack) exampleFor(t *testing.T, field string) any {
	t.Helper()
	block, _, _ := strings.Cut(field, ".")
	body, found := byHand[block]
	switch {
	case field == "snapshot_id":
		body = `{"phase":"RESOURCES","resources":[{"object_type":"INVOICE","id":"` + a.own.ids["invoices"] + `"}]}`
	case a.kind() != "workflow-triggers":
		return a.example(t)
	case !found: // a member beside the target
		body = byHand["invoice"]
	}
	var v any
	if err := json.Unmarshal([]byte(body), &v); err != nil {
		t.Fatal(err)
	}
	return a.ours(v)
}

func (a attack) ours(v any) any {
	switch v := v.(type) {
	case map[string]any:
		for name := range v {
			if kind, ok := namedBy[name]; ok {
				v[name] = as(v[name], a.own.ids[kind])
			} else {
				v[name] = a.ours(v[name])
			}
		}
		for _, name := range []string{"reference", "name"} { // of what must be unique
			if _, ok := v[name].(string); ok {
				v[name] = ident.New(name)
			}
		}
	case []any:
		for i := range v {
			v[i] = a.ours(v[i])
		}
	}
	return v
}

// as writes an id in the form that a member has: alone, or in a list.
func as(form any, id string) any {
	if _, list := form.([]any); list {
		return []any{id}
	}
	return id
}

// with sets a member of a body, and makes the objects and lists around it.
func with(body any, path []string, id string) any {
	if i, err := strconv.Atoi(path[0]); err == nil {
		list, _ := body.([]any)
		for len(list) <= i {
			list = append(list, nil)
		}
		list[i] = with(list[i], path[1:], id)
		return list
	}
	object, ok := body.(map[string]any)
	if !ok {
		object = map[string]any{}
	}
	if len(path) > 1 {
		object[path[0]] = with(object[path[0]], path[1:], id)
		return object
	}
	object[path[0]] = id
	if strings.HasSuffix(path[0], "_ids") {
		object[path[0]] = []any{id}
	}
	return object
}

func (a attack) send(t *testing.T, target string, body any) response {
	t.Helper()
	text := ""
	if body != nil {
		raw, err := json.Marshal(body, json.Deterministic(true))
		if err != nil {
			t.Fatal(err)
		}
		text = string(raw)
	}
	return a.w.as(a.key, a.route.Verb, target, text)
}

var (
	madeID     = regexp.MustCompile(`\b(name|reference|[a-z]{3,4})_[0-9A-Za-z]{20}\b`)
	madeSecret = regexp.MustCompile(`"api_key":"[^"]*"`)
)

// comparable is all of an answer but what differs from one request to the next:
// the request's id, the ids that were asked for, and what was newly made.
func (r response) comparable(ids ...string) string {
	body := string(r.body)
	for _, id := range ids {
		body = strings.NewReplacer(id, "ASKED", url.QueryEscape(id), "ASKED").Replace(body)
	}
	body = madeSecret.ReplaceAllString(madeID.ReplaceAllString(body, "MADE"), "SECRET")
	var headers []string
	for name, values := range r.header {
		if name != "X-Request-Id" {
			headers = append(headers, fmt.Sprint(name, values))
		}
	}
	slices.Sort(headers)
	return fmt.Sprintf("%d %s\n%s", r.status, strings.Join(headers, " "), body)
}
