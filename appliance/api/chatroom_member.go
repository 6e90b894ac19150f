package api

import (
	"context"
	"encoding/json"
	"slices"
	"strings"
	"time"

	"github.com/yizhan-im/yizhan/appliance/state"
	"github.com/yizhan-im/yizhan/appliance/wire"
)

var paramRobots = param{name: "accids", kind: accounts, required: true, max: maxRobots, about: "the robots"}

var chatroomMemberActions = []action{
	{
		name:  "chatroom/setMemberRole",
		about: "Makes an account a manager, a fixed member, blocked (which puts it out) or muted, or ends that.",
		params: []param{
			paramRoom, paramOperator, paramTarget,
			{name: "opt", kind: number, required: true, least: -2, most: 2, about: "1 manager, 2 fixed member, -1 blocked, -2 muted", example: "1"},
			{name: "optvalue", kind: boolean, required: true, about: "true or false"},
			paramNotifyExt,
		},
		answer: roleAnswer{},
		codes:  []outcome{roomForbidden, {wire.CodeNotFound, "there is no such room or account"}, {wire.CodeCountLimit, "the room has 100 managers, or 5000 accounts are something to it"}},
		serve:  (*API).setRoomRole,
	},
	{
		name:   "chatroom/temporaryMute",
		about:  "Keeps an account from sending for a while.",
		params: []param{paramRoom, paramOperator, paramTarget, {name: "muteDuration", kind: number, required: true, most: state.MaxRoomMuteSeconds, about: "in seconds; 0 lifts it", example: "60"}, paramNotify, paramNotifyExt},
		answer: muteAnswer{},
		codes:  []outcome{roomForbidden, {wire.CodeNotFound, "there is no such room or account"}},
		serve:  (*API).muteRoomMember,
	},
	{
		name:   "chatroom/muteRoom",
		about:  "Keeps all but the creator and managers from sending, or lifts that.",
		params: []param{paramRoom, paramOperator, {name: "mute", kind: boolean, required: true}, paramNotify, paramNotifyExt},
		answer: successAnswer{},
		codes:  []outcome{roomMissing, roomForbidden},
		serve:  (*API).muteRoom,
	},
	{
		name:  "chatroom/kickMember",
		about: "Puts an account out of a room; it may enter again unless it is blocked. A robot is removed.",
		params: []param{
			paramRoom, {name: "accid", kind: account, required: true, about: "in whose name"},
			{name: "targetAccid", kind: account, required: true, about: "whom to put out", example: "bob"}, paramNotifyExt,
		},
		codes: []outcome{roomForbidden, {wire.CodeNotFound, "there is no such room, or the account is not inside"}},
		serve: (*API).kickFromRoom,
	},
	{
		name:   "chatroom/addRobot",
		about:  "Lets accounts look as if they were inside.",
		params: []param{paramRoom, paramRobots, paramNotify, paramNotifyExt},
		ignored: []string{
			"roleExt",
		},
		answer: robotsAnswer{},
		codes:  []outcome{roomMissing},
		serve:  (*API).addRobots,
	},
	{
		name:   "chatroom/removeRobot",
		about:  "Removes robots.",
		params: []param{paramRoom, paramRobots, paramNotify, paramNotifyExt},
		answer: robotsGoneAnswer{},
		codes:  []outcome{roomMissing},
		serve:  (*API).removeRobots,
	},
	{
		name:   "chatroom/cleanRobot",
		about:  "Removes all robots of a room.",
		params: []param{paramRoom, {name: "notify", kind: boolean, about: "whether those inside are told, default true"}},
		answer: sizeAnswer{},
		codes:  []outcome{roomMissing},
		serve:  (*API).cleanRobots,
	},
	{
		name:  "chatroom/membersByPage",
		about: "Lists members of a room: fixed ones, the last to become so first, or those inside, the last to enter first. Members with the same enterTime as the last of a page may be missing on the next.",
		params: []param{
			paramRoom,
			{name: "type", kind: number, required: true, most: 2, about: "0 fixed members, 1 guests who are inside, 2 fixed members who are inside"},
			{name: "endtime", kind: number, required: true, most: maxMillis, about: "only those with a smaller enterTime, 0 all"},
			{name: "limit", kind: number, required: true, least: 1, most: state.MaxRoomMembersPage, example: "100"},
		},
		answer: roomMembersAnswer{},
		codes:  []outcome{roomMissing},
		serve:  (*API).roomMembers,
	},
	{
		name:   "chatroom/queryMembers",
		about:  "Reads what accounts are in a room. Those that are not inside and nothing to it are left out.",
		params: []param{paramRoom, {name: "accids", kind: accounts, required: true, max: maxRoomAccounts}},
		answer: roomMembersAnswer{},
		codes:  []outcome{roomMissing},
		serve:  (*API).namedRoomMembers,
	},
	{
		name:   "chatroom/queryMembersByRole",
		about:  "Lists the accounts that are something to a room, inside or not.",
		params: []param{paramRoom, {name: "roles", kind: jsonText, max: 128, about: "which of creator, manager, common, blacklisted, muted, robot, as a JSON object of those that are true, or as a JSON array; default all", example: `{"creator":true,"manager":true}`}},
		answer: roomMembersAnswer{},
		codes:  []outcome{roomMissing},
		serve:  (*API).roomMembersByRole,
	},
	{
		name:  "chatroom/updateMyRoomRole",
		about: "Changes how an account shows itself in a room.",
		params: []param{
			paramRoom, {name: "accid", kind: account, required: true},
			{name: "save", kind: boolean, about: "whether to keep it for later entries, default false; not for guests"},
			{name: "nick", max: 64, example: "Al"}, {name: "avator", max: 1024}, {name: "ext", max: maxRoomText},
			{name: "needNotify", kind: boolean, about: "whether those inside are told, default true"}, paramNotifyExt,
		},
		codes: []outcome{roomMissing, {wire.CodeForbidden, "save is true, and the account is a guest"}},
		serve: (*API).showInRoom,
	},
}

type (
	roleAnswer struct {
		Desc struct {
			RoomID uint64 `json:"roomid"`
			Level  uint32 `json:"level" about:"0 guest, 1 fixed member, 2 manager, 3 creator"`
			Accid  string `json:"accid"`
			Type   string `json:"type" about:"GUEST, COMMON, MANAGER, CREATOR, or LIMITED of one that is blocked or muted"`
		} `json:"desc"`
	}
	muteAnswer struct {
		Desc struct {
			MuteDuration int64 `json:"muteDuration" about:"in seconds"`
		} `json:"desc"`
	}
	successAnswer struct {
		Desc struct {
			Success bool `json:"success"`
		} `json:"desc"`
	}
	robotsAnswer struct {
		Desc struct {
			Failed []string `json:"failAccids" of:"accid" about:"not registered, blocked, or the creator"`
			Added  []string `json:"successAccids" of:"accid"`
			Old    []string `json:"oldAccids" of:"accid" about:"robots before"`
		} `json:"desc"`
	}
	robotsGoneAnswer struct {
		Desc struct {
			Failed  []string `json:"failAccids" of:"accid" about:"no robots"`
			Removed []string `json:"successAccids" of:"accid"`
		} `json:"desc"`
	}
	sizeAnswer struct {
		Desc struct {
			Size int `json:"size" about:"how many there were"`
		} `json:"desc"`
	}
	roomMembersAnswer struct {
		Desc struct {
			Data []*roomMember `json:"data"`
		} `json:"desc"`
	}
)

// roomMember is a member as the actions show it.
type roomMember struct {
	RoomID      int64  `json:"roomid"`
	Accid       string `json:"accid"`
	Nick        string `json:"nick"`
	Avatar      string `json:"avator"`
	Ext         string `json:"ext"`
	Type        string `json:"type" about:"GUEST, COMMON, MANAGER, CREATOR, or LIMITED of one that is blocked or muted"`
	Level       uint32 `json:"level" about:"0 guest, 1 fixed member, 2 manager, 3 creator"`
	OnlineStat  bool   `json:"onlineStat" about:"whether it is inside"`
	EnterTime   int64  `json:"enterTime" about:"when it has entered, or become what it is, in milliseconds since 1970"`
	Blacklisted bool   `json:"blacklisted"`
	Muted       bool   `json:"muted"`
	TempMuted   bool   `json:"tempMuted"`
	TempMuteTTL int64  `json:"tempMuteTtl" about:"seconds that are left"`
	IsRobot     bool   `json:"isRobot"`
	Tags        string `json:"tags,omitempty" about:"JSON array of the tags that it has entered with"`
	NotifyTags  string `json:"notifyTargetTags,omitempty" about:"whom what it sends is for"`
}

var roleTypes = [...]string{"GUEST", "COMMON", "MANAGER", "CREATOR"}

func roleType(m *wire.RoomMember) string {
	if m.Blocked || m.Muted {
		return "LIMITED"
	}
	return roleTypes[m.Role]
}

func (a *API) membersAnswer(c *call, members []*wire.RoomMember) *roomMembersAnswer {
	answer := &roomMembersAnswer{}
	answer.Desc.Data = make([]*roomMember, len(members))
	now := a.now().UnixMilli()
	for i, m := range members {
		left := max(m.MutedUntilMs-now, 0)
		answer.Desc.Data[i] = &roomMember{
			RoomID: int64(c.room()), Accid: m.Account, Nick: m.Nick, Avatar: m.Avatar, Ext: m.Ext, Type: roleType(m), Level: uint32(m.Role),
			OnlineStat: m.Online, EnterTime: m.EnteredMs, Blacklisted: m.Blocked, Muted: m.Muted,
			NotifyTags: m.NotifyTags, TempMuted: left > 0, TempMuteTTL: int64((time.Duration(left) * time.Millisecond).Round(time.Second) / time.Second), IsRobot: m.Robot,
		}
		if len(m.Tags) > 0 {
			tags, _ := json.Marshal(m.Tags) // of texts: it does not fail
			answer.Desc.Data[i].Tags = string(tags)
		}
	}
	return answer
}

var roleOps = map[int64]wire.RoomRoleOp{
	1: wire.RoomRoleOp_ROOM_ROLE_OP_MANAGER, 2: wire.RoomRoleOp_ROOM_ROLE_OP_FIXED,
	-1: wire.RoomRoleOp_ROOM_ROLE_OP_BLOCK, -2: wire.RoomRoleOp_ROOM_ROLE_OP_MUTE,
}

func (a *API) setRoomRole(ctx context.Context, c *call) (any, error) {
	role, ok := roleOps[c.args["opt"].number]
	if !ok {
		return nil, wire.Errorf(wire.CodeBadParameter, "parameter opt must be 1, 2, -1 or -2")
	}
	res, err := a.changeRoom(ctx, c, "operator", &state.RoomChange{
		Op: state.RoomSetRole, Accounts: []string{c.args["target"].text}, Role: role, Flag: c.args["optvalue"].flag,
	})
	if err != nil {
		return nil, err
	}
	answer, m := roleAnswer{}, res.Members[0]
	answer.Desc.RoomID, answer.Desc.Level, answer.Desc.Accid, answer.Desc.Type = c.room(), uint32(m.Role), m.Account, roleType(m)
	return answer, nil
}

func (a *API) muteRoomMember(ctx context.Context, c *call) (any, error) {
	seconds := c.args["muteDuration"].number
	_, err := a.changeRoom(ctx, c, "operator", &state.RoomChange{
		Op: state.RoomTempMute, Accounts: []string{c.args["target"].text}, Number: uint32(seconds),
	})
	if err != nil {
		return nil, err
	}
	answer := muteAnswer{}
	answer.Desc.MuteDuration = seconds
	return answer, nil
}

func (a *API) muteRoom(ctx context.Context, c *call) (any, error) {
	_, err := a.changeRoom(ctx, c, "operator", &state.RoomChange{Op: state.RoomMute, Flag: c.args["mute"].flag})
	if err != nil {
		return nil, err
	}
	answer := successAnswer{}
	answer.Desc.Success = true
	return answer, nil
}

func (a *API) kickFromRoom(ctx context.Context, c *call) (any, error) {
	return nil, a.app.KickFromRoom(ctx, c.appKey(), c.args["accid"].text, &wire.KickRoomRequest{
		Room: state.RoomID(c.room()), Account: c.args["targetAccid"].text, NotifyExt: c.args["notifyExt"].text,
	})
}

// list is never null in JSON.
func list[T any](l []T) []T { return append([]T{}, l...) }

func (a *API) addRobots(ctx context.Context, c *call) (any, error) {
	res, err := a.changeRoom(ctx, c, "", &state.RoomChange{Op: state.RoomRobots, Accounts: c.args["accids"].list, Flag: true})
	if err != nil {
		return nil, err
	}
	answer := robotsAnswer{}
	answer.Desc.Failed, answer.Desc.Added, answer.Desc.Old = list(res.Failed), list(res.Added), list(res.Old)
	return answer, nil
}

func (a *API) removeRobots(ctx context.Context, c *call) (any, error) {
	res, err := a.changeRoom(ctx, c, "", &state.RoomChange{Op: state.RoomRobots, Accounts: c.args["accids"].list})
	if err != nil {
		return nil, err
	}
	answer := robotsGoneAnswer{}
	answer.Desc.Failed, answer.Desc.Removed = list(res.Failed), list(res.Added)
	return answer, nil
}

func (a *API) cleanRobots(ctx context.Context, c *call) (any, error) {
	c.args["needNotify"] = c.args["notify"]
	res, err := a.changeRoom(ctx, c, "", &state.RoomChange{Op: state.RoomRobots})
	if err != nil {
		return nil, err
	}
	answer := sizeAnswer{}
	answer.Desc.Size = len(res.Added)
	return answer, nil
}

var memberKinds = [...]wire.RoomMembersKind{
	wire.RoomMembersKind_ROOM_MEMBERS_FIXED, wire.RoomMembersKind_ROOM_MEMBERS_GUESTS, wire.RoomMembersKind_ROOM_MEMBERS_FIXED_ONLINE,
}

func (a *API) roomMembers(ctx context.Context, c *call) (any, error) {
	out, err := a.app.RoomMembers(ctx, c.appKey(), &wire.RoomMembersRequest{
		Room: state.RoomID(c.room()), Kind: memberKinds[c.args["type"].number],
		BeforeMs: c.args["endtime"].number, Limit: uint32(c.args["limit"].number),
	})
	if err != nil {
		return nil, err
	}
	return a.membersAnswer(c, out.Members), nil
}

func (a *API) namedRoomMembers(ctx context.Context, c *call) (any, error) {
	out, err := a.app.RoomMembers(ctx, c.appKey(), &wire.RoomMembersRequest{Room: state.RoomID(c.room()), Accounts: c.args["accids"].list})
	if err != nil {
		return nil, err
	}
	return a.membersAnswer(c, out.Members), nil
}

// hasRole reports whether m is what one of names says.
func hasRole(m *wire.RoomMember, names []string) bool {
	return len(names) == 0 || slices.Contains(names, roleTypes[m.Role]) || m.Blocked && slices.Contains(names, "BLACKLISTED") ||
		m.Muted && slices.Contains(names, "MUTED") || m.Robot && slices.Contains(names, "ROBOT")
}

// roleNames are what queryMembersByRole can ask for.
var roleNames = []string{"CREATOR", "MANAGER", "COMMON", "BLACKLISTED", "MUTED", "ROBOT"}

// parseRoles reads the names of roles, in upper case: an object of those that are
// true, as Yunxin's clients send it, or an array. None is all.
func parseRoles(text string) (roles []string, err error) {
	if text == "" {
		return nil, nil
	}
	wanted := map[string]bool{}
	if json.Unmarshal([]byte(text), &wanted) == nil {
		for name, want := range wanted {
			if want {
				roles = append(roles, name)
			}
		}
	} else if json.Unmarshal([]byte(text), &roles) != nil {
		return nil, wire.Errorf(wire.CodeBadParameter, "roles must be a JSON object of booleans, or an array of texts")
	}
	for i, name := range roles {
		if roles[i] = strings.ToUpper(name); !slices.Contains(roleNames, roles[i]) {
			return nil, wire.Errorf(wire.CodeBadParameter, "roles can name %s", strings.ToLower(strings.Join(roleNames, ", ")))
		}
	}
	return roles, nil
}

func (a *API) roomMembersByRole(ctx context.Context, c *call) (any, error) {
	roles, err := parseRoles(c.args["roles"].text)
	if err != nil {
		return nil, err
	}
	members, err := a.app.RoomSpecial(ctx, c.appKey(), c.room())
	if err != nil {
		return nil, err
	}
	return a.membersAnswer(c, slices.DeleteFunc(members, func(m *wire.RoomMember) bool { return !hasRole(m, roles) })), nil
}

func (a *API) showInRoom(ctx context.Context, c *call) (any, error) {
	in := &wire.UpdateRoomSelfRequest{
		Room: state.RoomID(c.room()), Nick: c.args["nick"].optional(), Avatar: c.args["avator"].optional(), Ext: c.args["ext"].optional(),
		Save: c.args["save"].flag, Notify: c.notify(), NotifyExt: c.args["notifyExt"].text,
	}
	return nil, a.app.ShowInRoom(ctx, c.appKey(), c.args["accid"].text, in)
}
