package engine_test

import (
	"sync"
	"testing"

	"github.com/dunwellhq/dunwell/internal/fault"
	"github.com/dunwellhq/dunwell/internal/platform"
)

// TestCredentialsStayWithTheirServer: of two changes at once, one of which takes a
// server with its credentials and one the other server with those that are stored,
// none gives the credentials of one server to the other.
func TestCredentialsStayWithTheirServer(t *testing.T) {
	onBoth(t, func(w *world) {
		at := func(host string) platform.Integration {
			return platform.Integration{
				ID: "mail", Type: "EMAIL_PROVIDER", Status: platform.IntegrationActive, Credentials: platform.Credentials{Username: host, Password: host},
				EmailProvider: platform.EmailProvider{Variant: platform.SMTP, SMTP: &platform.SMTPSettings{Host: host, Port: 25, Security: platform.NoTLS}},
			}
		}
		for range 30 {
			_, _, err := w.e.PutIntegration(w.ctx, w.p, at("a"), false)
			w.must(err)
			var all sync.WaitGroup
			all.Go(func() {
				if _, _, err := w.e.PutIntegration(w.ctx, w.p, at("b"), false); err != nil {
					w.Errorf("moving: %v", err)
				}
			})
			all.Go(func() {
				_, err := w.e.ChangeIntegration(w.ctx, w.p, "mail", func(in *platform.Integration) (bool, error) {
					*in = at("a")
					return true, nil
				})
				if err != nil && !fault.Is(err, fault.Missing) {
					w.Errorf("keeping: %v", err)
				}
			})
			all.Wait()
			in, err := w.s.OpenIntegration(w.ctx, w.p, "mail")
			w.must(err)
			if in.Credentials.Username != in.EmailProvider.SMTP.Host {
				w.Fatalf("the credentials of %s are for %s now", in.Credentials.Username, in.EmailProvider.SMTP.Host)
			}
		}
	})
}
