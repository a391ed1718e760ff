package engine_test

import (
	"fmt"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/dunwellhq/dunwell/internal/fault"
	"github.com/dunwellhq/dunwell/internal/ident"
	"github.com/dunwellhq/dunwell/internal/message"
	"github.com/dunwellhq/dunwell/internal/platform"
	"github.com/dunwellhq/dunwell/internal/store"
	"github.com/dunwellhq/dunwell/internal/workflow"
)

// onTest runs a test on a TEST platform, on both databases.
func onTest(t *testing.T, test func(*world)) {
	onBoth(t, func(w *world) {
		w.testPlatform()
		test(w)
	})
}

// testPlatform makes the world's platform a TEST one.
func (w *world) testPlatform(allowed ...string) {
	w.Helper()
	p := platform.Platform{
		ID: platform.ID(ident.New("plat")), Reference: "test", Name: "test", Environment: platform.Test, AllowedRecipients: allowed,
		Timezone: "Europe/Amsterdam", Locale: "en-GB", Sending: platform.On, CreatedAt: w.now, UpdatedAt: w.now,
	}
	w.must(w.s.Write(w.ctx, func(tx *store.Tx) error { return tx.InsertPlatform(w.ctx, p) }))
	w.p = p.ID
	in, _, err := w.e.PutIntegration(w.ctx, w.p, platform.Integration{
		Type: "EMAIL_PROVIDER", Status: platform.IntegrationActive, EmailProvider: platform.EmailProvider{Variant: platform.System},
	}, false)
	w.must(err)
	w.intg = in.ID
}

func at(text string) time.Time {
	t, err := time.Parse(time.RFC3339, text)
	if err != nil {
		panic(err)
	}
	return t
}

// setClock moves the platform's clock.
func (w *world) setClock(to string) {
	w.Helper()
	p, err := w.e.SetClock(w.ctx, w.p, at(to))
	w.must(err)
	if !p.Clock.Equal(at(to)) {
		w.Fatalf("the clock shows %v, want %s", p.Clock, to)
	}
}

// mails is what customers would have got, and when, in that order.
func (w *world) mails() []string {
	w.Helper()
	page, err := w.s.Outbox(w.ctx, w.p, store.Query{Page: 1, Limit: 100, Ascending: true})
	w.must(err)
	var out []string
	for _, c := range page.Items {
		m, err := message.Decode([]byte(c.Content))
		w.must(err)
		out = append(out, fmt.Sprintf("%s %s %s", c.CreatedAt.Format("2006-01-02T15:04"), m.To[0].Email, m.Subject))
	}
	return out
}

func TestAMonthInOneCall(t *testing.T) {
	onTest(t, func(w *world) {
		w.setClock("2026-11-23T09:00:00Z")
		w.overdue(1, 7)
		w.workflow(workflow.ToFinal)
		w.ingest(w.customer("c1"), w.due("i1", "c1", "2026-11-30"), w.customer("c2"), w.due("i2", "c2", "2026-12-01"))
		w.setClock("2026-12-23T09:00:00Z")
		want := []string{}
		if diff := cmp.Diff(want, w.mails()); diff != "" {
			t.Errorf("(-want +got)\n%s", diff)
		}
	})
}

func TestClockIsATestPlatforms(t *testing.T) {
	onBoth(t, func(w *world) {
		_, err := w.e.SetClock(w.ctx, w.p, w.now)
		if !fault.Is(err, fault.State) {
			t.Errorf("a LIVE platform: got %v, want it refused", err)
		}
	})
}
