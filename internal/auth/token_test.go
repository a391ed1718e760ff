package auth_test

import (
	"bytes"
	"encoding/base64"
	"fmt"
	"log/slog"
	"net/http"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/dunwellhq/dunwell/internal/auth"
	"github.com/dunwellhq/dunwell/internal/fault"
	"github.com/dunwellhq/dunwell/internal/oidctest"
)

// verifier is our side of an issuer, with a clock that stands still.
type verifier struct {
	*testing.T
	issuer *oidctest.Issuer
	ours   *auth.Issuer
	log    bytes.Buffer

	mu  sync.Mutex
	now time.Time
}

func newVerifier(t *testing.T, edit ...func(*auth.IssuerConfig)) *verifier {
	v := &verifier{T: t, issuer: oidctest.New(t), now: time.Date(2026, 11, 23, 9, 0, 0, 0, time.UTC)}
	cfg := auth.IssuerConfig{
		URL: v.issuer.URL, Audience: "dunwell", Algorithm: "RS256", PlatformsClaim: "platforms", RolesClaim: "roles",
		Roles: map[string][]string{"admins": {"ADMINISTRATOR"}, "support": {"READ_ONLY", "notes"}},
		Log:   slog.New(slog.NewTextHandler(&v.log, nil)), Now: v.clock,
	}
	for _, do := range edit {
		do(&cfg)
	}
	v.ours = auth.NewIssuer(cfg)
	return v
}

func (v *verifier) clock() time.Time {
	v.mu.Lock()
	defer v.mu.Unlock()
	return v.now
}

func (v *verifier) advance(d time.Duration) {
	v.mu.Lock()
	defer v.mu.Unlock()
	v.now = v.now.Add(d)
}

// token is a good one but for what is said.
func (v *verifier) token(more map[string]any) string {
	return v.issuer.Sign(v.issuer.Claims(v.now, more))
}

// wants checks what is said of a token; 0 is that it is taken.
func (v *verifier) wants(token string, kind fault.Kind) auth.Identity {
	v.Helper()
	got, err := v.ours.Verify(v.Context(), token)
	switch f := fault.As(err); {
	case kind == 0 && err != nil:
		v.Errorf("got %v, want it taken", err)
	case kind != 0 && (f == nil || f.Kind != kind):
		v.Errorf("got %v, want a fault of kind %d", err, kind)
	}
	return got
}

func TestVerify(t *testing.T) {
	v := newVerifier(t)
	got := v.wants(v.token(map[string]any{"platforms": []string{"acme", "plat_1"}, "roles": []string{"support", "unknown", "admins"}}), 0)
	want := auth.Identity{
		User: auth.UserOf(v.issuer.URL, "alice"), Platforms: []string{"acme", "plat_1"},
		Roles: []string{"READ_ONLY", "notes", "ADMINISTRATOR"}, Ends: v.now.Add(time.Hour + auth.TokenLeeway),
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("identity (-want +got):\n%s", diff)
	}
	for name, c := range map[string]struct {
		more map[string]any
		kind fault.Kind
	}{
		"list of audiences":    {map[string]any{"aud": []string{"other", "dunwell"}}, 0},
		"other audience":       {map[string]any{"aud": "other"}, fault.Unauthorised},
		"no audience":          {map[string]any{"aud": nil}, fault.Unauthorised},
		"other issuer":         {map[string]any{"iss": "https://login.example"}, fault.Unauthorised},
		"issuer and slash":     {map[string]any{"iss": v.issuer.URL + "/"}, fault.Unauthorised},
		"no issuer":            {map[string]any{"iss": nil}, fault.Unauthorised},
		"no subject":           {map[string]any{"sub": nil}, fault.Unauthorised},
		"expired":              {map[string]any{"exp": v.now.Add(-auth.TokenLeeway).Unix()}, fault.Unauthorised},
		"expired, in leeway":   {map[string]any{"exp": v.now.Add(-auth.TokenLeeway).Unix() + 1}, 0},
		"exp with fraction":    {map[string]any{"exp": float64(v.now.Unix()) + 0.5}, 0},
		"no exp":               {map[string]any{"exp": nil}, fault.Unauthorised},
		"exp as text":          {map[string]any{"exp": fmt.Sprint(v.now.Add(time.Hour).Unix())}, fault.Unauthorised},
		"exp beyond all times": {map[string]any{"exp": 1e300}, fault.Unauthorised},
		"exp in another age":   {map[string]any{"exp": 253402300800}, fault.Unauthorised},
		"exp below zero":       {map[string]any{"exp": -1}, fault.Unauthorised},
		"nbf ahead":            {map[string]any{"nbf": v.now.Add(auth.TokenLeeway).Unix() + 1}, fault.Unauthorised},
		"nbf ahead, in leeway": {map[string]any{"nbf": v.now.Add(auth.TokenLeeway).Unix()}, 0},
		"nbf past":             {map[string]any{"nbf": v.now.Unix() - 5}, 0},
		"nbf as text":          {map[string]any{"nbf": "now"}, fault.Unauthorised},
	} {
		t.Run(name, func(t *testing.T) {
			v.T = t
			v.wants(v.token(c.more), c.kind)
		})
	}
}

// TestVerifyForged: what is not signed by the issuer's key opens nothing.
func TestVerifyForged(t *testing.T) {
	v := newVerifier(t)
	other := oidctest.New(t)
	claims := v.issuer.Claims(v.now, map[string]any{"roles": "admins"})
	good := v.issuer.Sign(claims)
	v.wants(good, 0)
	head, rest, _ := strings.Cut(good, ".")
	payload, signature, _ := strings.Cut(rest, ".")
	evil := base64.RawURLEncoding.EncodeToString([]byte(`{"iss":"` + v.issuer.URL + `","aud":"dunwell","sub":"eve","exp":99999999999}`))
	for name, token := range map[string]string{
		"none":                    v.issuer.Unsigned(claims),
		"HS256 with the key":      v.issuer.Confused(claims),
		"another's key":           other.SignAs(map[string]any{"kid": "key-1"}, claims),
		"another's key, no kid":   other.SignAs(map[string]any{"kid": ""}, claims),
		"another algorithm":       v.issuer.SignAs(map[string]any{"alg": "RS512"}, claims),
		"other payload":           head + "." + evil + "." + signature,
		"no signature":            head + "." + payload + ".",
		"two parts":               head + "." + payload,
		"four parts":              good + ".x",
		"JSON form, other claims": `{"protected":"` + head + `","payload":"` + payload + `","signature":"` + signature + `","header":{"x":"Z.` + evil + `.Z"}}`,
		"JSON form":               `{"protected":"` + head + `","payload":"` + payload + `","signature":"` + signature + `"}`,
		"a list":                  v.issuer.SignAs(nil, nil),
		"crit":                    v.issuer.SignAs(map[string]any{"crit": []string{"x"}, "x": 1}, claims),
		"nothing":                 "",
		"too long":                v.token(map[string]any{"x": strings.Repeat("x", 16<<10)}),
	} {
		t.Run(name, func(t *testing.T) {
			v.T = t
			v.wants(token, fault.Unauthorised)
		})
	}
	v.T = t
	// The control: a key of the issuer's without a name is as good.
	v.wants(v.issuer.SignAs(map[string]any{"kid": ""}, claims), 0)
}

// TestVerifySays: who is refused is told why, and not something else.
func TestVerifySays(t *testing.T) {
	v := newVerifier(t)
	const form, signature = "has another form", "not signed by the issuer with RS256"
	for name, c := range map[string]struct{ token, want string }{
		"no audience":             {v.token(map[string]any{"aud": nil}), "(aud) must be a text or a list of texts"},
		"audience and a number":   {v.token(map[string]any{"aud": []any{5, "dunwell"}}), "(aud) must be a text or a list of texts"},
		"audience in an object":   {v.token(map[string]any{"aud": map[string]any{"x": "dunwell"}}), "(aud) must be a text or a list of texts"},
		"other audience":          {v.token(map[string]any{"aud": []string{"other"}}), "another audience (aud)"},
		"no subject":              {v.token(map[string]any{"sub": 5}), "(sub), a text"},
		"exp as text":             {v.token(map[string]any{"exp": "tomorrow"}), "(exp), in seconds since 1970"},
		"nbf as text":             {v.token(map[string]any{"nbf": "now"}), "(nbf) must be in seconds since 1970"},
		"nbf ahead":               {v.token(map[string]any{"nbf": v.now.Unix() + 1000}), "not valid yet (nbf)"},
		"iat as text":             {v.token(map[string]any{"iat": "now"}), form},
		"nonce as number":         {v.token(map[string]any{"nonce": 5}), form},
		"the same, by a stranger": {oidctest.New(t).Sign(v.issuer.Claims(v.now, map[string]any{"nonce": 5})), signature},
		"another key":             {oidctest.New(t).Sign(v.issuer.Claims(v.now, nil)), signature},
		"another algorithm":       {v.issuer.SignAs(map[string]any{"alg": "RS512"}, v.issuer.Claims(v.now, nil)), signature},
		"none":                    {v.issuer.Unsigned(v.issuer.Claims(v.now, nil)), signature},
	} {
		if _, err := v.ours.Verify(t.Context(), c.token); !strings.Contains(fmt.Sprint(err), c.want) {
			t.Errorf("%s: got %v, want it to say %q", name, err, c.want)
		}
	}
}

func TestVerifyClaims(t *testing.T) {
	for name, c := range map[string]struct {
		claim string
		value map[string]any
		want  []string
	}{
		"text":          {"platforms", map[string]any{"platforms": "acme"}, []string{"acme"}},
		"list":          {"platforms", map[string]any{"platforms": []any{"a", 5, "b", nil}}, []string{"a", "b"}},
		"number":        {"platforms", map[string]any{"platforms": 5}, nil},
		"absent":        {"platforms", nil, nil},
		"an address":    {"https://acme.example/platforms", map[string]any{"https://acme.example/platforms": "a"}, []string{"a"}},
		"nested":        {"realm_access.roles", map[string]any{"realm_access": map[string]any{"roles": []string{"a"}}}, []string{"a"}},
		"nested, plain": {"a.b", map[string]any{"a.b": "x", "a": map[string]any{"b": "y"}}, []string{"x"}},
		"nested, text":  {"a.b", map[string]any{"a": "y"}, nil},
	} {
		v := newVerifier(t, func(cfg *auth.IssuerConfig) { cfg.PlatformsClaim = c.claim })
		if got := v.wants(v.token(c.value), 0).Platforms; !slices.Equal(got, c.want) {
			t.Errorf("%s: got %q, want %q", name, got, c.want)
		}
	}
}

// TestKeysAreKept: verifying many tokens asks the issuer once, and what can be
// judged without its keys asks nothing.
func TestKeysAreKept(t *testing.T) {
	v := newVerifier(t)
	v.wants(v.token(map[string]any{"exp": v.now.Unix() - 100}), fault.Unauthorised)
	v.wants(v.token(map[string]any{"aud": "x"}), fault.Unauthorised)
	v.wants(v.token(map[string]any{"iss": "https://login.example"}), fault.Unauthorised)
	v.wants(v.token(map[string]any{"nbf": "now"}), fault.Unauthorised)
	if _, err := v.ours.Verify(t.Context(), v.token(map[string]any{"exp": nil})); !strings.Contains(fmt.Sprint(err), "no time at which it expires") {
		t.Errorf("without exp: got %v, want to be told so", err)
	}
	if asked := v.issuer.Asked(oidctest.ConfigPath); asked != 0 {
		t.Errorf("hopeless tokens: the issuer was asked %d times, want never", asked)
	}
	var wg sync.WaitGroup
	for range 50 {
		wg.Go(func() { v.wants(v.token(nil), 0) })
	}
	wg.Wait()
	if config, keys := v.issuer.Asked(oidctest.ConfigPath), v.issuer.Asked(oidctest.KeysPath); config != 1 || keys != 1 {
		t.Errorf("50 tokens at once: asked %d and %d times, want once each", config, keys)
	}
}

func TestKeyRotation(t *testing.T) {
	v := newVerifier(t)
	old := v.token(nil)
	v.wants(old, 0)
	v.issuer.Rotate()
	v.wants(v.token(nil), 0)
	v.wants(old, fault.Unauthorised)

	// Withdrawn without another in use: no later than an hour.
	last := v.token(map[string]any{"exp": v.now.Add(48 * time.Hour).Unix()})
	v.issuer.Rotate()
	v.advance(59 * time.Minute)
	v.wants(last, 0)
	v.advance(2 * time.Minute)
	v.wants(last, fault.Unauthorised)
}

// TestStrangersDoNotMakeUsAsk: tokens that name keys nobody has cost a bounded
// number of questions, and do not keep good ones out.
func TestStrangersDoNotMakeUsAsk(t *testing.T) {
	v := newVerifier(t)
	v.wants(v.token(nil), 0)
	for i := range 200 {
		v.wants(v.issuer.SignAs(map[string]any{"kid": fmt.Sprint("made-up-", i)}, v.issuer.Claims(v.now, nil)), fault.Unauthorised)
	}
	if asked := v.issuer.Asked(oidctest.KeysPath); asked < 2 || asked > 10 {
		t.Errorf("200 unknown keys: the issuer was asked %d times, want a few", asked)
	}
	v.wants(v.token(nil), 0)
	v.issuer.Rotate()
	v.advance(10 * time.Second)
	v.wants(v.token(nil), 0)
}

// TestIssuerDown: an issuer that cannot be asked is no fault of the token, and
// is asked again; keys that are known go on.
func TestIssuerDown(t *testing.T) {
	v := newVerifier(t)
	v.issuer.Stop()
	for range 20 {
		v.wants(v.token(nil), fault.Unavailable)
	}
	v.wants(v.token(map[string]any{"exp": 1}), fault.Unauthorised) // no key is needed to know
	v.issuer.Start()
	v.advance(10 * time.Second)
	good := v.token(map[string]any{"exp": v.now.Add(48 * time.Hour).Unix()})
	v.wants(good, 0)

	v.issuer.Stop()
	v.wants(good, 0)
	v.issuer.Rotate()
	v.advance(10 * time.Second)
	for range 20 {
		v.wants(v.token(nil), fault.Unavailable) // its key may be new
	}
	v.advance(23 * time.Hour)
	v.wants(good, 0)
	if !strings.Contains(v.log.String(), "issuer_keys_not_renewed") {
		t.Error("the log does not say that old keys are believed")
	}
	v.advance(time.Hour)
	v.wants(good, fault.Unavailable) // too long without asking
}

// TestIssuerMisbehaves: whatever it answers, tokens are not refused for it, and
// it takes neither all memory nor all time.
func TestIssuerMisbehaves(t *testing.T) {
	for name, with := range map[string]http.HandlerFunc{
		"500":      func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(500) },
		"404":      func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(404) },
		"redirect": func(w http.ResponseWriter, r *http.Request) { http.Redirect(w, r, "/elsewhere", http.StatusFound) },
		"no JSON":  func(w http.ResponseWriter, _ *http.Request) { fmt.Fprint(w, "<html>") },
		"empty":    func(http.ResponseWriter, *http.Request) {},
		"other issuer": func(w http.ResponseWriter, _ *http.Request) {
			fmt.Fprint(w, `{"issuer":"https://x.example","jwks_uri":"https://x.example/"}`)
		},
		"cut": func(http.ResponseWriter, *http.Request) { panic(http.ErrAbortHandler) },
	} {
		t.Run(name, func(t *testing.T) {
			v := newVerifier(t)
			good := func(w http.ResponseWriter, r *http.Request) {
				if r.URL.Path == oidctest.ConfigPath {
					fmt.Fprintf(w, `{"issuer":%q,"jwks_uri":%q}`, v.issuer.URL, v.issuer.URL+oidctest.KeysPath)
					return
				}
				with(w, r)
			}
			v.issuer.Misbehave(with)
			v.wants(v.token(nil), fault.Unavailable)
			v.issuer.Misbehave(good) // its keys alone are bad
			v.advance(time.Minute)
			v.wants(v.token(nil), fault.Unavailable)
			v.issuer.Misbehave(nil)
			v.advance(time.Minute)
			v.wants(v.token(nil), 0)
		})
	}
	t.Run("too much", func(t *testing.T) {
		v := newVerifier(t)
		for path, size := range map[string]int{oidctest.ConfigPath: 2 << 20, oidctest.KeysPath: 2 << 20, "": 0} { // "" is the control
			v.issuer.Misbehave(func(w http.ResponseWriter, r *http.Request) {
				if r.URL.Path == path {
					_, _ = w.Write(bytes.Repeat([]byte(" "), size)) // who has had enough hangs up
				}
				v.issuer.Answer(w, r)
			})
			v.advance(48 * time.Hour)
			want := fault.Unavailable
			if size == 0 {
				want = 0
			}
			v.wants(v.token(nil), want)
		}
	})
	t.Run("keys from elsewhere", func(t *testing.T) {
		v := newVerifier(t)
		other := oidctest.New(t)
		v.issuer.Misbehave(func(w http.ResponseWriter, r *http.Request) {
			if r.URL.Path == oidctest.KeysPath {
				http.Redirect(w, r, other.URL+oidctest.KeysPath, http.StatusFound)
				return
			}
			v.issuer.Answer(w, r)
		})
		v.wants(other.Sign(v.issuer.Claims(v.now, nil)), fault.Unavailable)
	})
	t.Run("keys in clear", func(t *testing.T) {
		v := newVerifier(t)
		other := oidctest.New(t)
		v.issuer.Misbehave(func(w http.ResponseWriter, _ *http.Request) {
			fmt.Fprintf(w, `{"issuer":%q,"jwks_uri":%q}`, v.issuer.URL, other.URL+oidctest.KeysPath)
		})
		v.wants(v.token(nil), fault.Unavailable)
		if asked := other.Asked(oidctest.KeysPath); asked != 0 {
			t.Errorf("keys at another host without https: asked %d times, want never", asked)
		}
	})
}

func TestIsToken(t *testing.T) {
	v := newVerifier(t)
	_, secret := auth.NewSecret("LIVE")
	for text, want := range map[string]bool{
		v.token(nil): true, v.issuer.Unsigned(nil): true, secret: false, "": false, "a.b.c": false, "..": false, "e30.e30": false, "e30.e30.": true, "e30.a.b.c": false,
	} {
		if got := auth.IsToken(text); got != want {
			t.Errorf("%.40q: got %v, want %v", text, got, want)
		}
	}
}
