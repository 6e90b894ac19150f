package appliance

import (
	"github.com/yizhan-im/yizhan/appliance/state"
	"github.com/yizhan-im/yizhan/appliance/wire"
)

// RoomsRequest is the part of a TenantRequest that is about rooms. Zero values
// leave what there is, or the defaults.
type RoomsRequest struct {
	// OpenRooms is "on" (default) or "off": whether clients may enter rooms that
	// nobody has registered.
	OpenRooms string `json:"open_rooms,omitempty"`
	// RoomsPerSession is how many rooms a session may be in, at most 256.
	RoomsPerSession int `json:"rooms_per_session,omitempty"`
	// MaxRooms is how many rooms the tenant may register.
	MaxRooms int `json:"max_rooms,omitempty"`
	// RoomHistory is how many messages a registered room keeps, at most 100,000, and
	// RoomHistoryDays for how long, at most 366.
	RoomHistory     int `json:"room_history,omitempty"`
	RoomHistoryDays int `json:"room_history_days,omitempty"`
}

// roomsSwitch are the values of RoomsRequest.OpenRooms.
var roomsSwitch = map[string]int{"on": state.OpenRoomsOn, "off": state.OpenRoomsOff}

func (r *RoomsRequest) applyRooms(l *state.Limits) error {
	if r.OpenRooms != "" {
		mode, ok := roomsSwitch[r.OpenRooms]
		if !ok {
			return wire.Errorf(wire.CodeBadParameter, "open_rooms must be on or off")
		}
		l.OpenRooms = mode
	}
	for _, field := range []struct {
		name  string
		asked int
		limit *int
	}{
		{"rooms_per_session", r.RoomsPerSession, &l.RoomsPerSession},
		{"max_rooms", r.MaxRooms, &l.MaxRooms},
		{"room_history", r.RoomHistory, &l.RoomHistory},
		{"room_history_days", r.RoomHistoryDays, &l.RoomHistoryDays},
	} {
		if field.asked < 0 {
			return wire.Errorf(wire.CodeBadParameter, "%s must not be negative", field.name)
		}
		if field.asked != 0 {
			*field.limit = field.asked
		}
	}
	return nil
}

// RoomsInfo is what a tenant's limits on rooms are.
type RoomsInfo struct {
	OpenRooms       string `json:"open_rooms"`
	RoomsPerSession int    `json:"rooms_per_session"`
	MaxRooms        int    `json:"max_rooms"`
	RoomHistory     int    `json:"room_history"`
	RoomHistoryDays int    `json:"room_history_days"`
}

func roomsInfo(l *state.Limits) RoomsInfo {
	info := RoomsInfo{
		OpenRooms: "on", RoomsPerSession: l.RoomsPerSession, MaxRooms: l.MaxRooms,
		RoomHistory: l.RoomHistory, RoomHistoryDays: l.RoomHistoryDays,
	}
	if l.OpenRooms == state.OpenRoomsOff {
		info.OpenRooms = "off"
	}
	return info
}
