package state

import (
	"slices"

	"github.com/yizhan-im/yizhan/appliance/wire"
	"github.com/yizhan-im/yizhan/raftstore"
)

// Receipts of a team are not stored: who has read a message is who has a cursor at
// or behind it. Stored is, once for each message that asks for them, who has sent
// it, so that a moving cursor finds whom to tell.
const tableTeamReceipt = 0x69 // tenant, team, seq

const (
	// MaxReceipts is how many messages TeamReceipts answers for.
	MaxReceipts = 50
	// A cursor that moves far passes more messages than are worth telling of one by
	// one: of the newest maxReceiptsPassed the senders are told, and at most
	// maxReceiptsTold of these. The others find it when they ask.
	maxReceiptsPassed = 64
	maxReceiptsTold   = 16
)

func appendReceiptKey(dst []byte, tenant uint32, team, seq uint64) []byte {
	return appendU64(appendTeamKey(dst, tableTeamReceipt, tenant, team), seq)
}

// receiptRow is a message of a team whose sender wants to know who has read it.
type receiptRow struct{ sender string }

func (r *receiptRow) append(dst []byte) []byte {
	return appendString(append(dst, rowVersion), r.sender)
}

func (r *receiptRow) decode(b []byte) error {
	in := openRow(b)
	r.sender = in.string()
	return in.end("message with receipts")
}

// putReceipt notes that the newest entry of the team asks for receipts.
func (m *Machine) putReceipt(tx *raftstore.Tx, tenant uint32, id uint64, t *team, sender string) error {
	t.head.receiptSeq = t.head.lastSeq
	row := receiptRow{sender}
	m.key = appendReceiptKey(m.key[:0], tenant, id, t.head.lastSeq)
	m.val = row.append(m.val[:0])
	return tx.Set(m.key, m.val)
}

// passedReceipts lists who has sent the messages with receipts that reader's cursor
// has passed on its way from after to seq, the newest first, without reader and
// without those who are no members any more: the team is no business of theirs.
func (m *Machine) passedReceipts(tx *raftstore.Tx, tenant uint32, id uint64, t *team, reader string, after, seq uint64) (senders []string, err error) {
	if t.head.receiptSeq <= after {
		return nil, nil
	}
	it, err := tx.Iter(appendReceiptKey(nil, tenant, id, after+1), appendReceiptKey(nil, tenant, id, seq+1))
	if err != nil {
		return nil, err
	}
	passed := 0
	for ok := it.Last(); ok && err == nil && passed < maxReceiptsPassed && len(senders) < maxReceiptsTold; ok = it.Prev() {
		var row receiptRow
		err = row.decode(it.Value())
		if _, is := t.members.find(row.sender); err == nil && is && row.sender != reader && !slices.Contains(senders, row.sender) {
			senders = append(senders, row.sender)
		}
		passed++
	}
	if closeErr := it.Close(); err == nil {
		err = closeErr
	}
	return senders, err
}

// TeamReceipts tells how many of the present members who may read them have read
// messages that sender has sent to a team, at most MaxReceipts; and who has read
// the message list, unless that is 0. Messages that sender has not sent, or that do
// not ask for receipts, are left out: list must not be one (CodeNotFound). With
// member, sender must be a member (CodeNotInTeam). A mega-team has no receipts:
// CodeTeamReceipt.
//
// It reads every member's cursor: some 1 µs for each.
func (q *Queries) TeamReceipts(tenant uint32, team uint64, sender string, member bool, seqs []uint64, list uint64) (*wire.TeamReceiptsResponse, error) {
	if len(seqs) > MaxReceipts {
		return nil, wire.Errorf(wire.CodeCountLimit, "at most %d messages", MaxReceipts)
	}
	v := q.snapshot()
	defer v.Close()
	head, err := readHead(v, tenant, team)
	switch {
	case err != nil:
		return nil, err
	case head.mega():
		return nil, wire.Errorf(wire.CodeTeamReceipt, "a mega-team has no read receipts")
	}
	if member {
		if _, err := readStanding(v, tenant, sender, team); err != nil {
			return nil, err
		}
	}
	res := new(wire.TeamReceiptsResponse)
	for _, seq := range seqs {
		own, err := asksReceipts(v, tenant, team, seq, sender)
		if err != nil {
			return nil, err
		}
		if own && !slices.ContainsFunc(res.Receipts, func(r *wire.TeamReceipt) bool { return r.Seq == seq }) {
			res.Receipts = append(res.Receipts, &wire.TeamReceipt{Seq: seq})
		}
	}
	if list != 0 {
		own, err := asksReceipts(v, tenant, team, list, sender)
		if err != nil {
			return nil, err
		}
		if !own {
			return nil, wire.Errorf(wire.CodeNotFound, "the account has sent no such message with receipts")
		}
	}
	if list == 0 && len(res.Receipts) == 0 {
		return res, nil
	}
	return res, countReaders(v, tenant, team, sender, list, res)
}

// asksReceipts reports whether sender has sent the entry seq and asks for receipts.
func asksReceipts(v *raftstore.View, tenant uint32, team, seq uint64, sender string) (bool, error) {
	var row receiptRow
	ok, err := readRow(v, appendReceiptKey(nil, tenant, team, seq), row.decode)
	return ok && row.sender == sender, err
}

// countReaders fills in res from the cursors of the members.
func countReaders(v *raftstore.View, tenant uint32, team uint64, sender string, list uint64, res *wire.TeamReceiptsResponse) error {
	prefix := appendTeamKey(nil, tableTeamMember, tenant, team)
	var key, buf []byte
	return scan(v, prefix, prefixEnd(prefix), func(memberKey, _ []byte) error {
		account := memberKey[len(prefix):]
		if string(account) == sender {
			return nil
		}
		key = append(appendU32(appendTable(key[:0], tableTeamStanding), tenant), byte(len(account)))
		key = appendU64(append(key, account...), team)
		var ok bool
		var err error
		if buf, ok, err = v.AppendTo(buf[:0], key); err != nil {
			return readError(err)
		}
		if !ok {
			return nil // has left while we look
		}
		var row standingRow
		if err := row.decode(buf); err != nil || !row.isMember() {
			return err
		}
		for _, r := range res.Receipts {
			switch {
			case row.firstSeq > r.Seq:
			case row.readSeq >= r.Seq:
				r.Read++
			default:
				r.Unread++
			}
		}
		switch {
		case list == 0 || row.firstSeq > list:
		case row.readSeq >= list:
			res.Read = append(res.Read, string(account))
		default:
			res.Unread = append(res.Unread, string(account))
		}
		return nil
	})
}
