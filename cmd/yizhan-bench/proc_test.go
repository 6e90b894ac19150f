package main

import (
	"os"
	"testing"
	"time"
)

func TestParseStatSkipsTheCommandWhateverItHolds(t *testing.T) {
	const stat = "42 (a) 1 (b c) S 1 42 42 0 -1 4194560 500 0 3 0 123 45 0 0 20 0 9 0 100 1000 77 18446744073709551615"
	cpu, err := parseStat([]byte(stat))
	if want := 1680 * time.Millisecond; err != nil || cpu != want {
		t.Errorf("got %v %v, want %v", cpu, err, want)
	}
}

func TestParsersRefuseOtherFormats(t *testing.T) {
	for _, text := range []string{"", "1", "1 (x)", "1 (x) S 1 2 3", "1 (x) S 1 2 3 4 5 6 7 8 9 10 x y z"} {
		if _, err := parseStat([]byte(text)); err == nil {
			t.Errorf("stat %q: no error", text)
		}
	}
	for _, text := range []string{"", "1", "1 2", "1 x 2"} {
		if _, _, err := parseStatm([]byte(text)); err == nil {
			t.Errorf("statm %q: no error", text)
		}
	}
	if _, err := parseOpenFiles([]byte("Max cpu time unlimited unlimited seconds\n")); err == nil {
		t.Error("limits without open files: no error")
	}
}

func TestParseOpenFiles(t *testing.T) {
	const limits = `Limit                     Soft Limit           Hard Limit           Units
Max processes             96000                96000                processes
Max open files            20000                40000                files
`
	if n, err := parseOpenFiles([]byte(limits)); err != nil || n != 20000 {
		t.Errorf("got %d %v, want 20000", n, err)
	}
}

func TestMeterOfThisProcess(t *testing.T) {
	m := procMeter{pid: os.Getpid()}
	u, err := m.usage()
	if err != nil || u.RSS-u.Mapped < 1<<20 || u.Mapped <= 0 {
		t.Errorf("got %+v %v; a Go process holds more than 1 MiB, and maps its program", u, err)
	}
	if free, err := m.freeFiles(); err != nil || free <= 0 {
		t.Errorf("free files: got %d %v", free, err)
	}
}

func TestMeterOfAMissingProcess(t *testing.T) {
	if _, err := (procMeter{pid: 1 << 30}).usage(); err == nil {
		t.Error("no error")
	}
}
