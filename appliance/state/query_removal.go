package state

import (
	"encoding/binary"
	"fmt"

	"github.com/yizhan-im/yizhan/appliance/wire"
	"github.com/yizhan-im/yizhan/raftstore"
)

// Removal is a deleted account, or one that is being deleted.
type Removal struct {
	Tenant  uint32
	Account string
	// RemovedMs is when it was deleted, DoneMs when the last of it had gone; 0 while
	// that is under way.
	RemovedMs, DoneMs int64
	// Stage is what is under way; 0 when all is done.
	Stage RemovalStage
	Erase bool
	After []byte // of the newest RemovalStep of the stage
	// Recreated: a new account has the name.
	Recreated bool

	tokenHash []byte
}

// TokenMatches is as that of Account, of what is under way; false afterwards.
func (r *Removal) TokenMatches(appKey, token string) bool {
	a := Account{Account: r.Account, TokenHash: r.tokenHash}
	return len(r.tokenHash) > 0 && a.TokenMatches(appKey, token)
}

// Removal reads what became of a deleted account. CodeNotFound: no account of that
// name was deleted.
func (q *Queries) Removal(tenant uint32, account string) (*Removal, error) {
	if !validAccount(account) {
		return nil, wire.Errorf(wire.CodeNotFound, "no such account")
	}
	v := q.view()
	defer v.Close()
	// The end of the removal takes the job away and completes the tombstone: read in
	// this order, one of the two tells of it.
	var job removalRow
	running, err := readRow(v, appendAccountKey(nil, tableRemoval, tenant, account), job.decode)
	if err != nil {
		return nil, err
	}
	stone, ok, err := readTombstone(v, tenant, account)
	if err == nil && !ok {
		err = wire.Errorf(wire.CodeNotFound, "no account of that name was deleted")
	}
	if err != nil {
		return nil, err
	}
	r := &Removal{Tenant: tenant, Account: account, RemovedMs: stone.removedMs, DoneMs: stone.doneMs, Recreated: !stone.gone()}
	switch {
	case running:
		r.DoneMs = 0
		r.fill(&job)
	case stone.doneMs == 0: // it has begun since the job was looked for
		r.Stage = RemovalErase
	}
	return r, nil
}

func (r *Removal) fill(job *removalRow) {
	r.Stage, r.Erase, r.After, r.tokenHash = job.stage, job.erase, []byte(job.after), job.tokenHash
	r.RemovedMs = job.startedMs
}

// Removals lists at most limit removals of the site that are under way.
func (q *Queries) Removals(limit int) (found []*Removal, err error) {
	v := q.view()
	defer v.Close()
	prefix := appendTable(nil, tableRemoval)
	err = scanWhile(v, prefix, prefixEnd(prefix), func(key, row []byte) (bool, error) {
		rest := key[len(prefix):]
		if len(rest) < 5 {
			return false, fmt.Errorf("%w: key of a removal", errDamaged)
		}
		r := &Removal{Tenant: binary.BigEndian.Uint32(rest), Account: string(rest[4:])}
		var job removalRow
		if err := job.decode(row); err != nil {
			return false, err
		}
		r.fill(&job)
		found = append(found, r)
		return len(found) < limit, nil
	})
	return found, err
}

// RemovalCount is how many removals of the site are under way.
func (q *Queries) RemovalCount() (n int, err error) {
	v := q.view()
	defer v.Close()
	prefix := appendTable(nil, tableRemoval)
	err = scan(v, prefix, prefixEnd(prefix), func(_, _ []byte) error { n++; return nil })
	return n, err
}

func readTombstone(v *raftstore.View, tenant uint32, account string) (row tombstoneRow, ok bool, err error) {
	ok, err = readRow(v, appendAccountKey(nil, tableTombstone, tenant, account), row.decode)
	return row, ok, err
}

// formerConversations are the last entries, by peer, of the conversations that belong
// to an account which had the name before; nil when there was none.
func formerConversations(v *raftstore.View, tenant uint32, account string) (map[string]uint64, error) {
	if _, ok, err := readTombstone(v, tenant, account); err != nil || !ok {
		return nil, err
	}
	former := make(map[string]uint64)
	prefix := append(appendConvPrefix(nil, tableSetting, tenant, account), byte(wire.Scene_SCENE_P2P))
	err := scan(v, prefix, prefixEnd(prefix), func(key, stored []byte) error {
		var s conversationSetting
		err := s.decode(stored)
		if s.former {
			former[string(key[len(prefix):])] = s.clearedSeq
		}
		return err
	})
	return former, err
}

// ListedBy looks at the relations of accounts behind after, at most limit accounts,
// for those that hold something of the given one, and returns at most most of them.
// next is where to go on, empty at the end.
func (q *Queries) ListedBy(tenant uint32, account, after string, limit, most int) (found []string, next string, err error) {
	v := q.view()
	defer v.Close()
	prefix := appendAccountKey(nil, tableRelationTotals, tenant, "")
	lo := prefix
	if after != "" {
		lo = append(append([]byte(nil), append(prefix, after...)...), 0)
	}
	seen := 0
	err = scanWhile(v, lo, prefixEnd(prefix), func(key, _ []byte) (bool, error) {
		if seen == limit || len(found) == most {
			next = after
			return false, nil
		}
		seen++
		after = string(key[len(prefix):])
		if after == account {
			return true, nil
		}
		_, ok, err := v.Get(appendRelationKey(nil, tableRelation, tenant, after, account))
		if err == nil && ok {
			found = append(found, after)
		}
		return true, readError(err)
	})
	return found, next, err
}

// RoomsOf looks at the registered rooms behind after, at most limit rooms, for those
// that the account is something to: its creator, by a standing, or by an element of
// the queue. next is where to go on, 0 at the end.
func (q *Queries) RoomsOf(tenant uint32, account string, after uint64, limit, most int) (found []uint64, next uint64, err error) {
	v := q.view()
	defer v.Close()
	prefix := appendU32(appendTable(nil, tableRoom), tenant)
	lo, seen := appendU64(append([]byte(nil), prefix...), after+1), 0
	err = scanWhile(v, lo, prefixEnd(prefix), func(key, stored []byte) (bool, error) {
		if seen == limit || len(found) == most {
			next = after
			return false, nil
		}
		seen++
		after = lastU64(key)
		var info wire.RoomInfo
		if err := info.UnmarshalVT(stored); err != nil {
			return false, rowError("room", err)
		}
		is := info.Creator == account
		var err error
		if !is {
			_, is, err = v.Get(appendRoomNameKey(nil, tableRoomStanding, tenant, after, account))
		}
		if err == nil && !is {
			is, err = ownsElement(v, tenant, after, account)
		}
		if is {
			found = append(found, after)
		}
		return true, readError(err)
	})
	return found, next, err
}

// ownsElement reports whether the account owns an element of a room's queue.
func ownsElement(v *raftstore.View, tenant uint32, room uint64, account string) (owns bool, err error) {
	prefix := appendRoomKey(nil, tableRoomQueue, tenant, room)
	err = scanWhile(v, prefix, prefixEnd(prefix), func(_, stored []byte) (bool, error) {
		e, err := decodeElementRow(stored)
		owns = err == nil && e.Owner == account
		return !owns, err
	})
	return owns, err
}

// EraseMark names a place in the logs of an account: see OwnEntries.
type EraseMark struct {
	Table byte
	Name  string // the peer, or the team's number in 8 bytes
	Seq   uint64
}

// OwnEntry is a message of the account that still says something.
type OwnEntry struct {
	Peer string // "" in a team
	Team uint64
	Seq  uint64
}

// OwnEntries looks at the entries of all logs of the account behind after, at most
// limit entries, for messages that it has written and that are not taken back. next
// is where to go on, nil at the end. Of teams those count that it is, or was lately,
// something to.
func (q *Queries) OwnEntries(tenant uint32, account string, after []byte, limit int) (found []OwnEntry, next []byte, err error) {
	var at EraseMark
	if len(after) > 0 && !at.decode(after) {
		return nil, nil, wire.Errorf(wire.CodeBadParameter, "malformed mark")
	}
	v := q.view()
	defer v.Close()
	w := ownWalk{v: v, tenant: tenant, account: account, left: limit, at: at}
	for _, table := range [...]byte{tableConv, tableMember, tableTeamStanding} {
		if at.Table > table {
			continue
		}
		if err := w.table(table); err != nil || w.full {
			return w.found, w.next, err
		}
	}
	return w.found, nil, nil
}

func (m *EraseMark) append(dst []byte) []byte {
	return append(appendU64(append(dst, m.Table), m.Seq), m.Name...)
}

func (m *EraseMark) decode(b []byte) bool {
	if len(b) < 10 {
		return false
	}
	m.Table, m.Seq, m.Name = b[0], binary.BigEndian.Uint64(b[1:]), string(b[9:])
	return true
}

// ownWalk is one call of OwnEntries.
type ownWalk struct {
	v       *raftstore.View
	tenant  uint32
	account string
	left    int
	at      EraseMark
	found   []OwnEntry
	full    bool
	next    []byte
}

func (w *ownWalk) table(table byte) error {
	prefix := appendConvPrefix(nil, table, w.tenant, w.account)
	lo := prefix
	if w.at.Table == table {
		lo = append(append([]byte(nil), prefix...), w.at.Name...)
	}
	return scanWhile(w.v, lo, prefixEnd(prefix), func(key, _ []byte) (bool, error) {
		name := string(key[len(prefix):])
		from := uint64(1)
		if w.at.Table == table && w.at.Name == name {
			from = w.at.Seq + 1
		}
		err := w.log(table, name, from)
		return !w.full, err
	})
}

func (w *ownWalk) log(table byte, name string, from uint64) error {
	var l *convLog
	var entry OwnEntry
	var err error
	if table == tableTeamStanding {
		entry.Team = binary.BigEndian.Uint64([]byte(name))
		var head teamHead
		var ok bool
		ok, err = readRow(w.v, appendTeamKey(nil, tableTeamHead, w.tenant, entry.Team), head.decode)
		if err != nil || !ok || head.dismissed {
			return err
		}
		l, err = newLog(w.v, w.tenant, entry.Team, head.lastSeq)
	} else {
		entry.Peer = name
		l, err = openLog(w.v, w.tenant, w.account, name)
	}
	if err != nil || l == nil {
		return err
	}
	mark := EraseMark{Table: table, Name: name}
	var m wire.Message
	_, err = l.walk(max(from, l.floor), l.lastSeq, false, func(stored []byte) bool {
		if w.left == 0 {
			w.full, w.next = true, mark.append(nil)
			return false
		}
		w.left--
		m.Reset()
		if m.UnmarshalVTUnsafe(stored) != nil {
			return true
		}
		mark.Seq = m.Seq
		if m.From == w.account && !m.Recalled && m.Type < firstOperation && m.Type != TypeTeamEvent {
			entry.Seq = m.Seq
			w.found = append(w.found, entry)
		}
		return true
	})
	return err
}
