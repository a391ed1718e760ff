package httpapi

import (
	"bytes"
	"compress/gzip"
	"crypto/sha256"
	"embed"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strconv"
	"strings"
	"sync"

	"github.com/swaggest/swgui/v5/static"

	"github.com/dunwellhq/dunwell/api"
	"github.com/dunwellhq/dunwell/internal/fault"
)

// pageFiles are ours of the page that shows the description; the viewer itself
// is Swagger UI, compressed.
//
//go:embed docs
var pageFiles embed.FS

// contentPolicy lets the page load what this server has, and nothing else from
// anywhere: no script or style of its own text, no frame, no foreign host.
const contentPolicy = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self'; " +
	"base-uri 'none'; form-action 'none'; frame-ancestors 'none'"

// asset is a text that is the same for everybody, compressed.
type asset struct {
	contentType string
	packed      []byte
}

// assets are the description and the page that shows it, by their paths.
var assets = sync.OnceValues(func() (map[string]asset, error) {
	var errs []error
	read := func(from embed.FS, name string) []byte {
		text, err := from.ReadFile(name)
		errs = append(errs, err)
		return text
	}
	all := map[string]asset{
		"/openapi.yaml":              {"application/yaml", pack(api.Document)},
		"/docs":                      {"text/html; charset=utf-8", pack(read(pageFiles, "docs/index.html"))},
		"/docs/start.js":             {"text/javascript; charset=utf-8", pack(read(pageFiles, "docs/start.js"))},
		"/docs/swagger-ui-bundle.js": {"text/javascript; charset=utf-8", read(static.FS, "swagger-ui-bundle.js.gz")},
		"/docs/swagger-ui.css":       {"text/css; charset=utf-8", read(static.FS, "swagger-ui.css.gz")},
	}
	return all, errors.Join(errs...)
})

func pack(text []byte) []byte {
	var b bytes.Buffer
	w := gzip.NewWriter(&b)
	_, _ = w.Write(text) // to memory it cannot fail
	_ = w.Close()
	return b.Bytes()
}

// tag names an asset by its content. It is a weak one: it is the same whether the
// text is sent compressed or not.
func (a asset) tag() string {
	hash := sha256.Sum256(a.packed)
	return `W/"` + hex.EncodeToString(hash[:16]) + `"`
}

// asset answers with what lies at the path, or that the caller has it already.
// It may be kept, and has to be asked about: another version of the program has
// another.
func (s *server) asset(c *call) (reply, error) {
	all, err := assets()
	if err != nil {
		return reply{}, fmt.Errorf("reading what is embedded: %w", err)
	}
	a, ok := all[c.URL.Path]
	if !ok {
		return reply{}, fault.New(fault.NotFound, "there is no file %q here", c.PathValue("file"))
	}
	tag := a.tag()
	out := reply{status: http.StatusOK, contentType: a.contentType, body: a.packed, extra: http.Header{
		"Etag":                    {tag},
		"Cache-Control":           {"no-cache"},
		"Vary":                    {"Accept-Encoding"},
		"Content-Security-Policy": {contentPolicy},
		"Referrer-Policy":         {"no-referrer"},
	}}
	switch {
	case namesTag(c.Header.Values("If-None-Match"), tag):
		out.status, out.body = http.StatusNotModified, nil
	case takesGzip(c.Header.Values("Accept-Encoding")):
		out.extra.Set("Content-Encoding", "gzip")
	default:
		out.body, err = unpack(a.packed)
	}
	return out, err
}

func unpack(packed []byte) ([]byte, error) {
	r, err := gzip.NewReader(bytes.NewReader(packed))
	if err != nil {
		return nil, fmt.Errorf("unpacking what is embedded: %w", err)
	}
	return io.ReadAll(r)
}

// namesTag reports whether a list of tags has one.
func namesTag(headers []string, tag string) bool {
	for one := range strings.SplitSeq(strings.Join(headers, ","), ",") {
		if one = strings.TrimSpace(one); one == "*" || strings.TrimPrefix(one, "W/") == strings.TrimPrefix(tag, "W/") {
			return true
		}
	}
	return false
}

// takesGzip reports whether gzip is named with a weight above zero.
func takesGzip(headers []string) bool {
	for one := range strings.SplitSeq(strings.Join(headers, ","), ",") {
		coding, weight, _ := strings.Cut(one, ";")
		if coding = strings.ToLower(strings.TrimSpace(coding)); coding != "gzip" && coding != "*" {
			continue
		}
		q, weighted := strings.CutPrefix(strings.TrimSpace(weight), "q=")
		if f, err := strconv.ParseFloat(q, 64); !weighted || err == nil && f > 0 {
			return true
		}
	}
	return false
}
