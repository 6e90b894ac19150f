package state

import (
	"encoding/binary"

	"github.com/yizhan-im/yizhan/appliance/wire"
	"github.com/yizhan-im/yizhan/raftstore"
)

const kindPrune = 144

// tablePruneMark says where the janitor of the site has come to; no key.
const tablePruneMark = 0x29

// Bounds of one Prune.
const (
	// MaxPrunedLogs is how many logs one command may shorten: each may cost the
	// batch a range deletion, which later reads of the batch pass.
	MaxPrunedLogs = 64
	// maxPruneMark is the longest mark, in bytes: a tenant and a conversation's key.
	maxPruneMark = 128
	// fewEntries is up to how many entries are deleted one by one. What expires
	// from day to day is few; a range deletion for each would pile up in the store.
	fewEntries = 64
)

// Prune removes the beginnings of logs of one tenant, up to where each is to
// begin then, and remembers where the janitor goes on. What is to go is decided
// by who proposes it: entries only become older, so a late or repeated Prune
// removes nothing that should stay. A log that has gone further already, or that
// is not there, is left alone.
type Prune struct {
	TimeMs int64
	Tenant uint32
	// Mark is the janitor's own, at most 128 bytes; see Queries.PruneMark.
	Mark []byte
	Logs []PrunedLog // at most MaxPrunedLogs
}

// PrunedLog names the log of two accounts, or of a team.
type PrunedLog struct {
	A, B  string // in either order
	Team  uint64 // when it is not 0, A and B have no meaning
	Floor uint64 // first seq that is kept; at most the last seq and one
}

// PruneResult is the outcome of Prune.
type PruneResult struct {
	Code   wire.Code
	Tenant uint32
	// Ranges are the entries that have gone.
	Ranges []PrunedRange
}

// PrunedRange is a closed range of seqs of one log. Conversation is the team's
// number when the log is a team's.
type PrunedRange struct {
	Conversation uint64
	First, Last  uint64
}

// Append appends the encoded command to dst.
func (c *Prune) Append(dst []byte) []byte {
	dst = target(dst, kindPrune, c.TimeMs, c.Tenant)
	dst = appendString(dst, c.Mark)
	dst = binary.AppendUvarint(dst, uint64(len(c.Logs)))
	for i := range c.Logs {
		l := &c.Logs[i]
		dst = binary.AppendUvarint(dst, l.Team)
		if l.Team == 0 {
			dst = appendString(dst, l.A)
			dst = appendString(dst, l.B)
		}
		dst = binary.AppendUvarint(dst, l.Floor)
	}
	return dst
}

func (c *Prune) decode(r *reader) bool {
	c.TimeMs, c.Tenant = r.time(), r.u32()
	c.Mark = append([]byte(nil), r.bytes()...)
	n := r.upTo(MaxPrunedLogs)
	c.Logs = make([]PrunedLog, n)
	for i := range c.Logs {
		l := &c.Logs[i]
		if l.Team = r.uint(); l.Team == 0 {
			l.A, l.B = r.string(), r.string()
		}
		l.Floor = r.uint()
	}
	return r.done() && len(c.Mark) <= maxPruneMark
}

func (m *Machine) prune(tx *raftstore.Tx, r *reader) (*PruneResult, error) {
	var c Prune
	ok := c.decode(r)
	res := &PruneResult{Code: wire.CodeBadProtocol, Tenant: c.Tenant}
	if !ok {
		return res, nil
	}
	if err := m.tick(tx, c.TimeMs); err != nil {
		return nil, err
	}
	res.Code = wire.CodeOK
	for i := range c.Logs {
		if err := m.pruneLog(tx, c.Tenant, &c.Logs[i], res); err != nil {
			return nil, err
		}
	}
	m.key = appendTable(m.key[:0], tablePruneMark)
	if len(c.Mark) == 0 {
		return res, tx.Delete(m.key)
	}
	return res, tx.Set(m.key, c.Mark)
}

// pruneLog removes what is below l.Floor.
func (m *Machine) pruneLog(tx *raftstore.Tx, tenant uint32, l *PrunedLog, res *PruneResult) error {
	conv, last, err := m.prunable(tx, tenant, l)
	if err != nil || conv == 0 || l.Floor > last+1 {
		return err
	}
	floor, err := m.floor(tx, tenant, conv)
	if err != nil || l.Floor <= floor {
		return err
	}
	for _, table := range prunedTables {
		if err := m.removeEntries(tx, table, tenant, conv, floor, l.Floor); err != nil {
			return err
		}
	}
	res.Ranges = append(res.Ranges, PrunedRange{Conversation: conv, First: floor, Last: l.Floor - 1})
	m.key = appendFloorKey(m.key[:0], tenant, conv)
	m.val = appendFloor(m.val[:0], l.Floor)
	return tx.Set(m.key, m.val)
}

// prunable finds the log that l names: its conversation, 0 when there is none,
// and its last seq. A dismissed team has one.
func (m *Machine) prunable(tx *raftstore.Tx, tenant uint32, l *PrunedLog) (conv, last uint64, err error) {
	if l.Team == 0 {
		if !validAccount(l.A) || !validAccount(l.B) {
			return 0, 0, nil
		}
		row, err := m.conv(tx, tenant, l.A, l.B)
		if err != nil || row == nil {
			return 0, 0, err
		}
		return row.id, row.lastSeq, nil
	}
	m.key = appendTeamKey(m.key[:0], tableTeamHead, tenant, l.Team)
	stored, ok, err := tx.Get(m.key)
	if err != nil || !ok {
		return 0, 0, err
	}
	var head teamHead
	if err := head.decode(stored); err != nil {
		return 0, 0, err
	}
	return l.Team, head.lastSeq, nil
}

// removeEntries deletes the rows of [from, to) of a log in one table.
func (m *Machine) removeEntries(tx *raftstore.Tx, table byte, tenant uint32, conv, from, to uint64) error {
	lo, hi := appendLogKey(nil, table, tenant, conv, from), appendLogKey(nil, table, tenant, conv, to)
	if table == tableMessage && to-from <= fewEntries {
		for seq := from; seq < to; seq++ {
			m.key = appendLogKey(m.key[:0], table, tenant, conv, seq)
			if err := tx.Delete(m.key); err != nil {
				return err
			}
		}
		return nil
	}
	if table == tableMessage {
		return tx.DeleteRange(lo, hi)
	}
	// Not every entry has rows there.
	it, err := tx.Iter(lo, hi)
	if err != nil {
		return err
	}
	var keys [][]byte
	for ok := it.First(); ok && len(keys) <= fewEntries; ok = it.Next() {
		keys = append(keys, append([]byte(nil), it.Key()...))
	}
	if err := it.Close(); err != nil {
		return err
	}
	if len(keys) > fewEntries {
		return tx.DeleteRange(lo, hi)
	}
	for _, key := range keys {
		if err := tx.Delete(key); err != nil {
			return err
		}
	}
	return nil
}
