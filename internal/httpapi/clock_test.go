package httpapi_test

import (
	"testing"
	"time"

	"github.com/dunwellhq/dunwell/internal/auth"
	"github.com/dunwellhq/dunwell/internal/platform"
	"github.com/dunwellhq/dunwell/internal/store"
)

func TestClock(t *testing.T) {
	onBoth(t, func(t *testing.T, w *world) {
		path := "/v1/platforms/" + string(w.p) + "/clock"
		w.do("PUT", path, `{"now":"2025-03-01T09:00:00Z"}`).fails(400, "INVALID_OPERATION", "-") // it is LIVE
		bootstrap := w.newKey(auth.Key{Role: auth.Administrator, Bootstrap: true, Platforms: []platform.ID{w.p}})
		made := w.as(bootstrap, "POST", "/v1/platforms", `{"reference":"t","name":"T","environment":"TEST","clock":{"now":"2025-03-01T09:00:00Z"}}`).want(201)
		if made.at("clock") != nil || !made.has("clock") {
			t.Errorf("got %s, want a new platform to go by the time of day", made.body)
		}
		id := made.id()
		path = "/v1/platforms/" + id + "/clock"
		set := func(now string) response {
			t.Helper()
			return w.as(bootstrap, "PUT", path, `{"now":"`+now+`"}`)
		}
		if got := set("2025-03-01T10:00:00+01:00").want(200); got.id() != id || got.text("clock.now") != "2025-03-01T09:00:00Z" {
			t.Errorf("got %s, want the platform with its clock", got.body)
		}
		set("2025-03-01T08:59:59Z").fails(400, "INVALID_FIELD", "now")
		if got := w.as(bootstrap, "PATCH", "/v1/platforms/"+id, `{"name":"U","clock":null}`).want(200); got.text("clock.now") != "2025-03-01T09:00:00Z" {
			t.Errorf("got %s, want a patch to leave the clock alone", got.body)
		}
		if got := w.as(bootstrap, "GET", "/v1/platforms?order_direction=asc", "").want(200); got.at("data.0.clock") != nil || got.text("data.2.clock.now") != "2025-03-01T09:00:00Z" {
			t.Errorf("got %s", got.body)
		}

		if err := w.s.Write(w.ctx, func(tx *store.Tx) error {
			_, err := tx.TakeClock(w.ctx, platform.ID(id), "another", w.now, w.now.Add(time.Minute))
			return err
		}); err != nil {
			t.Fatal(err)
		}
		set("2025-03-01T09:00:00Z").fails(409, "INVALID_OPERATION", "-")
	})
}

// A state may be from 5 minutes after the later of the two clocks, however it comes.
func TestAheadOfBothClocks(t *testing.T) {
	onBoth(t, func(t *testing.T, w *world) {
		bootstrap := w.newKey(auth.Key{Role: auth.Administrator, Bootstrap: true, Platforms: []platform.ID{w.p}})
		id := w.as(bootstrap, "POST", "/v1/platforms", `{"reference":"t","name":"T","environment":"TEST"}`).want(201).id()
		call := func(verb, path, body string) response {
			t.Helper()
			return w.as(bootstrap, verb, path, body, "x-platform-id", id)
		}
		tell := func(latest time.Time) {
			t.Helper()
			ahead := `"source_updated_at":"` + latest.Add(5*time.Minute).UTC().Format(time.RFC3339) + `"`
			beyond := `"source_updated_at":"` + latest.Add(5*time.Minute+time.Second).UTC().Format(time.RFC3339) + `"`
			call("PUT", "/v1/customers/c", `{"status":"ACTIVE",`+beyond+`}`).fails(400, "INVALID_FIELD", "source_updated_at")
			call("PUT", "/v1/customers/c", `{"status":"ACTIVE",`+ahead+`}`)
			call("PATCH", "/v1/customers/c", `{`+beyond+`}`).fails(400, "INVALID_FIELD", "source_updated_at")
			call("PATCH", "/v1/customers/c", `{`+ahead+`}`).want(200)
			got := call("POST", "/v1/ingest/resources", `[{"object_type":"CUSTOMER","id":"d","status":"ACTIVE",`+beyond+`},{"object_type":"CUSTOMER","id":"e","status":"ACTIVE",`+ahead+`}]`).want(200)
			if got.text("data.0.error.field") != "source_updated_at" || got.at("data.1.error") != nil {
				t.Errorf("got %s", got.body)
			}
		}
		w.as(bootstrap, "PUT", "/v1/platforms/"+id+"/clock", `{"now":"2025-03-01T09:00:00Z"}`).want(200)
		tell(w.now) // the machine's is the later
		w.as(bootstrap, "PUT", "/v1/platforms/"+id+"/clock", `{"now":"2031-03-01T09:00:00Z"}`).want(200)
		tell(time.Date(2031, 3, 1, 9, 0, 0, 0, time.UTC))
	})
}
