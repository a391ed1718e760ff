package httpapi_test

import (
	"strings"
	"testing"
	"time"
)

// same fails the test unless two bodies are equal but for one having `applied`.
func (r response) same(put response) {
	r.w.Helper()
	if want := strings.Replace(string(put.body), `,"applied":true`, "", 1); string(r.body) != want {
		r.w.Errorf("got %s, want %s", r.body, want)
	}
}

func TestSubscriptionsAndWallets(t *testing.T) {
	onBoth(t, func(t *testing.T, w *world) {
		// What belongs to something comes before it, and is kept.
		schedule := w.do("PUT", "/v1/pricing-plan-schedules/ppsc_2", `{"type":"TRIAL","pricing_plan_subscription_id":"ppsu_1",
			"start_at":"2026-11-01T00:00:00+01:00","end_at":"2026-12-01T00:00:00Z"}`).want(201)
		wallet := w.do("PUT", "/v1/wallets/wall_1", `{"wallet_type_id":"wtyp_1","customer_id":"c1","reference":"w-1","status":"ACTIVE",
			"balance":{"credits":{"quantity":"120.50","credit_type_id":"crty_1"}},"granted":{"credits":{"quantity":"1000","credit_type_id":"crty_1"}},
			"balance_at":"2026-11-22T10:00:00+01:00"}`).want(201)
		w.do("GET", "/v1/pricing-plan-subscriptions/ppsu_1", "").fails(404, "RESOURCE_NOT_FOUND", "-")
		w.do("GET", "/v1/wallet-types/wtyp_1", "").fails(404, "RESOURCE_NOT_FOUND", "-")
		w.do("GET", "/v1/customers/c1", "").fails(404, "RESOURCE_NOT_FOUND", "-")

		subscription := w.do("PUT", "/v1/pricing-plan-subscriptions/ppsu_1", `{"status":"ACTIVE","customer_id":"c1","name":"Team plan","reference":"sub-1",
			"pricing_plan_schedule_infos":[{"id":"ppsc_1","type":"DEFAULT"}],"source_version":3}`).want(201)
		walletType := w.do("PUT", "/v1/wallet-types/wtyp_1", `{"status":"ACTIVE","name":"API credits","reference":"api","type":"CREDIT",
			"credit":{"grant_type":"CREDITS","credits_grant":{"credit_type_id":"crty_1"}}}`).want(201)
		w.do("PUT", "/v1/customers/c1", `{"status":"ACTIVE"}`).want(201)

		for path, put := range map[string]response{
			"/v1/pricing-plan-subscriptions/ppsu_1": subscription, "/v1/pricing-plan-subscriptions/sub-1": subscription,
			"/v1/pricing-plan-schedules/ppsc_2": schedule,
			"/v1/wallet-types/wtyp_1":           walletType, "/v1/wallet-types/api": walletType,
			"/v1/wallets/wall_1": wallet, "/v1/wallets/w-1": wallet,
		} {
			if put.at("applied") != true {
				t.Errorf("%s: not applied: %s", path, put.body)
			}
			w.do("GET", path, "").want(200).same(put)
			w.do("GET", path, "", "X-API-KEY", w.foreign).fails(404, "RESOURCE_NOT_FOUND", "-")
		}
		for path, want := range map[string]any{
			"object_type": "PRICING_PLAN_SUBSCRIPTION", "pricing_plan_schedule_infos.0.type": "DEFAULT",
			"pricing_plan_schedule_infos.0.end_at": nil, "billing_entity_id": nil, "source_version": 3.0,
		} {
			if got := subscription.at(path); got != want {
				t.Errorf("%s: got %v, want %v", path, got, want)
			}
		}
		if schedule.text("start_at") != "2026-10-31T23:00:00Z" || schedule.text("object_type") != "PRICING_PLAN_SCHEDULE" {
			t.Errorf("got %s", schedule.body)
		}
		if walletType.at("balance") != nil || walletType.text("credit.credits_grant.credit_type_id") != "crty_1" || walletType.text("object_type") != "WALLET_TYPE" {
			t.Errorf("got %s", walletType.body)
		}
		if wallet.text("balance.credits.quantity") != "120.50" || wallet.at("balance.amount") != nil || wallet.text("object_type") != "WALLET" {
			t.Errorf("got %s", wallet.body)
		}

		// A later state replaces, an older one does not.
		cancelled := w.do("PUT", "/v1/pricing-plan-subscriptions/ppsu_1", `{"status":"CANCELLED","customer_id":"c1","source_version":4}`).want(200)
		if cancelled.at("applied") != true || cancelled.at("name") != nil {
			t.Errorf("got %s", cancelled.body)
		}
		stale := w.do("PUT", "/v1/pricing-plan-subscriptions/ppsu_1", `{"status":"ACTIVE","customer_id":"c1","source_version":3}`).want(200)
		if stale.at("applied") != false || stale.text("status") != "CANCELLED" {
			t.Errorf("an older state was applied: %s", stale.body)
		}
	})
}

func TestListsOfSubscriptionsAndWallets(t *testing.T) {
	onBoth(t, func(t *testing.T, w *world) {
		w.do("POST", "/v1/ingest/resources", `[
			{"object_type":"WALLET","id":"w1","wallet_type_id":"t1","customer_id":"c1","reference":"w-1","status":"ACTIVE"},
			{"object_type":"WALLET","id":"w2","wallet_type_id":"t2","customer_id":"c1"},
			{"object_type":"WALLET","id":"w3","wallet_type_id":"t1","customer_id":"c2"},
			{"object_type":"WALLET_TYPE","id":"t1","status":"ACTIVE","reference":"credits"},
			{"object_type":"WALLET_TYPE","id":"t2","status":"ARCHIVED"},
			{"object_type":"PRICING_PLAN_SCHEDULE","id":"p1","pricing_plan_subscription_id":"s1","reference":"p-1"},
			{"object_type":"PRICING_PLAN_SCHEDULE","id":"p2","pricing_plan_subscription_id":"s2"},
			{"object_type":"PRICING_PLAN_SUBSCRIPTION","id":"s1","customer_id":"c1","status":"ACTIVE","reference":"s-1"},
			{"object_type":"PRICING_PLAN_SUBSCRIPTION","id":"s2","customer_id":"c2","status":"DRAFT"},
			{"object_type":"PRICING_PLAN_SUBSCRIPTION","id":"s3","status":"ACTIVE"}]`).want(200)
		for target, want := range map[string]string{
			"/v1/wallets":                                                "w1 w2 w3",
			"/v1/wallets?customer_id=c1":                                 "w1 w2",
			"/v1/wallets?wallet_type_id=t1":                              "w1 w3",
			"/v1/wallets?wallet_type_id=t1&reference=w-1":                "w1",
			"/v1/wallets?statuses[]=ACTIVE":                              "w1",
			"/v1/wallet-types":                                           "t1 t2",
			"/v1/wallet-types?reference=credits":                         "t1",
			"/v1/wallet-types?statuses[]=ARCHIVED":                       "t2",
			"/v1/pricing-plan-schedules":                                 "p1 p2",
			"/v1/pricing-plan-schedules?reference=p-1":                   "p1",
			"/v1/pricing-plan-schedules?pricing_plan_subscription_id=s2": "p2",
			"/v1/pricing-plan-subscriptions":                             "s1 s2",
			"/v1/pricing-plan-subscriptions?customer_id=c2":              "s2",
			"/v1/pricing-plan-subscriptions?reference=s-1":               "s1",
			"/v1/pricing-plan-subscriptions?statuses[]=DRAFT":            "s2",
			"/v1/customers":                                              "",
		} {
			sep := "?"
			if strings.Contains(target, "?") {
				sep = "&"
			}
			r := w.do("GET", target+sep+"order_by=updated_at&order_direction=asc", "").want(200)
			var ids []string
			for _, at := range []string{"data.0.id", "data.1.id", "data.2.id", "data.3.id"} {
				if id := r.text(at); id != "" {
					ids = append(ids, id)
				}
			}
			if got := strings.Join(ids, " "); got != want {
				t.Errorf("%s: got %q, want %q", target, got, want)
			}
			if r := w.do("GET", target, "", "X-API-KEY", w.foreign).want(200); r.at("data.0") != nil {
				t.Errorf("%s: another platform sees %s", target, r.body)
			}
		}
		w.do("PUT", "/v1/pricing-plan-schedules/p2", `{"pricing_plan_subscription_id":"s1"}`).want(200)
		moved := w.do("GET", "/v1/pricing-plan-schedules?pricing_plan_subscription_id=s1&order_by=reference", "").want(200)
		if moved.text("data.0.id") != "p1" || moved.text("data.1.id") != "p2" {
			t.Errorf("a schedule that has moved to s1: got %s", moved.body)
		}
		for target, field := range map[string]string{
			"/v1/wallets?statuses[]=CANCELLED":                   "statuses[]",
			"/v1/wallets?wallet_type_id=":                        "wallet_type_id",
			"/v1/pricing-plan-schedules?order_by=status":         "order_by",
			"/v1/pricing-plan-subscriptions?statuses[]=INACTIVE": "statuses[]",
		} {
			w.do("GET", target, "").fails(400, "INVALID_FIELD", field)
		}
	})
}

func TestWalletBalance(t *testing.T) {
	onBoth(t, func(t *testing.T, w *world) {
		const path = "/v1/wallets/w1/balance"
		put := func(balance string) {
			t.Helper()
			w.do("PUT", "/v1/wallets/w1", `{"wallet_type_id":"t1","customer_id":"c1","reference":"w-1",`+balance+`"balance_at":"2026-11-22T10:00:00+01:00"}`)
		}
		w.do("POST", path, "").fails(404, "RESOURCE_NOT_FOUND", "-")
		put("")
		const unknown = `{"balance":null,"reserved_balance":null,"open_balance":null,"balance_at":"2026-11-22T09:00:00Z"}`
		if got := w.do("POST", path, "").want(200); string(got.body) != unknown {
			t.Errorf("got %s, want %s", got.body, unknown)
		}
		put(`"balance":{"amount":{"quantity":"12.50","currency":"EUR"}},`)
		const holding = `{"credits":null,"amount":{"quantity":"12.50","currency":"EUR"}}`
		const want = `{"balance":` + holding + `,"reserved_balance":null,"open_balance":` + holding + `,"balance_at":"2026-11-22T09:00:00Z"}`
		for _, r := range []response{
			w.do("POST", path, ""), w.do("POST", path, "{}"), w.do("POST", "/v1/wallets/w-1/balance", `{"x":5}`), w.do("POST", path, "", keyHeader, "k"),
		} {
			if r.want(200); string(r.body) != want {
				t.Errorf("got %s, want %s", r.body, want)
			}
		}
		w.do("POST", path, "{").fails(400, "BAD_REQUEST", "-")
		w.do("POST", path, "{}", "Content-Type", "text/plain").fails(415, "UNSUPPORTED_MEDIA_TYPE", "-")
		w.do("POST", path, "", "X-API-KEY", w.foreign).fails(404, "RESOURCE_NOT_FOUND", "-")

		// With the key of before it is the answer of before.
		put(`"balance":{"amount":{"quantity":"2.50","currency":"EUR"}},`)
		w.advance(time.Second)
		if r := w.do("POST", path, "", keyHeader, "k").want(200); string(r.body) != want || r.header.Get("Idempotent-Replayed") != "true" {
			t.Errorf("sent again: got %s, want %s", r.body, want)
		}
		w.do("POST", path, "{}", keyHeader, "k").fails(409, "IDEMPOTENCY_CHECK_FAILED", "-")
		if r := w.do("POST", path, "").want(200); r.text("open_balance.amount.quantity") != "2.50" {
			t.Errorf("got %s, want what is stored now", r.body)
		}
	})
}
