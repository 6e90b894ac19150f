package main

import (
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"time"

	"golang.org/x/sys/unix"
)

// Host says where a figure was measured.
type Host struct {
	Cores      int    `json:"cores"`
	CPU        string `json:"cpu"`
	Arch       string `json:"arch"`
	Kernel     string `json:"kernel"`
	Go         string `json:"go"`
	GOMAXPROCS int    `json:"gomaxprocs"` // of the driver
	// Shared: the node runs on this machine too, on the same cores.
	Shared bool `json:"shared"`
	// FsyncMs is the median time of a 4 KiB write with fdatasync in the node's
	// folder; 0 when that is not on this machine.
	FsyncMs float64 `json:"fsync_ms,omitempty"`
}

func hostFacts() Host {
	h := Host{
		Cores: runtime.NumCPU(), Arch: runtime.GOARCH, Go: runtime.Version(),
		GOMAXPROCS: runtime.GOMAXPROCS(0), CPU: cpuModel(), Kernel: "unknown",
	}
	var name unix.Utsname
	if unix.Uname(&name) == nil {
		h.Kernel = unix.ByteSliceToString(name.Release[:])
	}
	return h
}

func (h *Host) String() string {
	s := fmt.Sprintf("%d cores (%s, %s), Linux %s, %s", h.Cores, h.CPU, h.Arch, h.Kernel, h.Go)
	if h.Shared {
		s += ", shared by node and driver"
	}
	if h.FsyncMs > 0 {
		s += fmt.Sprintf(", fsync %.2f ms", h.FsyncMs)
	}
	return s
}

func cpuModel() string {
	info, err := os.ReadFile("/proc/cpuinfo")
	if err != nil {
		return "unknown"
	}
	for line := range strings.Lines(string(info)) {
		name, value, found := strings.Cut(line, ":")
		if found && strings.TrimSpace(name) == "model name" {
			return strings.TrimSpace(value)
		}
	}
	return "unknown"
}

// fsyncTime measures what one durable write costs in folder: the floor under
// the latency of an acknowledgement.
func fsyncTime(folder string) (time.Duration, error) {
	const writes = 21
	file, err := os.Create(filepath.Join(folder, "bench-fsync"))
	if err != nil {
		return 0, err
	}
	defer os.Remove(file.Name())
	defer file.Close()
	times := make([]time.Duration, writes)
	block := make([]byte, 4096)
	for i := range times {
		start := time.Now()
		if _, err := file.Write(block); err != nil {
			return 0, err
		}
		if err := unix.Fdatasync(int(file.Fd())); err != nil {
			return 0, err
		}
		times[i] = time.Since(start)
	}
	slices.Sort(times)
	return times[writes/2], nil
}
