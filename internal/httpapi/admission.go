package httpapi

import (
	"net/http"
	"strings"

	"github.com/dunwellhq/dunwell/internal/auth"
	"github.com/dunwellhq/dunwell/internal/fault"
	"github.com/dunwellhq/dunwell/internal/platform"
)

// admit finds out who calls, about which platform, and whether they may.
func (s *server) admit(c *call) error {
	principal, err := s.keys.caller(c)
	if err != nil {
		return err
	}
	c.principal = principal
	if err := s.limit.admit(principal.ID, s.now()); err != nil {
		return err
	}
	p, err := s.keys.platform(c)
	if err != nil {
		return err
	}
	c.platform = p
	if c.route.namesPlatform() {
		own, err := c.ownPlatform()
		if err != nil {
			return err
		}
		c.platform = own
	}
	return c.mayOn(c.platform)
}

// ownPlatform is the platform of the path, if the caller belongs to it. Another
// looks like none.
func (c *call) ownPlatform() (platform.ID, error) {
	name, err := c.named("id", "PLATFORM")
	if err != nil {
		return "", err
	}
	if id := platform.ID(name); c.principal.Belongs(id) {
		return id, nil
	}
	return "", fault.New(fault.NotFound, "there is no platform %.80q", name).About("PLATFORM", name)
}

// mayOn reports whether the caller holds on a platform what the route demands.
func (c *call) mayOn(p platform.ID) error {
	for _, permission := range c.route.may {
		if !c.principal.May(p, permission) {
			return fault.New(fault.Forbidden, "this needs the permission %s, which your credential does not hold on this platform", permission)
		}
	}
	return nil
}

// caller is the principal that every credential of the request names.
func (k *keyring) caller(c *call) (*auth.Principal, error) {
	var caller *auth.Principal
	for _, given := range credentials(c.Header) {
		p, err := k.of(c, given)
		if err != nil {
			return nil, err
		}
		if p == nil {
			return nil, fault.New(fault.Unauthorised, "the credential is not valid: it is unknown, revoked or expired")
		}
		if caller != nil && caller.ID != p.ID {
			return nil, fault.New(fault.Unauthorised, "the request has two credentials, and they name different principals: send one")
		}
		caller = p
	}
	if caller == nil {
		return nil, fault.New(fault.Unauthorised, "this needs an API key, sent as X-API-KEY or as Authorization: Bearer, or a token sent as the latter")
	}
	return caller, nil
}

// credential is what a request says to prove who it is from.
type credential struct {
	text   string
	bearer bool // may be a token
}

// of returns whom a credential stands for, or nil.
func (k *keyring) of(c *call, given credential) (*auth.Principal, error) {
	if given.bearer && k.issuer != nil && auth.IsToken(given.text) {
		return k.findUser(c.Context(), given.text)
	}
	return k.find(c.Context(), given.text)
}

// credentials are those that a request carries. What is no bearer token is a
// credential that opens nothing.
func credentials(h http.Header) []credential {
	var list []credential
	for _, v := range h.Values("X-API-KEY") {
		list = append(list, credential{text: v})
	}
	for _, v := range h.Values("Authorization") {
		scheme, token, _ := strings.Cut(v, " ")
		if !strings.EqualFold(scheme, "Bearer") {
			token = ""
		}
		list = append(list, credential{strings.TrimSpace(token), true})
	}
	return list
}

// platform is the one that the request is about: the one that x-platform-id
// names, if the caller belongs to it, or the caller's default.
func (k *keyring) platform(c *call) (platform.ID, error) {
	refused := fault.New(fault.Forbidden, "x-platform-id must name a platform that your credential belongs to")
	if c.principal.User != "" && len(c.principal.Platforms) == 0 {
		refused.Message = "your token names no platform of this server: its claim of platforms must have the id or reference of one (see DUNWELL_OIDC_PLATFORMS_CLAIM)"
	}
	id := platform.ID(c.Header.Get("X-Platform-Id"))
	switch {
	case len(c.Header.Values("X-Platform-Id")) > 1:
		return "", refused
	case id == "" && len(c.principal.Platforms) > 0:
		return c.principal.Platforms[0], nil
	case id == "" && c.principal.Bootstrap:
		return k.firstPlatform(c.Context())
	case id == "" || !c.principal.Belongs(id) || identifier.check(string(id)) != "":
		return "", refused
	}
	// The bootstrap key belongs to every platform, but not to one that is none.
	if c.principal.Bootstrap {
		if _, err := k.store.Platform(c.Context(), id); fault.Is(err, fault.NotFound) {
			return "", refused
		} else if err != nil {
			return "", err
		}
	}
	return id, nil
}
