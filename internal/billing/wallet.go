package billing

import "time"

// WalletStatus is the state of a wallet or of a wallet type, as on the wire.
type WalletStatus string

// The states of a wallet and of a wallet type.
const (
	WalletDraft      WalletStatus = "DRAFT"
	WalletActive     WalletStatus = "ACTIVE"
	WalletInactive   WalletStatus = "INACTIVE"
	WalletDeprecated WalletStatus = "DEPRECATED"
	WalletArchived   WalletStatus = "ARCHIVED"
)

// WalletStatuses lists the states.
var WalletStatuses = []WalletStatus{WalletDraft, WalletActive, WalletInactive, WalletDeprecated, WalletArchived}

// rank orders the states by how far along a life they are. ACTIVE and INACTIVE
// follow each other either way, and so may what is not said.
func (s WalletStatus) rank() int {
	switch s {
	case WalletArchived:
		return 3
	case WalletDeprecated:
		return 2
	case WalletDraft:
		return 0
	default:
		return 1
	}
}

// Wallet is what a customer has paid, or been given, in advance.
type Wallet struct {
	Head
	WalletTypeID WalletTypeID `json:"wallet_type_id"`
	CustomerID   CustomerID   `json:"customer_id"`
	Status       WalletStatus `json:"status"`
	Balance      Holding      `json:"balance"`    // what is left
	Granted      Holding      `json:"granted"`    // of what was put in
	BalanceAt    time.Time    `json:"balance_at"` // when the balance was as it is; zero: not said
}

// Holding is what is in a wallet: credits, money, or credits with their worth
// in money. The zero Holding means that it is not known.
type Holding struct {
	Credits Credits `json:"credits"`
	Amount  Money   `json:"amount"`
}

// Kind implements [Resource].
func (*Wallet) Kind() Kind { return KindWallet }

func (w *Wallet) rank() int { return w.Status.rank() }
