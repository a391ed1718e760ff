package httpapi

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"io"
	"net/http"
	"strconv"
	"sync"

	"github.com/dunwellhq/dunwell/internal/engine"
	"github.com/dunwellhq/dunwell/internal/fault"
	"github.com/dunwellhq/dunwell/internal/store"
)

// idempotencyHeader makes a POST repeatable: the same key has one effect and
// one reply, which is stored in the transaction of the effect.
const idempotencyHeader = "Idempotency-Key"

var idempotencyText = line(255)

// replayable reports a route that takes idempotency keys: ingestion compares
// states instead, and the other verbs can be repeated as they are.
func (r *route) replayable() bool { return r.verb == http.MethodPost && r.resource() != "ingest" }

// once is what a request has to remember, if it bears a key.
type once struct {
	store.Idempotency
	requestHash string
	kept        bool // in the transaction of the effect
}

// running are the keys whose first request is still at work in this process.
type running struct {
	mu   sync.Mutex
	keys map[store.Idempotency]bool
}

func (r *running) begin(k store.Idempotency) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.keys[k] {
		return false
	}
	if r.keys == nil {
		r.keys = map[store.Idempotency]bool{}
	}
	r.keys[k] = true
	return true
}

func (r *running) end(k store.Idempotency) {
	r.mu.Lock()
	defer r.mu.Unlock()
	delete(r.keys, k)
}

// answerOnce runs the route, or replays what it answered before to the key that
// the request bears.
func (s *server) answerOnce(c *call) (reply, error) {
	values := c.Header.Values(idempotencyHeader)
	// A path that is no text names nothing, and is told so.
	if !c.route.replayable() || len(values) == 0 || !validText(c.URL.Path) {
		return c.route.answer(c)
	}
	if len(values) > 1 {
		return reply{}, fault.At(fault.Invalid, idempotencyHeader, "%s must be given once", idempotencyHeader)
	}
	if want := idempotencyText.check(values[0]); want != "" || !validText(values[0]) {
		return reply{}, fault.At(fault.Invalid, idempotencyHeader, "%s must be %s", idempotencyHeader, idempotencyText.check(""))
	}
	raw, err := c.read(maxBody)
	if err != nil {
		return c.route.answer(c) // which says what is wrong with the body
	}
	hash := sha256.Sum256(append([]byte(c.URL.RawQuery+"\n"), raw...)) // page 2 of a search is another request than page 1
	k := store.Idempotency{PlatformID: c.platform, Credential: c.principal.ID, Method: c.Method, Path: c.URL.Path, Key: values[0]}
	c.once = &once{Idempotency: k, requestHash: hex.EncodeToString(hash[:])}
	if !s.running.begin(k) {
		return reply{}, fault.New(fault.InFlight, "the first request with this %s is still running, try again when it is done", idempotencyHeader)
	}
	defer s.running.end(k)
	if out, found, err := s.replay(c); found || err != nil {
		return out, err
	}
	out, err := c.route.answer(c)
	if err == nil && !c.once.kept {
		err = s.keep(c, out)
	}
	if err == nil {
		return out, nil
	}
	// Another process may have been quicker, or a commit that seemed to fail
	// may have come through.
	again, found, lost := s.replay(c)
	switch {
	case found:
		return again, lost
	case !errors.Is(err, store.ErrRemembered):
		return out, err
	case lost != nil:
		return out, lost
	default:
		return out, fault.New(fault.InFlight, "another request with this %s has only just ended, try again", idempotencyHeader)
	}
}

// replay answers with the stored reply of the request's key, if there is one.
func (s *server) replay(c *call) (out reply, found bool, err error) {
	stored, found, err := s.store.Remembered(c.Context(), c.once.Idempotency, s.now())
	switch {
	case err != nil || !found:
		return reply{}, false, err
	case stored.RequestHash != c.once.requestHash:
		return reply{}, true, fault.New(fault.Idempotency, "this %s was used for a request with another body, use a new one", idempotencyHeader)
	case stored.Body == "":
		return reply{}, true, fault.New(fault.Idempotency, "the reply to this %s was erased together with a customer whom it named, use a new one", idempotencyHeader)
	}
	return reply{status: stored.Status, header: [2]string{"Idempotent-Replayed", "true"}, body: []byte(stored.Body)}, true, nil
}

// remember is what the engine has to do in the transaction of an effect:
// nothing, unless the request bears an idempotency key.
func remember[T any](s *server, c *call, status int, list func(*members, *T)) []engine.After[T] {
	return rememberAs(s, c, func(_ context.Context, _ *store.Tx, v T) (reply, error) {
		return reply{status: status, body: encodeTo(nil, &v, list)}, nil
	})
}

// rememberAs is remember with a reply that is written inside the transaction; one
// without a body is of what had no effect.
func rememberAs[T any](s *server, c *call, write func(context.Context, *store.Tx, T) (reply, error)) []engine.After[T] {
	if c.once == nil {
		c.uncertain = true // from here on
		return nil
	}
	return []engine.After[T]{func(ctx context.Context, tx *store.Tx, v T) error {
		r, err := write(ctx, tx, v)
		if err != nil || r.body == nil {
			return err
		}
		out := store.Remembered{RequestHash: c.once.requestHash, Status: r.status, Body: string(r.body)}
		if err := tx.Remember(ctx, c.once.Idempotency, out, s.now()); err != nil {
			return err
		}
		c.uncertain, c.once.kept = true, true // only the commit is left
		return nil
	}}
}

// keep stores the reply of what has no effect, such as a search: the same key
// has the same reply all the same.
func (s *server) keep(c *call, out reply) error {
	return s.store.Write(c.Context(), func(tx *store.Tx) error {
		return tx.Remember(c.Context(), c.once.Idempotency,
			store.Remembered{RequestHash: c.once.requestHash, Status: out.status, Body: string(out.body)}, s.now())
	})
}

// retryable says on an answer that is our fault whether anything can have come
// of the request.
func (c *call) retryable(out reply) reply {
	if out.status == http.StatusInternalServerError && c.route.replayable() {
		out.header = [2]string{"Idempotency-Retryable", strconv.FormatBool(!c.uncertain)}
	}
	return out
}

// read returns the bytes of the request's body, as often as it is asked. How long
// they were on the wire takes nothing from the time for the work.
func (c *call) read(most int64) ([]byte, error) {
	if !c.wasRead {
		c.wasRead = true
		var b bytes.Buffer
		if c.ContentLength > most {
			c.readErr = &http.MaxBytesError{Limit: most}
		} else {
			_, c.readErr = io.Copy(&b, http.MaxBytesReader(c.w, c.Body, most))
		}
		c.raw = b.Bytes()
		c.begin()
	}
	return c.raw, c.readErr
}
