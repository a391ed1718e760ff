// Package oidctest is an OIDC issuer for tests: it serves its configuration and
// its keys over HTTP, signs tokens well and badly, changes its keys, misbehaves
// as told, and can be stopped and started again where it was.
//
// It signs with the standard library alone, so that our verifier is tested
// against another reading of the RFCs.
package oidctest

import (
	"crypto"
	"crypto/hmac"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	_ "crypto/sha512" // for RS512
	"crypto/x509"
	"encoding/base64"
	"encoding/pem"
	"fmt"
	"maps"
	"math/big"
	"net"
	"net/http"
	"sync"
	"testing"
	"time"

	"github.com/go-json-experiment/json"
)

// The paths that an issuer serves.
const (
	ConfigPath = "/.well-known/openid-configuration"
	KeysPath   = "/keys"
)

// Issuer is an OIDC issuer.
type Issuer struct {
	URL string
	t   testing.TB

	mu     sync.Mutex
	server *http.Server
	key    *rsa.PrivateKey
	kid    string
	made   int            // keys
	asked  map[string]int // by path
	fault  http.HandlerFunc
}

// New starts an issuer that ends with the test.
func New(t testing.TB) *Issuer {
	t.Helper()
	l, err := new(net.ListenConfig).Listen(t.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatalf("starting an issuer: %v", err)
	}
	i := &Issuer{URL: "http://" + l.Addr().String(), t: t, asked: map[string]int{}}
	i.Rotate()
	i.serve(l)
	t.Cleanup(i.Stop)
	return i
}

func (i *Issuer) serve(l net.Listener) {
	server := &http.Server{Handler: i, ReadHeaderTimeout: time.Minute}
	i.mu.Lock()
	i.server = server
	i.mu.Unlock()
	go func() { _ = server.Serve(l) }() // ends with Stop
}

// Stop makes the issuer refuse connections.
func (i *Issuer) Stop() {
	i.mu.Lock()
	defer i.mu.Unlock()
	_ = i.server.Close()
}

// Start serves again where it did before.
func (i *Issuer) Start() {
	i.t.Helper()
	l, err := new(net.ListenConfig).Listen(i.t.Context(), "tcp", i.URL[len("http://"):])
	if err != nil {
		i.t.Fatalf("starting the issuer again: %v", err)
	}
	i.serve(l)
}

// Rotate signs with another key from now on, and publishes no other.
func (i *Issuer) Rotate() {
	i.t.Helper()
	key, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		i.t.Fatalf("making a key: %v", err)
	}
	i.mu.Lock()
	defer i.mu.Unlock()
	i.made++
	i.key, i.kid = key, fmt.Sprint("key-", i.made)
}

// Misbehave has every request answered by that handler; nil behaves again.
func (i *Issuer) Misbehave(with http.HandlerFunc) {
	i.mu.Lock()
	defer i.mu.Unlock()
	i.fault = with
}

// Asked is how often a path was asked for.
func (i *Issuer) Asked(path string) int {
	i.mu.Lock()
	defer i.mu.Unlock()
	return i.asked[path]
}

// ServeHTTP implements [http.Handler].
func (i *Issuer) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	i.mu.Lock()
	i.asked[r.URL.Path]++
	fault := i.fault
	i.mu.Unlock()
	if fault != nil {
		fault(w, r)
		return
	}
	i.Answer(w, r)
}

// Answer answers a request as it should be.
func (i *Issuer) Answer(w http.ResponseWriter, r *http.Request) {
	i.mu.Lock()
	public, kid := i.key.PublicKey, i.kid
	i.mu.Unlock()
	switch r.URL.Path {
	case ConfigPath:
		i.answer(w, map[string]any{
			"issuer": i.URL, "jwks_uri": i.URL + KeysPath, "authorization_endpoint": i.URL + "/auth", "token_endpoint": i.URL + "/token",
			"id_token_signing_alg_values_supported": []string{"RS256", "HS256", "none"},
		})
	case KeysPath:
		i.answer(w, map[string]any{"keys": []any{
			map[string]any{"kty": "OKP", "crv": "Ed448", "x": "AAAA", "kid": "unknown-kind"},
			map[string]any{
				"kty": "RSA", "use": "sig", "alg": "RS256", "kid": kid,
				"n": base64.RawURLEncoding.EncodeToString(public.N.Bytes()),
				"e": base64.RawURLEncoding.EncodeToString(big.NewInt(int64(public.E)).Bytes()),
			},
		}})
	default:
		http.NotFound(w, r)
	}
}

func (i *Issuer) answer(w http.ResponseWriter, v any) {
	w.Header().Set("Content-Type", "application/json")
	if err := json.MarshalWrite(w, v); err != nil {
		i.t.Errorf("the issuer cannot answer: %v", err)
	}
}

// Claims are what a good token says at that time, with more in their place; a
// claim that is nil is left out.
func (i *Issuer) Claims(now time.Time, more map[string]any) map[string]any {
	c := map[string]any{"iss": i.URL, "aud": "dunwell", "sub": "alice", "iat": now.Unix(), "exp": now.Add(time.Hour).Unix()}
	for name, v := range more {
		if c[name] = v; v == nil {
			delete(c, name)
		}
	}
	return c
}

// Sign returns a token that says so, signed with the present key.
func (i *Issuer) Sign(claims map[string]any) string {
	return i.SignAs(nil, claims)
}

// SignAs is Sign with other members in the header, such as kid. With the alg
// RS512 it signs by that.
func (i *Issuer) SignAs(header, claims map[string]any) string {
	i.t.Helper()
	i.mu.Lock()
	key, kid := i.key, i.kid
	i.mu.Unlock()
	h := map[string]any{"alg": "RS256", "typ": "JWT", "kid": kid}
	maps.Copy(h, header)
	signed := i.encode(h) + "." + i.encode(claims)
	algorithm := crypto.SHA256
	if h["alg"] == "RS512" {
		algorithm = crypto.SHA512
	}
	sum := algorithm.New()
	sum.Write([]byte(signed))
	signature, err := rsa.SignPKCS1v15(rand.Reader, key, algorithm, sum.Sum(nil))
	if err != nil {
		i.t.Fatalf("signing a token: %v", err)
	}
	return signed + "." + base64.RawURLEncoding.EncodeToString(signature)
}

// Unsigned returns a token of algorithm none.
func (i *Issuer) Unsigned(claims map[string]any) string {
	i.t.Helper()
	return i.encode(map[string]any{"alg": "none", "typ": "JWT"}) + "." + i.encode(claims) + "."
}

// Confused returns a token whose secret, of algorithm HS256, is the issuer's
// public key, in the form in which it is usually kept.
func (i *Issuer) Confused(claims map[string]any) string {
	i.t.Helper()
	i.mu.Lock()
	public, kid := &i.key.PublicKey, i.kid
	i.mu.Unlock()
	der, err := x509.MarshalPKIXPublicKey(public)
	if err != nil {
		i.t.Fatalf("writing the public key: %v", err)
	}
	mac := hmac.New(sha256.New, pem.EncodeToMemory(&pem.Block{Type: "PUBLIC KEY", Bytes: der}))
	signed := i.encode(map[string]any{"alg": "HS256", "typ": "JWT", "kid": kid}) + "." + i.encode(claims)
	mac.Write([]byte(signed))
	return signed + "." + base64.RawURLEncoding.EncodeToString(mac.Sum(nil))
}

func (i *Issuer) encode(v any) string {
	i.t.Helper()
	raw, err := json.Marshal(v)
	if err != nil {
		i.t.Fatalf("writing a token: %v", err)
	}
	return base64.RawURLEncoding.EncodeToString(raw)
}
