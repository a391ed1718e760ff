package billing_test

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/dunwellhq/dunwell/internal/billing"
)

func day(n int) time.Time { return time.Date(2026, 11, n, 0, 0, 0, 0, time.UTC) }

func TestTrial(t *testing.T) {
	info := func(id string, kind billing.ScheduleType, end time.Time) billing.ScheduleInfo {
		return billing.ScheduleInfo{ID: id, Type: kind, StartAt: day(1), EndAt: end}
	}
	for name, c := range map[string]struct {
		infos []billing.ScheduleInfo
		want  string // id of the trial; "" is none
	}{
		"none":                {nil, ""},
		"none of type TRIAL":  {[]billing.ScheduleInfo{info("a", billing.DefaultSchedule, day(9)), info("b", "", day(9))}, ""},
		"one":                 {[]billing.ScheduleInfo{info("a", billing.DefaultSchedule, time.Time{}), info("b", billing.Trial, day(9))}, "b"},
		"one without an end":  {[]billing.ScheduleInfo{info("a", billing.Trial, time.Time{})}, "a"},
		"prolonged":           {[]billing.ScheduleInfo{info("a", billing.Trial, day(9)), info("b", billing.Trial, day(20))}, "b"},
		"prolonged, reversed": {[]billing.ScheduleInfo{info("b", billing.Trial, day(20)), info("a", billing.Trial, day(9))}, "b"},
		"an end that is open": {[]billing.ScheduleInfo{info("a", billing.Trial, time.Time{}), info("b", billing.Trial, day(9))}, "b"},
	} {
		s := billing.Subscription{Schedules: c.infos}
		got := ""
		if trial := s.Trial(); trial != nil {
			got = trial.ID
		}
		if got != c.want {
			t.Errorf("%s: got %q, want %q", name, got, c.want)
		}
	}
}

// A trial is the same whether its subscription or a schedule tells of it.
func TestTrialEitherWay(t *testing.T) {
	schedule := billing.Schedule{Head: billing.Head{ID: "ppsc_1"}, Type: billing.Trial, StartAt: day(1), EndAt: day(15)}
	subscription := billing.Subscription{Schedules: []billing.ScheduleInfo{{ID: "ppsc_1", Type: billing.Trial, StartAt: day(1), EndAt: day(15)}}}
	if diff := cmp.Diff(subscription.Trial(), schedule.Trial()); diff != "" {
		t.Errorf("subscription and schedule differ:\n%s", diff)
	}
	schedule.Type = billing.DefaultSchedule
	if got := schedule.Trial(); got != nil {
		t.Errorf("a schedule that is no trial: got %+v, want nil", got)
	}
}

func TestStatesOfOneVersion(t *testing.T) {
	version := billing.Version{Kind: billing.ByNumber, Number: 5}
	subscription := func(s billing.SubscriptionStatus) billing.Resource {
		return &billing.Subscription{Head: billing.Head{Version: version}, Status: s}
	}
	wallet := func(s billing.WalletStatus, balanceAt int) billing.Resource {
		return &billing.Wallet{Head: billing.Head{Version: version}, Status: s, BalanceAt: day(balanceAt)}
	}
	walletType := func(s billing.WalletStatus) billing.Resource {
		return &billing.WalletType{Head: billing.Head{Version: version}, Status: s}
	}
	for name, c := range map[string]struct{ behind, ahead billing.Resource }{
		"subscription, active":           {subscription(billing.SubscriptionDraft), subscription(billing.SubscriptionActive)},
		"subscription, cancelled":        {subscription(billing.SubscriptionActive), subscription(billing.SubscriptionCancelled)},
		"subscription, void":             {subscription(billing.SubscriptionActive), subscription(billing.SubscriptionVoid)},
		"subscription, archived":         {subscription(billing.SubscriptionActive), subscription(billing.SubscriptionArchived)},
		"wallet, active":                 {wallet(billing.WalletDraft, 2), wallet(billing.WalletActive, 1)},
		"wallet, inactive":               {wallet(billing.WalletDraft, 2), wallet(billing.WalletInactive, 1)},
		"wallet, deprecated":             {wallet(billing.WalletActive, 2), wallet(billing.WalletDeprecated, 1)},
		"wallet, archived":               {wallet(billing.WalletDeprecated, 2), wallet(billing.WalletArchived, 1)},
		"wallet, later balance":          {wallet(billing.WalletActive, 1), wallet(billing.WalletInactive, 2)},
		"wallet, nothing said of status": {wallet(billing.WalletDraft, 2), wallet("", 1)},
		"wallet type":                    {walletType(billing.WalletActive), walletType(billing.WalletArchived)},
	} {
		if got, err := billing.Judge(c.behind, c.ahead); err != nil || got != billing.Apply {
			t.Errorf("%s: the further state: got %v, %v, want it applied", name, got, err)
		}
		if got, err := billing.Judge(c.ahead, c.behind); err != nil || got != billing.Stale {
			t.Errorf("%s: the state before: got %v, %v, want it stale", name, got, err)
		}
	}
	for name, c := range map[string][2]billing.Resource{
		"subscription": {subscription(billing.SubscriptionVoid), subscription(billing.SubscriptionCancelled)},
		"wallet":       {wallet(billing.WalletInactive, 1), wallet(billing.WalletActive, 1)},
	} {
		for _, pair := range [][2]billing.Resource{c, {c[1], c[0]}} {
			if got, err := billing.Judge(pair[0], pair[1]); err != nil || got != billing.Apply {
				t.Errorf("%s: of equal rank the last to arrive: got %v, %v, want it applied", name, got, err)
			}
		}
	}
}

// Every kind can be made and kept, and belongs to what it says.
func TestKinds(t *testing.T) {
	for _, kind := range billing.Kinds {
		r := billing.New(kind)
		if r == nil || r.Kind() != kind {
			t.Fatalf("%s: got %v", kind, r)
		}
		r.Base().ID = "x"
		raw, err := billing.Encode(r)
		if err != nil {
			t.Fatalf("%s: %v", kind, err)
		}
		back, err := billing.Decode(kind, raw)
		if err != nil || !billing.SameContent(r, back) {
			t.Errorf("%s: got %+v, %v, want %+v", kind, back, err, r)
		}
	}
	if got := billing.New("COUPON"); got != nil {
		t.Errorf("a kind that is not mirrored: got %v, want nil", got)
	}
	for _, c := range []struct {
		r        billing.Resource
		customer billing.CustomerID
		parent   string
	}{
		{&billing.Subscription{CustomerID: "c"}, "c", ""},
		{&billing.Schedule{SubscriptionID: "s"}, "", "s"},
		{&billing.WalletType{}, "", ""},
		{&billing.Wallet{CustomerID: "c", WalletTypeID: "t"}, "c", "t"},
	} {
		if customer, parent := billing.CustomerOf(c.r), billing.ParentOf(c.r); customer != c.customer || parent != c.parent {
			t.Errorf("%s: got %q and %q, want %q and %q", c.r.Kind(), customer, parent, c.customer, c.parent)
		}
	}
}
