package httpapi

import (
	"io"
	"sync/atomic"

	"github.com/dunwellhq/dunwell/internal/fault"
)

const (
	// strangersShare bounds what all bodies of callers who have not proved yet who
	// they are may take of the memory, in bytes.
	strangersShare = 64 << 20
	// freeBytes of each are not counted: a real webhook gets in while somebody
	// fills the rest.
	freeBytes = 64 << 10
)

// room counts the bytes of strangers' bodies that this process holds.
type room struct{ taken atomic.Int64 }

// metered is a stranger's body. What it takes of the room is given back by release.
type metered struct {
	io.ReadCloser
	room  *room
	read  int64
	taken int64
}

// Read implements [io.Reader]. When there is no room left it fails with a fault
// that asks to come again.
func (m *metered) Read(p []byte) (int, error) {
	n, err := m.ReadCloser.Read(p)
	m.read += int64(n)
	if more := m.read - freeBytes - m.taken; more > 0 {
		m.taken += more
		if m.room.taken.Add(more) > strangersShare {
			return n, fault.New(fault.Unavailable, "too many large bodies are under way, send it again later")
		}
	}
	return n, err
}

func (m *metered) release() { m.room.taken.Add(-m.taken) }
