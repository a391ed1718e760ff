package httpapi

import (
	"slices"
	"strings"

	"github.com/dunwellhq/dunwell/internal/auth"
	"github.com/dunwellhq/dunwell/internal/billing"
	"github.com/dunwellhq/dunwell/internal/fault"
	"github.com/dunwellhq/dunwell/internal/store"
	"github.com/dunwellhq/dunwell/internal/trigger"
	"github.com/dunwellhq/dunwell/internal/workflow"
)

// expansion says which resources expand[] asks to inline next to their ids
// (contract A1). Other names are ignored.
type expansion struct{ customer, workflow bool }

// expansion reads expand[]. What the caller may not read is refused if it is
// named, and left out of ALL.
func (a *asked) expansion(c *call) (expansion, error) {
	names := a.params["expand[]"]
	if len(names) > maxFilters {
		return expansion{}, fault.At(fault.Invalid, "expand[]", "expand[] must be given at most %d times", maxFilters)
	}
	var e expansion
	for _, of := range []struct {
		name string
		may  auth.Permission
		want *bool
	}{{"customer", auth.CustomerView, &e.customer}, {"workflow", auth.WorkflowView, &e.workflow}} {
		named := slices.ContainsFunc(names, func(s string) bool { return strings.TrimSuffix(s, "_id") == of.name })
		allowed := c.principal.May(c.platform, of.may)
		if named && !allowed {
			return e, fault.New(fault.Forbidden, "expanding %s needs the permission %s, which your credential does not hold on this platform", of.name, of.may)
		}
		*of.want = named || (allowed && slices.Contains(names, "ALL"))
	}
	return e, nil
}

// expanded are the resources that are inlined.
type expanded struct {
	customers map[billing.CustomerID]billing.Resource
	workflows map[workflow.ID]workflow.Workflow
}

// expand reads what the triggers of a page name.
func (s *server) expand(c *call, e expansion, list []trigger.Trigger) (expanded, error) {
	out := expanded{map[billing.CustomerID]billing.Resource{}, map[workflow.ID]workflow.Workflow{}}
	var customers, workflows []string
	for _, t := range list {
		if e.customer {
			customers = append(customers, string(t.CustomerID))
		}
		if e.workflow {
			workflows = append(workflows, string(t.WorkflowID))
		}
	}
	rows, err := s.store.ReadResources(c.Context(), c.platform, billing.KindCustomer, unique(customers))
	if err != nil {
		return out, err
	}
	for id, row := range rows {
		if out.customers[billing.CustomerID(id)], err = row.Resource(); err != nil {
			return out, err
		}
	}
	if len(workflows) == 0 {
		return out, nil
	}
	found, err := s.store.Workflows(c.Context(), c.platform, store.Query{
		Page: 1, Limit: maxLimit, Filters: []store.Filter{{Field: "id", Values: unique(workflows)}},
	})
	for _, w := range found.Items {
		out.workflows[w.ID] = w
	}
	return out, err
}

// customer writes the customer of an id, if it is inlined and known.
func (e *expanded) customer(m *members, id billing.CustomerID) {
	if r := e.customers[id]; m.mode == encode && r != nil {
		m.key("customer")
		write(m.codec, &r, resourceMembers)
	}
}

// workflow writes the workflow of an id, if it is inlined.
func (e *expanded) workflow(m *members, id workflow.ID) {
	if w, known := e.workflows[id]; m.mode == encode && known {
		m.key("workflow")
		write(m.codec, &w, workflowMembers)
	}
}
