package store

import (
	"context"
	"fmt"

	"github.com/go-json-experiment/json"

	"github.com/dunwellhq/dunwell/internal/billing"
	"github.com/dunwellhq/dunwell/internal/execution"
	"github.com/dunwellhq/dunwell/internal/platform"
	"github.com/dunwellhq/dunwell/internal/workflow"
)

// Timeline reads what was decided and done about a resource: the decisions
// about its triggers, with those of an invoice the ones about its payments and
// with those of a customer all; the attempts of their executions; and where
// each execution stands. Of q it takes the page and the direction.
func (r Reader) Timeline(ctx context.Context, p platform.ID, kind billing.Kind, id string, q Query) (Page[execution.Moment], error) {
	direction := "DESC"
	if q.Ascending {
		direction = "ASC"
	}
	text := fmt.Sprintf(`WITH mine AS MATERIALIZED (%s), moments AS (%s)
		SELECT m.at, m.rank, m.status, m.reason, m.version, m.facts, m.execution_id, m.number, m.reply,
		    t.id, t.type, t.workflow_id, t.variant, t.step, t.kind, t.resource_id, t.customer_id
		FROM moments m JOIN mine t ON t.id = m.trigger_id
		ORDER BY m.at %[3]s, m.trigger_id %[3]s, m.rank %[3]s, m.execution_id %[3]s, m.number %[3]s LIMIT %[4]d OFFSET %[5]d`,
		triggersAbout(kind), moments, direction, q.Limit+1, (q.Page-1)*q.Limit)
	items, err := all(ctx, r.c, scanMoment, text, string(p), id)
	if err != nil {
		return Page[execution.Moment]{}, fmt.Errorf("reading the timeline of %s %.80q: %w", kind, id, err)
	}
	if len(items) > q.Limit {
		return Page[execution.Moment]{Items: items[:q.Limit], More: true}, nil
	}
	return Page[execution.Moment]{Items: items}, nil
}

// triggersAbout selects the triggers about the resource $2. Each part has an
// index of its own.
func triggersAbout(kind billing.Kind) string {
	const from = `SELECT * FROM triggers WHERE platform_id = $1 AND `
	if kind == billing.KindCustomer {
		return from + `customer_id = $2`
	}
	about := func(which string) string {
		return from + `type = 'EVENT' AND ` + which + ` UNION ALL ` + from + `type = 'MANUAL' AND ` + which
	}
	text := about(`kind = '` + string(kind) + `' AND resource_id = $2`)
	if kind == billing.KindInvoice {
		text += ` UNION ALL ` + about(`kind = 'PAYMENT' AND resource_id IN (
			SELECT id FROM resources WHERE platform_id = $1 AND invoice_id = $2 AND invoice_id <> '' AND kind = 'PAYMENT')`)
	}
	return text
}

// moments are those of the triggers that are called mine. rank is the place of
// [execution.MomentOf] in ranks. The platform is that of the trigger, which is read first:
// said once more as $1, SQLite would begin with all that the platform has.
const moments = `
	SELECT decided_at AS at, 0 AS rank, status, reason, workflow_version AS version, facts, id AS trigger_id,
	    '' AS execution_id, decision AS number, '' AS reply FROM mine
	UNION ALL SELECT d.decided_at, 0, d.status, d.reason, d.workflow_version, d.facts, d.trigger_id, '', d.number, ''
	FROM mine t JOIN decisions d ON d.platform_id = t.platform_id AND d.trigger_id = t.id
	UNION ALL SELECT CASE WHEN a.ended_at = 0 THEN a.started_at ELSE a.ended_at END, 1, a.outcome, '', t.workflow_version, '', t.id, e.id, a.number, a.reply
	FROM mine t JOIN executions e ON e.platform_id = t.platform_id AND e.trigger_id = t.id
	    JOIN attempts a ON a.platform_id = e.platform_id AND a.execution_id = e.id
	UNION ALL SELECT e.updated_at, 2, e.status, e.reason, t.workflow_version, '', t.id, e.id, 0, ''
	FROM mine t JOIN executions e ON e.platform_id = t.platform_id AND e.trigger_id = t.id`

var ranks = []execution.MomentOf{execution.OfTrigger, execution.OfAttempt, execution.OfExecution}

func scanMoment(rs rows) (execution.Moment, error) {
	var m execution.Moment
	var at int64
	var rank, number int
	var facts []byte
	if err := rs.Scan(&at, &rank, &m.Status, &m.Reason, &m.WorkflowVersion, &facts, &m.ExecutionID, &number, &m.Reply,
		&m.TriggerID, &m.TriggerType, &m.WorkflowID, &m.Variant, &m.Step, &m.Kind, &m.ResourceID, &m.CustomerID); err != nil {
		return m, err
	}
	m.At, m.Of = instant(at), ranks[rank]
	if m.Of == execution.OfAttempt {
		m.Attempt = number
	}
	if len(facts) == 0 {
		return m, nil
	}
	m.Facts = &workflow.Basis{}
	return m, json.Unmarshal(facts, m.Facts)
}
