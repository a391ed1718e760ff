package httpapi_test

import (
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/dunwellhq/dunwell/internal/auth"
	"github.com/dunwellhq/dunwell/internal/platform"
)

// TestPaths: versions, unknown paths and wrong verbs (contract A1).
func TestPaths(t *testing.T) {
	w := onSQLite(t)
	for _, c := range []struct {
		verb, path string
		status     int
		code       string
	}{
		{"GET", "/v2/workflows", 400, "UNSUPPORTED_VERSION"},
		{"POST", "/v10/workflows/x", 400, "UNSUPPORTED_VERSION"},
		{"GET", "/v0/nothing", 400, "UNSUPPORTED_VERSION"},
		{"GET", "/workflows", 400, "MISSING_VERSION"},
		{"PUT", "/invoices/x", 400, "MISSING_VERSION"},
		{"GET", "/", 404, "RESOURCE_NOT_FOUND"},
		{"GET", "/v1", 404, "RESOURCE_NOT_FOUND"},
		{"GET", "/v1/", 404, "RESOURCE_NOT_FOUND"},
		{"GET", "/v1/nothing", 404, "RESOURCE_NOT_FOUND"},
		{"GET", "/v1/workflows/", 404, "RESOURCE_NOT_FOUND"},
		{"GET", "/v1/workflows/x/y/z", 404, "RESOURCE_NOT_FOUND"},
		{"GET", "//v1/workflows", 404, "RESOURCE_NOT_FOUND"},
		{"GET", "/v1/../v1/workflows", 404, "RESOURCE_NOT_FOUND"},
		{"GET", "/vx/workflows", 404, "RESOURCE_NOT_FOUND"},
		{"DELETE", "/v1/workflows", 405, "INVALID_REQUEST"},
		{"PUT", "/v1/workflows/x", 405, "INVALID_REQUEST"},
		{"OPTIONS", "/v1/workflows", 405, "INVALID_REQUEST"},
		{"GET", "/v1/workflows/x/activate", 405, "INVALID_REQUEST"},
		{"GET", "/v1/ingest/resources", 405, "INVALID_REQUEST"},
		{"POST", "/livez", 405, "INVALID_REQUEST"},
	} {
		t.Run(c.verb+" "+c.path, func(t *testing.T) {
			req := httptest.NewRequest(c.verb, "/", nil)
			u, err := url.ParseRequestURI(c.path)
			if err != nil {
				u = &url.URL{Path: c.path}
			}
			if strings.HasPrefix(c.path, "//") {
				u = &url.URL{Path: c.path}
			}
			req.URL = u
			w.send(req).fails(c.status, c.code, "-") // without a key: nothing is told that is secret
		})
	}
	for path, want := range map[string]string{
		"/v1/workflows":       "GET, HEAD, POST",
		"/v1/workflows/x":     "GET, HEAD, PATCH",
		"/v1/sources/x":       "GET, HEAD, PATCH",
		"/v1/outbox":          "GET, HEAD",
		"/v1/platforms/{id}/": "",
	} {
		if got := w.do("DELETE", path, "").header.Get("Allow"); got != want {
			t.Errorf("Allow of %s: got %q, want %q", path, got, want)
		}
	}
}

func TestHeadIsGetWithoutBody(t *testing.T) {
	w := onSQLite(t)
	req := httptest.NewRequest(http.MethodHead, "/livez", nil)
	rec := httptest.NewRecorder()
	w.handler.ServeHTTP(rec, req)
	if rec.Code != 200 || rec.Body.Len() != 0 {
		t.Errorf("got %d with %d bytes, want 200 with none", rec.Code, rec.Body.Len())
	}
}

const draft = `{"name":"n","type":"INVOICE","reference":"r","status":"DRAFT"}`

// TestBodies: what can be read at all (contract A1).
func TestBodies(t *testing.T) {
	w := onSQLite(t)
	deep := strings.Repeat(`{"a":`, 32) + "1" + strings.Repeat("}", 32)
	for name, c := range map[string]struct {
		body, contentType string
		status            int
		code              string
	}{
		"none":                {"", "application/json", 400, "BAD_REQUEST"},
		"none, no type":       {"", "", 400, "BAD_REQUEST"},
		"no type":             {draft, "", 415, "UNSUPPORTED_MEDIA_TYPE"},
		"text":                {draft, "text/plain", 415, "UNSUPPORTED_MEDIA_TYPE"},
		"form":                {draft, "application/x-www-form-urlencoded", 415, "UNSUPPORTED_MEDIA_TYPE"},
		"merge patch on post": {draft, "application/merge-patch+json", 415, "UNSUPPORTED_MEDIA_TYPE"},
		"other charset":       {draft, "application/json; charset=latin1", 415, "UNSUPPORTED_MEDIA_TYPE"},
		"malformed type":      {draft, "application/json;;=", 415, "UNSUPPORTED_MEDIA_TYPE"},
		"malformed":           {`{"name":`, "application/json", 400, "BAD_REQUEST"},
		"trailing data":       {draft + "{}", "application/json", 400, "BAD_REQUEST"},
		"trailing garbage":    {draft + " x", "application/json", 400, "BAD_REQUEST"},
		"trailing NUL":        {draft + "\x00", "application/json", 400, "BAD_REQUEST"},
		"duplicate":           {`{"name":"a","name":"b"}`, "application/json", 400, "BAD_REQUEST"},
		"duplicate, deep":     {`{"x":{"a":1,"a":2}}`, "application/json", 400, "BAD_REQUEST"},
		"duplicate, escaped":  {`{"name":"a","n\u0061me":"b"}`, "application/json", 400, "BAD_REQUEST"},
		"invalid UTF-8":       {"{\"name\":\"\xff\"}", "application/json", 400, "BAD_REQUEST"},
		"lone surrogate":      {`{"name":"\ud800"}`, "application/json", 400, "BAD_REQUEST"},
		"byte order mark":     {"\ufeff" + draft, "application/json", 400, "BAD_REQUEST"},
		"comment":             {`/* */` + draft, "application/json", 400, "BAD_REQUEST"},
		"NaN":                 {`{"name":NaN}`, "application/json", 400, "BAD_REQUEST"},
		"too deep":            {`{"a":` + deep + `}`, "application/json", 400, "BAD_REQUEST"},
		"far too deep":        {strings.Repeat("[", 100_000), "application/json", 400, "BAD_REQUEST"},
		"deep enough":         {deep, "application/json", 400, "MISSING_FIELD"},
		"too many values":     {"[" + strings.Repeat("0,", 70_000) + "0]", "application/json", 400, "BAD_REQUEST"},
		"too large":           {`{"name":"` + strings.Repeat("x", 1<<20) + `"}`, "application/json", 413, "BAD_REQUEST"},
		"a list":              {`[]`, "application/json", 400, "INVALID_FIELD"},
		"null":                {`null`, "application/json", 400, "INVALID_FIELD"},
		"charset":             {`{}`, "application/json; charset=UTF-8", 400, "MISSING_FIELD"},
		"upper case type":     {`{}`, "Application/JSON", 400, "MISSING_FIELD"},
	} {
		t.Run(name, func(t *testing.T) {
			r := w.do("POST", "/v1/workflows", c.body, "Content-Type", c.contentType)
			if r.status != c.status || r.text("code") != c.code {
				t.Errorf("got %d %s, want %d %s: %s", r.status, r.text("code"), c.status, c.code, r.body)
			}
		})
	}
	w.do("POST", "/v1/workflows", draft, "Content-Type", "application/json; charset=utf-8").want(201)
	w.do("PATCH", "/v1/workflows/r", `{"name":"m"}`, "Content-Type", "application/merge-patch+json").want(200)
	w.do("POST", "/v1/workflows/r/activate", `{"x":`).fails(400, "BAD_REQUEST", "-")
	w.do("POST", "/v1/workflows/r/archive", "{}", "Content-Type", "text/plain").fails(415, "UNSUPPORTED_MEDIA_TYPE", "-")
	w.do("POST", "/v1/workflows/r/archive", "{}", "Content-Type", "").fails(415, "UNSUPPORTED_MEDIA_TYPE", "-")
	w.do("POST", "/v1/workflows/r/archive", "", "Content-Type", "text/plain").want(200)
	w.do("POST", "/v1/workflows/r/archive", "{}").want(200)
}

// TestCredentials: who is let in (contract A1).
func TestCredentials(t *testing.T) {
	w := onSQLite(t)
	revoked := w.newKey(auth.Key{Role: auth.Administrator, Platforms: []platform.ID{w.p}})
	w.revoke(revoked)
	expired := w.newKey(auth.Key{Role: auth.Administrator, Platforms: []platform.ID{w.p}, ExpiresAt: w.now})
	twin := w.newKey(auth.Key{Role: auth.Administrator, Platforms: []platform.ID{w.p}})
	for name, c := range map[string]struct {
		header []string
		status int
	}{
		"key":                    {[]string{"X-API-KEY", w.key}, 200},
		"bearer":                 {[]string{"X-API-KEY", "", "Authorization", "Bearer " + w.key}, 200},
		"bearer in lower case":   {[]string{"X-API-KEY", "", "Authorization", "bearer " + w.key}, 200},
		"both, one principal":    {[]string{"Authorization", "Bearer " + w.key}, 200},
		"both, two principals":   {[]string{"Authorization", "Bearer " + twin}, 401},
		"both, one bad":          {[]string{"Authorization", "Bearer x"}, 401},
		"both, one of no scheme": {[]string{"Authorization", "Basic eDp5"}, 401},
		"none":                   {[]string{"X-API-KEY", ""}, 401},
		"unknown":                {[]string{"X-API-KEY", strings.Repeat("x", 40)}, 401},
		"huge":                   {[]string{"X-API-KEY", strings.Repeat("x", 40_000)}, 401},
		"prefix":                 {[]string{"X-API-KEY", w.key[:len(w.key)-1]}, 401},
		"revoked":                {[]string{"X-API-KEY", revoked}, 401},
		"expired":                {[]string{"X-API-KEY", expired}, 401},
		"basic":                  {[]string{"X-API-KEY", "", "Authorization", "Basic " + w.key}, 401},
		"empty bearer":           {[]string{"X-API-KEY", "", "Authorization", "Bearer"}, 401},
	} {
		t.Run(name, func(t *testing.T) {
			r := w.do("GET", "/v1/workflows", "", c.header...).want(c.status)
			if c.status == 401 {
				r.fails(401, "UNAUTHORISED", "-")
			}
		})
	}
}

// TestRevocation: a revoked key is refused within a second.
func TestRevocation(t *testing.T) {
	w := onSQLite(t)
	w.do("GET", "/v1/workflows", "").want(200)
	w.revoke(w.key)
	w.advance(time.Second)
	w.do("GET", "/v1/workflows", "").fails(401, "UNAUTHORISED", "-")
}

// TestPlatformHeader: x-platform-id names one of the key's platforms, and what
// is none of them is refused alike whether it exists or not.
func TestPlatformHeader(t *testing.T) {
	w := onSQLite(t)
	both := w.newKey(auth.Key{Role: auth.Administrator, Platforms: []platform.ID{w.other, w.p}})
	bootstrap := w.newKey(auth.Key{Role: auth.Administrator, Bootstrap: true})
	none := w.newKey(auth.Key{Role: auth.Administrator})
	w.do("POST", "/v1/workflows", draft).want(201)
	for name, c := range map[string]struct {
		key, platform string
		status        int // of reading a workflow that lies on w.p
	}{
		"own":                       {w.key, string(w.p), 200},
		"foreign":                   {w.key, string(w.other), 403},
		"missing":                   {w.key, "plat_00000000000000000000", 403},
		"garbage":                   {w.key, "\x01 x", 403},
		"default of several":        {both, "", 404},
		"one of several":            {both, string(w.p), 200},
		"bootstrap default":         {bootstrap, "", 200},
		"bootstrap":                 {bootstrap, string(w.p), 200},
		"bootstrap, other":          {bootstrap, string(w.other), 404},
		"bootstrap, missing":        {bootstrap, "plat_00000000000000000000", 403},
		"bootstrap, no text":        {bootstrap, "\x00", 403},
		"a key without platforms":   {none, "", 403},
		"a key without, and a name": {none, string(w.p), 403},
	} {
		t.Run(name, func(t *testing.T) {
			r := w.do("GET", "/v1/workflows/r", "", "X-API-KEY", c.key, "x-platform-id", c.platform).want(c.status)
			if c.status == 403 {
				r.fails(403, "USER_NOT_ALLOWED", "-")
			}
		})
	}
}
