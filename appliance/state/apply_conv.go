package state

import (
	"github.com/yizhan-im/yizhan/appliance/wire"
	"github.com/yizhan-im/yizhan/raftstore"
)

// conv returns the conversation of x and y, or nil when there is none. The row
// belongs to the cache: whoever changes it stores it with putConv.
func (m *Machine) conv(tx *raftstore.Tx, tenant uint32, x, y string) (*convRow, error) {
	m.key = appendConvKey(m.key[:0], tenant, x, y)
	if row := m.convs.get(m.key); row != nil {
		return row, nil
	}
	stored, ok, err := tx.Get(m.key)
	if err != nil || !ok {
		return nil, err
	}
	row := new(convRow)
	if err := row.decode(stored); err != nil {
		return nil, err
	}
	m.convs.put(m.key, row)
	return row, nil
}

// openConv makes an empty conversation of x and y, or returns nil when one of
// them does not exist. A conversation that exists tells that both accounts do, so
// only its first message pays for the question.
func (m *Machine) openConv(tx *raftstore.Tx, tenant uint32, x, y string) (*convRow, error) {
	for _, account := range []string{x, y} {
		if ok, err := m.accountExists(tx, tenant, account); err != nil || !ok {
			return nil, err
		}
	}
	if x != y {
		// The smaller account finds the conversation by its own key.
		m.key = append(appendConvPrefix(m.key[:0], tableMember, tenant, max(x, y)), min(x, y)...)
		if err := tx.Set(m.key, []byte{rowVersion}); err != nil {
			return nil, err
		}
	}
	row := new(convRow)
	m.key = appendConvKey(m.key[:0], tenant, x, y)
	m.convs.put(m.key, row)
	return row, nil
}

func (m *Machine) putConv(tx *raftstore.Tx, tenant uint32, x, y string, row *convRow) error {
	m.key = appendConvKey(m.key[:0], tenant, x, y)
	m.val = row.append(m.val[:0])
	if err := tx.Set(m.key, m.val); err != nil {
		return err
	}
	return m.raiseFormer(tx, tenant, x, y, row.lastSeq)
}

func (m *Machine) read(tx *raftstore.Tx, r *reader) (*ReadResult, error) {
	var c Read
	ok := c.decode(r)
	res := &ReadResult{Code: wire.CodeBadProtocol, Tenant: c.Tenant, Session: c.Session, Reader: c.Reader, Peer: c.Peer}
	if !ok {
		return res, nil
	}
	if !validAccount(c.Reader) || !validAccount(c.Peer) {
		res.Code = wire.CodeBadParameter
		return res, nil
	}
	if err := m.tick(tx, c.TimeMs); err != nil {
		return nil, err
	}
	return res, m.moveCursor(tx, res, c.Seq)
}

// moveCursor moves the read cursor that res names to seq, and fills in res.
func (m *Machine) moveCursor(tx *raftstore.Tx, res *ReadResult, seq uint64) error {
	conv, err := m.conv(tx, res.Tenant, res.Reader, res.Peer)
	if err != nil {
		return err
	}
	if conv == nil {
		res.Code = wire.CodeNotFound
		return nil
	}
	cursor := conv.cursor(res.Reader, res.Peer)
	seq = min(seq, conv.lastSeq)
	res.Code, res.Seq, res.TimeMs = wire.CodeOK, max(seq, *cursor), m.site.clockMs
	if seq <= *cursor {
		return nil
	}
	res.Changed = true
	*cursor, conv.version = seq, m.nextID()
	return m.putConv(tx, res.Tenant, res.Reader, res.Peer, conv)
}
