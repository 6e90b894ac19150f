package limitlog_test

import (
	"bytes"
	"log/slog"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/yizhan-im/yizhan/appliance/limitlog"
)

func TestAFloodOfLinesIsWithheldAndCounted(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var out bytes.Buffer
		l := limitlog.NewRate(slog.New(slog.NewTextHandler(&out, nil)), 1, 3)
		for range 10 {
			l.Warn("bad input", "remote", "10.0.0.1")
		}
		if got := strings.Count(out.String(), "bad input"); got != 3 {
			t.Errorf("%d lines of a flood, want the burst of 3", got)
		}
		out.Reset()
		time.Sleep(time.Second)
		l.Error("bad input again")
		if got := out.String(); !strings.Contains(got, "withheld=7") || !strings.Contains(got, "level=ERROR") {
			t.Errorf("the next line is %q, want it to tell of 7 withheld", got)
		}
		out.Reset()
		time.Sleep(time.Second)
		l.Info("all is well")
		if got := out.String(); strings.Contains(got, "withheld") {
			t.Errorf("%q tells of lines that were told of before", got)
		}
	})
}

func TestLinesThatNobodyWantsCostNothing(t *testing.T) {
	var out bytes.Buffer
	l := limitlog.NewRate(slog.New(slog.NewTextHandler(&out, nil)), 1, 1)
	for range 100 {
		l.Debug("not wanted")
	}
	l.Warn("wanted")
	if got := out.String(); strings.Contains(got, "withheld") || !strings.Contains(got, "wanted") {
		t.Errorf("debug lines took the place of %q", got)
	}
	limitlog.New(nil).Warn("goes nowhere")
}
