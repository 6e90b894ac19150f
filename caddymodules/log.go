package caddymodules

import (
	"context"
	"log/slog"
	"sync/atomic"
)

// A node outlives the configuration that opened it, and with a reload the place
// of the log may change: what was open for the old configuration is closed. So
// the node logs through a logSwitch, which each new configuration points to its
// own handler.
type logSwitch struct {
	target atomic.Pointer[slog.Handler]
}

func newLogSwitch(h slog.Handler) *logSwitch {
	s := new(logSwitch)
	s.set(h)
	return s
}

func (s *logSwitch) set(h slog.Handler) { s.target.Store(&h) }

// handler is what the node's loggers are made of.
func (s *logSwitch) handler() slog.Handler { return &switchedHandler{s: s} }

// switchedHandler is a slog.Handler over whatever the switch points to now. It
// keeps the steps that led to it, so that they can be taken again from a new
// target.
type switchedHandler struct {
	s     *logSwitch
	steps []func(slog.Handler) slog.Handler
	made  atomic.Pointer[madeHandler]
}

// madeHandler is the result of the steps from one target.
type madeHandler struct {
	from *slog.Handler
	slog.Handler
}

func (h *switchedHandler) current() slog.Handler {
	target := h.s.target.Load()
	if m := h.made.Load(); m != nil && m.from == target {
		return m.Handler
	}
	made := *target
	for _, step := range h.steps {
		made = step(made)
	}
	h.made.Store(&madeHandler{from: target, Handler: made})
	return made
}

// Enabled implements slog.Handler.
func (h *switchedHandler) Enabled(ctx context.Context, level slog.Level) bool {
	return h.current().Enabled(ctx, level)
}

// Handle implements slog.Handler.
func (h *switchedHandler) Handle(ctx context.Context, r slog.Record) error {
	return h.current().Handle(ctx, r)
}

// WithAttrs implements slog.Handler.
func (h *switchedHandler) WithAttrs(attrs []slog.Attr) slog.Handler {
	return h.with(func(to slog.Handler) slog.Handler { return to.WithAttrs(attrs) })
}

// WithGroup implements slog.Handler.
func (h *switchedHandler) WithGroup(name string) slog.Handler {
	return h.with(func(to slog.Handler) slog.Handler { return to.WithGroup(name) })
}

func (h *switchedHandler) with(step func(slog.Handler) slog.Handler) slog.Handler {
	steps := append(h.steps[:len(h.steps):len(h.steps)], step)
	return &switchedHandler{s: h.s, steps: steps}
}
