package client_test

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"

	"github.com/dunwellhq/dunwell/client"
)

// Announce final invoices, then see what became of each.
func Example() {
	ctx := context.Background()
	c, err := client.New("https://billing.example.com", os.Getenv("DUNWELL_API_KEY"))
	if err != nil {
		panic(err)
	}
	workflow, err := c.CreateWorkflow(ctx, client.WorkflowCreate{
		Name:      "Announce invoices",
		Reference: "announce",
		Type:      client.WorkflowTypeInvoice,
		Status:    client.StatusActive,
		Invoice:   &client.WorkflowInvoice{Variant: new(client.WorkflowInvoiceVariantToFinal)},
	})
	if refused, ok := errors.AsType[*client.Error](err); ok {
		fmt.Println(refused.Field, refused.Message)
		return
	}
	for x, err := range c.ListWorkflowExecutions(ctx, &client.ListWorkflowExecutionsParams{WorkflowID: workflow.ID}) {
		if err != nil {
			panic(err)
		}
		fmt.Println(x.ID, x.Status)
	}
}

// A merge patch says what changes: what is not in it stays, and Null clears.
func ExampleNull() {
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body := make([]byte, r.ContentLength)
		_, _ = r.Body.Read(body)
		fmt.Println(r.Method, r.URL.Path, string(body))
		fmt.Fprint(w, "{}")
	}))
	defer server.Close()
	c, err := client.New(server.URL, "")
	if err != nil {
		panic(err)
	}
	_, err = c.UpdateWorkflow(context.Background(), "announce", client.WorkflowMembers{
		Name:        new("Announce every invoice"),
		Description: client.Null[string](),
		CustomerIDs: client.Set([]string{"cust_1"}),
	})
	fmt.Println(err)
	// Output:
	// PATCH /v1/workflows/announce {"name":"Announce every invoice","description":null,"customer_ids":["cust_1"]}
	// <nil>
}
