package auth

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/url"
	"sync/atomic"
	"time"

	"github.com/coreos/go-oidc/v3/oidc"
	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"
	"golang.org/x/time/rate"

	"github.com/dunwellhq/dunwell/internal/fault"
)

const (
	// askTimeout bounds a request to the issuer, from connecting to the last byte.
	askTimeout = 5 * time.Second
	// maxAnswer bounds what the issuer may answer, in bytes.
	maxAnswer = 1 << 20
	// An issuer that gave no answer is asked again after askEvery. Nor do tokens
	// that no key fits have it asked more often, but asksAtOnce after a while
	// without such.
	askEvery   = 5 * time.Second
	asksAtOnce = 6
	// refreshAfter is how long keys are believed that the issuer may have
	// withdrawn; keepAtMost, how long while it is out of reach.
	refreshAfter = time.Hour
	keepAtMost   = 24 * time.Hour
)

// Issuer verifies the tokens of one OIDC issuer. Its keys are fetched when they
// are first needed, so that an issuer which is down keeps nothing from starting.
//
// A question to it is one for its configuration and its keys, whoever's token
// leads to it. So one that is answered serves everybody, and one that is not is
// the issuer's fault alone: strangers cannot spend what others need.
type Issuer struct {
	cfg    IssuerConfig
	client *http.Client
	last   atomic.Pointer[answer]

	turn    chan struct{} // to ask: one question at a time
	unknown *rate.Limiter // of questions for keys that are not known
}

// IssuerConfig says whose tokens are taken and how they are read.
type IssuerConfig struct {
	URL            string // as in the claim iss
	Audience       string // must be in the claim aud
	Algorithm      string // the only one that is taken, such as RS256
	PlatformsClaim string
	RolesClaim     string
	// Roles says what a value of the roles claim stands for: the texts of role
	// types and the names of roles.
	Roles map[string][]string
	Log   *slog.Logger
	Now   func() time.Time
}

// NewIssuer returns an issuer that has not been asked anything yet.
func NewIssuer(cfg IssuerConfig) *Issuer {
	i := &Issuer{
		cfg: cfg, client: &http.Client{Transport: plain{http.DefaultTransport}, Timeout: askTimeout},
		turn: make(chan struct{}, 1), unknown: rate.NewLimiter(rate.Every(askEvery), asksAtOnce),
	}
	i.last.Store(&answer{})
	return i
}

// answer is what came of the questions so far. Another takes its place, it
// never changes.
type answer struct {
	keys  *oidc.RemoteKeySet // the newest; nil: none yet
	since time.Time          // when they were asked for
	err   error              // why the last question had no answer
	next  time.Time          // until when, in that case, nobody asks again
}

// due reports keys that the issuer may have withdrawn long enough ago.
func (a *answer) due(now time.Time) bool { return now.Sub(a.since) >= refreshAfter }

// errSignature is all that is told of a signature that does not verify.
var errSignature = errors.New("no key of the issuer has signed it")

// verify checks a signature with the keys that are known, if they are to be
// believed at that time.
func (a *answer) verify(ctx context.Context, token string, now time.Time) ([]byte, error) {
	if a.keys == nil || now.Sub(a.since) >= keepAtMost {
		return nil, errSignature
	}
	payload, err := a.keys.VerifySignature(ctx, token)
	if err != nil {
		return nil, errSignature
	}
	return payload, nil
}

// verify checks the signature of a token and returns its payload. An error that
// is not errSignature says that the issuer is needed to know and gave no answer.
func (i *Issuer) verify(ctx context.Context, token string) ([]byte, error) {
	had, now := i.last.Load(), i.cfg.Now()
	payload, err := had.verify(ctx, token, now)
	if err == nil && !had.due(now) {
		return payload, nil
	}
	if !i.takeTurn(ctx, err != nil) {
		return payload, err // another is asking, and the old keys do meanwhile; or the caller has gone
	}
	defer func() { <-i.turn }()
	has := i.renew(ctx, had, token)
	now = i.cfg.Now()
	payload, err = has.verify(ctx, token, now)
	if err != nil && has.err != nil {
		return nil, unavailable(has.err, has.next.Sub(now))
	}
	return payload, err
}

// takeTurn takes the turn to ask, if it is free or worth waiting for.
func (i *Issuer) takeTurn(ctx context.Context, wait bool) bool {
	select {
	case i.turn <- struct{}{}:
		return true
	default:
	}
	if !wait {
		return false
	}
	select {
	case i.turn <- struct{}{}:
		return true
	case <-ctx.Done():
		return false
	}
}

// renew returns what came of a question that was asked after had, by whomever,
// or had itself where it is too early for one. It needs the turn.
func (i *Issuer) renew(ctx context.Context, had *answer, token string) *answer {
	if has := i.last.Load(); has != had {
		return has
	}
	now, early := i.cfg.Now(), false
	switch {
	case had.err != nil:
		early = now.Before(had.next)
	case !had.due(now): // what is due depends on nothing that strangers can spend
		early = !i.unknown.AllowN(now, 1)
	}
	if early {
		return had
	}
	has := &answer{since: now}
	has.keys, has.err = i.ask(context.WithoutCancel(ctx), token) // others wait for it too; the client has a time limit
	if has.err != nil {
		has.keys, has.since, has.next = had.keys, had.since, i.cfg.Now().Add(askEvery)
	}
	if has.err != nil && has.keys != nil {
		i.cfg.Log.LogAttrs(ctx, slog.LevelWarn, "issuer_keys_not_renewed", slog.Any("error", has.err))
	}
	i.last.Store(has)
	return has
}

// ask asks the issuer where its keys are, and for them.
func (i *Issuer) ask(ctx context.Context, token string) (*oidc.RemoteKeySet, error) {
	provider, err := oidc.NewProvider(oidc.ClientContext(ctx, i.client), i.cfg.URL)
	if err != nil {
		return nil, fmt.Errorf("asking for the issuer's configuration: %w", err)
	}
	var found struct {
		KeysURL string `json:"jwks_uri"`
	}
	if err := provider.Claims(&found); err != nil {
		return nil, fmt.Errorf("reading the issuer's configuration: %w", err)
	}
	if !i.trusts(found.KeysURL) {
		return nil, errors.New("the issuer's configuration names no jwks_uri that begins with https")
	}
	raw, err := i.fetch(ctx, found.KeysURL)
	if err != nil {
		return nil, fmt.Errorf("asking for the issuer's keys: %w", err)
	}
	var list struct {
		Keys []jsontext.Value `json:"keys"`
	}
	if err := json.Unmarshal(raw, &list); err != nil || list.Keys == nil { // an empty list is one: all are withdrawn
		return nil, errors.Join(errors.New("the issuer answers with no list of keys"), err)
	}
	keys := oidc.NewRemoteKeySet(oidc.ClientContext(ctx, &http.Client{Transport: kept(raw)}), found.KeysURL)
	// Any token shows whether they can be read: only an error of that wraps another.
	if _, err := keys.VerifySignature(ctx, token); errors.Unwrap(err) != nil {
		return nil, fmt.Errorf("reading the issuer's keys: %w", err)
	}
	return keys, nil
}

func (i *Issuer) fetch(ctx context.Context, address string) ([]byte, error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, address, nil)
	if err != nil {
		return nil, err
	}
	req.Header.Set("Cache-Control", "no-cache") // nor may anybody on the way keep what was withdrawn
	resp, err := i.client.Do(req)
	if err != nil {
		return nil, err
	}
	raw, err := io.ReadAll(resp.Body)
	return raw, errors.Join(err, resp.Body.Close())
}

// kept answers a set of keys with the keys as they were fetched. By itself a set
// asks again for every token that none of them fits; when to ask is ours to say.
type kept []byte

// RoundTrip implements [http.RoundTripper].
func (k kept) RoundTrip(req *http.Request) (*http.Response, error) {
	return &http.Response{StatusCode: http.StatusOK, Body: io.NopCloser(bytes.NewReader(k)), Request: req}, nil
}

// plain takes nothing but a plain answer, and not too much of it. All else is an
// error, a redirect too: nobody else speaks for the issuer.
type plain struct{ next http.RoundTripper }

// RoundTrip implements [http.RoundTripper].
func (p plain) RoundTrip(req *http.Request) (*http.Response, error) {
	resp, err := p.next.RoundTrip(req)
	if err != nil {
		return nil, err
	}
	if resp.StatusCode != http.StatusOK {
		return nil, errors.Join(fmt.Errorf("the issuer answers %s", resp.Status), resp.Body.Close())
	}
	resp.Body = http.MaxBytesReader(nil, resp.Body, maxAnswer)
	return resp, nil
}

// trusts reports an address of keys that is as safe as the issuer's own: https,
// or the host of an issuer that needs none because it is on this machine.
func (i *Issuer) trusts(address string) bool {
	u, err := url.Parse(address)
	own, ownErr := url.Parse(i.cfg.URL)
	if err != nil || ownErr != nil || u.Host == "" {
		return false
	}
	return u.Scheme == "https" || u.Scheme == own.Scheme && u.Host == own.Host
}

// unavailable is what a caller is told while the issuer gives no answer, and
// when one is next asked for. The cause is for the log, and may quote an answer
// at length.
func unavailable(cause error, again time.Duration) error {
	told := fault.New(fault.Unavailable, "the issuer of the token cannot be asked for its keys at the moment, try again")
	told.RetryAfter = again
	return fmt.Errorf("%w (%.300v)", told, cause)
}
