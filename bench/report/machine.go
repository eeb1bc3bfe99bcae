package report

import (
	"bytes"
	"context"
	"debug/buildinfo"
	"fmt"
	"os"
	"os/exec"
	"runtime"
	"strings"

	"golang.org/x/sys/unix"
)

// Machine is what the figures were measured on, and with.
type Machine struct {
	CPU      string   `json:"cpu"`
	Cores    int      `json:"cores"`
	Memory   string   `json:"memory"`
	Kernel   string   `json:"kernel"`
	Governor string   `json:"governor"`
	Go       string   `json:"go"`
	Commit   string   `json:"commit"`
	Versions []string `json:"versions"`
}

// peers are the modules whose versions count.
var peers = []string{
	"github.com/lxzan/gws", "github.com/olahol/melody", "github.com/centrifugal/centrifuge", "github.com/gorilla/websocket",
}

// ThisMachine describes the machine, and the server program that is measured on it.
func ThisMachine(ctx context.Context, server string) (Machine, error) {
	info, err := buildinfo.ReadFile(server)
	if err != nil {
		return Machine{}, fmt.Errorf("read versions: %w", err)
	}
	m := Machine{CPU: cpuModel(), Cores: runtime.NumCPU(), Governor: "unknown", Go: info.GoVersion}
	for _, dependency := range info.Deps {
		for _, path := range peers {
			if dependency.Path == path {
				m.Versions = append(m.Versions, path+" "+dependency.Version)
			}
		}
	}
	if commit, err := exec.CommandContext(ctx, "git", "describe", "--always", "--dirty", "--abbrev=12").Output(); err == nil {
		m.Commit = strings.TrimSpace(string(commit))
	}
	var system unix.Utsname
	if err := unix.Uname(&system); err == nil {
		m.Kernel = unix.ByteSliceToString(system.Sysname[:]) + " " + unix.ByteSliceToString(system.Release[:])
	}
	var memory unix.Sysinfo_t
	if err := unix.Sysinfo(&memory); err == nil {
		m.Memory = fmt.Sprintf("%d GB", memory.Totalram*uint64(memory.Unit)>>30)
	}
	if governor, err := os.ReadFile("/sys/devices/system/cpu/cpu0/cpufreq/scaling_governor"); err == nil {
		m.Governor = strings.TrimSpace(string(governor))
	}
	return m, nil
}

// cpuModel names the processor as the kernel does; in some virtual machines that is no name but its family and model.
func cpuModel() string {
	text, err := os.ReadFile("/proc/cpuinfo")
	if err != nil {
		return "unknown"
	}
	fields := make(map[string]string)
	for line := range bytes.Lines(text) {
		key, value, _ := strings.Cut(string(line), ":")
		fields[strings.TrimSpace(key)] = strings.TrimSpace(value)
	}
	return fmt.Sprintf("%s %s (family %s, model %s)", fields["vendor_id"], fields["model name"], fields["cpu family"], fields["model"])
}

func (m Machine) markdown() string {
	return fmt.Sprintf("- processor: %s, %d cores, governor %s; memory: %s\n- system: %s, %s\n- Switchboard: %s\n- peers: %s\n",
		m.CPU, m.Cores, m.Governor, m.Memory, m.Kernel, m.Go, m.Commit, strings.Join(m.Versions, ", "))
}
