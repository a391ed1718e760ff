package message

import (
	"cmp"
	"embed"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/go-json-experiment/json"
	"golang.org/x/text/language"
)

// languages are those that the built-in texts exist in.
var languages = []string{"en", "nl", "de", "fr", "es"}

// overlays are the regions whose texts differ from their language's in places.
var overlays = []string{"de-AT", "de-CH", "de-LI"}

// defaultLanguage is used where neither customer nor platform has one of ours.
const defaultLanguage = "en"

//go:embed locales/*.json
var localeFiles embed.FS

// source is a file of locales/. Texts are templates over the variables.
type source struct {
	Months   []string          `json:"months"`
	Date     string            `json:"date"`      // with {day}, {month} and {year}
	DateIn   map[string]string `json:"date_in"`   // the same of single regions; "": where there is none
	FirstDay string            `json:"first_day"` // how the first of a month is written
	Greeting string            `json:"greeting"`
	Closing  string            `json:"closing"`
	Pay      string            `json:"pay"`
	Colon    string            `json:"colon"` // what follows a label in plain text
	Labels   map[string]string `json:"labels"`
	Reasons  map[reason]string `json:"reasons"`
	Letters  map[letter]struct {
		Subject string   `json:"subject"`
		Title   string   `json:"title"`
		Body    []string `json:"body"` // paragraphs; one that comes out empty is left out
	} `json:"letters"`
}

// catalogue is the texts of one language, parsed.
type catalogue struct {
	source
	language               string
	greeting, closing, pay phrase
	letters                map[letter]texts
}

// texts are the phrases of one kind of message.
type texts struct {
	subject, title phrase
	body           []phrase
}

// locale is a catalogue and the region for which numbers and dates are written.
type locale struct {
	*catalogue
	name   string // e.g. nl-BE
	region string // e.g. BE, or ""
}

// loadCatalogues reads the texts of every language.
func loadCatalogues() (map[string]*catalogue, error) {
	all := map[string]*catalogue{}
	for _, name := range slices.Concat(languages, overlays) {
		c, err := loadCatalogue(name)
		if err != nil {
			return nil, fmt.Errorf("reading the texts of %s: %w", name, err)
		}
		all[name] = c
	}
	return all, nil
}

func loadCatalogue(name string) (*catalogue, error) {
	base, _, overlaid := strings.Cut(name, "-")
	c := catalogue{language: base}
	if err := c.read(base); err != nil {
		return nil, err
	}
	if overlaid {
		if err := c.read(name); err != nil {
			return nil, err
		}
	}
	return &c, c.parse()
}

// read lays a file over what was read before it.
func (s *source) read(name string) error {
	raw, err := localeFiles.ReadFile("locales/" + name + ".json")
	if err != nil {
		return err
	}
	return s.overlay(raw)
}

func (s *source) overlay(raw []byte) error {
	return json.Unmarshal(raw, s, json.RejectUnknownMembers(true))
}

// parse parses and checks every text, so that no message fails for a missing one.
func (c *catalogue) parse() error {
	p := texter{}
	c.greeting, c.closing, c.pay = p.parse(c.Greeting), p.parse(c.Closing), p.parse(c.Pay)
	c.letters = map[letter]texts{}
	for name, l := range c.Letters {
		t := texts{subject: p.parse(l.Subject), title: p.parse(l.Title)}
		for _, paragraph := range l.Body {
			t.body = append(t.body, p.parse(paragraph))
		}
		c.letters[name] = t
	}
	if p.err != nil {
		return p.err
	}
	return c.complete()
}

// complete reports a text that is missing.
func (c *catalogue) complete() error {
	if len(c.Months) != 12 || c.Date == "" || c.Colon == "" {
		return errors.New("the months, the way to write a date or the colon are missing")
	}
	for _, l := range letters {
		if err := c.completeLetter(l); err != nil {
			return err
		}
	}
	for _, r := range reasons {
		if c.Reasons[r] == "" {
			return fmt.Errorf("the reason %s is missing", r)
		}
	}
	return nil
}

// completeLetter reports that a letter, or a label of one that there is, is
// missing. English has every letter, for those whom it is written to in place
// of their own language.
func (c *catalogue) completeLetter(l letter) error {
	if !c.has(l) {
		if c.language == defaultLanguage || !slices.Contains(untranslated, l) {
			return fmt.Errorf("the letter %s is missing", l)
		}
		return nil
	}
	for _, label := range tables[l] {
		if c.Labels[label] == "" {
			return fmt.Errorf("the label %s is missing", label)
		}
	}
	return nil
}

func (c *catalogue) has(l letter) bool { return len(c.letters[l].body) > 0 }

// texter parses texts until one of them is wrong.
type texter struct{ err error }

func (t *texter) parse(source string) phrase {
	p, err := parsePhrase(source)
	switch {
	case t.err != nil:
	case source == "":
		t.err = errors.New("a text is missing")
	case err != nil:
		t.err = fmt.Errorf("%q: %w", source, err)
	case len(p.unknown) > 0:
		t.err = fmt.Errorf("%q: there is no variable %s", source, p.unknown[0])
	}
	return p
}

// locale chooses the first of the wanted locales in whose language we have the
// letter, with its region; the amounts and dates of a letter are in its language
// too. A language is never guessed from a region or from a related language:
// somebody who asked for neither Dutch nor German does not get it.
func (r *Renderer) locale(about letter, wanted ...string) locale {
	for _, name := range wanted {
		if len(name) > 35 { // the longest tag that RFC 5646 asks anybody to take
			continue
		}
		tag, _ := language.Parse(name) // what it understood counts, also beside an error
		base, _, region := tag.Raw()
		if c, ok := r.catalogues[base.String()]; !ok || !c.has(about) {
			continue
		}
		l := locale{name: base.String()}
		if region != (language.Region{}) && region.String() != "ZZ" {
			l.region = region.String()
			l.name += "-" + l.region
		}
		l.catalogue = cmp.Or(r.catalogues[l.name], r.catalogues[base.String()])
		return l
	}
	return locale{catalogue: r.catalogues[defaultLanguage], name: defaultLanguage}
}

// date writes the civil date of t, which is in the zone in which it counts.
func (l locale) date(t time.Time) string {
	day := strconv.Itoa(t.Day())
	if t.Day() == 1 && l.FirstDay != "" {
		day = l.FirstDay
	}
	pattern, ok := l.DateIn[l.region]
	if !ok {
		pattern = l.Date
	}
	return strings.NewReplacer("{day}", day, "{month}", l.Months[t.Month()-1], "{year}", strconv.Itoa(t.Year())).Replace(pattern)
}
