package e2e_test

import (
	"fmt"
	"maps"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/dunwellhq/dunwell/internal/oidctest"
)

// TestTokens: a process takes the tokens of the issuer that its settings name.
// That the issuer is down when it starts keeps it from nothing else.
func TestTokens(t *testing.T) {
	t.Parallel()
	onBoth(t, func(t *testing.T, db database) {
		issuer := oidctest.New(t)
		issuer.Stop()
		w := newWorld(t, db)
		w.process.stop(t)
		w.start(plain, "DUNWELL_OIDC_ISSUER="+issuer.URL, "DUNWELL_OIDC_AUDIENCE=dunwell",
			"DUNWELL_OIDC_PLATFORMS_CLAIM=dunwell.platforms", "DUNWELL_OIDC_ROLES=billing-admins=ADMINISTRATOR,support=READ_ONLY")
		w.must(http.MethodGet, "/v1/workflows", nil) // an API key needs no issuer
		issuer.Start()
		token := func(role string, more map[string]any) string {
			claims := issuer.Claims(time.Now(), map[string]any{"dunwell": map[string]any{"platforms": []string{"default"}}, "roles": []string{role}})
			maps.Copy(claims, more)
			return issuer.Sign(claims)
		}
		for _, tt := range []struct {
			name, method string
			body         any
			token        string
			status       int
		}{
			{"a reader reads", http.MethodGet, nil, token("support", nil), 200},
			{"a reader writes", http.MethodPost, workflowBody, token("support", nil), 403},
			{"an administrator writes", http.MethodPost, workflowBody, token("billing-admins", nil), 201},
			{"nobody reads", http.MethodGet, nil, token("visitors", nil), 403},
			{"another audience", http.MethodGet, nil, token("billing-admins", map[string]any{"aud": "other"}), 401},
			{"expired", http.MethodGet, nil, token("billing-admins", map[string]any{"exp": time.Now().Add(-time.Hour).Unix()}), 401},
			{"unsigned", http.MethodGet, nil, issuer.Unsigned(issuer.Claims(time.Now(), nil)), 401},
		} {
			status, answer := w.call(tt.method, "/v1/workflows", tt.body, "X-API-KEY", "", "Authorization", "Bearer "+tt.token)
			if status != tt.status {
				t.Errorf("%s: got %d %s, want %d", tt.name, status, answer, tt.status)
			}
		}
		if said := w.process.journal.String(); !strings.Contains(said, `"user_id":"user_`) || strings.Contains(said, "eyJ") {
			t.Error("the log: want the user's id in it, and no token")
		}
	})
}

type madeKey struct {
	ID     string `json:"id"`
	Secret string `json:"api_key"`
}

// opens reports what a secret gets from a process.
func (w *world) opens(secret string) int {
	w.Helper()
	status, _ := w.call(http.MethodGet, "/v1/workflows", nil, "X-API-KEY", secret)
	return status
}

// TestRevocationReachesEveryNode: what one process revokes or rolls, another
// refuses a moment later.
func TestRevocationReachesEveryNode(t *testing.T) {
	t.Parallel()
	onBoth(t, func(t *testing.T, db database) {
		w := newWorld(t, db)
		nodes := []*world{w}
		if !db.embedded() {
			second := &world{T: t, db: db, mail: w.mail, http: w.http}
			second.restart()
			nodes = append(nodes, second)
		}
		key := read[madeKey](w, w.must(http.MethodPost, "/v1/api-keys", object{"role_type": "READ_ONLY"}))
		role := w.create("/v1/roles", object{"name": "readers", "permissions": []string{"WORKFLOW.VIEW"}})
		mild := read[madeKey](w, w.must(http.MethodPost, "/v1/api-keys", object{"role_ids": []string{role.ID}}))
		for _, n := range nodes {
			if a, b := n.opens(key.Secret), n.opens(mild.Secret); a != 200 || b != 200 {
				t.Fatalf("new keys: got %d and %d, want 200", a, b)
			}
		}
		rolled := read[madeKey](w, w.must(http.MethodPost, "/v1/api-keys/"+key.ID+"/roll", object{"end_previous": true}))
		w.must(http.MethodPatch, "/v1/roles/"+role.ID, object{"permissions": []string{"INVOICE.VIEW"}})
		for i, n := range nodes {
			n.until(fmt.Sprintf("node %d refuses the old secret and the lost permission", i), func() (string, bool) {
				old, lost := n.opens(key.Secret), n.opens(mild.Secret)
				return fmt.Sprint(old, lost), old == 401 && lost == 403
			})
			if got := n.opens(rolled.Secret); got != 200 {
				t.Errorf("node %d, the new secret: got %d, want 200", i, got)
			}
		}
		w.must(http.MethodPatch, "/v1/api-keys/"+key.ID, object{"active": false})
		for i, n := range nodes {
			n.until(fmt.Sprintf("node %d refuses the revoked key", i), func() (string, bool) {
				got := n.opens(rolled.Secret)
				return fmt.Sprint(got), got == 401
			})
		}
	})
}

// TestRateLimitIsSet: the setting reaches the API.
func TestRateLimitIsSet(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	w := newWorld(t, database{url: "sqlite:" + dir + "/dunwell.db", dir: dir})
	w.process.stop(t)
	w.start(plain, "DUNWELL_RATE_LIMIT=1")
	w.until("a request is one too many", func() (string, bool) {
		got := w.opens(administrator)
		return fmt.Sprint(got), got == http.StatusTooManyRequests
	})
}
