package state

import (
	"encoding/binary"

	"github.com/yizhan-im/yizhan/appliance/wire"
	"github.com/yizhan-im/yizhan/raftstore"
)

// Limits of pages.
const (
	MaxReactionsPage = 200
	MaxDeletionsPage = 200
)

// HistoryOn is History as a device of the account may see it: see viewer.
func (q *Queries) HistoryOn(tenant uint32, account, device string, req *wire.HistoryRequest) (*wire.HistoryResponse, error) {
	return q.history(tenant, account, device, req)
}

// MessageByClientID finds the message that from has sent to to with a client id, if
// it was accepted in this generation of ids or the one before: CodeNotFound
// otherwise.
func (q *Queries) MessageByClientID(tenant uint32, from, to, clientID string) (*wire.Message, error) {
	missing := wire.Errorf(wire.CodeNotFound, "no such message of the last days")
	if !validAccount(from) || !validName(clientID, maxClientID) {
		return nil, missing
	}
	v := q.snapshot()
	defer v.Close()
	var site siteRow
	if _, err := readRow(v, keySite, site.decode); err != nil {
		return nil, err
	}
	l, err := openLog(v, tenant, from, to)
	if err != nil {
		return nil, err
	}
	now := generationOf(site.clockMs)
	for _, generation := range [...]uint32{now, now - 1} {
		var row clientRow
		ok, err := readRow(v, appendClientKey(nil, generation, tenant, from, clientID), row.decode)
		if err != nil {
			return nil, err
		}
		if !ok || l == nil || row.seq < l.floor || row.seq > l.lastSeq {
			continue
		}
		m := new(wire.Message)
		if err := l.read(row.seq, m); err != nil {
			return nil, err
		}
		if m.Id == row.id { // and not one that from has sent to another
			return m, nil
		}
	}
	return nil, missing
}

// Pins reads the pinned messages of a conversation from after on, in the order of
// the log, as many as fit one frame. Codes are those of History.
func (q *Queries) Pins(tenant uint32, account, device string, req *wire.PinsRequest) (*wire.PinsResponse, error) {
	v := q.snapshot()
	defer v.Close()
	res := new(wire.PinsResponse)
	l, first, err := openReadable(v, tenant, account, req.Scene, req.Peer)
	if err != nil || l == nil {
		return res, err
	}
	c := collector{limit: MaxPins}
	lo, hi := appendLogKey(nil, tablePin, tenant, l.conv, max(req.AfterSeq+1, first)), appendLogKey(nil, tablePin, tenant, l.conv+1, 0)
	err = scan(v, lo, hi, func(key, stored []byte) error {
		var row pinRow
		if err := row.decode(stored); err != nil || res.More {
			return err
		}
		var err error
		if res.More, err = l.collect(&c, binary.BigEndian.Uint64(key[len(key)-8:])); err == nil && !res.More {
			res.Pins = append(res.Pins, &wire.Pin{By: row.by, TimeMs: row.timeMs})
		}
		return err
	})
	if err != nil {
		return nil, err
	}
	messages, err := c.messages()
	if err != nil {
		return nil, err
	}
	for i, m := range messages {
		res.Pins[i].Message = m
	}
	return res, (&viewer{v: v, tenant: tenant, account: account, device: device}).show(l.conv, messages)
}

// openReadable opens a log for account; first is the first entry that it may read
// and has not cleared away. l is nil when there is none.
func openReadable(v *raftstore.View, tenant uint32, account string, scene wire.Scene, peer string) (l *convLog, first uint64, err error) {
	l, first, err = openHistory(v, tenant, account, &wire.HistoryRequest{Scene: scene, Peer: peer})
	if err != nil || l == nil {
		return l, first, err
	}
	cleared, err := clearedSeq(v, tenant, account, scene, peer)
	if cleared != 0 {
		first = max(first, cleared+1)
	}
	return l, first, err
}

// collect adds the entry seq, which is there, to c; full reports that it does not
// fit.
func (l *convLog) collect(c *collector, seq uint64) (full bool, err error) {
	stored, ok, err := l.v.Get(l.key(seq))
	if err == nil && !ok {
		return false, l.read(seq, new(wire.Message)) // says what is wrong
	}
	return err == nil && !c.add(stored), readError(err)
}

// Thread reads the replies in a thread, oldest first, after the one given; the
// first page has the root too. At most req.Limit (1..MaxHistoryPage, 0 means 100),
// and one frame. CodeNotFound: the root is not there; other codes are those of
// History.
func (q *Queries) Thread(tenant uint32, account, device string, req *wire.ThreadRequest) (*wire.ThreadResponse, error) {
	v := q.snapshot()
	defer v.Close()
	l, first, err := openReadable(v, tenant, account, req.Scene, req.Peer)
	if err != nil {
		return nil, err
	}
	if l == nil || req.RootSeq < max(first, l.floor) || req.RootSeq > l.lastSeq {
		return nil, wire.Errorf(wire.CodeNotFound, "no such message")
	}
	res := new(wire.ThreadResponse)
	c := collector{limit: pageSize(int(req.Limit), MaxHistoryPage)}
	withRoot := req.AfterSeq == 0
	if withRoot {
		c.limit++
		if _, err := l.collect(&c, req.RootSeq); err != nil {
			return nil, err
		}
	}
	lo, hi := appendThreadKey(nil, tenant, l.conv, req.RootSeq, req.AfterSeq+1), appendThreadKey(nil, tenant, l.conv, req.RootSeq+1, 0)
	err = scanUntil(v, lo, hi, func(key, _ []byte) (bool, error) {
		full, err := l.collect(&c, binary.BigEndian.Uint64(key[len(key)-8:]))
		res.More = full
		return full, err
	})
	if err != nil {
		return nil, err
	}
	messages, err := c.messages()
	if err != nil {
		return nil, err
	}
	if err := (&viewer{v: v, tenant: tenant, account: account, device: device}).show(l.conv, messages); err != nil {
		return nil, err
	}
	if res.Messages = messages; withRoot {
		res.Root, res.Messages = messages[0], messages[1:]
	}
	return res, nil
}

// Reactions reads who has given a message one emoji, in the order of their names,
// after the one given; at most req.Limit (1..MaxReactionsPage, 0 means 100). Codes
// are those of History.
func (q *Queries) Reactions(tenant uint32, account string, req *wire.ReactionsRequest) (*wire.ReactionsResponse, error) {
	v := q.snapshot()
	defer v.Close()
	res := new(wire.ReactionsResponse)
	l, first, err := openReadable(v, tenant, account, req.Scene, req.Peer)
	if err != nil || l == nil || req.Seq < max(first, l.floor) || req.Seq > l.lastSeq || !validName(req.Emoji, MaxEmojiBytes) {
		return res, err
	}
	m := new(wire.Message)
	if err := l.read(req.Seq, m); err != nil {
		return nil, err
	}
	if err := (&viewer{v: v, tenant: tenant, account: account}).show(l.conv, []*wire.Message{m}); err != nil || m.Hidden {
		return res, err
	}
	limit := pageSize(int(req.Limit), MaxReactionsPage)
	prefix := appendReactionPrefix(nil, tenant, l.conv, req.Seq, req.Emoji)
	lo := append(append([]byte(nil), prefix...), req.After...)
	err = scanUntil(v, lo, prefixEnd(prefix), func(key, _ []byte) (bool, error) {
		name := string(key[len(prefix):])
		switch {
		case name == req.After:
		case len(res.Accounts) == limit:
			res.More = true
		default:
			res.Accounts = append(res.Accounts, name)
		}
		return res.More, nil
	})
	return res, err
}

// Deletions tells what the account has deleted for itself after version, oldest
// first, in at most limit (1..MaxDeletionsPage, 0 means 100) pieces.
func (q *Queries) Deletions(tenant uint32, account string, version uint64, limit int) (*wire.DeletionsResponse, error) {
	if !validAccount(account) {
		return nil, wire.Errorf(wire.CodeBadParameter, "malformed account")
	}
	v := q.snapshot()
	defer v.Close()
	var totals versionCount
	if _, err := readRow(v, appendDeletionKey(nil, tenant, account, 0), totals.decode); err != nil {
		return nil, err
	}
	res := &wire.DeletionsResponse{Version: totals.version}
	if version >= totals.version {
		return res, nil
	}
	limit = pageSize(limit, MaxDeletionsPage)
	lo, hi := appendDeletionKey(nil, tenant, account, version+1), prefixEnd(appendConvPrefix(nil, tableDeletionOrder, tenant, account))
	err := scanUntil(v, lo, hi, func(key, stored []byte) (bool, error) {
		if len(res.Deletions) == limit {
			res.More, res.Version = true, res.Deletions[limit-1].Version
			return true, nil
		}
		var row deletionRow
		err := row.decode(stored)
		res.Deletions = append(res.Deletions, &wire.Deletion{
			Scene: row.scene, Peer: row.peer, Seqs: row.seqs, Version: binary.BigEndian.Uint64(key[len(key)-8:]),
		})
		return false, err
	})
	return res, err
}
