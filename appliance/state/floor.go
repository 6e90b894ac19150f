package state

import (
	"encoding/binary"

	"github.com/yizhan-im/yizhan/appliance/wire"
	"github.com/yizhan-im/yizhan/raftstore"
)

// The beginning of a log goes when it is older than its tenant keeps messages.
// Where what is left begins is a row of its own, the floor, that is there only
// for logs of which something has gone. So a message that is sent neither reads
// nor writes it.
const tableFloor = 0x28 // tenant, conversation

// prunedTables are the tables whose keys go on after the shard with tenant,
// conversation (u64) and seq (u64): what is below a floor is removed from each.
var prunedTables = []byte{tableMessage, tableTeamReceipt, tableThread, tableReaction, tablePin}

func appendFloorKey(dst []byte, tenant uint32, conv uint64) []byte {
	return appendU64(appendU32(appendTable(dst, tableFloor), tenant), conv)
}

// appendLogKey is for the tables of prunedTables.
func appendLogKey(dst []byte, table byte, tenant uint32, conv, seq uint64) []byte {
	return appendU64(appendU64(appendU32(appendTable(dst, table), tenant), conv), seq)
}

func appendFloor(dst []byte, seq uint64) []byte {
	return binary.AppendUvarint(append(dst, rowVersion), seq)
}

func decodeFloor(b []byte) (uint64, error) {
	r := openRow(b)
	seq := r.uint()
	return seq, r.end("first entry of a log")
}

// floor is the first seq of the log that is kept, 1 when nothing has gone. It
// overwrites m.key.
func (m *Machine) floor(tx *raftstore.Tx, tenant uint32, conv uint64) (uint64, error) {
	m.key = appendFloorKey(m.key[:0], tenant, conv)
	stored, ok, err := tx.Get(m.key)
	if err != nil || !ok {
		return 1, err
	}
	return decodeFloor(stored)
}

// readFloor is floor for queries.
func readFloor(v *raftstore.View, tenant uint32, conv uint64) (uint64, error) {
	floor := uint64(1)
	_, err := readRow(v, appendFloorKey(nil, tenant, conv), func(b []byte) (err error) {
		floor, err = decodeFloor(b)
		return err
	})
	return floor, err
}

// markFloor tells in c, whose log is conv, where the log begins, if something of
// it has gone.
func markFloor(v *raftstore.View, tenant uint32, conv uint64, c *wire.ConversationState) error {
	floor, err := readFloor(v, tenant, conv)
	if err == nil && floor > 1 {
		c.FloorSeq, c.FirstSeq = floor, max(c.FirstSeq, floor)
	}
	return err
}
