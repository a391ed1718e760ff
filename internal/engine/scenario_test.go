package engine_test

import (
	"bytes"
	"flag"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"golang.org/x/tools/txtar"

	"github.com/dunwellhq/dunwell/internal/billing"
	"github.com/dunwellhq/dunwell/internal/calendar"
	"github.com/dunwellhq/dunwell/internal/hold"
	"github.com/dunwellhq/dunwell/internal/pgtest"
	"github.com/dunwellhq/dunwell/internal/store"
	"github.com/dunwellhq/dunwell/internal/storetest"
	"github.com/dunwellhq/dunwell/internal/workflow"
)

var update = flag.Bool("update", false, "rewrite what comes of the scenarios")

const scenarioFolder = "testdata/scenarios"

// TestScenarios plays the stories of testdata/scenarios, whose README.md shows
// how one is written: what is given, line by line, and then what was decided and
// what was sent.
func TestScenarios(t *testing.T) {
	files, err := filepath.Glob(scenarioFolder + "/*.txtar")
	if err != nil || len(files) < 40 {
		t.Fatalf("got %d scenarios (%v), want at least 40", len(files), err)
	}
	template := ""
	if pgtest.Available() {
		template = pgtest.URL(t)
		if err := store.Migrate(t.Context(), store.Config{URL: template}); err != nil {
			t.Fatal(err)
		}
	}
	for i, file := range files {
		if testing.Short() && i%10 != 0 {
			continue // a sample is enough for the race detector
		}
		t.Run(strings.TrimSuffix(filepath.Base(file), ".txtar"), func(t *testing.T) {
			t.Parallel()
			playOnBoth(t, file, template)
		})
	}
}

// playOnBoth holds what comes of a scenario on each database to what its file
// says. -update writes down what SQLite says, and holds PostgreSQL to that, each
// on a copy of a database that is migrated already.
func playOnBoth(t *testing.T, file, template string) {
	archive, err := txtar.ParseFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if len(archive.Files) != 2 || archive.Files[0].Name != "given" || archive.Files[1].Name != "then" {
		t.Fatalf("%s: want two parts, -- given -- and -- then --", file)
	}
	if len(bytes.TrimSpace(archive.Comment)) == 0 {
		t.Errorf("%s: want a few words above -- given -- that say what should happen, and why", file)
	}
	then := &archive.Files[1]
	given := lines(archive.Files[0].Data)
	t.Run("sqlite", func(t *testing.T) {
		got := play(t, file, given, storetest.SQLite(t))
		if *update {
			then.Data = []byte(got)
			if err := os.WriteFile(file, txtar.Format(archive), 0o600); err != nil {
				t.Fatal(err)
			}
		}
		sameStory(t, string(then.Data), got)
	})
	t.Run("postgres", func(t *testing.T) {
		if template == "" {
			pgtest.URL(t) // says what there is not
		}
		sameStory(t, string(then.Data), play(t, file, given, pgtest.Copy(t, template)))
	})
}

func sameStory(t *testing.T, want, got string) {
	t.Helper()
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("what comes of it: (-want +got)\n%s", diff)
	}
}

// lines are the lines of a text that say something.
func lines(text []byte) []string {
	var list []string
	for line := range strings.Lines(string(text)) {
		if line = strings.TrimSpace(line); line != "" && !strings.HasPrefix(line, "#") {
			list = append(list, line)
		}
	}
	return list
}

// scenario is a world in which a file is played.
type scenario struct {
	*world
	zone *time.Location // in which the file's times are read and told

	resources map[billing.Key]billing.Resource // as they were told last
	workflows map[string]workflow.ID
	names     map[workflow.ID]string
	holds     map[billing.Key]hold.ID
	many      int // invoices that were told by the thousand
}

func play(t *testing.T, file string, given []string, url string) string {
	t.Helper()
	begin, zone, ok := clockOf(given[0])
	if !ok {
		t.Fatalf("%s: want as the first line: clock 2026-01-05 10:00 in Europe/Amsterdam", file)
	}
	s := &scenario{
		world: newWorldAt(t, begin, url, nil), zone: zone,
		resources: map[billing.Key]billing.Resource{}, workflows: map[string]workflow.ID{}, names: map[workflow.ID]string{},
		holds: map[billing.Key]hold.ID{},
	}
	for _, line := range given[1:] {
		if err := s.line(line); err != nil {
			t.Fatalf("%s: %q: %v", file, line, err)
		}
	}
	return s.told()
}

// clockOf reads where and when a scenario begins.
func clockOf(line string) (time.Time, *time.Location, bool) {
	at, name, _ := strings.Cut(strings.TrimPrefix(line, "clock "), " in ")
	zone, err := calendar.Zone(name)
	if err != nil {
		return time.Time{}, nil, false
	}
	t, err := time.ParseInLocation(minute, at, zone)
	return t.UTC(), zone, err == nil
}

// minute is how a scenario writes a time.
const minute = "2006-01-02 15:04"

// advance moves the clock to a time, from one instant at which something comes
// due to the next, so that nothing looks like downtime.
func (s *scenario) advance(end time.Time) {
	s.Helper()
	for s.now.Before(end) {
		next := s.now.UTC().Truncate(24 * time.Hour).Add(24 * time.Hour) // the planner has a date to announce
		if next.After(end) {
			next = end
		}
		if s.now = s.firstDue(next); s.now.Equal(next) {
			s.must(s.e.Plan(s.ctx)) // most days bring nothing but this
		}
		if s.due(s.now) {
			s.settle()
		}
	}
}

// settle lets everything happen that is due, as a second or two would.
func (s *scenario) settle() {
	s.Helper()
	for range 3 { // what a sweep lets go is planned, and fires, after it
		s.tick()
		if !s.due(s.now) {
			return
		}
	}
	s.Fatalf("at %s something stays due", s.now.In(s.zone).Format(minute))
}

// firstDue is the first second after now, at the latest end, at which something
// is due that was not before.
func (s *scenario) firstDue(end time.Time) time.Time {
	s.Helper()
	if !s.due(end) {
		return end
	}
	low, high := s.now, end
	for high.Sub(low) > time.Second {
		middle := low.Add(high.Sub(low) / 2).Truncate(time.Second)
		if middle = maxTime(middle, low.Add(time.Second).Truncate(time.Second)); s.due(middle) {
			high = middle
		} else {
			low = middle
		}
	}
	return high
}

func maxTime(a, b time.Time) time.Time {
	if a.After(b) {
		return a
	}
	return b
}

// due reports whether the engine would find something to do at a time.
func (s *scenario) due(at time.Time) bool {
	s.Helper()
	platforms, err := s.s.WithDue(s.ctx, at)
	s.must(err)
	holds, err := s.s.EndedHolds(s.ctx, at, 1)
	s.must(err)
	sweep, err := s.s.Sweepable(s.ctx, at, at.Add(-24*time.Hour))
	s.must(err)
	return len(platforms) > 0 || len(holds) > 0 || sweep
}
