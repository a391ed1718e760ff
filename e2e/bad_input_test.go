package e2e_test

import (
	"encoding/base64"
	"net"
	"net/http"
	"os"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/dunwellhq/dunwell/internal/pgtest"
)

const workflowBody = `{"name": "W", "type": "INVOICE", "reference": "other", "status": "ACTIVE", "invoice": {"variant": "TO_FINAL"}}`

func TestBadRequests(t *testing.T) {
	t.Parallel()
	onBoth(t, func(t *testing.T, db database) {
		w := newWorld(t, db)
		deep := strings.Repeat(`{"a":`, 40) + `1` + strings.Repeat(`}`, 40)
		edit := func(from, to string) string { return strings.Replace(workflowBody, from, to, 1) }
		type call struct {
			name, method, path string
			body               any
			header             []string
			status             int
			code, field        string
		}
		for _, tt := range []call{
			{"half a document", "POST", "/v1/workflows", `{"name": "W`, nil, 400, "BAD_REQUEST", ""},
			{"nothing", "POST", "/v1/workflows", ``, nil, 400, "BAD_REQUEST", ""},
			{"two documents", "POST", "/v1/workflows", workflowBody + `{}`, nil, 400, "BAD_REQUEST", ""},
			{"a member twice", "POST", "/v1/workflows", edit(`"name": "W"`, `"name": "W", "name": "V"`), nil, 400, "BAD_REQUEST", ""},
			{"not UTF-8", "POST", "/v1/workflows", edit(`"W"`, "\"\xff\xfe\""), nil, 400, "BAD_REQUEST", ""},
			{"too deep", "POST", "/v1/workflows", deep, nil, 400, "BAD_REQUEST", ""},
			{"too large", "POST", "/v1/workflows", edit(`"W"`, `"`+strings.Repeat("x", 2<<20)+`"`), nil, 413, "BAD_REQUEST", ""},
			{"another content type", "POST", "/v1/workflows", workflowBody, []string{"Content-Type", "text/plain"}, 415, "UNSUPPORTED_MEDIA_TYPE", ""},
			{"a list", "POST", "/v1/workflows", `[]`, nil, 400, "", ""},
			{"a number for a name", "POST", "/v1/workflows", edit(`"W"`, `5`), nil, 400, "INVALID_FIELD", "name"},
			{"a NUL in a name", "POST", "/v1/workflows", edit(`"W"`, `"a\u0000b"`), nil, 400, "INVALID_FIELD", "name"},
			{"half a surrogate in a name", "POST", "/v1/workflows", edit(`"W"`, `"a\ud800b"`), nil, 400, "", ""},
			{"no name", "POST", "/v1/workflows", edit(`"name": "W", `, ``), nil, 400, "MISSING_FIELD", "name"},
			{"an unknown variant", "POST", "/v1/workflows", edit(`TO_FINAL`, `TO_FINALE`), nil, 400, "INVALID_FIELD", "invoice.variant"},
			{"null for a block", "POST", "/v1/workflows", edit(`{"variant": "TO_FINAL"}`, `null`), nil, 400, "INVALID_FIELD", "invoice"},
			{"an unknown customer", "POST", "/v1/workflows", edit(`"name"`, `"customer_ids": ["cust_nobody"], "name"`), nil, 400, "RESOURCES_NOT_FOUND", ""},
			{"an unknown workflow of an action", "POST", "/v1/workflow-actions", object{
				"workflow_id": "wkfl_nobody", "type": "SEND_EMAIL_TO_CUSTOMER", "status": "ACTIVE",
				"send_email_to_customer": object{"integration_id": w.integration, "template_name": "default", "variant": "INVOICE"},
			}, nil, 400, "RESOURCE_NOT_FOUND", "workflow_id"},
			{"a mailbox with a line break", "PUT", "/v1/customers/cust_1", object{"status": "ACTIVE", "email": "a@example.com\r\nBcc: b@example.com"}, nil, 400, "INVALID_FIELD", "email"},
			{"an amount in words", "PUT", "/v1/invoices/invo_1", object{"status": "FINAL", "customer_id": "cust_1", "open_invoice_amount": object{"quantity": "much", "currency": "EUR"}}, nil, 400, "INVALID_FIELD", "open_invoice_amount.quantity"},
			{"a version beyond all numbers", "PUT", "/v1/customers/cust_1", `{"status": "ACTIVE", "source_version": 1e400}`, nil, 400, "INVALID_FIELD", "source_version"},
			{"an unknown workflow", "GET", "/v1/workflows/wkfl_nobody", nil, nil, 404, "RESOURCE_NOT_FOUND", ""},
			{"an unknown execution", "GET", "/v1/workflow-executions/wkex_nobody", nil, nil, 404, "RESOURCE_NOT_FOUND", ""},
			{"an unknown platform", "PATCH", "/v1/platforms/plat_nobody", object{"sending": "PAUSED"}, nil, 404, "RESOURCE_NOT_FOUND", ""},
			{"a name with a NUL", "GET", "/v1/customers/%00", nil, nil, 404, "RESOURCE_NOT_FOUND", ""},
			{"a name that is not UTF-8", "GET", "/v1/customers/%ff", nil, nil, 404, "RESOURCE_NOT_FOUND", ""},
			{"a filter with a NUL", "GET", "/v1/invoices?customer_id=%00", nil, nil, 400, "INVALID_FIELD", "customer_id"},
			{"page zero", "GET", "/v1/workflows?page=0", nil, nil, 400, "INVALID_FIELD", "page"},
			{"no limit", "GET", "/v1/workflows?limit=100000000000000000000", nil, nil, 400, "INVALID_FIELD", "limit"},
			{"an unknown status", "GET", "/v1/workflow-executions?statuses[]=LOST", nil, nil, 400, "INVALID_FIELD", "statuses[]"},
			{"no key", "GET", "/v1/workflows", nil, []string{"X-API-KEY", ""}, 401, "UNAUTHORISED", ""},
			{"another key", "GET", "/v1/workflows", nil, []string{"X-API-KEY", administrator + "1"}, 401, "UNAUTHORISED", ""},
			{"a platform that one does not belong to", "GET", "/v1/workflows", nil, []string{"x-platform-id", "plat_nobody"}, 403, "USER_NOT_ALLOWED", ""},
			{"no such path", "GET", "/v1/wurkflows", nil, nil, 404, "RESOURCE_NOT_FOUND", ""},
			{"another version", "GET", "/v2/workflows", nil, nil, 400, "UNSUPPORTED_VERSION", ""},
			{"no version", "GET", "/workflows", nil, nil, 400, "MISSING_VERSION", ""},
			{"another verb", "DELETE", "/v1/workflows", nil, nil, 405, "INVALID_REQUEST", ""},
		} {
			status, answer := w.call(tt.method, tt.path, tt.body, tt.header...)
			got := read[problem](w, answer)
			if status != tt.status || (tt.code != "" && got.Code != tt.code) || (tt.field != "" && got.Field != tt.field) || got.Message == "" {
				t.Errorf("%s: got %d %+v, want %d %s %s and a sentence", tt.name, status, got, tt.status, tt.code, tt.field)
			}
		}
		if n := len(all[created](w, "/v1/workflows", "")); n != 0 {
			t.Errorf("workflows made by all that: got %d, want none", n)
		}
		w.must(http.MethodPost, "/v1/workflows", workflowBody) // the body that was spoiled is good
	})
}

func TestBadWebhooks(t *testing.T) {
	t.Parallel()
	onBoth(t, func(t *testing.T, db database) {
		w := newWorld(t, db)
		w.workflow("INVOICE")
		b := newBill()
		good := b.finalized(w).body
		edit := func(from, to string) []byte {
			if !strings.Contains(string(good), from) {
				t.Fatalf("no %s in the webhook", from)
			}
			return []byte(strings.ReplaceAll(string(good), from, to))
		}
		now := time.Now()
		for _, tt := range []struct {
			name      string
			path      string
			body      []byte
			signature string // "" signs the body as Stripe does
			status    int
		}{
			{"unsigned", w.ingestPath, good, "none", 401},
			{"no signature in the header", w.ingestPath, good, "t=1767614405", 401},
			{"signed with another secret", w.ingestPath, good, sign(good, "whsec_another", now), 401},
			{"tampered with", w.ingestPath, edit("123456", "923456"), sign(good, signingSecret, now), 401},
			{"replayed after 6 minutes", w.ingestPath, good, sign(good, signingSecret, now.Add(-6*time.Minute)), 401},
			{"signed in 6 minutes", w.ingestPath, good, sign(good, signingSecret, now.Add(6*time.Minute)), 401},
			{"the time alone made fresh", w.ingestPath, good, strings.Replace(sign(good, signingSecret, now.Add(-time.Hour)), "t=", "t=9", 1), 401},
			{"of no source", "/v1/ingest/sources/srce_nobody", good, "", 404},
			{"no JSON", w.ingestPath, []byte(`{"id": "evt_1"`), "", 400},
			{"nothing", w.ingestPath, []byte{}, "", 400},
			{"wrong types", w.ingestPath, edit(`"status":"open"`, `"status":7`), "", 400},
			{"an unknown status", w.ingestPath, edit(`"status":"open"`, `"status":"ajar"`), "", 400},
			{"an unknown currency", w.ingestPath, edit(`"currency":"eur"`, `"currency":"ducats"`), "", 400},
			{"no customer", w.ingestPath, edit(`"customer":"`+b.customer+`"`, `"customer":null`), "", 400},
			{"a type that is not used", w.ingestPath, edit(`"invoice.finalized"`, `"product.created"`), "", 200},
			{"a forecast", w.ingestPath, edit(`"invoice.finalized"`, `"invoice.upcoming"`), "", 200},
		} {
			header := tt.signature
			switch header {
			case "":
				header = sign(tt.body, signingSecret, now)
			case "none":
				header = ""
			}
			status, answer := w.call(http.MethodPost, tt.path, tt.body, "Stripe-Signature", header, "X-API-KEY", "")
			if status != tt.status {
				t.Errorf("%s: got %d %s, want %d", tt.name, status, answer, tt.status)
			}
		}
		if list := w.executions(); len(list) != 0 {
			t.Fatalf("executions after all that: got %+v, want none", list)
		}
		w.deliver(webhook{"invoice.finalized", good}) // nothing was taken for it
		w.only()

		// Odd content in a good webhook is cleaned, not refused.
		odd := newBill()
		odd.name = `Mole\u0000naar\r\nBcc: x@example.com`
		w.deliver(odd.finalized(w))
		w.settled()
		if mail := w.received(2)[1]; len(mail.To) != 1 || mail.To[0] != odd.email || mail.Header.Get("Bcc") != "" {
			t.Errorf("recipients of the odd customer's message: got %v, want %s alone", mail.To, odd.email)
		}
	})
}

func TestDecisionsAboutBadContentAreRecorded(t *testing.T) {
	t.Parallel()
	onBoth(t, func(t *testing.T, db database) {
		w := newWorld(t, db)
		w.workflow("INVOICE", func(_, email object) { email["subject"] = "{{invoice_number}} for {{custommer_name}}!" })

		silent := newBill()
		silent.email = ""
		w.deliver(silent.created(w), silent.finalized(w))
		w.settled()
		if x := w.of(silent); x.Status != "SKIPPED" || x.Reason != "NO_RECIPIENT" || x.AttemptCount != 0 {
			t.Errorf("of a customer without an address: got %+v, want SKIPPED NO_RECIPIENT", x)
		}

		b := newBill()
		w.deliver(b.finalized(w))
		mail := w.received(1)[0]
		if want := b.number + " for !"; mail.Subject != want {
			t.Errorf("subject with an unknown variable: got %q, want %q", mail.Subject, want)
		}
		w.settled()
		x := w.execution(w.of(b).ID)
		if x.Message == nil || !slices.ContainsFunc(x.Message.Warnings, func(s string) bool { return strings.Contains(s, "custommer_name") }) {
			t.Errorf("the execution's message: got %+v, want a warning about custommer_name", x.Message)
		}

		status, answer := w.call(http.MethodPost, "/v1/workflow-actions", object{
			"workflow_id": all[created](w, "/v1/workflows", "")[0].ID, "type": "SEND_EMAIL_TO_CUSTOMER", "status": "ACTIVE",
			"send_email_to_customer": object{"integration_id": w.integration, "template_name": "default", "variant": "INVOICE", "subject": "{{#if"},
		})
		if got := read[problem](w, answer); status != 400 || got.Field != "send_email_to_customer.subject" {
			t.Errorf("a subject that is no template: got %d %+v, want 400 about send_email_to_customer.subject", status, got)
		}
	})
}

func TestSecondProcessOnOneFileIsRefused(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	w := newWorld(t, database{url: "sqlite:" + dir + "/dunwell.db", dir: dir})
	code, said := w.startRefused("serve")
	if code == 0 || !strings.Contains(said, "another dunwell process is using") || !strings.Contains(said, "dunwell.db") {
		t.Errorf("a second process: got exit code %d and %q, want a refusal that names the file", code, said)
	}
	for _, err := range []error{os.Symlink("dunwell.db", dir+"/link.db"), os.Symlink(dir, dir+"/folder")} {
		if err != nil {
			t.Fatal(err)
		}
	}
	for _, name := range []string{"link.db", "folder/dunwell.db", "dunwell.db"} {
		other := &world{T: t, db: database{url: "sqlite:" + name, dir: dir}}
		code, said := other.startRefused("serve")
		if code == 0 || !strings.Contains(said, "another dunwell process is using") {
			t.Errorf("a second process on %s: got exit code %d and %q, want a refusal", name, code, said)
		}
	}
	if status, _ := w.call(http.MethodGet, "/readyz", nil); status != http.StatusOK {
		t.Errorf("the first process after it: got %d, want it ready", status)
	}
	w.process.stop(t)
	w.restart() // the lock went with the process
}

// startRefused runs the binary on the world's database and returns how it ended.
func (w *world) startRefused(args ...string) (code int, said string) {
	w.Helper()
	path, err := plain()
	if err != nil {
		w.Fatal(err)
	}
	return ended(w.T, launch(w.T, path, w.db.dir, w.db.environment(), args...))
}

// ended waits for a process that does not begin to serve.
func ended(t *testing.T, p *process) (code int, said string) {
	t.Helper()
	p.await(t)
	return p.cmd.ProcessState.ExitCode(), p.journal.String()
}

func TestWrongSettingsAreNamed(t *testing.T) {
	t.Parallel()
	path, err := plain()
	if err != nil {
		t.Fatal(err)
	}
	key := base64.StdEncoding.EncodeToString(make([]byte, 32))
	for name, env := range map[string][]string{
		"DUNWELL_DATABASE_URL":        {"DUNWELL_DATABASE_URL=mysql://localhost/dunwell"},
		"DUNWELL_MASTER_KEY":          {"DUNWELL_DATABASE_URL=sqlite:d.db", "DUNWELL_MASTER_KEY=c2hvcnQ="},
		"DUNWELL_LISTEN":              {"DUNWELL_DATABASE_URL=sqlite:d.db", "DUNWELL_LISTEN=8080"},
		"DUNWELL_ADMIN_LISTEN: \"999": {"DUNWELL_DATABASE_URL=sqlite:d.db", "DUNWELL_ADMIN_LISTEN=127.0.0.1:99999"},
		"DUNWELL_DATABASE_URL: Dunw":  {"DUNWELL_DATABASE_URL=sqlite::memory:"},
		"DUNWELL_ADMIN_LISTEN":        {"DUNWELL_DATABASE_URL=sqlite:d.db", "DUNWELL_ADMIN_LISTEN=everywhere"},
		"DUNWELL_BOOTSTRAP_API_KEY":   {"DUNWELL_DATABASE_URL=sqlite:d.db", "DUNWELL_BOOTSTRAP_API_KEY=secret"},
		"DUNWELL_WORKERS":             {"DUNWELL_DATABASE_URL=sqlite:d.db", "DUNWELL_WORKERS=-1"},
		"DUNWELL_LOG_FORMAT":          {"DUNWELL_DATABASE_URL=sqlite:d.db", "DUNWELL_LOG_FORMAT=xml"},
		"DUNWELL_MASTER_KEY: Postgr":  {"DUNWELL_DATABASE_URL=postgres://localhost/dunwell"},
		"DUNWELL_DATABASE_URL: the":   {"DUNWELL_DATABASE_URL=sqlite:no/such/dir/d.db"},
		"DUNWELL_DATABASE_URL: aft":   {"DUNWELL_DATABASE_URL=sqlite://d.db"},
		"PostgreSQL":                  {"DUNWELL_DATABASE_URL=postgres://127.0.0.1:1/dunwell?sslmode=disable", "DUNWELL_MASTER_KEY=" + key},
		"DUNWELL_RATE_LIMIT":          {"DUNWELL_DATABASE_URL=sqlite:d.db", "DUNWELL_RATE_LIMIT=-1"},
		"DUNWELL_OIDC_ISSUER":         {"DUNWELL_DATABASE_URL=sqlite:d.db", "DUNWELL_OIDC_ISSUER=http://login.example.com"},
		"DUNWELL_OIDC_AUDIENCE":       {"DUNWELL_DATABASE_URL=sqlite:d.db", "DUNWELL_OIDC_ISSUER=https://login.example.com"},
		"DUNWELL_OIDC_ALGORITHM":      {"DUNWELL_DATABASE_URL=sqlite:d.db", "DUNWELL_OIDC_ISSUER=https://login.example.com", "DUNWELL_OIDC_AUDIENCE=x", "DUNWELL_OIDC_ALGORITHM=HS256"},
		"DUNWELL_OIDC_ROLES":          {"DUNWELL_DATABASE_URL=sqlite:d.db", "DUNWELL_OIDC_ISSUER=https://login.example.com", "DUNWELL_OIDC_AUDIENCE=x", "DUNWELL_OIDC_ROLES=admins"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			dir := t.TempDir()
			code, said := ended(t, launch(t, path, dir, env, "serve"))
			if code != 1 || !strings.Contains(said, name) {
				t.Errorf("got exit code %d and %q, want 1 and %s in it", code, said, name)
			}
			for _, env := range env {
				if _, value, _ := strings.Cut(env, "="); strings.HasPrefix(env, "DUNWELL_BOOTSTRAP") && strings.Contains(said, value) {
					t.Errorf("the secret is in %q", said)
				}
			}
			if left, err := os.ReadDir(dir); err != nil || len(left) != 0 {
				t.Errorf("left behind: got %v, %v, want nothing", left, err)
			}
			if strings.Contains(said, "goroutine ") {
				t.Errorf("a stack instead of a sentence: %s", said)
			}
		})
	}
}

func TestUnmigratedPostgreSQLIsRefused(t *testing.T) {
	t.Parallel()
	w := &world{T: t, db: database{url: pgtest.URL(t), dir: t.TempDir()}}
	code, said := w.startRefused("serve")
	if code != 1 || !strings.Contains(said, "migrate") {
		t.Fatalf("got exit code %d and %q, want 1 and what to do", code, said)
	}
	if code, said := w.startRefused("migrate"); code != 0 {
		t.Fatalf("dunwell migrate: got exit code %d and %q, want 0", code, said)
	}
	path, err := plain()
	if err != nil {
		t.Fatal(err)
	}
	p := launch(t, path, w.db.dir, w.db.environment(), "serve")
	select {
	case <-p.journal.listening:
	case <-p.ended:
		t.Fatalf("after dunwell migrate: ended with %s", p.cmd.ProcessState)
	case <-time.After(patience):
		t.Fatal("after dunwell migrate: it does not listen")
	}
	p.signal(syscall.SIGTERM)
	p.await(t)
}

// A file that is something else is left alone, and not taken for a database whose
// key is missing.
func TestAFileThatIsNoDatabaseIsRefused(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	if err := os.WriteFile(dir+"/dunwell.db", []byte("something that somebody needs"), 0o600); err != nil {
		t.Fatal(err)
	}
	w := &world{T: t, db: database{url: "sqlite:dunwell.db", dir: dir}}
	for _, command := range []string{"serve", "migrate", "reset-key"} {
		code, said := w.startRefused(command)
		if code != 1 || !strings.Contains(said, "is no SQLite database") || strings.Contains(said, "MASTER_KEY") {
			t.Errorf("%s: got exit code %d and %q, want 1 and what is wrong", command, code, said)
		}
	}
	if left, err := os.ReadDir(dir); err != nil || len(left) != 1 {
		t.Errorf("left behind: got %v, %v, want the file alone", left, err)
	}
}

// A database that was made before it is served, or without a key file, is
// neither locked out nor given a second key.
func TestMasterKeyAndDatabaseGoTogether(t *testing.T) {
	t.Parallel()
	path, err := plain()
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	if code, said := ended(t, launch(t, path, dir, nil, "migrate")); code != 0 {
		t.Fatalf("dunwell migrate: got exit code %d and %q, want 0", code, said)
	}
	w := newWorld(t, database{url: "sqlite:" + dir + "/dunwell.db", dir: dir})
	w.process.stop(t)
	if err := os.Remove(dir + "/dunwell.db.key"); err != nil {
		t.Fatal(err)
	}
	if code, said := ended(t, launch(t, path, dir, nil, "migrate")); code != 0 {
		t.Errorf("dunwell migrate, which needs no key: got exit code %d and %q, want 0", code, said)
	}
	for _, args := range [][]string{{"serve"}, {"serve", "--migrate"}} {
		code, said := ended(t, launch(t, path, dir, nil, args...))
		if code != 1 || !strings.Contains(said, "dunwell.db.key is missing") {
			t.Errorf("%v without the key: got exit code %d and %q, want 1 and what is missing", args, code, said)
		}
		if _, err := os.Stat(dir + "/dunwell.db.key"); err == nil {
			t.Fatalf("%v without the key: got a new one, want none", args)
		}
	}
}

// What cannot be listened on is said once, with nothing after it.
func TestWhatCannotBeListenedOnIsRefused(t *testing.T) {
	t.Parallel()
	taken, err := new(net.ListenConfig).Listen(t.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer taken.Close()
	path, err := plain()
	if err != nil {
		t.Fatal(err)
	}
	for _, setting := range []string{"DUNWELL_LISTEN", "DUNWELL_ADMIN_LISTEN"} {
		for address, want := range map[string]string{
			taken.Addr().String(): "is another process using it? " + setting + " names another",
			"192.0.2.1:8080":      setting + " must name an address of this machine",
			"nohost.invalid:8080": setting + " must name an address of this machine",
		} {
			env := []string{"DUNWELL_LISTEN=127.0.0.1:0", "DUNWELL_LOG_FORMAT=json", setting + "=" + address}
			code, said := ended(t, launch(t, path, t.TempDir(), env, "serve"))
			if code != 1 || !strings.Contains(said, want) || strings.Count(said, "\n") != 1 {
				t.Errorf("%s=%s: got exit code %d and %q, want 1 and one line with %q", setting, address, code, said, want)
			}
		}
	}
}
