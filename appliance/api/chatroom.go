package api

import (
	"context"
	"encoding/json"
	"strconv"

	"google.golang.org/protobuf/proto"

	"github.com/yizhan-im/yizhan/appliance/state"
	"github.com/yizhan-im/yizhan/appliance/wire"
)

// Limits of chatrooms, in characters and elements (facts/yunxin-api.md §5).
const (
	maxRoomsQueried  = 20
	maxRoomName      = 128
	maxRoomText      = 4096
	maxRoomURL       = 1024
	maxNotifyExt     = 2048
	maxRobots        = 100
	maxRoomAccounts  = 200
	maxQueueKey      = 128
	maxQueueElements = 100
)

// exampleRoom stands for the number of a room in examples.
const exampleRoom = "1001"

// Parameters that several actions have.
var (
	paramRoom      = param{name: "roomid", kind: number, required: true, least: 1, most: maxInt64, about: "number of the room", example: exampleRoom}
	paramOperator  = param{name: "operator", kind: account, required: true, about: "in whose name; needs the role that it takes"}
	paramTarget    = param{name: "target", kind: account, required: true, about: "whom it is about", example: "bob"}
	paramNotify    = param{name: "needNotify", kind: boolean, about: "whether those inside are told, default true"}
	paramNotifyExt = param{name: "notifyExt", max: maxNotifyExt, about: "goes into the notice to those inside"}
)

var (
	roomMissing   = outcome{wire.CodeNotFound, "there is no such room"}
	roomForbidden = outcome{wire.CodeForbidden, "the role of who does it does not allow it, or whom it is about has as much of one"}
)

// roomParams are what chatroom/create and chatroom/update can set.
func roomParams(more ...param) []param {
	return append([]param{
		{name: "announcement", max: maxRoomText, example: "Welcome"},
		{name: "broadcasturl", max: maxRoomURL, about: "address of a live stream"},
		{name: "ext", max: maxRoomText, about: "the app's data"},
		{name: "queuelevel", kind: number, most: 1, about: "who may change the queue: 0 all who are inside (default), 1 creator and managers"},
		{name: "inOutNotification", kind: number, most: 1, about: "whether those inside are told who comes and goes: 1 yes (default), 0 no"},
		{name: "delayClosePolicy", kind: number, most: state.RoomClosesEmpty, about: "when the room closes by itself: 0 never (default), 1 delaySeconds from now, 2 when nobody has been inside for delaySeconds"},
		{name: "delaySeconds", kind: number, most: state.MaxRoomDelaySeconds},
	}, more...)
}

var chatroomActions = []action{
	{
		name:  "chatroom/create",
		about: "Registers a room. It is open at once.",
		params: append([]param{
			{name: "creator", kind: account, required: true},
			{name: "name", required: true, max: maxRoomName, example: "Live on Friday"},
		}, roomParams()...),
		ignored: []string{"bid"},
		answer:  roomAnswer{},
		codes:   []outcome{{wire.CodeCountLimit, "the tenant has as many rooms as it may have"}},
		serve:   (*API).createRoom,
	},
	{
		name:   "chatroom/get",
		about:  "Reads what a room is.",
		params: []param{paramRoom, {name: "needOnlineUserCount", kind: boolean, about: "whether to count who is inside, default false", example: "true"}},
		answer: roomAnswer{},
		codes:  []outcome{roomMissing},
		serve:  (*API).getRoom,
	},
	{
		name:  "chatroom/getBatch",
		about: "Reads what several rooms are.",
		params: []param{
			{name: "roomids", kind: rooms, required: true, max: maxRoomsQueried},
			{name: "needOnlineUserCount", kind: boolean, about: "as in chatroom/get"},
		},
		answer: roomsAnswer{},
		serve:  (*API).getRooms,
	},
	{
		name:   "chatroom/update",
		about:  "Changes what a room is; what is not given stays.",
		params: append([]param{paramRoom, {name: "name", max: maxRoomName, example: "Live on Saturday"}}, roomParams(paramNotify, paramNotifyExt)...),
		answer: roomAnswer{},
		codes:  []outcome{roomMissing},
		serve:  (*API).updateRoom,
	},
	{
		name:  "chatroom/toggleCloseStat",
		about: "Closes a room, which puts everybody out, or opens it again.",
		params: []param{
			paramRoom, {name: "operator", kind: account, required: true, about: "the creator"}, {name: "valid", kind: boolean, required: true, about: "true opens, false closes", example: "false"},
			{name: "delayClosePolicy", kind: number, most: state.RoomClosesEmpty, about: "as in chatroom/create; default as it is"}, {name: "delaySeconds", kind: number, most: state.MaxRoomDelaySeconds},
		},
		answer: describedRoom{},
		codes:  []outcome{roomMissing, roomForbidden},
		serve:  (*API).toggleRoom,
	},
	{
		name:   "chatroom/updateInOutNotification",
		about:  "Says whether those inside are told who comes and goes.",
		params: []param{paramRoom, {name: "close", kind: boolean, required: true, about: "true: they are not told"}},
		codes:  []outcome{roomMissing},
		serve:  (*API).updateInOut,
	},
	{
		name:  "chatroom/updateDelayClosePolicy",
		about: "Says when a room closes by itself.",
		params: []param{
			paramRoom,
			{name: "delayClosePolicy", kind: number, required: true, most: state.RoomClosesEmpty, about: "0 never, 1 delaySeconds from now, 2 when nobody has been inside for delaySeconds", example: "1"},
			{name: "delaySeconds", kind: number, required: true, most: state.MaxRoomDelaySeconds, example: "3600"},
		},
		answer: roomAnswer{},
		codes:  []outcome{roomMissing},
		serve:  (*API).updateDelayClose,
	},
	{
		name:   "chatroom/queryUserRoomIds",
		about:  "Lists the rooms that an account has registered and that are open, the newest first, at most 1000.",
		params: []param{{name: "creator", kind: account, required: true}},
		answer: roomIDsAnswer{},
		serve:  (*API).roomsOf,
	},
}

// room is a room as all actions show it.
type roomInfo struct {
	RoomID       uint64  `json:"roomid"`
	Valid        bool    `json:"valid" about:"false: the room is closed"`
	Name         string  `json:"name"`
	Announcement string  `json:"announcement"`
	BroadcastURL string  `json:"broadcasturl"`
	Ext          string  `json:"ext"`
	Creator      string  `json:"creator"`
	QueueLevel   uint32  `json:"queuelevel" about:"who may change the queue: 0 all, 1 creator and managers"`
	Muted        bool    `json:"muted" about:"true: only creator and managers may send"`
	IONotify     bool    `json:"ionotify" about:"whether those inside are told who comes and goes"`
	Delay        delay   `json:"delayInfo" about:"when the room closes by itself"`
	Online       *uint32 `json:"onlineusercount,omitempty" about:"who is inside, with needOnlineUserCount"`
}

type delay struct {
	Enabled bool   `json:"delayCloseEnable"`
	Policy  uint32 `json:"delayClosePolicy" about:"as in chatroom/create"`
	Seconds uint32 `json:"delaySeconds"`
	Start   int64  `json:"startTime,omitempty" about:"with policy 1, from when delaySeconds count, in milliseconds since 1970"`
}

func roomInfoOf(t *wire.RoomInfo) *roomInfo {
	id, _ := state.ParseRoomID(t.Id)
	d := delay{Enabled: t.DelayClose != 0, Policy: t.DelayClose, Seconds: t.DelaySeconds}
	if t.CloseAtMs > 0 {
		d.Start = t.CloseAtMs - int64(t.DelaySeconds)*1000
	}
	return &roomInfo{
		RoomID: id, Valid: !t.Closed, Name: t.Name, Announcement: t.Announcement, BroadcastURL: t.BroadcastUrl, Ext: t.Ext,
		Creator: t.Creator, QueueLevel: t.QueueLevel, Muted: t.Muted, IONotify: !t.Quiet, Delay: d,
	}
}

type (
	roomAnswer struct {
		Room *roomInfo `json:"chatroom"`
	}
	describedRoom struct {
		Room *roomInfo `json:"desc"`
	}
	roomsAnswer struct {
		Rooms   []*roomInfo `json:"succRooms"`
		Missing []string    `json:"noExistRooms" of:"roomid"`
		Failed  []string    `json:"failRooms" of:"roomid" about:"always empty"`
	}
	roomIDsAnswer struct {
		Desc struct {
			RoomIDs string `json:"roomids" about:"JSON array of numbers"`
		} `json:"desc"`
	}
)

// room is the number in the parameter roomid.
func (c *call) room() uint64 { return uint64(c.args["roomid"].number) }

// notify is the parameter needNotify.
func (c *call) notify() bool { return !c.args["needNotify"].given || c.args["needNotify"].flag }

// changeRoom makes a change of the room that roomid names, in the name of the
// account that the parameter by names; "" is nobody's.
func (a *API) changeRoom(ctx context.Context, c *call, by string, change *state.RoomChange) (*state.RoomResult, error) {
	change.Room = c.room()
	if by != "" {
		change.By = c.args[by].text
	}
	change.Notify, change.Ext = c.notify(), c.args["notifyExt"].text
	return a.app.ChangeRoom(ctx, c.appKey(), change)
}

// roomChanges are what the parameters say of a room.
func (c *call) roomChanges() *wire.RoomChanges {
	u := &wire.RoomChanges{
		Name: c.args["name"].optional(), Announcement: c.args["announcement"].optional(),
		BroadcastUrl: c.args["broadcasturl"].optional(), Ext: c.args["ext"].optional(),
	}
	for name, dst := range map[string]**uint32{"queuelevel": &u.QueueLevel, "delayClosePolicy": &u.DelayClose, "delaySeconds": &u.DelaySeconds} {
		if c.args[name].given {
			*dst = proto.Uint32(uint32(c.args[name].number))
		}
	}
	if inOut := c.args["inOutNotification"]; inOut.given {
		u.Quiet = proto.Bool(inOut.number == 0)
	}
	return u
}

func (a *API) createRoom(ctx context.Context, c *call) (any, error) {
	res, err := a.app.ChangeRoom(ctx, c.appKey(), &state.RoomChange{
		Op: state.RoomCreate, By: c.args["creator"].text, ClientID: c.id, Info: c.roomChanges(),
	})
	if err != nil {
		return nil, notRegistered(err, "creator")
	}
	return roomAnswer{roomInfoOf(res.Info)}, nil
}

// readRoom reads a room, with the number of those inside when that is asked for.
func (a *API) readRoom(ctx context.Context, c *call, number uint64) (*roomInfo, error) {
	info, online, err := a.app.Room(ctx, c.appKey(), number)
	if err != nil {
		return nil, err
	}
	shown := roomInfoOf(info)
	if c.args["needOnlineUserCount"].flag {
		shown.Online = proto.Uint32(uint32(online))
	}
	return shown, nil
}

func (a *API) getRoom(ctx context.Context, c *call) (any, error) {
	info, err := a.readRoom(ctx, c, c.room())
	if err != nil {
		return nil, err
	}
	return roomAnswer{info}, nil
}

func (a *API) getRooms(ctx context.Context, c *call) (any, error) {
	answer := roomsAnswer{Rooms: []*roomInfo{}, Missing: []string{}, Failed: []string{}}
	for _, id := range c.args["roomids"].list {
		number, _ := strconv.ParseUint(id, 10, 64)
		info, err := a.readRoom(ctx, c, number)
		switch {
		case wire.CodeOf(err) == wire.CodeNotFound:
			answer.Missing = append(answer.Missing, id)
		case err != nil:
			return nil, err
		default:
			answer.Rooms = append(answer.Rooms, info)
		}
	}
	return answer, nil
}

func (a *API) updateRoom(ctx context.Context, c *call) (any, error) {
	res, err := a.changeRoom(ctx, c, "", &state.RoomChange{Op: state.RoomUpdate, Info: c.roomChanges()})
	if err != nil {
		return nil, err
	}
	return roomAnswer{roomInfoOf(res.Info)}, nil
}

func (a *API) toggleRoom(ctx context.Context, c *call) (any, error) {
	// A room counts the time to its end from its opening: so what that is comes before.
	if u := c.roomChanges(); u.DelayClose != nil || u.DelaySeconds != nil {
		if _, err := a.changeRoom(ctx, c, "operator", &state.RoomChange{Op: state.RoomUpdate, Info: u}); err != nil {
			return nil, err
		}
	}
	res, err := a.changeRoom(ctx, c, "operator", &state.RoomChange{Op: state.RoomOpen, Flag: c.args["valid"].flag})
	if err != nil {
		return nil, err
	}
	return describedRoom{roomInfoOf(res.Info)}, nil
}

func (a *API) updateInOut(ctx context.Context, c *call) (any, error) {
	_, err := a.changeRoom(ctx, c, "", &state.RoomChange{Op: state.RoomUpdate, Info: &wire.RoomChanges{Quiet: proto.Bool(c.args["close"].flag)}})
	return nil, err
}

func (a *API) updateDelayClose(ctx context.Context, c *call) (any, error) {
	return a.updateRoom(ctx, c)
}

func (a *API) roomsOf(ctx context.Context, c *call) (any, error) {
	ids, err := a.app.CreatorRooms(ctx, c.appKey(), c.args["creator"].text)
	if err != nil {
		return nil, err
	}
	text, err := json.Marshal(list(ids))
	answer := roomIDsAnswer{}
	answer.Desc.RoomIDs = string(text)
	return answer, err
}

// parseTexts reads a parameter that is a JSON array of texts.
func (c *call) parseTexts(name string, most int) ([]string, error) {
	var list []string
	if err := json.Unmarshal([]byte(c.args[name].text), &list); err != nil || len(list) == 0 || len(list) > most {
		return nil, wire.Errorf(wire.CodeBadParameter, "%s must be a JSON array of 1 to %d texts", name, most)
	}
	return list, nil
}
