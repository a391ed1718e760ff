package httpapi

import (
	"net/http"

	"github.com/dunwellhq/dunwell/internal/engine"
	"github.com/dunwellhq/dunwell/internal/hold"
)

var holdListing = listing{
	order: []string{"created_at", "updated_at", "status"},
	filters: append(byColumn("resource_id", "customer_id"),
		oneOf("scope", hold.Scopes), oneOf("reason", hold.Reasons), enumFilter(hold.Statuses)),
}

func (s *server) listHolds(c *call) (reply, error) {
	return paged(c, holdListing, s.store.Holds, holdMembers)
}

func (s *server) hold(c *call) (reply, error) {
	id, err := c.named("id", "")
	if err != nil {
		return reply{}, err
	}
	h, err := s.store.Hold(c.Context(), c.platform, hold.ID(id))
	return answer(http.StatusOK, h, holdMembers, err)
}

func (s *server) createHold(c *call) (reply, error) {
	doc, err := c.document()
	if err != nil {
		return reply{}, err
	}
	var h hold.Hold
	if err := decodeInto(doc, &h, holdMembers, nil); err != nil {
		if h.Scope == "" {
			return reply{}, err // what resource_id names is not known
		}
		return reply{}, s.orMissing(c, doc, err, []engine.Mention{{Field: "resource_id", Type: string(h.Scope)}})
	}
	h, err = s.engine.CreateHold(c.Context(), c.platform, h, remember(s, c, http.StatusCreated, holdMembers)...)
	return answer(http.StatusCreated, h, holdMembers, err)
}

func (s *server) changeHold(c *call) (reply, error) {
	doc, err := c.document(mergePatchType)
	if err != nil {
		return reply{}, err
	}
	id, err := c.named("id", "")
	if err != nil {
		return reply{}, err
	}
	h, err := s.engine.ChangeHold(c.Context(), c.platform, hold.ID(id), func(h *hold.Hold) error {
		return patchInto(doc, h, holdMembers, checkChangedHold(*h))
	})
	return answer(http.StatusOK, h, holdMembers, err)
}

// releaseHold ends a hold. What a body says is ignored.
func (s *server) releaseHold(c *call) (reply, error) {
	id, err := c.named("id", "")
	if err != nil {
		return reply{}, err
	}
	if _, err := c.optionalDocument(); err != nil {
		return reply{}, err
	}
	h, err := s.engine.ReleaseHold(c.Context(), c.platform, hold.ID(id), remember(s, c, http.StatusOK, holdMembers)...)
	return answer(http.StatusOK, h, holdMembers, err)
}
