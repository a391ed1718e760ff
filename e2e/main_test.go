// Package e2e_test proves the whole product from outside: it builds the binary,
// runs it as a process on SQLite and on PostgreSQL, sends it Stripe's signed
// webhooks, asks its HTTP API, and reads what an SMTP server was given. The
// SMTP server lives in the test, so that it outlives every process that is
// killed and is the witness of what was accepted.
//
// A [world] is one database, one process at a time and one SMTP server. Tests
// wait for what they expect with [world.until], never for a time to pass.
package e2e_test

import (
	"context"
	"flag"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"sync"
	"testing"
	"time"
)

// atOnce is how many tests run in parallel unless the command line says so:
// they wait for processes and time limits more than they compute.
const atOnce = "6"

// binaries is the folder that the binaries are built into.
var binaries string

func TestMain(m *testing.M) {
	os.Exit(run(m))
}

func run(m *testing.M) int {
	flag.Parse()
	chosen := false
	flag.Visit(func(f *flag.Flag) { chosen = chosen || f.Name == "test.parallel" })
	if !chosen {
		if err := flag.Set("test.parallel", atOnce); err != nil {
			fmt.Fprintln(os.Stderr, err)
			return 1
		}
	}
	dir, err := os.MkdirTemp("", "dunwell-e2e-")
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	binaries = dir
	code := m.Run()
	if err := os.RemoveAll(dir); err != nil {
		fmt.Fprintln(os.Stderr, err)
	}
	return code
}

// plain returns the path of the binary as it is shipped, fragile that of one
// that dies at the step which DUNWELL_FAILPOINT names. Each is built once.
var (
	plain   = sync.OnceValues(func() (string, error) { return build("dunwell") })
	fragile = sync.OnceValues(func() (string, error) { return build("dunwell-failpoint", "-tags=failpoint") })
)

func build(name string, flags ...string) (string, error) {
	if err := watchSources(); err != nil {
		return "", err
	}
	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Minute)
	defer cancel()
	path := filepath.Join(binaries, name)
	args := append([]string{"build", "-o", path}, flags...)
	out, err := exec.CommandContext(ctx, "go", append(args, "../cmd/dunwell")...).CombinedOutput()
	if err != nil {
		return "", fmt.Errorf("building %s: %w\n%s", name, err, out)
	}
	return path, nil
}

// watchSources looks at every file that the binary is made of, so that
// `go test` knows that a cached result is worth nothing once one has changed.
func watchSources() error {
	for _, dir := range []string{"../cmd", "../internal", "../api"} {
		err := filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
			if err == nil && !d.IsDir() {
				_, err = os.Stat(path)
			}
			return err
		})
		if err != nil {
			return err
		}
	}
	_, err := os.Stat("../go.sum")
	return err
}
