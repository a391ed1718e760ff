package engine

import (
	"github.com/dunwellhq/dunwell/internal/billing"
	"github.com/dunwellhq/dunwell/internal/fault"
	"github.com/dunwellhq/dunwell/internal/store"
)

// patched patches the state that is stored under the lock of this transaction. It
// may be another than the one from which was told what to lock: if what it names
// now is not locked, the transaction begins again.
func (in *ingestion) patched(n *entry, item billing.Item) (billing.Resource, billing.Verdict, error) {
	if n.resource == nil {
		return nil, billing.Unchanged, unknownResource(item.Resource.Kind(), item.Resource.Base().ID)
	}
	full, verdict, err := billing.Patched(n.resource, item.Patch)
	if err != nil {
		return nil, billing.Unchanged, err
	}
	t := touched{keys{}, keys{}, keys{}}
	t.name(n.resource)
	t.name(full)
	t.named.addAll(t.marked)
	for kind, ids := range t.named {
		for id := range ids {
			if in.mirror[billing.Key{Kind: kind, ID: id}] == nil {
				return nil, billing.Unchanged, store.ErrLost
			}
		}
	}
	return full, verdict, nil
}

// unknownResource is the fault of a path that names no resource.
func unknownResource(kind billing.Kind, id string) error {
	return fault.New(fault.NotFound, "there is no resource of type %s %.80q on this platform", kind, id).About(string(kind), id)
}
