package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"

	"github.com/dunwellhq/dunwell/internal/config"
	"github.com/dunwellhq/dunwell/internal/store"
)

type serveCmd struct {
	config.Serve
	Migrate bool `help:"Bring the schema up to date first (SQLite always does)."`
}

// Run implements the command.
func (c *serveCmd) Run(ctx context.Context, s streams) error {
	if err := c.Check(); err != nil {
		return err
	}
	log := logger(s.err, c.LogFormat, slog.LevelInfo)
	a, err := c.start(ctx, log)
	if err != nil && ctx.Err() != nil { // told to stop before there was anything to stop
		log.LogAttrs(ctx, slog.LevelInfo, "stopped_while_starting", slog.Any("error", err))
		return nil //nolint:nilerr // it is what the stop broke off, and is in the log
	}
	if err != nil {
		return err
	}
	if a.madeKey != "" && c.BootstrapKey == "" {
		fmt.Fprintf(s.out, "The database was empty. This is the administrator's API key, shown this once:\n\n    %s\n\n", a.madeKey)
	}
	return errors.Join(a.wait(ctx), a.stop(ctx))
}

// start starts the process, after migrating the database if that is asked for.
func (c *serveCmd) start(ctx context.Context, log *slog.Logger) (*app, error) {
	if c.Migrate && !c.IsSQLite() { // SQLite is migrated whenever it is opened, which is after its key is made
		if err := store.Migrate(ctx, store.Config{URL: c.DatabaseURL}); err != nil {
			return nil, err
		}
	}
	return start(ctx, c.Serve, log)
}
