package state

import (
	"encoding/binary"

	"github.com/yizhan-im/yizhan/appliance/wire"
)

// RoomTagMute mutes for Number seconds whoever has the tag Tag in the room; 0 lifts
// it. To is whom the notice is for. What tags an account has is soft state of the
// gateways: only that a tag is muted is kept.
//
// CodeCountLimit: MaxRoomTagMutes other tags are muted.
const RoomTagMute = RoomOp(kindRoomTagMute - kindRoomFirst)

// Bounds of the tags of rooms.
const (
	// MaxRoomTagMutes is how many tags of one room may be muted at a time.
	MaxRoomTagMutes = 100

	maxRoomTag    = 128 // bytes: 32 characters
	maxRoomTarget = 512 // bytes: 128 characters
)

// tableRoomTagMute has a row for each tag of a room that is muted, or was.
const tableRoomTagMute = 0x7c // tenant, room, tag

// kindRoomTagMute is the command kind of RoomTagMute.
const kindRoomTagMute = 122

// isRoomKind reports whether a command is a RoomChange.
func isRoomKind(kind byte) bool {
	return kind >= kindRoomFirst && kind <= kindRoomLast || kind == kindRoomTagMute
}

// appendTag appends what only a RoomTagMute has.
func (c *RoomChange) appendTag(dst []byte) []byte {
	return appendString(appendString(dst, c.Tag), c.To)
}

func (c *RoomChange) decodeTag(r *reader) bool {
	c.Tag, c.To = r.string(), r.string()
	return r.done()
}

func (c *RoomChange) validTag() bool {
	return validName(c.Tag, maxRoomTag) && validText(c.To, maxRoomTarget) && c.Number <= MaxRoomMuteSeconds
}

// tagMute sets or lifts the mute of a tag. Rows whose time is over go when there is
// no place for another.
func (o *roomOp) tagMute() (wire.Code, error) {
	if !o.manages() {
		return wire.CodeForbidden, nil
	}
	key := appendRoomNameKey(nil, tableRoomTagMute, o.c.Tenant, o.c.Room, o.c.Tag)
	now := uint64(o.m.site.clockMs)
	if o.c.Number == 0 {
		return wire.CodeOK, o.tx.Delete(key)
	}
	muted := 0
	var over [][]byte
	err := scanTx(o.tx, appendRoomKey(nil, tableRoomTagMute, o.c.Tenant, o.c.Room), func(other, row []byte) error {
		until, err := decodeNumberRow(row)
		switch {
		case err != nil:
			return err
		case until <= now:
			over = append(over, append([]byte(nil), other...))
		case string(other) != string(key):
			muted++
		}
		return nil
	})
	if err != nil {
		return 0, err
	}
	if muted >= MaxRoomTagMutes {
		return wire.CodeCountLimit, nil
	}
	for _, other := range over {
		if err := o.tx.Delete(other); err != nil {
			return 0, err
		}
	}
	o.res.UntilMs = min(o.m.site.clockMs+int64(o.c.Number)*1000, maxTimeMs)
	o.m.val = appendNumberRow(o.m.val[:0], uint64(o.res.UntilMs))
	return wire.CodeOK, o.tx.Set(key, o.m.val)
}

// RoomTagsMuted is until when the first of these tags of a room that is muted is so,
// in milliseconds since 1970; 0 is none.
func (q *Queries) RoomTagsMuted(tenant uint32, room uint64, tags []string, nowMs int64) (untilMs int64, err error) {
	v := q.view()
	defer v.Close()
	key := appendRoomKey(make([]byte, 0, 2*binary.MaxVarintLen64+maxRoomTag), tableRoomTagMute, tenant, room)
	for _, tag := range tags {
		_, err := readRow(v, append(key, tag...), func(row []byte) error {
			until, err := decodeNumberRow(row)
			untilMs = int64(until)
			return err
		})
		if err != nil {
			return 0, err
		}
		if untilMs > nowMs {
			return untilMs, nil
		}
	}
	return 0, nil
}
