package httpapi

import (
	"fmt"
	"net/http"

	"github.com/go-json-experiment/json/jsontext"

	"github.com/dunwellhq/dunwell/internal/billing"
	"github.com/dunwellhq/dunwell/internal/engine"
	"github.com/dunwellhq/dunwell/internal/fault"
)

// ingestSnapshot takes one phase of a snapshot: its begin, a part of what the
// source has, or its end.
func (s *server) ingestSnapshot(c *call) (reply, error) {
	noEvents, err := withoutEvents(c)
	if err != nil {
		return reply{}, err
	}
	raw, _, err := c.body(maxIngest, jsonType)
	if err != nil {
		return reply{}, err
	}
	doc, resources, err := apart(raw, "resources")
	if err != nil {
		return reply{}, err
	}
	var asked phase
	if err := decodeInto(doc, &asked, phaseMembers, checkPhase); err != nil {
		return reply{}, err
	}
	switch asked.name {
	case begin:
		made, err := s.engine.BeginSnapshot(c.Context(), c.platform, asked.snapshot)
		return answer(http.StatusCreated, made, snapshotMembers, err)
	case end:
		ended, err := s.engine.EndSnapshot(c.Context(), c.platform, asked.snapshot.ID)
		return answer(http.StatusOK, ended, snapshotMembers, err)
	default:
		return s.ingestPart(c, asked.snapshot.ID, resources, noEvents)
	}
}

// ingestPart takes a part of a snapshot. What an item does not say it is could be
// anything that the source still has, so then nothing is taken.
func (s *server) ingestPart(c *call, id billing.SnapshotID, resources []byte, noEvents bool) (reply, error) {
	b := ingestion{server: s}
	if err := b.list(resources); err != nil {
		return reply{}, err
	}
	told := make([]billing.Key, len(b.results))
	for i, r := range b.results {
		if told[i] = (billing.Key{Kind: r.kind, ID: r.id}); r.kind == "" || r.id == "" {
			return reply{}, fault.At(fault.Invalid, fmt.Sprintf("resources.%d", i),
				"each of resources must say what it is, by an object_type and an id: else it could not be told what the source no longer has")
		}
	}
	snapshot, done, err := s.engine.IngestSnapshot(c.Context(), c.platform, id, engine.Batch{Items: b.items, NoEvents: noEvents}, told)
	if err != nil {
		return reply{}, err
	}
	b.note(done)
	part := taken{snapshot, b.results}
	return answer(http.StatusOK, part, takenMembers, nil)
}

// apart reads a body that is an object, and takes the value of one member out of
// it: a list that is read by other means. It leaves an empty list in its place.
func apart(raw []byte, name string) (*tree, []byte, error) {
	d := newReader(raw)
	defer d.release()
	if d.dec.PeekKind() != '{' {
		doc, err := parse(raw)
		return doc, nil, err
	}
	value, err := d.dec.ReadValue()
	if err != nil {
		return nil, nil, unreadable(err)
	}
	value = value.Clone()
	if err := d.end(); err != nil {
		return nil, nil, err
	}
	all, err := pairsOf(value)
	if err != nil {
		return nil, nil, unreadable(err)
	}
	var taken []byte
	for i, p := range all {
		if p.name == name && p.value.Kind() == '[' {
			taken, all[i].value = p.value, jsontext.Value("[]")
		}
	}
	doc, err := parse(all.object())
	return doc, taken, err
}
