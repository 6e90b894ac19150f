package app

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"testing"

	"github.com/yizhan-im/yizhan/appliance/session"
	"github.com/yizhan-im/yizhan/appliance/wire"
	"github.com/yizhan-im/yizhan/raftstore"
)

func TestErrorsFromBelowBecomeCodes(t *testing.T) {
	log := new(lockedBuffer)
	a := &App{log: newEventLog(slog.New(slog.NewTextHandler(log, nil)))}
	for _, c := range []struct {
		err  error
		code wire.Code
	}{
		{raftstore.ErrBusy, wire.CodeBusy},
		{raftstore.ErrDiskFull, wire.CodeBusy},
		{raftstore.ErrNotLeader, wire.CodeBusy},
		{fmt.Errorf("%w: %w", raftstore.ErrUncertain, context.DeadlineExceeded), wire.CodeBusy},
		{raftstore.ErrClosed, wire.CodeBusy},
		{context.Canceled, wire.CodeBusy},
		{raftstore.ErrTooLarge, wire.CodeBadParameter},
		{session.ErrTooMany, wire.CodeCountLimit},
		{session.ErrClosed, wire.CodeForbidden},
		{fmt.Errorf("query: %w", wire.Errorf(wire.CodeNotFound, "none")), wire.CodeNotFound},
	} {
		if got := a.edge(c.err); got.Code != c.code || got.Note == "" {
			t.Errorf("%v: %v, want %v", c.err, got, c.code)
		}
	}
	if log.String() != "" {
		t.Errorf("an ordinary refusal was logged as a failure: %s", log)
	}
}

func TestInternalErrorIsLoggedAndNotTold(t *testing.T) {
	log := new(lockedBuffer)
	a := &App{log: newEventLog(slog.New(slog.NewTextHandler(log, nil)))}
	for range 10 * logBurst { // a client cannot crowd failures out
		a.log.refused("login", addrPort("192.0.2.1:1"), errWrongToken, "k", "a")
	}
	got := a.edge(errors.New("sst 000042 is corrupt"))
	if got.Code != wire.CodeServerError || strings.Contains(got.Note, "corrupt") {
		t.Errorf("the client is told %v", got)
	}
	if !strings.Contains(log.String(), "sst 000042 is corrupt") {
		t.Errorf("log: %s", log)
	}
	if err := unexpected(42); wire.CodeOf(err) != wire.CodeServerError {
		t.Errorf("a result of a strange type: %v", err)
	}
}
