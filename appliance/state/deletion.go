package state

import (
	"encoding/binary"

	"github.com/yizhan-im/yizhan/appliance/wire"
	"github.com/yizhan-im/yizhan/raftstore"
)

// The tables of what accounts have deleted for themselves.
const (
	tableDeleted       = 0x26 // tenant, account+, conversation, seq; in conversation 0 the deletionPlace
	tableDeletionOrder = 0x27 // tenant, account+, version; 0 is the totals
)

const (
	// MaxDeletions bounds the entries that one account has deleted and that still
	// exist.
	MaxDeletions = 10_000
	// MaxDeleteSeqs is how many entries one DeleteMessages names.
	MaxDeleteSeqs = 100
	// sweepDeletions is how many rows of the order one command looks through for
	// entries that are gone, when an account has reached MaxDeletions.
	sweepDeletions = 128
)

// appendDeletedKey is below the marks of later entries of the same log.
func appendDeletedKey(dst []byte, tenant uint32, account string, conv, seq uint64) []byte {
	return appendU64(appendU64(appendConvPrefix(dst, tableDeleted, tenant, account), conv), seq)
}

func appendDeletionKey(dst []byte, tenant uint32, account string, version uint64) []byte {
	return appendU64(appendConvPrefix(dst, tableDeletionOrder, tenant, account), version)
}

// deletionPlace is where sweeping an account's deletions has come to.
type deletionPlace struct{ version uint64 }

func (d *deletionPlace) append(dst []byte) []byte {
	return binary.AppendUvarint(append(dst, rowVersion), d.version)
}

func (d *deletionPlace) decode(b []byte) error {
	r := openRow(b)
	d.version = r.uint()
	return r.end("place of a sweep")
}

// deletionRow is what one command has deleted.
type deletionRow struct {
	scene wire.Scene
	peer  string // as the account calls the conversation
	conv  uint64
	seqs  []uint64
}

func (d *deletionRow) append(dst []byte) []byte {
	dst = append(dst, rowVersion, byte(d.scene))
	dst = appendString(dst, d.peer)
	dst = binary.AppendUvarint(dst, d.conv)
	return appendSeqs(dst, d.seqs)
}

func (d *deletionRow) decode(b []byte) error {
	r := openRow(b)
	d.scene, d.peer, d.conv = wire.Scene(r.byte()), r.string(), r.uint()
	d.seqs = r.seqs()
	return r.end("deletion")
}

func appendSeqs(dst []byte, seqs []uint64) []byte {
	dst = binary.AppendUvarint(dst, uint64(len(seqs)))
	for _, seq := range seqs {
		dst = binary.AppendUvarint(dst, seq)
	}
	return dst
}

// seqs takes at most MaxDeleteSeqs numbers.
func (r *reader) seqs() []uint64 {
	n := r.upTo(MaxDeleteSeqs)
	if n > uint64(len(r.b)) {
		r.fail()
		return nil
	}
	seqs := make([]uint64, n)
	for i := range seqs {
		seqs[i] = r.uint()
	}
	return seqs
}

// deletedFor reports whether the account has deleted an entry for itself. It
// overwrites m.key.
func (m *Machine) deletedFor(tx *raftstore.Tx, tenant uint32, account string, conv, seq uint64) (bool, error) {
	m.key = appendDeletedKey(m.key[:0], tenant, account, conv, seq)
	return m.exists(tx)
}

// deletedFor is the same for queries.
func deletedFor(v *raftstore.View, tenant uint32, account string, conv, seq uint64) (bool, error) {
	_, ok, err := v.Get(appendDeletedKey(nil, tenant, account, conv, seq))
	return ok, readError(err)
}
