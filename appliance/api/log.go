package api

import (
	"context"
	"errors"
	"log/slog"
	"sync/atomic"
	"time"

	"golang.org/x/time/rate"

	"github.com/yizhan-im/yizhan/appliance/wire"
)

// Lines about refused requests per second, and at once: whoever sends them must
// not fill the disk.
const (
	refusalLines      = 1
	refusalLinesBurst = 20
)

// requestLog writes one line for each request, without headers, parameters and
// bodies: most at debug level, and at a bounded rate at info level those by
// which a backend that is set up wrongly, or an attacker, shows.
type requestLog struct {
	logger   *slog.Logger
	refusals *rate.Limiter
	withheld atomic.Int64 // lines about refusals not written since the last one
}

func newRequestLog(logger *slog.Logger) *requestLog {
	return &requestLog{logger: logger, refusals: rate.NewLimiter(refusalLines, refusalLinesBurst)}
}

func (l *requestLog) served(req *request, name string, code wire.Code, elapsed time.Duration, err error) {
	ctx := req.http.Context()
	level, withheld := l.level(req, code, err)
	if !l.logger.Enabled(ctx, level) {
		return
	}
	attrs := []slog.Attr{
		slog.String("action", name), slog.Int("code", int(code)), slog.Duration("elapsed", elapsed),
		slog.String("remote", req.http.RemoteAddr),
	}
	if req.caller != nil {
		attrs = append(attrs, slog.String("app_key", req.caller.tenant.AppKey))
	} else if claimed := req.http.Header.Get(headerAppKey); len(claimed) <= maxAppKey {
		attrs = append(attrs, slog.String("claimed_app_key", claimed))
	}
	if req.id != "" && len(req.id) <= maxRequestID {
		attrs = append(attrs, slog.String("request_id", req.id))
	}
	if err != nil {
		attrs = append(attrs, slog.String("error", err.Error()))
	}
	if withheld > 0 {
		attrs = append(attrs, slog.Int64("withheld", withheld))
	}
	l.logger.LogAttrs(context.WithoutCancel(ctx), level, "api: request", attrs...)
}

// level is where the line belongs, and how many lines about refusals were
// withheld before it. Package app has logged what failed in it; an error without
// a code comes from here.
func (l *requestLog) level(req *request, code wire.Code, err error) (slog.Level, int64) {
	var coded *wire.Error
	if err != nil && !errors.As(err, &coded) {
		return slog.LevelError, 0
	}
	badCredentials := req.caller == nil && code == wire.CodeBadParameter
	if !badCredentials && code != wire.CodeRateLimited && code != wire.CodeDuplicate {
		return slog.LevelDebug, 0
	}
	if !l.refusals.Allow() {
		l.withheld.Add(1)
		return slog.LevelDebug, 0
	}
	return slog.LevelInfo, l.withheld.Swap(0)
}
