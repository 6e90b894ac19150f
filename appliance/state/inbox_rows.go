package state

import (
	"encoding/binary"
	"fmt"

	"github.com/yizhan-im/yizhan/appliance/wire"
	"github.com/yizhan-im/yizhan/raftstore"
)

// The tables of conversation lists. A conversation is named as its account sees
// it: a byte for the scene, then the peer's name or the team's number (u64).
// Changing a number breaks compatibility with stored data.
const (
	tableSetting      = 0x78 // tenant, account+, conversation
	tableSettingOrder = 0x79 // tenant, account+, class, version → conversation
	tableInbox        = 0x7a // tenant, account
	tableAccountMute  = 0x7b // tenant, account
)

var settingTables = orderedTable{tableSetting, tableSettingOrder}

// appendSettingKey is the key of the setting of a conversation.
func appendSettingKey(dst []byte, tenant uint32, account string, name []byte) []byte {
	return append(appendConvPrefix(dst, tableSetting, tenant, account), name...)
}

// appendConvName appends a conversation's name as its account sees it. ok is
// false when there can be no such conversation.
func appendConvName(dst []byte, scene wire.Scene, peer string) (name []byte, ok bool) {
	dst = append(dst, byte(scene))
	switch scene {
	case wire.Scene_SCENE_P2P:
		return append(dst, peer...), validAccount(peer)
	case wire.Scene_SCENE_TEAM:
		id, ok := ParseTeamID(peer)
		return appendU64(dst, id), ok
	}
	return dst, false
}

// decodeConvName is the reverse of appendConvName.
func decodeConvName(name []byte) (scene wire.Scene, peer string, err error) {
	switch {
	case len(name) > 1 && name[0] == byte(wire.Scene_SCENE_P2P):
		return wire.Scene_SCENE_P2P, string(name[1:]), nil
	case len(name) == 1+8 && name[0] == byte(wire.Scene_SCENE_TEAM):
		return wire.Scene_SCENE_TEAM, TeamID(binary.BigEndian.Uint64(name[1:])), nil
	}
	return 0, "", fmt.Errorf("%w: %x names no conversation", errDamaged, name)
}

// conversationSetting is how one account has arranged one conversation. Settings
// are compared with ==.
type conversationSetting struct {
	top, muted, marked bool
	// former: what is cleared belongs to an account that had the name before. Such a
	// row has no version unless the present account has changed it.
	former     bool
	markedSeq  uint64 // read cursor when it was marked
	removedSeq uint64
	clearedSeq uint64
	updatedMs  int64
	version    uint64 // 0: the row is not stored
	ext        string
}

const (
	settingTop = 1 << iota
	settingMuted
	settingMarked
	settingFormer
	settingFlags = iota
)

func (s *conversationSetting) append(dst []byte) []byte {
	var flags byte
	for bit, set := range [...]bool{s.top, s.muted, s.marked, s.former} {
		if set {
			flags |= 1 << bit
		}
	}
	dst = append(dst, rowVersion, flags)
	for _, v := range [...]uint64{s.markedSeq, s.removedSeq, s.clearedSeq, uint64(s.updatedMs), s.version} {
		dst = binary.AppendUvarint(dst, v)
	}
	return appendString(dst, s.ext)
}

func (s *conversationSetting) decode(b []byte) error {
	r := openRow(b)
	flags := r.byte()
	if flags >= 1<<settingFlags {
		r.fail()
	}
	s.top, s.muted, s.marked = flags&settingTop != 0, flags&settingMuted != 0, flags&settingMarked != 0
	s.former = flags&settingFormer != 0
	s.markedSeq, s.removedSeq, s.clearedSeq = r.uint(), r.uint(), r.uint()
	s.updatedMs, s.version = r.time(), r.uint()
	s.ext = r.string()
	return r.end("setting of a conversation")
}

// blank reports whether nothing is left but that something was.
func (s *conversationSetting) blank() bool {
	return *s == conversationSetting{version: s.version, updatedMs: s.updatedMs}
}

// class tells settings that must be kept from those that may make room.
func (s *conversationSetting) class() byte {
	if s.blank() {
		return classSpare
	}
	return classHeld
}

func (s *conversationSetting) place() place { return place{s.class(), s.version} }

// markedAt reports whether the conversation is marked as unread for an account
// that has read up to readSeq.
func (s *conversationSetting) markedAt(readSeq uint64) bool {
	return s.marked && readSeq <= s.markedSeq
}

// removedAt reports whether the conversation is out of the list while its last
// entry is lastSeq.
func (s *conversationSetting) removedAt(lastSeq uint64) bool {
	return s.removedSeq != 0 && lastSeq <= s.removedSeq
}

// formerAt reports whether all of the conversation, whose last entry is lastSeq, is
// of an account that had the name before: there is none for the present one.
func (s *conversationSetting) formerAt(lastSeq uint64) bool {
	return s.former && lastSeq <= s.clearedSeq
}

func (s *conversationSetting) wire(scene wire.Scene, peer string) *wire.ConversationSetting {
	return &wire.ConversationSetting{
		Scene: scene, Peer: peer, Top: s.top, Muted: s.muted, MarkedUnread: s.marked, MarkedSeq: s.markedSeq, Ext: s.ext,
		RemovedSeq: s.removedSeq, ClearedSeq: s.clearedSeq, UpdatedMs: s.updatedMs, Version: s.version,
	}
}

// inboxRow is what all conversations of one account have in common.
type inboxRow struct {
	version          uint64 // of the newest change of a setting or of dnd
	floor            uint64 // version of the newest setting that has made room
	tops, held, rest uint32 // settings: top, kept, spare
	dnd              doNotDisturb
}

func (b *inboxRow) append(dst []byte) []byte {
	dst = append(dst, rowVersion)
	for _, v := range [...]uint64{b.version, b.floor, uint64(b.tops), uint64(b.held), uint64(b.rest)} {
		dst = binary.AppendUvarint(dst, v)
	}
	return b.dnd.append(dst)
}

func (b *inboxRow) decode(stored []byte) error {
	r := openRow(stored)
	b.version, b.floor = r.uint(), r.uint()
	b.tops, b.held, b.rest = r.u32(), r.u32(), r.u32()
	b.dnd.decode(&r)
	return r.end("conversation list")
}

// replace counts s in the place of old.
func (b *inboxRow) replace(old, s *conversationSetting) {
	shift := func(n *uint32, was, is bool) {
		switch {
		case is && !was:
			*n++
		case was && !is:
			*n--
		}
	}
	shift(&b.tops, old.top, s.top)
	shift(&b.held, old.version != 0 && old.class() == classHeld, s.class() == classHeld)
	shift(&b.rest, old.version != 0 && old.class() == classSpare, s.class() == classSpare)
}

// readSetting reads one setting; what is not stored is empty.
func readSetting(v *raftstore.View, tenant uint32, account string, scene wire.Scene, peer string) (s conversationSetting, err error) {
	name, ok := appendConvName(nil, scene, peer)
	if !ok {
		return s, nil
	}
	_, err = readRow(v, appendSettingKey(nil, tenant, account, name), s.decode)
	return s, err
}

// clearedSeq is the last entry of a conversation that the account has cleared
// away; 0 when it sees all.
func clearedSeq(v *raftstore.View, tenant uint32, account string, scene wire.Scene, peer string) (uint64, error) {
	s, err := readSetting(v, tenant, account, scene, peer)
	return s.clearedSeq, err
}

func readInbox(v *raftstore.View, tenant uint32, account string) (b inboxRow, err error) {
	_, err = readRow(v, appendAccountKey(nil, tableInbox, tenant, account), b.decode)
	return b, err
}
