//go:build failpoint

package failpoint

import (
	"os"
	"strconv"
	"strings"
	"sync/atomic"
	"syscall"
)

var hits atomic.Int64

// Hit marks that the process has come to a point. DUNWELL_FAILPOINT=name:n
// kills the process, as kill -9 does, when it comes to that point for the n-th
// time (the first without a number).
func Hit(p Point) {
	name, count, _ := strings.Cut(os.Getenv("DUNWELL_FAILPOINT"), ":")
	if name != string(p) {
		return
	}
	n, err := strconv.ParseInt(count, 10, 64)
	if err != nil {
		n = 1
	}
	if hits.Add(1) == n {
		_ = syscall.Kill(os.Getpid(), syscall.SIGKILL)
		select {} // not one more step
	}
}
