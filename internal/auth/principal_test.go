package auth_test

import (
	"go/ast"
	"go/parser"
	"go/token"
	"strconv"
	"testing"

	"github.com/dunwellhq/dunwell/internal/auth"
	"github.com/dunwellhq/dunwell/internal/ident"
	"github.com/dunwellhq/dunwell/internal/platform"
)

const (
	here  platform.ID = "plat_here"
	there platform.ID = "plat_there"
)

// roles of two platforms: below holds above, round holds itself.
var roles = auth.Roles{
	"above": {ID: "above", PlatformID: here, Name: "boss", Permissions: []auth.Permission{auth.WorkflowUpdate}, Children: []auth.RoleID{"below"}},
	"below": {ID: "below", PlatformID: here, Name: "clerk", Permissions: []auth.Permission{auth.WorkflowView}, Children: []auth.RoleID{"deep", "far", "nowhere"}},
	"deep":  {ID: "deep", PlatformID: here, Name: "deep", Permissions: []auth.Permission{auth.InvoiceView}},
	"round": {ID: "round", PlatformID: here, Name: "round", Permissions: []auth.Permission{auth.PaymentView}, Children: []auth.RoleID{"round", "deep"}},
	"far":   {ID: "far", PlatformID: there, Name: "boss", Permissions: []auth.Permission{auth.SourceView}},
}

// TestPermissionsAreAllListed: a permission that is missing from the list could
// not be given to anybody, and an administrator would not hold it.
func TestPermissionsAreAllListed(t *testing.T) {
	file, err := parser.ParseFile(token.NewFileSet(), "permission.go", nil, 0)
	if err != nil {
		t.Fatal(err)
	}
	listed, declared := auth.GrantsOf(auth.Permissions), 0
	ast.Inspect(file, func(n ast.Node) bool {
		spec, ok := n.(*ast.ValueSpec)
		if !ok {
			return true
		}
		if kind, ok := spec.Type.(*ast.Ident); !ok || kind.Name != "Permission" {
			return true
		}
		for _, v := range spec.Values {
			text, err := strconv.Unquote(v.(*ast.BasicLit).Value)
			if err != nil {
				t.Fatal(err)
			}
			if declared++; !listed[auth.Permission(text)] {
				t.Errorf("%s is not in auth.Permissions", text)
			}
		}
		return true
	})
	if declared == 0 || declared != len(auth.Permissions) {
		t.Errorf("got %d permissions listed, want the %d that are declared, each once", len(auth.Permissions), declared)
	}
}

func TestMay(t *testing.T) {
	key := func(k auth.Key) *auth.Principal {
		k.Platforms = []platform.ID{here, there}
		return k.Principal(roles)
	}
	for name, c := range map[string]struct {
		principal  *auth.Principal
		on         platform.ID
		permission auth.Permission
		want       bool
	}{
		"administrator":                    {key(auth.Key{Role: auth.Administrator}), here, auth.PlatformUpdate, true},
		"administrator, elsewhere":         {key(auth.Key{Role: auth.Administrator}), "plat_else", auth.WorkflowView, false},
		"administrator, platforms":         {key(auth.Key{Role: auth.Administrator}), here, auth.PlatformCreate, false},
		"bootstrap, platforms":             {key(auth.Key{Bootstrap: true}), "plat_else", auth.PlatformCreate, true},
		"PLATFORM.CREATE, given":           {key(auth.Key{Permissions: []auth.Permission{auth.PlatformCreate}}), here, auth.PlatformCreate, false},
		"read only, view":                  {key(auth.Key{Role: auth.ReadOnly}), here, auth.KeyView, true},
		"read only, create":                {key(auth.Key{Role: auth.ReadOnly}), here, auth.WorkflowCreate, false},
		"read only and one":                {key(auth.Key{Role: auth.ReadOnly, Permissions: []auth.Permission{auth.WorkflowCreate}}), here, auth.WorkflowCreate, true},
		"one permission":                   {key(auth.Key{Permissions: []auth.Permission{auth.WorkflowCreate}}), there, auth.WorkflowCreate, true},
		"one permission, other":            {key(auth.Key{Permissions: []auth.Permission{auth.WorkflowCreate}}), here, auth.WorkflowView, false},
		"none":                             {key(auth.Key{}), here, auth.WorkflowView, false},
		"role":                             {key(auth.Key{RoleIDs: []auth.RoleID{"above"}}), here, auth.WorkflowUpdate, true},
		"role, child":                      {key(auth.Key{RoleIDs: []auth.RoleID{"above"}}), here, auth.WorkflowView, true},
		"role, child of a child":           {key(auth.Key{RoleIDs: []auth.RoleID{"above"}}), here, auth.InvoiceView, true},
		"role, elsewhere":                  {key(auth.Key{RoleIDs: []auth.RoleID{"above"}}), there, auth.WorkflowUpdate, false},
		"role, child of another platform":  {key(auth.Key{RoleIDs: []auth.RoleID{"above"}}), here, auth.SourceView, false},
		"role, child elsewhere":            {key(auth.Key{RoleIDs: []auth.RoleID{"above"}}), there, auth.SourceView, false},
		"role in a ring":                   {key(auth.Key{RoleIDs: []auth.RoleID{"round"}}), here, auth.InvoiceView, true},
		"role that is none":                {key(auth.Key{RoleIDs: []auth.RoleID{"nowhere"}}), here, auth.InvoiceView, false},
		"user, type":                       {auth.NewUser("user_1", []platform.ID{here}, []string{"READ_ONLY"}, roles), here, auth.WorkflowView, true},
		"user, type, elsewhere":            {auth.NewUser("user_1", []platform.ID{here}, []string{"ADMINISTRATOR"}, roles), there, auth.WorkflowView, false},
		"user, role by name":               {auth.NewUser("user_1", []platform.ID{here, there}, []string{"boss"}, roles), here, auth.InvoiceView, true},
		"user, role of the other platform": {auth.NewUser("user_1", []platform.ID{here, there}, []string{"boss"}, roles), here, auth.SourceView, false},
		"user, same name there":            {auth.NewUser("user_1", []platform.ID{here, there}, []string{"boss"}, roles), there, auth.SourceView, true},
		"user, no such role":               {auth.NewUser("user_1", []platform.ID{here}, []string{"nobody"}, roles), here, auth.WorkflowView, false},
	} {
		if got := c.principal.May(c.on, c.permission); got != c.want {
			t.Errorf("%s: got %v, want %v", name, got, c.want)
		}
	}
}

// TestNamedOnThePlatform: of many roles of one name the platform's own counts.
func TestNamedOnThePlatform(t *testing.T) {
	many := auth.Roles{"own": {ID: "own", PlatformID: here, Name: "boss", Permissions: []auth.Permission{auth.WorkflowView}}}
	for i := range 50 {
		id := auth.RoleID(strconv.Itoa(i))
		many[id] = auth.Role{ID: id, PlatformID: there, Name: "boss"}
	}
	if !auth.NewUser("user_1", []platform.ID{here}, []string{"boss"}, many).May(here, auth.WorkflowView) {
		t.Error("got another platform's role, want the one of the user's")
	}
}

func TestBelongs(t *testing.T) {
	k := auth.Key{Platforms: []platform.ID{here}}
	if p := k.Principal(nil); !p.Belongs(here) || p.Belongs(there) {
		t.Error("a key belongs to the platforms that it names")
	}
	k.Bootstrap = true
	if p := k.Principal(nil); !p.Belongs(there) {
		t.Error("the bootstrap key belongs to every platform")
	}
}

func TestCovers(t *testing.T) {
	key := func(role auth.RoleType, on ...platform.ID) *auth.Principal {
		return (&auth.Key{Role: role, Platforms: on}).Principal(roles)
	}
	one := (&auth.Key{Permissions: []auth.Permission{auth.KeyUpdate}, Platforms: []platform.ID{here}}).Principal(nil)
	bootstrap := (&auth.Key{Bootstrap: true, Role: auth.Administrator, Platforms: []platform.ID{here}}).Principal(nil)
	for name, c := range map[string]struct {
		who, whom *auth.Principal
		want      bool
	}{
		"itself":                   {key(auth.Administrator, here), key(auth.Administrator, here), true},
		"less":                     {key(auth.Administrator, here), key(auth.ReadOnly, here), true},
		"more":                     {one, key(auth.ReadOnly, here), false},
		"nothing":                  {one, key(auth.NoRole, here), true},
		"fewer platforms":          {key(auth.Administrator, here, there), key(auth.Administrator, there), true},
		"another platform":         {key(auth.Administrator, here), key(auth.NoRole, here, there), false},
		"without the permission":   {key(auth.ReadOnly, here), key(auth.NoRole, here), false},
		"bootstrap by another":     {key(auth.Administrator, here), bootstrap, false},
		"bootstrap by itself":      {bootstrap, bootstrap, true},
		"anything by bootstrap":    {bootstrap, key(auth.Administrator, there), true},
		"a role that grants more":  {one, (&auth.Key{RoleIDs: []auth.RoleID{"deep"}, Platforms: []platform.ID{here}}).Principal(roles), false},
		"a role of no consequence": {one, (&auth.Key{RoleIDs: []auth.RoleID{"far"}, Platforms: []platform.ID{here}}).Principal(roles), true},
	} {
		if got := c.who.Covers(c.whom, auth.KeyUpdate); got != c.want {
			t.Errorf("%s: got %v, want %v", name, got, c.want)
		}
	}
}

func TestUserOf(t *testing.T) {
	id := auth.UserOf("https://login.example", "alice")
	if !ident.Has(string(id), "user") || id != auth.UserOf("https://login.example", "alice") {
		t.Errorf("got %s, want one id of the form user_…", id)
	}
	for _, other := range []auth.UserID{
		auth.UserOf("https://login.example", "bob"), auth.UserOf("https://other.example", "alice"), auth.UserOf("https://login.example\x00", "alice"),
	} {
		if other == id {
			t.Errorf("two users have the id %s", id)
		}
	}
}
