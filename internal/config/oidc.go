package config

import (
	"fmt"
	"net"
	"net/url"
	"slices"
	"strings"
)

// OIDC is the settings of the issuer whose tokens the API takes beside its own
// keys. Without an issuer it takes none.
type OIDC struct {
	Issuer         string `name:"oidc-issuer" env:"DUNWELL_OIDC_ISSUER" placeholder:"URL" help:"The OIDC issuer whose tokens are taken, as their claim iss has it; none if unset."`
	Audience       string `name:"oidc-audience" env:"DUNWELL_OIDC_AUDIENCE" placeholder:"TEXT" help:"What the claim aud of a token must name; required with an issuer."`
	Algorithm      string `name:"oidc-algorithm" env:"DUNWELL_OIDC_ALGORITHM" default:"RS256" placeholder:"ALG" help:"The one algorithm with which tokens are signed; ${default} if unset."`
	PlatformsClaim string `name:"oidc-platforms-claim" env:"DUNWELL_OIDC_PLATFORMS_CLAIM" default:"platforms" placeholder:"CLAIM" help:"The claim with the ids or references of the user's platforms; ${default} if unset."`
	RolesClaim     string `name:"oidc-roles-claim" env:"DUNWELL_OIDC_ROLES_CLAIM" default:"roles" placeholder:"CLAIM" help:"The claim with the user's roles; ${default} if unset."`
	Roles          string `name:"oidc-roles" env:"DUNWELL_OIDC_ROLES" placeholder:"VALUE=ROLE,…" help:"What the values of that claim stand for: ADMINISTRATOR, READ_ONLY or the name of a role of the platform, as in billing-admins=ADMINISTRATOR,support=READ_ONLY."`
}

// algorithms are those whose keys an issuer can publish. A shared secret (HS256)
// or none at all is not among them.
var algorithms = []string{"RS256", "RS384", "RS512", "PS256", "PS384", "PS512", "ES256", "ES384", "ES512", "EdDSA"}

// Check says what is wrong with the settings.
func (o OIDC) Check() error {
	if o.Issuer == "" {
		if o.Audience != "" || o.Roles != "" {
			return bad("DUNWELL_OIDC_ISSUER", "it is required where DUNWELL_OIDC_AUDIENCE or DUNWELL_OIDC_ROLES is set")
		}
		return nil
	}
	switch {
	case !isIssuer(o.Issuer):
		return bad("DUNWELL_OIDC_ISSUER", "it must be an https address without query, such as https://login.example.com (http only on this machine)")
	case o.Audience == "":
		return bad("DUNWELL_OIDC_AUDIENCE", "it is required with DUNWELL_OIDC_ISSUER: else a token for any other service of the issuer would be taken")
	case !slices.Contains(algorithms, o.Algorithm):
		return bad("DUNWELL_OIDC_ALGORITHM", "it must be one of "+strings.Join(algorithms, ", ")+": tokens without a signature or with a shared secret are never taken")
	case o.PlatformsClaim == "":
		return bad("DUNWELL_OIDC_PLATFORMS_CLAIM", "it must name a claim, such as platforms")
	case o.RolesClaim == "":
		return bad("DUNWELL_OIDC_ROLES_CLAIM", "it must name a claim, such as roles")
	}
	_, err := o.RoleMap()
	return err
}

// isIssuer reports an address from which nobody on the way can change what is
// read: it is https, or stays on this machine.
func isIssuer(address string) bool {
	u, err := url.Parse(address)
	if err != nil || u.Hostname() == "" || u.User != nil || u.RawQuery != "" || u.Fragment != "" || u.ForceQuery {
		return false
	}
	ip := net.ParseIP(u.Hostname())
	local := u.Hostname() == "localhost" || ip != nil && ip.IsLoopback()
	return u.Scheme == "https" || u.Scheme == "http" && local
}

// RoleMap is what each value of the roles claim stands for.
func (o OIDC) RoleMap() (map[string][]string, error) {
	roles := map[string][]string{}
	if o.Roles == "" {
		return roles, nil
	}
	for pair := range strings.SplitSeq(o.Roles, ",") {
		pair = strings.TrimSpace(pair)
		at := strings.LastIndexByte(pair, '=') // a value may have one, as in cn=admins
		if at < 1 || at == len(pair)-1 {
			return nil, bad("DUNWELL_OIDC_ROLES", fmt.Sprintf("%q is no pair, write it as billing-admins=ADMINISTRATOR,support=READ_ONLY", pair))
		}
		value, role := strings.TrimSpace(pair[:at]), strings.TrimSpace(pair[at+1:])
		roles[value] = append(roles[value], role)
	}
	return roles, nil
}
