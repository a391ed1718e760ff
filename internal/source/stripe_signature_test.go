package source_test

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/dunwellhq/dunwell/internal/fault"
	"github.com/dunwellhq/dunwell/internal/source"
)

const (
	secret    = "whsec_FakeSecretOfTheEndpoint0001"
	oldSecret = "whsec_FakeSecretOfTheEndpoint0000"
)

func sign(secret, signed, body string) string {
	mac := hmac.New(sha256.New, []byte(secret))
	mac.Write([]byte(signed + "." + body))
	return hex.EncodeToString(mac.Sum(nil))
}

// verify checks a header, and what it signs if there is nothing wrong with it.
func verify(header string, body []byte, secrets []string, now time.Time) error {
	signature, err := source.Stripe{}.Signature(header, now)
	if err != nil {
		return err
	}
	return signature.Verify(body, secrets)
}

func TestStripeVerify(t *testing.T) {
	now := time.Date(2026, 1, 5, 12, 0, 0, 0, time.UTC)
	at := func(d time.Duration) string { return strconv.FormatInt(now.Add(d).Unix(), 10) }
	body := `{"id":"evt_1"}`
	header := func(t, v1 string) string {
		return "t=" + t + ",v1=" + v1 + ",v0=6ffbb59b2300aae63f272406069a9788598b792a944a07aba816edb039989a39"
	}
	good := sign(secret, at(0), body)
	bad := sign(secret, at(0), body+" ")
	for _, c := range []struct {
		name, header string
		secrets      []string
		body         string
		want         string // a part of the message, or empty when it is right
	}{
		{"right", header(at(0), good), []string{secret}, body, ""},
		{"blanks between the parts", "t=" + at(0) + ", v1=" + good, []string{secret}, body, ""},
		{"rolled, signed with the new", header(at(0), good), []string{oldSecret, secret}, body, ""},
		{"rolled, signed with the old", header(at(0), sign(oldSecret, at(0), body)), []string{secret, oldSecret}, body, ""},
		{"several v1, the last is right", header(at(0), bad+",v1=xyz,v1="+good), []string{secret}, body, ""},
		{"5 minutes old", header(at(-5*time.Minute), sign(secret, at(-5*time.Minute), body)), []string{secret}, body, ""},
		{"stale", header(at(-301*time.Second), sign(secret, at(-301*time.Second), body)), []string{secret}, body, "older than 5 minutes"},
		{"future", header(at(301*time.Second), sign(secret, at(301*time.Second), body)), []string{secret}, body, "in the future"},
		{"far future", header("9223372036854775807", sign(secret, "9223372036854775807", body)), []string{secret}, body, "in the future"},
		{"far past", header("-9223372036854775808", sign(secret, "-9223372036854775808", body)), []string{secret}, body, "older than 5 minutes"},
		{"time is no number", header("soon", sign(secret, "soon", body)), []string{secret}, body, "no number"},
		{"wrong secret", header(at(0), sign("whsec_other", at(0), body)), []string{secret, oldSecret}, body, "no signature"},
		{"tampered body", header(at(0), good), []string{secret}, `{"id":"evt_2"}`, "no signature"},
		{"tampered time", header(at(time.Second), good), []string{secret}, body, "no signature"},
		{"cut signature", header(at(0), good[:62]), []string{secret}, body, "no signature v1"},
		{"no secrets", header(at(0), good), nil, body, "no signature"},
		{"empty secret", header(at(0), sign("", at(0), body)), []string{""}, body, "no signature"},
		{"only v0", "t=" + at(0) + ",v0=" + good, []string{secret}, body, "no signature v1"},
		{"missing t", "v1=" + good, []string{secret}, body, "no time t"},
		{"two t", "t=1," + header(at(0), good), []string{secret}, body, "two times"},
		{"no header", "", []string{secret}, body, "no time t"},
	} {
		t.Run(c.name, func(t *testing.T) {
			err := verify(c.header, []byte(c.body), c.secrets, now)
			if c.want == "" {
				if err != nil {
					t.Errorf("got %v, want it accepted", err)
				}
				return
			}
			if !fault.Is(err, fault.Unauthorised) || !strings.Contains(err.Error(), c.want) {
				t.Fatalf("got %v, want unauthorised: … %s …", err, c.want)
			}
			if strings.Contains(err.Error(), "whsec_F") || strings.Contains(err.Error(), good) {
				t.Errorf("the message tells a secret: %v", err)
			}
		})
	}
}

func FuzzStripeVerify(f *testing.F) {
	f.Add("t=1767614400,v1=5257a869e7ecebeda32affa62cdca3fa51cad7e77a0e56ff536d0ce8e108d8bd", []byte(`{}`))
	f.Add("t=,v1=,v1", []byte(nil))
	f.Add(",,==,t==1,v1=zz", []byte("x"))
	f.Fuzz(func(t *testing.T, header string, body []byte) {
		err := verify(header, body, []string{secret, ""}, time.Unix(1767614400, 0))
		if !fault.Is(err, fault.Unauthorised) {
			t.Errorf("got %v for %q, want unauthorised", err, header)
		}
	})
}
