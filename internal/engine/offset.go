package engine

import (
	"context"
	"log/slog"
	"time"
)

// Nodes decide by one clock, the database's: a node measures how far its own is
// from it, at its start and each minute, and adds that. What protects by leases,
// and what is due, is then the same on all, however wrong one of them is.

const (
	// followEvery is how often a node measures.
	followEvery = time.Minute
	// farOff is how far its clock may be off before it says so.
	farOff = 2 * time.Second
	// probes is how often it asks for one measurement: the answer that came
	// fastest is the closest.
	probes = 3
)

// follow measures how far this node's clock is from the database's.
func (e *Engine) follow(ctx context.Context) error {
	fastest, offset := time.Hour, time.Duration(0)
	for range probes {
		asked := e.now()
		at, err := e.store.Time(ctx)
		if err != nil {
			return err
		}
		if took := e.now().Sub(asked); took < fastest {
			fastest, offset = took, at.Sub(asked.Add(took/2))
		}
	}
	e.offset.Store(int64(offset))
	if offset.Abs() > farOff {
		e.log.LogAttrs(ctx, slog.LevelWarn, "clock_off", slog.Duration("offset", offset),
			slog.String("remedy", "the database's clock is followed; set this machine's by NTP"))
	}
	return nil
}
