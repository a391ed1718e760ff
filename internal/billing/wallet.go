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
	// Kept is what earlier states told and this one does not say. It is the
	// store's, for [Wallet.Standing]: the billing system neither sends nor sees it.
	Kept Standing `json:"kept"`
}

// Standing is what is left in a wallet, and of what.
type Standing struct {
	Balance Holding `json:"balance"`
	Granted Holding `json:"granted"`
}

// Standing is what was told last, by this state or an earlier one. What a state
// does not say has not moved: a balance that is told by every second state has
// not been topped up in between.
func (w *Wallet) Standing() Standing {
	s := Standing{w.Balance, w.Granted}
	if !s.Balance.IsSet() {
		s.Balance = w.Kept.Balance
	}
	if !s.Granted.IsSet() {
		s.Granted = w.Kept.Granted
	}
	return s
}

// moved reports whether what is left, or of what, differs from the state before.
func (w *Wallet) moved(old *Wallet) bool {
	return old == nil || w.Standing() != old.Standing()
}

// Follow makes a state the one after old, which may be nil.
func (w *Wallet) Follow(old *Wallet) {
	w.Kept = Standing{}
	if old == nil {
		return
	}
	before := old.Standing()
	if !w.Balance.IsSet() {
		w.Kept.Balance = before.Balance
	}
	if !w.Granted.IsSet() {
		w.Kept.Granted = before.Granted
	}
}

// Holding is what is in a wallet: credits, money, or credits with their worth
// in money. The zero Holding means that it is not known.
type Holding struct {
	Credits Credits `json:"credits"`
	Amount  Money   `json:"amount"`
}

// IsSet reports whether anything is known of what is in it.
func (h Holding) IsSet() bool { return h.Credits.IsSet() || h.Amount.IsSet() }

// Kind implements [Resource].
func (*Wallet) Kind() Kind { return KindWallet }

func (w *Wallet) rank() int { return w.Status.rank() }
