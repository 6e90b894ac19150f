package app

import (
	"context"
	"log/slog"
	"net/netip"
	"sync/atomic"

	"golang.org/x/time/rate"

	"github.com/yizhan-im/yizhan/appliance/wire"
)

// refusalLog writes about what clients do wrong and what fails, at a bounded
// rate: a client must not fill the disk with lines. It never sees a token.
type refusalLog struct {
	logger   *slog.Logger
	limit    *rate.Limiter
	withheld atomic.Int64 // lines not written since the last one
}

// Lines per second, and at once.
const (
	logRate  = 1
	logBurst = 20
)

func newRefusalLog(logger *slog.Logger) *refusalLog {
	return &refusalLog{logger: logger, limit: rate.NewLimiter(logRate, logBurst)}
}

// refused tells that what a client tried was refused. appKey and account are as
// the client gave them.
func (l *refusalLog) refused(what string, remote netip.AddrPort, e *wire.Error, appKey, account string) {
	l.write(slog.LevelInfo, "refused", slog.String("what", what), slog.Int("code", int(e.Code)),
		slog.String("note", e.Note), slog.String("remote", remote.String()),
		slog.String("app_key", clip(appKey)), slog.String("account", clip(account)))
}

// failed tells the cause of an answer with CodeServerError.
func (l *refusalLog) failed(err error) {
	l.write(slog.LevelError, "request failed", slog.Any("error", err))
}

func (l *refusalLog) write(level slog.Level, message string, attrs ...slog.Attr) {
	if !l.limit.Allow() {
		l.withheld.Add(1)
		return
	}
	if n := l.withheld.Swap(0); n > 0 {
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
