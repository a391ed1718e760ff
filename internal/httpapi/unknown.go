package httpapi

import (
	"net/http"
	"net/url"
	"strings"

	"github.com/dunwellhq/dunwell/internal/fault"
)

// serveUnknown answers what no route answers: another version, no version, the
// wrong verb, or nothing that there is (contract A1).
func (s *server) serveUnknown(w http.ResponseWriter, r *http.Request) {
	rt := &route{path: "unknown", open: true, answer: func(*call) (reply, error) { return reply{}, s.unknown(r) }}
	s.serve(rt, w, r)
}

func (s *server) unknown(r *http.Request) error {
	first, _, _ := strings.Cut(strings.TrimPrefix(r.URL.Path, "/"), "/")
	var verbs []string
	if clean(r.URL) {
		verbs = s.verbs(r.URL)
	}
	switch {
	case len(verbs) > 0:
		allowed := strings.Join(verbs, ", ")
		return &problem{
			status: http.StatusMethodNotAllowed, code: invalidRequest, header: [2]string{"Allow", allowed},
			message: "this path takes " + allowed + ", not " + printable(r.Method),
		}
	case isVersion(first) && first != "v1":
		return &problem{
			status: http.StatusBadRequest, code: "UNSUPPORTED_VERSION",
			message: "the only version of the API is 1: begin the path with /v1/",
		}
	case s.resources[first] && first != "":
		return &problem{
			status: http.StatusBadRequest, code: "MISSING_VERSION",
			message: "the path has no version: begin it with /v1/" + first,
		}
	default:
		return fault.New(fault.NotFound, "there is nothing at this path, see /openapi.yaml for what there is")
	}
}

// verbs returns what a path takes.
func (s *server) verbs(u *url.URL) []string {
	var list []string
	for _, verb := range []string{http.MethodGet, http.MethodHead, http.MethodPost, http.MethodPut, http.MethodPatch, http.MethodDelete} {
		if _, pattern := s.mux.Handler(&http.Request{Method: verb, URL: u}); pattern != "/" && pattern != "" {
			list = append(list, verb)
		}
	}
	return list
}

// isVersion reports a path segment such as v2.
func isVersion(s string) bool {
	digits, ok := strings.CutPrefix(s, "v")
	return ok && digits != "" && strings.Trim(digits, "0123456789") == ""
}

// printable bounds a text that is quoted back.
func printable(s string) string {
	if len(s) > 20 || strings.ContainsFunc(s, blank) {
		return "that verb"
	}
	return s
}
