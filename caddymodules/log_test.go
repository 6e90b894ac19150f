package caddymodules

import (
	"bytes"
	"log/slog"
	"strings"
	"testing"
)

func TestALoggerFollowsTheSwitchWithItsAttributes(t *testing.T) {
	var before, after bytes.Buffer
	s := newLogSwitch(slog.NewTextHandler(&before, nil))
	log := slog.New(s.handler()).With("node", "n1").WithGroup("store")

	log.Info("one", "k", 1)
	s.set(slog.NewTextHandler(&after, nil))
	log.Info("two", "k", 2)
	log.With("deep", true).Info("three")

	if got := before.String(); !strings.Contains(got, "msg=one node=n1 store.k=1") || strings.Contains(got, "two") {
		t.Errorf("the first target got %q", got)
	}
	for _, want := range []string{"msg=two node=n1 store.k=2", "msg=three node=n1 store.deep=true"} {
		if !strings.Contains(after.String(), want) {
			t.Errorf("the second target lacks %q, it got %q", want, after.String())
		}
	}
}

func TestTheLevelIsThatOfTheCurrentTarget(t *testing.T) {
	s := newLogSwitch(slog.NewTextHandler(new(bytes.Buffer), nil))
	log := slog.New(s.handler())
	if log.Enabled(t.Context(), slog.LevelDebug) {
		t.Error("debug is enabled by an info handler")
	}
	s.set(slog.NewTextHandler(new(bytes.Buffer), &slog.HandlerOptions{Level: slog.LevelDebug}))
	if !log.Enabled(t.Context(), slog.LevelDebug) {
		t.Error("debug is not enabled after the switch to a debug handler")
	}
}
