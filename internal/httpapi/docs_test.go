package httpapi_test

import (
	"bytes"
	"compress/gzip"
	"io"
	"regexp"
	"strings"
	"testing"

	"github.com/dunwellhq/dunwell/api"
)

// unzipped is the body of a response as a browser sees it.
func (r response) unzipped() string {
	r.w.Helper()
	if r.header.Get("Content-Encoding") != "gzip" {
		return string(r.body)
	}
	z, err := gzip.NewReader(bytes.NewReader(r.body))
	r.w.must(err)
	text, err := io.ReadAll(z)
	r.w.must(err)
	return string(text)
}

// TestDocs: the page and all that it asks for come from this server, and the
// browser is told to take nothing from elsewhere.
func TestDocs(t *testing.T) {
	w := onSQLite(t)
	read := func(path string) response {
		t.Helper()
		return w.do("GET", path, "", "X-API-KEY", "", "Accept-Encoding", "br, gzip").want(200)
	}
	page := read("/docs")
	if got := page.header.Get("Content-Type"); got != "text/html; charset=utf-8" {
		t.Errorf("the page is %q", got)
	}
	const policy = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
	if got := page.header.Get("Content-Security-Policy"); got != policy {
		t.Errorf("policy: got %q", got)
	}
	html := page.unzipped()
	if regexp.MustCompile(`(?i)<script[^>]*>[^<]|<style| style=| on[a-z]+=|javascript:`).MatchString(html) {
		t.Errorf("the page has script or style in itself, which its policy forbids:\n%s", html)
	}
	texts := map[string]string{"/docs": html}
	for _, found := range regexp.MustCompile(`(?:src|href)="([^"]*)"`).FindAllStringSubmatch(html, -1) {
		if found[1] == "data:," || found[1] == "openapi.yaml" {
			continue
		}
		name, ok := strings.CutPrefix(found[1], "docs/")
		if !ok || strings.ContainsAny(name, ":/") {
			t.Errorf("the page loads %q, want something beside it", found[1])
			continue
		}
		file := read("/docs/" + name)
		texts["/docs/"+name] = file.unzipped()
		kind := map[string]string{"js": "text/javascript; charset=utf-8", "css": "text/css; charset=utf-8"}[name[strings.LastIndex(name, ".")+1:]]
		if got := file.header.Get("Content-Type"); got != kind || file.header.Get("X-Content-Type-Options") != "nosniff" {
			t.Errorf("%s is %q, want %q", name, got, kind)
		}
	}
	if len(texts) != 4 {
		t.Errorf("the page loads %d files, want its style, the viewer and its start", len(texts)-1)
	}
	// The viewer knows addresses to link to. What is loaded without being asked
	// for stands in a style or in the start.
	for name, loads := range map[string]string{"/docs/swagger-ui.css": `(?i)url\(.{0,40}|@import.{0,40}`, "/docs/start.js": `.{0,20}(?:https?:)?//[a-z].{0,20}`} {
		for _, url := range regexp.MustCompile(loads).FindAllString(texts[name], -1) {
			if !regexp.MustCompile(`^url\(["']?data:`).MatchString(url) {
				t.Errorf("%s loads from elsewhere: %s", name, url)
			}
		}
	}
	if !strings.Contains(texts["/docs/start.js"], `url: "openapi.yaml"`) || !strings.Contains(texts["/docs/start.js"], `validatorUrl: "none"`) {
		t.Errorf("the start of the viewer: %s", texts["/docs/start.js"])
	}
	w.do("GET", "/docs/nothing.js", "", "X-API-KEY", "").fails(404, "RESOURCE_NOT_FOUND", "-")
	w.do("GET", "/docs/", "", "X-API-KEY", "").fails(404, "RESOURCE_NOT_FOUND", "-")
}

// TestAssets: compressed for who can read that, and not sent to who has it.
func TestAssets(t *testing.T) {
	w := onSQLite(t)
	for _, path := range []string{"/openapi.yaml", "/docs", "/docs/start.js", "/docs/swagger-ui-bundle.js", "/docs/swagger-ui.css"} {
		for accepts, want := range map[string]string{
			"": "", "gzip": "gzip", "GZIP;q=0.5": "gzip", "*": "gzip", "br, gzip": "gzip",
			"br": "", "gzip;q=0": "", "gzip;q=0.000, br": "", "gzip;q=x": "", "x-gzip": "",
		} {
			r := w.do("GET", path, "", "X-API-KEY", "", "Accept-Encoding", accepts).want(200)
			if got := r.header.Get("Content-Encoding"); got != want {
				t.Errorf("%s for who accepts %q is encoded as %q, want %q", path, accepts, got, want)
			}
			if r.header.Get("Vary") != "Accept-Encoding" || r.header.Get("Cache-Control") != "no-cache" {
				t.Errorf("%s: %v", path, r.header)
			}
			if plain := w.do("GET", path, "").unzipped(); plain == "" || plain != r.unzipped() {
				t.Errorf("%s for who accepts %q is another text", path, accepts)
			}
		}
		tag := w.do("GET", path, "").header.Get("ETag")
		for has, want := range map[string]int{tag: 304, strings.TrimPrefix(tag, "W/"): 304, `"x", ` + tag: 304, "*": 304, `W/"x"`: 200, "": 200} {
			r := w.do("GET", path, "", "If-None-Match", has).want(want)
			if (len(r.body) == 0) != (want == 304) || r.header.Get("ETag") != tag {
				t.Errorf("%s for who has %s: %d bytes, ETag %s", path, has, len(r.body), r.header.Get("ETag"))
			}
		}
	}
	if got := w.do("GET", "/openapi.yaml", "").unzipped(); got != string(api.Document) {
		t.Error("the description is not the one that is embedded")
	}
}
