package httpapi

import (
	"bytes"
	"errors"
	"fmt"
	"net/http"
	"time"

	"github.com/dunwellhq/dunwell/internal/billing"
	"github.com/dunwellhq/dunwell/internal/engine"
	"github.com/dunwellhq/dunwell/internal/fault"
	"github.com/dunwellhq/dunwell/internal/platform"
	"github.com/dunwellhq/dunwell/internal/source"
	"github.com/dunwellhq/dunwell/internal/store"
)

// maxItems bounds one ingestion.
const maxItems = 1_000

// ingested is what became of one item.
type ingested struct {
	kind           billing.Kind
	id             string
	applied, stale bool
	err            error
}

func ingestedMembers(m *members, i *ingested) {
	text(m, "object_type", &i.kind, plain)
	text(m, "id", &i.id, plain)
	flag(m, "applied", &i.applied, plain)
	flag(m, "stale", &i.stale, plain)
	if i.err == nil {
		m.putText("error", "", plain)
		return
	}
	_, body := describe(i.err)
	m.key("error")
	write(m.codec, &body, errorMembers)
}

// ingestResources takes a batch of resources and answers with one result per
// item, in order. An invalid item does not stop the others.
func (s *server) ingestResources(c *call) (reply, error) {
	noEvents, err := withoutEvents(c)
	if err != nil {
		return reply{}, err
	}
	raw, kind, err := c.body(maxIngest, jsonType, ndjsonType)
	if err != nil {
		return reply{}, err
	}
	b := ingestion{server: s, ahead: s.ahead(c.Context(), c.platform)}
	if kind == ndjsonType {
		err = b.lines(raw)
	} else {
		err = b.list(raw)
	}
	if err != nil {
		return reply{}, err
	}
	if err := b.ingest(c, noEvents); err != nil {
		return reply{}, err
	}
	out := codec{out: []byte(`{"data":`)}
	bare(&out, b.results, ingestedMembers)
	return reply{status: http.StatusOK, body: append(out.out, '}')}, nil
}

func withoutEvents(c *call) (bool, error) {
	params, err := c.parameters()
	if err != nil {
		return false, err
	}
	events, given, err := single(params, "events")
	if err == nil && given && events != "none" {
		err = fault.At(fault.Invalid, "events", "events must be none, to store history without events, or be left out")
	}
	return given, err
}

// ingestion is one batch on its way.
type ingestion struct {
	server  *server
	ahead   func(time.Time) bool // of the clock
	results []ingested
	items   []billing.Item
	places  []int // of the items among the results
}

// list reads the items of a JSON array.
func (b *ingestion) list(raw []byte) error {
	d := newReader(raw)
	defer d.release()
	if k := d.dec.PeekKind(); k != '[' {
		if k == '{' {
			return fault.New(fault.Invalid, "the body must be a list of resources, or one resource a line as %s", ndjsonType)
		}
		_, err := parse(raw)
		if err == nil {
			err = fault.New(fault.Invalid, "the body must be a list of resources")
		}
		return err
	}
	if _, err := d.dec.ReadToken(); err != nil {
		return unreadable(err)
	}
	for d.dec.PeekKind() != ']' {
		doc, err := d.document()
		if err != nil {
			return err
		}
		if err := b.add(doc, nil); err != nil {
			return err
		}
	}
	if _, err := d.dec.ReadToken(); err != nil {
		return unreadable(err)
	}
	return d.end()
}

// lines reads one item a line. A line that is no JSON is an invalid item.
func (b *ingestion) lines(raw []byte) error {
	for line := range bytes.Lines(raw) {
		if line = bytes.TrimSpace(line); len(line) == 0 {
			continue
		}
		doc, err := parse(line)
		if err := b.add(doc, err); err != nil {
			return err
		}
	}
	return nil
}

// add decodes an item. Its fault is its own; that there are too many is everyone's.
func (b *ingestion) add(doc *tree, err error) error {
	if len(b.results) == maxItems {
		return fault.New(fault.Invalid, "the body must have at most %d resources, split it", maxItems)
	}
	result := ingested{err: err}
	if err == nil {
		var r billing.Resource
		c := &codec{doc: doc, ahead: b.ahead}
		item := item{resource: &r}
		result.err = run(c, decode, &item, itemMembers, nil)
		result.kind, result.id = item.kind, item.id
		if result.err == nil {
			r.Base().ID = item.id
			b.items = append(b.items, billing.Item{Resource: r})
			b.places = append(b.places, len(b.results))
		}
	}
	b.results = append(b.results, result)
	return nil
}

// item is a resource that says itself what it is.
type item struct {
	kind     billing.Kind
	id       string
	resource *billing.Resource
}

func itemMembers(m *members, i *item) {
	enum(m, "object_type", &i.kind, billing.Kinds, plain.required())
	text(m, "id", &i.id, identifier.required())
	if *i.resource = billing.New(i.kind); *i.resource != nil {
		resourceMembers(m, i.resource)
	}
}

// ingest hands the valid items over and notes what became of them.
func (b *ingestion) ingest(c *call, noEvents bool) error {
	if len(b.items) == 0 {
		return nil
	}
	done, err := b.server.engine.Ingest(c.Context(), c.platform, engine.Batch{Items: b.items, NoEvents: noEvents})
	if err != nil {
		return err
	}
	b.note(done)
	return nil
}

// note takes down what became of the valid items.
func (b *ingestion) note(done []engine.Result) {
	for i, d := range done {
		r := &b.results[b.places[i]]
		r.applied, r.stale, r.err = d.Applied, d.Stale, d.Err
	}
}

// ingestWebhook takes the native webhook of a billing system. No key opens it:
// the signature says whose it is.
func (s *server) ingestWebhook(c *call) (reply, error) {
	id, err := c.named("id", "")
	if err != nil {
		return reply{}, err
	}
	src, err := s.store.OpenSource(c.Context(), platform.SourceID(id))
	if errors.Is(err, store.ErrSealed) { // the sender has done nothing wrong, and is to come again
		err = fmt.Errorf("%w: %w", fault.New(fault.Unavailable, "the webhook cannot be verified at the moment, send it again"), err)
	}
	if err != nil {
		return reply{}, err
	}
	c.platform = src.PlatformID
	stripe := source.Stripe{BillingEntityID: src.DefaultBillingEntityID}
	signature, err := stripe.Signature(c.Header.Get("Stripe-Signature"), s.now())
	if err != nil {
		return reply{}, err
	}
	// Until it has been verified it is a stranger's.
	body := &metered{ReadCloser: c.Body, room: &s.room}
	defer body.release()
	c.Body = body
	raw, _, err := c.body(maxIngest, jsonType)
	if err != nil {
		return reply{}, err
	}
	if err := signature.Verify(raw, []string{src.SigningSecret}); err != nil {
		return reply{}, err
	}
	d, err := stripe.Translate(raw)
	if err != nil {
		return reply{}, err
	}
	if !d.Ignored {
		if err := s.ingestDelivery(c, src, d); err != nil {
			return reply{}, err
		}
	}
	return answer(http.StatusOK, d, deliveryMembers, nil)
}

func (s *server) ingestDelivery(c *call, src platform.Source, d source.Delivery) error {
	results, err := s.engine.Ingest(c.Context(), src.PlatformID,
		engine.Batch{Items: d.Items, Links: d.Links, Source: src, DeliveryID: d.ID})
	if err != nil {
		return err
	}
	for _, r := range results {
		if f := fault.As(r.Err); f != nil && f.Field == "source_updated_at" { // as Stripe calls it
			return fault.At(f.Kind, "created", "%s", f.Message)
		}
		if r.Err != nil {
			return r.Err
		}
	}
	return nil
}

func deliveryMembers(m *members, d *source.Delivery) {
	text(m, "id", &d.ID, plain)
	text(m, "type", &d.Type, plain)
	flag(m, "ignored", &d.Ignored, plain)
}
