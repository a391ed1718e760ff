package auth

import (
	"context"
	"encoding/base64"
	"errors"
	"math"
	"slices"
	"strings"
	"time"

	"github.com/coreos/go-oidc/v3/oidc"
	"github.com/go-json-experiment/json"

	"github.com/dunwellhq/dunwell/internal/fault"
)

// TokenLeeway is how far the clocks of issuer and server may be apart.
const TokenLeeway = time.Minute

// maxToken bounds a token, in bytes.
const maxToken = 16 << 10

// Identity is what a token says of its bearer.
type Identity struct {
	User      UserID
	Platforms []string  // ids and references, as the token has them
	Roles     []string  // texts of role types and names of roles
	Ends      time.Time // when the token must not be believed any more
}

// IsToken reports whether a credential has the form of a signed JWT: three
// parts, of which the first is a JSON object.
func IsToken(credential string) bool {
	head, rest, _ := strings.Cut(credential, ".")
	raw, err := base64.RawURLEncoding.DecodeString(head)
	return err == nil && strings.Count(rest, ".") == 1 && strings.HasPrefix(string(raw), "{")
}

// Verify checks a token and returns what it says. A token that is not to be
// believed is a fault of kind Unauthorised; Unavailable says that the issuer is
// needed to know and cannot be asked. What can be judged without the issuer's
// keys is judged first: it costs nobody a question.
func (i *Issuer) Verify(ctx context.Context, token string) (Identity, error) {
	if len(token) > maxToken {
		return Identity{}, refused("it is longer than 16 KiB")
	}
	_, payload, _ := strings.Cut(token, ".")
	payload, _, _ = strings.Cut(payload, ".")
	raw, err := base64.RawURLEncoding.DecodeString(payload)
	if err != nil || !IsToken(token) {
		return Identity{}, refused("it is no JWT")
	}
	if _, err := i.plausible(raw); err != nil {
		return Identity{}, err
	}
	asked := &keySet{verify: i.verify}
	verifier := oidc.NewVerifier(i.cfg.URL, asked, &oidc.Config{
		ClientID:             i.cfg.Audience,
		SupportedSigningAlgs: []string{i.cfg.Algorithm},
		SkipExpiryCheck:      true, // plausible has checked it, with our leeway
	})
	_, err = verifier.Verify(ctx, token)
	switch {
	case ctx.Err() != nil:
		return Identity{}, ctx.Err() // the caller has gone, or waited too long
	case asked.err != nil:
		return Identity{}, asked.err
	case err != nil && asked.payload == nil:
		return Identity{}, refused("it is not signed by the issuer with " + i.cfg.Algorithm)
	case err != nil:
		return Identity{}, refused("it is signed by the issuer, but a claim that OpenID Connect defines has another form than it says (such as iat, nonce or at_hash)")
	}
	signed, err := i.plausible(asked.payload) // what was signed counts, not what was read before
	if err != nil {
		return Identity{}, err
	}
	return Identity{
		User:      UserOf(signed.issuer, signed.subject),
		Platforms: signed.texts(i.cfg.PlatformsClaim),
		Roles:     i.roles(signed.texts(i.cfg.RolesClaim)),
		Ends:      signed.ends.Add(TokenLeeway),
	}, nil
}

// keySet keeps what the verifier does not: what was signed, and whether a
// signature is bad or the issuer cannot be asked.
type keySet struct {
	verify  func(context.Context, string) ([]byte, error)
	payload []byte
	err     error // why the issuer could not be asked
}

// VerifySignature implements [oidc.KeySet].
func (k *keySet) VerifySignature(ctx context.Context, token string) ([]byte, error) {
	payload, err := k.verify(ctx, token)
	if err != nil && !errors.Is(err, errSignature) {
		k.err = err
	}
	k.payload = payload
	return payload, err
}

// roles maps the values of the roles claim.
func (i *Issuer) roles(values []string) []string {
	var names []string
	for _, v := range values {
		names = append(names, i.cfg.Roles[v]...)
	}
	return names
}

// claims are what a token says.
type claims struct {
	issuer, subject string
	ends            time.Time
	all             map[string]any
}

func refused(why string) error {
	return fault.New(fault.Unauthorised, "the bearer token is not accepted: %s", why)
}

// plausible reads the claims of a token and judges what needs no key.
func (i *Issuer) plausible(payload []byte) (claims, error) {
	var c claims
	if err := json.Unmarshal(payload, &c.all); err != nil || c.all == nil {
		return c, refused("its claims are no JSON object")
	}
	c.issuer, _ = c.all["iss"].(string)
	c.subject, _ = c.all["sub"].(string)
	c.ends = c.date("exp")
	begins, now := c.date("nbf"), i.cfg.Now()
	_, bounded := c.all["nbf"]
	switch {
	case c.issuer != i.cfg.URL:
		return c, refused("its issuer (iss) is not the configured one")
	case !c.namesAudience():
		return c, refused("its audience (aud) must be a text or a list of texts")
	case !slices.Contains(c.texts("aud"), i.cfg.Audience):
		return c, refused("it is for another audience (aud)")
	case c.subject == "":
		return c, refused("it names no subject (sub), a text")
	case c.ends.IsZero():
		return c, refused("it has no time at which it expires (exp), in seconds since 1970")
	case !now.Before(c.ends.Add(TokenLeeway)):
		return c, refused("it has expired (exp)")
	case bounded && begins.IsZero():
		return c, refused("the time from which it is valid (nbf) must be in seconds since 1970")
	case bounded && now.Add(TokenLeeway).Before(begins):
		return c, refused("it is not valid yet (nbf)")
	default:
		return c, nil
	}
}

// namesAudience reports an audience in one of the forms that RFC 7519, section
// 4.1.3, gives it.
func (c claims) namesAudience() bool {
	switch v := c.all["aud"].(type) {
	case string:
		return true
	case []any:
		return len(c.texts("aud")) == len(v)
	default:
		return false
	}
}

// lastDate bounds the dates of a token: the end of the year 9999, in seconds.
const lastDate = 253402300799

// date reads a NumericDate (RFC 7519, section 2); the zero time is none.
func (c claims) date(name string) time.Time {
	seconds, ok := c.all[name].(float64)
	if !ok || seconds <= 0 || seconds > lastDate {
		return time.Time{}
	}
	whole, fraction := math.Modf(seconds)
	return time.Unix(int64(whole), int64(fraction*1e9)).UTC()
}

// texts reads a claim that is a text or a list of them. A name that no claim
// has is a path of nested ones, as in realm_access.roles.
func (c claims) texts(name string) []string {
	value, found := c.all[name]
	if !found {
		value = c.all
		for part := range strings.SplitSeq(name, ".") {
			object, _ := value.(map[string]any)
			value = object[part]
		}
	}
	switch v := value.(type) {
	case string:
		return []string{v}
	case []any:
		var list []string
		for _, item := range v {
			if s, ok := item.(string); ok {
				list = append(list, s)
			}
		}
		return list
	default:
		return nil
	}
}
