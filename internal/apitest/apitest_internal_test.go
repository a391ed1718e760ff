package apitest

import (
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
)

// TestCheckSeesWhatIsWrong is the control of every test that checks responses.
func TestCheckSeesWhatIsWrong(t *testing.T) {
	const good = `{"type":"INVALID_REQUEST","code":"BAD_REQUEST","message":"m","field":null,"resource_id":null,"resource_type":null}`
	for name, c := range map[string]struct {
		path   string
		status int
		body   string
		header string
		ok     bool
	}{
		"good":                {"/v1/workflows", 400, good, "reqr_00000000000000000000", true},
		"health":              {"/livez", 200, `{"status":"ok","version":null}`, "reqr_00000000000000000000", true},
		"unknown member":      {"/livez", 200, `{"status":"ok","version":null,"x":1}`, "reqr_00000000000000000000", false},
		"absent member":       {"/livez", 200, `{"status":"ok"}`, "reqr_00000000000000000000", false},
		"wrong type":          {"/livez", 200, `{"status":"ok","version":5}`, "reqr_00000000000000000000", false},
		"unknown error code":  {"/v1/workflows", 400, strings.Replace(good, "BAD_REQUEST", "OOPS", 1), "reqr_00000000000000000000", false},
		"error without field": {"/v1/workflows", 400, strings.Replace(good, `"field":null,`, "", 1), "reqr_00000000000000000000", false},
		"no request id":       {"/v1/workflows", 400, good, "", false},
		"no page":             {"/v1/workflows", 200, `{"data":[]}`, "reqr_00000000000000000000", false},
		"nested, unknown":     {"/v1/workflow-triggers", 200, `{"data":[{"object_type":"WORKFLOW_TRIGGER","id":"x","customer_id":null,"workflow_id":"w","type":"EVENT","status":"FIRED","created_at":"2026-01-01T00:00:00Z","oops":1}],"limit":1,"page":1,"links":{"first":"","previous":null,"current":"","next":null},"total_number_of_pages":null}`, "reqr_00000000000000000000", false},
		"no such path":        {"/v1/nothing", 404, good, "reqr_00000000000000000000", true},
	} {
		t.Run(name, func(t *testing.T) {
			resp := &http.Response{StatusCode: c.status, Header: http.Header{"Content-Type": {"application/json"}}, Body: io.NopCloser(strings.NewReader(c.body))}
			if c.header != "" {
				resp.Header.Set("X-REQUEST-ID", c.header)
			}
			problems := check(Validator(t), httptest.NewRequest("GET", c.path, nil), resp)
			if ok := len(problems) == 0; ok != c.ok {
				t.Errorf("got %q, want ok %v", problems, c.ok)
			}
		})
	}
}
