//go:build unix

package brokers

import (
	"bytes"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"
)

const (
	pauseSignal  = syscall.SIGSTOP
	resumeSignal = syscall.SIGCONT
)

// apart puts a command in a process group of its own, so that its children are signalled with it, and the keyboard's Ctrl-C
// reaches the tests alone.
func apart(cmd *exec.Cmd) {
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
}

// signalGroup signals a process and all its children. That they are gone is no error.
func signalGroup(pid int, signal syscall.Signal) error {
	if err := syscall.Kill(-pid, signal); err != nil && !errors.Is(err, syscall.ESRCH) {
		return err
	}
	return nil
}

// groupStands reports whether no thread of a process and its children runs, by the word of /proc (proc_pid_stat(5)). Where there
// is none, which is not on Linux, nobody knows better.
func groupStands(group int) bool {
	threads, _ := filepath.Glob("/proc/[0-9]*/task/[0-9]*/stat") // its only error is a malformed pattern
	for _, thread := range threads {
		text, err := os.ReadFile(thread)
		if err != nil {
			continue // it has ended
		}
		// PID (NAME) STATE PPID PGRP …, where the name can have anything in it
		fields := strings.Fields(string(text[bytes.LastIndexByte(text, ')')+1:]))
		if len(fields) > 2 && fields[2] == strconv.Itoa(group) && !slices.Contains([]string{"T", "Z", "X"}, fields[0]) {
			return false
		}
	}
	return true
}
