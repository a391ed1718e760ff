// Package fault is what a caller can act on: a kind that the edges map to a
// status and a code, the field concerned, and a sentence that is safe to show.
// Every other error is internal: logged once, shown as "internal error".
package fault

import (
	"errors"
	"fmt"
	"time"
)

// Kind says what sort of fault it is. The HTTP edge maps each to one status
// and one published code.
type Kind int

// The kinds, in the order of the table in docs/errors.md.
const (
	Unauthorised  Kind = iota + 1 // no credential, or a bad one
	Forbidden                     // permission or platform not held
	Missing                       // a required member is absent or null
	Invalid                       // a member is present but wrong
	Unreadable                    // the body cannot be read at all
	NotFound                      // the thing that the path names does not exist
	UnknownID                     // a thing that the body names does not exist
	UnknownIDs                    // several things that the body names do not exist
	Exists                        // the reference is taken
	State                         // the state of the thing forbids it
	Unprocessable                 // well formed, but it leads to nothing
	Idempotency                   // the idempotency key was used for another request
	InFlight                      // the first request of that idempotency key still runs
	Busy                          // somebody else is doing it now
	TooMany                       // rate limit
	Unavailable                   // store or dependency out of reach; try again
)

// Error is a fault that a caller can act on.
type Error struct {
	Kind         Kind
	Field        string // dotted path with indexes, e.g. invoice.overdue.periods.1.type
	Message      string // one sentence: what is wrong and what would be right
	ResourceID   string
	ResourceType string // upper-snake name of the published enum, or empty

	RetryAfter time.Duration // of one that passes: when it may have; 0: nobody knows
}

// Error implements error.
func (e *Error) Error() string {
	if e.Field == "" {
		return e.Message
	}
	return e.Field + ": " + e.Message
}

// New returns a fault that concerns no field.
func New(kind Kind, format string, args ...any) *Error {
	return &Error{Kind: kind, Message: fmt.Sprintf(format, args...)}
}

// At returns a fault of one field.
func At(kind Kind, field, format string, args ...any) *Error {
	return &Error{Kind: kind, Field: field, Message: fmt.Sprintf(format, args...)}
}

// About names the resource that the fault is about and returns the fault.
func (e *Error) About(resourceType, id string) *Error {
	e.ResourceType, e.ResourceID = resourceType, id
	return e
}

// As returns the fault in err's chain, or nil.
func As(err error) *Error {
	if f, ok := errors.AsType[*Error](err); ok {
		return f
	}
	return nil
}

// Is reports whether err is a fault of that kind.
func Is(err error, kind Kind) bool {
	f := As(err)
	return f != nil && f.Kind == kind
}
