package main

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"sync/atomic"
	"time"

	"github.com/dunwellhq/dunwell/internal/calendar"
	"github.com/dunwellhq/dunwell/internal/config"
	"github.com/dunwellhq/dunwell/internal/engine"
	"github.com/dunwellhq/dunwell/internal/httpapi"
	"github.com/dunwellhq/dunwell/internal/store"
)

// planWorld is an engine on a table of open invoices that does nothing by itself:
// its clock stands, and it plans and fires when it is told to.
type planWorld struct {
	caller
	store    *store.Store
	engine   *engine.Engine
	api      *http.Server
	db       *sql.DB // beside the store, for what no engine does
	sqlite   bool
	clock    atomic.Pointer[time.Time]
	date     calendar.Date // that is planned and fired
	workflow string
}

// at sets the clock to an hour of a date in UTC.
func (w *planWorld) at(d calendar.Date, hour int) {
	t := calendar.TimeOfDay(hour*60).On(d, time.UTC)
	w.clock.Store(&t)
}

func (w *planWorld) now() time.Time { return *w.clock.Load() }

// planWorld returns one with n open invoices and an overdue workflow.
func (b *bench) planWorld(ctx context.Context, n int) (_ *planWorld, err error) {
	url, err := b.freshDatabase(ctx)
	if err != nil {
		return nil, err
	}
	w := &planWorld{date: calendar.DateOf(time.Now(), time.UTC).AddDays(3), sqlite: b.name == "sqlite"}
	w.at(w.date.AddDays(-3), 12)
	if err := w.open(ctx, b, url); err != nil {
		return nil, err
	}
	defer func() {
		if err != nil {
			err = errors.Join(err, w.stop())
		}
	}()
	driver, name := "pgx", url
	if w.sqlite {
		driver, name = "sqlite", "file:"+strings.TrimPrefix(url, "sqlite:")+"?_pragma=busy_timeout(10000)"
	}
	if w.db, err = sql.Open(driver, name); err != nil {
		return nil, err
	}
	if err := w.arm(ctx); err != nil {
		return nil, err
	}
	return w, w.load(ctx, n)
}

// open puts the store, the engine and the API together as [startWith] does, but
// with another clock and without the work in the background.
func (w *planWorld) open(ctx context.Context, b *bench, url string) error {
	if err := store.Migrate(ctx, store.Config{URL: url}); err != nil {
		return err
	}
	log := logger(b.log, "text", levelQuiet)
	key, err := (&config.Database{DatabaseURL: url, MasterKey: benchMaster}).Key()
	if err != nil {
		return err
	}
	if w.engine, err = engine.New(engine.Config{Log: log, Now: w.now, Limits: engine.DefaultLimits()}); err != nil {
		return err
	}
	if w.store, err = store.Open(ctx, store.Config{URL: url, MasterKey: key, Log: log, Work: w.engine.Drain}); err != nil {
		return err
	}
	w.engine.Use(w.store)
	if _, err := w.engine.Bootstrap(ctx, benchKey); err != nil {
		return errors.Join(err, w.store.Close())
	}
	listener, err := listen(ctx, "127.0.0.1:0", "the measurement")
	if err != nil {
		return errors.Join(err, w.store.Close())
	}
	w.api = server(httpapi.New(httpapi.Config{Store: w.store, Engine: w.engine, Log: log, Now: time.Now, Version: version()}), log)
	go func() { _ = w.api.Serve(listener) }()
	w.caller = caller{"http://" + listener.Addr().String(), benchKey, http.DefaultClient}
	return nil
}

func (w *planWorld) stop() error {
	err := errors.Join(w.api.Close(), w.store.Close())
	if w.db != nil {
		err = errors.Join(err, w.db.Close())
	}
	return err
}

// templateDue is the due date of the invoice from which all are made.
const templateDue = calendar.Date(10_000)

// arm makes an overdue workflow with three steps, and the customer and the
// invoice from which all others are made.
func (w *planWorld) arm(ctx context.Context) error {
	if err := w.caller.arm(ctx); err != nil {
		return err
	}
	type m = map[string]any
	var periods []m
	for i := range reminders {
		periods = append(periods, m{"type": "DAY", "value": i + 1})
	}
	var page struct {
		Data []struct {
			ID string `json:"id"`
		} `json:"data"`
	}
	if err := w.do(ctx, http.MethodGet, "/v1/integrations", nil, &page); err != nil {
		return err
	}
	var workflow struct {
		ID string `json:"id"`
	}
	if err := w.do(ctx, http.MethodPost, "/v1/workflows", m{
		"name": "remind", "reference": "remind", "type": "INVOICE", "status": "ACTIVE",
		"invoice": m{"variant": "OVERDUE", "overdue": m{"periods": periods}},
	}, &workflow); err != nil {
		return err
	}
	w.workflow = workflow.ID
	if err := w.do(ctx, http.MethodPost, "/v1/workflow-actions", m{
		"workflow_id": workflow.ID, "type": "SEND_EMAIL_TO_CUSTOMER", "status": "ACTIVE",
		"send_email_to_customer": m{
			"integration_id": page.Data[0].ID, "template_name": "default", "variant": "INVOICE", "subject": "Invoice #{{invoice_number}}",
			"from": m{"email": "billing@bench.example"}, "invoice": m{"type": "OVERDUE"},
		},
	}, nil); err != nil {
		return err
	}
	if err := w.do(ctx, http.MethodPut, "/v1/customers/template-customer", m{
		"status": "ACTIVE", "email": "template-customer@bench.example", "locale": "nl-NL", "timezone": "Europe/Amsterdam", "name": "Bench BV",
	}, nil); err != nil {
		return err
	}
	invoice := benchInvoice()
	invoice["customer_id"], invoice["due_date"] = "template-customer", templateDue.String()
	return w.do(ctx, http.MethodPut, "/v1/invoices/template-invoice", invoice, nil)
}

// load copies the template's rows, n invoices of them, without an engine: to take
// ten millions in would take hours. What keeps the indexes is done once.
func (w *planWorld) load(ctx context.Context, n int) error {
	indexes, err := w.indexes(ctx)
	if err != nil {
		return err
	}
	const columns = `platform_id, kind, id, revision, reference, status, type, name, paid, on_hold, customer_id, invoice_id, parent_id,
		external_reference, due_on, charge_on, doc, created_at, updated_at`
	dates, count := dueDates(n, w.date)
	statements := make([]string, 0, 2*len(indexes)+6)
	if w.sqlite {
		statements = append(statements, `PRAGMA synchronous = OFF`, `PRAGMA cache_size = -1000000`)
	}
	for name := range indexes {
		statements = append(statements, `DROP INDEX `+name)
	}
	statements = append(statements,
		fmt.Sprintf(`INSERT INTO resources (`+columns+`)
		WITH RECURSIVE n (i) AS (SELECT 0 UNION ALL SELECT i + 1 FROM n WHERE i + 1 < %d)
		SELECT platform_id, kind, 'customer-' || i, revision, reference, status, type, name, paid, on_hold, customer_id, invoice_id, parent_id,
		    external_reference, due_on, charge_on, replace(doc, id, 'customer-' || i), created_at + i, updated_at + i
		FROM resources CROSS JOIN n WHERE kind = 'CUSTOMER' AND id = 'template-customer'`, planCustomers),
		fmt.Sprintf(`INSERT INTO resources (`+columns+`)
		WITH RECURSIVE n (i) AS (SELECT 0 UNION ALL SELECT i + 1 FROM n WHERE i + 1 < %d),
		    dates (number, days, text) AS (VALUES %s)
		SELECT platform_id, kind, 'invoice-' || i, revision, reference, status, type, name, paid, on_hold, 'customer-' || (i %% %d), invoice_id, parent_id,
		    external_reference, due_on + days, charge_on,
		    replace(replace(replace(doc, id, 'invoice-' || i), customer_id, 'customer-' || (i %% %d)), '%s', text), created_at + i, updated_at + i
		FROM resources CROSS JOIN n JOIN dates ON dates.number = i %% %d WHERE kind = 'INVOICE' AND id = 'template-invoice'`,
			n, dates, planCustomers, planCustomers, templateDue, count),
		`DELETE FROM resources WHERE id = 'template-invoice'`)
	for _, text := range indexes {
		statements = append(statements, text)
	}
	if w.sqlite {
		statements = append(statements, `ANALYZE resources`, `PRAGMA wal_checkpoint(TRUNCATE)`)
	} else {
		statements = append(statements, `VACUUM ANALYZE resources`, `CHECKPOINT`)
	}
	return w.exec(ctx, statements...)
}

// indexes are the texts of the indexes of the resources that are not keys, by name.
func (w *planWorld) indexes(ctx context.Context) (map[string]string, error) {
	text := `SELECT indexname, indexdef FROM pg_indexes WHERE schemaname = current_schema() AND tablename = 'resources' AND indexname NOT LIKE '%_pkey'`
	if w.sqlite {
		text = `SELECT name, sql FROM sqlite_schema WHERE type = 'index' AND tbl_name = 'resources' AND sql IS NOT NULL`
	}
	rows, err := w.db.QueryContext(ctx, text)
	if err != nil {
		return nil, err
	}
	defer func() { _ = rows.Close() }()
	found := map[string]string{}
	for rows.Next() {
		var name, text string
		if err := rows.Scan(&name, &text); err != nil {
			return nil, err
		}
		found[name] = text
	}
	return found, rows.Err()
}

// reset takes away what was planned and fired, and has the date to be announced
// again.
func (w *planWorld) reset(ctx context.Context) error {
	statements := []string{`DELETE FROM plan_tasks`}
	for _, table := range []string{"triggers", "decisions", "executions"} {
		if w.sqlite {
			statements = append(statements, `DELETE FROM `+table)
		} else {
			statements = append(statements, `TRUNCATE `+table)
		}
	}
	return w.exec(ctx, append(statements, fmt.Sprintf(`UPDATE planning SET announced = %d`, w.date-1))...)
}

// exec runs statements on one connection.
func (w *planWorld) exec(ctx context.Context, statements ...string) error {
	conn, err := w.db.Conn(ctx)
	if err != nil {
		return err
	}
	defer func() { _ = conn.Close() }()
	for _, text := range statements {
		if _, err := conn.ExecContext(ctx, text); err != nil {
			return fmt.Errorf("%.40s: %w", text, err)
		}
	}
	return nil
}

func (w *planWorld) count(ctx context.Context, status string) (n int, err error) {
	err = w.db.QueryRowContext(ctx, `SELECT COUNT(*) FROM triggers WHERE status = $1 AND step <> ''`, status).Scan(&n)
	return n, err
}

// plannedInvoices are invoices of which a message is planned.
func (w *planWorld) plannedInvoices(ctx context.Context, n int) ([]string, error) {
	rows, err := w.db.QueryContext(ctx, `SELECT resource_id FROM triggers WHERE status = 'PLANNED' AND step = 'DAY:1' LIMIT $1`, n)
	if err != nil {
		return nil, err
	}
	defer func() { _ = rows.Close() }()
	var ids []string
	for rows.Next() {
		var id string
		if err := rows.Scan(&id); err != nil {
			return nil, err
		}
		ids = append(ids, id)
	}
	return ids, rows.Err()
}

// pages is how many pages PostgreSQL reads for each invoice that it finds due on
// one date, as the store asks for them: a batch behind a place in the index.
func (w *planWorld) pages(ctx context.Context) (float64, error) {
	if w.sqlite {
		return 0, nil
	}
	const batch = 500
	var day int64
	if err := w.db.QueryRowContext(ctx, `SELECT due_on FROM resources WHERE kind = 'INVOICE' AND id = 'invoice-0'`).Scan(&day); err != nil {
		return 0, err
	}
	rows, err := w.db.QueryContext(ctx, `EXPLAIN (ANALYZE, BUFFERS, COSTS OFF, TIMING OFF, SUMMARY OFF)
		SELECT kind, id, revision, doc, created_at, updated_at, due_on FROM resources
		WHERE platform_id = (SELECT platform_id FROM planning) AND kind = 'INVOICE' AND (due_on, id) > ($1, 'invoice-5') AND due_on <= $1 AND due_on > 0
		ORDER BY due_on, id LIMIT $2`, day, batch)
	if err != nil {
		return 0, err
	}
	defer func() { _ = rows.Close() }()
	pages := 0
	for rows.Next() {
		var line string
		if err := rows.Scan(&line); err != nil {
			return 0, err
		}
		if pages == 0 { // the first line with buffers is that of the whole
			pages = buffers(line)
		}
	}
	return float64(pages) / batch, rows.Err()
}

// buffers reads a line of EXPLAIN such as "Buffers: shared hit=12 read=3".
func buffers(line string) int {
	_, counts, ok := strings.Cut(line, "Buffers: shared ")
	if !ok {
		return 0
	}
	sum := 0
	for word := range strings.FieldsSeq(counts) {
		var n int
		if _, text, ok := strings.Cut(word, "="); ok {
			if _, err := fmt.Sscan(text, &n); err == nil {
				sum += n
			}
		}
	}
	return sum
}
