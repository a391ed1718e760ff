package main

import (
	"bytes"
	"encoding/json"
	"log/slog"
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"go.yaml.in/yaml/v3"

	"github.com/dunwellhq/dunwell/client"
	"github.com/dunwellhq/dunwell/internal/config"
)

const testKey = "the-key-of-the-tests-has-some-40-characters"

// shell runs commands against a server of its own.
type shell struct {
	*testing.T
	url string
}

func newShell(t *testing.T) *shell {
	t.Helper()
	file := filepath.Join(t.TempDir(), "dunwell.db")
	settings := config.Serve{Database: config.Database{DatabaseURL: "sqlite:" + file}, Listen: "127.0.0.1:0", BootstrapKey: testKey, Workers: 1}
	a, err := start(t.Context(), settings, slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := a.stop(t.Context()); err != nil {
			t.Error(err)
		}
	})
	s := &shell{t, "http://" + a.listener.Addr().String()}
	s.put("/v1/integrations/mail", `{"type": "EMAIL_PROVIDER", "status": "ACTIVE", "email_provider": {"variant": "SYSTEM"}}`)
	s.put("/v1/billing-entities/acme", `{"legal_name": "Acme Ltd", "email": "billing@acme.example"}`)
	s.put("/v1/customers/c-1", `{"status": "ACTIVE", "email": "jan@customer.example", "billing_entity_id": "acme"}`)
	return s
}

// put does what the commands do not.
func (s *shell) put(path, body string) {
	s.Helper()
	api, err := client.New(s.url, testKey)
	if err != nil {
		s.Fatal(err)
	}
	if err := api.Do(s.Context(), http.MethodPut, path, json.RawMessage(body), nil); err != nil {
		s.Fatal(err)
	}
}

// both runs a command and returns what it writes to the standard output and beside it.
func (s *shell) both(args ...string) (out, beside string, err error) {
	s.Helper()
	var o, e bytes.Buffer
	err = run(s.Context(), append(args, "--url", s.url, "--api-key", testKey), &o, &e)
	return o.String(), e.String(), err
}

// try runs a command.
func (s *shell) try(args ...string) (string, error) {
	s.Helper()
	out, _, err := s.both(args...)
	return out, err
}

// run runs a command that must succeed.
func (s *shell) run(args ...string) string {
	s.Helper()
	out, err := s.try(args...)
	if err != nil {
		s.Fatalf("dunwell %s: %v", strings.Join(args, " "), err)
	}
	return out
}

// fails runs a command that must fail, and looks for words in its error.
func (s *shell) fails(words []string, args ...string) {
	s.Helper()
	out, err := s.try(args...)
	if err == nil {
		s.Fatalf("dunwell %s: no error, but %s", strings.Join(args, " "), out)
	}
	for _, word := range words {
		if !strings.Contains(err.Error(), word) {
			s.Errorf("dunwell %s: got %q, want %q in it", strings.Join(args, " "), err, word)
		}
	}
}

// write writes a file and returns its name.
func (s *shell) write(text string) string {
	s.Helper()
	file := filepath.Join(s.TempDir(), "body")
	if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
		s.Fatal(err)
	}
	return file
}

// fact is a value of what is shown of one thing.
func (s *shell) fact(out, name string) string {
	s.Helper()
	found := regexp.MustCompile(`(?m)^` + name + ` +(.*)$`).FindStringSubmatch(out)
	if found == nil {
		s.Fatalf("there is no %s in\n%s", name, out)
	}
	return found[1]
}

// TestFromWorkflowToMessage: the commands, in the order in which a person needs
// them, up to the message that was captured.
func TestFromWorkflowToMessage(t *testing.T) {
	s := newShell(t)
	made := s.run("workflow", "create", "--name", "Announce invoices", "--reference", "announce", "--variant", "to_final", "--description", "For all")
	id := s.fact(made, "id")
	if !strings.HasPrefix(id, "wkfl_") || s.fact(made, "status") != "DRAFT" || s.fact(made, "variant") != "TO_FINAL" || s.fact(made, "description") != "For all" {
		t.Errorf("created:\n%s", made)
	}
	action := s.fact(s.run("action", "create", "--workflow", "announce", "--integration", "mail", "--payment-link", "--contacts-as-cc"), "id")
	if got := s.run("action", "get", action); s.fact(got, "workflow") != id || s.fact(got, "template") != "default" || s.fact(got, "status") != "ACTIVE" {
		t.Errorf("the action:\n%s", got)
	}
	if got := s.fact(s.run("workflow", "activate", "announce"), "status"); got != "ACTIVE" {
		t.Errorf("activated: %s", got)
	}
	s.put("/v1/invoices/i-1", `{"status": "FINAL", "customer_id": "c-1", "billing_entity_id": "acme", "invoice_number": "2026-1",
		"billing_currency": "EUR", "invoice_amount_including_tax": {"quantity": "121.00", "currency": "EUR"}}`)
	s.put("/v1/invoices/i-2", `{"status": "FINAL", "customer_id": "c-1", "on_hold": true}`)
	api, err := client.New(s.url, testKey)
	if err != nil {
		t.Fatal(err)
	}
	d := demo{api: api}
	if err := d.settled(t.Context()); err != nil {
		t.Fatal(err)
	}

	triggers := s.run("trigger", "list")
	if lines := strings.Split(strings.TrimSpace(triggers), "\n"); len(lines) != 2 || !strings.Contains(lines[1], "i-1") || !strings.Contains(lines[1], "FIRED") {
		t.Errorf("triggers:\n%s", triggers)
	}
	skipped := s.run("trigger", "list", "--status", "skipped", "--status", "CANCELLED")
	if !strings.Contains(skipped, "i-2") || !strings.Contains(skipped, "ON_HOLD") {
		t.Errorf("triggers that did not fire:\n%s", skipped)
	}
	fired := s.run("trigger", "get", strings.Fields(strings.Split(triggers, "\n")[1])[0])
	if s.fact(fired, "about") != "i-1" || s.fact(fired, "variant") != "TO_FINAL" || s.fact(fired, "workflow") != id {
		t.Errorf("a trigger:\n%s", fired)
	}
	executions := s.run("execution", "list", "--status", "sent", "--workflow", id, "--customer", "c-1", "--invoice", "i-1")
	if lines := strings.Split(strings.TrimSpace(executions), "\n"); len(lines) != 2 || !strings.Contains(lines[1], "SENT") {
		t.Fatalf("executions:\n%s", executions)
	}
	if none := s.run("execution", "list", "--invoice", "i-2"); strings.Count(none, "\n") != 1 {
		t.Errorf("executions of an invoice on hold:\n%s", none)
	}
	got := s.run("execution", "get", strings.Fields(strings.Split(executions, "\n")[1])[0])
	if s.fact(got, "to") != "jan@customer.example" || s.fact(got, "status") != "SENT" || s.fact(got, "action") != action ||
		!strings.Contains(got, "ATTEMPT") || !strings.Contains(got, "ACCEPTED") || !strings.Contains(got, "\n  | ") {
		t.Errorf("an execution:\n%s", got)
	}
}

// TestTriggersByHand: for each kind of resource that flags can name, and found
// again.
func TestTriggersByHand(t *testing.T) {
	s := newShell(t)
	s.put("/v1/invoices/i-1", `{"status": "FINAL", "customer_id": "c-1", "due_date": "2026-01-01", "updated_to_final_at": "2026-01-01T00:00:00Z",
		"invoice_amount_including_tax": {"quantity": "121.00", "currency": "EUR"}}`)
	s.put("/v1/payments/p-1", `{"result": "REFUSED", "customer_id": "c-1", "timestamp": "2026-01-01T00:00:00Z", "amount": {"quantity": "1.00", "currency": "EUR"}}`)
	s.put("/v1/wallet-types/wt-1", `{"name": "Credits", "type": "CREDIT", "status": "ACTIVE"}`)
	s.put("/v1/wallets/w-1", `{"customer_id": "c-1", "wallet_type_id": "wt-1", "status": "ACTIVE"}`)
	s.run("workflow", "create", "--name", "n", "--reference", "dunning", "--variant", "OVERDUE", "--period", "DAY:7", "--status", "ACTIVE")
	s.run("workflow", "create", "--name", "n", "--reference", "failed", "--variant", "FAILED_PAYMENT", "--status", "ACTIVE")
	s.run("workflow", "create", "-f", s.write(`{"name": "n", "type": "WALLET", "reference": "low", "status": "ACTIVE",
		"wallet": {"variant": "WALLET_BALANCE", "wallet_balance": {"comparator": "LESS_THAN", "threshold": {"percentage": "20"}}}}`))
	for _, workflow := range []string{"dunning", "failed", "low"} {
		s.run("action", "create", "--workflow", workflow, "--integration", "mail")
	}

	variants := map[string]string{"i-1": "OVERDUE", "p-1": "FAILED_PAYMENT", "w-1": "WALLET_BALANCE"}
	for about, args := range map[string][]string{
		"i-1": {"--workflow", "dunning", "--invoice", "i-1", "--period", "DAY:7"},
		"p-1": {"--payment", "p-1"},
		"w-1": {"--wallet", "w-1", "--wallet-type", "wt-1"},
	} {
		got := s.run(append([]string{"trigger", "create"}, args...)...)
		if s.fact(got, "about") != about || s.fact(got, "type") != "MANUAL" || s.fact(got, "variant") != variants[about] || s.fact(got, "customer") != "c-1" || s.fact(got, "status") != "FIRED" {
			t.Errorf("a trigger for %s:\n%s", about, got)
		}
	}
	s.run("trigger", "create", "-f", s.write(`{"type": "MANUAL", "invoice": {"invoice_id": "i-1", "manual": {"variant": "OVERDUE", "overdue": {"period": {"type": "DAY", "value": 7}}}}}`))
	if got := s.run("trigger", "search", "invoice_id=i-1", "type=MANUAL", "--status", "fired"); strings.Count(got, "wktr_") != 2 || strings.Count(got, "i-1") != 2 {
		t.Errorf("those of the invoice:\n%s", got)
	}
	if got := s.run("trigger", "search", "invoice_id=i-1", "--status", "PLANNED"); strings.Contains(got, "MANUAL") {
		t.Errorf("those of it that are planned:\n%s", got)
	}
	for _, list := range []string{"trigger list", "trigger search type=MANUAL", "execution list"} {
		if _, beside, err := s.both(append(strings.Fields(list), "--limit", "1")...); err != nil || !strings.HasPrefix(beside, "there are more: --page 2 ") {
			t.Errorf("%s --limit 1: got %q and %v, want to be told of the rest", list, beside, err)
		}
	}
	s.fails([]string{"one of --invoice"}, "trigger", "create")
	s.fails([]string{"one of --invoice"}, "trigger", "create", "--payment", "p-1", "--wallet", "w-1")
	s.fails([]string{"--variant"}, "trigger", "create", "--invoice", "i-1")
	s.fails([]string{"--period"}, "trigger", "create", "--payment", "p-1", "--period", "DAY:7")
	s.fails([]string{"DAY:7"}, "trigger", "create", "--invoice", "i-1", "--variant", "OVERDUE", "--period", "7")
	s.fails([]string{"--file"}, "trigger", "create", "-f", s.write("{}"), "--invoice", "i-1")
	s.fails([]string{"RESOURCE_NOT_FOUND"}, "trigger", "create", "--workflow", "nothing", "--invoice", "i-1")
	s.fails([]string{"invoice.manual.overdue"}, "trigger", "create", "--workflow", "dunning", "--invoice", "i-1")
	s.fails([]string{"FIELD=VALUE"}, "trigger", "search", "i-1")
	s.fails([]string{"field filter_fields.0.name"}, "trigger", "search", "colour=red")
}

// TestWorkflows: what else there is to do with them.
func TestWorkflows(t *testing.T) {
	s := newShell(t)
	for name, args := range map[string][]string{
		"dunning":  {"--variant", "OVERDUE", "--period", "DAY:7", "--period", "week:2"},
		"upcoming": {"--variant", "UPCOMING_PAYMENT_REMINDER", "--period", "DAY:3"},
		"trial":    {"--variant", "FREE_TRIAL_REMINDER", "--period", "DAY:3"},
		"failed":   {"--variant", "FAILED_PAYMENT", "--customer", "c-1"},
	} {
		s.run(append([]string{"workflow", "create", "--name", name, "--reference", name}, args...)...)
	}
	if got := s.fact(s.run("workflow", "get", "dunning"), "periods"); got != "DAY:7, WEEK:2" {
		t.Errorf("periods: %s", got)
	}
	if got := s.fact(s.run("workflow", "get", "trial"), "periods"); got != "DAY:3" {
		t.Errorf("periods of a trial: %s", got)
	}
	if got := s.fact(s.run("workflow", "get", "failed"), "customers"); got != "c-1" {
		t.Errorf("customers: %s", got)
	}
	wallet := s.write(`
name: Low balance
type: WALLET
reference: low
status: DRAFT
wallet: {variant: WALLET_BALANCE, wallet_balance: {comparator: LESS_THAN, threshold: {percentage: "25.50"}}}
`)
	if got := s.run("workflow", "create", "-f", wallet); s.fact(got, "threshold") != "25.50 %" || s.fact(got, "variant") != "WALLET_BALANCE" {
		t.Errorf("of a file:\n%s", got)
	}
	if got := s.run("workflow", "update", "failed", "--set", "name=Payment failed", "--set", "customer_ids=null"); s.fact(got, "name") != "Payment failed" || strings.Contains(got, "customers") {
		t.Errorf("updated:\n%s", got)
	}
	if got := s.run("workflow", "update", "failed", "-f", s.write(`{"description": "told"}`)); s.fact(got, "description") != "told" || s.fact(got, "name") != "Payment failed" {
		t.Errorf("updated by a file:\n%s", got)
	}
	s.run("workflow", "activate", "failed")
	if got := s.fact(s.run("workflow", "deactivate", "failed"), "status"); got != "INACTIVE" {
		t.Errorf("deactivated: %s", got)
	}
	if got := s.fact(s.run("workflow", "archive", "failed"), "status"); got != "ARCHIVED" {
		t.Errorf("archived: %s", got)
	}

	names := func(args ...string) []string {
		t.Helper()
		var list []string
		for line := range strings.Lines(s.run(args...)) {
			if fields := strings.Fields(line); fields[0] != "ID" {
				list = append(list, fields[1])
			}
		}
		return list
	}
	for _, tt := range []struct {
		args []string
		want []string
	}{
		{[]string{"list", "--order-by", "reference", "--order", "asc"}, []string{"dunning", "failed", "low", "trial", "upcoming"}},
		{[]string{"list", "--order-by", "reference", "--order", "asc", "--limit", "2"}, []string{"dunning", "failed"}},
		{[]string{"list", "--order-by", "reference", "--order", "asc", "--limit", "2", "--page", "2"}, []string{"low", "trial"}},
		{[]string{"list", "--order-by", "reference", "--order", "asc", "--limit", "2", "--all"}, []string{"dunning", "failed", "low", "trial", "upcoming"}},
		{[]string{"list", "--status", "archived"}, []string{"failed"}},
		{[]string{"search", "UNN"}, []string{"dunning"}},
		{[]string{"search", "trial", "--exact"}, []string{"trial"}},
		{[]string{"search", "UNN", "--exact"}, nil},
		{[]string{"search", "--filter", "type=WALLET", "--filter", "type=PAYMENT", "--order-by", "reference", "--order", "asc"}, []string{"failed", "low"}},
		{[]string{"search", "--filter", "type=WALLET", "--filter", "reference=failed"}, nil},
		{[]string{"search", "--filter", "type=INVOICE", "--status", "draft", "--order-by", "reference", "--limit", "1", "--all"}, []string{"upcoming", "dunning"}},
	} {
		if diff := cmp.Diff(tt.want, names(append([]string{"workflow"}, tt.args...)...)); diff != "" {
			t.Errorf("workflow %s (-want +got):\n%s", strings.Join(tt.args, " "), diff)
		}
	}
}

func TestActions(t *testing.T) {
	s := newShell(t)
	s.run("workflow", "create", "--name", "n", "--reference", "announce", "--variant", "TO_FINAL")
	s.run("workflow", "create", "--name", "n", "--reference", "failed", "--variant", "FAILED_PAYMENT")
	id := s.fact(s.run("action", "create", "--workflow", "failed", "--integration", "mail", "--subject", "Hello", "--cc", "a@x.example", "--cc", "b@x.example"), "id")
	for range 2 {
		s.run("action", "create", "--workflow", "announce", "--integration", "mail")
	}
	if got := s.run("action", "list", "--limit", "2", "--all"); strings.Count(got, "wkac_") != 3 {
		t.Errorf("all actions:\n%s", got)
	}
	if got := s.run("action", "list", "--limit", "2", "--all", "-o", "json"); !strings.HasPrefix(got, "[{") || strings.Count(got, `"WORKFLOW_ACTION"`) != 3 {
		t.Errorf("all actions as JSON:\n%s", got)
	}
	got := s.run("action", "update", id, "--set", "status=INACTIVE", "--set", "description=Off")
	if s.fact(got, "status") != "INACTIVE" || s.fact(got, "description") != "Off" || s.fact(got, "cc") != "a@x.example, b@x.example" || s.fact(got, "subject") != "Hello" {
		t.Errorf("updated:\n%s", got)
	}
	if got := s.fact(s.run("action", "delete", id), "id"); got != id {
		t.Errorf("deleted: %s", got)
	}
	s.fails([]string{"RESOURCE_NOT_FOUND"}, "action", "get", id)
}

// TestForms: JSON is the API's own, YAML says the same, and what one command
// writes another can read.
func TestForms(t *testing.T) {
	s := newShell(t)
	s.run("workflow", "create", "--name", "true", "--reference", "2026-11-25", "--variant", "TO_FINAL")
	api, err := client.New(s.url, testKey)
	if err != nil {
		t.Fatal(err)
	}
	var own client.Response
	if _, err := api.GetWorkflow(t.Context(), "2026-11-25", client.Into(&own)); err != nil {
		t.Fatal(err)
	}
	if got := s.run("workflow", "get", "2026-11-25", "-o", "json"); got != string(own.Body)+"\n" {
		t.Errorf("JSON: got %s, want %s", got, own.Body)
	}
	text := s.run("workflow", "get", "2026-11-25", "-o", "yaml")
	var fromYAML, fromJSON map[string]any
	if err := yaml.Unmarshal([]byte(text), &fromYAML); err != nil {
		t.Fatal(err)
	}
	if err := json.Unmarshal(own.Body, &fromJSON); err != nil {
		t.Fatal(err)
	}
	fromYAML["version"] = float64(fromYAML["version"].(int))
	if diff := cmp.Diff(fromJSON, fromYAML); diff != "" {
		t.Errorf("YAML (-JSON +YAML):\n%s", diff)
	}
	if first, _, _ := strings.Cut(text, "\n"); first != "object_type: WORKFLOW" {
		t.Errorf("YAML begins with %q, the API's answer with object_type", first)
	}
	copied := strings.Replace(text, "2026-11-25", "copy", 1)
	if got := s.run("workflow", "create", "-f", s.write(copied)); s.fact(got, "reference") != "copy" || s.fact(got, "name") != "true" {
		t.Errorf("a copy:\n%s", got)
	}
	if got := s.run("workflow", "list", "--limit", "1", "--all", "-o", "json"); strings.Count(got, `"object_type":"WORKFLOW"`) != 2 || !strings.HasPrefix(got, `{"data":[`) {
		t.Errorf("all pages as JSON: %s", got)
	}
	if got := s.run("workflow", "list", "--limit", "1", "-o", "json"); !strings.Contains(got, `"links"`) {
		t.Errorf("a page as JSON: %s", got)
	}
}

func TestStandardInput(t *testing.T) {
	s := newShell(t)
	file, err := os.Open(s.write(`{"name": "n", "type": "INVOICE", "reference": "piped", "status": "DRAFT"}`))
	if err != nil {
		t.Fatal(err)
	}
	stdin := os.Stdin
	os.Stdin = file
	defer func() { os.Stdin = stdin }()
	if got := s.fact(s.run("workflow", "create", "-f", "-"), "reference"); got != "piped" {
		t.Errorf("got %s", got)
	}
}

// TestErrors: the API's own words with the field and the request, and those of
// the command line where it knows better.
func TestErrors(t *testing.T) {
	s := newShell(t)
	s.fails([]string{"RESOURCE_NOT_FOUND", "404", "request reqr_"}, "workflow", "get", "nothing")
	s.fails([]string{"INVALID_FIELD", "field invoice.overdue.periods.0.type", "request reqr_"},
		"workflow", "create", "--name", "n", "--reference", "r", "--variant", "OVERDUE", "--period", "FORTNIGHT:1")
	s.fails([]string{"field limit"}, "workflow", "list", "--limit", "1000")
	s.fails([]string{"field limit"}, "workflow", "list", "--limit=-1")
	s.fails([]string{"field page"}, "workflow", "list", "--page=-1")
	for _, list := range []string{"workflow list", "workflow search n", "action list", "trigger list", "trigger search type=MANUAL", "execution list"} {
		s.fails([]string{"--limit 0", "1 or more"}, append(strings.Fields(list), "--limit", "0")...)
		s.fails([]string{"--page 0", "1 or more"}, append(strings.Fields(list), "--page", "0")...)
	}
	s.fails([]string{"field order_by"}, "trigger", "list", "--order-by", "colour")
	s.fails([]string{"USER_NOT_ALLOWED"}, "workflow", "list", "--platform", "plat_00000000000000000000")
	s.fails([]string{"--variant"}, "workflow", "create", "--name", "n", "--reference", "r")
	s.fails([]string{"--variant", "WALLET_BALANCE", "--file"}, "workflow", "create", "--variant", "WALLET_BALANCE")
	s.fails([]string{"--period"}, "workflow", "create", "--variant", "TO_FINAL", "--period", "DAY:1")
	s.fails([]string{"--period", "DAY:7"}, "workflow", "create", "--variant", "OVERDUE", "--period", "7")
	s.fails([]string{"--file"}, "workflow", "create", "-f", s.write("{}"), "--name", "n")
	s.fails([]string{"--file"}, "action", "create", "-f", s.write("{}"), "--pdf")
	for _, empty := range [][]string{
		{"workflow", "create", "--name", "n", "--reference", "r", "--variant", "TO_FINAL", "--customer", ""},
		{"workflow", "create", "--name", "n", "--reference", "r", "--variant", "TO_FINAL", "--customer="},
		{"workflow", "create", "--name", "n", "--reference", "r", "--variant", "TO_FINAL", "--customer", "c-1", "--customer", ""},
	} {
		s.fails([]string{"--customer is empty"}, empty...)
	}
	s.fails([]string{"--invoice is empty"}, "execution", "list", "--invoice", "")
	s.fails([]string{"-f is empty"}, "action", "create", "-f", "")
	s.fails([]string{"an argument is empty"}, "workflow", "get", "")
	s.fails([]string{"no such file"}, "workflow", "create", "-f", "/no/such/file")
	s.fails([]string{"one document"}, "workflow", "create", "-f", s.write("a: 1\n---\nb: 2\n"))
	s.fails([]string{"INVALID_FIELD"}, "workflow", "create", "-f", s.write("[]"))
	s.fails([]string{"--workflow"}, "action", "create", "--integration", "mail")
	s.fails([]string{"--set", "--file"}, "workflow", "update", "x")
	s.fails([]string{"exclude"}, "workflow", "update", "x", "-f", s.write("{}"), "--set", "a=b")
	s.fails([]string{"NAME=VALUE"}, "workflow", "update", "x", "--set", "a")
	s.fails([]string{"twice"}, "workflow", "update", "x", "--set", "a=b", "--set", "a.b=c")
	s.fails([]string{"FIELD=VALUE"}, "workflow", "search", "--filter", "type")
	s.fails([]string{"must be one of"}, "workflow", "list", "-o", "xml")
	s.run("workflow", "create", "--name", "n", "--reference", "failed", "--variant", "FAILED_PAYMENT")
	s.fails([]string{"--pdf"}, "action", "create", "--workflow", "failed", "--integration", "mail", "--pdf")
	var out bytes.Buffer
	if err := run(t.Context(), []string{"workflow", "list", "--url", "nowhere"}, &out, &out); err == nil || !strings.Contains(err.Error(), "nowhere") {
		t.Errorf("a URL that is none: %v", err)
	}
}

// TestNamesOfTheAPI: who knows the API's members finds them among the flags, and who
// mistypes one is told what is near, or where the flags are listed.
func TestNamesOfTheAPI(t *testing.T) {
	s := newShell(t)
	made := s.run("workflow", "create", "--name", "n", "--reference", "r", "--type", "invoice", "--variant", "TO_FINAL", "--customer_ids", "c-1", "--status", "ACTIVE")
	if s.fact(made, "type") != "INVOICE" || s.fact(made, "customers") != "c-1" {
		t.Errorf("a workflow:\n%s", made)
	}
	action := s.run("action", "create", "--workflow_id", "r", "--integration_id", "mail", "--template_name", "mine", "--cc_recipients", "a@x.example", "--bcc_recipients", "b@x.example",
		"--include_pdf", "--include_payment_link", "--include_customer_contacts_as_cc", "--status", "DRAFT", "-o", "json")
	for _, want := range []string{`"template_name":"mine"`, `"cc_recipients":["a@x.example"]`, `"bcc_recipients":["b@x.example"]`, `"include_pdf":true`, `"include_payment_link":true`, `"include_customer_contacts_as_cc":true`} {
		if !strings.Contains(action, want) {
			t.Errorf("an action: got %s, want %s in it", action, want)
		}
	}
	s.run("workflow", "list", "--statuses", "ACTIVE", "--order_by", "reference", "--order_direction", "asc")
	s.run("trigger", "list", "--statuses", "FIRED")
	s.run("execution", "list", "--statuses", "SENT", "--workflow_id", "w", "--trigger_id", "t", "--customer_id", "c", "--invoice_id", "i")
	for _, about := range []string{"--invoice_id", "--payment_id", "--wallet_id"} {
		s.fails([]string{"404, RESOURCE_NOT_FOUND"}, "trigger", "create", "--workflow_id", "none", about, "x", "--wallet_type_id", "x")
	}
	s.fails([]string{"INVALID_FIELD", "field invoice"}, "workflow", "create", "--name", "n", "--reference", "x", "--type", "PAYMENT", "--variant", "TO_FINAL")
	s.fails([]string{"--file"}, "workflow", "create", "-f", s.write("{}"), "--type", "INVOICE")
	s.fails([]string{"--invoice-id", `"--invoice_id"`, "try dunwell execution list --help"}, "execution", "list", "--invoice-id", "i")
	s.fails([]string{"try dunwell workflow create --help"}, "workflow", "create", "--colour", "red")
	s.fails([]string{"try dunwell --help"}, "colour")
}
