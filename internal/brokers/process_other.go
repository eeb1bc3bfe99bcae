//go:build !unix

package brokers

import (
	"errors"
	"os/exec"
	"syscall"
)

// A system without process groups builds the package, and runs no broker.
const (
	pauseSignal  = syscall.Signal(19)
	resumeSignal = syscall.Signal(18)
)

func apart(*exec.Cmd) {}

func signalGroup(int, syscall.Signal) error { return errors.ErrUnsupported }

func groupStands(int) bool { return true }
