package delivery

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"net/mail"
	"regexp"
	"slices"
	"strings"

	gomail "github.com/wneessen/go-mail"

	"github.com/dunwellhq/dunwell/internal/message"
)

// What cannot be written.
var (
	errMessageID = errors.New("not a message id")
	errNobody    = errors.New("the message has no recipient")
	errLongWord  = errors.New("a word of the header is too long for a line")
)

// MIME returns the message as it is transferred: header, empty line, body,
// lines ended by CRLF. The same message gives the same bytes on every node.
// Blind copies are in none of them. The error says which part of the message
// cannot be written, without quoting an address.
func MIME(m *message.Message) ([]byte, error) {
	letter, err := compose(m)
	return letter.bytes, err
}

// letter is a message ready for an SMTP server.
type letter struct {
	from       string
	recipients []string // To, Cc, Bcc, each once; the first decides
	bytes      []byte
	utf8       bool // an address needs SMTPUTF8
}

// messageID is what may stand between the angle brackets (RFC 5322, 3.6.4).
var messageID = regexp.MustCompile("^[\\w.!#$%&'*+/=?^`{|}~-]{1,120}@[\\w.-]{1,120}$")

// maxLine is the longest line of a mail, without its CRLF (RFC 5322, 2.1.1).
const maxLine = 998

// headers are the mailboxes of a message, checked.
type headers struct{ from, replyTo, to, cc, bcc []*mail.Address }

func compose(m *message.Message) (letter, error) {
	if !messageID.MatchString(m.MessageID) {
		return letter{}, fmt.Errorf("Message-ID: %w", errMessageID)
	}
	boxes, err := mailboxes(m)
	if err != nil {
		return letter{}, err
	}
	var out bytes.Buffer
	if _, err := composed(m, boxes).WriteTo(&out); err != nil {
		return letter{}, fmt.Errorf("composing the mail: %w", err)
	}
	for line := range bytes.Lines(out.Bytes()) {
		if len(line) > maxLine+len("\r\n") {
			return letter{}, errLongWord
		}
	}
	done := letter{from: boxes.from[0].Address, bytes: out.Bytes()}
	for _, box := range slices.Concat(boxes.to, boxes.cc, boxes.bcc) {
		if !slices.Contains(done.recipients, box.Address) {
			done.recipients = append(done.recipients, box.Address)
		}
	}
	for _, box := range slices.Concat(boxes.from, boxes.replyTo, boxes.to, boxes.cc, boxes.bcc) {
		done.utf8 = done.utf8 || !isASCII(box.Address)
	}
	return done, nil
}

// mailboxes checks every address of the message.
func mailboxes(m *message.Message) (headers, error) {
	var h headers
	var replyTo []message.Address
	if m.ReplyTo != (message.Address{}) {
		replyTo = []message.Address{m.ReplyTo}
	}
	for _, field := range []struct {
		name string
		from []message.Address
		to   *[]*mail.Address
	}{
		{"From", []message.Address{m.From}, &h.from},
		{"Reply-To", replyTo, &h.replyTo},
		{"To", m.To, &h.to},
		{"Cc", m.CC, &h.cc},
		{"Bcc", m.BCC, &h.bcc},
	} {
		for _, address := range field.from {
			box, err := mailbox(address)
			if err != nil {
				return headers{}, fmt.Errorf("%s: %w", field.name, err)
			}
			*field.to = append(*field.to, box)
		}
	}
	if len(h.to) == 0 {
		return headers{}, errNobody
	}
	return h, nil
}

// composed fills in everything that go-mail would otherwise take from the
// clock, from chance or from its version.
func composed(m *message.Message, h headers) *gomail.Msg {
	text, html := strings.ToValidUTF8(m.Text, "\uFFFD"), strings.ToValidUTF8(m.HTML, "\uFFFD")
	msg := gomail.NewMsg(
		gomail.WithCharset(gomail.CharsetUTF8),
		gomail.WithEncoding(gomail.EncodingQP),
		gomail.WithBoundary(boundary(m.MessageID, text, html)),
		gomail.WithNoDefaultUserAgent(),
	)
	msg.FromMailAddress(h.from[0])
	msg.ToMailAddress(h.to...)
	if len(h.cc) > 0 {
		msg.CcMailAddress(h.cc...)
	}
	msg.ReplyToMailAddress(h.replyTo...)
	msg.SetMessageIDWithValue(m.MessageID)
	msg.SetDateWithValue(m.Date.UTC())
	msg.Subject(headerText(m.Subject))
	msg.SetGenHeader("Auto-Submitted", "auto-generated") // RFC 3834: no vacation notes in return
	switch {
	case html == "":
		msg.SetBodyString(gomail.TypeTextPlain, text)
	case text == "":
		msg.SetBodyString(gomail.TypeTextHTML, html)
	default:
		msg.SetBodyString(gomail.TypeTextPlain, text)
		msg.AddAlternativeString(gomail.TypeTextHTML, html)
	}
	return msg
}

// boundary returns the line that separates the parts. It depends on the parts
// too, so that no body can be written that contains its own.
func boundary(parts ...string) string {
	sum := sha256.New()
	for _, part := range parts {
		fmt.Fprintf(sum, "%d:%s", len(part), part)
	}
	return "dunwell-" + hex.EncodeToString(sum.Sum(nil))[:40]
}
