package e2e_test

import (
	"context"
	"encoding/base64"
	"fmt"
	"net/http"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/dunwellhq/dunwell/internal/pgtest"
	"github.com/dunwellhq/dunwell/internal/smtptest"
)

const (
	administrator = "e2e-bootstrap-key-of-the-administrator-0001"
	signingSecret = "whsec_e2eSigningSecretOfTheStripeEndpoint"
	entityID      = "bien_brouwer"
	sender        = "facturen@brouwer.example"
)

// database is where the process of a world keeps everything.
type database struct {
	url string
	dir string // of the SQLite file
}

func (d database) embedded() bool { return strings.HasPrefix(d.url, "sqlite:") }

// onBoth runs a test on SQLite and on PostgreSQL, beside each other.
func onBoth(t *testing.T, test func(*testing.T, database)) {
	t.Helper()
	t.Run("sqlite", func(t *testing.T) {
		t.Parallel()
		dir := t.TempDir()
		test(t, database{url: "sqlite:" + filepath.Join(dir, "dunwell.db"), dir: dir})
	})
	t.Run("postgres", func(t *testing.T) {
		t.Parallel()
		test(t, database{url: pgtest.URL(t), dir: t.TempDir()})
	})
}

// environment is all that a process of the database finds in its environment.
// On SQLite it makes its master key itself.
func (d database) environment(more ...string) []string {
	env := []string{
		"DUNWELL_DATABASE_URL=" + d.url,
		"DUNWELL_LISTEN=127.0.0.1:0",
		"DUNWELL_BOOTSTRAP_API_KEY=" + administrator,
		"DUNWELL_LOG_FORMAT=json",
	}
	if !d.embedded() {
		env = append(env, "DUNWELL_MASTER_KEY="+base64.StdEncoding.EncodeToString([]byte("e2e master key of 32 bytes here!")))
	}
	return append(env, more...)
}

// world is a company that uses Dunwell: a database, a process on it, and the
// company's mail server, which is there for as long as the test is.
type world struct {
	*testing.T
	db      database
	mail    *smtptest.Server
	http    *http.Client
	process *process
	url     atomic.Value // of the process that listens now, for those who send while it is replaced

	integration string // its id
	ingestPath  string // of the Stripe source
}

// newWorld starts the binary as it is shipped on an empty database and sets up
// what every company has: a seller, an account at its mail server, Stripe.
func newWorld(t *testing.T, db database) *world {
	t.Helper()
	mail, err := smtptest.Start(t.Context(), smtptest.Config{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := mail.Stop(context.WithoutCancel(t.Context())); err != nil {
			t.Errorf("stopping the SMTP server: %v", err)
		}
	})
	w := &world{T: t, db: db, mail: mail, http: &http.Client{Transport: &http.Transport{MaxIdleConnsPerHost: 16}, Timeout: patience}}
	t.Cleanup(w.http.CloseIdleConnections)
	w.restart()

	w.must(http.MethodPut, "/v1/billing-entities/"+entityID, object{"legal_name": "Brouwer B.V.", "email": sender, "timezone": "Europe/Amsterdam"})
	w.integration = w.create("/v1/integrations", object{
		"reference": "mail", "type": "EMAIL_PROVIDER", "status": "ACTIVE",
		"email_provider": object{"variant": "SMTP", "smtp": object{"host": "127.0.0.1", "port": mail.Port(), "security": "NONE"}},
	}).ID
	w.ingestPath = w.create("/v1/sources", object{
		"reference": "stripe", "type": "STRIPE", "signing_secret": signingSecret, "default_billing_entity_id": entityID,
	}).IngestPath
	return w
}

// start runs a binary on the world's database and returns when it is ready.
func (w *world) start(binary func() (string, error), env ...string) {
	w.Helper()
	path, err := binary()
	if err != nil {
		w.Fatal(err)
	}
	w.process = launch(w.T, path, w.db.dir, w.db.environment(env...), "serve", "--migrate")
	select {
	case address := <-w.process.journal.listening:
		w.process.url = "http://" + address
	case <-w.process.ended:
		w.Fatalf("the process ended before it listened: %s", w.process.cmd.ProcessState)
	case <-time.After(patience):
		w.Fatalf("the process does not listen after %s", patience)
	}
	w.until("the process is ready", func() (string, bool) {
		response, err := w.http.Get(w.process.url + "/readyz")
		if err != nil {
			return err.Error(), false
		}
		defer response.Body.Close()
		return response.Status, response.StatusCode == http.StatusOK
	})
	w.url.Store(w.process.url)
}

// restart starts the binary as it is shipped where no process is.
func (w *world) restart() {
	w.Helper()
	w.start(plain)
}

// until waits until a condition holds. It is the one place where these tests
// let time pass. found says what there was instead, for the failure.
func (w *world) until(what string, holds func() (found string, ok bool)) {
	w.Helper()
	deadline := time.NewTimer(patience)
	defer deadline.Stop()
	ticker := time.NewTicker(20 * time.Millisecond)
	defer ticker.Stop()
	for {
		found, ok := holds()
		if ok {
			return
		}
		select {
		case <-ticker.C:
		case <-deadline.C:
			w.Fatalf("after %s still not so: %s; found %s", patience, what, found)
		}
	}
}

// workflow makes an ACTIVE workflow with one ACTIVE action, for INVOICE
// (TO_FINAL) or PAYMENT (FAILED_PAYMENT), after edit has changed their bodies.
func (w *world) workflow(kind string, edit ...func(workflow, email object)) {
	w.Helper()
	workflow := object{"name": "Everybody " + kind, "reference": strings.ToLower(kind), "type": kind, "status": "ACTIVE"}
	email := object{"integration_id": w.integration, "template_name": "default", "variant": kind}
	switch kind {
	case "INVOICE":
		workflow["invoice"] = object{"variant": "TO_FINAL"}
		email["invoice"] = object{"type": "TO_FINAL"}
	case "PAYMENT":
		workflow["payment"] = object{"variant": "FAILED_PAYMENT"}
		email["payment"] = object{}
	}
	for _, change := range edit {
		change(workflow, email)
	}
	id := w.create("/v1/workflows", workflow).ID
	w.create("/v1/workflow-actions", object{
		"workflow_id": id, "type": "SEND_EMAIL_TO_CUSTOMER", "status": "ACTIVE", "send_email_to_customer": email,
	})
}

// bySystem lets an action's messages be captured in the outbox.
func (w *world) bySystem() func(workflow, email object) {
	w.Helper()
	id := w.create("/v1/integrations", object{
		"reference": "outbox", "type": "EMAIL_PROVIDER", "status": "ACTIVE", "email_provider": object{"variant": "SYSTEM"},
	}).ID
	return func(_, email object) { email["integration_id"] = id }
}

// settled waits until nothing is under way and returns every execution, oldest
// first. What a webhook causes is decided before it is answered, so that no
// execution can come to them by itself, and none that is over goes again.
func (w *world) settled() []execution {
	w.Helper()
	var all []execution
	w.until("every execution is over", func() (string, bool) {
		all = w.executions()
		for _, x := range all {
			if !x.over() {
				return fmt.Sprintf("%s %s %s", x.ID, x.Status, x.Reason), false
			}
		}
		return "", true
	})
	return all
}

// received waits for so many messages at the SMTP server and returns them all,
// as a reader's program shows them.
func (w *world) received(n int) []received {
	w.Helper()
	ctx, cancel := context.WithTimeout(w.Context(), patience)
	defer cancel()
	if _, err := w.mail.WaitFor(ctx, n); err != nil {
		w.Fatalf("messages at the SMTP server: got %d, want %d", len(w.mail.Messages()), n)
	}
	return w.accepted()
}

// received is a message at the SMTP server, read.
type received struct {
	smtptest.Message
	smtptest.Mail
}

func (m received) id() string { return m.Header.Get("Message-Id") }

// accepted returns what the SMTP server has taken so far.
func (w *world) accepted() []received {
	w.Helper()
	var list []received
	for _, m := range w.mail.Messages() {
		read, err := m.Parse()
		if err != nil {
			w.Fatalf("reading an accepted message: %v\n%s", err, m.Raw)
		}
		list = append(list, received{m, read})
	}
	return list
}

// only returns the one message that there may be, when nothing is under way.
func (w *world) only() (received, execution) {
	w.Helper()
	all, mails := w.settled(), w.accepted()
	if len(all) != 1 || len(mails) != 1 {
		w.Fatalf("got %d messages of the executions %+v, want one of one", len(mails), all)
	}
	return mails[0], w.execution(all[0].ID)
}

// endLeases makes the time pass in which living senders of these invoices'
// messages might answer. Nobody knows on PostgreSQL that they were killed. It
// returns how many there were.
func (w *world) endLeases(bills ...bill) int {
	w.Helper()
	conn, err := pgx.Connect(w.Context(), w.db.url)
	if err != nil {
		w.Fatal(err)
	}
	defer conn.Close(context.WithoutCancel(w.Context()))
	ids := make([]string, len(bills))
	for i, b := range bills {
		ids[i] = b.invoice
	}
	tag, err := conn.Exec(w.Context(), `UPDATE executions SET lease_until = 1 WHERE status = 'SENDING' AND invoice_id = ANY($1)`, ids)
	if err != nil {
		w.Fatal(err)
	}
	return int(tag.RowsAffected())
}

// serial makes names that differ within a run.
var serial = struct {
	sync.Mutex
	n int
}{}

func next() int {
	serial.Lock()
	defer serial.Unlock()
	serial.n++
	return serial.n
}
