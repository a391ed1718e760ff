package httpapi

import (
	"context"
	"net/http"

	"github.com/dunwellhq/dunwell/internal/hold"
	"github.com/dunwellhq/dunwell/internal/platform"
	"github.com/dunwellhq/dunwell/internal/store"
)

var suppressionListing = listing{
	order:   []string{"created_at", "updated_at"},
	filters: []filter{{param: "email", column: "mailbox"}},
}

// listSuppressions finds an address however it is written.
func (s *server) listSuppressions(c *call) (reply, error) {
	read := func(ctx context.Context, p platform.ID, q store.Query) (store.Page[hold.Suppression], error) {
		for _, f := range q.Filters { // there is no other
			for i, email := range f.Values {
				f.Values[i] = platform.Mailbox(email)
			}
		}
		return s.store.Suppressions(ctx, p, q)
	}
	return paged(c, suppressionListing, read, suppressionMembers)
}

func (s *server) suppression(c *call) (reply, error) {
	id, err := c.named("id", "")
	if err != nil {
		return reply{}, err
	}
	found, err := s.store.Suppression(c.Context(), c.platform, hold.SuppressionID(id))
	return answer(http.StatusOK, found, suppressionMembers, err)
}

func (s *server) createSuppression(c *call) (reply, error) {
	doc, err := c.document()
	if err != nil {
		return reply{}, err
	}
	var given hold.Suppression
	if err := decodeInto(doc, &given, suppressionMembers, nil); err != nil {
		return reply{}, err
	}
	made, err := s.engine.Suppress(c.Context(), c.platform, given, remember(s, c, http.StatusCreated, suppressionMembers)...)
	return answer(http.StatusCreated, made, suppressionMembers, err)
}

// deleteSuppression answers with the suppression that is no more.
func (s *server) deleteSuppression(c *call) (reply, error) {
	id, err := c.named("id", "")
	if err != nil {
		return reply{}, err
	}
	gone, err := s.engine.Unsuppress(c.Context(), c.platform, hold.SuppressionID(id))
	return answer(http.StatusOK, gone, suppressionMembers, err)
}

// suppressionMembers lists the members of a suppression (contract B4).
func suppressionMembers(m *members, s *hold.Suppression) {
	m.served("SUPPRESSION", string(s.ID))
	text(m, "email", &s.Email, address.required())
	enum(m, "reason", &s.Reason, []hold.SuppressionReason{hold.ByHand}, plain)
	if m.mode != encode && s.Reason == "" {
		s.Reason = hold.ByHand
	}
	text(m, "note", &s.Note, prose)
	m.times(s.CreatedAt, s.UpdatedAt)
}
