// Command dunwell is the one binary: the API with its workers, the
// demonstration, the migrations and the measurements, and the commands that
// speak to a server as any other client does.
package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"os/signal"
	"runtime/debug"
	"syscall"

	"github.com/alecthomas/kong"

	"github.com/dunwellhq/dunwell/internal/config"
	"github.com/dunwellhq/dunwell/internal/store"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	if !succeeds(ctx, os.Args[1:], os.Stdout, os.Stderr) {
		os.Exit(1)
	}
}

// succeeds runs a command and says what is wrong if it fails. Part of that may be
// a server's own words.
func succeeds(ctx context.Context, args []string, stdout, stderr io.Writer) bool {
	err := run(ctx, args, stdout, stderr)
	if err != nil {
		fmt.Fprintln(stderr, "dunwell:", oneLine(err.Error()))
	}
	return err == nil
}

// cli is the commands, as --help lists them.
type cli struct {
	Serve    serveCmd    `cmd:"" help:"Serve the API and deliver messages."`
	Demo     demoCmd     `cmd:"" help:"Show what Dunwell does on sample data, then keep serving it."`
	Migrate  migrateCmd  `cmd:"" help:"Bring the database's schema up to date. SQLite does so by itself when it is served."`
	ResetKey resetKeyCmd `cmd:"" help:"Give a database whose master key is lost another one, and list whose secrets must be entered anew."`
	Bench    benchCmd    `cmd:"" help:"Measure this machine and print the figures of docs/performance.md."`
	Version  versionCmd  `cmd:"" help:"Print the version."`

	Workflow  workflowCmd  `cmd:"" group:"On a server:" help:"What should happen, and when."`
	Action    actionCmd    `cmd:"" group:"On a server:" help:"What a workflow does when it fires."`
	Trigger   triggerCmd   `cmd:"" group:"On a server:" help:"That a workflow fired, or why it did not."`
	Execution executionCmd `cmd:"" group:"On a server:" help:"What became of each message."`
}

// streams is where a command reads and writes: a body from in, results to out,
// the log to err.
type streams struct {
	in       io.Reader
	out, err io.Writer
}

func run(ctx context.Context, args []string, stdout, stderr io.Writer) error {
	var c cli
	exit := -1
	parser, err := kong.New(&c, kong.Name("dunwell"), kong.Writers(stdout, stderr), kong.Exit(func(code int) { exit = code }),
		kong.Description("Dunwell sends the right billing message to the right customer at the right moment, once, and can say why."),
		kong.UsageOnError())
	if err != nil {
		return err
	}
	if len(args) == 0 {
		args = []string{"--help"}
	}
	chosen, err := parser.Parse(args)
	if exit == 0 { // --help has been printed
		return nil
	}
	if err != nil {
		return fmt.Errorf("%w (try %s --help)", err, misread(err))
	}
	chosen.BindTo(ctx, (*context.Context)(nil))
	return chosen.Run(streams{os.Stdin, stdout, stderr})
}

// misread is the command, as far as it could be read, whose flags or arguments are
// wrong.
func misread(err error) string {
	if parse, ok := errors.AsType[*kong.ParseError](err); ok {
		if node := parse.Context.Selected(); node != nil {
			return node.FullPath()
		}
	}
	return "dunwell"
}

// logger writes the structured log in the form that the settings ask for.
func logger(w io.Writer, format string, level slog.Level) *slog.Logger {
	opts := &slog.HandlerOptions{Level: level}
	if format == "json" {
		return slog.New(slog.NewJSONHandler(w, opts))
	}
	return slog.New(slog.NewTextHandler(w, opts))
}

type migrateCmd struct{ config.Database }

// Run implements the command.
func (c *migrateCmd) Run(ctx context.Context, s streams) error {
	if err := c.Check(); err != nil && c.IsSQLite() {
		return err
	}
	if err := c.FirstKey(); err != nil {
		return err
	}
	if err := store.Migrate(ctx, store.Config{URL: c.DatabaseURL}); err != nil {
		return err
	}
	_, err := fmt.Fprintln(s.out, "the schema is up to date")
	return err
}

type versionCmd struct{}

// Run implements the command.
func (versionCmd) Run(s streams) error {
	_, err := fmt.Fprintln(s.out, "dunwell", version())
	return err
}

// version is what the Go tool stamped into the binary.
func version() string {
	info, ok := debug.ReadBuildInfo()
	if !ok {
		return "unknown"
	}
	for _, setting := range info.Settings {
		if setting.Key == "vcs.revision" {
			return info.Main.Version + " " + setting.Value
		}
	}
	return info.Main.Version
}
