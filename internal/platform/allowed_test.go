package platform_test

import (
	"testing"

	"github.com/dunwellhq/dunwell/internal/platform"
)

func TestDelivers(t *testing.T) {
	for name, c := range map[string]struct {
		environment platform.Environment
		allowed, to []string
		want        bool
	}{
		"live":                  {platform.Live, nil, []string{"a@x.example"}, true},
		"test, nobody allowed":  {platform.Test, nil, []string{"a@x.example"}, false},
		"allowed":               {platform.Test, []string{"a@x.example"}, []string{"a@x.example"}, true},
		"all of several":        {platform.Test, []string{"a@x.example", "b@x.example"}, []string{"b@x.example", "a@x.example"}, true},
		"one of several":        {platform.Test, []string{"a@x.example"}, []string{"a@x.example", "b@x.example"}, false},
		"letter case":           {platform.Test, []string{"Ada@X.Example"}, []string{"aDA@x.EXAMPLE"}, true},
		"domain, ASCII":         {platform.Test, []string{"a@bücher.example"}, []string{"a@xn--bcher-kva.example"}, true},
		"domain, letter case":   {platform.Test, []string{"a@BÜCHER.example"}, []string{"a@bücher.example"}, true},
		"a domain below":        {platform.Test, []string{"a@x.example"}, []string{"a@y.x.example"}, false},
		"a longer name":         {platform.Test, []string{"a@x.example"}, []string{"aa@x.example"}, false},
		"a letter like another": {platform.Test, []string{"k@x.example"}, []string{"\u212a@x.example"}, false},
		"no domain":             {platform.Test, []string{"a"}, []string{"A"}, true},
	} {
		p := platform.Platform{Environment: c.environment, AllowedRecipients: c.allowed}
		if got := p.Delivers(c.to); got != c.want {
			t.Errorf("%s: got %v, want %v", name, got, c.want)
		}
	}
}
