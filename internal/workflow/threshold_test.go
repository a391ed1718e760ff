package workflow_test

import (
	"fmt"
	"math/big"
	"testing"

	"pgregory.net/rapid"

	"github.com/dunwellhq/dunwell/internal/billing"
	"github.com/dunwellhq/dunwell/internal/workflow"
)

func watching(threshold workflow.Threshold) *workflow.Workflow {
	return &workflow.Workflow{Status: workflow.Active, Wallet: &workflow.WalletConfig{
		Variant: workflow.WalletBalance, Balance: &workflow.BalanceConfig{Threshold: &threshold},
	}}
}

// holds makes a holding of text: "5 api" are credits, "5 EUR" is money, and both
// may be in one.
func holds(list ...string) billing.Holding {
	var h billing.Holding
	for _, text := range list {
		var quantity, unit string
		if _, err := fmt.Sscan(text, &quantity, &unit); err != nil {
			panic(err)
		}
		if len(unit) == 3 && unit != "api" {
			h.Amount = billing.Money{Quantity: billing.Decimal(quantity), Currency: unit}
		} else {
			h.Credits = billing.Credits{Quantity: billing.Decimal(quantity), CreditTypeID: unit}
		}
	}
	return h
}

func told(balance, granted billing.Holding) *billing.Wallet {
	return &billing.Wallet{Balance: balance, Granted: granted}
}

func TestStep(t *testing.T) {
	var (
		euros   = workflow.Threshold{Amount: &billing.Money{Quantity: "5.00", Currency: "EUR"}}
		credits = workflow.Threshold{Credits: &billing.Credits{Quantity: "5", CreditTypeID: "api"}}
		fifth   = workflow.Threshold{Percentage: "20"}
		none    billing.Holding
	)
	for name, c := range map[string]struct {
		threshold workflow.Threshold
		old, now  *billing.Wallet
		want      workflow.Step
	}{
		"falls below":                       {euros, told(holds("5 EUR"), none), told(holds("4.99 EUR"), none), workflow.Fell},
		"falls to it":                       {euros, told(holds("6 EUR"), none), told(holds("5.000 EUR"), none), workflow.Stayed},
		"falls further":                     {euros, told(holds("4.99 EUR"), none), told(holds("1 EUR"), none), workflow.Stayed},
		"rises below it":                    {euros, told(holds("1 EUR"), none), told(holds("4 EUR"), none), workflow.Stayed},
		"rises to it":                       {euros, told(holds("4.99 EUR"), none), told(holds("5 EUR"), none), workflow.Rose},
		"falls into debt":                   {euros, told(holds("9 EUR"), none), told(holds("-0.01 EUR"), none), workflow.Fell},
		"is first seen below":               {euros, nil, told(holds("4 EUR"), none), workflow.Fell},
		"is first seen above":               {euros, nil, told(holds("5 EUR"), none), workflow.Stayed},
		"is first seen, untold":             {euros, nil, told(none, none), workflow.Stayed},
		"is first told below":               {euros, told(none, none), told(holds("4 EUR"), none), workflow.Fell},
		"is first told above":               {euros, told(none, none), told(holds("5 EUR"), none), workflow.Stayed},
		"another currency":                  {euros, nil, told(holds("4 USD"), none), workflow.Unmeasured},
		"another currency, falling":         {euros, told(holds("9 USD"), none), told(holds("4 USD"), none), workflow.Stayed},
		"another currency now":              {euros, told(holds("4 EUR"), none), told(holds("4 USD"), none), workflow.Unmeasured},
		"credits for money":                 {euros, nil, told(holds("4 api"), none), workflow.Unmeasured},
		"credits and their worth":           {euros, told(holds("900 api", "9 EUR"), none), told(holds("400 api", "4 EUR"), none), workflow.Fell},
		"first comparable below":            {euros, told(holds("4 api"), none), told(holds("4 EUR"), none), workflow.Fell},
		"credits fall":                      {credits, told(holds("5 api"), none), told(holds("4 api"), none), workflow.Fell},
		"credits beyond any float":          {credits, told(holds("5.0000000000000000000000000000000000000 api"), none), told(holds("4.9999999999999999999999999999999999999 api"), none), workflow.Fell},
		"credits of another type":           {credits, nil, told(holds("4 sms_credits"), none), workflow.Unmeasured},
		"money for credits":                 {credits, nil, told(holds("4 EUR"), none), workflow.Unmeasured},
		"a part of credits":                 {fifth, told(holds("200 api"), holds("1000 api")), told(holds("199.9 api"), holds("1000 api")), workflow.Fell},
		"a part of money":                   {fifth, told(holds("2 EUR"), holds("10 EUR")), told(holds("1.99 EUR"), holds("10 EUR")), workflow.Fell},
		"a part of a larger grant":          {fifth, told(holds("300 api"), holds("1000 api")), told(holds("300 api"), holds("2000 api")), workflow.Fell},
		"a part of a smaller grant":         {fifth, told(holds("300 api"), holds("2000 api")), told(holds("300 api"), holds("1000 api")), workflow.Rose},
		"a part of what is not said":        {fifth, nil, told(holds("4 api"), none), workflow.Unmeasured},
		"a part of nothing":                 {fifth, nil, told(holds("0 api"), holds("0 api")), workflow.Unmeasured},
		"a part of less than nothing":       {fifth, nil, told(holds("0 api"), holds("-1 api")), workflow.Unmeasured},
		"a part of another unit":            {fifth, nil, told(holds("4 EUR"), holds("100 api")), workflow.Unmeasured},
		"a part of another currency":        {fifth, nil, told(holds("4 EUR"), holds("100 USD")), workflow.Unmeasured},
		"a part of what is said in both":    {fifth, nil, told(holds("4 api", "4 EUR"), holds("100 EUR")), workflow.Fell},
		"a part, in credits rather":         {fifth, nil, told(holds("90 api", "1 EUR"), holds("100 api", "100 EUR")), workflow.Stayed},
		"a part with a fraction of percent": {workflow.Threshold{Percentage: "0.05"}, told(holds("0.5 api"), holds("1000 api")), told(holds("0.49 api"), holds("1000 api")), workflow.Fell},
	} {
		if got := watching(c.threshold).Step(c.old, c.now); got != c.want {
			t.Errorf("%s: got step %d, want %d", name, got, c.want)
		}
	}
}

func TestStopsBalance(t *testing.T) {
	w := watching(workflow.Threshold{Amount: &billing.Money{Quantity: "5", Currency: "EUR"}})
	for name, c := range map[string]struct {
		wallet *billing.Wallet
		want   workflow.Reason
	}{
		"below":            {told(holds("4 EUR"), billing.Holding{}), workflow.Sent},
		"at it":            {told(holds("5 EUR"), billing.Holding{}), workflow.BalanceRestored},
		"another currency": {told(holds("4 USD"), billing.Holding{}), workflow.UnitMismatch},
		"not told":         {told(billing.Holding{}, billing.Holding{}), workflow.Sent},
		"no wallet":        {nil, workflow.Sent},
	} {
		if got := w.StopsBalance(c.wallet); got != c.want {
			t.Errorf("%s: got %q, want %q", name, got, c.want)
		}
	}
}

// However many times a balance passes the threshold, each fall is one step and so
// is each rise. States that tell no balance, or no grant, are none.
func TestStepsAreThoseOfTheBalancesThatWereTold(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		percentage := rapid.SampledFrom([]string{"0.1", "20", "33.333333", "100"}).Draw(t, "percentage")
		w := watching(workflow.Threshold{Percentage: billing.Decimal(percentage)})
		var old *billing.Wallet
		balance, granted, wasBelow := "", "", false
		for range rapid.IntRange(1, 30).Draw(t, "states") {
			now := &billing.Wallet{}
			if rapid.IntRange(0, 4).Draw(t, "tells a balance") > 0 {
				balance = rapid.StringMatching(`-?[0-9]{1,4}(\.[0-9]{1,3})?`).Draw(t, "balance")
				now.Balance = holds(balance + " api")
			}
			if rapid.IntRange(0, 4).Draw(t, "tells a grant") > 0 {
				granted = rapid.StringMatching(`[1-9][0-9]{1,4}(\.[0-9]{1,3})?`).Draw(t, "granted")
				now.Granted = holds(granted + " api")
			}
			now.Follow(old)
			isBelow := balance != "" && granted != "" && fraction(balance).Cmp(new(big.Rat).Mul(
				fraction(granted), new(big.Rat).Quo(fraction(percentage), fraction("100")))) < 0
			step := w.Step(old, now)
			if fell := step == workflow.Fell; fell != (isBelow && !wasBelow) {
				t.Fatalf("%q of %q, below before %v: fell %v", balance, granted, wasBelow, fell)
			}
			if rose := step == workflow.Rose; rose != (!isBelow && wasBelow) {
				t.Fatalf("%q of %q, below before %v: rose %v", balance, granted, wasBelow, rose)
			}
			old, wasBelow = now, isBelow
		}
	})
}

func fraction(s string) *big.Rat {
	r, ok := new(big.Rat).SetString(s)
	if !ok {
		panic(s)
	}
	return r
}

func TestMatchOfWallets(t *testing.T) {
	of := func(id workflow.ID, walletType, credits string, customers ...billing.CustomerID) *workflow.Armed {
		w := armed(id, workflow.Active, customers...)
		w.Invoice, w.Wallet = nil, watching(workflow.Threshold{Credits: &billing.Credits{Quantity: billing.Decimal(credits), CreditTypeID: "api"}}).Wallet
		w.Wallet.Balance.WalletTypeID = walletType
		return w
	}
	set := workflow.NewSet(1, []*workflow.Armed{
		of("a", "", "5"), of("b", "t1", "5"), of("c", "t2", "5"), of("d", "", "3"), of("e", "t1", "5", "c1"), of("f", "", "5", "c2"),
		armed("g", workflow.Active),
	})
	for name, c := range map[string]struct {
		walletType billing.WalletTypeID
		customer   billing.CustomerID
		balance    string
		want       string
	}{
		"of one type":           {"t1", "c1", "4 api", "abe"},
		"of another":            {"t2", "c1", "4 api", "ac"},
		"of one nobody names":   {"t3", "c2", "4 api", "af"},
		"lower":                 {"t1", "c2", "2 api", "abdf"},
		"high enough for all":   {"t1", "c1", "5 api", ""},
		"comparable for nobody": {"t1", "c1", "4 sms", "abde"},
		"of nobody yet":         {"t1", "", "4 api", "abef"},
	} {
		now := told(holds(c.balance), billing.Holding{})
		now.WalletTypeID = c.walletType
		got := ""
		for _, w := range set.Match(billing.Event{Type: billing.BalanceChanged, Resource: now}, c.customer) {
			got += string(w.ID)
		}
		if got != c.want {
			t.Errorf("%s: got %q, want %q", name, got, c.want)
		}
	}
}
