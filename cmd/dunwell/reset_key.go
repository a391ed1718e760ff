package main

import (
	"cmp"
	"context"
	"fmt"
	"log/slog"

	"github.com/dunwellhq/dunwell/internal/config"
	"github.com/dunwellhq/dunwell/internal/store"
)

type resetKeyCmd struct{ config.Database }

// Run implements the command.
func (c *resetKeyCmd) Run(ctx context.Context, s streams) error {
	if err := cmp.Or(c.Check(), c.CheckExists()); err != nil {
		return err
	}
	if c.IsSQLite() { // refused while it is served, before a key is made
		if err := store.Migrate(ctx, store.Config{URL: c.DatabaseURL}); err != nil {
			return err
		}
	}
	key, err := c.ReplacementKey()
	if err != nil {
		return err
	}
	locked, err := store.ResetKey(ctx, store.Config{URL: c.DatabaseURL, MasterKey: key, Log: logger(s.err, c.LogFormat, slog.LevelInfo)})
	if err != nil {
		return err
	}
	fmt.Fprintln(s.out, "The given master key is the database's now. Restart every process with it.")
	if len(locked) == 0 {
		fmt.Fprintln(s.out, "It opens every secret that is stored.")
		return nil
	}
	fmt.Fprintln(s.out, "It does not open the secrets of these: enter them anew.")
	for _, l := range locked {
		request := "PATCH /v1/sources/" + l.ID + " with signing_secret"
		if l.Noun == "integration" {
			request = "PUT /v1/integrations/" + l.ID + " with authentication"
		}
		line := fmt.Sprintf("  platform %s, %s %s: %s", l.Platform, l.Noun, cmp.Or(l.Reference, l.ID), request)
		if _, err := fmt.Fprintln(s.out, oneLine(line)); err != nil {
			return err
		}
	}
	return nil
}
