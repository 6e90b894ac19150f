package state

import (
	"encoding/binary"

	"github.com/yizhan-im/yizhan/appliance/wire"
	"github.com/yizhan-im/yizhan/raftstore"
)

func (m *Machine) recordEvents(tx *raftstore.Tx, r *reader) (*EventsResult, error) {
	var c RecordEvents
	res := &EventsResult{Code: wire.CodeBadProtocol}
	if !c.decode(r) {
		return res, nil
	}
	for i := range c.Events {
		if !validAccount(c.Events[i].Account) || !validEvent(c.Events[i].Event) {
			res.Code = wire.CodeBadParameter
			return res, nil
		}
	}
	if err := m.tick(tx, c.TimeMs); err != nil {
		return nil, err
	}
	res.Code = wire.CodeOK
	for i := range c.Events {
		stored, err := m.recordEvent(tx, &c.Events[i])
		if err != nil {
			return nil, err
		}
		if stored {
			res.Count++
		}
	}
	return res, nil
}

func (m *Machine) recordEvent(tx *raftstore.Tx, e *LoginEvent) (bool, error) {
	totals, known, err := m.loginTotals(tx, e.Tenant, e.Account)
	if err != nil {
		return false, err
	}
	if !known {
		if ok, err := m.accountExists(tx, e.Tenant, e.Account); err != nil || !ok {
			return false, err
		}
	}
	class, keep := byte(eventDone), uint64(e.Keep)
	if refusedLogin(e.Event) {
		class, keep = eventRefused, min(keep, maxFailedEvents)
	}
	m.key = appendLoginEventKey(m.key[:0], e.Tenant, e.Account, class, totals.next[class])
	if err := m.put(tx, e.Event); err != nil {
		return false, err
	}
	totals.next[class]++
	for i := 0; i < trimAtOnce && totals.next[class]-totals.first[class] > keep; i++ {
		m.key = appendLoginEventKey(m.key[:0], e.Tenant, e.Account, class, totals.first[class])
		if err := tx.Delete(m.key); err != nil {
			return false, err
		}
		totals.first[class]++
	}
	// No later than today: a day that is still to come would hide those before it.
	if day := uint32(min(e.Event.TimeMs, m.site.clockMs) / dayMs); day > totals.day || !known {
		totals.day = day
		m.key = appendLoginDayKey(m.key[:0], e.Tenant, day, e.Account)
		if err := tx.Set(m.key, nil); err != nil {
			return false, err
		}
	}
	return true, m.putLoginTotals(tx, e.Tenant, e.Account, &totals)
}

func (m *Machine) loginTotals(tx *raftstore.Tx, tenant uint32, account string) (t loginTotals, known bool, err error) {
	m.key = appendAccountKey(m.key[:0], tableLoginTotals, tenant, account)
	stored, ok, err := tx.Get(m.key)
	if err != nil || !ok {
		return t, false, err
	}
	err = t.decode(stored)
	return t, true, err
}

func (m *Machine) putLoginTotals(tx *raftstore.Tx, tenant uint32, account string, t *loginTotals) error {
	m.key = appendAccountKey(m.key[:0], tableLoginTotals, tenant, account)
	m.val = t.append(m.val[:0])
	return tx.Set(m.key, m.val)
}

func (m *Machine) sweepEvents(tx *raftstore.Tx, r *reader) (*EventsResult, error) {
	var c SweepEvents
	res := &EventsResult{Code: wire.CodeBadProtocol}
	if !c.decode(r) {
		return res, nil
	}
	if err := m.tick(tx, c.TimeMs); err != nil {
		return nil, err
	}
	res.Code = wire.CodeOK
	lo := appendLoginDayKey(nil, c.Tenant, 0, "")
	names, err := m.namesBetween(tx, lo, appendLoginDayKey(nil, c.Tenant, uint32(c.BeforeMs/dayMs), ""), len(lo)-4, sweepAccounts+1)
	if err != nil {
		return nil, err
	}
	if len(names) > sweepAccounts {
		names, res.More = names[:sweepAccounts], true
	}
	for _, name := range names {
		day, account := binary.BigEndian.Uint32([]byte(name)), name[4:]
		all, err := m.sweepAccount(tx, &c, account, res)
		if err != nil {
			return nil, err
		}
		if !all {
			res.More = true
			return res, nil
		}
		m.key = appendLoginDayKey(m.key[:0], c.Tenant, day, account)
		if err := tx.Delete(m.key); err != nil {
			return nil, err
		}
	}
	return res, nil
}

// sweepAccount removes the events of one account that are old enough; false when
// there are more than one command may remove.
func (m *Machine) sweepAccount(tx *raftstore.Tx, c *SweepEvents, account string, res *EventsResult) (all bool, err error) {
	totals, known, err := m.loginTotals(tx, c.Tenant, account)
	if err != nil || !known {
		return true, err // the account is gone
	}
	before := totals
	all = true
	for class := range byte(eventClasses) {
		for totals.first[class] < totals.next[class] {
			m.key = appendLoginEventKey(m.key[:0], c.Tenant, account, class, totals.first[class])
			stored, ok, err := tx.Get(m.key)
			if err != nil {
				return false, err
			}
			var e wire.LoginEvent
			if ok {
				if err := e.UnmarshalVT(stored); err != nil {
					return false, rowError("login event", err)
				}
			}
			if e.TimeMs >= c.BeforeMs {
				break
			}
			if all = res.Count < sweepAtOnce; !all {
				break
			}
			if err := tx.Delete(m.key); err != nil {
				return false, err
			}
			totals.first[class]++
			res.Count++
		}
	}
	if totals == before {
		return all, nil
	}
	return all, m.putLoginTotals(tx, c.Tenant, account, &totals)
}

// namesBetween reads what follows the first skip bytes of at most so many keys from
// lo on and below hi.
func (m *Machine) namesBetween(tx *raftstore.Tx, lo, hi []byte, skip, most int) (names []string, err error) {
	it, err := tx.Iter(lo, hi)
	if err != nil {
		return nil, err
	}
	for ok := it.First(); ok && len(names) < most; ok = it.Next() {
		names = append(names, string(it.Key()[skip:]))
	}
	return names, it.Close()
}
