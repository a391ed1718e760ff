package smtptest

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"mime"
	"mime/multipart"
	"mime/quotedprintable"
	"net/mail"
	"strings"
)

// Message is what a client handed over.
type Message struct {
	From   string   // of MAIL
	To     []string // of each RCPT that was accepted
	Raw    []byte   // header and body as they came, without the dots of the protocol
	User   string   // who authenticated; empty is nobody
	Secure bool     // it came over TLS
	UTF8   bool     // MAIL asked for SMTPUTF8
}

// Mail is a message read as a reader's program would.
type Mail struct {
	Header  mail.Header
	Subject string // decoded
	Text    string // decoded, lines ended by LF
	HTML    string // decoded, lines ended by LF
}

// Parse reads the message.
func (m Message) Parse() (Mail, error) { return Parse(m.Raw) }

// Parse reads a message in its transfer form.
func Parse(raw []byte) (Mail, error) {
	read, err := mail.ReadMessage(bytes.NewReader(raw))
	if err != nil {
		return Mail{}, fmt.Errorf("reading the header: %w", err)
	}
	parsed := Mail{Header: read.Header}
	if parsed.Subject, err = new(mime.WordDecoder).DecodeHeader(read.Header.Get("Subject")); err != nil {
		return Mail{}, fmt.Errorf("decoding the subject: %w", err)
	}
	kind, parameters, err := mime.ParseMediaType(read.Header.Get("Content-Type"))
	if err != nil {
		return Mail{}, fmt.Errorf("reading the content type: %w", err)
	}
	if !strings.HasPrefix(kind, "multipart/") {
		body := read.Body
		if strings.EqualFold(read.Header.Get("Content-Transfer-Encoding"), "quoted-printable") {
			body = quotedprintable.NewReader(body)
		}
		return parsed, parsed.take(kind, body)
	}
	parts := multipart.NewReader(read.Body, parameters["boundary"])
	for {
		part, err := parts.NextPart() // decodes quoted-printable
		if errors.Is(err, io.EOF) {
			return parsed, nil
		}
		if err != nil {
			return Mail{}, fmt.Errorf("reading the parts: %w", err)
		}
		kind, _, err := mime.ParseMediaType(part.Header.Get("Content-Type"))
		if err != nil {
			return Mail{}, fmt.Errorf("reading a part's content type: %w", err)
		}
		if err := parsed.take(kind, part); err != nil {
			return Mail{}, err
		}
	}
}

// take reads one body.
func (m *Mail) take(kind string, body io.Reader) error {
	raw, err := io.ReadAll(body)
	if err != nil {
		return fmt.Errorf("reading the %s body: %w", kind, err)
	}
	text := strings.ReplaceAll(string(raw), "\r\n", "\n")
	switch kind {
	case "text/plain":
		m.Text = text
	case "text/html":
		m.HTML = text
	}
	return nil
}
