package state

import (
	"encoding/binary"

	"github.com/yizhan-im/yizhan/appliance/wire"
	"github.com/yizhan-im/yizhan/raftstore"
)

// TypeRecall is the message type of a log entry that takes another one back; the
// types of other operations are in message_options.go.
const TypeRecall = firstOperation

// sendSlab is how many SendResults are allocated together: a result that is
// kept for long holds on to at most 5 KiB.
const sendSlab = 32

func (m *Machine) newSend() *SendResult {
	if len(m.sends) == 0 {
		m.sends = make([]SendResult, sendSlab)
	}
	res := &m.sends[0]
	m.sends = m.sends[1:]
	return res
}

func (m *Machine) send(tx *raftstore.Tx, r *reader) (*SendResult, error) {
	res := m.newSend()
	res.Code = wire.CodeBadProtocol
	var c Send
	encoded, ok := c.decode(r)
	res.Tenant, res.Session = c.Tenant, c.Session
	if !ok {
		return res, nil
	}
	// The only allocation: the stored message, which the result shows and whose
	// memory the strings of msg and res share. The command is not ours to keep.
	own := make([]byte, len(encoded), len(encoded)+maxStamp)
	copy(own, encoded)
	msg := &m.msg
	msg.Reset()
	if msg.UnmarshalVTUnsafe(own) != nil {
		return res, nil
	}
	res.From, res.To = msg.From, msg.To
	if !validMessage(msg) {
		res.Code = wire.CodeBadParameter
		return res, nil
	}
	if err := m.tick(tx, c.TimeMs); err != nil {
		return nil, err
	}
	first, hash, ok, err := m.firstSend(tx, c.Tenant, msg.From, msg.ClientId)
	if err != nil {
		return nil, err
	}
	if ok {
		res.Code, res.Duplicate = wire.CodeOK, true
		res.Seq, res.ID, res.TimeMs = first.seq, first.id, first.timeMs
		return res, nil
	}
	if gone, err := m.goneForSend(tx, c.Tenant, msg); err != nil || gone {
		res.Code = wire.CodeAccountGone
		return res, err
	}
	if c.Session != 0 { // the backend is not bound by its own mutes
		muted, err := m.mutedAt(tx, c.Tenant, msg.From, placeOfScene(msg.Scene))
		if err != nil {
			return nil, err
		}
		if muted {
			res.Code = wire.CodeForbidden
			return res, nil
		}
	}
	if msg.Origin != nil || len(msg.Merged) > 0 {
		if res.Code, err = m.forward(tx, c.Tenant, msg); err != nil || res.Code != wire.CodeOK {
			return res, err
		}
		own = encodeMessage(msg)
	}
	res.Options = msg.Options
	if msg.Scene == wire.Scene_SCENE_TEAM {
		return res, m.sendTeam(tx, c.Tenant, msg, own, hash, res)
	}
	if ok, err := m.admit(tx, c.Tenant, msg, res); err != nil || !ok {
		return res, err
	}
	conv, err := m.conv(tx, c.Tenant, msg.From, msg.To)
	if err != nil {
		return nil, err
	}
	if msg.Options.GetOnlineOnly() {
		return res, m.sendOnline(tx, c.Tenant, conv, msg, own, hash, res)
	}
	var replied *thread
	if msg.ReplyTo != 0 {
		former, err := m.formerSeq(tx, c.Tenant, msg.From, msg.To)
		if err != nil {
			return nil, err
		}
		if replied, own, err = m.reply(tx, c.Tenant, conv, former+1, msg, res); err != nil || replied == nil {
			return res, err
		}
	}
	if conv == nil {
		if conv, err = m.openConv(tx, c.Tenant, msg.From, msg.To); err != nil {
			return nil, err
		}
		if conv == nil {
			res.Code = wire.CodeNotFound
			return res, nil
		}
	}
	m.advance(conv, res)
	res.Message = appendStamp(own, res.Seq, res.ID, res.TimeMs)
	if err := m.putEntry(tx, c.Tenant, conv, res); err != nil {
		return nil, err
	}
	if replied != nil {
		if err := m.putReply(tx, c.Tenant, conv.id, res.Seq, replied); err != nil {
			return nil, err
		}
	}
	return res, m.putClient(tx, c.Tenant, msg.From, msg.ClientId, hash, &clientRow{seq: res.Seq, id: res.ID, timeMs: res.TimeMs})
}

// putClient stores the first result for a sender's client id, whose hash in the
// filter firstSend has returned.
func (m *Machine) putClient(tx *raftstore.Tx, tenant uint32, sender, clientID string, hash uint64, first *clientRow) error {
	generation := generationOf(m.site.clockMs)
	m.clients.add(generation, hash)
	m.key = appendClientKey(m.key[:0], generation, tenant, sender, clientID)
	m.val = first.append(m.val[:0])
	return tx.Set(m.key, m.val)
}

// firstSend looks for an accepted message with the same sender and client id. It
// also returns their hash in the filter.
func (m *Machine) firstSend(tx *raftstore.Tx, tenant uint32, sender, clientID string) (row clientRow, hash uint64, ok bool, err error) {
	now := generationOf(m.site.clockMs)
	m.key = appendClientKey(m.key[:0], now, tenant, sender, clientID)
	hash = m.clients.hash(m.key)
	for _, generation := range [...]uint32{now, now - 1} { // before 0 is one that never comes
		if !m.clients.mayHold(generation, hash) {
			continue
		}
		binary.BigEndian.PutUint32(m.key[generationStart:], generation)
		stored, ok, err := tx.Get(m.key)
		if err != nil {
			return row, 0, false, err
		}
		if ok {
			err = row.decode(stored)
			return row, hash, true, err
		}
	}
	return row, hash, false, nil
}

// advance gives conv one more entry, made now, and res its numbers.
func (m *Machine) advance(conv *convRow, res *SendResult) {
	res.Code = wire.CodeOK
	res.ID, res.TimeMs = m.nextID(), m.site.clockMs
	if conv.lastSeq == 0 {
		conv.id = res.ID
	}
	conv.lastSeq++
	conv.version, conv.timeMs = res.ID, res.TimeMs
	res.Seq = conv.lastSeq
}

// putEntry stores the new log entry and its conversation.
func (m *Machine) putEntry(tx *raftstore.Tx, tenant uint32, conv *convRow, res *SendResult) error {
	m.key = appendMessageKey(m.key[:0], tenant, conv.id, res.Seq)
	if err := tx.Set(m.key, res.Message); err != nil {
		return err
	}
	return m.putConv(tx, tenant, res.From, res.To, conv)
}

// maxStamp is the most bytes that appendStamp appends.
const maxStamp = 3 * (2 + binary.MaxVarintLen64)

// appendStamp appends the fields of wire.Message that the machine sets. They
// have the highest numbers, so this is also where the encoder puts them.
func appendStamp(dst []byte, seq, id uint64, timeMs int64) []byte {
	dst = binary.AppendUvarint(append(dst, 0xa0, 0x01), seq)             // field 20
	dst = binary.AppendUvarint(append(dst, 0xa8, 0x01), id)              // field 21
	return binary.AppendUvarint(append(dst, 0xb0, 0x01), uint64(timeMs)) // field 22
}

func validMessage(m *wire.Message) bool {
	return m.Type < firstOperation && validReceiver(m) &&
		m.Seq == 0 && m.Id == 0 && m.TimeMs == 0 && m.RefSeq == 0 && !m.Recalled &&
		validAccount(m.From) && validName(m.ClientId, maxClientID) &&
		validText(m.FromDevice, maxDevice) &&
		// Their length is bounded by that of the command.
		validText(m.Body, MaxCommandBytes) && validText(m.Ext, MaxCommandBytes) &&
		validExtras(m)
}

// validReceiver checks whom m is for, and what only messages of teams have.
func validReceiver(m *wire.Message) bool {
	switch m.Scene {
	case wire.Scene_SCENE_P2P:
		return validAccount(m.To) && m.Event == nil && !m.Receipt && len(m.Mentions) == 0 && !m.MentionAll
	case wire.Scene_SCENE_TEAM:
		_, ok := ParseTeamID(m.To)
		for _, account := range m.Mentions {
			ok = ok && validAccount(account)
		}
		return ok && m.Type != TypeTeamEvent && m.Event == nil && len(m.Mentions) <= MaxMentions
	}
	return false
}
