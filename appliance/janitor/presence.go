package janitor

import (
	"context"
	"fmt"

	"github.com/yizhan-im/yizhan/appliance/state"
	"github.com/yizhan-im/yizhan/appliance/wire"
)

// dayMs is a day in milliseconds.
const dayMs = 24 * 60 * 60 * 1000

// sweepPresence removes the subscriptions that are over, and the login events that
// their tenant no longer keeps.
func (j *Janitor) sweepPresence(tenants []*state.Tenant) error {
	now := j.now().UnixMilli()
	over, err := j.queries.SubscriptionsOver(now)
	for more := over; more && err == nil; {
		var res *state.ExpiryResult
		if res, err = proposed[*state.ExpiryResult](j, &state.ExpireSubscriptions{TimeMs: now}); err == nil {
			more, err = res.More, codeError(res.Code)
		}
	}
	for _, t := range tenants {
		if err != nil {
			return err
		}
		before := now - int64(t.Limits.EventDays)*dayMs
		over, err = j.queries.LoginEventsOver(t.ID, before)
		for more := over; more && err == nil; {
			var res *state.EventsResult
			if res, err = proposed[*state.EventsResult](j, &state.SweepEvents{TimeMs: now, Tenant: t.ID, BeforeMs: before}); err == nil {
				more, err = res.More, codeError(res.Code)
			}
		}
	}
	return err
}

// proposed proposes a command and waits for its result.
func proposed[R any](j *Janitor, c interface{ Append([]byte) []byte }) (res R, err error) {
	ctx, cancel := context.WithTimeout(j.ctx, proposeWait)
	defer cancel()
	result, err := j.store.Propose(ctx, c.Append(nil))
	if err != nil {
		return res, err
	}
	res, ok := result.(R)
	if !ok {
		return res, fmt.Errorf("the state machine answered %T", result)
	}
	return res, nil
}

func codeError(code wire.Code) error {
	if code == wire.CodeOK {
		return nil
	}
	return fmt.Errorf("the state machine answered %v", code)
}
