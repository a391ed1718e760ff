package e2e_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"slices"
	"strings"

	"github.com/dunwellhq/dunwell/internal/apitest"
)

// object is a JSON object.
type object = map[string]any

// created is what the answer to a POST is looked at for.
type created struct {
	ID         string `json:"id"`
	IngestPath string `json:"ingest_path"`
}

// trigger is what these tests look at in a workflow trigger.
type trigger struct {
	ID      string `json:"id"`
	Status  string `json:"status"`
	Reason  string `json:"reason"`
	Type    string `json:"type"`
	Invoice struct {
		InvoiceID string `json:"invoice_id"`
		Event     struct {
			Variant string `json:"variant"`
		} `json:"event"`
	} `json:"invoice"`
}

// execution is what these tests look at in a workflow execution.
type execution struct {
	ID            string `json:"id"`
	TriggerID     string `json:"trigger_id"`
	CustomerID    string `json:"customer_id"`
	InvoiceID     string `json:"invoice_id"`
	PaymentID     string `json:"payment_id"`
	Status        string `json:"status"`
	Reason        string `json:"reason"`
	AttemptCount  int    `json:"attempt_count"`
	NextAttemptAt string `json:"next_attempt_at"`

	// Only when it is asked for by id.
	Attempts []struct {
		Number  int    `json:"number"`
		Outcome string `json:"outcome"`
		Reply   string `json:"reply"`
		EndedAt string `json:"ended_at"`
	} `json:"attempts"`
	Message *struct {
		Subject  string   `json:"subject"`
		Locale   string   `json:"locale"`
		Warnings []string `json:"warnings"`
	} `json:"message"`
}

// over reports whether nothing more happens to it by itself.
func (x execution) over() bool {
	return slices.Contains([]string{"SENT", "UNCONFIRMED", "FAILED", "CANCELLED", "SKIPPED"}, x.Status)
}

// problem is an error of the API.
type problem struct {
	Type    string `json:"type"`
	Code    string `json:"code"`
	Message string `json:"message"`
	Field   string `json:"field"`
}

// call asks the API and returns its answer, which has to be as described. A body
// that is a string is sent as it stands; headers are names and values in turn,
// an empty value removes one. No input whatsoever may be answered 5xx.
func (w *world) call(method, path string, body any, header ...string) (int, []byte) {
	w.Helper()
	request, err := w.request(method, path, body, header...)
	if err != nil {
		w.Fatal(err)
	}
	response, err := w.http.Do(request)
	if err != nil {
		w.Fatalf("%s %s: %v", method, path, err)
	}
	defer response.Body.Close()
	apitest.Check(w, request, response)
	answer, err := io.ReadAll(response.Body)
	if err != nil {
		w.Fatalf("%s %s: %v", method, path, err)
	}
	if response.StatusCode >= http.StatusInternalServerError {
		w.Errorf("%s %s: got %d, want nothing of the kind: %s", method, path, response.StatusCode, answer)
	}
	return response.StatusCode, answer
}

// request prepares a call of the administrator.
func (w *world) request(method, path string, body any, header ...string) (*http.Request, error) {
	var reader io.Reader
	switch body := body.(type) {
	case nil:
	case string:
		reader = strings.NewReader(body)
	case []byte:
		reader = bytes.NewReader(body)
	default:
		raw, err := json.Marshal(body)
		if err != nil {
			return nil, err
		}
		reader = bytes.NewReader(raw)
	}
	request, err := http.NewRequestWithContext(w.Context(), method, w.url.Load().(string)+path, reader)
	if err != nil {
		return nil, err
	}
	request.Header.Set("X-API-KEY", administrator)
	if body != nil {
		request.Header.Set("Content-Type", "application/json")
	}
	for i := 0; i < len(header); i += 2 {
		request.Header.Del(header[i])
		if header[i+1] != "" {
			request.Header.Set(header[i], header[i+1])
		}
	}
	return request, nil
}

// must asks the API for something that it has to do.
func (w *world) must(method, path string, body any) []byte {
	w.Helper()
	status, answer := w.call(method, path, body)
	if status != http.StatusOK && status != http.StatusCreated {
		w.Fatalf("%s %s: got %d %s, want 200 or 201", method, path, status, answer)
	}
	return answer
}

func (w *world) create(path string, body any) created {
	w.Helper()
	return read[created](w, w.must(http.MethodPost, path, body))
}

// read decodes an answer.
func read[T any](w *world, answer []byte) T {
	w.Helper()
	var v T
	if err := json.Unmarshal(answer, &v); err != nil {
		w.Fatalf("reading an answer: %v\n%s", err, answer)
	}
	return v
}

// all returns every page of a list, oldest first.
func all[T any](w *world, path, query string) []T {
	w.Helper()
	var list []T
	for page := 1; ; page++ {
		answer := w.must(http.MethodGet, fmt.Sprintf("%s?limit=100&order_direction=asc&page=%d&%s", path, page, query), nil)
		got := read[struct {
			Data  []T `json:"data"`
			Links struct {
				Next *string `json:"next"`
			} `json:"links"`
		}](w, answer)
		list = append(list, got.Data...)
		if got.Links.Next == nil {
			return list
		}
	}
}

func (w *world) executions() []execution {
	w.Helper()
	return all[execution](w, "/v1/workflow-executions", "")
}

// unconfirmed returns what the API lists for the operator to look into.
func (w *world) unconfirmed() []execution {
	w.Helper()
	return all[execution](w, "/v1/workflow-executions", "statuses[]=UNCONFIRMED")
}

func (w *world) execution(id string) execution {
	w.Helper()
	return read[execution](w, w.must(http.MethodGet, "/v1/workflow-executions/"+id, nil))
}

func (w *world) trigger(id string) trigger {
	w.Helper()
	return read[trigger](w, w.must(http.MethodGet, "/v1/workflow-triggers/"+id, nil))
}

// switchTo sets the platform's kill switch.
func (w *world) switchTo(sending object) {
	w.Helper()
	platforms := all[created](w, "/v1/platforms", "")
	if len(platforms) != 1 {
		w.Fatalf("platforms: got %d, want 1", len(platforms))
	}
	w.must(http.MethodPatch, "/v1/platforms/"+platforms[0].ID, sending)
}
