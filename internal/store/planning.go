package store

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/go-json-experiment/json"

	"github.com/dunwellhq/dunwell/internal/billing"
	"github.com/dunwellhq/dunwell/internal/calendar"
	"github.com/dunwellhq/dunwell/internal/ident"
	"github.com/dunwellhq/dunwell/internal/platform"
	"github.com/dunwellhq/dunwell/internal/trigger"
	"github.com/dunwellhq/dunwell/internal/workflow"
)

// Planning is what a platform's planning row says.
type Planning struct {
	Version   int64         // of the set of ACTIVE workflows, and of the platform's settings
	Announced calendar.Date // the last date that is being planned, or has been
	Clock     time.Time     // what a TEST platform's own clock shows; zero: it goes by the machine's
}

const planningColumns = `version, announced, clock`

func scanPlanning(rs rows) (Planning, error) {
	var p Planning
	var announced, clock int64
	err := rs.Scan(&p.Version, &announced, &clock)
	p.Announced, p.Clock = dateOf(announced), instant(clock)
	return p, err
}

// dateOf reads a date that was stored as a number of days.
func dateOf(days int64) calendar.Date { return calendar.Date(days) } //nolint:gosec // only dates are stored there

// AnnouncedAhead is how many dates after that of UTC are announced: on the first
// of them the clocks of UTC+14 show it already, and it takes time to plan one.
const AnnouncedAhead = 2

// Horizon is the last date that is to be announced at a time.
func Horizon(now time.Time) calendar.Date {
	return calendar.DateOf(now, time.UTC).AddDays(AnnouncedAhead)
}

func (tx *Tx) insertPlanning(ctx context.Context, p platform.Platform) error {
	_, err := tx.c.exec(ctx, `INSERT INTO planning (platform_id, version, announced, clock) VALUES ($1, 1, $2, 0)`,
		string(p.ID), int64(Horizon(p.CreatedAt)))
	return err
}

// HoldPlanning reads the planning row and keeps it from changing until the
// transaction ends.
func (tx *Tx) HoldPlanning(ctx context.Context, id platform.ID) (Planning, error) {
	if err := tx.gate(ctx, id, false); err != nil {
		return Planning{}, err
	}
	return tx.Planning(ctx, id)
}

// gate keeps the planning row as it is, or has it alone. The lock is an advisory
// one: those who share a lock of the row let no one have it alone as long as they
// follow each other closely enough, which ingestions do, and here they queue.
func (tx *Tx) gate(ctx context.Context, id platform.ID, exclusive bool) error {
	return tx.t.platformLock(ctx, string(id)+" planning", exclusive)
}

// Planning reads the planning row as it is now. A claim holds its version still
// by the platform's lock, which every change of it takes too.
func (r Reader) Planning(ctx context.Context, id platform.ID) (Planning, error) {
	return planningOf(ctx, r.c, id, `SELECT `+planningColumns+` FROM planning WHERE platform_id = $1`)
}

func planningOf(ctx context.Context, c conn, id platform.ID, text string) (Planning, error) {
	p, err := one(ctx, c, scanPlanning, text, string(id))
	if errors.Is(err, errNoRow) {
		return p, notFound("PLATFORM", "platform", string(id))
	}
	return p, err
}

// BumpWorkflowSet changes the version of the platform's set of ACTIVE
// workflows. It waits for every ingestion that matches against the old one.
func (tx *Tx) BumpWorkflowSet(ctx context.Context, id platform.ID) (Planning, error) {
	if err := tx.gate(ctx, id, true); err != nil {
		return Planning{}, err
	}
	return planningOf(ctx, tx.c, id, `UPDATE planning SET version = version + 1 WHERE platform_id = $1 RETURNING `+planningColumns)
}

// LockPlanning reads the planning row for a change of it. It waits for every
// ingestion that has read it.
func (tx *Tx) LockPlanning(ctx context.Context, id platform.ID) (Planning, error) {
	if err := tx.gate(ctx, id, true); err != nil {
		return Planning{}, err
	}
	return tx.Planning(ctx, id)
}

// Announce stores through which date is announced. The row must be locked.
func (tx *Tx) Announce(ctx context.Context, id platform.ID, through calendar.Date) error {
	_, err := tx.c.exec(ctx, `UPDATE planning SET announced = $2 WHERE platform_id = $1`, string(id), int64(through))
	return err
}

// Unannounced returns the platforms by the machine's clock of which dates
// through the given one are still to be announced.
func (r Reader) Unannounced(ctx context.Context, through calendar.Date) ([]platform.ID, error) {
	return all(ctx, r.c, column[platform.ID],
		`SELECT platform_id FROM planning WHERE announced < $1 AND clock = 0 ORDER BY platform_id`, int64(through))
}

// TaskKind says what a [Task] is.
type TaskKind string

// The kinds of task.
const (
	PlanDate TaskKind = "DATE"     // one date
	FillBack TaskKind = "BACKFILL" // what passed before an activation
)

// Task is something that is to be planned, with how far it has come.
type Task struct {
	PlatformID platform.ID
	ID         string
	Kind       TaskKind
	WorkflowID workflow.ID   // "" for all
	On         calendar.Date // of a date
	Position   Position
}

// Position is how far a task has come: within a workflow of all, within its
// spans, and within one of them.
type Position struct {
	WorkflowID workflow.ID `json:"workflow_id"`
	Step       int         `json:"step"`
	Span       int         `json:"span"`
	Place      Place       `json:"place"`
}

func scanTask(rs rows) (Task, error) {
	var t Task
	var on int64
	var position []byte
	if err := rs.Scan(&t.PlatformID, &t.ID, &t.Kind, &t.WorkflowID, &on, &position); err != nil {
		return t, err
	}
	t.On = dateOf(on)
	return t, json.Unmarshal(position, &t.Position)
}

// InsertTasks stores tasks, which get their ids here.
func (tx *Tx) InsertTasks(ctx context.Context, list []Task, now time.Time) error {
	args := make([][]any, len(list))
	for i, t := range list {
		args[i] = []any{string(t.PlatformID), ident.New("task"), string(t.Kind), string(t.WorkflowID), int64(t.On), "{}", micros(now)}
	}
	_, err := tx.c.execMany(ctx,
		`INSERT INTO plan_tasks (platform_id, id, kind, workflow_id, planned_on, position, created_at) VALUES ($1, $2, $3, $4, $5, $6, $7)`, args)
	return err
}

// Tasks returns tasks of all platforms, the oldest first; of one if p is set.
func (r Reader) Tasks(ctx context.Context, p platform.ID, limit int) ([]Task, error) {
	return all(ctx, r.c, scanTask,
		`SELECT platform_id, id, kind, workflow_id, planned_on, position FROM plan_tasks WHERE $1 = '' OR platform_id = $1
		 ORDER BY created_at, platform_id, id LIMIT $2`, string(p), limit)
}

// LockTask reads a task for working on it. ok is false if it is done, or if
// another is at it.
func (tx *Tx) LockTask(ctx context.Context, p platform.ID, id string) (t Task, ok bool, err error) {
	list, err := all(ctx, tx.c, scanTask,
		`SELECT platform_id, id, kind, workflow_id, planned_on, position FROM plan_tasks WHERE platform_id = $1 AND id = $2
		 FOR UPDATE SKIP LOCKED`, string(p), id)
	if err != nil || len(list) == 0 {
		return t, false, err
	}
	return list[0], true, nil
}

// MoveTask stores how far a task has come.
func (tx *Tx) MoveTask(ctx context.Context, t Task) error {
	position, err := encode(t.Position)
	if err != nil {
		return err
	}
	_, err = tx.c.exec(ctx, `UPDATE plan_tasks SET position = $3 WHERE platform_id = $1 AND id = $2`, string(t.PlatformID), t.ID, position)
	return err
}

// EndTask takes a task away.
func (tx *Tx) EndTask(ctx context.Context, t Task) error {
	_, err := tx.c.exec(ctx, `DELETE FROM plan_tasks WHERE platform_id = $1 AND id = $2`, string(t.PlatformID), t.ID)
	return err
}

// DatedTriggers reads and locks the EVENT triggers of dated variants of
// resources of a kind.
func (tx *Tx) DatedTriggers(ctx context.Context, p platform.ID, kind billing.Kind, ids []string) ([]trigger.Trigger, error) {
	list, err := lookUp(ctx, tx.c, scanTrigger,
		`SELECT `+triggerColumns+` FROM triggers WHERE platform_id = $1 AND kind = $2 AND resource_id = $3 AND type = 'EVENT'
		 AND step <> '' ORDER BY id FOR UPDATE`, keyed(ids, string(p), string(kind)))
	if err != nil {
		return nil, fmt.Errorf("reading dated triggers: %w", err)
	}
	return list, nil
}

// FiredSteps reads the triggers that have fired for any step of resources of a
// kind, whatever the date.
func (r Reader) FiredSteps(ctx context.Context, p platform.ID, kind billing.Kind, resources []string) ([]trigger.Trigger, error) {
	return lookUpAll(ctx, r.c, scanTrigger,
		`SELECT `+triggerColumns+` FROM triggers WHERE platform_id = $1 AND kind = $2 AND resource_id = ANY($3)
		 AND type = 'EVENT' AND step <> '' AND status = 'FIRED'`, resources, string(p), string(kind))
}

// PlannedOf reads the PLANNED triggers of customers.
func (r Reader) PlannedOf(ctx context.Context, p platform.ID, customers []string) ([]trigger.Trigger, error) {
	return r.plannedOf(ctx, ``, p, customers)
}

// LockedPlannedOf reads and locks them.
func (tx *Tx) LockedPlannedOf(ctx context.Context, p platform.ID, customers []string) ([]trigger.Trigger, error) {
	return tx.plannedOf(ctx, ` FOR UPDATE`, p, customers)
}

func (r Reader) plannedOf(ctx context.Context, lock string, p platform.ID, customers []string) ([]trigger.Trigger, error) {
	return lookUp(ctx, r.c, scanTrigger,
		`SELECT `+triggerColumns+` FROM triggers WHERE platform_id = $1 AND customer_id = $2 AND status = 'PLANNED'`+lock,
		keyed(customers, string(p)))
}

// DueTriggers reads and locks PLANNED triggers whose time has come, the oldest
// first.
func (tx *Tx) DueTriggers(ctx context.Context, p platform.ID, now time.Time, limit int) ([]trigger.Trigger, error) {
	return all(ctx, tx.c, scanTrigger,
		`SELECT `+triggerColumns+` FROM triggers WHERE platform_id = $1 AND status = 'PLANNED' AND reason = '' AND scheduled_at <= $2
		 ORDER BY scheduled_at, id LIMIT $3 FOR UPDATE SKIP LOCKED`, string(p), micros(now), limit)
}

// WithDue returns the platforms with PLANNED triggers whose time has come, each
// by its clock: its own, or the machine's. The first of each platform is asked for,
// and not whether there is one: so no database takes another way than the index.
func (r Reader) WithDue(ctx context.Context, now time.Time) ([]platform.ID, error) {
	return all(ctx, r.c, column[platform.ID],
		`SELECT platform_id FROM planning n WHERE (
		     SELECT t.scheduled_at FROM triggers t WHERE t.platform_id = n.platform_id AND t.status = 'PLANNED' AND t.reason = ''
		     ORDER BY t.scheduled_at, t.id LIMIT 1) <= CASE WHEN n.clock > 0 THEN n.clock ELSE $1 END
		 ORDER BY platform_id`, micros(now))
}

// Backlog counts the executions of a platform that wait for their turn, up to a
// limit. Every lane is 0 or more: that it is asked for leads to the index of what
// waits, past all that has been sent.
func (r Reader) Backlog(ctx context.Context, p platform.ID, limit int) (int64, error) {
	return one(ctx, r.c, column[int64],
		`SELECT COUNT(*) FROM (SELECT 1 FROM executions WHERE platform_id = $1 AND lane >= 0 AND status = 'PENDING' LIMIT $2) AS waiting`, string(p), limit)
}
