package client_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/dunwellhq/dunwell/client"
)

func toFinal(reference string) client.WorkflowCreate {
	return client.WorkflowCreate{
		Name: "Announce", Type: client.WorkflowTypeInvoice, Reference: reference, Status: client.StatusActive,
		Invoice: &client.WorkflowInvoice{Variant: new(client.WorkflowInvoiceVariantToFinal)},
	}
}

// TestOneMessage: the whole way of a message, by the client alone.
func TestOneMessage(t *testing.T) {
	w := newWorld(t)
	_, err := w.PutIntegration(w.ctx, "mail", client.IntegrationPut{
		Type: client.IntegrationTypeEmailProvider, Status: client.IntegrationStatusActive,
		EmailProvider: client.IntegrationEmailProvider{Variant: client.IntegrationEmailProviderVariantSystem},
	})
	w.must(err)
	_, err = w.PutBillingEntity(w.ctx, "acme", client.BillingEntityMembers{LegalName: new("Acme Ltd"), Email: new("billing@acme.example")})
	w.must(err)
	workflow, err := w.CreateWorkflow(w.ctx, toFinal("announce"))
	w.must(err)
	action, err := w.CreateWorkflowAction(w.ctx, client.WorkflowActionCreate{
		WorkflowID: workflow.ID, Type: client.WorkflowActionTypeSendEmailToCustomer, Status: client.StatusActive,
		SendEmailToCustomer: &client.SendEmail{IntegrationID: "mail", TemplateName: "default", Variant: new(client.SendEmailVariantInvoice)},
	})
	w.must(err)
	customer, err := client.ItemOf(client.IngestItemObjectTypeCustomer, "c-1", client.CustomerPut{
		Status: client.CustomerStatusActive, Email: new("jan@customer.example"), BillingEntityID: new("acme"), SourceVersion: new(9007199254740993),
	})
	w.must(err)
	results, err := w.IngestResources(w.ctx, nil, []client.IngestItem{customer})
	w.must(err)
	if len(results.Data) != 1 || !results.Data[0].Applied {
		t.Errorf("ingested: %+v", results.Data)
	}
	stored, err := w.GetCustomer(w.ctx, "c-1")
	w.must(err)
	if stored.SourceVersion == nil || *stored.SourceVersion != 9007199254740993 {
		t.Errorf("source_version: got %v, want it as it was sent", stored.SourceVersion)
	}
	// time.Now has fractions of a second, and the API takes none.
	var put client.Response
	_, err = w.PutInvoice(w.ctx, "i-1", client.InvoicePut{
		Status: client.InvoiceStatusFinal, CustomerID: "c-1", BillingEntityID: new("acme"), UpdatedToFinalAt: new(time.Now()),
		BillingCurrency: new(client.CurrencyEUR), InvoiceAmountIncludingTax: &client.Money{Quantity: "121.00", Currency: client.CurrencyEUR},
	}, client.Into(&put))
	w.must(err)
	if put.Status != http.StatusCreated || !strings.HasPrefix(put.RequestID(), "reqr_") || !json.Valid(put.Body) {
		t.Errorf("the response of the PUT: %d, request %q, %s", put.Status, put.RequestID(), put.Body)
	}
	w.drain()

	var executions []client.ExecutionMembers
	for x, err := range w.ListWorkflowExecutions(w.ctx, &client.ListWorkflowExecutionsParams{
		InvoiceID: "i-1", Statuses: []client.ExecutionStatus{client.ExecutionStatusSent, client.ExecutionStatusPending},
	}) {
		w.must(err)
		executions = append(executions, x)
	}
	if len(executions) != 1 || executions[0].Status != client.ExecutionStatusSent || executions[0].ActionID != action.ID {
		t.Fatalf("executions: got %+v, want one that is SENT", executions)
	}
	x, err := w.GetWorkflowExecution(w.ctx, executions[0].ID)
	w.must(err)
	if x.Message == nil || x.Message.To[0].Email == nil || *x.Message.To[0].Email != "jan@customer.example" {
		t.Errorf("the execution's message: %+v", x.Message)
	}
}

// TestPatchTellsNullFromAbsent: null clears, absent keeps.
func TestPatchTellsNullFromAbsent(t *testing.T) {
	w := newWorld(t)
	in := toFinal("patched")
	in.Description = new("as it was")
	_, err := w.CreateWorkflow(w.ctx, in)
	w.must(err)
	kept, err := w.UpdateWorkflow(w.ctx, "patched", client.WorkflowMembers{Name: new("Renamed")})
	w.must(err)
	if kept.Name != "Renamed" || kept.Description == nil || *kept.Description != "as it was" {
		t.Errorf("after a patch of the name: %q, %v", kept.Name, kept.Description)
	}
	set, err := w.UpdateWorkflow(w.ctx, "patched", client.WorkflowMembers{Description: client.Set("as it is")})
	w.must(err)
	if set.Description == nil || *set.Description != "as it is" {
		t.Errorf("after a patch of the description: %v", set.Description)
	}
	cleared, err := w.UpdateWorkflow(w.ctx, "patched", client.WorkflowMembers{Description: client.Null[string]()})
	w.must(err)
	if cleared.Description != nil {
		t.Errorf("after a patch with null: %q", *cleared.Description)
	}
}

// TestLists: both kinds of lists are gone through page by page, in the order
// that is asked for, and only as far as they are read.
func TestLists(t *testing.T) {
	w := newWorld(t)
	_, err := w.PutIntegration(w.ctx, "mail", client.IntegrationPut{
		Type: client.IntegrationTypeEmailProvider, Status: client.IntegrationStatusActive,
		EmailProvider: client.IntegrationEmailProvider{Variant: client.IntegrationEmailProviderVariantSystem},
	})
	w.must(err)
	var want []string
	for i := range 7 {
		in := toFinal(fmt.Sprintf("r-%d", i))
		in.Status = client.StatusDraft
		made, err := w.CreateWorkflow(w.ctx, in)
		w.must(err)
		want = append(want, made.Reference)
		_, err = w.CreateWorkflowAction(w.ctx, client.WorkflowActionCreate{
			WorkflowID: made.ID, Type: client.WorkflowActionTypeSendEmailToCustomer, Status: client.StatusDraft, Description: &made.Reference,
			SendEmailToCustomer: &client.SendEmail{IntegrationID: "mail", TemplateName: "default", Variant: new(client.SendEmailVariantInvoice)},
		})
		w.must(err)
	}
	_, err = w.ActivateWorkflow(w.ctx, "r-3")
	w.must(err)

	all := w.ListWorkflows(w.ctx, &client.ListWorkflowsParams{
		Limit: 2, OrderBy: client.ListWorkflowsOrderByReference, OrderDirection: client.OrderDirectionAsc, Statuses: []client.Status{client.StatusDraft},
	})
	for range 2 { // a sequence can be gone through again
		var got []string
		for workflow, err := range all {
			w.must(err)
			got = append(got, workflow.Reference)
		}
		if diff := cmp.Diff(slices.Concat(want[:3], want[4:]), got); diff != "" {
			t.Errorf("workflows (-want +got):\n%s", diff)
		}
	}
	for _, limit := range []int{0, 3, 7} {
		var got []string
		for action, err := range w.ListWorkflowActions(w.ctx, &client.ListWorkflowActionsParams{Limit: limit, OrderDirection: client.OrderDirectionAsc}) {
			w.must(err)
			got = append(got, *action.Description)
		}
		slices.Sort(got) // made within a second, in any order
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("actions, %d a page (-want +got):\n%s", limit, diff)
		}
	}
	found := 0
	search := &client.SearchRequest{FilterFields: []client.SearchRequestFilterField{{Name: "status", Values: []string{"DRAFT"}}}}
	for _, err := range w.SearchWorkflows(w.ctx, &client.SearchWorkflowsParams{Limit: 4}, search) {
		w.must(err)
		found++
	}
	if found != 6 {
		t.Errorf("found %d workflows, want 6 on two pages", found)
	}
	for _, err := range w.SearchWorkflows(w.ctx, nil, nil) { // no body is needed
		w.must(err)
		break
	}
	page, err := w.ListWorkflowsPage(w.ctx, nil)
	w.must(err)
	if len(page.Data) != 7 || page.Links.Next != nil {
		t.Errorf("a page: %d workflows, next %v", len(page.Data), page.Links.Next)
	}
	for _, err := range w.ListWorkflows(w.ctx, &client.ListWorkflowsParams{Limit: 101}) {
		if !client.IsInvalid(err) {
			t.Errorf("101 a page: got %v, want a refusal", err)
		}
	}
}

// TestErrors: what the server refuses can be told apart.
func TestErrors(t *testing.T) {
	w := newWorld(t)
	_, err := w.CreateWorkflow(w.ctx, client.WorkflowCreate{
		Name: "n", Type: client.WorkflowTypeInvoice, Reference: "r", Status: client.StatusActive,
		Invoice: &client.WorkflowInvoice{Variant: new(client.WorkflowInvoiceVariantOverdue), Overdue: &client.Periods{
			Periods: []client.Period{{Type: client.PeriodTypeDay, Value: new(1)}, {Type: "FORTNIGHT", Value: new(1)}},
		}},
	})
	e, ok := errors.AsType[*client.Error](err)
	if !ok {
		t.Fatalf("got %v, want an Error", err)
	}
	if !client.IsInvalid(err) || e.Type != client.ErrorTypeInvalidRequest || e.Code != client.ErrorCodeInvalidField ||
		e.Field != "invoice.overdue.periods.1.type" || !strings.HasPrefix(e.RequestID, "reqr_") {
		t.Errorf("got %#v", e)
	}
	if text := err.Error(); !strings.Contains(text, e.Message) || !strings.Contains(text, e.Field) || !strings.Contains(text, e.RequestID) {
		t.Errorf("the text %q does not say all", text)
	}
	_, err = w.GetWorkflow(w.ctx, "no such")
	if !client.IsNotFound(err) || client.IsInvalid(err) {
		t.Errorf("an unknown workflow: %v", err)
	}
	_, err = w.CreateWorkflow(w.ctx, toFinal("taken"))
	w.must(err)
	_, err = w.CreateWorkflow(w.ctx, toFinal("taken"))
	if !client.IsConflict(err) {
		t.Errorf("a reference that is taken: %v", err)
	}
	_, err = w.client("no key of yours").ListWorkflowsPage(w.ctx, nil)
	if !client.IsUnauthorised(err) {
		t.Errorf("an unknown key: %v", err)
	}
	_, err = w.ListWorkflowsPage(w.ctx, nil, client.OnPlatform("plat_00000000000000000000"))
	if !client.IsNotAllowed(err) {
		t.Errorf("a platform that is not the key's: %v", err)
	}
}

// TestWhoAndWhere: the credential, the platform and the idempotency key.
func TestWhoAndWhere(t *testing.T) {
	w := newWorld(t)
	bearer := w.client("", client.WithBearer(w.key))
	_, err := bearer.CreateWorkflow(w.ctx, toFinal("here"))
	w.must(err)
	elsewhere := w.client(w.key, client.WithPlatform(string(w.other)))
	if _, err := elsewhere.GetWorkflow(w.ctx, "here"); !client.IsNotFound(err) {
		t.Errorf("on the other platform: %v", err)
	}
	_, err = elsewhere.GetWorkflow(w.ctx, "here", client.OnPlatform(string(w.p)))
	w.must(err)

	var first, second client.Response
	for _, r := range []*client.Response{&first, &second} {
		_, err = w.CreateWorkflow(w.ctx, toFinal("once"), client.Keyed("my own"), client.Into(r))
		w.must(err)
	}
	if second.Header.Get("Idempotent-Replayed") != "true" || string(first.Body) != string(second.Body) {
		t.Errorf("the second with the same key: %v", second.Header)
	}
}

// TestWhatThisVersionDoesNotKnow: Do reaches any path.
func TestWhatThisVersionDoesNotKnow(t *testing.T) {
	w := newWorld(t)
	var made struct {
		ID string `json:"id"`
	}
	body := json.RawMessage(`{"name": "n", "type": "INVOICE", "reference": "raw", "status": "DRAFT"}`)
	w.must(w.Do(w.ctx, http.MethodPost, "/v1/workflows", body, &made))
	var page client.WorkflowPage
	w.must(w.Do(w.ctx, http.MethodGet, "/v1/workflows?statuses[]=DRAFT&limit=1", nil, &page))
	if len(page.Data) != 1 || page.Data[0].ID != made.ID {
		t.Errorf("got %+v", page.Data)
	}
	if err := w.Do(w.ctx, http.MethodGet, "/v1/tea", nil, nil); !client.IsNotFound(err) {
		t.Errorf("a path that does not exist: %v", err)
	}
	text, err := w.GetDocument(w.ctx)
	w.must(err)
	if !strings.HasPrefix(string(text), "openapi: 3.1") {
		t.Errorf("the description: %.40s", text)
	}
}

// TestURLs: what can be a server, and how values get into a path.
func TestURLs(t *testing.T) {
	for _, bad := range []string{"", "127.0.0.1:8080", "billing.example.com", "ftp://x", "http://", "https://x/?a=b", "https://x#y", "://"} {
		if _, err := client.New(bad, ""); err == nil {
			t.Errorf("%q was taken for a server", bad)
		}
	}
	f := giving(good)
	c := of(t, f)
	if _, err := c.GetWorkflow(t.Context(), "a/b?c#d e%"); err != nil {
		t.Fatal(err)
	}
	if got, want := f.requests[0].URL.String(), "http://dunwell.test/behind/a/proxy/v1/workflows/a%2Fb%3Fc%23d%20e%25"; got != want {
		t.Errorf("got %s, want %s", got, want)
	}
}

// TestRedirectsAreNotFollowed: the key stays with the server that it is for.
func TestRedirectsAreNotFollowed(t *testing.T) {
	f := giving(answer{status: 302, headers: []string{"Location", "http://elsewhere.test/"}})
	_, err := of(t, f).ListWorkflowsPage(t.Context(), nil)
	if client.StatusOf(err) != http.StatusFound || len(f.requests) != 1 {
		t.Errorf("got %v after %d requests, want the redirect itself", err, len(f.requests))
	}
}

// TestForeignAnswers: what is in the way may answer in words of its own.
func TestForeignAnswers(t *testing.T) {
	f := giving(answer{status: 413, body: "<html>too large</html>"})
	_, err := of(t, f).ListWorkflowsPage(t.Context(), nil)
	e, ok := errors.AsType[*client.Error](err)
	if !ok || e.Status != 413 || e.Code != "" || !strings.Contains(e.Message, "Request Entity Too Large") {
		t.Errorf("got %#v", err)
	}
	f = giving(answer{status: 200, body: "<html>welcome</html>"})
	if _, err = of(t, f).ListWorkflowsPage(t.Context(), nil); err == nil || !strings.Contains(err.Error(), "GET /v1/workflows") {
		t.Errorf("a page of HTML: got %v, want an error that names the request", err)
	}
	f = giving(answer{status: 200, body: `{"data": [], "links": {"next": "http://%zz"}}`})
	for _, err := range of(t, f).ListWorkflows(t.Context(), nil) {
		if err == nil {
			t.Error("a link that cannot be read was followed")
		}
	}
}
