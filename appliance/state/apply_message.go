package state

import (
	"github.com/yizhan-im/yizhan/appliance/wire"
	"github.com/yizhan-im/yizhan/raftstore"
)

// encodeMessage encodes m with room for its stamp.
func encodeMessage(m *wire.Message) []byte {
	return appendBody(make([]byte, 0, m.SizeVT()+maxStamp), m)
}

// reply makes msg a reply in log, which its sender may read from first on, and
// encodes it again. log is nil when nothing has been written yet. Without a thread
// res has the code.
func (m *Machine) reply(tx *raftstore.Tx, tenant uint32, log *convRow, first uint64, msg *wire.Message, res *SendResult) (*thread, []byte, error) {
	if log == nil {
		res.Code = wire.CodeNotFound
		return nil, nil, nil
	}
	t, code, err := m.threadOf(tx, tenant, log, first, msg)
	if err != nil || code != wire.CodeOK {
		res.Code = code
		return nil, nil, err
	}
	msg.ThreadRoot = t.root
	return t, encodeMessage(msg), nil
}

// sendOnline is the part of send for a message that only those get who are online
// now; conv tells, when it is not nil, that both accounts exist.
func (m *Machine) sendOnline(tx *raftstore.Tx, tenant uint32, conv *convRow, msg *wire.Message, own []byte, hash uint64, res *SendResult) error {
	if conv == nil {
		for _, account := range []string{msg.From, msg.To} {
			if ok, err := m.accountExists(tx, tenant, account); err != nil || !ok {
				res.Code = wire.CodeNotFound
				return err
			}
		}
	}
	return m.putOnline(tx, tenant, msg, own, hash, res)
}

// putOnline accepts a message that is not kept: what is stored is its client id.
// It goes through the log of commands all the same, so that every node tells its
// own sessions, and whoever may not write is refused by the same rules.
func (m *Machine) putOnline(tx *raftstore.Tx, tenant uint32, msg *wire.Message, own []byte, hash uint64, res *SendResult) error {
	res.Code, res.ID, res.TimeMs = wire.CodeOK, m.nextID(), m.site.clockMs
	res.Message = appendStamp(own, 0, res.ID, res.TimeMs)
	return m.putClient(tx, tenant, msg.From, msg.ClientId, hash, &clientRow{id: res.ID, timeMs: res.TimeMs})
}
