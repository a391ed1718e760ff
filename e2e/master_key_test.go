package e2e_test

import (
	"encoding/base64"
	"net/http"
	"os"
	"os/exec"
	"strings"
	"testing"
)

// A process with another master key than the database's does not start. When the
// key is lost, one command gives the database another and says what to enter
// anew; after that everything is as it was.
func TestLostMasterKeyIsReplaced(t *testing.T) {
	t.Parallel()
	onBoth(t, func(t *testing.T, db database) {
		w := newWorld(t, db)
		w.workflow("INVOICE")
		first := newBill()
		w.deliver(first.finalized(w))
		w.settled()
		w.process.stop(t)

		path, err := plain()
		if err != nil {
			t.Fatal(err)
		}
		other := "DUNWELL_MASTER_KEY=" + base64.StdEncoding.EncodeToString([]byte("another master key of 32 bytes!!"))
		code, said := ended(t, launch(t, path, db.dir, db.environment(other), "serve"))
		if code != 1 || !strings.Contains(said, "DUNWELL_MASTER_KEY: ") || !strings.Contains(said, "dunwell reset-key") || strings.Count(said, "\n") != 1 {
			t.Errorf("another master key: got exit code %d and %q, want 1 and one line that names the setting and the command", code, said)
		}

		replace := exec.CommandContext(t.Context(), path, "reset-key")
		replace.Dir, replace.Env = db.dir, db.environment(other)
		if db.embedded() { // the file is lost; another is made
			if err := os.Remove(db.dir + "/dunwell.db.key"); err != nil {
				t.Fatal(err)
			}
			other, replace.Env = "", db.environment()
		}
		out, err := replace.CombinedOutput()
		if err != nil || !strings.Contains(string(out), "source stripe") || strings.Contains(string(out), w.integration) {
			t.Fatalf("dunwell reset-key: got %v and %s, want the source alone, for the integration has no secret", err, out)
		}
		if db.embedded() {
			w.restart()
		} else {
			w.start(plain, other)
		}
		source := strings.TrimPrefix(w.ingestPath, "/v1/ingest/sources/")
		w.must(http.MethodPatch, "/v1/sources/"+source, object{"signing_secret": signingSecret})
		second := newBill()
		w.deliver(second.finalized(w))
		w.settled()
		if got := len(w.accepted()); got != 2 {
			t.Errorf("messages: got %d, want both", got)
		}
	})
}

// What must not get a key gets none.
func TestResetKeyOfNoDatabase(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	nothing := &world{T: t, db: database{url: "sqlite:" + dir + "/dunwell.db", dir: dir}}
	if code, said := nothing.startRefused("reset-key"); code != 1 || !strings.Contains(said, "there is no database") {
		t.Errorf("got exit code %d and %q, want 1 and why", code, said)
	}
	if left, err := os.ReadDir(dir); err != nil || len(left) != 0 {
		t.Errorf("left behind: got %v, %v, want nothing", left, err)
	}

	served := newWorld(t, database{url: "sqlite:" + dir + "/dunwell.db", dir: dir})
	if err := os.Rename(dir+"/dunwell.db.key", dir+"/kept"); err != nil {
		t.Fatal(err)
	}
	if code, said := served.startRefused("reset-key"); code != 1 || !strings.Contains(said, "another dunwell process is using") {
		t.Errorf("while it is served: got exit code %d and %q, want a refusal", code, said)
	}
	if _, err := os.Stat(dir + "/dunwell.db.key"); err == nil {
		t.Error("while it is served: got a new key file, want none")
	}
}
