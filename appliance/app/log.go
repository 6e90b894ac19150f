package app

import (
	"context"
	"log/slog"
	"net/netip"
	"sync/atomic"

	"golang.org/x/time/rate"

	"github.com/yizhan-im/yizhan/appliance/wire"
)

// eventLog writes about what clients do wrong and about what fails, each at a
// bounded rate: a client must neither fill the disk with lines nor hide failures
// among them. It never sees a token.
type eventLog struct {
	logger             *slog.Logger
	refusals, failures throttle
}

// throttle bounds the lines of one kind.
type throttle struct {
	limit    *rate.Limiter
	withheld atomic.Int64 // lines not written since the last one
}

// Lines per second, and at once.
const (
	logRate  = 1
	logBurst = 20
)

func newEventLog(logger *slog.Logger) *eventLog {
	l := &eventLog{logger: logger}
	l.refusals.limit = rate.NewLimiter(logRate, logBurst)
	l.failures.limit = rate.NewLimiter(logRate, logBurst)
	return l
}

// refused tells that what a client tried was refused. appKey and account are as
// the client gave them.
func (l *eventLog) refused(what string, remote netip.AddrPort, e *wire.Error, appKey, account string) {
	l.write(&l.refusals, slog.LevelInfo, "refused", slog.String("what", what), slog.Int("code", int(e.Code)),
		slog.String("note", e.Note), slog.String("remote", remote.String()),
		slog.String("app_key", clip(appKey)), slog.String("account", clip(account)))
}

// failed tells the cause of an answer with CodeServerError.
func (l *eventLog) failed(err error) {
	l.write(&l.failures, slog.LevelError, "request failed", slog.Any("error", err))
}

func (l *eventLog) write(t *throttle, level slog.Level, message string, attrs ...slog.Attr) {
	if !t.limit.Allow() {
		t.withheld.Add(1)
		return
	}
	if n := t.withheld.Swap(0); n > 0 {
		attrs = append(attrs, slog.Int64("withheld", n))
	}
	l.logger.LogAttrs(context.Background(), level, message, attrs...)
}

// clip bounds what a client may put into a line.
func clip(s string) string {
	if len(s) > maxAppKey {
		return s[:maxAppKey] + "…"
	}
	return s
}
