package delivery_test

import (
	"bytes"
	"net/mail"
	"slices"
	"strings"
	"testing"
	"time"
	"unicode"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/dunwellhq/dunwell/internal/delivery"
	"github.com/dunwellhq/dunwell/internal/message"
	"github.com/dunwellhq/dunwell/internal/smtptest"
)

func mustParse(t *testing.T, m *message.Message) smtptest.Mail {
	t.Helper()
	raw, err := delivery.MIME(m)
	if err != nil {
		t.Fatal(err)
	}
	parsed, err := smtptest.Parse(raw)
	if err != nil {
		t.Fatalf("%v in\n%s", err, raw)
	}
	return parsed
}

func TestMIMEReadsBack(t *testing.T) {
	t.Parallel()
	m := testMessage()
	got := mustParse(t, m)
	if got.Subject != m.Subject {
		t.Errorf("subject: got %q, want %q", got.Subject, m.Subject)
	}
	if got.Text != m.Text || got.HTML != m.HTML {
		t.Errorf("bodies: got %q and %q, want %q and %q", got.Text, got.HTML, m.Text, m.HTML)
	}
	for header, want := range map[string][]*mail.Address{
		"From":     {{Name: "Zoë Müller, Billing", Address: "billing@seller.example"}},
		"To":       {{Name: "Łukasz", Address: "lukasz@customer.example"}},
		"Cc":       {{Address: "books@customer.example"}},
		"Reply-To": {{Address: "help@seller.example"}},
	} {
		addresses, err := got.Header.AddressList(header)
		if err != nil {
			t.Errorf("%s: %v", header, err)
		}
		if diff := cmp.Diff(want, addresses); diff != "" {
			t.Errorf("%s (-want +got):\n%s", header, diff)
		}
	}
	for header, want := range map[string]string{
		"Auto-Submitted": "auto-generated",
		"Date":           "Mon, 02 Mar 2026 08:00:00 +0000",
		"Message-Id":     "<01jd8z.1@dunwell.example>",
		"Mime-Version":   "1.0",
	} {
		if got := got.Header.Get(header); got != want {
			t.Errorf("%s: got %q, want %q", header, got, want)
		}
	}
	if got := headerNames(got.Header); !slices.Equal(got, allHeaders) {
		t.Errorf("headers: got %v, want %v", got, allHeaders)
	}
}

var allHeaders = []string{
	"Auto-Submitted", "Cc", "Content-Type", "Date", "From", "Message-Id", "Mime-Version", "Reply-To", "Subject", "To",
}

func headerNames(header mail.Header) (names []string) {
	for name, values := range header {
		for range values {
			names = append(names, name)
		}
	}
	slices.Sort(names)
	return names
}

func TestMIMEOneBody(t *testing.T) {
	t.Parallel()
	text, html := testMessage(), testMessage()
	text.HTML, html.Text = "", ""
	text.Text = "not UTF-8: \xff"
	if got := mustParse(t, text); got.Text != "not UTF-8: \uFFFD" {
		t.Errorf("text: got %q", got.Text)
	}
	text.Text = "text"
	if got := mustParse(t, text); got.Text != text.Text || got.HTML != "" {
		t.Errorf("text only: got %q and %q", got.Text, got.HTML)
	}
	if got := mustParse(t, html); got.HTML != html.HTML || got.Text != "" {
		t.Errorf("HTML only: got %q and %q", got.Text, got.HTML)
	}
}

// The bytes depend on the message alone: not on the moment, the zone of its
// date, or how it was read.
func TestMIMEIsDeterministic(t *testing.T) {
	t.Parallel()
	m := testMessage()
	first, err := delivery.MIME(m)
	if err != nil {
		t.Fatal(err)
	}
	frozen, err := m.Encode()
	if err != nil {
		t.Fatal(err)
	}
	thawed, err := message.Decode(frozen)
	if err != nil {
		t.Fatal(err)
	}
	thawed.Date = thawed.Date.In(time.FixedZone("elsewhere", -9*3600))
	for range 20 {
		again, err := delivery.MIME(&thawed)
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(string(first), string(again)); diff != "" {
			t.Fatalf("bytes (-first +again):\n%s", diff)
		}
	}
	for _, version := range []string{"User-Agent", "X-Mailer", "go-mail"} {
		if bytes.Contains(first, []byte(version)) {
			t.Errorf("the mail says %s:\n%s", version, first)
		}
	}
}

func TestMIMERefuses(t *testing.T) {
	t.Parallel()
	for _, address := range []string{
		"", "nobody", "@b.example", "a@", "a@b.example, c@d.example", "a@b.example (comment)", "a@b.example ", "a@b.example ()", "Name <a@b.example>",
		"a@b.example>\r\nX: y", "a\r\n@b.example", "a\x00b@c.example", "a b@c.example", `"a b"@c.example`, "a@[127.0.0.1]",
		"a\u202eb@c.example", "a\u200bb@c.example", "a@b\u202e.example", strings.Repeat("a", 250) + "@b.example",
	} {
		for field, put := range map[string]func(*message.Message){
			"From":     func(m *message.Message) { m.From.Email = address },
			"Reply-To": func(m *message.Message) { m.ReplyTo = message.Address{Name: "help", Email: address} },
			"To":       func(m *message.Message) { m.To[0].Email = address },
			"Cc":       func(m *message.Message) { m.CC[0].Email = address },
			"Bcc":      func(m *message.Message) { m.BCC[0].Email = address },
		} {
			m := testMessage()
			put(m)
			_, err := delivery.MIME(m)
			if want := field + ": not a usable email address"; err == nil || err.Error() != want {
				t.Errorf("%s %q: got error %v, want %q", field, address, err, want)
			}
		}
	}
	for _, id := range []string{"", "a", "a b@c", "a@b>\r\nBcc: x@y.example", "a@b\n"} {
		m := testMessage()
		m.MessageID = id
		if _, err := delivery.MIME(m); err == nil {
			t.Errorf("message id %q: got no error", id)
		}
	}
	m := testMessage()
	m.Subject = strings.Repeat("a", 1000)
	if _, err := delivery.MIME(m); err == nil {
		t.Error("a word longer than a line: got no error")
	}
}

// A body that knows the separator of another mail with the same id cannot
// write parts of its own.
func TestBodyCannotEndItself(t *testing.T) {
	t.Parallel()
	m := testMessage()
	raw, err := delivery.MIME(m)
	if err != nil {
		t.Fatal(err)
	}
	_, rest, _ := bytes.Cut(raw, []byte("boundary="))
	boundary, _, _ := bytes.Cut(rest, []byte("\r\n"))
	m.Text = "before\n--" + string(boundary) + "\nContent-Type: text/html\n\n<p>not ours"
	if got := mustParse(t, m); got.Text != m.Text || got.HTML != m.HTML {
		t.Errorf("bodies: got %q and %q, want %q and %q", got.Text, got.HTML, m.Text, m.HTML)
	}
}

// Characters that look like a dot or an ASCII letter do not stay what they
// look like.
func TestLookAlikes(t *testing.T) {
	t.Parallel()
	m := testMessage()
	m.To[0].Email = "a@customer。ｅxample"
	to, err := mustParse(t, m).Header.AddressList("To")
	if err != nil || to[0].Address != "a@customer.example" {
		t.Errorf("to: got %v (%v), want the ASCII domain", to, err)
	}
	m.Subject = "paid \u202e00,1 €\u2066\ufeff now\u2028Bcc: x"
	m.To[0].Name = "=?utf-8?q?Your=20bank?="
	got := mustParse(t, m)
	if want := "paid 00,1 € now Bcc: x"; got.Subject != want {
		t.Errorf("subject: got %q, want %q", got.Subject, want)
	}
	if got := got.Header.Get("To"); !strings.HasPrefix(got, `"= ?utf-8`) {
		t.Errorf("to: got %q, want the name as text", got)
	}
}

// FuzzHeaders puts anything into every text of a message: what comes out has
// the same header fields, and these read back as what went in.
func FuzzHeaders(f *testing.F) {
	for _, seed := range []string{
		"", "a", "a\r\nBcc: x@y.example", "\x00", "é\r\n\r\nbody", "=?utf-8?q?=0D=0ABcc:?=", "\u2028X: y",
		`"quoted" \ <a@b.example>`, strings.Repeat("long ", 300), strings.Repeat("é", 500), "  two  spaces ", "\xff\xfe",
		"\r\n.\r\nMAIL FROM:<x@y.example>", "\n.\n", "\r.\r", "a@b.example", "é@ü.example", "--dunwell-",
	} {
		f.Add(seed, seed, seed, seed)
	}
	f.Fuzz(func(t *testing.T, subject, name, email, body string) {
		m := testMessage()
		m.Subject, m.To[0].Name, m.From.Name, m.Text, m.HTML = subject, name, name, body, body
		checkHeaders(t, m)
		m.To[0].Email = email
		checkHeaders(t, m)
		m.MessageID = email
		checkHeaders(t, m)
	})
}

// checkHeaders composes the message and checks what a server would get.
func checkHeaders(t *testing.T, m *message.Message) {
	raw, err := delivery.MIME(m)
	if err != nil {
		return // refused whole
	}
	bare := bytes.ReplaceAll(raw, []byte("\r\n"), nil)
	if bytes.ContainsAny(bare, "\r\n\x00") {
		t.Fatalf("a bare CR, LF or NUL in\n%q", raw)
	}
	parsed, err := smtptest.Parse(raw)
	if err != nil {
		t.Fatalf("%v in\n%q", err, raw)
	}
	want := allHeaders
	if m.Text == "" || m.HTML == "" {
		want = slices.Insert(slices.Clone(want), 2, "Content-Transfer-Encoding")
	}
	if got := headerNames(parsed.Header); !slices.Equal(got, want) {
		t.Fatalf("headers: got %v in\n%q", got, raw)
	}
	if got, want := parsed.Subject, printed(m.Subject); got != want {
		t.Fatalf("subject: got %q, want %q", got, want)
	}
	to, err := parsed.Header.AddressList("To")
	if err != nil || len(to) != 1 {
		t.Fatalf("to: got %v (%v)", to, err)
	}
	if got, want := to[0].Name, printed(m.To[0].Name); got != want {
		t.Fatalf("name: got %q, want %q", got, want)
	}
}

// printed says independently of the code what remains of a header's text.
func printed(s string) string {
	var words []string
	for _, word := range strings.FieldsFunc(strings.ToValidUTF8(s, "\uFFFD"), func(r rune) bool {
		return r < ' ' || r == 0x7f || r >= 0x80 && r <= 0x9f || unicode.IsSpace(r) || r == '\u2028' || r == '\u2029'
	}) {
		word = strings.Map(func(r rune) rune {
			if strings.ContainsRune("\u061c\u200e\u200f\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069\ufeff", r) {
				return -1
			}
			return r
		}, word)
		if word != "" {
			words = append(words, word)
		}
	}
	return strings.ReplaceAll(strings.Join(words, " "), "=?", "= ?")
}

// TestBodiesArrive sends bodies made of what protocols stumble over.
func TestBodiesArrive(t *testing.T) {
	t.Parallel()
	server := startServer(t, smtptest.Config{})
	sender := plainSender(t, server)
	n := 0
	rapid.Check(t, func(rt *rapid.T) {
		pieces := rapid.SliceOf(rapid.SampledFrom([]string{
			".", "..", "\n", "\n.\n", "\n.", "=", "=\n", "é", " ", "--", "dunwell-", strings.Repeat("x", 90), "\nFrom ",
		}))
		m := testMessage()
		m.Text = strings.Join(pieces.Draw(rt, "text"), "")
		m.HTML = strings.Join(pieces.Draw(rt, "html"), "") + "<br>"
		mustSend(t, sender, m)
		n++
		got, err := server.Messages()[n-1].Parse()
		if err != nil {
			rt.Fatal(err)
		}
		if m.Text == "" { // then the HTML ends the mail, which ends with a line
			got.HTML = strings.TrimSuffix(got.HTML, "\n")
		}
		if got.HTML != m.HTML || got.Text != m.Text {
			rt.Fatalf("bodies: got %q and %q, want %q and %q", got.Text, got.HTML, m.Text, m.HTML)
		}
	})
}
