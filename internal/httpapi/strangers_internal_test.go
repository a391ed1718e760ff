package httpapi

import (
	"io"
	"strings"
	"testing"

	"github.com/dunwellhq/dunwell/internal/fault"
)

// Bodies of strangers share a room: when it is full the next large one is asked
// to come again, a small one is not, and what ends makes room.
func TestStrangersShareARoom(t *testing.T) {
	var r room
	read := func(n int) (*metered, error) {
		m := &metered{ReadCloser: io.NopCloser(strings.NewReader(strings.Repeat("x", n))), room: &r}
		_, err := io.Copy(io.Discard, struct{ io.Reader }{m})
		return m, err
	}
	full := make([]*metered, 0, 4)
	for range 4 {
		m, err := read(16 << 20)
		if err != nil {
			t.Fatalf("with room: got %v", err)
		}
		full = append(full, m)
	}
	late, err := read(16 << 20)
	if !fault.Is(err, fault.Unavailable) {
		t.Errorf("without room: got %v, want to be asked to come again", err)
	}
	late.release()
	if _, err := read(freeBytes); err != nil {
		t.Errorf("a small one: got %v", err)
	}
	for _, m := range full {
		m.release()
	}
	if got := r.taken.Load(); got != 0 {
		t.Errorf("all have ended: %d bytes are still taken", got)
	}
}
