package state

import (
	"github.com/yizhan-im/yizhan/appliance/wire"
	"github.com/yizhan-im/yizhan/raftstore"
)

// PruneMark is the Mark of the newest Prune, nil when there is none.
func (q *Queries) PruneMark() ([]byte, error) {
	v := q.snapshot()
	defer v.Close()
	mark, _, err := v.Get(appendTable(nil, tablePruneMark))
	return mark, readError(err)
}

// StoredLog is one log with something in it, as Logs finds it.
type StoredLog struct {
	PrunedLog    // Floor: the first entry that is kept
	Conversation uint64
	LastSeq      uint64 // Floor-1 when nothing is kept
	Version      uint64 // of its newest change
	after        []byte
}

// After is what to pass to Logs to go on behind this log.
func (l *StoredLog) After() []byte { return l.after }

// Logs walks the logs of a tenant behind after (nil: from the first on), of pairs of
// accounts and then of teams, dismissed ones too, and calls each until it returns false or
// limit logs were seen. It reports whether it came to the end. The log that is
// handed out may be kept.
func (q *Queries) Logs(tenant uint32, after []byte, limit int, each func(*StoredLog) bool) (end bool, err error) {
	v := q.snapshot()
	defer v.Close()
	w := logWalk{v: v, tenant: tenant, left: limit, each: each}
	if len(after) == 0 || after[0] == tableConv {
		if err := w.table(tableConv, after); err != nil || w.stopped {
			return false, err
		}
		after = nil
	}
	err = w.table(tableTeamHead, after)
	return !w.stopped, err
}

// logWalk is one call of Logs.
type logWalk struct {
	v       *raftstore.View
	tenant  uint32
	left    int
	each    func(*StoredLog) bool
	stopped bool
}

func (w *logWalk) table(table byte, after []byte) error {
	prefix := appendU32(appendTable(nil, table), w.tenant)
	lo := prefix
	if len(after) > 0 {
		// after is the table's byte and the key behind the tenant.
		lo = append(append(append([]byte(nil), prefix...), after[1:]...), 0)
	}
	return scanWhile(w.v, lo, prefixEnd(prefix), func(key, row []byte) (bool, error) {
		if w.left--; w.left < 0 {
			w.stopped = true
			return false, nil
		}
		rest := key[len(prefix):]
		l := &StoredLog{after: append([]byte{table}, rest...)}
		if err := l.decode(table, rest, row); err != nil {
			return false, err
		}
		var err error
		if l.Floor, err = readFloor(w.v, w.tenant, l.Conversation); err != nil {
			return false, err
		}
		w.stopped = !w.each(l)
		return !w.stopped, nil
	})
}

// decode reads l from its row; rest is the key behind the tenant.
func (l *StoredLog) decode(table byte, rest, row []byte) error {
	if table == tableTeamHead {
		id, err := teamOfKey(rest)
		if err != nil {
			return err
		}
		var head teamHead
		l.Team, l.Conversation = id, id
		err = head.decode(row)
		l.LastSeq, l.Version = head.lastSeq, head.version
		return err
	}
	r := reader{b: rest}
	n := int(r.byte())
	if r.bad || n >= len(r.b) {
		return (&reader{bad: true}).end("key of a conversation")
	}
	l.A, l.B = string(r.b[:n]), string(r.b[n:])
	var conv convRow
	err := conv.decode(row)
	l.Conversation, l.LastSeq, l.Version = conv.id, conv.lastSeq, conv.version
	return err
}

// Cut finds where the log is to begin when what was sent before beforeMs goes,
// and of the rest all but the newest keep entries (0: all stay). It reads one
// entry of most logs, and some 2·log₂ of their length where something goes.
func (q *Queries) Cut(tenant uint32, l *StoredLog, beforeMs int64, keep uint64) (floor uint64, err error) {
	floor = l.Floor
	if n := l.LastSeq + 1 - l.Floor; keep > 0 && n > keep {
		floor = l.LastSeq + 1 - keep
	}
	if floor > l.LastSeq {
		return floor, nil
	}
	v := q.snapshot()
	defer v.Close()
	log, err := newLog(v, tenant, l.Conversation, l.LastSeq)
	if err != nil {
		return floor, err
	}
	if floor = max(floor, log.floor); floor > l.LastSeq {
		return floor, nil
	}
	log.floor = floor
	var oldest wire.Message
	if err := log.read(floor, &oldest); err != nil || oldest.TimeMs >= beforeMs {
		return floor, err
	}
	return log.search(func(m *wire.Message) bool { return m.TimeMs >= beforeMs })
}

// scanWhile is scan until each returns false.
func scanWhile(v *raftstore.View, lo, hi []byte, each func(key, row []byte) (bool, error)) error {
	it, err := v.Iter(lo, hi)
	if err != nil {
		return readError(err)
	}
	more := true
	for ok := it.First(); ok && more && err == nil; ok = it.Next() {
		more, err = each(it.Key(), it.Value())
	}
	if closeErr := it.Close(); err == nil {
		err = readError(closeErr)
	}
	return err
}
