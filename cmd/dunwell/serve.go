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
	if c.Migrate && !c.IsSQLite() { // SQLite is migrated whenever it is opened, which is after its key is made
		if err := store.Migrate(ctx, store.Config{URL: c.DatabaseURL}); err != nil {
			return err
		}
	}
	a, err := start(ctx, c.Serve, log)
	if err != nil {
		return err
	}
	if a.madeKey != "" && c.BootstrapKey == "" {
		fmt.Fprintf(s.out, "The database was empty. This is the administrator's API key, shown this once:\n\n    %s\n\n", a.madeKey)
	}
	return errors.Join(a.wait(ctx), a.stop(ctx))
}
