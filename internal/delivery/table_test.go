package delivery_test

import (
	"context"
	"go/parser"
	"go/token"
	"strings"
	"testing"

	"github.com/dunwellhq/dunwell/internal/delivery"
	"github.com/dunwellhq/dunwell/internal/execution"
	"github.com/dunwellhq/dunwell/internal/platform"
	"github.com/dunwellhq/dunwell/internal/smtptest"
)

// declared reads the table of the package comment: step → failure → outcome.
func declared(t *testing.T) map[string]map[string]execution.OutcomeKind {
	t.Helper()
	file, err := parser.ParseFile(token.NewFileSet(), "delivery.go", nil, parser.ParseComments)
	if err != nil {
		t.Fatal(err)
	}
	table := map[string]map[string]execution.OutcomeKind{}
	var columns []string
	for line := range strings.Lines(file.Doc.Text()) {
		cells := strings.Fields(line)
		switch {
		case !strings.HasPrefix(line, "\t"), len(cells) == 0:
		case columns == nil:
			columns = cells[1:]
		default:
			table[cells[0]] = map[string]execution.OutcomeKind{}
			for i, kind := range cells[1:] {
				table[cells[0]][columns[i]] = execution.OutcomeKind(kind)
			}
		}
	}
	if len(table) != 9 || len(columns) != 5 {
		t.Fatalf("table: got %d rows of %d columns, want 9 of 5", len(table), len(columns))
	}
	return table
}

// faultsOf are the faults that amount to each failure, at any step.
var faultsOf = map[string][]smtptest.Fault{
	"LOST": {
		{Then: smtptest.Close},
		{Then: smtptest.Reset},
		{Then: smtptest.Stall},
		{Reply: "250-half an answer", Then: smtptest.Close},
	},
	"GARBLED": {
		{Reply: "who is there?", Then: smtptest.Close},
		{Reply: "25", Then: smtptest.Close},
		{Reply: "999 what", Then: smtptest.Close},
		{Reply: "", Then: smtptest.Chatter},
	},
	"4YZ": {
		{Reply: "451 4.3.0 come back later", Then: smtptest.GoOn},
		{Reply: "421 4.3.2 shutting down", Then: smtptest.Close},
	},
	"53X": {{Reply: "530 5.7.0 who are you", Then: smtptest.GoOn}},
	"5YZ": {
		{Reply: "550-5.7.1 not you\r\n550 5.7.1 never", Then: smtptest.GoOn},
		{Reply: "554 5.3.2 no", Then: smtptest.Close},
	},
}

// TestOutcomes lets every declared failure happen over TCP.
func TestOutcomes(t *testing.T) {
	t.Parallel()
	ca := newCA(t)
	table := declared(t)
	cells := 0
	for at, row := range table {
		for failure, want := range row {
			if want == "-" {
				continue
			}
			cells++
			for i, fault := range faultsFor(at, failure) {
				fault.At = smtptest.Step(at)
				t.Run(at+"/"+failure+"/"+string(rune('a'+i)), func(t *testing.T) {
					t.Parallel()
					testFault(t, ca, fault, want)
				})
			}
		}
	}
	if cells != 42 {
		t.Errorf("cells: got %d, want 42", cells)
	}
}

// faultsFor returns the faults of a cell.
func faultsFor(at, failure string) []smtptest.Fault {
	switch {
	case at == "BODY" && failure == "LOST":
		return []smtptest.Fault{{Then: smtptest.Close}, {Then: smtptest.Reset}, {Then: smtptest.Freeze}}
	case at == "BODY": // said with the 354, so that it is there before the dot
		return []smtptest.Fault{{Reply: "354 go on\r\n250 2.0.0 taken already"}}
	case at == "CONNECT" && failure != "LOST" && failure != "GARBLED":
		faults := append([]smtptest.Fault(nil), faultsOf[failure]...)
		for i := range faults {
			faults[i].Then = smtptest.Close
		}
		return faults
	case at == "DOT" && failure == "LOST":
		faults := append([]smtptest.Fault(nil), faultsOf[failure]...)
		for _, fault := range faultsOf[failure] { // the lost 250
			fault.Accept = true
			faults = append(faults, fault)
		}
		return faults
	}
	return faultsOf[failure]
}

func testFault(t *testing.T, ca *smtptest.CA, fault smtptest.Fault, want execution.OutcomeKind) {
	credentials := platform.Credentials{Username: "dunwell", Password: "s3cret-canary"}
	config := smtptest.Config{
		Username: credentials.Username, Password: credentials.Password, Security: smtptest.STARTTLS, CA: ca,
	}
	server := startServer(t, config)
	settings := settingsOf(server)
	settings.Security = platform.STARTTLS
	limits := testLimits()
	stalls := fault.Then == smtptest.Stall || fault.Then == smtptest.Freeze
	switch {
	case stalls && fault.At == smtptest.AtDot:
		limits.Answer = short
	case stalls && fault.At == smtptest.AtBody:
		limits.Transfer = 10 * short
	case stalls:
		limits.Verb = 4 * short
	}
	sender := delivery.NewSMTP(settings, credentials, limits, delivery.SMTPOptions{RootCAs: ca.Pool()})
	t.Cleanup(sender.Close)
	m := testMessage()
	if fault.At == smtptest.AtBody {
		m.Text = strings.Repeat("more than the kernel takes for a reader who has stopped\n", 1<<17)
		if fault.Reply != "" {
			fault.At = smtptest.AtDATA
			m = testMessage()
		}
	}
	server.Script(fault)

	got := send(t.Context(), sender, m)
	if got.Kind != want {
		t.Errorf("outcome: got %+v, want %s", got, want)
	}
	if got.Reply == "" || len(got.Reply) > 1000 || strings.Contains(got.Reply, "canary") {
		t.Errorf("reply: got %q", got.Reply)
	}
	if fault.Reply != "" && want == execution.Refused && !strings.Contains(got.Reply, fault.Reply[:3]) {
		t.Errorf("reply: got %q, want the server's code in it", got.Reply)
	}
	if fault.Then == smtptest.Chatter && !strings.Contains(got.Reply, "an answer without an end") {
		t.Errorf("reply: got %q, want the answer cut off", got.Reply)
	}
	kept := 0
	if fault.Accept {
		kept = 1
	}
	received(t, server, kept)
	if stalls {
		return // the limit is too short for a good server
	}
	if got.Kind == execution.Unknown || strings.HasPrefix(got.Reply, "connecting: ") || strings.HasPrefix(got.Reply, "EHLO: ") {
		waitIdle(t, server)
	}
	server.Script()
	mustSend(t, sender, testMessage())
	received(t, server, kept+1)
}

// TestCancelled gives up while the server does not answer.
func TestCancelled(t *testing.T) {
	t.Parallel()
	for at, want := range map[smtptest.Step]execution.OutcomeKind{
		smtptest.AtConnect: execution.Deferred,
		smtptest.AtEHLO:    execution.Deferred,
		smtptest.AtMAIL:    execution.Deferred,
		smtptest.AtDATA:    execution.Deferred,
		smtptest.AtDot:     execution.Unknown,
	} {
		t.Run(string(at), func(t *testing.T) {
			t.Parallel()
			server := startServer(t, smtptest.Config{})
			server.Script(smtptest.Fault{At: at, Then: smtptest.Stall})
			ctx, cancel := context.WithCancel(t.Context())
			ended := make(chan execution.Outcome)
			go func() { ended <- send(ctx, plainSender(t, server), testMessage()) }()
			if err := server.WaitForFaults(t.Context(), 1); err != nil {
				t.Error(err)
			}
			cancel()
			if got := <-ended; got.Kind != want {
				t.Errorf("outcome: got %+v, want %s", got, want)
			}
		})
	}
}

// TestAlreadyCancelled finds that a context that has ended sends nothing.
func TestAlreadyCancelled(t *testing.T) {
	t.Parallel()
	server := startServer(t, smtptest.Config{})
	sender := plainSender(t, server)
	session, outcome := sender.Connect(t.Context())
	if session == nil {
		t.Fatal(outcome)
	}
	defer session.Release()
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if got := session.Send(ctx, testMessage()); got.Kind != execution.Deferred {
		t.Errorf("outcome: got %+v, want DEFERRED", got)
	}
	if session, got := sender.Connect(ctx); session != nil || got.Kind != execution.Deferred {
		t.Errorf("outcome: got %+v, want DEFERRED", got)
	}
	received(t, server, 0)
}

// TestTransferIsBounded takes a server that is slow at every verb, though at
// none too slow.
func TestTransferIsBounded(t *testing.T) {
	t.Parallel()
	server := startServer(t, smtptest.Config{})
	limits := testLimits()
	limits.Transfer = short
	server.Script(smtptest.Fault{At: smtptest.AtDATA, Then: smtptest.Stall})
	got := send(t.Context(), newSender(t, settingsOf(server), platform.Credentials{}, limits), testMessage())
	if got.Kind != execution.Deferred || !strings.Contains(got.Reply, "the transfer took too long") {
		t.Errorf("outcome: got %+v, want DEFERRED after the transfer's limit", got)
	}
	if got, want := limits.LongestPhase(), limits.Transfer+limits.Answer; got != want {
		t.Errorf("longest phase: got %v, want %v", got, want)
	}
}
