package httpapi

import (
	"context"
	"errors"
	"fmt"
	"net/http"

	"github.com/dunwellhq/dunwell/internal/fault"
)

const invalidRequest = "INVALID_REQUEST"

// outcome is how a kind of fault looks on the wire.
type outcome struct {
	status int
	code   string
	header [2]string
}

// outcomes maps every kind of fault (contract A2). What is not here is a
// defect of ours.
var outcomes = map[fault.Kind]outcome{
	fault.Unauthorised:  {http.StatusUnauthorized, "UNAUTHORISED", [2]string{"WWW-Authenticate", "Bearer"}},
	fault.Forbidden:     {http.StatusForbidden, "USER_NOT_ALLOWED", [2]string{}},
	fault.Missing:       {http.StatusBadRequest, "MISSING_FIELD", [2]string{}},
	fault.Invalid:       {http.StatusBadRequest, "INVALID_FIELD", [2]string{}},
	fault.Unreadable:    {http.StatusBadRequest, "BAD_REQUEST", [2]string{}},
	fault.NotFound:      {http.StatusNotFound, "RESOURCE_NOT_FOUND", [2]string{}},
	fault.UnknownID:     {http.StatusBadRequest, "RESOURCE_NOT_FOUND", [2]string{}},
	fault.UnknownIDs:    {http.StatusBadRequest, "RESOURCES_NOT_FOUND", [2]string{}},
	fault.Exists:        {http.StatusConflict, "RESOURCE_ALREADY_EXISTS", [2]string{}},
	fault.State:         {http.StatusBadRequest, "INVALID_OPERATION", [2]string{}},
	fault.Unprocessable: {http.StatusBadRequest, "UNABLE_TO_PROCESS_INSTRUCTIONS", [2]string{}},
	fault.Idempotency:   {http.StatusConflict, "IDEMPOTENCY_CHECK_FAILED", [2]string{}},
	fault.InFlight:      {http.StatusUnprocessableEntity, "IDEMPOTENCY_CHECK_FAILED", [2]string{}},
	fault.Busy:          {http.StatusConflict, "INVALID_OPERATION", [2]string{}},
	fault.TooMany:       {http.StatusTooManyRequests, invalidRequest, [2]string{"Retry-After", "1"}},
	fault.Unavailable:   {http.StatusServiceUnavailable, "INTERNAL_ERROR", [2]string{"Retry-After", "2"}},
}

// problem is a fault that only HTTP knows.
type problem struct {
	status  int
	code    string
	message string
	header  [2]string
}

func (p *problem) Error() string { return p.message }

// defect is a panic.
type defect struct {
	value any
	stack []byte
}

func (d *defect) Error() string { return fmt.Sprintf("panic: %v\n%s", d.value, d.stack) }

// errorBody is the one shape of every error.
type errorBody struct {
	kind, code, message, field, resourceID, resourceType string
}

func errorMembers(m *members, e *errorBody) {
	text(m, "type", &e.kind, plain)
	text(m, "code", &e.code, plain)
	text(m, "message", &e.message, plain)
	text(m, "field", &e.field, plain)
	text(m, "resource_id", &e.resourceID, plain)
	text(m, "resource_type", &e.resourceType, plain)
}

// problemOf is the answer that an error gets.
func problemOf(err error) reply {
	o, body := describe(err)
	return reply{status: o.status, header: o.header, body: encodeTo(nil, &body, errorMembers)}
}

// describe says what an error is to the caller. Of what is not a fault nothing
// is told.
func describe(err error) (outcome, errorBody) {
	if p, ok := errors.AsType[*problem](err); ok {
		return outcome{p.status, p.code, p.header}, errorBody{kind: invalidRequest, code: p.code, message: p.message}
	}
	f := fault.As(err)
	if f == nil && (errors.Is(err, context.DeadlineExceeded) || errors.Is(err, context.Canceled)) {
		f = fault.New(fault.Unavailable, "the request took longer than it may, try again")
	}
	if f != nil {
		if o, known := outcomes[f.Kind]; known {
			body := errorBody{invalidRequest, o.code, f.Message, f.Field, f.ResourceID, f.ResourceType}
			if o.status >= http.StatusInternalServerError {
				body.kind = "API_ERROR"
			}
			if f.RetryAfter > 0 {
				o.header = [2]string{"Retry-After", wholeSeconds(f.RetryAfter)}
			}
			return o, body
		}
	}
	return outcome{status: http.StatusInternalServerError},
		errorBody{kind: "API_ERROR", code: "INTERNAL_ERROR", message: "an internal error occurred, quote the X-REQUEST-ID of this response to report it"}
}
