// Package apitest holds what the API answers against its description.
//
// A test hands every exchange to [Check], which fails it if the status, the
// headers or the body are not what api/openapi.yaml says, members that it does
// not know included. Only tests may import this package.
package apitest

import (
	"bytes"
	"io"
	"net/http"
	"strings"
	"sync"
	"testing"

	"github.com/pb33f/libopenapi"
	validator "github.com/pb33f/libopenapi-validator"
	"github.com/pb33f/libopenapi-validator/config"
	"github.com/pb33f/libopenapi-validator/errors"

	"github.com/dunwellhq/dunwell/api"
)

// document is the description, read once: compiling its schemas takes a while.
var document = sync.OnceValues(func() (validator.Validator, []error) {
	doc, err := libopenapi.NewDocument(api.Document)
	if err != nil {
		return nil, []error{err}
	}
	return validator.NewValidator(doc, config.WithStrictMode(), config.WithFormatAssertions(),
		config.WithStrictIgnorePaths("$.body.**.metadata.**", "$.body.metadata.**"),
		config.WithStrictIgnoredHeadersExtra("www-authenticate", "retry-after", "allow", "cache-control", "x-content-type-options",
			"etag", "vary", "content-encoding", "content-security-policy", "referrer-policy"))
})

// one at a time: the validator fills its caches as it goes.
var mu sync.Mutex

// Validator returns the validator of the description.
func Validator(t testing.TB) validator.Validator {
	t.Helper()
	v, errs := document()
	for _, err := range errs {
		t.Fatalf("reading api/openapi.yaml: %v", err)
	}
	return v
}

// Check fails the test if a response is not what the description says about
// the request that it answers. The body of the response stays readable.
func Check(t testing.TB, req *http.Request, resp *http.Response) {
	t.Helper()
	v := Validator(t)
	body, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatalf("reading the body of %s %s: %v", req.Method, req.URL, err)
	}
	resp.Body = io.NopCloser(bytes.NewReader(body))
	copied := *resp
	copied.Body = io.NopCloser(bytes.NewReader(body))
	problems := check(v, described(req), &copied)
	for _, p := range problems {
		t.Errorf("%s %s → %d does not keep api/openapi.yaml: %s", req.Method, req.URL, resp.StatusCode, p)
	}
	if len(problems) > 0 {
		t.Logf("body: %.2000s", body)
	}
}

// described is the request as the description has it: a workflow whose reference
// is "search" is read under the same path as another, although that path has a
// POST of its own, which the validator takes for all that there is.
func described(req *http.Request) *http.Request {
	if req.URL.Path != "/v1/workflows/search" || req.Method == http.MethodPost {
		return req
	}
	other := req.Clone(req.Context())
	other.URL.Path, other.URL.RawPath = "/v1/workflows/any", ""
	return other
}

// check returns in what a response does not keep the description.
func check(v validator.Validator, req *http.Request, resp *http.Response) []string {
	mu.Lock()
	defer mu.Unlock()
	ok, problems := v.ValidateHttpResponse(req, resp)
	if ok || unknown(problems, resp) {
		return nil
	}
	var list []string
	for _, p := range problems {
		list = append(list, p.Message+": "+p.Reason)
		for _, s := range p.SchemaValidationErrors {
			list = append(list, "at "+s.FieldPath+": "+s.Reason)
		}
	}
	return list
}

// unknown reports an error about a path or verb that the description, rightly,
// does not have.
func unknown(problems []*errors.ValidationError, resp *http.Response) bool {
	return len(problems) == 1 && resp.StatusCode >= 400 && resp.StatusCode < 500 &&
		(problems[0].ValidationType == "path" || strings.Contains(problems[0].Message, "not found"))
}
