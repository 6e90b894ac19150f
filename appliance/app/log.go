package app

import (
	"log/slog"
	"net/netip"

	"github.com/yizhan-im/yizhan/appliance/limitlog"
	"github.com/yizhan-im/yizhan/appliance/wire"
)

// eventLog writes about what clients do wrong and about what fails, each at a
// bounded rate: what clients do must not hide failures. It never sees a token.
type eventLog struct {
	refusals, failures *limitlog.Logger
}

// Lines of each kind per second, and at once.
const (
	logRate  = 1
	logBurst = 20
)

func newEventLog(logger *slog.Logger) *eventLog {
	return &eventLog{
		refusals: limitlog.NewRate(logger, logRate, logBurst),
		failures: limitlog.NewRate(logger, logRate, logBurst),
	}
}

// refused tells that what a client tried was refused. appKey and account are as
// the client gave them.
func (l *eventLog) refused(what string, remote netip.AddrPort, e *wire.Error, appKey, account string) {
	l.refusals.Info("refused", slog.String("what", what), slog.Int("code", int(e.Code)),
		slog.String("note", e.Note), slog.String("remote", remote.String()),
		slog.String("app_key", clip(appKey)), slog.String("account", clip(account)))
}

// failed tells the cause of an answer with CodeServerError.
func (l *eventLog) failed(err error) {
	l.failures.Error("request failed", slog.Any("error", err))
}

// clip bounds what a client may put into a line.
func clip(s string) string {
	if len(s) > maxAppKey {
		return s[:maxAppKey] + "…"
	}
	return s
}
