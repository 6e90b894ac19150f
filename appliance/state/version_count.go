package state

import (
	"encoding/binary"

	"github.com/yizhan-im/yizhan/raftstore"
)

// versionCount is the row about things that have versions and are counted: an
// account's deletions and notifications, a team's notifications, a tenant's broadcasts.
type versionCount struct {
	version uint64 // of the newest; of broadcasts, of the newest for who is offline
	count   uint64
}

func (c *versionCount) append(dst []byte) []byte {
	dst = append(dst, rowVersion)
	dst = binary.AppendUvarint(dst, c.version)
	return binary.AppendUvarint(dst, c.count)
}

func (c *versionCount) decode(b []byte) error {
	r := openRow(b)
	c.version, c.count = r.uint(), r.uint()
	return r.end("version and count")
}

// versionCount reads the row of key; what is not stored is zero.
func (m *Machine) versionCount(tx *raftstore.Tx, key []byte) (row versionCount, err error) {
	stored, ok, err := tx.Get(key)
	if err != nil || !ok {
		return row, err
	}
	return row, row.decode(stored)
}

func (m *Machine) putVersionCount(tx *raftstore.Tx, key []byte, row *versionCount) error {
	m.val = row.append(m.val[:0])
	return tx.Set(key, m.val)
}
