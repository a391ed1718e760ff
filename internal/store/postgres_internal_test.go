package store

import (
	"context"
	"errors"
	"fmt"
	"testing"

	"github.com/jackc/pgx/v5/pgconn"
)

func TestUnavailable(t *testing.T) {
	said := func(severity, code string) error {
		return fmt.Errorf("asking: %w", &pgconn.PgError{SeverityUnlocalized: severity, Code: code})
	}
	for name, c := range map[string]struct {
		err  error
		want bool
	}{
		"no server":                    {&pgconn.ConnectError{}, true},
		"a password that is refused":   {errors.Join(&pgconn.ConnectError{}, said("FATAL", "28P01")), true},
		"an ended session":             {said("FATAL", "57P01"), true},
		"a session idle for too long":  {said("FATAL", "25P03"), true},
		"a server that crashes":        {said("PANIC", "XX000"), true},
		"a full disk":                  {said("ERROR", "53100"), true},
		"a server that only reads":     {said("ERROR", "25006"), true},
		"a deadlock, once too often":   {said("ERROR", "40P01"), true},
		"a statement that is wrong":    {said("ERROR", "42601"), false},
		"a transaction that is broken": {said("ERROR", "25P02"), false},
		"a taken reference":            {said("ERROR", "23505"), false},
		"a defect":                     {errors.New("defect"), false},
		"who asked went away":          {context.Canceled, false},
	} {
		if got := new(postgresDB).unavailable(c.err); got != c.want {
			t.Errorf("%s: got %v, want %v", name, got, c.want)
		}
	}
}
