package e2e_test

import (
	"fmt"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestKillSwitch(t *testing.T) {
	t.Parallel()
	onBoth(t, func(t *testing.T, db database) {
		w := newWorld(t, db)
		w.workflow("INVOICE", func(_, email object) { email["bcc_recipients"] = []string{"archief@brouwer.example"} })

		w.switchTo(object{"sending": "PAUSED"})
		b := newBill()
		w.deliver(b.finalized(w))
		w.until("the execution says that sending is paused", func() (string, bool) {
			list := w.executions()
			return fmt.Sprintf("%+v", list), len(list) == 1 && list[0].Status == "PENDING" && list[0].Reason == "SENDING_PAUSED"
		})
		if got := len(w.accepted()); got != 0 {
			t.Fatalf("messages while paused: got %d, want none", got)
		}

		w.switchTo(object{"sending": "ON"})
		mail, x := w.only()
		if x.Status != "SENT" || !slices.Contains(mail.To, b.email) {
			t.Errorf("after ON: got %s to %v, want SENT to %s", x.Status, mail.To, b.email)
		}

		w.switchTo(object{"sending": "REDIRECT", "redirect_to": "proef@brouwer.example"})
		w.deliver(newBill().finalized(w))
		w.settled()
		if diff := cmp.Diff([]string{"proef@brouwer.example"}, w.received(2)[1].To); diff != "" {
			t.Errorf("recipients while redirected (-want +got):\n%s", diff)
		}
	})
}
