package httpapi_test

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/dunwellhq/dunwell/internal/auth"
	"github.com/dunwellhq/dunwell/internal/ident"
	"github.com/dunwellhq/dunwell/internal/platform"
)

// as sends a request with another key.
func (w *world) as(key, method, target, body string, headers ...string) response {
	w.Helper()
	return w.do(method, target, body, append([]string{"X-API-KEY", key}, headers...)...)
}

// holding makes a key of the world's platform with those permissions.
func (w *world) holding(list ...auth.Permission) string {
	return w.newKey(auth.Key{Permissions: list, Platforms: []platform.ID{w.p}})
}

// texts returns a list of strings of the body; null and absent are empty.
func (r response) texts(path string) []string {
	r.w.Helper()
	list, _ := r.at(path).([]any)
	var out []string
	for _, v := range list {
		out = append(out, fmt.Sprint(v))
	}
	return out
}

func TestKeyLife(t *testing.T) {
	onBoth(t, func(t *testing.T, w *world) {
		made := w.do("POST", "/v1/api-keys", `{"description":"a key","id":"akey_x","object_type":null,"created_at":"x","last_used_at":"x","api_key":"x","hash":"x",
			"permissions":["WORKFLOW.VIEW","WORKFLOW.CREATE","WORKFLOW.VIEW"],"expires_at":"2026-12-01T00:00:00Z"}`).want(201)
		secret, path := made.text("api_key"), "/v1/api-keys/"+made.id()
		if !ident.Has(made.id(), "akey") || !strings.HasPrefix(secret, "dw_live_"+strings.TrimPrefix(made.id(), "akey_")+"_") || !auth.WellFormed(secret) {
			t.Errorf("got %s", made.body)
		}
		if made.at("role_type") != nil || made.at("active") != true || made.at("role_ids") != nil || made.at("last_used_at") != nil || made.at("previous_secret_until") != nil ||
			!slices.Equal(made.texts("permissions"), []string{"WORKFLOW.VIEW", "WORKFLOW.CREATE"}) || !slices.Equal(made.texts("platform_ids"), []string{string(w.p)}) ||
			made.text("created_at") != "2026-11-23T09:00:01Z" || made.text("updated_at") != "2026-11-23T09:00:01Z" {
			t.Errorf("got %s", made.body)
		}
		w.as(secret, "POST", "/v1/workflows", draft).want(201)
		w.as(secret, "GET", "/v1/customers", "").fails(403, "USER_NOT_ALLOWED", "-")

		w.advance(time.Minute)
		got := w.do("GET", path, "").want(200)
		if got.has("api_key") || got.text("last_used_at") != "2026-11-23T09:00:01Z" {
			t.Errorf("got %s", got.body)
		}
		w.do("GET", path+"/decrypt", "").fails(400, "INVALID_OPERATION", "-")
		w.do("GET", "/v1/api-keys/"+ident.New("akey")+"/decrypt", "").fails(404, "RESOURCE_NOT_FOUND", "-")

		patched := w.do("PATCH", path, `{"description":null,"role_type":"READ_ONLY","permissions":[],"expires_at":null,"id":"x"}`).want(200)
		if patched.at("description") != nil || patched.text("role_type") != "READ_ONLY" || patched.at("expires_at") != nil ||
			patched.id() != made.id() || patched.text("updated_at") != "2026-11-23T09:01:01Z" || patched.has("api_key") {
			t.Errorf("got %s", patched.body)
		}
		w.advance(time.Second) // within which it holds
		w.as(secret, "GET", "/v1/customers", "").want(200)
		w.as(secret, "POST", "/v1/workflows", toFinal).fails(403, "USER_NOT_ALLOWED", "-")

		w.do("PATCH", path, `{"active":false}`).want(200)
		w.advance(time.Second)
		w.as(secret, "GET", "/v1/customers", "").fails(401, "UNAUTHORISED", "-")
		w.do("POST", path+"/roll", "").fails(400, "INVALID_OPERATION", "-")
		w.do("PATCH", path, `{"active":true,"expires_at":"2026-11-23T09:02:00Z"}`).want(200)
		w.advance(time.Second)
		w.as(secret, "GET", "/v1/customers", "").want(200)
		w.advance(time.Minute)
		w.as(secret, "GET", "/v1/customers", "").fails(401, "UNAUTHORISED", "-")
		w.do("POST", path+"/roll", "").fails(400, "INVALID_OPERATION", "-")
		w.do("PATCH", path, `{"description":"expired","expires_at":"2026-11-23T09:02:00Z"}`).want(200) // it stays expired
	})
}

func TestKeyFaults(t *testing.T) {
	w := onSQLite(t)
	id := w.do("POST", "/v1/api-keys", `{}`).want(201).id()
	for body, want := range map[string][2]string{
		`{"permissions":["WORKFLOW.VIEW","WORKFLOW.EVERYTHING"]}`: {"INVALID_FIELD", "permissions.1"},
		`{"permissions":["workflow.view"]}`:                       {"INVALID_FIELD", "permissions.0"},
		`{"permissions":[""]}`:                                    {"INVALID_FIELD", "permissions.0"},
		`{"permissions":"WORKFLOW.VIEW"}`:                         {"INVALID_FIELD", "permissions"},
		`{"permissions":[5]}`:                                     {"INVALID_FIELD", "permissions.0"},
		`{"role_type":"OWNER"}`:                                   {"INVALID_FIELD", "role_type"},
		`{"role_ids":["role_00000000000000000000"]}`:              {"RESOURCES_NOT_FOUND", "role_ids"},
		`{"role_ids":["a b"]}`:                                    {"INVALID_FIELD", "role_ids.0"},
		`{"platform_ids":[]}`:                                     {"INVALID_FIELD", "platform_ids"},
		`{"expires_at":"2026-11-23T09:00:01Z"}`:                   {"INVALID_FIELD", "expires_at"},
		`{"expires_at":"2030-01-01T00:00:00.5Z"}`:                 {"INVALID_FIELD", "expires_at"},
		`{"active":"no"}`:                                         {"INVALID_FIELD", "active"},
		`{"description":5,"role_type":5}`:                         {"INVALID_FIELD", "description"},
		`[]`:                                                      {"INVALID_FIELD", "-"},
	} {
		w.do("POST", "/v1/api-keys", body).fails(400, want[0], want[1])
		w.do("PATCH", "/v1/api-keys/"+id, body).fails(400, want[0], want[1])
	}
	w.do("PATCH", "/v1/api-keys/"+id, `{"platform_ids":null}`).fails(400, "MISSING_FIELD", "platform_ids")
	w.do("PATCH", "/v1/api-keys/"+id, `{"active":null}`).fails(400, "MISSING_FIELD", "active")
	w.do("POST", "/v1/api-keys/"+id+"/roll", `{"end_previous":"yes"}`).fails(400, "INVALID_FIELD", "end_previous")
	w.do("POST", "/v1/api-keys/"+id+"/roll", `{`).fails(400, "BAD_REQUEST", "-")
	if off := w.do("POST", "/v1/api-keys", `{"active":false,"platform_ids":null,"expires_at":null}`).want(201); off.at("active") != false {
		t.Errorf("got %s, want it revoked from the start", off.body)
	}
}

// TestKeyDefaults: what a key is that says nothing, or little, of what it may.
func TestKeyDefaults(t *testing.T) {
	w := onSQLite(t)
	for body, want := range map[string]any{
		`{}`:                                   "ADMINISTRATOR",
		`{"role_type":null}`:                   "ADMINISTRATOR",
		`{"permissions":null,"role_ids":null}`: "ADMINISTRATOR",
		`{"permissions":[]}`:                   nil,
		`{"role_ids":[]}`:                      nil,
		`{"role_type":null,"permissions":["WORKFLOW.VIEW"]}`: nil,
		`{"role_type":"READ_ONLY"}`:                          "READ_ONLY",
	} {
		if made := w.do("POST", "/v1/api-keys", body).want(201); made.at("role_type") != want {
			t.Errorf("%s: got %v, want %v", body, made.at("role_type"), want)
		}
	}
}

// TestKeysAreNotRaised: nobody gives, changes or rolls what is more than they hold.
func TestKeysAreNotRaised(t *testing.T) {
	onBoth(t, func(t *testing.T, w *world) {
		weak := w.holding(auth.KeyView, auth.KeyCreate, auth.KeyUpdate, auth.WorkflowView)
		reader := w.newKey(auth.Key{Role: auth.ReadOnly, Permissions: []auth.Permission{auth.KeyCreate, auth.KeyUpdate}, Platforms: []platform.ID{w.p}})
		bootstrap := w.newKey(auth.Key{Role: auth.Administrator, Bootstrap: true, Platforms: []platform.ID{w.p}})
		strong := w.do("POST", "/v1/roles", `{"name":"strong","permissions":["INVOICE.VIEW"]}`).want(201).id()
		mild := w.do("POST", "/v1/roles", `{"name":"mild","permissions":["WORKFLOW.VIEW"]}`).want(201).id()
		nowhere := "plat_00000000000000000000"

		for body, field := range map[string]string{
			`{}`:                            "role_type",
			`{"role_type":"ADMINISTRATOR"}`: "role_type",
			`{"role_type":"READ_ONLY"}`:     "role_type",
			`{"permissions":["WORKFLOW.VIEW","INVOICE.VIEW"]}`:                                    "permissions.1",
			`{"permissions":["PLATFORM.CREATE"]}`:                                                 "permissions.0",
			`{"role_ids":["` + mild + `","` + strong + `"]}`:                                      "role_ids.1",
			`{"permissions":[],"platform_ids":["` + string(w.p) + `","` + string(w.other) + `"]}`: "platform_ids.1",
			`{"permissions":[],"platform_ids":["` + nowhere + `"]}`:                               "platform_ids.0",
		} {
			w.as(weak, "POST", "/v1/api-keys", body).fails(403, "USER_NOT_ALLOWED", field)
		}
		own := w.as(weak, "POST", "/v1/api-keys", `{"permissions":["WORKFLOW.VIEW","USER.API.UPDATE"],"role_ids":["`+mild+`"]}`).want(201)
		w.as(weak, "PATCH", "/v1/api-keys/"+own.id(), `{"role_ids":["`+strong+`"]}`).fails(403, "USER_NOT_ALLOWED", "role_ids.0")
		w.as(weak, "PATCH", "/v1/api-keys/"+own.id(), `{"platform_ids":["`+string(w.other)+`"]}`).fails(403, "USER_NOT_ALLOWED", "platform_ids.0")
		w.as(own.text("api_key"), "PATCH", "/v1/api-keys/"+own.id(), `{"role_type":"ADMINISTRATOR"}`).fails(403, "USER_NOT_ALLOWED", "role_type")
		w.as(weak, "POST", "/v1/api-keys/"+own.id()+"/roll", "").want(200)

		// An administrator's key: less may see it, and do nothing with it.
		admin := w.do("POST", "/v1/api-keys", `{}`).want(201).id()
		for _, key := range []string{weak, reader, own.text("api_key")} {
			w.as(key, "PATCH", "/v1/api-keys/"+admin, `{"description":"x"}`).fails(403, "USER_NOT_ALLOWED", "-")
			w.as(key, "PATCH", "/v1/api-keys/"+admin, `{"active":false}`).fails(403, "USER_NOT_ALLOWED", "-")
			w.as(key, "POST", "/v1/api-keys/"+admin+"/roll", "").fails(403, "USER_NOT_ALLOWED", "-")
		}
		w.as(weak, "GET", "/v1/api-keys/"+admin, "").want(200)
		w.as(reader, "POST", "/v1/api-keys", `{"role_type":"READ_ONLY"}`).want(201)

		// A key that opens another platform too is not changed from this one.
		wide := w.as(bootstrap, "POST", "/v1/api-keys", `{"role_type":"READ_ONLY","platform_ids":["`+string(w.p)+`","`+string(w.other)+`"]}`).want(201)
		if !slices.Equal(wide.texts("platform_ids"), []string{string(w.p), string(w.other)}) {
			t.Errorf("got %s", wide.body)
		}
		w.do("PATCH", "/v1/api-keys/"+wide.id(), `{"active":false}`).fails(403, "USER_NOT_ALLOWED", "-")
		w.do("POST", "/v1/api-keys/"+wide.id()+"/roll", "").fails(403, "USER_NOT_ALLOWED", "-")
		if got := w.do("GET", "/v1/api-keys/"+wide.id(), "").want(200); !slices.Equal(got.texts("platform_ids"), []string{string(w.p)}) {
			t.Errorf("another platform is shown: %s", got.body)
		}
		// Who may make keys here may not do so there.
		half := w.newKey(auth.Key{
			RoleIDs:   []auth.RoleID{auth.RoleID(w.do("POST", "/v1/roles", `{"name":"keys","permissions":["USER.API.CREATE","USER.API.UPDATE"]}`).want(201).id())},
			Platforms: []platform.ID{w.p, w.other},
		})
		w.as(half, "POST", "/v1/api-keys", `{"permissions":[]}`).want(201)
		w.as(half, "POST", "/v1/api-keys", `{"permissions":[],"platform_ids":["`+string(w.other)+`"]}`).fails(403, "USER_NOT_ALLOWED", "platform_ids.0")

		// The bootstrap administrator gives everything but its own privilege,
		// and only where there is a platform.
		w.as(bootstrap, "POST", "/v1/api-keys", `{"permissions":["PLATFORM.CREATE"]}`).fails(403, "USER_NOT_ALLOWED", "permissions.0")
		w.as(bootstrap, "POST", "/v1/api-keys", `{"platform_ids":["`+nowhere+`"]}`).fails(403, "USER_NOT_ALLOWED", "platform_ids.0")
	})
}

// TestBootstrapKey: it can be rolled by itself, and neither revoked nor changed.
func TestBootstrapKey(t *testing.T) {
	w := onSQLite(t)
	secret := w.newKey(auth.Key{Role: auth.Administrator, Bootstrap: true, Platforms: []platform.ID{w.p}})
	stored, _, err := w.s.KeyByHash(w.ctx, auth.HashSecret(secret))
	w.must(err)
	path := "/v1/api-keys/" + string(stored.ID)
	w.do("PATCH", path, `{"description":"x"}`).fails(403, "USER_NOT_ALLOWED", "-")
	w.do("POST", path+"/roll", "").fails(403, "USER_NOT_ALLOWED", "-")
	for _, body := range []string{`{"active":false}`, `{"expires_at":"2030-01-01T00:00:00Z"}`, `{"role_type":"READ_ONLY"}`, `{"permissions":["WORKFLOW.VIEW"]}`, `{"platform_ids":["` + string(w.other) + `"]}`} {
		w.as(secret, "PATCH", path, body).fails(400, "INVALID_OPERATION", "-")
	}
	if got := w.as(secret, "PATCH", path, `{"description":"ours"}`).want(200); got.text("description") != "ours" {
		t.Errorf("got %s", got.body)
	}
	rolled := w.as(secret, "POST", path+"/roll", `{"end_previous":true}`).want(200).text("api_key")
	w.advance(time.Second)
	w.as(secret, "GET", path, "").fails(401, "UNAUTHORISED", "-")
	w.as(rolled, "GET", path, "").want(200)
	w.as(rolled, "POST", "/v1/platforms", `{"reference":"new","name":"n","environment":"LIVE"}`).want(201)
}

func TestRollKey(t *testing.T) {
	onBoth(t, func(t *testing.T, w *world) {
		made := w.do("POST", "/v1/api-keys", `{"role_type":"READ_ONLY"}`).want(201)
		path, first := "/v1/api-keys/"+made.id()+"/roll", made.text("api_key")
		opens := func(want string, secrets ...string) {
			t.Helper()
			got := ""
			for _, s := range secrets {
				got += map[bool]string{true: "+", false: "-"}[w.as(s, "GET", "/v1/workflows", "").status == 200]
			}
			if got != want {
				t.Errorf("of %d secrets: got %s live, want %s", len(secrets), got, want)
			}
		}
		rolled := w.do("POST", path, "").want(200)
		second := rolled.text("api_key")
		if second == first || !auth.WellFormed(second) || rolled.text("previous_secret_until") != "2026-11-24T09:00:01Z" || rolled.id() != made.id() {
			t.Errorf("got %s", rolled.body)
		}
		opens("++", first, second)
		third := w.do("POST", path, "{}").want(200).text("api_key")
		w.advance(time.Second)
		opens("-++", first, second, third)
		w.advance(auth.RollGrace - 2*time.Second)
		opens("++", second, third)
		w.advance(time.Second)
		opens("-+", second, third)
		if got := w.do("GET", strings.TrimSuffix(path, "/roll"), "").want(200); got.at("previous_secret_until") != nil {
			t.Errorf("got %s", got.body)
		}
		fourth := w.do("POST", path, `{"end_previous":true}`).want(200)
		if fourth.at("previous_secret_until") != nil {
			t.Errorf("got %s", fourth.body)
		}
		w.advance(time.Second)
		opens("-+", third, fourth.text("api_key"))
		// Both headers may carry the two secrets of one key.
		fifth := w.do("POST", path, "").want(200).text("api_key")
		w.as(fifth, "GET", "/v1/workflows", "", "Authorization", "Bearer "+fourth.text("api_key")).want(200)
	})
}

// TestKeyReplay: an idempotency key makes one key, and its replay does not show
// the secret, which is nowhere in the database.
func TestKeyReplay(t *testing.T) {
	onBoth(t, func(t *testing.T, w *world) {
		for _, c := range []struct {
			target string
			status int
		}{{"/v1/api-keys", 201}, {"", 200}} {
			if c.target == "" {
				c.target = "/v1/api-keys/" + w.do("GET", "/v1/api-keys?order_direction=asc", "").text("data.1.id") + "/roll"
			}
			first := w.do("POST", c.target, `{"role_type":"READ_ONLY"}`, keyHeader, "k").want(c.status)
			second := w.do("POST", c.target, `{"role_type":"READ_ONLY"}`, keyHeader, "k").want(c.status)
			secret := first.text("api_key")
			if secret == "" || second.has("api_key") || second.header.Get(replayed) != "true" || second.id() != first.id() {
				t.Errorf("POST %s: got %s, then %s", c.target, first.body, second.body)
			}
			if want := strings.Replace(string(first.body), `"api_key":"`+secret+`",`, "", 1); string(second.body) != want {
				t.Errorf("POST %s: the replay is %s, want %s", c.target, second.body, want)
			}
			w.advance(time.Second)
			w.as(secret, "GET", "/v1/workflows", "").want(200)
		}
	})
}

// TestNoSecretOnDisk: no file of the database holds a secret in clear.
func TestNoSecretOnDisk(t *testing.T) {
	dir := t.TempDir()
	w := newWorld(t, "sqlite:"+filepath.Join(dir, "d.db"))
	made := w.do("POST", "/v1/api-keys", `{"description":"the-control"}`, keyHeader, "k").want(201)
	rolled := w.do("POST", "/v1/api-keys/"+made.id()+"/roll", "", keyHeader, "k").want(200)
	w.as(rolled.text("api_key"), "GET", "/v1/workflows", "").want(200)
	var disk strings.Builder
	files, err := os.ReadDir(dir)
	w.must(err)
	for _, f := range files {
		raw, err := os.ReadFile(filepath.Join(dir, f.Name()))
		w.must(err)
		disk.Write(raw)
	}
	if !strings.Contains(disk.String(), "the-control") {
		t.Fatal("the files do not hold what was written")
	}
	for _, secret := range []string{made.text("api_key"), rolled.text("api_key"), w.key} {
		if strings.Contains(disk.String(), secret[len(secret)-40:]) {
			t.Error("a secret is on disk in clear")
		}
	}
}

// TestKeysOfAPlatform: a key is seen where it opens, and nowhere else.
func TestKeysOfAPlatform(t *testing.T) {
	onBoth(t, func(t *testing.T, w *world) {
		both := w.newKey(auth.Key{Role: auth.Administrator, Platforms: []platform.ID{w.p, w.other}})
		w.advance(time.Second)
		ids := func(key string, headers ...string) []string {
			t.Helper()
			r := w.as(key, "GET", "/v1/api-keys?order_direction=asc", "", headers...).want(200)
			var list []string
			for i := range 9 {
				if id := r.text(fmt.Sprintf("data.%d.id", i)); id != "" {
					list = append(list, id)
				}
			}
			return list
		}
		before := ids(w.foreign)
		mine := w.do("POST", "/v1/api-keys", `{"role_type":"READ_ONLY"}`).want(201).id()
		if got := ids(w.key); len(got) != 3 || got[2] != mine {
			t.Errorf("got %q, want three with %s", got, mine)
		}
		if got := ids(w.foreign); !slices.Equal(got, before) || len(before) != 2 {
			t.Errorf("got %q, want %q", got, before)
		}
		if got := ids(both, "x-platform-id", string(w.other)); !slices.Equal(got, before) {
			t.Errorf("got %q, want %q", got, before)
		}
		for _, c := range [][2]string{{"GET", ""}, {"PATCH", "{}"}} {
			w.as(w.foreign, c[0], "/v1/api-keys/"+mine, c[1]).fails(404, "RESOURCE_NOT_FOUND", "-")
			w.as(both, c[0], "/v1/api-keys/"+mine, c[1], "x-platform-id", string(w.other)).fails(404, "RESOURCE_NOT_FOUND", "-")
			w.as(both, c[0], "/v1/api-keys/"+mine, c[1]).want(200)
		}
		// A key moves from one platform to another.
		w.as(both, "PATCH", "/v1/api-keys/"+mine, `{"platform_ids":["`+string(w.other)+`"]}`).want(200)
		w.do("GET", "/v1/api-keys/"+mine, "").fails(404, "RESOURCE_NOT_FOUND", "-")
		w.as(w.foreign, "GET", "/v1/api-keys/"+mine, "").want(200)
	})
}

// TestKeyChangesAtOnce: of two changes of one key neither undoes the other.
func TestKeyChangesAtOnce(t *testing.T) {
	onBoth(t, func(t *testing.T, w *world) {
		for range 20 {
			path := "/v1/api-keys/" + w.do("POST", "/v1/api-keys", `{"permissions":[]}`).want(201).id()
			var wg sync.WaitGroup
			wg.Go(func() { w.do("PATCH", path, `{"description":"changed"}`).want(200) })
			wg.Go(func() { w.do("PATCH", path, `{"active":false}`).want(200) })
			wg.Wait()
			if got := w.do("GET", path, "").want(200); got.at("active") != false || got.text("description") != "changed" {
				t.Fatalf("a change was lost: %s", got.body)
			}
		}
	})
}
