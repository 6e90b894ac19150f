package main

import (
	"fmt"
	"os"

	"golang.org/x/sys/unix"
)

// spareFiles is how many files a process gets to keep for other things than
// connections: Pebble's tables, logs, HTTP.
const spareFiles = 200

// raiseFileLimit lets this process, and the nodes that it starts, open as many
// files as the system allows: beyond the hard limit only with the privilege to
// raise that.
func raiseFileLimit(want int) error {
	var limit unix.Rlimit
	if err := unix.Getrlimit(unix.RLIMIT_NOFILE, &limit); err != nil {
		return fmt.Errorf("limit of open files: %w", err)
	}
	if limit.Max < uint64(want) {
		raised := unix.Rlimit{Cur: uint64(want), Max: uint64(want)}
		if unix.Setrlimit(unix.RLIMIT_NOFILE, &raised) == nil {
			return nil
		}
	}
	limit.Cur = limit.Max
	if err := unix.Setrlimit(unix.RLIMIT_NOFILE, &limit); err != nil {
		return fmt.Errorf("limit of open files: %w", err)
	}
	return nil
}

// connectionsThatFit is how many of n connections this process and the node's,
// when it runs here (pid is not 0), may hold, and why it is fewer.
func connectionsThatFit(n, pid int) (int, string, error) {
	processes := map[string]int{"this driver": os.Getpid()}
	if pid != 0 {
		processes["the node"] = pid
	}
	fit, reason := n, ""
	for name, pid := range processes {
		free, err := procMeter{pid: pid}.freeFiles()
		if err != nil {
			return 0, "", err
		}
		if room := max(free-spareFiles, 0); room < fit {
			fit = room
			reason = fmt.Sprintf("%d connections instead of %d: %s may open no more files (raise ulimit -Hn)", fit, n, name)
		}
	}
	if fit == 0 {
		return 0, reason, fmt.Errorf("no connection fits: %s", reason)
	}
	return fit, reason, nil
}
