package engine

import (
	"github.com/prometheus/client_golang/prometheus"

	"github.com/dunwellhq/dunwell/internal/execution"
)

// Metrics counts what the engine does; docs/operations.md lists them.
type Metrics struct {
	items    *prometheus.CounterVec
	attempts *prometheus.CounterVec
	moves    *prometheus.CounterVec
}

// NewMetrics returns metrics that nobody scrapes yet; see [Metrics.Register].
func NewMetrics() *Metrics {
	m := &Metrics{
		items: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "dunwell_ingested_items_total", Help: "Resource states taken in, by what became of them.",
		}, []string{"result"}),
		attempts: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "dunwell_attempts_total", Help: "Attempts to hand a message to a provider that ended, by outcome.",
		}, []string{"outcome"}),
		moves: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "dunwell_executions_moved_total", Help: "Executions that a claim moved, by the status they moved to.",
		}, []string{"status"}),
	}
	// A rate of something that has not happened yet is 0, not missing.
	for _, result := range []string{"applied", "unchanged", "stale", "invalid"} {
		m.items.WithLabelValues(result)
	}
	for _, o := range []execution.OutcomeKind{execution.Accepted, execution.Refused, execution.Deferred, execution.Unknown} {
		m.attempts.WithLabelValues(string(o))
	}
	for _, s := range execution.Statuses {
		m.moves.WithLabelValues(string(s))
	}
	return m
}

// Register gives the metrics to a registry.
func (m *Metrics) Register(r prometheus.Registerer) {
	r.MustRegister(m.items, m.attempts, m.moves)
}

func (m *Metrics) ingested(results []Result) {
	for _, r := range results {
		switch {
		case r.Err != nil:
			m.items.WithLabelValues("invalid").Inc()
		case r.Applied:
			m.items.WithLabelValues("applied").Inc()
		case r.Stale:
			m.items.WithLabelValues("stale").Inc()
		default:
			m.items.WithLabelValues("unchanged").Inc()
		}
	}
}

func (m *Metrics) attempted(o execution.OutcomeKind) { m.attempts.WithLabelValues(string(o)).Inc() }

func (m *Metrics) moved(s execution.Status) { m.moves.WithLabelValues(string(s)).Inc() }
