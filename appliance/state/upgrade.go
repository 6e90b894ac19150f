package state

import (
	"encoding/binary"
	"fmt"

	"github.com/yizhan-im/yizhan/appliance/wire"
	"github.com/yizhan-im/yizhan/raftstore"
)

// Formats of the stored data. Every site begins with the first one and gets to the
// newest by Upgrade commands, so that the format at any place of the log is the
// same on all nodes, and in every replay.
//
// 1: up to teams. 2: everything of the tables 23–2f and 66–8f, the versions of rows
// that came with them, and the commands that write them.
const (
	firstFormat = 1
	// Format is the newest format that this build knows. Raise it when an older
	// build could not go on with what this one writes.
	Format = 2
)

// upgradeStep converts stored rows. It looks at no more than budget rows behind
// the key after, which is empty at first, and returns the key of the last one that
// it has looked at, nil when there are no more. What it writes must be readable by
// both formats, as nodes go on working while the steps are done.
type upgradeStep func(m *Machine, tx *raftstore.Tx, after []byte, budget int) (last []byte, err error)

// upgradeSteps are what leads from the format of their index to the next. A format
// with none is only a promise that all nodes know what it allows.
var upgradeSteps = [Format][]upgradeStep{firstFormat: {keepForOlder, indexNames}}

// upgradeBudget is how many rows one Upgrade looks at: some milliseconds of work.
const upgradeBudget = 512

// Upgrade leads the stored data to the next format, a piece at a time: whoever
// proposes it repeats it as long as the result says More. It may only be proposed
// when every node of the site knows the format To: one that does not stops with
// ErrNewerFormat when it meets it. CodeOK also when the data has this format, or a
// newer one.
type Upgrade struct {
	TimeMs int64
	To     uint32
}

// UpgradeResult is the outcome of Upgrade.
type UpgradeResult struct {
	Code   wire.Code
	Format uint32 // of the stored data now
	More   bool   // Upgrade must be proposed again
}

const kindUpgrade = 9

// Append appends the encoded command to dst.
func (c *Upgrade) Append(dst []byte) []byte {
	return binary.AppendUvarint(header(dst, kindUpgrade, c.TimeMs), uint64(c.To))
}

func (c *Upgrade) decode(r *reader) bool {
	c.TimeMs, c.To = r.time(), r.u32()
	return r.done()
}

// upgradeRow says how far an upgrade has come; there is none while none is under
// way.
type upgradeRow struct {
	step  uint64
	after string
}

func (u *upgradeRow) append(dst []byte) []byte {
	dst = binary.AppendUvarint(append(dst, rowVersion), u.step)
	return appendString(dst, u.after)
}

func (u *upgradeRow) decode(b []byte) error {
	r := openRow(b)
	u.step, u.after = r.uint(), r.string()
	return r.end("upgrade")
}

func (m *Machine) upgrade(tx *raftstore.Tx, r *reader) (*UpgradeResult, error) {
	var c Upgrade
	if !c.decode(r) {
		return &UpgradeResult{Code: wire.CodeBadProtocol, Format: m.format}, nil
	}
	if c.To > Format {
		// To go on would be to let the rows of this node differ from those of others.
		return nil, fmt.Errorf("%w (the site upgrades to format %d, this build knows %d)", ErrNewerFormat, c.To, Format)
	}
	if err := m.tick(tx, c.TimeMs); err != nil {
		return nil, err
	}
	if c.To > m.format {
		if err := m.upgradePiece(tx, upgradeSteps[m.format]); err != nil {
			return nil, err
		}
	}
	return &UpgradeResult{Code: wire.CodeOK, Format: m.format, More: c.To > m.format}, nil
}

// upgradePiece does a piece of the steps to the next format, and raises it behind
// the last.
func (m *Machine) upgradePiece(tx *raftstore.Tx, steps []upgradeStep) error {
	var at upgradeRow
	stored, ok, err := tx.Get(keyUpgrade)
	if err == nil && ok {
		err = at.decode(stored)
	}
	if err != nil {
		return err
	}
	if at.step < uint64(len(steps)) {
		last, err := steps[at.step](m, tx, []byte(at.after), upgradeBudget)
		if err != nil {
			return err
		}
		if at.after = string(last); last == nil {
			at.step++
		}
	}
	if at.step < uint64(len(steps)) {
		m.val = at.append(m.val[:0])
		return tx.Set(keyUpgrade, m.val)
	}
	if ok {
		if err := tx.Delete(keyUpgrade); err != nil {
			return err
		}
	}
	return m.setFormat(tx, m.format+1)
}

func (m *Machine) setFormat(tx *raftstore.Tx, format uint32) error {
	m.format = format
	return tx.Set(keyFormat, binary.AppendUvarint(nil, uint64(format)))
}

// loadFormat reads the format of the stored data; 0 when there is none.
func loadFormat(v *raftstore.View) (uint32, error) {
	stored, ok, err := v.Get(keyFormat)
	if err != nil {
		return 0, fmt.Errorf("state: reading the format version: %w", err)
	}
	if !ok {
		return 0, nil
	}
	r := reader{b: stored}
	switch format := r.u32(); {
	case !r.done() || format == 0:
		return 0, fmt.Errorf("%w: format version", errDamaged)
	case format > Format:
		return 0, fmt.Errorf("%w (stored format %d, this build knows %d)", ErrNewerFormat, format, Format)
	default:
		return format, nil
	}
}

// Format is that of the stored data, 0 before the first command. Commands that a
// format has brought are proposed only by who has found it, or a newer one, here.
func (q *Queries) Format() (uint32, error) {
	v := q.view()
	defer v.Close()
	return loadFormat(v)
}
