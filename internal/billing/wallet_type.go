package billing

// WalletTypeID identifies a wallet type; opaque, the billing system's.
type WalletTypeID string

// WalletUnit is what the wallets of a type hold: credits, or money.
type WalletUnit string

// What a wallet holds.
const (
	CreditWallet  WalletUnit = "CREDIT"
	BalanceWallet WalletUnit = "BALANCE"
)

// WalletUnits lists what a wallet holds.
var WalletUnits = []WalletUnit{CreditWallet, BalanceWallet}

// GrantType is in what a credit wallet is filled up.
type GrantType string

// In what a credit wallet is filled up.
const (
	GrantCredits GrantType = "CREDITS"
	GrantAmount  GrantType = "AMOUNT"
)

// GrantTypes lists them.
var GrantTypes = []GrantType{GrantCredits, GrantAmount}

// WalletType is what wallets have in common: their name, and what they hold.
type WalletType struct {
	Head
	Name    string       `json:"name"`
	Type    WalletUnit   `json:"type"`
	Status  WalletStatus `json:"status"`
	Credit  CreditTerms  `json:"credit"`
	Balance BalanceTerms `json:"balance"`
}

// CreditTerms describe wallets of type CREDIT.
type CreditTerms struct {
	GrantType    GrantType    `json:"grant_type"`
	AmountGrant  AmountGrant  `json:"amount_grant"`
	CreditsGrant CreditsGrant `json:"credits_grant"`
}

// AmountGrant says in which money a wallet is filled up.
type AmountGrant struct {
	DefaultCurrency string `json:"default_currency"`
	TaxCategory     string `json:"tax_category"`
}

// CreditsGrant says with which credits a wallet is filled up.
type CreditsGrant struct {
	CreditTypeID string `json:"credit_type_id"`
}

// BalanceTerms describe wallets of type BALANCE.
type BalanceTerms struct {
	DefaultCurrency string `json:"default_currency"`
}

// Kind implements [Resource].
func (*WalletType) Kind() Kind { return KindWalletType }

func (w *WalletType) rank() int { return w.Status.rank() }
