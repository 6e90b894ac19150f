// Package limitlog writes log lines about clients at a bounded rate: clients, not
// operators, decide how often one is due, and must neither fill the disk nor hide
// other lines. It says how many lines it has withheld.
package limitlog

import (
	"context"
	"log/slog"
	"sync/atomic"

	"golang.org/x/time/rate"
)

// Rates of New, for the lines of a whole gateway.
const (
	defaultPerSecond = 10
	defaultBurst     = 50
)

// Logger limits the lines of one kind together. Its methods may be called from
// any goroutine.
type Logger struct {
	logger   *slog.Logger
	limit    *rate.Limiter
	withheld atomic.Int64 // lines not written since the last one
}

// New makes a Logger that writes 10 lines per second to l, and 50 at once. A nil l
// discards them.
func New(l *slog.Logger) *Logger {
	return NewRate(l, defaultPerSecond, defaultBurst)
}

// NewRate makes a Logger with another rate.
func NewRate(l *slog.Logger, perSecond float64, burst int) *Logger {
	if l == nil {
		l = slog.New(slog.DiscardHandler)
	}
	return &Logger{logger: l, limit: rate.NewLimiter(rate.Limit(perSecond), burst)}
}

// Debug writes a line at debug level; args are as slog takes them.
func (l *Logger) Debug(msg string, args ...any) { l.write(slog.LevelDebug, msg, args) }

// Info writes a line at info level.
func (l *Logger) Info(msg string, args ...any) { l.write(slog.LevelInfo, msg, args) }

// Warn writes a line at warning level.
func (l *Logger) Warn(msg string, args ...any) { l.write(slog.LevelWarn, msg, args) }

// Error writes a line at error level.
func (l *Logger) Error(msg string, args ...any) { l.write(slog.LevelError, msg, args) }

// write takes nothing from the allowance for a line that nobody wants.
func (l *Logger) write(level slog.Level, msg string, args []any) {
	ctx := context.Background()
	if !l.logger.Enabled(ctx, level) {
		return
	}
	if !l.limit.Allow() {
		l.withheld.Add(1)
		return
	}
	if n := l.withheld.Swap(0); n > 0 {
		args = append(args, slog.Int64("withheld", n))
	}
	l.logger.Log(ctx, level, msg, args...)
}
