package httpapi

import (
	"cmp"
	"context"
	"net/http"
	"slices"
	"strings"

	"github.com/dunwellhq/dunwell/internal/auth"
	"github.com/dunwellhq/dunwell/internal/fault"
	"github.com/dunwellhq/dunwell/internal/platform"
	"github.com/dunwellhq/dunwell/internal/store"
)

var integrationListing = listing{
	order:   []string{"created_at", "updated_at", "name", "reference", "status", "type"},
	filters: []filter{enumFilter(platform.IntegrationStatuses)},
}

// shownIntegration lists the members of an integration that is read.
func shownIntegration(m *members, in *platform.Integration) {
	integrationMembers(m, &givenIntegration{Integration: *in})
}

func (s *server) listIntegrations(c *call) (reply, error) {
	return paged(c, integrationListing, s.store.Integrations, shownIntegration)
}

func (s *server) integration(c *call) (reply, error) {
	name, err := c.named("idOrReference", "INTEGRATION")
	if err != nil {
		return reply{}, err
	}
	in, err := s.store.Integration(c.Context(), c.platform, name)
	return answer(http.StatusOK, in, shownIntegration, err)
}

func (s *server) createIntegration(c *call) (reply, error) { return s.storeIntegration(c, "") }

func (s *server) putIntegration(c *call) (reply, error) {
	id := c.PathValue("idOrReference")
	if identifier.check(id) != "" || !validText(id) {
		return reply{}, fault.At(fault.Invalid, "id", "the id in the path must be %s", identifier.check(""))
	}
	return s.storeIntegration(c, platform.IntegrationID(id))
}

// storeIntegration creates an integration or replaces the one with that id.
// Credentials cannot be read back, so a body without them keeps what is stored.
func (s *server) storeIntegration(c *call, id platform.IntegrationID) (reply, error) {
	doc, err := c.document()
	if err != nil {
		return reply{}, err
	}
	var given givenIntegration
	if err := decodeInto(doc, &given, integrationMembers, checkIntegration); err != nil {
		return reply{}, err
	}
	given.ID = id
	in, created, err := s.engine.PutIntegration(c.Context(), c.platform, given.Integration, given.auth == nil, remember(s, c, http.StatusCreated, shownIntegration)...)
	status := http.StatusOK
	if created {
		status = http.StatusCreated
	}
	return answer(status, in, shownIntegration, err)
}

// changeIntegration merges a patch into an integration. Of its credentials nothing
// can be merged, since they cannot be read: they are kept, replaced whole, or, by
// null, removed.
func (s *server) changeIntegration(c *call) (reply, error) {
	name, err := c.named("idOrReference", "INTEGRATION")
	if err != nil {
		return reply{}, err
	}
	doc, err := c.document(mergePatchType)
	if err != nil {
		return reply{}, err
	}
	in, err := s.engine.ChangeIntegration(c.Context(), c.platform, name, func(in *platform.Integration) (bool, error) {
		given := givenIntegration{Integration: *in}
		err := run(&codec{doc: doc, deep: true}, patch, &given, integrationMembers, checkIntegration)
		*in = given.Integration
		return given.auth == nil && !doc.isNull("authentication"), err
	})
	return answer(http.StatusOK, in, shownIntegration, err)
}

// deleteIntegration answers with the integration as it was, without its credentials.
func (s *server) deleteIntegration(c *call) (reply, error) {
	name, err := c.named("idOrReference", "INTEGRATION")
	if err != nil {
		return reply{}, err
	}
	in, err := s.engine.DeleteIntegration(c.Context(), c.platform, name)
	return answer(http.StatusOK, in, shownIntegration, err)
}

var sourceListing = listing{order: []string{"created_at", "updated_at", "reference", "type"}}

func (s *server) listSources(c *call) (reply, error) {
	return paged(c, sourceListing, s.store.Sources, sourceMembers)
}

func (s *server) source(c *call) (reply, error) {
	id, err := c.named("id", "")
	if err != nil {
		return reply{}, err
	}
	src, err := s.store.Source(c.Context(), c.platform, id)
	return answer(http.StatusOK, src, sourceMembers, err)
}

func (s *server) createSource(c *call) (reply, error) {
	doc, err := c.document()
	if err != nil {
		return reply{}, err
	}
	var src platform.Source
	if err := decodeInto(doc, &src, sourceMembers, nil); err != nil {
		return reply{}, err
	}
	src.PlatformID = c.platform
	src, err = s.engine.CreateSource(c.Context(), src, remember(s, c, http.StatusCreated, sourceMembers)...)
	return answer(http.StatusCreated, src, sourceMembers, err)
}

// changeSource changes a source, for instance its secret when the system has
// shown or rolled it.
func (s *server) changeSource(c *call) (reply, error) {
	id, err := c.named("id", "")
	if err != nil {
		return reply{}, err
	}
	doc, err := c.document(mergePatchType)
	if err != nil {
		return reply{}, err
	}
	src, err := s.engine.ChangeSource(c.Context(), c.platform, id, func(src *platform.Source) error {
		return patchInto(doc, src, sourceMembers, checkChangedSource(*src))
	})
	return answer(http.StatusOK, src, sourceMembers, err)
}

var platformListing = listing{order: []string{"created_at", "updated_at", "name", "reference"}}

// listPlatforms lists the platforms that the caller belongs to and may see.
func (s *server) listPlatforms(c *call) (reply, error) {
	read := func(ctx context.Context, _ platform.ID, q store.Query) (store.Page[platform.Platform], error) {
		list, err := s.store.Platforms(ctx)
		list = slices.DeleteFunc(list, func(p platform.Platform) bool { return !c.principal.Belongs(p.ID) || c.mayOn(p.ID) != nil })
		sortPlatforms(list, q)
		from := min((q.Page-1)*q.Limit, len(list))
		to := min(from+q.Limit, len(list))
		return store.Page[platform.Platform]{Items: list[from:to], More: to < len(list)}, err
	}
	return paged(c, platformListing, read, platformMembers)
}

func sortPlatforms(list []platform.Platform, q store.Query) {
	slices.SortStableFunc(list, func(a, b platform.Platform) int {
		order := 0
		switch q.OrderBy {
		case "updated_at":
			order = a.UpdatedAt.Compare(b.UpdatedAt)
		case "name":
			order = strings.Compare(a.Name, b.Name)
		case "reference":
			order = strings.Compare(a.Reference, b.Reference)
		default:
			order = a.CreatedAt.Compare(b.CreatedAt)
		}
		order = cmp.Or(order, strings.Compare(string(a.ID), string(b.ID)))
		if !q.Ascending {
			order = -order
		}
		return order
	})
}

func (s *server) createPlatform(c *call) (reply, error) {
	doc, err := c.document()
	if err != nil {
		return reply{}, err
	}
	var p platform.Platform
	if err := decodeInto(doc, &p, platformMembers, checkNewPlatform(s.engine.Now())); err != nil {
		return reply{}, err
	}
	p, err = s.engine.CreatePlatform(c.Context(), p, remember(s, c, http.StatusCreated, platformMembers)...)
	return answer(http.StatusCreated, p, platformMembers, err)
}

func (s *server) platform(c *call) (reply, error) {
	p, err := s.store.Platform(c.Context(), c.platform)
	return answer(http.StatusOK, p, platformMembers, err)
}

func (s *server) changePlatform(c *call) (reply, error) {
	doc, err := c.document(mergePatchType)
	if err != nil {
		return reply{}, err
	}
	renames := c.principal.May(c.platform, auth.PlatformCreate)
	p, err := s.engine.ChangePlatform(c.Context(), c.platform, func(p *platform.Platform) error {
		return patchInto(doc, p, platformMembers, checkChangedPlatform(*p, renames, s.engine.Now()))
	})
	return answer(http.StatusOK, p, platformMembers, err)
}
