package store

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"log/slog"
	"slices"
	"strings"
	"time"

	"github.com/riverqueue/river"
	"github.com/riverqueue/river/riverdriver"
	"github.com/riverqueue/river/rivershared/uniquestates"
	"github.com/riverqueue/river/rivertype"

	"github.com/dunwellhq/dunwell/internal/platform"
)

// Lane names the executions of some customers of a platform, which are worked
// off in order.
type Lane struct {
	PlatformID platform.ID `json:"platform_id"`
	Number     int         `json:"lane"`
}

// Kind names the job that wakes a lane.
func (Lane) Kind() string { return "drain" }

// queue hands out lanes. A job says "look at this lane now" and nothing else:
// at most one waits per lane, and losing or doubling one harms nothing, because
// what is due stands in the executions and the sweep finds what nobody looked at.
type queue interface {
	insert(ctx context.Context, tx *Tx, lanes []Lane) error
	start(ctx context.Context) error
	stop(ctx context.Context) error
}

// Wake has the lanes looked at once the transaction has committed.
func (tx *Tx) Wake(lanes ...Lane) {
	if tx.wakes == nil {
		tx.wakes = map[Lane]struct{}{}
	}
	for _, l := range lanes {
		tx.wakes[l] = struct{}{}
	}
}

// flushWakes inserts the wake-ups of the whole transaction at once, in order:
// two transactions that wake the same lanes wait for each other in one
// direction only. A lane for which a job is waiting already is left to that
// job, without locking it: a job that others keep locked would never be taken.
func (tx *Tx) flushWakes(ctx context.Context) error {
	if len(tx.wakes) == 0 {
		return nil
	}
	waiting, err := tx.waitingJobs(ctx)
	if err != nil {
		return err
	}
	var lanes []Lane
	for l := range tx.wakes {
		if id, ok := waiting[laneKey(l)]; ok {
			tx.relied = append(tx.relied, reliance{l, id})
		} else {
			lanes = append(lanes, l)
		}
	}
	if len(lanes) == 0 {
		return nil
	}
	slices.SortFunc(lanes, func(a, b Lane) int {
		if c := strings.Compare(string(a.PlatformID), string(b.PlatformID)); c != 0 {
			return c
		}
		return a.Number - b.Number
	})
	if err := tx.s.queue.insert(ctx, tx, lanes); err != nil {
		return fmt.Errorf("waking lanes: %w", err)
	}
	return nil
}

// reliance is a lane that was left to a job which was waiting for it.
type reliance struct {
	lane Lane
	job  int64
}

// waitingJobs returns the jobs that wait to look at the transaction's lanes.
func (tx *Tx) waitingJobs(ctx context.Context) (map[string]int64, error) {
	type job struct {
		key string
		id  int64
	}
	keys := make([]string, 0, len(tx.wakes))
	for l := range tx.wakes {
		keys = append(keys, hex.EncodeToString([]byte(laneKey(l))))
	}
	list, err := all(ctx, tx.c, func(rs rows) (j job, err error) { return j, rs.Scan(&j.key, &j.id) },
		`SELECT `+tx.s.db.hex("unique_key")+`, id FROM river_job
		 WHERE state = 'available' AND `+tx.s.db.hex("unique_key")+` = ANY($1)`, keys)
	if err != nil {
		return nil, fmt.Errorf("looking for waiting jobs: %w", err)
	}
	found := make(map[string]int64, len(list))
	for _, j := range list {
		key, err := hex.DecodeString(j.key)
		if err != nil {
			return nil, err
		}
		found[string(key)] = j.id
	}
	return found, nil
}

// confirm looks, after the commit, whether the jobs that a transaction relied
// on were still waiting. One that was taken meanwhile may have looked before
// the commit, so its lane is woken again. On SQLite nothing can take a job
// while a transaction is open.
func (s *Store) confirm(ctx context.Context, relied []reliance) error {
	if len(relied) == 0 || s.Embedded() {
		return nil
	}
	ids := make([]int64, len(relied))
	for i, r := range relied {
		ids[i] = r.job
	}
	still, err := all(ctx, s.c, column[int64], `SELECT id FROM river_job WHERE state = 'available' AND id = ANY($1)`, ids)
	if err != nil {
		return err
	}
	var again []Lane
	for _, r := range relied {
		if !slices.Contains(still, r.job) {
			again = append(again, r.lane)
		}
	}
	if len(again) == 0 {
		return nil
	}
	return s.Write(ctx, func(tx *Tx) error {
		tx.Wake(again...)
		return nil
	})
}

// laneKey is what makes the waiting job of a lane unique.
func laneKey(l Lane) string {
	key := sha256.Sum256(fmt.Appendf(nil, "%s %s %d", l.Kind(), l.PlatformID, l.Number))
	return string(key[:])
}

// riverQueue is the queue on River, on either database.
type riverQueue[TTx any] struct {
	client  *river.Client[TTx]
	unwrap  func(*Tx) TTx
	workers int
}

func newRiver[TTx any](driver riverdriver.Driver[TTx], cfg Config, pollOnly bool, unwrap func(*Tx) TTx) (queue, error) {
	rc := &river.Config{
		Logger:                      slog.New(slog.DiscardHandler),
		MaxAttempts:                 1,
		CompletedJobRetentionPeriod: time.Hour,
		DiscardedJobRetentionPeriod: time.Hour,
		JobTimeout:                  -1, // a drain ends by its own time slice
		RescueStuckJobsAfter:        5 * time.Minute,
		FetchCooldown:               10 * time.Millisecond,
		FetchPollInterval:           200 * time.Millisecond,
		PollOnly:                    pollOnly,
		Plugins:                     []rivertype.Plugin{&onePerLane{}},
	}
	if pollOnly {
		// SQLite has nobody to notify it, and a poll that finds nothing
		// writes nothing.
		rc.FetchPollInterval = 20 * time.Millisecond
	}
	if cfg.Workers > 0 {
		rc.Workers = river.NewWorkers()
		river.AddWorker(rc.Workers, &drainWorker{work: cfg.Work})
		rc.Queues = map[string]river.QueueConfig{river.QueueDefault: {MaxWorkers: cfg.Workers}}
	}
	client, err := river.NewClient(driver, rc)
	if err != nil {
		return nil, err
	}
	return &riverQueue[TTx]{client, unwrap, cfg.Workers}, nil
}

func (q *riverQueue[TTx]) insert(ctx context.Context, tx *Tx, lanes []Lane) error {
	params := make([]river.InsertManyParams, len(lanes))
	for i, l := range lanes {
		params[i] = river.InsertManyParams{Args: l}
	}
	_, err := q.client.InsertManyTx(ctx, q.unwrap(tx), params)
	return err
}

func (q *riverQueue[TTx]) start(ctx context.Context) error {
	if q.workers == 0 {
		return nil
	}
	return q.client.Start(ctx)
}

func (q *riverQueue[TTx]) stop(ctx context.Context) error {
	if q.workers == 0 {
		return nil
	}
	if err := q.client.Stop(ctx); err != nil {
		return q.client.StopAndCancel(context.WithoutCancel(ctx))
	}
	return nil
}

// onePerLane lets one job wait per lane. River's own uniqueness counts running
// jobs too, and would drop the wake-up of what became due while a drain was
// just finishing.
type onePerLane struct{ river.MiddlewareDefaults }

var waitingStates = uniquestates.UniqueStatesToBitmask([]rivertype.JobState{
	rivertype.JobStateAvailable, rivertype.JobStatePending, rivertype.JobStateScheduled,
})

// InsertMany implements rivertype.JobInsertMiddleware.
func (*onePerLane) InsertMany(ctx context.Context, jobs []*rivertype.JobInsertParams,
	insert func(context.Context) ([]*rivertype.JobInsertResult, error),
) ([]*rivertype.JobInsertResult, error) {
	for _, j := range jobs {
		if l, ok := j.Args.(Lane); ok {
			j.UniqueKey, j.UniqueStates = []byte(laneKey(l)), waitingStates
		}
	}
	return insert(ctx)
}

type drainWorker struct {
	river.WorkerDefaults[Lane]
	work func(context.Context, Lane)
}

// Work implements river.Worker. It never fails: what went wrong with a lane
// stands in its executions.
func (w *drainWorker) Work(ctx context.Context, job *river.Job[Lane]) error {
	w.work(ctx, job.Args)
	return nil
}
