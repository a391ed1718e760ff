package config_test

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/dunwellhq/dunwell/internal/config"
	"github.com/dunwellhq/dunwell/internal/fault"
)

func issuer() config.OIDC {
	return config.OIDC{
		Issuer: "https://login.example.com/realm", Audience: "dunwell", Algorithm: "RS256", PlatformsClaim: "platforms", RolesClaim: "roles",
		Roles: "billing-admins=ADMINISTRATOR,support=READ_ONLY",
	}
}

func TestOIDCNamesTheSetting(t *testing.T) {
	for name, c := range map[string]struct {
		edit func(*config.OIDC)
		want string
	}{
		"all":                    {func(*config.OIDC) {}, ""},
		"none":                   {func(o *config.OIDC) { *o = config.OIDC{} }, ""},
		"none, as kong sets it":  {func(o *config.OIDC) { o.Issuer, o.Audience, o.Roles = "", "", "" }, ""},
		"no roles":               {func(o *config.OIDC) { o.Roles = "" }, ""},
		"trailing slash":         {func(o *config.OIDC) { o.Issuer = "https://login.example.com/" }, ""},
		"this machine":           {func(o *config.OIDC) { o.Issuer = "http://localhost:8081/realm" }, ""},
		"this machine, IPv4":     {func(o *config.OIDC) { o.Issuer = "http://127.0.0.2" }, ""},
		"this machine, IPv6":     {func(o *config.OIDC) { o.Issuer = "http://[::1]:8081" }, ""},
		"elliptic":               {func(o *config.OIDC) { o.Algorithm = "ES256" }, ""},
		"audience alone":         {func(o *config.OIDC) { *o = config.OIDC{Audience: "x"} }, "DUNWELL_OIDC_ISSUER"},
		"roles alone":            {func(o *config.OIDC) { *o = config.OIDC{Roles: "x=y"} }, "DUNWELL_OIDC_ISSUER"},
		"in clear":               {func(o *config.OIDC) { o.Issuer = "http://login.example.com" }, "DUNWELL_OIDC_ISSUER"},
		"in clear, a look-alike": {func(o *config.OIDC) { o.Issuer = "http://localhost.example.com" }, "DUNWELL_OIDC_ISSUER"},
		"no scheme":              {func(o *config.OIDC) { o.Issuer = "login.example.com" }, "DUNWELL_OIDC_ISSUER"},
		"other scheme":           {func(o *config.OIDC) { o.Issuer = "ftp://127.0.0.1" }, "DUNWELL_OIDC_ISSUER"},
		"query":                  {func(o *config.OIDC) { o.Issuer += "?x=1" }, "DUNWELL_OIDC_ISSUER"},
		"fragment":               {func(o *config.OIDC) { o.Issuer += "#x" }, "DUNWELL_OIDC_ISSUER"},
		"password":               {func(o *config.OIDC) { o.Issuer = "https://a:b@login.example.com" }, "DUNWELL_OIDC_ISSUER"},
		"no audience":            {func(o *config.OIDC) { o.Audience = "" }, "DUNWELL_OIDC_AUDIENCE"},
		"none as algorithm":      {func(o *config.OIDC) { o.Algorithm = "none" }, "DUNWELL_OIDC_ALGORITHM"},
		"HMAC":                   {func(o *config.OIDC) { o.Algorithm = "HS256" }, "DUNWELL_OIDC_ALGORITHM"},
		"several":                {func(o *config.OIDC) { o.Algorithm = "RS256,ES256" }, "DUNWELL_OIDC_ALGORITHM"},
		"no algorithm":           {func(o *config.OIDC) { o.Algorithm = "" }, "DUNWELL_OIDC_ALGORITHM"},
		"no platforms claim":     {func(o *config.OIDC) { o.PlatformsClaim = "" }, "DUNWELL_OIDC_PLATFORMS_CLAIM"},
		"no roles claim":         {func(o *config.OIDC) { o.RolesClaim = "" }, "DUNWELL_OIDC_ROLES_CLAIM"},
		"no pair":                {func(o *config.OIDC) { o.Roles = "admins" }, "DUNWELL_OIDC_ROLES"},
		"no value":               {func(o *config.OIDC) { o.Roles = "=ADMINISTRATOR" }, "DUNWELL_OIDC_ROLES"},
		"no role":                {func(o *config.OIDC) { o.Roles = "admins=" }, "DUNWELL_OIDC_ROLES"},
		"an empty pair":          {func(o *config.OIDC) { o.Roles += "," }, "DUNWELL_OIDC_ROLES"},
	} {
		s := valid()
		s.OIDC = issuer()
		c.edit(&s.OIDC)
		got := ""
		if f := fault.As(s.Check()); f != nil {
			got = f.Field
		}
		if got != c.want {
			t.Errorf("%s: got a fault of %q, want %q", name, got, c.want)
		}
	}
}

func TestRoleMap(t *testing.T) {
	o := config.OIDC{Roles: " billing-admins = ADMINISTRATOR, support=READ_ONLY,support=may pause,cn=ops=clerk"}
	got, err := o.RoleMap()
	if err != nil {
		t.Fatal(err)
	}
	want := map[string][]string{"billing-admins": {"ADMINISTRATOR"}, "support": {"READ_ONLY", "may pause"}, "cn=ops": {"clerk"}}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("roles (-want +got):\n%s", diff)
	}
}
