package e2e_test

import "syscall"

// leashed makes a process die with the test, also where the test is killed.
func leashed() *syscall.SysProcAttr { return &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL} }
