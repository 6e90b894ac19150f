package raftstore

import (
	"log/slog"
	"strings"
	"testing"

	"github.com/hashicorp/go-hclog"
)

func TestRaftsMessagesReachSlog(t *testing.T) {
	var out strings.Builder
	h := slog.NewTextHandler(&out, &slog.HandlerOptions{
		Level: slog.LevelInfo,
		ReplaceAttr: func(_ []string, a slog.Attr) slog.Attr {
			if a.Key == slog.TimeKey {
				return slog.Attr{}
			}
			return a
		},
	})
	var l hclog.Logger = &raftLogger{log: slog.New(h), name: "raft"}
	l.Trace("no")
	l.Debug("no")
	l.Info("one", "servers", hclog.Fmt("%d of %d", 1, 2))
	l.With("peer", "n2").Named("net").Warn("two")
	l.ResetNamed("other").Error("three", "err", "x")
	l.StandardLogger(nil).Print("four")
	want := `level=INFO msg="raft: one" servers="1 of 2"
level=WARN msg="raft.net: two" peer=n2
level=ERROR msg="other: three" err=x
level=INFO msg=four
`
	if out.String() != want {
		t.Errorf("got\n%swant\n%s", out.String(), want)
	}
	if l.IsTrace() || l.IsDebug() || !l.IsInfo() || !l.IsWarn() || !l.IsError() {
		t.Error("levels differ from the handler's")
	}
}
