//go:build !linux

package e2e_test

import "syscall"

// leashed is for Linux only: elsewhere a killed test leaves its process behind.
func leashed() *syscall.SysProcAttr { return nil }
