package state

import (
	"github.com/yizhan-im/yizhan/appliance/wire"
)

// between narrows the closed range from..to of seqs to what was sent from beginMs
// to endMs; 0 is no limit.
func (l *convLog) between(from, to uint64, beginMs, endMs int64) (uint64, uint64, error) {
	if beginMs > 0 {
		first, err := l.search(func(m *wire.Message) bool { return m.TimeMs >= beginMs })
		if err != nil {
			return 0, 0, err
		}
		from = max(from, first)
	}
	if endMs > 0 {
		end, err := l.search(func(m *wire.Message) bool { return m.TimeMs > endMs })
		if err != nil {
			return 0, 0, err
		}
		to = min(to, end-1)
	}
	return from, to, nil
}

// page reads one page of from..to, as History does.
func (l *convLog) page(from, to uint64, newest bool, req *wire.HistoryRequest) ([]*wire.Message, bool, error) {
	c := collector{limit: pageSize(int(req.Limit), MaxHistoryPage), types: req.Types}
	more, err := l.walk(from, to, newest || req.Reverse, c.add)
	if err != nil {
		return nil, false, err
	}
	messages, err := c.filtered()
	return messages, more, err
}

// filtered is messages, or says that they are too rare.
func (c *collector) filtered() ([]*wire.Message, error) {
	if c.looked > MaxTypeScan {
		return nil, wire.Errorf(wire.CodeCountLimit, "more than %d messages: choose a shorter time", MaxTypeScan)
	}
	return c.messages()
}

// byTime reads a page of what was sent from beginMs to endMs, from the entry first
// on.
func (l *convLog) byTime(first uint64, beginMs, endMs int64, limit int, reverse bool, types []uint32) ([]*wire.Message, error) {
	from, err := l.search(func(m *wire.Message) bool { return m.TimeMs >= beginMs })
	if err != nil {
		return nil, err
	}
	end, err := l.search(func(m *wire.Message) bool { return m.TimeMs > endMs })
	if err != nil {
		return nil, err
	}
	c := collector{limit: pageSize(limit, MaxHistoryPage), types: types}
	if _, err := l.walk(max(from, first), end-1, reverse, c.add); err != nil {
		return nil, err
	}
	return c.filtered()
}

// byIDs reads the entries of from..to with these ids, at most MaxHistoryPage and one
// frame of them, in the order asked for.
func (l *convLog) byIDs(ids []uint64, from, to uint64) (messages []*wire.Message, err error) {
	size := 0
	for _, id := range ids[:min(len(ids), MaxHistoryPage)] {
		m, err := l.byID(id)
		if wire.CodeOf(err) == wire.CodeNotFound || err == nil && (m.Seq < from || m.Seq > to) {
			continue
		}
		if err != nil {
			return nil, err
		}
		if size += m.SizeVT(); size > maxPageBytes && len(messages) > 0 {
			break
		}
		messages = append(messages, m)
	}
	return messages, nil
}

// TeamLogByTime is HistoryByTime for all that is kept of a team's log, also when the
// team was dismissed. CodeTeamMissing: there has been no such team.
func (q *Queries) TeamLogByTime(tenant uint32, team uint64, beginMs, endMs int64, limit int, reverse bool, types []uint32) ([]*wire.Message, error) {
	v := q.snapshot()
	defer v.Close()
	var head teamHead
	ok, err := readRow(v, appendTeamKey(nil, tableTeamHead, tenant, team), head.decode)
	if err == nil && !ok {
		err = errTeamMissing
	}
	if err != nil {
		return nil, err
	}
	l, err := newLog(v, tenant, team, head.lastSeq)
	if err != nil {
		return nil, err
	}
	return backendView(l.byTime(1, beginMs, endMs, limit, reverse, types))
}
