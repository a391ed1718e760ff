package auth

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"net/url"
	"sync/atomic"
	"time"

	"github.com/coreos/go-oidc/v3/oidc"
	"golang.org/x/time/rate"

	"github.com/dunwellhq/dunwell/internal/fault"
)

const (
	// askTimeout bounds one question to the issuer, from connecting to the last byte.
	askTimeout = 5 * time.Second
	// maxAnswer bounds what the issuer may answer, in bytes.
	maxAnswer = 1 << 20
	// asksAtOnce and askEvery bound how often the issuer is asked, whoever
	// sends us tokens with keys that we do not know.
	asksAtOnce = 6
	askEvery   = 5 * time.Second
	// refreshAfter is how long keys are believed that the issuer may have
	// withdrawn; keepAtMost, how long while it is out of reach.
	refreshAfter = time.Hour
	keepAtMost   = 24 * time.Hour
)

// Issuer verifies the tokens of one OIDC issuer. Its keys are fetched when they
// are first needed, so that an issuer which is down keeps nothing from starting.
type Issuer struct {
	cfg    IssuerConfig
	asker  *asker
	client *http.Client
	turn   chan struct{} // of who asks for new keys
	known  atomic.Pointer[keys]
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

// keys are the issuer's as they were first asked for at a time. They look for
// new ones themselves when a token names a key that is not among them.
type keys struct {
	*oidc.RemoteKeySet
	since time.Time
}

// NewIssuer returns an issuer that has not been asked anything yet.
func NewIssuer(cfg IssuerConfig) *Issuer {
	a := &asker{next: http.DefaultTransport, limit: rate.NewLimiter(rate.Every(askEvery), asksAtOnce), now: cfg.Now}
	return &Issuer{cfg: cfg, asker: a, turn: make(chan struct{}, 1), client: &http.Client{Transport: a, Timeout: askTimeout}}
}

// errTooOften says that the issuer was not asked, because it was asked a moment ago.
var errTooOften = errors.New("the issuer is asked too often")

// asker bounds how often and how much the issuer is asked.
type asker struct {
	next  http.RoundTripper
	limit *rate.Limiter
	now   func() time.Time
	down  atomic.Bool // the last question had no answer
}

// RoundTrip implements [http.RoundTripper]. What is no plain answer is an error,
// a redirect too: nobody else speaks for the issuer.
func (a *asker) RoundTrip(req *http.Request) (*http.Response, error) {
	if !a.limit.AllowN(a.now(), 1) {
		return nil, errTooOften
	}
	resp, err := a.next.RoundTrip(req)
	if err == nil && resp.StatusCode != http.StatusOK {
		err = errors.Join(fmt.Errorf("the issuer answers %s", resp.Status), resp.Body.Close())
	}
	a.down.Store(err != nil)
	if err != nil {
		return nil, err
	}
	resp.Body = http.MaxBytesReader(nil, resp.Body, maxAnswer)
	return resp, nil
}

// errSignature is all that is told of a signature that does not verify.
var errSignature = errors.New("no key of the issuer has signed it")

// verify checks the signature of a token and returns its payload. An error that
// is not errSignature says that the issuer could not be asked.
func (i *Issuer) verify(ctx context.Context, token string) ([]byte, error) {
	have, now := i.known.Load(), i.cfg.Now()
	if have != nil && now.Sub(have.since) < refreshAfter {
		return i.verifyWith(ctx, have, token)
	}
	if !i.takeTurn(ctx, have == nil) {
		if have == nil {
			return nil, ctx.Err()
		}
		return i.verifyWith(ctx, have, token) // another is asking
	}
	defer func() { <-i.turn }()
	if since := i.known.Load(); since != have {
		return i.verifyWith(ctx, since, token) // another has asked
	}
	payload, err := i.renew(ctx, token)
	if err == nil || errors.Is(err, errSignature) || have == nil || now.Sub(have.since) >= keepAtMost {
		return payload, err
	}
	i.cfg.Log.LogAttrs(ctx, slog.LevelWarn, "issuer_keys_not_renewed", slog.Any("error", err))
	return i.verifyWith(ctx, have, token)
}

// takeTurn takes the turn to ask for new keys, if it is free or worth waiting for.
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

// renew asks the issuer where its keys are and for the keys, and keeps what it
// got if it got any: then the token's signature has been checked with them.
func (i *Issuer) renew(ctx context.Context, token string) ([]byte, error) {
	ctx = context.WithoutCancel(ctx) // others wait for it too; the client has a time limit
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
	fresh := &keys{oidc.NewRemoteKeySet(oidc.ClientContext(ctx, i.client), found.KeysURL), i.cfg.Now()}
	payload, err := fresh.verify(ctx, token)
	if err == nil || errors.Is(err, errSignature) {
		i.known.Store(fresh)
	}
	return payload, err
}

// verify checks a signature, fetching the keys where the token's is not known.
func (k *keys) verify(ctx context.Context, token string) ([]byte, error) {
	payload, err := k.VerifySignature(ctx, token)
	switch {
	case err == nil:
		return payload, nil
	case errors.Unwrap(err) == nil: // only an error of fetching wraps another
		return nil, errSignature
	default:
		return nil, fmt.Errorf("asking for the issuer's keys: %w", err)
	}
}

// verifyWith is verify with keys that were fetched before. If the issuer is not
// asked because it was a moment ago, and answered, then it has no such key.
func (i *Issuer) verifyWith(ctx context.Context, k *keys, token string) ([]byte, error) {
	payload, err := k.verify(ctx, token)
	if errors.Is(err, errTooOften) && !i.asker.down.Load() {
		err = errSignature
	}
	return payload, err
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

// unavailable is what a caller is told while the issuer cannot be asked. The
// cause is for the log, and may quote an answer at length.
func unavailable(cause error) error {
	return fmt.Errorf("%w (%.300v)", fault.New(fault.Unavailable, "the issuer of the token cannot be asked for its keys at the moment, try again"), cause)
}
