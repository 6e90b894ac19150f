package state

import "encoding/binary"

// The tables of notifications and broadcasts. Changing a number breaks
// compatibility with stored data.
const (
	tableNotification     = 0x88 // tenant, account+, version → wire.Notification
	tableNotified         = 0x89 // tenant, account → versionCount
	tableNotifyDay        = 0x8a // day u32, tenant, account+ or 0 and team → version
	tableTeamNotification = 0x8b // tenant, team, version → wire.Notification
	tableTeamNotified     = 0x8c // tenant, team → versionCount
	tableBroadcast        = 0x8d // tenant, id → wire.Broadcast
	tableBroadcasts       = 0x8e // tenant → versionCount
	tableBroadcastExpiry  = 0x8f // tenant, expiry ms u64, id
)

// Units of the machine's clock.
const (
	hourMs = 60 * 60 * 1000
	dayMs  = 24 * hourMs
)

// notifyOwner is whose notifications are meant: an account's, or a team's when
// team is not 0.
type notifyOwner struct {
	tenant  uint32
	account string
	team    uint64
}

// prefix is below all keys of the owner's notifications.
func (o *notifyOwner) prefix(dst []byte) []byte {
	if o.team != 0 {
		return appendTeamKey(dst, tableTeamNotification, o.tenant, o.team)
	}
	return appendConvPrefix(dst, tableNotification, o.tenant, o.account)
}

// totals is the key of the owner's versionCount.
func (o *notifyOwner) totals(dst []byte) []byte {
	if o.team != 0 {
		return appendTeamKey(dst, tableTeamNotified, o.tenant, o.team)
	}
	return appendAccountKey(dst, tableNotified, o.tenant, o.account)
}

// day is the key that says that the owner has notifications of that day. An
// account's name has at least one byte, so a team's begins with 0.
func (o *notifyOwner) day(dst []byte, day uint32) []byte {
	dst = appendU32(appendU32(appendTable(dst, tableNotifyDay), day), o.tenant)
	if o.team != 0 {
		return appendU64(append(dst, 0), o.team)
	}
	return appendName(dst, o.account)
}

// parseNotifyDay is the reverse of day.
func parseNotifyDay(key []byte) (day uint32, o notifyOwner, ok bool) {
	key = key[tableLen:]
	if len(key) < 4+4+1 {
		return 0, o, false
	}
	day, o.tenant = binary.BigEndian.Uint32(key), binary.BigEndian.Uint32(key[4:])
	n, rest := key[8], key[9:]
	if n == 0 {
		if len(rest) != 8 {
			return 0, o, false
		}
		o.team = binary.BigEndian.Uint64(rest)
		return day, o, o.team != 0
	}
	o.account = string(rest)
	return day, o, len(rest) == int(n)
}

func appendBroadcastKey(dst []byte, tenant uint32, id uint64) []byte {
	return appendU64(appendU32(appendTable(dst, tableBroadcast), tenant), id)
}

func appendBroadcastsKey(dst []byte, tenant uint32) []byte {
	return appendU32(appendTable(dst, tableBroadcasts), tenant)
}

func appendBroadcastExpiryKey(dst []byte, tenant uint32, expireMs int64, id uint64) []byte {
	return appendU64(appendU64(appendU32(appendTable(dst, tableBroadcastExpiry), tenant), uint64(expireMs)), id)
}

// lastU64 is the number that a key ends with.
func lastU64(key []byte) uint64 { return binary.BigEndian.Uint64(key[len(key)-8:]) }
