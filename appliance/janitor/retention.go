package janitor

import (
	"context"
	"encoding/binary"
	"fmt"
	"time"

	"github.com/yizhan-im/yizhan/appliance/state"
	"github.com/yizhan-im/yizhan/appliance/wire"
)

// mark is where a pass has come to: behind the log whose position after is, of
// that tenant, or at its first log.
type mark struct {
	tenant uint32
	after  []byte
}

// encode is the Mark of a command: nothing at the beginning of a pass.
func (m *mark) encode() []byte {
	if m.tenant == 0 {
		return nil
	}
	return append(binary.BigEndian.AppendUint32(nil, m.tenant), m.after...)
}

// decodeMark starts over when b is not one: a pass more does no harm.
func decodeMark(b []byte) mark {
	if len(b) < 4 {
		return mark{}
	}
	return mark{tenant: binary.BigEndian.Uint32(b), after: b[4:]}
}

// pass looks through what is left of all logs, with a pause between steps.
func (j *Janitor) pass(ctx context.Context, pause time.Duration) error {
	stored, err := j.queries.PruneMark()
	if err != nil {
		return err
	}
	tenants, err := j.queries.Tenants()
	if err != nil {
		return err
	}
	if err := j.sweepPresence(tenants); err != nil {
		return err
	}
	if err := j.expireFiles(ctx, tenants, pause); err != nil {
		// The storage of files may be away: messages do not wait for it.
		j.log.Warn("removing old files failed; it is tried again with the next pass", "error", err)
	}
	if ctx.Err() != nil {
		return ctx.Err()
	}
	began := j.now()
	p := &pass{j: j, ctx: ctx, tenants: tenants, at: decodeMark(stored), marked: len(stored) > 0, partial: len(stored) > 0}
	for {
		end, err := p.step()
		if err != nil || end {
			if err == nil {
				j.metrics.passed(p, j.now(), j.now().Sub(began))
			}
			return err
		}
		if p.sinceRest < stepLogs {
			continue // small tenants share a step
		}
		p.sinceRest = 0
		if !j.pause(ctx, pause) {
			return ctx.Err()
		}
	}
}

// pass is one way through all logs.
type pass struct {
	j       *Janitor
	ctx     context.Context
	tenants []*state.Tenant // in the order of their ids
	at      mark
	marked  bool // a mark is stored
	partial bool // it began in the middle: its sums are too small

	sinceRest      int    // logs seen since the last pause
	logs, messages uint64 // seen, and kept in them
}

// step looks at stepLogs logs at most and removes what is to go of 64 at most. It
// reports whether the pass is over.
func (p *pass) step() (end bool, err error) {
	t := p.tenant()
	if t == nil {
		if p.marked {
			err = p.propose(&state.Prune{Tenant: p.at.tenant})
		}
		return true, err
	}
	c := &state.Prune{Tenant: t.ID}
	from, keep := t.Limits.KeepsFromMs(p.j.now().UnixMilli()), t.Limits.KeepsMessages()
	var failed error
	over, err := p.j.queries.Logs(t.ID, p.at.after, stepLogs, func(l *state.StoredLog) bool {
		floor, err := p.j.queries.Cut(t.ID, l, from, keep)
		if err != nil {
			failed = err
			return false
		}
		p.at.after = l.After()
		p.sinceRest++
		p.logs, p.messages = p.logs+1, p.messages+l.LastSeq+1-floor
		if floor > l.Floor {
			l.PrunedLog.Floor = floor
			c.Logs = append(c.Logs, l.PrunedLog)
		}
		return len(c.Logs) < state.MaxPrunedLogs
	})
	if err == nil {
		err = failed
	}
	if err != nil {
		return false, err
	}
	if over {
		p.at = mark{tenant: t.ID + 1}
	}
	// What a small tenant's logs cost is repeated rather than stored.
	if len(c.Logs) == 0 && over {
		return false, nil
	}
	c.Mark = p.at.encode()
	return false, p.propose(c)
}

// tenant is the first one at or behind p.at, nil when there is none.
func (p *pass) tenant() *state.Tenant {
	for len(p.tenants) > 0 && p.tenants[0].ID < p.at.tenant {
		p.tenants = p.tenants[1:]
	}
	if len(p.tenants) == 0 {
		return nil
	}
	if t := p.tenants[0]; t.ID > p.at.tenant {
		p.at = mark{tenant: t.ID}
	}
	return p.tenants[0]
}

func (p *pass) propose(c *state.Prune) error {
	c.TimeMs = p.j.now().UnixMilli()
	ctx, cancel := context.WithTimeout(p.ctx, proposeWait)
	defer cancel()
	result, err := p.j.store.Propose(ctx, c.Append(nil))
	if err != nil {
		return err
	}
	res, ok := result.(*state.PruneResult)
	if !ok || res.Code != wire.CodeOK {
		return fmt.Errorf("the state machine answered %+v", result)
	}
	p.marked = len(c.Mark) > 0
	for _, r := range res.Ranges {
		p.j.metrics.pruned.Add(float64(r.Last + 1 - r.First))
	}
	return nil
}
