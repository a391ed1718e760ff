package billing

import (
	"cmp"
	"reflect"
	"time"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"

	"github.com/dunwellhq/dunwell/internal/fault"
)

// VersionKind says by what the billing system orders the states of a resource.
type VersionKind string

// The kinds of version. A resource keeps the kind that it began with.
const (
	Unversioned VersionKind = ""           // the last to arrive wins
	ByNumber    VersionKind = "version"    // source_version, an integer
	ByTime      VersionKind = "updated_at" // source_updated_at, in seconds
)

// Version places a state among the other states of its resource.
type Version struct {
	Kind   VersionKind `json:"kind"`
	Number int64       `json:"number"` // the integer, or Unix seconds
}

// At returns the version of a state that was current at t.
func At(t time.Time) Version { return Version{ByTime, t.Unix()} }

// Verdict is what becomes of an incoming state.
type Verdict int

// The verdicts.
const (
	Apply     Verdict = iota // it becomes the stored state
	Stale                    // a later state is stored already
	Unchanged                // the same state is stored already
)

// Judge decides whether an incoming state replaces the stored one (contract
// B1): the later version does; of equal versions the state further along its
// life, of equal rank the last to arrive. stored is nil for a resource that is
// not known yet.
func Judge(stored, incoming Resource) (Verdict, error) {
	if stored == nil {
		return Apply, nil
	}
	have, got := stored.Base().Version, incoming.Base().Version
	if have == got && stored.Base().ClosedBy != "" && incoming.Base().ClosedBy == "" {
		return Apply, nil // the source has it after all: that it had not, only we said
	}
	if have.Kind != got.Kind && have.Kind != Unversioned {
		return Stale, fault.At(fault.Invalid, "source_"+string(have.Kind),
			"this resource is ordered by source_%s since it was first stored, so every state of it must carry one", have.Kind)
	}
	switch {
	case have.Kind == got.Kind && got.Number < have.Number:
		return Stale, nil
	case have.Kind == got.Kind && got.Number == have.Number && behind(incoming, stored) && got.Kind != Unversioned:
		return Stale, nil
	case have == got && SameContent(stored, incoming):
		return Unchanged, nil
	default:
		return Apply, nil
	}
}

// behind reports whether a state is less far along its resource's life than
// another: by rank; of equal rank, of two unpaid states of an invoice by what
// has been paid and by how far automatic collection has come, which both only
// grow, and of two states of a wallet by the time of their balance.
func behind(a, b Resource) bool {
	if a.rank() != b.rank() {
		return a.rank() < b.rank()
	}
	switch x := a.(type) {
	case *Invoice:
		y, areBoth := b.(*Invoice)
		if !areBoth {
			return false
		}
		if paid := x.PaidAmount.Quantity.Cmp(y.PaidAmount.Quantity); paid != 0 {
			return paid < 0
		}
		return x.ChargeAt.Before(y.ChargeAt)
	case *Wallet:
		y, areBoth := b.(*Wallet)
		return areBoth && x.BalanceAt.Before(y.BalanceAt)
	default:
		return false
	}
}

// SameContent reports whether two states differ in nothing but their version
// and the store's own times.
func SameContent(a, b Resource) bool {
	return reflect.DeepEqual(bare(a), bare(b))
}

func bare(r Resource) Resource {
	out := shallow(r)
	h := out.Base()
	h.Version, h.ClosedBy, h.CreatedAt, h.UpdatedAt = Version{}, "", time.Time{}, time.Time{}
	if w, ok := out.(*Wallet); ok {
		w.Kept = Standing{}
	}
	return out
}

// shallow returns a copy that shares its lists with the state: they are replaced,
// never changed.
func shallow(r Resource) Resource {
	c := reflect.New(reflect.TypeOf(r).Elem())
	c.Elem().Set(reflect.ValueOf(r).Elem())
	return c.Interface().(Resource)
}

// Patched returns the state that a patch makes of the stored one, and whether it
// replaces it. A patch that brings no version is told about the state that is
// stored, so it keeps that state's version and has no rank to fall behind; one
// that brings a version is judged by it.
func Patched(stored Resource, patch func(Resource) error) (Resource, Verdict, error) {
	out := shallow(stored)
	h := out.Base()
	h.Version, h.ClosedBy = Version{}, ""
	if err := patch(out); err != nil {
		return nil, Unchanged, err
	}
	if h.Version.Kind != Unversioned {
		verdict, err := Judge(stored, out)
		return out, verdict, err
	}
	h.Version = stored.Base().Version
	if SameContent(stored, out) {
		return out, Unchanged, nil
	}
	return out, Apply, nil
}

// Mode says how an incoming state meets the stored one.
type Mode int

// The modes. Replace is the API's: the state is whole. The others are for
// sources whose events carry only a part of a resource.
const (
	Replace Mode = iota // the incoming state is the whole state
	Merge               // members that the incoming state does not set keep what is stored
	Fill                // only members that are not stored yet are taken, whatever their version
	// Restate is whole but for what the system does not know of: a customer's
	// notification preferences, time zone and billing entity, which were set
	// through the API, stay unless the state brings its own.
	Restate
)

// Combine returns the whole state that an incoming one stands for, given what
// is stored. A Merge that is older than the stored state fills its gaps only.
func Combine(stored, incoming Resource, mode Mode) (Resource, error) {
	if stored == nil || mode == Replace {
		return incoming, nil
	}
	if mode == Restate {
		return restate(stored, incoming), nil
	}
	if mode == Merge {
		verdict, err := Judge(stored, incoming)
		if err != nil {
			return nil, err
		}
		if verdict != Stale {
			out, err := overlay(stored, incoming)
			if err == nil {
				out.Base().ClosedBy = ""
			}
			return out, err
		}
	}
	out, err := overlay(incoming, stored)
	if err != nil {
		return nil, err
	}
	out.Base().Version = stored.Base().Version
	return out, nil
}

func restate(stored, incoming Resource) Resource {
	old, isCustomer := stored.(*Customer)
	state, areBoth := incoming.(*Customer)
	if !isCustomer || !areBoth {
		return incoming
	}
	out := *state
	if out.NotificationPreferences == nil {
		out.NotificationPreferences = old.NotificationPreferences
	}
	out.Timezone = cmp.Or(out.Timezone, old.Timezone)
	out.BillingEntityID = cmp.Or(out.BillingEntityID, old.BillingEntityID)
	return &out
}

// overlay returns base with every member that top sets replaced by top's.
func overlay(base, top Resource) (Resource, error) {
	doc := map[string]jsontext.Value{}
	for _, layer := range []Resource{base, top} {
		raw, err := Encode(layer)
		if err != nil {
			return nil, err
		}
		if err := json.Unmarshal(raw, &doc); err != nil {
			return nil, err
		}
	}
	raw, err := json.Marshal(doc)
	if err != nil {
		return nil, err
	}
	return Decode(top.Kind(), raw)
}

// Encode returns the JSON form that the store keeps: members that are not set
// are left out.
func Encode(r Resource) ([]byte, error) {
	return json.Marshal(r, json.OmitZeroStructFields(true), json.Deterministic(true))
}

// Decode reads what [Encode] wrote.
func Decode(kind Kind, raw []byte) (Resource, error) {
	r := New(kind)
	return r, json.Unmarshal(raw, r)
}
