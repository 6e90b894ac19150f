package state

import (
	"encoding/binary"
	"fmt"
	"slices"

	"github.com/yizhan-im/yizhan/appliance/wire"
	"github.com/yizhan-im/yizhan/raftstore"
)

// Who has given a message which emoji is a row for each, and the message's own row
// has the numbers and a few names: so neither grows with a large team, and a page
// of history needs no other row.
const (
	tableReaction = 0x24 // tenant, conversation, seq, emoji+, account
	tablePin      = 0x25 // tenant, conversation, seq
)

// errReactions is about a message's row that does not fit the reactions stored.
var errReactions = fmt.Errorf("%w: reactions of a message", errDamaged)

func appendReactionPrefix(dst []byte, tenant uint32, conv, seq uint64, emoji string) []byte {
	return appendName(appendLogKey(dst, tableReaction, tenant, conv, seq), emoji)
}

func appendReactionKey(dst []byte, tenant uint32, conv, seq uint64, emoji, account string) []byte {
	return append(appendReactionPrefix(dst, tenant, conv, seq, emoji), account...)
}

// reactionRow is an account's emoji. The names of accounts are used again: what the
// account that had the name before has given is not the account's own, and stays
// until the account gives the same, which takes its place.
type reactionRow struct {
	born uint64 // of the account that gave it, as in bornAt
}

// reactionRowVersion2 is of a row that has born. All that an older build asks of a
// row is whether it is there.
const reactionRowVersion2 = 2

func (r *reactionRow) append(dst []byte) []byte {
	if r.born == 0 {
		return append(dst, rowVersion)
	}
	return binary.AppendUvarint(append(dst, reactionRowVersion2), r.born)
}

func (r *reactionRow) decode(b []byte) error {
	in := reader{b: b}
	version := in.byte()
	if r.born = 0; version == reactionRowVersion2 {
		r.born = in.uint()
	}
	if version != rowVersion && r.born == 0 {
		in.fail()
	}
	return in.end("reaction")
}

func (m *Machine) react(tx *raftstore.Tx, o *messageOp) error {
	c := o.c
	born, err := m.bornAt(tx, c.Tenant, c.From)
	if err != nil {
		return err
	}
	m.key = appendReactionKey(m.key[:0], c.Tenant, o.log.id, c.Seq, c.Emoji, c.From)
	stored, named, err := tx.Get(m.key)
	if err != nil {
		return err
	}
	row := reactionRow{born: born}
	if named {
		if err := row.decode(stored); err != nil {
			return err
		}
	}
	if own := named && row.born == born; own != c.Undo {
		o.nothing()
		return nil
	}
	if c.Undo {
		if err := tx.Delete(m.key); err != nil {
			return err
		}
		if err := m.dropReaction(tx, o); err != nil {
			return err
		}
	} else {
		changes := o.target.Changes
		if i := reactionOf(changes, c.Emoji); i < 0 && len(changes.GetReactions()) >= MaxReactions {
			o.res.Code = wire.CodeCountLimit
			return nil
		}
		row.born = born
		m.val = row.append(m.val[:0])
		if err := tx.Set(m.key, m.val); err != nil {
			return err
		}
		if !named { // else it is counted already
			addReaction(changesOf(o.target), c.Emoji, c.From)
		}
	}
	m.next(o)
	if err := m.putTarget(tx, o); err != nil {
		return err
	}
	return m.finish(tx, o, &wire.Message{Type: TypeReaction, Op: &wire.MessageOp{Emoji: c.Emoji, Undone: c.Undo}})
}

// reactionOf is the place of an emoji among the reactions, or negative.
func reactionOf(changes *wire.MessageChanges, emoji string) int {
	return slices.IndexFunc(changes.GetReactions(), func(r *wire.Reaction) bool { return r.Emoji == emoji })
}

func addReaction(changes *wire.MessageChanges, emoji, account string) {
	i := reactionOf(changes, emoji)
	if i < 0 {
		i = len(changes.Reactions)
		changes.Reactions = append(changes.Reactions, &wire.Reaction{Emoji: emoji})
	}
	r := changes.Reactions[i]
	r.Count++
	if len(r.Accounts) < MaxReactionNames {
		r.Accounts = append(r.Accounts, account)
	}
}

// dropReaction counts one less. When a name goes from the message's row and there
// are others, the first of them takes its place.
func (m *Machine) dropReaction(tx *raftstore.Tx, o *messageOp) error {
	changes := changesOf(o.target)
	i := reactionOf(changes, o.c.Emoji)
	if i < 0 {
		return errReactions
	}
	r := changes.Reactions[i]
	if r.Count--; r.Count == 0 {
		changes.Reactions = slices.Delete(changes.Reactions, i, i+1)
		return nil
	}
	named := slices.Index(r.Accounts, o.c.From)
	if named < 0 {
		return nil
	}
	r.Accounts = slices.Delete(r.Accounts, named, named+1)
	if int(r.Count) == len(r.Accounts) {
		return nil
	}
	other, err := m.otherReaction(tx, o, r.Accounts)
	r.Accounts = append(r.Accounts, other)
	return err
}

// otherReaction is the first account that has given the emoji and is not named. It
// looks at no more rows than there are names, and one: that of o was deleted.
func (m *Machine) otherReaction(tx *raftstore.Tx, o *messageOp, named []string) (string, error) {
	prefix := appendReactionPrefix(nil, o.c.Tenant, o.log.id, o.c.Seq, o.c.Emoji)
	it, err := tx.Iter(prefix, prefixEnd(prefix))
	if err != nil {
		return "", err
	}
	other := ""
	for ok := it.First(); ok && other == ""; ok = it.Next() {
		if account := string(it.Key()[len(prefix):]); !slices.Contains(named, account) {
			other = account
		}
	}
	if err := it.Close(); err != nil {
		return "", err
	}
	if other == "" {
		return "", errReactions
	}
	return other, nil
}

// pinRow is who has pinned a message, and when.
type pinRow struct {
	by     string
	timeMs int64
}

func (p *pinRow) append(dst []byte) []byte {
	dst = appendString(append(dst, rowVersion), p.by)
	return binary.AppendUvarint(dst, uint64(p.timeMs))
}

func (p *pinRow) decode(b []byte) error {
	r := openRow(b)
	p.by, p.timeMs = r.string(), r.time()
	return r.end("pin")
}

func (m *Machine) pin(tx *raftstore.Tx, o *messageOp) error {
	c := o.c
	if o.target.Changes.GetPinned() != c.Undo {
		o.nothing()
		return nil
	}
	if !c.Undo {
		if full, err := m.pinsFull(tx, c.Tenant, o.log.id); err != nil || full {
			o.res.Code = wire.CodeCountLimit
			return err
		}
	}
	m.next(o)
	changesOf(o.target).Pinned = !c.Undo
	if err := m.putTarget(tx, o); err != nil {
		return err
	}
	m.key = appendLogKey(m.key[:0], tablePin, c.Tenant, o.log.id, c.Seq)
	var err error
	if c.Undo {
		err = tx.Delete(m.key)
	} else {
		m.val = (&pinRow{by: c.From, timeMs: o.res.TimeMs}).append(m.val[:0])
		err = tx.Set(m.key, m.val)
	}
	if err != nil {
		return err
	}
	return m.finish(tx, o, &wire.Message{Type: TypePin, Op: &wire.MessageOp{Undone: c.Undo}})
}

// pinsFull reports whether the conversation has MaxPins.
func (m *Machine) pinsFull(tx *raftstore.Tx, tenant uint32, conv uint64) (bool, error) {
	lo, hi := appendLogKey(nil, tablePin, tenant, conv, 0), appendLogKey(nil, tablePin, tenant, conv+1, 0)
	it, err := tx.Iter(lo, hi)
	if err != nil {
		return false, err
	}
	pins := 0
	for ok := it.First(); ok && pins < MaxPins; ok = it.Next() {
		pins++
	}
	return pins >= MaxPins, it.Close()
}
