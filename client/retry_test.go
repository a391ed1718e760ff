package client_test

import (
	"context"
	"crypto/tls"
	"errors"
	"io"
	"net"
	"net/http"
	"slices"
	"strings"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"github.com/dunwellhq/dunwell/client"
)

var (
	good        = answer{status: 200, body: "{}"}
	unavailable = answer{status: 503}
	running     = answer{status: 422, body: `{"type":"INVALID_REQUEST","code":"IDEMPOTENCY_CHECK_FAILED","message":"still running","field":null,"resource_id":null,"resource_type":null}`}
	clash       = answer{status: 409, body: `{"type":"INVALID_REQUEST","code":"RESOURCE_ALREADY_EXISTS","message":"taken","field":"reference","resource_id":null,"resource_type":null}`}
)

// The kinds of requests, by what a second one may do.
var calls = map[string]func(context.Context, *client.Client) error{
	"GET": func(ctx context.Context, c *client.Client) error { _, err := c.GetWorkflow(ctx, "x"); return err },
	"PUT": func(ctx context.Context, c *client.Client) error {
		_, err := c.PutInvoice(ctx, "x", client.InvoicePut{})
		return err
	},
	"DELETE": func(ctx context.Context, c *client.Client) error {
		_, err := c.DeleteWorkflowAction(ctx, "x")
		return err
	},
	"PATCH": func(ctx context.Context, c *client.Client) error {
		_, err := c.UpdateWorkflow(ctx, "x", client.WorkflowMembers{})
		return err
	},
	"POST": func(ctx context.Context, c *client.Client) error {
		_, err := c.CreateWorkflow(ctx, toFinal("x"))
		return err
	},
	"search": func(ctx context.Context, c *client.Client) error {
		_, err := c.SearchWorkflowsPage(ctx, nil, &client.SearchRequest{})
		return err
	},
	"ingest": func(ctx context.Context, c *client.Client) error {
		_, err := c.IngestResources(ctx, nil, nil)
		return err
	},
}

// TestRetries: what is sent again, by request and answer.
func TestRetries(t *testing.T) {
	repeatable := []string{"GET", "PUT", "POST", "search", "ingest"}
	every := append([]string{"DELETE", "PATCH"}, repeatable...)
	refused := &net.OpError{Op: "dial", Err: syscall.ECONNREFUSED}
	for name, tt := range map[string]struct {
		answer answer
		again  []string
	}{
		"too many requests":         {answer{status: 429}, every},
		"unavailable":               {unavailable, repeatable},
		"a gateway's":               {answer{status: 502}, repeatable},
		"a gateway's timeout":       {answer{status: 504}, repeatable},
		"a defect, nothing done":    {answer{status: 500, headers: []string{"Idempotency-Retryable", "true"}}, every},
		"a defect, maybe done":      {answer{status: 500, headers: []string{"Idempotency-Retryable", "false"}}, nil},
		"a defect":                  {answer{status: 500}, nil},
		"the first is running":      {running, []string{"POST"}},
		"unprocessable":             {answer{status: 422}, nil},
		"a clash":                   {clash, nil},
		"not found":                 {answer{status: 404}, nil},
		"refused connection":        {answer{err: refused}, every},
		"cut off":                   {answer{err: io.ErrUnexpectedEOF}, repeatable},
		"reset":                     {answer{err: &net.OpError{Op: "read", Err: syscall.ECONNRESET}}, repeatable},
		"a certificate not trusted": {answer{err: &tls.CertificateVerificationError{}}, nil},
		"a name that is none":       {answer{err: &net.OpError{Op: "dial", Err: &net.DNSError{IsNotFound: true}}}, nil},
	} {
		for kind, call := range calls {
			t.Run(name+" "+kind, func(t *testing.T) {
				synctest.Test(t, func(t *testing.T) {
					f := giving(tt.answer, good)
					err := call(t.Context(), of(t, f))
					want := 1
					if slices.Contains(tt.again, kind) {
						want = 2
					}
					if len(f.requests) != want || (err == nil) != (want == 2) {
						t.Errorf("got %d requests and %v, want %d", len(f.requests), err, want)
					}
				})
			})
		}
	}
}

// TestTriesOfOneCallAreOneRequest: all bear the same key and the same body, and
// another call has another key.
func TestTriesOfOneCallAreOneRequest(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := giving(unavailable, unavailable, good)
		c := of(t, f)
		for range 2 {
			if _, err := c.CreateWorkflow(t.Context(), toFinal("x")); err != nil {
				t.Fatal(err)
			}
		}
		var keys []string
		for i, req := range f.requests {
			keys = append(keys, req.Header.Get("Idempotency-Key"))
			if f.bodies[i] != f.bodies[0] || f.bodies[i] == "" {
				t.Errorf("body %d: %q, not as before", i, f.bodies[i])
			}
		}
		if len(keys) != 4 || keys[0] == "" || keys[0] != keys[1] || keys[1] != keys[2] || keys[2] == keys[3] {
			t.Errorf("keys: %q, want one for three tries and another", keys)
		}
	})
}

// TestKeysOnlyWhereTheyCount: nothing but a POST that has an effect bears one.
func TestKeysOnlyWhereTheyCount(t *testing.T) {
	for kind, call := range calls {
		f := giving(good)
		if err := call(t.Context(), of(t, f)); err != nil {
			t.Fatal(err)
		}
		if got, want := f.requests[0].Header.Get("Idempotency-Key") != "", kind == "POST"; got != want {
			t.Errorf("%s with a key: %v, want %v", kind, got, want)
		}
	}
}

// TestPauses: they grow, are never the same, and end.
func TestPauses(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var at []time.Time
		f := giving(unavailable)
		f.seen = func() { at = append(at, time.Now()) }
		_, err := of(t, f, client.WithRetries(9)).GetWorkflow(t.Context(), "x")
		if !client.IsUnavailable(err) || len(at) != 10 {
			t.Fatalf("got %v after %d tries, want 10", err, len(at))
		}
		for i := range 9 {
			most := min(10*time.Second, 200*time.Millisecond<<i)
			if pause := at[i+1].Sub(at[i]); pause < most/2 || pause >= most {
				t.Errorf("pause %d: %v, want %v to %v", i, pause, most/2, most)
			}
		}
	})
}

func TestRetriesCanBeOff(t *testing.T) {
	f := giving(unavailable)
	if _, err := of(t, f, client.WithRetries(0)).GetWorkflow(t.Context(), "x"); !client.IsUnavailable(err) || len(f.requests) != 1 {
		t.Errorf("got %v after %d requests", err, len(f.requests))
	}
}

// TestRetryAfter: the server says when, as a number or as an hour by its clock.
func TestRetryAfter(t *testing.T) {
	const date = "Wed, 25 Nov 2026 10:00:00 GMT"
	for name, tt := range map[string]struct {
		headers []string
		pause   time.Duration // 0: it is not waited for
		asked   time.Duration
	}{
		"seconds":          {[]string{"Retry-After", "7"}, 7 * time.Second, 7 * time.Second},
		"an hour":          {[]string{"Retry-After", "Wed, 25 Nov 2026 10:00:09 GMT", "Date", date}, 9 * time.Second, 9 * time.Second},
		"half a minute":    {[]string{"Retry-After", "30"}, 30 * time.Second, 30 * time.Second},
		"more than that":   {[]string{"Retry-After", "31"}, 0, 31 * time.Second},
		"an hour long ago": {[]string{"Retry-After", "Wed, 25 Nov 2026 09:00:00 GMT", "Date", date}, 150 * time.Millisecond, 0},
		"nonsense":         {[]string{"Retry-After", "soon"}, 150 * time.Millisecond, 0},
		"negative":         {[]string{"Retry-After", "-5"}, 150 * time.Millisecond, 0},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				began := time.Now()
				f := giving(answer{status: 429, headers: tt.headers}, good)
				_, err := of(t, f).GetWorkflow(t.Context(), "x")
				took := time.Since(began)
				if tt.pause == 0 {
					if e, ok := errors.AsType[*client.Error](err); !ok || e.RetryAfter != tt.asked || took != 0 {
						t.Errorf("got %v after %v, want to be told to wait %v", err, took, tt.asked)
					}
					return
				}
				slack := time.Duration(0)
				if tt.asked == 0 {
					slack = 50 * time.Millisecond // the pause is by chance
				}
				if err != nil || took < tt.pause-slack || took > tt.pause+slack {
					t.Errorf("got %v after %v, want a pause of %v", err, took, tt.pause)
				}
			})
		})
	}
}

// TestContextEndsTheWaiting: at once, and the error says what it was waiting for.
func TestContextEndsTheWaiting(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithTimeout(t.Context(), 3*time.Second)
		defer cancel()
		began := time.Now()
		f := giving(answer{status: 503, headers: []string{"Retry-After", "20"}})
		_, err := of(t, f).GetWorkflow(ctx, "x")
		if !errors.Is(err, context.DeadlineExceeded) || !client.IsUnavailable(err) || time.Since(began) != 3*time.Second {
			t.Errorf("got %v after %v", err, time.Since(began))
		}
	})
}

func TestNothingIsSentAgainForWhoIsGone(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	f := giving(answer{err: io.ErrUnexpectedEOF})
	f.seen = cancel
	if _, err := of(t, f).GetWorkflow(ctx, "x"); err == nil || len(f.requests) != 1 || strings.Contains(err.Error(), "waiting") {
		t.Errorf("got %v after %d requests", err, len(f.requests))
	}
}

// TestServerThatIsCutOff: over a real connection, an answer that breaks off is
// asked for again.
func TestServerThatIsCutOff(t *testing.T) {
	w := newWorld(t)
	broken := &breaking{left: 2}
	c, err := client.New(w.url, w.key, client.WithHTTPClient(&http.Client{Transport: broken}))
	w.must(err)
	made, err := c.CreateWorkflow(w.ctx, toFinal("once"))
	w.must(err)
	page, err := w.ListWorkflowsPage(w.ctx, nil)
	w.must(err)
	if len(page.Data) != 1 || page.Data[0].ID != made.ID || broken.left != 0 {
		t.Errorf("got %d workflows with %d breaks left, want the one", len(page.Data), broken.left)
	}
}

// TestWhatWasDoneIsNotFoundMissing: a DELETE or a PATCH whose answer is lost ends
// as that, and not as the 404 that a second one would get.
func TestWhatWasDoneIsNotFoundMissing(t *testing.T) {
	w := newWorld(t)
	made, err := w.CreateWorkflow(w.ctx, toFinal("old"))
	w.must(err)
	_, err = w.PutIntegration(w.ctx, "mail", client.IntegrationPut{
		Type: client.IntegrationTypeEmailProvider, Status: client.IntegrationStatusActive,
		EmailProvider: client.IntegrationEmailProvider{Variant: client.IntegrationEmailProviderVariantSystem},
	})
	w.must(err)
	action, err := w.CreateWorkflowAction(w.ctx, client.WorkflowActionCreate{
		WorkflowID: made.ID, Type: client.WorkflowActionTypeSendEmailToCustomer, Status: client.StatusDraft,
		SendEmailToCustomer: &client.SendEmail{IntegrationID: "mail", TemplateName: "default", Variant: new(client.SendEmailVariantInvoice)},
	})
	w.must(err)
	broken := &breaking{}
	c, err := client.New(w.url, w.key, client.WithHTTPClient(&http.Client{Transport: broken}))
	w.must(err)

	broken.left = 1
	if _, err := c.DeleteWorkflowAction(w.ctx, action.ID); !errors.Is(err, io.ErrUnexpectedEOF) || client.IsNotFound(err) {
		t.Errorf("a DELETE whose answer is lost: %v", err)
	}
	if _, err := w.GetWorkflowAction(w.ctx, action.ID); !client.IsNotFound(err) {
		t.Errorf("the action: %v, want it to be deleted", err)
	}
	broken.left = 1
	if _, err := c.UpdateWorkflow(w.ctx, "old", client.WorkflowMembers{Reference: new("new")}); !errors.Is(err, io.ErrUnexpectedEOF) || client.IsNotFound(err) {
		t.Errorf("a PATCH whose answer is lost: %v", err)
	}
	_, err = w.GetWorkflow(w.ctx, "new")
	w.must(err)
}

// breaking loses answers that the server has given.
type breaking struct{ left int }

func (b *breaking) RoundTrip(req *http.Request) (*http.Response, error) {
	resp, err := http.DefaultTransport.RoundTrip(req)
	if err == nil && b.left > 0 {
		b.left--
		_ = resp.Body.Close()
		return nil, io.ErrUnexpectedEOF
	}
	return resp, err
}
