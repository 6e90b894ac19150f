package main

import (
	"bytes"
	"fmt"
	"os"
	"strconv"
	"strings"
	"time"
)

// usage is what a process has used.
type usage struct {
	CPU time.Duration // user and system, since it started
	RSS int64         // bytes of resident memory
	// Mapped is the part of RSS that is pages of mapped files, which the system
	// can take back: the program itself and bbolt's log. 0 when not known.
	Mapped int64
}

// A meter reads the usage of a process.
type meter interface {
	usage() (usage, error)
}

// procMeter reads a process of this machine; see proc(5).
type procMeter struct{ pid int }

// clockTick is the unit of CPU time in /proc/<pid>/stat: USER_HZ, which Linux
// has fixed at 100 per second on every architecture that Go supports.
const clockTick = time.Second / 100

func (m procMeter) usage() (usage, error) {
	stat, err := os.ReadFile(m.path("stat"))
	if err != nil {
		return usage{}, fmt.Errorf("CPU time of process %d: %w", m.pid, err)
	}
	cpu, err := parseStat(stat)
	if err != nil {
		return usage{}, err
	}
	statm, err := os.ReadFile(m.path("statm"))
	if err != nil {
		return usage{}, fmt.Errorf("memory of process %d: %w", m.pid, err)
	}
	rss, mapped, err := parseStatm(statm)
	return usage{CPU: cpu, RSS: rss, Mapped: mapped}, err
}

// freeFiles is how many more files the process may open.
func (m procMeter) freeFiles() (int, error) {
	limits, err := os.ReadFile(m.path("limits"))
	if err != nil {
		return 0, fmt.Errorf("limits of process %d: %w", m.pid, err)
	}
	limit, err := parseOpenFiles(limits)
	if err != nil {
		return 0, err
	}
	open, err := os.ReadDir(m.path("fd"))
	if err != nil {
		return 0, fmt.Errorf("open files of process %d: %w", m.pid, err)
	}
	return max(limit-len(open), 0), nil
}

func (m procMeter) path(name string) string {
	return fmt.Sprintf("/proc/%d/%s", m.pid, name)
}

// parseStat reads utime and stime, fields 14 and 15 of /proc/<pid>/stat. The
// second field, the command in parentheses, may itself hold spaces and
// parentheses.
func parseStat(stat []byte) (time.Duration, error) {
	end := bytes.LastIndexByte(stat, ')')
	fields := strings.Fields(string(stat[end+1:])) // from field 3 on
	if end < 0 || len(fields) < 13 {
		return 0, fmt.Errorf("/proc/<pid>/stat has an unknown format: %.100q", stat)
	}
	var ticks int64
	for _, field := range fields[11:13] {
		n, err := strconv.ParseInt(field, 10, 64)
		if err != nil {
			return 0, fmt.Errorf("/proc/<pid>/stat: %w", err)
		}
		ticks += n
	}
	return time.Duration(ticks) * clockTick, nil
}

// parseStatm reads the resident pages and those of them that belong to mapped
// files, fields 2 and 3 of /proc/<pid>/statm, as bytes.
func parseStatm(statm []byte) (rss, mapped int64, err error) {
	fields := strings.Fields(string(statm))
	if len(fields) < 3 {
		return 0, 0, fmt.Errorf("/proc/<pid>/statm has an unknown format: %.100q", statm)
	}
	var pages [2]int64
	for i := range pages {
		if pages[i], err = strconv.ParseInt(fields[i+1], 10, 64); err != nil {
			return 0, 0, fmt.Errorf("/proc/<pid>/statm: %w", err)
		}
	}
	page := int64(os.Getpagesize())
	return pages[0] * page, pages[1] * page, nil
}

// parseOpenFiles reads the soft limit of open files from /proc/<pid>/limits.
func parseOpenFiles(limits []byte) (int, error) {
	for line := range strings.Lines(string(limits)) {
		rest, found := strings.CutPrefix(line, "Max open files")
		fields := strings.Fields(rest)
		if !found || len(fields) < 2 {
			continue
		}
		if fields[0] == "unlimited" {
			return 1 << 30, nil
		}
		return strconv.Atoi(fields[0])
	}
	return 0, fmt.Errorf("/proc/<pid>/limits does not name the limit of open files")
}
