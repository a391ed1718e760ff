package e2e_test

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/dunwellhq/dunwell/internal/apitest"
	"github.com/dunwellhq/dunwell/internal/conformance"
	"github.com/dunwellhq/dunwell/internal/oidctest"
	"github.com/dunwellhq/dunwell/internal/pgtest"
)

// scenarios are those of testdata/conformance, whose README says how they are
// written and what rule each of them shows.
const scenarios = "testdata/conformance"

func readScenarios(t *testing.T) []conformance.Scenario {
	t.Helper()
	list, err := conformance.Read(os.DirFS(scenarios))
	if err != nil {
		t.Fatal(err)
	}
	return list
}

// TestConformance runs every scenario on both databases, each on a platform of
// its own. One section, or one scenario: -run 'Conformance/A4',
// -run 'Conformance/A4/sqlite/periods'.
func TestConformance(t *testing.T) {
	t.Parallel()
	list := readScenarios(t)
	issuer := oidctest.New(t)
	servers := map[string]*server{}
	for _, name := range databases {
		if name == "sqlite" || pgtest.Available() {
			servers[name] = newServer(t, newDatabase(t, name), issuer)
		}
	}
	for len(list) > 0 {
		group := list[0].Group
		end := slices.IndexFunc(list, func(s conformance.Scenario) bool { return s.Group != group })
		if end < 0 {
			end = len(list)
		}
		t.Run(group, func(t *testing.T) { runGroup(t, list[:end], servers) })
		list = list[end:]
	}
	for name, s := range servers {
		s.until("every request stands in the log of "+name, s.logged)
		t.Logf("%s: %d steps in %s", name, s.steps.Load(), s.took.Round(time.Millisecond))
	}
}

var databases = []string{"sqlite", "postgres"}

// runGroup runs scenarios on one database after the other, and beside each
// other on each.
func runGroup(t *testing.T, list []conformance.Scenario, servers map[string]*server) {
	for _, name := range databases {
		s, begin := servers[name], time.Now()
		t.Run(name, func(t *testing.T) {
			if s == nil {
				pgtest.URL(t) // skips, or in CI fails
			}
			for _, scenario := range list {
				t.Run(scenario.Name, func(t *testing.T) {
					t.Parallel()
					own := s
					if scenario.Serve != nil {
						own = newServer(t, newDatabase(t, name), s.issuer, scenario.Serve...)
					}
					own.run(t, scenario)
				})
			}
		})
		if s != nil {
			s.took += time.Since(begin)
		}
	}
}

// logged reports whether the log names every answer that came back.
func (s *server) logged() (found string, ok bool) {
	log := s.process.journal.String()
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, m := range requestIDs.FindAllStringSubmatch(log, -1) {
		delete(s.seen, m[1])
	}
	return fmt.Sprintf("%d answers that it does not", len(s.seen)), len(s.seen) == 0
}

var requestIDs = regexp.MustCompile(`"request_id":"([^"]*)"`)

func newDatabase(t *testing.T, name string) database {
	t.Helper()
	dir := t.TempDir()
	if name == "sqlite" {
		return database{url: "sqlite:" + filepath.Join(dir, "dunwell.db"), dir: dir}
	}
	return database{url: pgtest.URL(t), dir: dir}
}

// server is a process that scenarios are run against.
type server struct {
	*world
	issuer *oidctest.Issuer
	steps  atomic.Int64  // taken so far
	took   time.Duration // by all scenarios

	mu   sync.Mutex
	seen map[string]bool // ids of requests that have been answered
}

func newServer(t *testing.T, db database, issuer *oidctest.Issuer, env ...string) *server {
	t.Helper()
	client := &http.Client{
		Transport:     &http.Transport{MaxIdleConnsPerHost: 16, DisableCompression: true},
		Timeout:       patience,
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}
	t.Cleanup(client.CloseIdleConnections)
	s := &server{world: &world{T: t, db: db, http: client}, issuer: issuer, seen: map[string]bool{}}
	s.start(plain, append([]string{
		"DUNWELL_OIDC_ISSUER=" + issuer.URL, "DUNWELL_OIDC_AUDIENCE=dunwell",
		"DUNWELL_OIDC_ROLES=administrators=ADMINISTRATOR,readers=READ_ONLY",
	}, env...)...)
	s.process.quiet = true
	return s
}

// play is one run of one scenario.
type play struct {
	*testing.T
	*server
	values map[string]string
	bodies map[string]string
}

// run takes the steps in turn. What follows one that fails would prove nothing.
func (s *server) run(t *testing.T, scenario conformance.Scenario) {
	t.Helper()
	p := &play{T: t, server: s, values: map[string]string{"bootstrap": administrator, "unique": fmt.Sprint("unique-", next())}, bodies: map[string]string{}}
	p.settle(scenario)
	for _, step := range scenario.Steps {
		filled, err := step.Fill(p.values, time.Now())
		if err != nil {
			t.Fatal(err)
		}
		if !p.take(filled) {
			return
		}
	}
}

// settle makes the scenario's platform and the key of its administrator.
func (p *play) settle(scenario conformance.Scenario) {
	p.Helper()
	make := func(path, body, platform string, v any) {
		p.Helper()
		step := conformance.Step{Verb: "POST", Path: path, Body: body, HasBody: true, Header: [][2]string{{"X-API-KEY", administrator}, {"X-Platform-Id", platform}}}
		answer := p.send(step)
		if err := json.Unmarshal(answer.body, v); err != nil || answer.status != http.StatusCreated {
			p.T.Fatalf("POST %s: got %d %s, %v", path, answer.status, answer.body, err)
		}
	}
	var platform created
	make("/v1/platforms", fmt.Sprintf(`{"reference":%q,"name":%q,"environment":"LIVE"}`, p.values["unique"], scenario.Group), "", &platform)
	var key madeKey
	make("/v1/api-keys", `{"description":"administrator"}`, platform.ID, &key)
	p.values["platform"], p.values["key"], p.values["key_id"] = platform.ID, key.Secret, key.ID
	for name, token := range p.tokens() {
		if scenario.Leaves(name) {
			p.values[name] = token()
		}
	}
}

// tokens are those of the issuer, good and bad.
func (p *play) tokens() map[string]func() string {
	claims := func(role string, more map[string]any) map[string]any {
		c := p.issuer.Claims(time.Now(), more)
		c["platforms"], c["roles"] = []string{p.values["platform"]}, []string{role}
		return c
	}
	return map[string]func() string{
		"token":        func() string { return p.issuer.Sign(claims("administrators", nil)) },
		"reader_token": func() string { return p.issuer.Sign(claims("readers", nil)) },
		"nobody_token": func() string { return p.issuer.Sign(claims("visitors", nil)) },
		"expired_token": func() string {
			return p.issuer.Sign(claims("administrators", map[string]any{"exp": time.Now().Add(-time.Hour).Unix()}))
		},
		"other_audience_token": func() string { return p.issuer.Sign(claims("administrators", map[string]any{"aud": "other"})) },
		"unsigned_token":       func() string { return p.issuer.Unsigned(claims("administrators", nil)) },
		"forged_token":         func() string { return p.issuer.Confused(claims("administrators", nil)) },
	}
}

// take sends a step, again and again if it is to be so eventually, and reports
// how the answer differs from what must come back.
func (p *play) take(step conformance.Step) bool {
	p.T.Helper()
	p.steps.Add(1)
	var a answer
	var wrong []string
	for deadline := time.Now().Add(patience); ; time.Sleep(20 * time.Millisecond) {
		a = p.send(step)
		wrong = p.judge(step, a)
		if len(wrong) == 0 || !step.Want.Eventually || time.Now().After(deadline) {
			break
		}
	}
	a.Body = io.NopCloser(strings.NewReader(string(a.body)))
	apitest.Check(p.T, a.request, a.Response)
	if len(wrong) > 0 {
		p.T.Errorf("%s: %s %s\n  %s\n  request:  %.2000s\n  response: %d %.4000s\n  headers:  %v\n  log:      %s", step.Place, step.Verb, step.Path,
			strings.Join(wrong, "\n  "), step.Body, a.status, a.body, a.Header, p.process.journal.about(a.Header.Get("X-REQUEST-ID")))
	}
	return !p.T.Failed()
}

// answer is a response that has been read.
type answer struct {
	*http.Response
	request *http.Request
	status  int
	body    []byte
}

// send sends the request of a step, as the scenario's administrator unless it
// says otherwise.
func (p *play) send(step conformance.Step) answer {
	p.T.Helper()
	var body io.Reader
	if step.HasBody {
		body = strings.NewReader(step.Body)
	}
	request, err := http.NewRequestWithContext(p.T.Context(), step.Verb, p.process.url+strings.TrimPrefix(step.Path, "*"), body)
	if err != nil {
		p.T.Fatalf("%s: %v", step.Place, err)
	}
	if step.Path == "*" { // no path at all
		request.URL.Opaque = "*"
	}
	request.Header.Set("X-API-KEY", p.values["key"])
	if step.HasBody {
		request.Header.Set("Content-Type", "application/json")
	}
	given := map[string]bool{}
	for _, h := range step.Header {
		name := http.CanonicalHeaderKey(h[0])
		if !given[name] {
			request.Header.Del(name)
		}
		given[name] = true
		switch h[1] {
		case "":
		case `""`:
			request.Header.Add(name, "")
		default:
			request.Header.Add(name, h[1])
		}
	}
	response, err := p.http.Do(request)
	if err != nil {
		p.T.Fatalf("%s: %s %s: %v", step.Place, step.Verb, step.Path, err)
	}
	defer response.Body.Close()
	a := answer{Response: response, request: request, status: response.StatusCode}
	if a.body, err = io.ReadAll(response.Body); err != nil {
		p.T.Fatalf("%s: %s %s: %v", step.Place, step.Verb, step.Path, err)
	}
	return a
}

// judge says how an answer differs from what must come back.
func (p *play) judge(step conformance.Step, a answer) []string {
	want := step.Want
	wrong := p.always(a, want)
	if a.status != want.Status {
		return append(wrong, fmt.Sprintf("status: got %d, want %d %s %s", a.status, want.Status, want.Code, want.Field))
	}
	for _, h := range want.Header {
		wrong = append(wrong, conformance.Match(map[string]any{h[0]: h[1]}, headers(a.Header, h[0]), false, p.values)...)
	}
	if want.Same != "" && p.bodies[want.Same] != string(a.body) {
		wrong = append(wrong, fmt.Sprintf("body: got another, want that kept as %s: %s", want.Same, p.bodies[want.Same]))
	}
	if want.Code == "" && want.Body == nil {
		p.keep(want, a)
		return wrong
	}
	got, err := conformance.Decode(a.body)
	if err != nil {
		return append(wrong, fmt.Sprintf("the body is no JSON: %v", err))
	}
	if want.Code != "" {
		wrong = append(wrong, problemOf(got, want, p.values)...)
	}
	if want.Body != nil {
		wrong = append(wrong, conformance.Match(want.Body, got, want.Exactly, p.values)...)
	}
	p.keep(want, a)
	return wrong
}

func (p *play) keep(want conformance.Answer, a answer) {
	if want.Keep != "" {
		p.bodies[want.Keep] = string(a.body)
	}
}

// headers is one header as a document: absent, or its values.
func headers(h http.Header, name string) map[string]any {
	values := h.Values(name)
	if len(values) == 0 {
		return map[string]any{}
	}
	return map[string]any{name: strings.Join(values, ", ")}
}

// problemOf holds an error to the one form that errors have.
func problemOf(got any, want conformance.Answer, kept map[string]string) []string {
	whose := "INVALID_REQUEST"
	if want.Status >= http.StatusInternalServerError {
		whose = "API_ERROR"
	}
	body := map[string]any{
		"type": whose, "code": want.Code, "message": "<text>", "field": want.Field, "resource_id": "<any>", "resource_type": "<any>",
	}
	if want.Field == "-" {
		body["field"] = nil
	}
	return conformance.Match(body, got, true, kept)
}

var (
	requestID = regexp.MustCompile(`^reqr_[0-9A-Za-z]{20}$`)
	// A time that a text quotes, as conditions do, ends at an escaped quote.
	fraction = regexp.MustCompile(`"[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9:]{8}(\.[0-9]+|[+-][0-9:]+|Z[^"\\])`)
)

// always is what holds for every answer.
func (p *play) always(a answer, want conformance.Answer) (wrong []string) {
	id := a.Header.Get("X-REQUEST-ID")
	p.mu.Lock()
	if !requestID.MatchString(id) || p.seen[id] {
		wrong = append(wrong, fmt.Sprintf("X-REQUEST-ID: got %q, want reqr_ with 20 base-62 characters that no other answer has", id))
	}
	p.seen[id] = true
	p.mu.Unlock()
	named := slices.ContainsFunc(want.Header, func(h [2]string) bool { return strings.EqualFold(h[0], "Content-Type") })
	if got := a.Header.Get("Content-Type"); got != "application/json" && !named {
		wrong = append(wrong, fmt.Sprintf("Content-Type: got %q, want application/json", got))
	}
	if at := fraction.Find(a.body); at != nil {
		wrong = append(wrong, fmt.Sprintf("time: got %s, want UTC with Z and without fraction", at))
	}
	return wrong
}
