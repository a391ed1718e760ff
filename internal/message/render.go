package message

import (
	"cmp"
	"crypto/sha256"
	"embed"
	"encoding/hex"
	"fmt"
	"regexp"
	"strings"
	"time"

	"github.com/mailgun/raymond/v2"
	"golang.org/x/net/idna"
)

//go:embed layout.html.hbs layout.txt.hbs
var layoutFiles embed.FS

// Renderer makes messages. It holds the built-in templates, parsed once, and
// nothing else: it is safe for use by several goroutines.
type Renderer struct {
	catalogues map[string]*catalogue // by language, and by locale where one differs
	html, text *raymond.Template
}

// NewRenderer parses the built-in templates.
func NewRenderer() (*Renderer, error) {
	catalogues, err := loadCatalogues()
	if err != nil {
		return nil, err
	}
	r := &Renderer{catalogues: catalogues}
	for name, t := range map[string]**raymond.Template{"layout.html.hbs": &r.html, "layout.txt.hbs": &r.text} {
		raw, err := layoutFiles.ReadFile(name)
		if err != nil {
			return nil, err
		}
		if *t, err = raymond.Parse(string(raw)); err != nil {
			return nil, fmt.Errorf("parsing %s: %w", name, err)
		}
	}
	return r, nil
}

// Render makes the message that an action sends about some facts. It returns
// [ErrNoRecipient] or [ErrPreferenceOff], possibly wrapped, when nobody is to
// get one; any other error is a defect of the action or of the settings, and
// its text says which.
func (r *Renderer) Render(in Input) (Message, error) {
	m := Message{Date: in.Now.UTC().Truncate(time.Second), Template: "built-in:" + string(in.Variant)}
	l, err := chooseLetter(&in)
	if err != nil {
		return Message{}, err
	}
	if err := m.envelope(&in); err != nil {
		return Message{}, err
	}
	m.MessageID = messageID(in.DeliveryKey, m.From)
	if name := in.Email.TemplateName; name != "" && name != "default" {
		m.warn("There is no template %.80q, the built-in one was used.", name)
	}
	s := newSheet(&in, r.locale(l, in.Facts.Customer.Locale, in.Platform.Locale))
	m.Locale = s.locale.name
	v := s.values()
	link := m.paymentLink(&in, v)
	v[paymentLinkName] = raymond.SafeString(link)
	view, err := m.view(s, l, in.Email.Subject, v)
	if err != nil {
		return Message{}, err
	}
	view.Link = link
	m.Subject = view.Subject
	if m.HTML, err = execute(r.html, view); err != nil {
		return Message{}, err
	}
	m.Text, err = execute(r.text, view)
	return m, err
}

// view is what the layouts show. Their names of the members begin in lower case.
type view struct {
	Locale, Subject, Title, Preview string
	Greeting                        string
	Paragraphs                      []string
	Facts                           []fact
	Link, Pay, Colon                string
	Closing, Seller, Footer         string
	Logo, Color, OnColor            string
}

// view executes the phrases of a letter. subject is the action's own, or "".
func (m *Message) view(s *sheet, l letter, subject string, v values) (*view, error) {
	t := s.locale.letters[l]
	p := printer{values: v}
	out := &view{
		Locale: s.locale.name, Title: p.print(t.title), Greeting: p.print(s.locale.greeting),
		Facts: s.facts(l, v), Pay: p.print(s.locale.pay), Colon: s.locale.Colon, Closing: p.print(s.locale.closing),
		Seller: s.seller, Footer: footer(s.entity), Logo: logoURL(s.entity.Branding),
	}
	out.Color, out.OnColor = primaryColor(s.entity.Branding)
	for _, paragraph := range t.body {
		if line := p.print(paragraph); line != "" {
			out.Paragraphs = append(out.Paragraphs, line)
		}
	}
	out.Preview = out.Paragraphs[0]
	if p.err != nil {
		return nil, p.err
	}
	var err error
	out.Subject, err = m.subject(t.subject, subject, v)
	return out, err
}

// subject executes the action's subject, or the built-in one where the action
// has none or where its own comes out empty.
func (m *Message) subject(builtIn phrase, own string, v values) (string, error) {
	if own != "" {
		p, err := parseForeign(own)
		if err != nil {
			return "", fmt.Errorf("the action's subject is not valid: %w", err)
		}
		m.warnUnknown("the subject", p.unknown)
		line, err := p.execute(v)
		if err != nil {
			return "", fmt.Errorf("the action's subject is not valid: %w", err)
		}
		if line = oneLine(line); line != "" {
			return line, nil
		}
		m.warn("The action's subject came out empty, the built-in one was used.")
	}
	line, err := builtIn.execute(v)
	return oneLine(line), err
}

// oneLine makes a subject of what a phrase gave. Its spaces are plain ones,
// which people can search for.
func oneLine(s string) string {
	return clean(strings.NewReplacer("\u00a0", " ", "\u202f", " ").Replace(s), maxSubject)
}

// printer executes phrases until one of them fails.
type printer struct {
	values values
	err    error
}

func (p *printer) print(t phrase) string {
	line, err := t.execute(p.values)
	p.err = cmp.Or(p.err, err)
	return line
}

func (m *Message) warnUnknown(where string, unknown []string) {
	for _, name := range unknown {
		m.warn("There is no variable %s, it was left empty in %s.", name, where)
	}
}

// plainKey is a delivery key that can be the left part of a Message-ID as it is.
var plainKey = regexp.MustCompile(`^[A-Za-z0-9_-]{1,64}$`)

// messageID names a message after its delivery, so that the same delivery has
// the same one on every node and in every attempt.
func messageID(key string, from Address) string {
	if !plainKey.MatchString(key) {
		sum := sha256.Sum256([]byte(key))
		key = hex.EncodeToString(sum[:16])
	}
	domain, err := idna.Lookup.ToASCII(from.domain())
	if err != nil {
		domain = "dunwell.invalid" // mail can go there though it is no host name, such as [192.0.2.1]
	}
	return key + "@" + domain
}
