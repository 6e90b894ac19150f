package state

import (
	"github.com/yizhan-im/yizhan/appliance/wire"
	"github.com/yizhan-im/yizhan/raftstore"
)

// What an index of messages outside of the store needs: where logs have changed,
// their entries, and at last who may see what it has found.

// Counter is the newest id and version of the site.
func (q *Queries) Counter() (uint64, error) {
	v := q.snapshot()
	defer v.Close()
	var site siteRow
	_, err := readRow(v, keySite, site.decode)
	return site.counter, err
}

// Log finds one log by its names, nil when there is none. Version is not set.
func (q *Queries) Log(tenant uint32, name PrunedLog) (*StoredLog, error) {
	v := q.snapshot()
	defer v.Close()
	l := &StoredLog{PrunedLog: name}
	var ok bool
	var err error
	if name.Team != 0 {
		var head teamHead
		ok, err = readRow(v, appendTeamKey(nil, tableTeamHead, tenant, name.Team), head.decode)
		l.Conversation, l.LastSeq = name.Team, head.lastSeq
	} else if validAccount(name.A) && validAccount(name.B) {
		var row convRow
		ok, err = readRow(v, appendConvKey(nil, tenant, name.A, name.B), row.decode)
		l.Conversation, l.LastSeq = row.id, row.lastSeq
	}
	if err != nil || !ok || l.LastSeq == 0 {
		return nil, err
	}
	l.Floor, err = readFloor(v, tenant, l.Conversation)
	return l, err
}

// After finds the first entry of l whose id is greater; LastSeq+1 when there is
// none.
func (q *Queries) After(tenant uint32, l *StoredLog, id uint64) (uint64, error) {
	v := q.snapshot()
	defer v.Close()
	log, err := newLog(v, tenant, l.Conversation, l.LastSeq)
	if err != nil || log.floor > l.LastSeq {
		return l.LastSeq + 1, err
	}
	return log.search(func(m *wire.Message) bool { return m.Id > id })
}

// Entries reads what is there of the closed range from..to of a log, at most limit,
// and calls each, which must not keep the message. It returns the seq to go on
// with, to+1 at the end.
func (q *Queries) Entries(tenant uint32, conv, from, to uint64, limit int, each func(*wire.Message)) (next uint64, err error) {
	v := q.snapshot()
	defer v.Close()
	log := &convLog{v: v, tenant: tenant, conv: conv}
	next = to + 1
	var m wire.Message
	var failed error
	_, err = log.walk(from, to, false, func(stored []byte) bool {
		m.Reset()
		if failed = m.UnmarshalVT(stored); failed != nil {
			return false
		}
		if limit--; limit < 0 {
			next = m.Seq
			return false
		}
		each(&m)
		return true
	})
	if err == nil && failed != nil {
		err = rowError("message", failed)
	}
	return next, err
}

// Searchable reports whether others than devices that have it may be shown m out
// of its place in the log: what has content, is not an entry of the system, and
// was not sent to stay out of history.
func Searchable(m *wire.Message) bool {
	return m.Type < TypeRecall && m.Type != TypeTeamEvent && !m.Recalled && !m.Hidden && !m.Options.GetNoHistory()
}

// Place is one entry of a log.
type Place struct{ Conversation, Seq uint64 }

// SearchScope is where a search of an account looks: in one conversation when the
// request names one, which is CodeTeamMissing or CodeNotInTeam when it may not; else
// in those with other accounts and in all of Teams.
type SearchScope struct {
	// Conversation is the log to search, when One is set; 0 when there is none.
	One          bool
	Conversation uint64
	Teams        []uint64
}

// SearchScope finds it; peer is empty for everywhere.
func (q *Queries) SearchScope(tenant uint32, account string, scene wire.Scene, peer string) (*SearchScope, error) {
	v := q.snapshot()
	defer v.Close()
	if peer != "" {
		l, _, err := openHistory(v, tenant, account, &wire.HistoryRequest{Scene: scene, Peer: peer})
		if err != nil || l == nil {
			return &SearchScope{One: true}, err
		}
		return &SearchScope{One: true, Conversation: l.conv}, nil
	}
	scope := new(SearchScope)
	prefix := appendConvPrefix(nil, tableTeamStanding, tenant, account)
	err := scan(v, prefix, prefixEnd(prefix), func(key, stored []byte) error {
		var row standingRow
		if err := row.decode(stored); err != nil || !row.isMember() {
			return err
		}
		id, err := teamOfKey(key)
		scope.Teams = append(scope.Teams, id)
		return err
	})
	return scope, err
}

// Found reads those entries that account may read and a search may show, nil in
// the place of the others. fresh is false for those that no search may show to
// anybody: the index is behind.
func (q *Queries) Found(tenant uint32, account string, places []Place) (messages []*wire.Message, fresh []bool, err error) {
	v := q.snapshot()
	defer v.Close()
	r := finder{v: v, tenant: tenant, account: account, first: map[string]uint64{}}
	messages, fresh = make([]*wire.Message, len(places)), make([]bool, len(places))
	for i, p := range places {
		m := new(wire.Message)
		ok, err := readRow(v, appendMessageKey(nil, tenant, p.Conversation, p.Seq), m.UnmarshalVT)
		if err != nil {
			return nil, nil, err
		}
		if fresh[i] = ok && Searchable(m); !fresh[i] {
			continue
		}
		first, err := r.readableFrom(m)
		if err != nil {
			return nil, nil, err
		}
		if m.Seq < first {
			continue
		}
		// Deleted by this account, or not for all of its devices.
		w := viewer{v: v, tenant: tenant, account: account}
		if err := w.show(p.Conversation, []*wire.Message{m}); err != nil {
			return nil, nil, err
		}
		if !m.Hidden {
			messages[i] = m
		}
	}
	return messages, fresh, nil
}

// finder remembers, for one page of hits, from which entry on the account may read
// each conversation.
type finder struct {
	v       *raftstore.View
	tenant  uint32
	account string
	first   map[string]uint64 // by scene and peer
}

// nothing is more than any seq: the account may not read the log.
const nothing = 1 << 63

func (f *finder) readableFrom(m *wire.Message) (uint64, error) {
	peer := m.To
	if m.Scene == wire.Scene_SCENE_P2P {
		switch f.account {
		case m.From:
		case m.To:
			peer = m.From
		default:
			return nothing, nil
		}
	}
	key := m.Scene.String() + peer
	if first, ok := f.first[key]; ok {
		return first, nil
	}
	first, err := f.ask(m.Scene, peer)
	if err == nil {
		f.first[key] = first
	}
	return first, err
}

func (f *finder) ask(scene wire.Scene, peer string) (uint64, error) {
	cleared, err := clearedSeq(f.v, f.tenant, f.account, scene, peer)
	if err != nil || scene == wire.Scene_SCENE_P2P {
		return cleared + 1, err
	}
	_, first, err := openHistory(f.v, f.tenant, f.account, &wire.HistoryRequest{Scene: scene, Peer: peer})
	switch wire.CodeOf(err) {
	case wire.CodeOK:
		return max(first, cleared+1), nil
	case wire.CodeTeamMissing, wire.CodeNotInTeam:
		return nothing, nil
	}
	return 0, err
}
