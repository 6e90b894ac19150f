package state

// Values of Limits.OpenRooms: whether sessions may enter rooms that nobody has
// registered. A tenant stores them: changing a number breaks compatibility.
const (
	// OpenRoomsOn lets any session enter any name.
	OpenRoomsOn = 1
	// OpenRoomsOff leaves the registered rooms.
	OpenRoomsOff = 2
)

// Defaults and largest values of the limits on rooms.
const (
	DefaultRoomsPerSession = 16
	maxRoomsPerSession     = 256
	DefaultMaxRooms        = 100_000
	// DefaultRoomHistory and DefaultRoomHistoryDays are what a room keeps of its
	// messages (Yunxin: 10 days).
	DefaultRoomHistory     = 1000
	DefaultRoomHistoryDays = 10
	maxRoomHistoryDays     = 366
)

func (l *Limits) roomDefaults() {
	setDefault(&l.RoomsPerSession, DefaultRoomsPerSession)
	setDefault(&l.OpenRooms, OpenRoomsOn)
	setDefault(&l.MaxRooms, DefaultMaxRooms)
	setDefault(&l.RoomHistory, DefaultRoomHistory)
	setDefault(&l.RoomHistoryDays, DefaultRoomHistoryDays)
}

func (l *Limits) validRooms() bool {
	return l.RoomsPerSession <= maxRoomsPerSession && l.OpenRooms <= OpenRoomsOff && l.RoomHistory <= maxRoomHistory &&
		l.RoomHistoryDays <= maxRoomHistoryDays
}

// RoomKeepMs is for how long a room keeps its messages, in milliseconds. l has its
// defaults.
func (l *Limits) RoomKeepMs() int64 { return int64(l.RoomHistoryDays) * 24 * 60 * 60 * 1000 }
