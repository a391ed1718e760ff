package store

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"io/fs"
	"net/url"
	"os"
	"path/filepath"
	"runtime"
	"syscall"

	"github.com/pressly/goose/v3"
	"github.com/riverqueue/river/riverdriver/riversqlite"
	"modernc.org/sqlite"
	sqlite3 "modernc.org/sqlite/lib"

	"github.com/dunwellhq/dunwell/internal/config"
)

// sqliteDB is the embedded database: WAL, fsync at every commit, one write
// connection that the queue shares, and a pool of read-only ones. While a
// write transaction is open nothing may ask the write pool for another
// connection: it would wait for itself for ever.
type sqliteDB struct {
	write *sql.DB
	read  *sql.DB
	lock  *os.File

	writing, reading *preparedCache
}

func openSQLite(ctx context.Context, databaseURL string) (*sqliteDB, error) {
	path, err := config.SQLiteFile(databaseURL) // the lock goes by the name
	if err != nil {
		return nil, err
	}
	lock, err := lockFile(path)
	if err != nil {
		return nil, err
	}
	// The file holds customers' addresses: it is its owner's alone. The
	// write-ahead log takes its mode from it.
	f, err := os.OpenFile(filepath.Clean(path), os.O_CREATE|os.O_RDWR, 0o600)
	if err := errors.Join(err, f.Close()); err != nil {
		return nil, errors.Join(fmt.Errorf("opening the database: %w", err), lock.Close())
	}
	if err := withFunctions(); err != nil {
		return nil, errors.Join(fmt.Errorf("adding functions: %w", err), lock.Close())
	}
	db := &sqliteDB{lock: lock}
	if db.write, err = sql.Open("sqlite", sqliteDSN(path, writerCache, "_txlock=immediate")); err != nil {
		return nil, errors.Join(err, lock.Close())
	}
	db.write.SetMaxOpenConns(1)
	if db.read, err = sql.Open("sqlite", sqliteDSN(path, readerCache, "_pragma=query_only(1)")); err != nil {
		return nil, errors.Join(err, db.write.Close(), lock.Close())
	}
	db.read.SetMaxOpenConns(max(4, runtime.NumCPU()))
	db.read.SetMaxIdleConns(max(4, runtime.NumCPU()))
	db.writing, db.reading = newPreparedCache(db.write), newPreparedCache(db.read)
	if err := db.check(ctx); err != nil {
		return nil, errors.Join(fmt.Errorf("opening %s: %w", path, err), db.close())
	}
	return db, nil
}

// The page caches in KiB, of the writer and of each reader. What they do not
// hold, the operating system's cache mostly does.
const (
	writerCache = 16 << 10
	readerCache = 4 << 10
)

// checkpointPages is how long the write-ahead log grows, in pages of 4 KiB,
// before it is copied into the file: the longer, the fewer times a page that
// changes often is copied, and the longer everybody waits for one copying.
const checkpointPages = 2000

func sqliteDSN(path string, cache int, extra string) string {
	return "file:" + (&url.URL{Path: path}).EscapedPath() +
		"?_pragma=busy_timeout(10000)&_pragma=journal_mode(WAL)&_pragma=synchronous(FULL)&_pragma=foreign_keys(1)" +
		fmt.Sprintf("&_pragma=cache_size(-%d)&_pragma=wal_autocheckpoint(%d)&", cache, checkpointPages) + extra
}

// check asserts what durability rests on: a version without known corruption,
// the write-ahead log, and an fsync at every commit.
func (d *sqliteDB) check(ctx context.Context) error {
	c := sqliteConn{prepared: d.writing}
	version, err := one(ctx, c, column[string], `SELECT sqlite_version()`)
	if err != nil {
		return err
	}
	var major, minor, patch int
	if _, err := fmt.Sscanf(version, "%d.%d.%d", &major, &minor, &patch); err != nil {
		return err
	}
	if major*1_000_000+minor*1_000+patch < 3_051_003 {
		return fmt.Errorf("SQLite %s is older than 3.51.3", version)
	}
	mode, err := one(ctx, c, column[string], `PRAGMA journal_mode`)
	if err != nil {
		return err
	}
	sync, err := one(ctx, c, column[int64], `PRAGMA synchronous`)
	if err != nil {
		return err
	}
	if mode != "wal" || sync != 2 {
		return fmt.Errorf("journal mode %s and synchronous %d instead of wal and 2: the file system cannot hold the database safely", mode, sync)
	}
	return nil
}

// lockFile makes sure that one process has the database to itself. The lock
// dies with the process, however it dies.
func lockFile(path string) (*os.File, error) {
	f, err := os.OpenFile(filepath.Clean(path)+".lock", os.O_CREATE|os.O_RDWR, 0o600)
	if err != nil {
		return nil, fmt.Errorf("locking the database: %w", err)
	}
	if err := syscall.Flock(int(f.Fd()), syscall.LOCK_EX|syscall.LOCK_NB); err != nil {
		if errors.Is(err, syscall.EWOULDBLOCK) {
			err = fmt.Errorf("another dunwell process is using %s: stop it first, or use PostgreSQL, which several may share", path)
		} else {
			err = fmt.Errorf("locking %s.lock (the database must be on a disk of this machine): %w", path, err)
		}
		return nil, errors.Join(err, f.Close())
	}
	return f, nil
}

func (d *sqliteDB) pool() conn { return sqliteConn{prepared: d.reading} }

func (d *sqliteDB) hex(column string) string { return "lower(hex(" + column + "))" }

func (d *sqliteDB) writers() int { return 1 }

func (d *sqliteDB) begin(ctx context.Context) (transaction, error) {
	if err := d.writing.warm(ctx); err != nil {
		return nil, err
	}
	tx, err := d.write.BeginTx(ctx, nil)
	if err != nil {
		return nil, err
	}
	return &sqliteTx{sqliteConn{d.writing, tx}}, nil
}

func (d *sqliteDB) retryable(err error) bool {
	return sqliteCode(err)&0xff == sqlite3.SQLITE_BUSY
}

func (d *sqliteDB) unavailable(err error) bool {
	switch sqliteCode(err) & 0xff {
	case sqlite3.SQLITE_BUSY, sqlite3.SQLITE_FULL, sqlite3.SQLITE_IOERR, sqlite3.SQLITE_CANTOPEN, sqlite3.SQLITE_READONLY:
		return true
	default:
		return false
	}
}

func (d *sqliteDB) duplicate(err error) bool {
	code := sqliteCode(err)
	return code == sqlite3.SQLITE_CONSTRAINT_UNIQUE || code == sqlite3.SQLITE_CONSTRAINT_PRIMARYKEY
}

func sqliteCode(err error) int {
	if e, ok := errors.AsType[*sqlite.Error](err); ok {
		return e.Code()
	}
	return 0
}

func (d *sqliteDB) migrate(ctx context.Context, migrations fs.FS) error {
	return migrateAll(ctx, goose.DialectSQLite3, d.write, riversqlite.New(d.write), migrations)
}

func (d *sqliteDB) pending(ctx context.Context, migrations fs.FS) (bool, error) {
	return schemaPending(ctx, goose.DialectSQLite3, d.write, riversqlite.New(d.write), migrations)
}

func (d *sqliteDB) newQueue(cfg Config) (queue, error) {
	return newRiver(riversqlite.New(d.write), cfg, true, func(tx *Tx) *sql.Tx { return tx.t.(*sqliteTx).tx })
}

func (d *sqliteDB) close() error {
	return errors.Join(d.read.Close(), d.write.Close(), d.lock.Close())
}

type sqliteTx struct{ sqliteConn }

func (t *sqliteTx) commit(context.Context) error { return t.tx.Commit() }

func (t *sqliteTx) rollback(context.Context) error { return t.tx.Rollback() }

func (t *sqliteTx) platformLock(context.Context, string, bool) error { return nil }
