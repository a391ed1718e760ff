// Package message turns facts into frozen bytes: it chooses recipients, locale
// and template, renders subject, HTML and text, and composes the mail that a
// provider is handed. What it returns depends on its input alone: the same
// input gives the same bytes on every node, so that a message can be sent
// again without becoming another one.
package message

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"time"

	"github.com/go-json-experiment/json"

	"github.com/dunwellhq/dunwell/internal/platform"
	"github.com/dunwellhq/dunwell/internal/workflow"
)

// Message is one rendered email, complete but for its transfer encoding.
type Message struct {
	MessageID string    `json:"message_id"` // without angle brackets; one per delivery key
	Date      time.Time `json:"date"`
	From      Address   `json:"from"`
	ReplyTo   Address   `json:"reply_to"`
	To        []Address `json:"to"`
	CC        []Address `json:"cc"`
	BCC       []Address `json:"bcc"`
	Subject   string    `json:"subject"`
	HTML      string    `json:"html"`
	Text      string    `json:"text"`
	Locale    string    `json:"locale"`   // the one that was used
	Template  string    `json:"template"` // the one that was used, e.g. built-in:TO_FINAL
	Warnings  []string  `json:"warnings"` // e.g. an unknown variable that was left empty
}

// Address is a mailbox with the name shown for it.
type Address struct {
	Name  string `json:"name"`
	Email string `json:"email"`
}

// Input is everything that a message is made of.
type Input struct {
	Variant     workflow.Variant
	Email       workflow.SendEmail
	Facts       workflow.Facts
	Platform    platform.Platform
	DefaultFrom string // the integration's address, where neither action nor entity has one
	DeliveryKey string // names this delivery; makes the Message-ID
	Now         time.Time
	Suppressed  func(email string) bool // says which addresses get no mail; nil: none
}

// The reasons for which there is no message. They are decisions, not defects.
var (
	ErrNoRecipient   = errors.New("the customer has no email address")
	ErrPreferenceOff = errors.New("the customer has switched email about invoices off")
	ErrSuppressed    = errors.New("the customer's email address is suppressed")
)

// Encode returns the frozen bytes of the message.
func (m *Message) Encode() ([]byte, error) {
	return json.Marshal(m, json.OmitZeroStructFields(true), json.Deterministic(true))
}

// Decode reads what [Message.Encode] wrote.
func Decode(raw []byte) (Message, error) {
	var m Message
	return m, json.Unmarshal(raw, &m)
}

// Recipients are the addresses of all that the message goes to.
func (m *Message) Recipients() []string {
	var list []string
	for _, part := range [][]Address{m.To, m.CC, m.BCC} {
		for _, a := range part {
			list = append(list, a.Email)
		}
	}
	return list
}

// Hash names frozen bytes: SHA-256 in hex.
func Hash(raw []byte) string {
	sum := sha256.Sum256(raw)
	return hex.EncodeToString(sum[:])
}
