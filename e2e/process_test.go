package e2e_test

import (
	"bytes"
	"os/exec"
	"regexp"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"
)

// patience bounds every wait for something that should happen soon.
const patience = 60 * time.Second

// process is one run of the binary.
type process struct {
	cmd     *exec.Cmd
	journal *journal
	ended   chan struct{} // closed when it has
	url     string        // of its API, once it listens
	quiet   bool          // its test says itself what it wants of the log
}

// launch runs the binary with nothing in its environment but what is given,
// and makes sure that it is gone when the test is.
func launch(t *testing.T, binary, dir string, env []string, args ...string) *process {
	t.Helper()
	p := &process{
		cmd:     exec.Command(binary, args...),
		journal: &journal{listening: make(chan string, 1)},
		ended:   make(chan struct{}),
	}
	p.cmd.Dir, p.cmd.Env, p.cmd.Stderr = dir, append([]string{}, env...), p.journal
	p.cmd.SysProcAttr = leashed()
	if err := p.cmd.Start(); err != nil {
		t.Fatalf("starting the binary: %v", err)
	}
	go func() {
		defer close(p.ended)
		_ = p.cmd.Wait() // how it ended is asked of ProcessState
	}()
	t.Cleanup(func() {
		lines := 40
		select {
		case <-p.ended:
			lines = 10 // another has taken its place
		default:
			p.kill()
		}
		if t.Failed() && !p.quiet {
			t.Logf("the end of what process %d said:\n%s", p.cmd.Process.Pid, p.journal.tail(lines))
		}
	})
	return p
}

// signal sends a signal to a process that may be gone already.
func (p *process) signal(s syscall.Signal) { _ = p.cmd.Process.Signal(s) }

// kill ends the process as kill -9 does.
func (p *process) kill() {
	p.signal(syscall.SIGKILL)
	<-p.ended
}

// stop ends the process as an init system does, and returns how long it took.
func (p *process) stop(t *testing.T) time.Duration {
	t.Helper()
	begin := time.Now()
	p.signal(syscall.SIGTERM)
	p.await(t)
	if code := p.cmd.ProcessState.ExitCode(); code != 0 {
		t.Errorf("exit code after SIGTERM: got %d, want 0", code)
	}
	return time.Since(begin)
}

// await waits until the process has ended by itself.
func (p *process) await(t *testing.T) {
	t.Helper()
	select {
	case <-p.ended:
	case <-time.After(patience):
		t.Fatalf("process %d has not ended after %s", p.cmd.Process.Pid, patience)
	}
}

// awaitKill waits for the end of a process that was to die at a failpoint: one
// that ends otherwise never came there, and the test would prove nothing.
func (p *process) awaitKill(t *testing.T) {
	t.Helper()
	p.await(t)
	if !p.killed() {
		t.Fatalf("end of the process: got %s, want killed by SIGKILL", p.cmd.ProcessState)
	}
}

// killed reports whether a process that has ended died of SIGKILL.
func (p *process) killed() bool {
	status, ok := p.cmd.ProcessState.Sys().(syscall.WaitStatus)
	return ok && status.Signaled() && status.Signal() == syscall.SIGKILL
}

// journal is what a process writes to its standard error: its log, in JSON.
type journal struct {
	mu        sync.Mutex
	text      bytes.Buffer
	found     bool
	listening chan string // gets the address
}

var listeningLine = regexp.MustCompile(`"msg":"listening","address":"([^"]+)"`)

// Write implements io.Writer.
func (j *journal) Write(p []byte) (int, error) {
	j.mu.Lock()
	defer j.mu.Unlock()
	j.text.Write(p)
	if !j.found {
		if line := listeningLine.FindSubmatch(j.text.Bytes()); line != nil {
			j.found = true
			j.listening <- string(line[1])
		}
	}
	return len(p), nil
}

func (j *journal) String() string {
	j.mu.Lock()
	defer j.mu.Unlock()
	return j.text.String()
}

// about returns the lines in which a text stands.
func (j *journal) about(text string) string {
	var found []string
	for line := range strings.Lines(j.String()) {
		if strings.Contains(line, text) {
			found = append(found, strings.TrimSpace(line))
		}
	}
	return strings.Join(found, "\n")
}

// tail returns the last lines.
func (j *journal) tail(n int) string {
	lines := strings.Split(strings.TrimSpace(j.String()), "\n")
	return strings.Join(lines[max(0, len(lines)-n):], "\n")
}
