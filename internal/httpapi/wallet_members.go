package httpapi

import "github.com/dunwellhq/dunwell/internal/billing"

// walletTypeMembers lists the members of a wallet type (contract B1).
func walletTypeMembers(m *members, w *billing.WalletType) {
	headMembers(m, billing.KindWalletType, &w.Head)
	text(m, "name", &w.Name, shortLine)
	enum(m, "type", &w.Type, billing.WalletUnits, plain)
	enum(m, "status", &w.Status, billing.WalletStatuses, plain.required())
	object(m, "credit", &w.Credit, plain, creditTermsMembers)
	object(m, "balance", &w.Balance, plain, balanceTermsMembers)
	tailMembers(m, &w.Head)
}

func creditTermsMembers(m *members, c *billing.CreditTerms) {
	enum(m, "grant_type", &c.GrantType, billing.GrantTypes, plain)
	object(m, "amount_grant", &c.AmountGrant, plain, amountGrantMembers)
	object(m, "credits_grant", &c.CreditsGrant, plain, creditsGrantMembers)
}

func amountGrantMembers(m *members, g *billing.AmountGrant) {
	text(m, "default_currency", &g.DefaultCurrency, currency)
	text(m, "tax_category", &g.TaxCategory, shortLine)
}

func creditsGrantMembers(m *members, g *billing.CreditsGrant) {
	text(m, "credit_type_id", &g.CreditTypeID, identifier)
}

func balanceTermsMembers(m *members, b *billing.BalanceTerms) {
	text(m, "default_currency", &b.DefaultCurrency, currency)
}

// walletMembers lists the members of a wallet (contract B1).
func walletMembers(m *members, w *billing.Wallet) {
	headMembers(m, billing.KindWallet, &w.Head)
	text(m, "wallet_type_id", &w.WalletTypeID, identifier.required())
	text(m, "customer_id", &w.CustomerID, identifier.required())
	enum(m, "status", &w.Status, billing.WalletStatuses, plain)
	holding(m, "balance", &w.Balance)
	holding(m, "granted", &w.Granted)
	instant(m, "balance_at", &w.BalanceAt, plain)
	tailMembers(m, &w.Head)
}

// holding is a member with what is in a wallet; null where it is not known.
func holding(m *members, name string, v *billing.Holding) { object(m, name, v, plain, holdingMembers) }

func holdingMembers(m *members, h *billing.Holding) {
	object(m, "credits", &h.Credits, plain, creditsMembers)
	money(m, "amount", &h.Amount)
}

// balanceMembers lists what is told of a wallet's balance alone. The billing
// system says what is left, not what is set aside: nothing is known to be
// reserved, and all of it is open.
func balanceMembers(m *members, w *billing.Wallet) {
	holding(m, "balance", &w.Balance)
	m.putText("reserved_balance", "", plain)
	holding(m, "open_balance", &w.Balance)
	instant(m, "balance_at", &w.BalanceAt, plain)
}
