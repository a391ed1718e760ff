package httpapi_test

import (
	"fmt"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/dunwellhq/dunwell/internal/auth"
	"github.com/dunwellhq/dunwell/internal/ident"
	"github.com/dunwellhq/dunwell/internal/platform"
)

func TestRoleLife(t *testing.T) {
	onBoth(t, func(t *testing.T, w *world) {
		leaf := w.again("/v1/roles", `{"name":" reader ","permissions":["INVOICE.VIEW","CUSTOMER.VIEW","INVOICE.VIEW"],"id":"x","object_type":"USER"}`, "k", 201)
		if !ident.Has(leaf.id(), "role") || leaf.text("name") != "reader" || leaf.at("description") != nil || leaf.at("child_role_ids") != nil ||
			!slices.Equal(leaf.texts("permissions"), []string{"INVOICE.VIEW", "CUSTOMER.VIEW"}) || leaf.text("object_type") != "ROLE" {
			t.Errorf("got %s", leaf.body)
		}
		w.do("POST", "/v1/roles", `{"name":"reader"}`).fails(409, "RESOURCE_ALREADY_EXISTS", "name")
		w.as(w.foreign, "POST", "/v1/roles", `{"name":"reader"}`).want(201)
		w.advance(time.Second)
		root := w.do("POST", "/v1/roles", `{"name":"support","description":"d","child_role_ids":["`+leaf.id()+`"]}`).want(201)

		key := w.do("POST", "/v1/api-keys", `{"role_ids":["`+root.id()+`"]}`).want(201)
		secret := key.text("api_key")
		if key.at("role_type") != nil || !slices.Equal(key.texts("role_ids"), []string{root.id()}) {
			t.Errorf("got %s", key.body)
		}
		w.as(secret, "GET", "/v1/invoices", "").want(200)
		w.as(secret, "GET", "/v1/workflows", "").fails(403, "USER_NOT_ALLOWED", "-")

		// A change of a role below holds within a second, on every node.
		second := w.node()
		second.as(secret, "GET", "/v1/invoices", "").want(200)
		changed := w.do("PATCH", "/v1/roles/"+leaf.id(), `{"permissions":["WORKFLOW.VIEW"]}`).want(200)
		if changed.text("name") != "reader" || changed.text("updated_at") == changed.text("created_at") {
			t.Errorf("got %s", changed.body)
		}
		w.advance(time.Second)
		for _, node := range []*world{w, second} {
			node.as(secret, "GET", "/v1/invoices", "").fails(403, "USER_NOT_ALLOWED", "-")
			node.as(secret, "GET", "/v1/workflows", "").want(200)
		}
		w.do("PATCH", "/v1/roles/"+root.id(), `{"child_role_ids":null,"description":null}`).want(200)
		w.advance(time.Second)
		w.as(secret, "GET", "/v1/workflows", "").fails(403, "USER_NOT_ALLOWED", "-")

		if got := w.do("GET", "/v1/roles/"+leaf.id(), "").want(200); string(got.body) != string(changed.body) {
			t.Errorf("got %s, want %s", got.body, changed.body)
		}
		for query, want := range map[string]string{"": root.id(), "?order_by=name": root.id(), "?order_by=name&order_direction=asc": leaf.id(), "?limit=1&page=2": leaf.id()} {
			if got := w.do("GET", "/v1/roles"+query, "").want(200); got.text("data.0.id") != want {
				t.Errorf("%s: got %s, want %s first", query, got.body, want)
			}
		}
		w.do("DELETE", "/v1/roles/"+root.id(), "").fails(405, "INVALID_REQUEST", "-") // in use or not
	})
}

func TestRoleFaults(t *testing.T) {
	w := onSQLite(t)
	a := w.do("POST", "/v1/roles", `{"name":"a"}`).want(201).id()
	b := w.do("POST", "/v1/roles", `{"name":"b","child_role_ids":["`+a+`"]}`).want(201).id()
	c := w.do("POST", "/v1/roles", `{"name":"c","child_role_ids":["`+b+`"]}`).want(201).id()
	for body, want := range map[string][2]string{
		`{}`:                       {"MISSING_FIELD", "name"},
		`{"name":null}`:            {"MISSING_FIELD", "name"},
		`{"name":"  "}`:            {"INVALID_FIELD", "name"},
		`{"name":5}`:               {"INVALID_FIELD", "name"},
		`{"name":"x\ny"}`:          {"INVALID_FIELD", "name"},
		`{"name":"ADMINISTRATOR"}`: {"INVALID_FIELD", "name"},
		`{"name":"READ_ONLY"}`:     {"INVALID_FIELD", "name"},
		`{"name":"x","permissions":["NOTHING.VIEW"]}`:                             {"INVALID_FIELD", "permissions.0"},
		`{"name":"x","child_role_ids":["` + a + `","role_00000000000000000000"]}`: {"RESOURCES_NOT_FOUND", "child_role_ids"},
	} {
		w.do("POST", "/v1/roles", body).fails(400, want[0], want[1])
	}
	for _, ring := range []struct{ role, children, field string }{
		{a, `"` + a + `"`, "child_role_ids.0"},
		{a, `"` + b + `"`, "child_role_ids.0"},
		{a, `"` + c + `"`, "child_role_ids.0"},
		{b, `"` + a + `","` + c + `"`, "child_role_ids.1"},
	} {
		w.do("PATCH", "/v1/roles/"+ring.role, `{"child_role_ids":[`+ring.children+`]}`).fails(400, "INVALID_FIELD", ring.field)
	}
	w.do("PATCH", "/v1/roles/"+a, `{"name":"b"}`).fails(409, "RESOURCE_ALREADY_EXISTS", "name")
	w.do("PATCH", "/v1/roles/"+c, `{"child_role_ids":["`+a+`","`+b+`"]}`).want(200) // two ways down are no ring
	w.do("GET", "/v1/roles/nothing", "").fails(404, "RESOURCE_NOT_FOUND", "-")
	w.do("PATCH", "/v1/roles/nothing", "{}").fails(404, "RESOURCE_NOT_FOUND", "-")
}

// TestRolesAreNotRaised: nobody makes or changes a role beyond what they hold,
// and a role of another platform grants nothing and is not found.
func TestRolesAreNotRaised(t *testing.T) {
	onBoth(t, func(t *testing.T, w *world) {
		weak := w.holding(auth.RoleView, auth.RoleCreate, auth.RoleUpdate, auth.WorkflowView, auth.KeyCreate)
		strong := w.do("POST", "/v1/roles", `{"name":"strong","permissions":["INVOICE.VIEW"]}`).want(201).id()
		above := w.do("POST", "/v1/roles", `{"name":"above","child_role_ids":["`+strong+`"]}`).want(201).id()
		mild := w.as(weak, "POST", "/v1/roles", `{"name":"mild","permissions":["WORKFLOW.VIEW"]}`).want(201).id()
		other := w.as(weak, "POST", "/v1/roles", `{"name":"other"}`).want(201).id()
		for body, field := range map[string]string{
			`{"name":"x","permissions":["WORKFLOW.VIEW","INVOICE.VIEW"]}`:     "permissions.1",
			`{"name":"x","permissions":["PLATFORM.CREATE"]}`:                  "permissions.0",
			`{"name":"x","child_role_ids":["` + other + `","` + above + `"]}`: "child_role_ids.1",
		} {
			w.as(weak, "POST", "/v1/roles", body).fails(403, "USER_NOT_ALLOWED", field)
			w.as(weak, "PATCH", "/v1/roles/"+mild, body).fails(403, "USER_NOT_ALLOWED", field)
		}
		w.do("POST", "/v1/roles", `{"name":"x","permissions":["PLATFORM.CREATE"]}`).fails(403, "USER_NOT_ALLOWED", "permissions.0")
		for _, id := range []string{strong, above} { // not even to make it less
			w.as(weak, "PATCH", "/v1/roles/"+id, `{"permissions":[],"child_role_ids":[]}`).fails(403, "USER_NOT_ALLOWED", "-")
		}
		w.as(weak, "PATCH", "/v1/roles/"+mild, `{"description":"d"}`).want(200)

		w.as(w.foreign, "GET", "/v1/roles/"+strong, "").fails(404, "RESOURCE_NOT_FOUND", "-")
		w.as(w.foreign, "PATCH", "/v1/roles/"+strong, "{}").fails(404, "RESOURCE_NOT_FOUND", "-")
		w.as(w.foreign, "POST", "/v1/roles", `{"name":"x","child_role_ids":["`+strong+`"]}`).fails(400, "RESOURCES_NOT_FOUND", "child_role_ids")
		w.as(w.foreign, "POST", "/v1/api-keys", `{"role_ids":["`+strong+`"]}`).fails(400, "RESOURCES_NOT_FOUND", "role_ids")

		// On a key of both platforms each role grants on its own.
		both := w.newKey(auth.Key{Role: auth.Administrator, Platforms: []platform.ID{w.p, w.other}})
		there := w.as(w.foreign, "POST", "/v1/roles", `{"name":"x","permissions":["PAYMENT.VIEW"]}`).want(201).id()
		made := w.as(both, "POST", "/v1/api-keys", fmt.Sprintf(`{"role_ids":[%q,%q],"platform_ids":[%q,%q]}`, strong, there, w.p, w.other)).want(201)
		for _, c := range []struct {
			path   string
			on     platform.ID
			status int
		}{{"/v1/invoices", w.p, 200}, {"/v1/invoices", w.other, 403}, {"/v1/payments", w.p, 403}, {"/v1/payments", w.other, 200}} {
			w.as(made.text("api_key"), "GET", c.path, "", "x-platform-id", string(c.on)).want(c.status)
		}
		if got := w.do("GET", "/v1/api-keys/"+made.id(), "").want(200); !slices.Equal(got.texts("role_ids"), []string{strong}) {
			t.Errorf("a role of another platform is shown: %s", got.body)
		}
		// A key whose roles all lie elsewhere looks like one without.
		for _, roles := range []string{fmt.Sprintf("[%q]", there), "[]", "null"} {
			w.advance(time.Second) // the next is the newest
			body := fmt.Sprintf(`{"permissions":[],"role_ids":%s,"platform_ids":[%q,%q]}`, roles, w.p, w.other)
			made := w.as(both, "POST", "/v1/api-keys", body, keyHeader, roles).want(201)
			if again := w.as(both, "POST", "/v1/api-keys", body, keyHeader, roles).want(201); !slices.Equal(again.texts("role_ids"), made.texts("role_ids")) ||
				(again.at("role_ids") == nil) != (made.at("role_ids") == nil) {
				t.Errorf("got %s, and as a replay %s", made.body, again.body)
			}
			one, all := w.do("GET", "/v1/api-keys/"+made.id(), "").want(200), w.do("GET", "/v1/api-keys", "").want(200)
			if all.text("data.0.id") != made.id() || one.at("role_ids") != nil || all.at("data.0.role_ids") != nil {
				t.Errorf("role_ids %s: got %s and %s", roles, one.body, all.body)
			}
		}
		// What is held on one platform is not held on the other, by whatever way it is asked.
		half := w.newKey(auth.Key{Role: auth.NoRole, Platforms: []platform.ID{w.p, w.other}, RoleIDs: []auth.RoleID{auth.RoleID(
			w.do("POST", "/v1/roles", `{"name":"settings","permissions":["PLATFORM.VIEW","PLATFORM.UPDATE"]}`).want(201).id())}})
		for _, current := range []platform.ID{w.p, w.other, ""} { // which is not the one of the path
			on := []string{"x-platform-id", string(current)}
			w.as(half, "PATCH", "/v1/platforms/"+string(w.p), `{"name":"x"}`, on...).want(200)
			w.as(half, "GET", "/v1/platforms/"+string(w.p), "", on...).want(200)
			w.as(half, "PATCH", "/v1/platforms/"+string(w.other), `{"name":"x"}`, on...).fails(403, "USER_NOT_ALLOWED", "-")
			w.as(half, "GET", "/v1/platforms/"+string(w.other), "", on...).fails(403, "USER_NOT_ALLOWED", "-")
			w.as(half, "GET", "/v1/platforms/plat_00000000000000000000", "", on...).fails(404, "RESOURCE_NOT_FOUND", "-")
		}
		w.as(half, "GET", "/v1/platforms/"+string(w.p), "", "x-platform-id", "plat_00000000000000000000").fails(403, "USER_NOT_ALLOWED", "-")
		if got := w.as(half, "GET", "/v1/platforms", "").want(200); got.text("data.0.id") != string(w.p) || got.at("data.1") != nil {
			t.Errorf("got %s, want the one platform that it may see", got.body)
		}
	})
}

// TestRolesAtOnce: two changes that close a ring together do not both happen.
func TestRolesAtOnce(t *testing.T) {
	onBoth(t, func(t *testing.T, w *world) {
		for round := range 10 {
			a := w.do("POST", "/v1/roles", fmt.Sprintf(`{"name":"a%d"}`, round)).want(201).id()
			b := w.do("POST", "/v1/roles", fmt.Sprintf(`{"name":"b%d"}`, round)).want(201).id()
			got := make([]response, 2)
			var wg sync.WaitGroup
			for i, c := range [][2]string{{a, b}, {b, a}} {
				wg.Go(func() { got[i] = w.do("PATCH", "/v1/roles/"+c[0], `{"child_role_ids":["`+c[1]+`"]}`) })
			}
			wg.Wait()
			if got[0].status+got[1].status != 600 {
				t.Fatalf("got %d and %d, want one 200 and one 400", got[0].status, got[1].status)
			}
		}
	})
}

func TestRolesAreBounded(t *testing.T) {
	w := onSQLite(t)
	for i := range 200 {
		w.do("POST", "/v1/roles", fmt.Sprintf(`{"name":"r%d"}`, i)).want(201)
	}
	w.do("POST", "/v1/roles", `{"name":"one more"}`).fails(400, "INVALID_OPERATION", "-")
}
