package state

import (
	"github.com/yizhan-im/yizhan/appliance/wire"
	"github.com/yizhan-im/yizhan/raftstore"
)

// tableThread lists the replies in a thread: tenant, conversation, root seq, seq
// of the reply. The value is a row version.
const tableThread = 0x23

func appendThreadKey(dst []byte, tenant uint32, conv, root, seq uint64) []byte {
	return appendU64(appendLogKey(dst, tableThread, tenant, conv, root), seq)
}

// thread is where a reply belongs.
type thread struct {
	root uint64
	// rootEntry is that of root, nil when it is below the log's floor.
	rootEntry *wire.Message
}

// threadOf finds the thread that msg, which replies, belongs to in a log of which
// its sender may read from first on. CodeNotFound: what it replies to is not there,
// or nothing that can be answered.
func (m *Machine) threadOf(tx *raftstore.Tx, tenant uint32, log *convRow, first uint64, msg *wire.Message) (*thread, wire.Code, error) {
	if msg.ReplyTo < first || msg.ReplyTo > log.lastSeq {
		return nil, wire.CodeNotFound, nil
	}
	target, ok, err := m.entry(tx, tenant, log, msg.ReplyTo)
	if err != nil || !ok || !isContent(target) || withdrawnFrom(target, msg.From) {
		return nil, wire.CodeNotFound, err
	}
	if target.ThreadRoot == 0 {
		return &thread{msg.ReplyTo, target}, wire.CodeOK, nil
	}
	root, _, err := m.entry(tx, tenant, log, target.ThreadRoot)
	return &thread{target.ThreadRoot, root}, wire.CodeOK, err
}

// putReply notes that the entry seq is a reply in t.
func (m *Machine) putReply(tx *raftstore.Tx, tenant uint32, conv, seq uint64, t *thread) error {
	if t.rootEntry == nil {
		return nil // nobody can read the thread any more, and Prune has been there
	}
	m.key = appendThreadKey(m.key[:0], tenant, conv, t.root, seq)
	if err := tx.Set(m.key, []byte{rowVersion}); err != nil {
		return err
	}
	c := changesOf(t.rootEntry)
	c.Replies++
	c.LastReplySeq = seq
	m.key = appendMessageKey(m.key[:0], tenant, conv, t.root)
	return m.put(tx, t.rootEntry)
}

// changesOf is what became of an entry, to be added to.
func changesOf(m *wire.Message) *wire.MessageChanges {
	if m.Changes == nil {
		m.Changes = new(wire.MessageChanges)
	}
	return m.Changes
}
