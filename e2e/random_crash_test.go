package e2e_test

import (
	"context"
	"database/sql"
	"flag"
	"io"
	"math/rand/v2"
	"net/http"
	"os"
	"path/filepath"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	_ "modernc.org/sqlite" // looks into the database of a process that was killed
)

var (
	kills = flag.Int("kills", 50, "how often TestCrashAtRandom kills the process on each database")
	seed  = flag.Uint64("seed", 0, "what TestCrashAtRandom draws its moments from; 0 is anything")
)

// invoicesPerLife is how much a process is given to do before it is killed.
const invoicesPerLife = 5

// TestCrashAtRandom kills the process again and again at random moments under
// load, while Stripe repeats what was not answered. In the end every invoice
// that was acknowledged has its one message, or is UNCONFIRMED because its send
// was under way at a kill.
func TestCrashAtRandom(t *testing.T) {
	t.Parallel()
	onBoth(t, func(t *testing.T, db database) {
		kills := *kills
		if testing.Short() {
			kills = min(kills, 5)
		}
		seed := *seed
		if seed == 0 {
			seed = uint64(time.Now().UnixNano())
		}
		random := rand.New(rand.NewPCG(seed, 0))
		w := newWorld(t, db)
		w.workflow("INVOICE", numberAsSubject)

		load := w.stripe(kills * invoicesPerLife)
		var bills []bill
		underWay := map[string]bool{} // executions whose send was
		for range kills {
			for range invoicesPerLife {
				b := newBill()
				bills = append(bills, b)
				load.queue <- b.finalized(w)
			}
			w.awaitMoment(random)
			w.process.kill()
			if !w.process.killed() {
				t.Fatalf("seed %d: the process ended before it was killed: %s", seed, w.process.cmd.ProcessState)
			}
			for _, id := range w.sending() {
				underWay[id] = true
			}
			w.restart()
		}
		load.finish(w)
		if !db.embedded() {
			w.until("only sends in doubt are left", func() (string, bool) {
				left := 0
				for _, x := range w.executions() {
					if !x.over() && !underWay[x.ID] {
						left++
					}
				}
				return "", left == 0
			})
			w.endLeases(bills...)
		}

		byInvoice := map[string][]execution{}
		for _, x := range w.settled() {
			byInvoice[x.InvoiceID] = append(byInvoice[x.InvoiceID], x)
		}
		messages := map[string]int{}
		for _, m := range w.accepted() {
			messages[m.Subject]++
		}
		sent, unconfirmed := 0, 0
		for _, b := range bills {
			list, n := byInvoice[b.invoice], messages[b.number]
			switch {
			case len(list) != 1:
				t.Errorf("seed %d: executions of %s: got %+v, want one", seed, b.invoice, list)
			case list[0].Status == "SENT" && n == 1:
				sent++
			case list[0].Status == "UNCONFIRMED" && n <= 1 && underWay[list[0].ID]:
				unconfirmed++
			default:
				t.Errorf("seed %d: got %d messages of %+v (its send was under way at a kill: %t)", seed, n, list[0], underWay[list[0].ID])
			}
		}
		t.Logf("seed %d: %d kills, %d invoices, %d webhooks repeated, %d messages accepted, %d sent, %d unconfirmed of %d sends under way at the kills",
			seed, kills, len(bills), load.repeated.Load(), len(w.accepted()), sent, unconfirmed, len(underWay))
		if len(underWay) == 0 && !testing.Short() {
			t.Errorf("seed %d: no kill hit a send under way", seed)
		}
	})
}

// awaitMoment returns at a random moment of a process that has just got work.
// Half of the moments follow a message that the SMTP server takes, where a
// crash can do most harm.
func (w *world) awaitMoment(random *rand.Rand) {
	w.Helper()
	const most = 150 * time.Millisecond
	if random.IntN(2) == 0 {
		ctx, cancel := context.WithTimeout(w.Context(), 4*most)
		defer cancel()
		_, _ = w.mail.WaitFor(ctx, len(w.mail.Messages())+1) // if none comes, that is a moment too
		<-time.After(time.Duration(random.Int64N(int64(most / 10))))
		return
	}
	<-time.After(time.Duration(random.Int64N(int64(most))))
}

// load is webhooks on their way, as Stripe sends them: several at once, each
// repeated until it is taken.
type load struct {
	queue    chan webhook
	senders  sync.WaitGroup
	repeated atomic.Int64
	refused  atomic.Int64 // answered with anything but 200
}

// stripe begins to send what is put into the queue, which takes so many.
func (w *world) stripe(most int) *load {
	l := &load{queue: make(chan webhook, most)}
	for range 8 {
		l.senders.Go(func() {
			for hook := range l.queue {
				w.insist(l, hook)
			}
		})
	}
	return l
}

// insist repeats a webhook until it is taken, or the test is over.
func (w *world) insist(l *load, hook webhook) {
	ticker := time.NewTicker(25 * time.Millisecond)
	defer ticker.Stop()
	for {
		status, err := w.post(hook)
		if err == nil && status == http.StatusOK {
			return
		}
		if err == nil {
			l.refused.Add(1)
		}
		l.repeated.Add(1)
		select {
		case <-ticker.C:
		case <-w.Context().Done():
			return
		}
	}
}

// finish waits until everything in the queue has been taken.
func (l *load) finish(w *world) {
	w.Helper()
	close(l.queue)
	done := make(chan struct{})
	go func() {
		defer close(done)
		l.senders.Wait()
	}()
	select {
	case <-done:
	case <-time.After(patience):
		w.Fatalf("webhooks are still not taken after %s", patience)
	}
	if n := l.refused.Load(); n > 0 {
		w.Errorf("%d webhooks were answered with another status than 200", n)
	}
}

// sending returns the executions that stand as SENDING in the database of a
// process that was killed.
func (w *world) sending() []string {
	w.Helper()
	ctx := w.Context()
	if w.db.embedded() {
		return w.sendingInCopy()
	}
	conn, err := pgx.Connect(ctx, w.db.url)
	if err != nil {
		w.Fatal(err)
	}
	defer conn.Close(context.WithoutCancel(ctx))
	// The server may still be at the dead client's last statement.
	w.until("the killed process has no connection any more", func() (string, bool) {
		var n int
		err := conn.QueryRow(ctx, `SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid() AND backend_type = 'client backend'`).Scan(&n)
		return "", err == nil && n == 0
	})
	rows, err := conn.Query(ctx, `SELECT id FROM executions WHERE status = 'SENDING'`)
	if err != nil {
		w.Fatal(err)
	}
	ids, err := pgx.CollectRows(rows, pgx.RowTo[string])
	if err != nil {
		w.Fatal(err)
	}
	return ids
}

// sendingInCopy looks into a copy, so that the next process finds the files as
// the killed one left them.
func (w *world) sendingInCopy() (ids []string) {
	w.Helper()
	dir := w.TempDir()
	for _, name := range []string{"dunwell.db", "dunwell.db-wal"} {
		if err := copyFile(filepath.Join(dir, name), filepath.Join(w.db.dir, name)); err != nil {
			w.Fatal(err)
		}
	}
	db, err := sql.Open("sqlite", "file:"+filepath.Join(dir, "dunwell.db"))
	if err != nil {
		w.Fatal(err)
	}
	defer db.Close()
	rows, err := db.QueryContext(w.Context(), `SELECT id FROM executions WHERE status = 'SENDING'`)
	if err != nil {
		w.Fatal(err)
	}
	defer rows.Close()
	for rows.Next() {
		var id string
		if err := rows.Scan(&id); err != nil {
			w.Fatal(err)
		}
		ids = append(ids, id)
	}
	if err := rows.Err(); err != nil {
		w.Fatal(err)
	}
	return ids
}

func copyFile(to, from string) error {
	in, err := os.Open(from)
	if err != nil {
		return err
	}
	defer in.Close()
	out, err := os.Create(to)
	if err != nil {
		return err
	}
	if _, err := io.Copy(out, in); err != nil {
		return err
	}
	return out.Close()
}
