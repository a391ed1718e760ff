package client_test

import (
	"encoding/json"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/dunwellhq/dunwell/client"
)

// TestTimesAreWhole: wherever a time is in what is sent, it has no fraction,
// what was handed in stays as it was, and nothing else changes.
func TestTimesAreWhole(t *testing.T) {
	at := time.Date(2026, 11, 25, 12, 0, 0, 999_999_999, time.FixedZone("", 2*60*60))
	type inner struct {
		At     time.Time                  `json:"at"`
		Patch  client.Nullable[time.Time] `json:"patch,omitempty"`
		Null   client.Nullable[time.Time] `json:"null,omitempty"`
		Absent client.Nullable[time.Time] `json:"absent,omitempty"`
		hidden time.Time
	}
	in := struct {
		Pointer *time.Time     `json:"pointer"`
		Nil     *time.Time     `json:"nil"`
		List    []inner        `json:"list"`
		NoList  []inner        `json:"no_list"`
		Any     map[string]any `json:"any"`
		Bytes   []byte         `json:"bytes"`
	}{
		Pointer: &at,
		List:    []inner{{At: at, Patch: client.Set(at), Null: client.Null[time.Time](), hidden: at}},
		Any:     map[string]any{"at": at, "nil": nil, "deep": []any{at, "2026-11-25T10:00:00.5Z", 0.5}},
		Bytes:   []byte("as they are"),
	}
	f := giving(good)
	if err := of(t, f).Do(t.Context(), http.MethodPut, "/v1/x", in, nil); err != nil {
		t.Fatal(err)
	}
	const whole = `"2026-11-25T10:00:00Z"`
	want := strings.ReplaceAll(`{"pointer":T,"nil":null,"list":[{"at":T,"patch":T,"null":null}],"no_list":null,`+
		`"any":{"at":T,"deep":[T,"2026-11-25T10:00:00.5Z",0.5],"nil":null},"bytes":"YXMgdGhleSBhcmU="}`, "T,", whole+",")
	if diff := cmp.Diff(want, f.bodies[0]); diff != "" {
		t.Errorf("sent (-want +got):\n%s", diff)
	}
	if in.Pointer.Nanosecond() == 0 || in.List[0].At.Nanosecond() == 0 {
		t.Error("what was handed in has been changed")
	}
}

// TestItemOf: of an item's own id and type there is one.
func TestItemOf(t *testing.T) {
	item, err := client.ItemOf(client.IngestItemObjectTypeInvoice, "i-1", json.RawMessage(`{"id": "i-2", "object_type": "CUSTOMER", "status": "FINAL"}`))
	if err != nil {
		t.Fatal(err)
	}
	got, err := json.Marshal(item)
	if err != nil {
		t.Fatal(err)
	}
	if want := `{"id":"i-1","object_type":"INVOICE","status":"FINAL"}`; string(got) != want {
		t.Errorf("got %s, want %s", got, want)
	}
	if _, err := client.ItemOf(client.IngestItemObjectTypeInvoice, "i-1", []int{1}); err == nil {
		t.Error("a list was taken for a resource")
	}
}
