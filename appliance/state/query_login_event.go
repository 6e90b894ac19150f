package state

import (
	"cmp"
	"encoding/binary"
	"fmt"
	"slices"

	"github.com/yizhan-im/yizhan/appliance/wire"
	"github.com/yizhan-im/yizhan/raftstore"
)

// MaxEventsPage is the most login events in one answer.
const MaxEventsPage = 100

// LoginEventRange selects login events of an account: those of [FromMs, ToMs].
type LoginEventRange struct {
	FromMs, ToMs int64
	// After is the place behind which to go on: next of the answer before.
	After string
	// Limit is 1..MaxEventsPage, 0 means that.
	Limit int
	// OldestFirst turns the order round.
	OldestFirst bool
}

// LoginEvents reads login events of the account, the newest first; next continues,
// and is empty at the end. It reads all events of the account, some thousand at most.
// CodeBadParameter for an After that is none.
func (q *Queries) LoginEvents(tenant uint32, account string, r LoginEventRange) (found []*wire.LoginEvent, next string, err error) {
	var after eventPlace
	if r.After != "" {
		if after, err = parseEventPlace(r.After); err != nil {
			return nil, "", err
		}
	}
	v := q.view()
	defer v.Close()
	all, err := readLoginEvents(v, tenant, account)
	if err != nil {
		return nil, "", err
	}
	sign := -1
	if r.OldestFirst {
		sign = 1
	}
	slices.SortFunc(all, func(x, y placedEvent) int { return sign * x.place.compare(y.place) })
	limit := r.Limit
	if limit <= 0 || limit > MaxEventsPage {
		limit = MaxEventsPage
	}
	var last eventPlace
	for _, e := range all {
		if e.place.timeMs < r.FromMs || e.place.timeMs > r.ToMs || r.After != "" && sign*e.place.compare(after) <= 0 {
			continue
		}
		if len(found) == limit {
			return found, last.String(), nil
		}
		found, last = append(found, e.event), e.place
	}
	return found, "", nil
}

type placedEvent struct {
	place eventPlace
	event *wire.LoginEvent
}

// eventPlace orders the events of an account.
type eventPlace struct {
	timeMs int64
	class  byte
	number uint64
}

func (p eventPlace) compare(o eventPlace) int {
	return cmp.Or(cmp.Compare(p.timeMs, o.timeMs), cmp.Compare(p.class, o.class), cmp.Compare(p.number, o.number))
}

func (p eventPlace) String() string { return fmt.Sprintf("%d.%d.%d", p.timeMs, p.class, p.number) }

func parseEventPlace(s string) (p eventPlace, err error) {
	if _, err := fmt.Sscanf(s, "%d.%d.%d", &p.timeMs, &p.class, &p.number); err != nil || p.String() != s {
		return p, wire.Errorf(wire.CodeBadParameter, "after is not from an answer")
	}
	return p, nil
}

func readLoginEvents(v *raftstore.View, tenant uint32, account string) (all []placedEvent, err error) {
	prefix := appendConvPrefix(nil, tableLoginEvent, tenant, account)
	err = scan(v, prefix, prefixEnd(prefix), func(key, stored []byte) error {
		rest := reader{b: key[len(prefix):]}
		class := rest.byte()
		if len(rest.b) != 8 {
			return fmt.Errorf("%w: key of a login event", errDamaged)
		}
		e := new(wire.LoginEvent)
		if err := e.UnmarshalVT(stored); err != nil {
			return rowError("login event", err)
		}
		all = append(all, placedEvent{eventPlace{e.TimeMs, class, binary.BigEndian.Uint64(rest.b)}, e})
		return nil
	})
	return all, err
}

// LoginEventsOver reports whether the tenant has login events of a day before the one
// of beforeMs.
func (q *Queries) LoginEventsOver(tenant uint32, beforeMs int64) (over bool, err error) {
	v := q.view()
	defer v.Close()
	it, err := v.Iter(appendLoginDayKey(nil, tenant, 0, ""), appendLoginDayKey(nil, tenant, uint32(max(beforeMs, 0)/dayMs), ""))
	if err != nil {
		return false, readError(err)
	}
	over = it.First()
	return over, readError(it.Close())
}
