package client

import (
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"time"
)

// Error is what the server refused, and why. Message is for people and may
// change, Code and Field are for programs.
type Error struct {
	Status       int       // of HTTP
	Type         ErrorType // whose fault it is: the caller's or the server's
	Code         ErrorCode // empty if it was not Dunwell that answered
	Message      string
	Field        string // where in the body, as in invoice.overdue.periods.1.type; or the parameter
	ResourceID   string
	ResourceType string
	RequestID    string        // names the request in the server's log
	RetryAfter   time.Duration // how long the server asks to wait; 0 if it does not
}

// Error says what is wrong, where, and which request it was.
func (e *Error) Error() string {
	facts := []string{fmt.Sprint(e.Status)}
	if e.Code != "" {
		facts = append(facts, string(e.Code))
	}
	if e.Field != "" {
		facts = append(facts, "field "+e.Field)
	}
	if e.RequestID != "" {
		facts = append(facts, "request "+e.RequestID)
	}
	return e.Message + " (" + strings.Join(facts, ", ") + ")"
}

// errorOf reads an answer that is no success. What is in the way, such as a
// proxy, answers in its own words.
func errorOf(resp Response) *Error {
	e := &Error{Status: resp.Status, RequestID: resp.RequestID(), RetryAfter: retryAfter(resp.Header)}
	var p Problem
	if err := json.Unmarshal(resp.Body, &p); err != nil || p.Message == "" {
		e.Message = "the server answered " + strings.TrimSpace(http.StatusText(resp.Status)+" and did not say why")
		return e
	}
	e.Type, e.Code, e.Message = p.Type, p.Code, p.Message
	e.Field, e.ResourceID, e.ResourceType = textOf(p.Field), textOf(p.ResourceID), textOf(p.ResourceType)
	return e
}

// textOf is the text behind a pointer, empty where there is none.
func textOf[S ~string](p *S) string {
	if p == nil {
		return ""
	}
	return string(*p)
}

// StatusOf is the HTTP status of an [*Error], or 0 of any other error.
func StatusOf(err error) int {
	if e, ok := errors.AsType[*Error](err); ok {
		return e.Status
	}
	return 0
}

// IsNotFound reports that what the path named does not exist, or is another
// platform's.
func IsNotFound(err error) bool { return StatusOf(err) == http.StatusNotFound }

// IsConflict reports that the reference is taken, or the idempotency key.
func IsConflict(err error) bool { return StatusOf(err) == http.StatusConflict }

// IsUnauthorised reports a credential that is missing, unknown, revoked or expired.
func IsUnauthorised(err error) bool { return StatusOf(err) == http.StatusUnauthorized }

// IsNotAllowed reports a permission or a platform that the key does not hold.
func IsNotAllowed(err error) bool { return StatusOf(err) == http.StatusForbidden }

// IsInvalid reports a request that was wrong: Field of the [*Error] says where.
func IsInvalid(err error) bool { return StatusOf(err) == http.StatusBadRequest }

// IsUnavailable reports that it may go better later: too many requests, or a
// server that is out of reach of its database.
func IsUnavailable(err error) bool {
	s := StatusOf(err)
	return s == http.StatusTooManyRequests || s == http.StatusServiceUnavailable
}
