package state

import (
	"github.com/yizhan-im/yizhan/appliance/wire"
	"github.com/yizhan-im/yizhan/raftstore"
)

// forward fills in what msg forwards, from entries that its sender may read:
// nobody can make up what another has said. CodeNotFound: one of them is not
// there, or not for the sender; CodeBadParameter: together they are too long, or
// a merged forward would hold another.
func (m *Machine) forward(tx *raftstore.Tx, tenant uint32, msg *wire.Message) (wire.Code, error) {
	if msg.Origin != nil {
		original, code, err := m.original(tx, tenant, msg.From, msg.Origin)
		if err != nil || code != wire.CodeOK {
			return code, err
		}
		msg.Type, msg.SubType, msg.Body, msg.Ext, msg.Merged = original.Type, original.SubType, original.Body, original.Ext, original.Merged
		return wire.CodeOK, nil
	}
	size := 0
	for _, one := range msg.Merged {
		original, code, err := m.original(tx, tenant, msg.From, one.Origin)
		if err != nil || code != wire.CodeOK {
			return code, err
		}
		one.Type, one.SubType, one.Body, one.Ext = original.Type, original.SubType, original.Body, original.Ext
		if size += len(one.Body) + len(one.Ext); original.Type == TypeMerged || size > MaxMergedBytes {
			return wire.CodeBadParameter, nil
		}
	}
	return wire.CodeOK, nil
}

// original reads the entry that o names for account, and completes o.
func (m *Machine) original(tx *raftstore.Tx, tenant uint32, account string, o *wire.Origin) (*wire.Message, wire.Code, error) {
	log, first, code, err := m.readableLog(tx, tenant, account, o)
	if err != nil || code != wire.CodeOK {
		return nil, code, err
	}
	if o.Seq < first || o.Seq > log.lastSeq {
		return nil, wire.CodeNotFound, nil
	}
	original, ok, err := m.entry(tx, tenant, log, o.Seq)
	if err != nil || !ok || !isContent(original) || withdrawnFrom(original, account) {
		return nil, wire.CodeNotFound, err
	}
	if deleted, err := m.deletedFor(tx, tenant, account, log.id, o.Seq); err != nil || deleted {
		return nil, wire.CodeNotFound, err
	}
	o.From, o.Id, o.TimeMs = original.From, original.Id, original.TimeMs
	return original, wire.CodeOK, nil
}

// readableLog is the log that o is of, with what is needed to read it: id and
// lastSeq. first is the first entry that account may read.
func (m *Machine) readableLog(tx *raftstore.Tx, tenant uint32, account string, o *wire.Origin) (log *convRow, first uint64, code wire.Code, err error) {
	if o.Scene == wire.Scene_SCENE_P2P {
		conv, err := m.conv(tx, tenant, account, o.Peer)
		if err != nil || conv == nil {
			return nil, 0, wire.CodeNotFound, err
		}
		former, err := m.formerSeq(tx, tenant, account, o.Peer)
		return conv, former + 1, wire.CodeOK, err
	}
	id, _ := ParseTeamID(o.Peer)
	t, err := m.team(tx, tenant, id)
	if err != nil || t == nil {
		return nil, 0, wire.CodeNotFound, err
	}
	row, _, err := m.standing(tx, tenant, account, id)
	if err != nil || !row.isMember() {
		return nil, 0, wire.CodeNotFound, err
	}
	return &convRow{id: id, lastSeq: t.head.lastSeq}, row.firstSeq, wire.CodeOK, nil
}

// withdrawnFrom reports whether m was taken from everybody but its sender, who is
// not account.
func withdrawnFrom(m *wire.Message, account string) bool {
	return m.Changes.GetWithdrawn() && m.From != account
}
