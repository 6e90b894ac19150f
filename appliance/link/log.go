package link

import (
	"context"
	"log/slog"
	"sync/atomic"

	"golang.org/x/time/rate"

	"github.com/yizhan-im/yizhan/appliance/session"
)

// Clients, not operators, decide how often a line about a client is logged. So
// the lines of a server are limited together.
const (
	logLinesPerSecond = 10
	logLinesBurst     = 50
)

// limitedLog drops lines that come too fast, and tells how many it dropped.
type limitedLog struct {
	logger  *slog.Logger
	limit   *rate.Limiter
	dropped *atomic.Uint64
}

func newLimitedLog(l *slog.Logger) limitedLog {
	if l == nil {
		l = slog.New(slog.DiscardHandler)
	}
	return limitedLog{l, rate.NewLimiter(logLinesPerSecond, logLinesBurst), new(atomic.Uint64)}
}

func (l limitedLog) warn(msg string, args ...any)  { l.line(slog.LevelWarn, msg, args) }
func (l limitedLog) debug(msg string, args ...any) { l.line(slog.LevelDebug, msg, args) }

func (l limitedLog) line(level slog.Level, msg string, args []any) {
	ctx := context.Background()
	if !l.logger.Enabled(ctx, level) {
		return
	}
	if !l.limit.Allow() {
		l.dropped.Add(1)
		return
	}
	if n := l.dropped.Swap(0); n > 0 {
		args = append(args, "lines_dropped_before", n)
	}
	l.logger.Log(ctx, level, msg, args...)
}

// sessionID is what a log may tell about who is behind a connection; 0 before
// the login.
func sessionID(s *session.Session) uint64 {
	if s != nil {
		if id := s.Identity(); id != nil {
			return id.SessionID
		}
	}
	return 0
}
