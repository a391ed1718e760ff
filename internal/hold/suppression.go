package hold

import "time"

// SuppressionID identifies a suppression (supp_…).
type SuppressionID string

// Suppression keeps an address of a platform from getting any mail.
type Suppression struct {
	ID    SuppressionID `json:"id"`
	Email string        `json:"email"` // as it was given
	// Mailbox is the form in which addresses are compared.
	Mailbox   string            `json:"mailbox"`
	Reason    SuppressionReason `json:"reason"`
	Note      string            `json:"note"`
	CreatedAt time.Time         `json:"created_at"`
	UpdatedAt time.Time         `json:"updated_at"`
}

// SuppressionReason says why an address gets no mail.
type SuppressionReason string

// ByHand is the reason of a suppression that a person makes.
const ByHand SuppressionReason = "MANUAL"
