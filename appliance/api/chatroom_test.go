package api_test

import (
	"fmt"
	"regexp"
	"strings"
	"testing"

	"github.com/yizhan-im/yizhan/appliance"
	"github.com/yizhan-im/yizhan/appliance/state"
)

// inRoom is for what is done to the room that the example of chatroom/create
// makes; first are the actions to call before, with their examples.
func inRoom(first ...string) preparation {
	return preparation{first: append([]string{"chatroom/create"}, first...), fill: fillRoom}
}

func fillRoom(params map[string]string, answers map[string]map[string]any) {
	room, ok := answers["chatroom/create"]["chatroom"].(map[string]any)
	if !ok {
		return
	}
	if params["roomid"] != "" {
		params["roomid"] = fmt.Sprint(room["roomid"])
	}
	if sent, ok := answers["chatroom/sendMsg"]["desc"].(map[string]any); ok && params["msgTimetag"] != "" {
		params["msgTimetag"] = fmt.Sprint(sent["time"])
	}
}

func init() {
	for _, name := range []string{
		"get", "update", "toggleCloseStat", "updateInOutNotification", "updateDelayClosePolicy", "setMemberRole", "temporaryMute", "muteRoom",
		"addRobot", "removeRobot", "cleanRobot", "membersByPage", "queryMembers", "queryMembersByRole", "updateMyRoomRole",
		"sendMsg", "batchSendMsg", "sendMsgToSomeone", "queueInit", "queueOffer", "queueBatchOffer", "queueBatchUpdateElements",
		"queueList", "queueMultiGet", "queueDrop", "batchSendMsgToSomeone", "requestAddr", "tagTemporaryMute", "tagMembersCount", "tagMembersQuery",
	} {
		preparations["chatroom/"+name] = inRoom()
	}
	preparations["chatroom/kickMember"] = inRoom("chatroom/addRobot")
	preparations["chatroom/queuePoll"] = inRoom("chatroom/queueOffer")
	preparations["chatroom/recall"] = inRoom("chatroom/sendMsg")
	preparations["chatroom/deleteHistoryMessage"] = inRoom("chatroom/sendMsg")
	preparations["history/queryChatroomMsg"] = inRoom()
	preparations["history/queryTagHistoryMsg"] = inRoom()
	noneInside := inRoom()
	noneInside.code = 404
	preparations["chatroom/updateChatRoomRoleTag"] = noneInside
}

// newRoom makes a room of creator.
func (b *backend) newRoom(creator string) string {
	b.t.Helper()
	got := b.call("chatroom/create", "creator", creator, "name", "room")
	found := regexp.MustCompile(`"roomid":(\d+)`).FindStringSubmatch(got)
	if found == nil {
		b.t.Fatalf("chatroom/create: %s", got)
	}
	return found[1]
}

// showRooms has a room of alice, in which bob is muted and carol blocked.
func showRooms(s *shower) {
	room, closed := s.newRoom("alice"), s.newRoom("alice")
	for name := range preparations {
		if strings.HasPrefix(name, "chatroom/") && name != "chatroom/create" || name == "history/queryChatroomMsg" || name == "history/queryTagHistoryMsg" {
			s.shows(404, name, "roomid", "999999")
		}
	}
	for _, action := range []string{"setMemberRole", "temporaryMute", "muteRoom", "toggleCloseStat", "tagTemporaryMute"} {
		s.shows(403, "chatroom/"+action, "roomid", room, "operator", "dave")
	}
	s.shows(403, "chatroom/kickMember", "roomid", room, "accid", "dave", "targetAccid", "alice")
	s.shows(403, "chatroom/updateMyRoomRole", "roomid", room, "accid", "dave", "save", "true")
	s.shows(200, "chatroom/setMemberRole", "roomid", room, "target", "bob", "opt", "-2")
	s.shows(200, "chatroom/setMemberRole", "roomid", room, "target", "carol", "opt", "-1")
	s.shows(200, "chatroom/toggleCloseStat", "roomid", closed)
	for _, action := range []string{"chatroom/sendMsg", "chatroom/sendMsgToSomeone"} {
		s.shows(13002, action, "roomid", closed)
		s.shows(13004, action, "roomid", room, "fromAccid", "bob")
		s.shows(13003, action, "roomid", room, "fromAccid", "carol")
	}
	s.shows(13002, "chatroom/requestAddr", "roomid", closed)
	s.shows(13003, "chatroom/requestAddr", "roomid", room, "accid", "carol")
	sent := s.call("chatroom/sendMsg", "roomid", room, "msgId", "m", "fromAccid", "alice", "msgType", "0", "attach", "x")
	time := regexp.MustCompile(`"time":(\d+)`).FindStringSubmatch(sent)
	if time == nil {
		s.t.Fatalf("chatroom/sendMsg: %s", sent)
	}
	s.shows(403, "chatroom/recall", "roomid", room, "msgTimetag", time[1], "fromAcc", "alice", "msgId", "m", "operatorAcc", "dave")
	s.shows(200, "chatroom/muteRoom", "roomid", room)
	for _, action := range []string{"chatroom/sendMsg", "chatroom/sendMsgToSomeone"} {
		s.shows(13006, action, "roomid", room, "fromAccid", "dave")
	}
	s.shows(200, "chatroom/queueInit", "roomid", room, "sizeLimit", "0")
	s.shows(419, "chatroom/queueOffer", "roomid", room)
	s.shows(419, "chatroom/queueBatchOffer", "roomid", room)
	s.shows(200, "chatroom/update", "roomid", room, "queuelevel", "1")
	for _, action := range []string{"queueOffer", "queueBatchOffer", "queueBatchUpdateElements"} {
		s.shows(403, "chatroom/"+action, "roomid", room, "operator", "dave")
	}
}

// showRoomLimits has a room with as many managers as it may have.
func showRoomLimits(s *shower) {
	s.accounts("alice", "bob")
	room := s.newRoom("alice")
	s.shows(419, "chatroom/create")
	for i := range state.MaxRoomManagers {
		manager := fmt.Sprint("manager", i)
		s.accounts(manager)
		s.shows(200, "chatroom/setMemberRole", "roomid", room, "target", manager)
	}
	s.shows(419, "chatroom/setMemberRole", "roomid", room)
	for i := range state.MaxRoomTagMutes {
		s.shows(200, "chatroom/tagTemporaryMute", "roomid", room, "targetTag", fmt.Sprint("tag", i))
	}
	s.shows(419, "chatroom/tagTemporaryMute", "roomid", room)
}

func TestChatrooms(t *testing.T) {
	b := newBackend(t, openNode(t, t.TempDir(), nil), appliance.TenantRequest{RoomsRequest: appliance.RoomsRequest{MaxRooms: 2}})
	b.accounts("alice", "bob", "carol")
	b.wantError(414, "creator not register", "chatroom/create", "creator", "nobody", "name", "n")
	room := b.newRoom("alice")
	info := func(rest string) string {
		return `{"roomid":` + room + `,"valid":true,"name":"new","announcement":"a","broadcasturl":"","ext":"","creator":"alice",` +
			`"queuelevel":0,"muted":false,"ionotify":false,"delayInfo":{"delayCloseEnable":false,"delayClosePolicy":0,"delaySeconds":0}` + rest + `}`
	}
	b.want(`{"code":200,"chatroom":`+info("")+`}`, "chatroom/update", "roomid", room, "name", "new", "announcement", "a", "inOutNotification", "0")
	b.want(`{"code":200,"chatroom":`+info(`,"onlineusercount":0`)+`}`, "chatroom/get", "roomid", room, "needOnlineUserCount", "true")
	b.want(`{"code":200,"succRooms":[`+info("")+`],"noExistRooms":["999999"],"failRooms":[]}`, "chatroom/getBatch", "roomids", "["+room+",999999]")
	second := b.newRoom("alice")
	b.wantCode(419, "chatroom/create", "creator", "alice", "name", "n")
	b.want(`{"code":200,"desc":{"roomids":"[`+second+`,`+room+`]"}}`, "chatroom/queryUserRoomIds", "creator", "alice")
	got := b.call("chatroom/toggleCloseStat", "roomid", second, "operator", "alice", "valid", "true", "delayClosePolicy", "1", "delaySeconds", "60")
	if !regexp.MustCompile(`"delayInfo":{"delayCloseEnable":true,"delayClosePolicy":1,"delaySeconds":60,"startTime":\d{13}}`).MatchString(got) {
		t.Errorf("to be closed in a minute: %s", got)
	}
	b.wantCode(200, "chatroom/toggleCloseStat", "roomid", second, "operator", "alice", "valid", "false")
	b.want(`{"code":200,"desc":{"roomids":"[`+room+`]"}}`, "chatroom/queryUserRoomIds", "creator", "alice")

	b.want(`{"code":200,"desc":{"roomid":`+room+`,"level":2,"accid":"bob","type":"MANAGER"}}`,
		"chatroom/setMemberRole", "roomid", room, "operator", "alice", "target", "bob", "opt", "1", "optvalue", "true")
	b.want(`{"code":200,"desc":{"roomid":`+room+`,"level":0,"accid":"carol","type":"LIMITED"}}`,
		"chatroom/setMemberRole", "roomid", room, "operator", "bob", "target", "carol", "opt", "-2", "optvalue", "true")
	b.wantError(414, "parameter opt must be 1, 2, -1 or -2", "chatroom/setMemberRole", "roomid", room, "operator", "bob", "target", "carol", "opt", "0", "optvalue", "true")
	b.want(`{"code":200,"desc":{"muteDuration":60}}`, "chatroom/temporaryMute", "roomid", room, "operator", "bob", "target", "carol", "muteDuration", "60")
	b.wantCode(414, "chatroom/queryMembersByRole", "roomid", room, "roles", `{"boss":true}`)
	b.wantCode(414, "chatroom/queryMembersByRole", "roomid", room, "roles", `"CREATOR"`)
	if got := b.call("chatroom/queryMembersByRole", "roomid", room, "roles", `["MANAGER"]`); !strings.Contains(got, `"bob"`) || strings.Contains(got, `"carol"`) {
		t.Errorf("managers: %s", got)
	}
	got = b.call("chatroom/queryMembersByRole", "roomid", room, "roles", `{"manager":true,"muted":true,"creator":false}`)
	if strings.Contains(got, `"accid":"alice"`) || !regexp.MustCompile(`"accid":"bob","nick":"","avator":"","ext":"","type":"MANAGER","level":2`).MatchString(got) ||
		!regexp.MustCompile(`"accid":"carol".*"muted":true,"tempMuted":true,"tempMuteTtl":(59|60),"isRobot":false`).MatchString(got) {
		t.Errorf("members by role: %s", got)
	}
	b.want(`{"code":200,"desc":{"failAccids":["alice","nobody"],"successAccids":["bob"],"oldAccids":[]}}`, "chatroom/addRobot", "roomid", room, "accids", `["alice","bob","nobody"]`)
	b.want(`{"code":200,"desc":{"size":1}}`, "chatroom/cleanRobot", "roomid", room)
	b.wantError(414, "fromAccid not register", "chatroom/sendMsg", "roomid", room, "msgId", "m", "fromAccid", "nobody", "msgType", "0", "attach", "x")
	sent := b.call("chatroom/sendMsg", "roomid", room, "msgId", "m1", "fromAccid", "alice", "msgType", "0", "attach", "hi <all>", "ext", "e")
	if !regexp.MustCompile(`^{"code":200,"desc":{"time":\d{13},"fromAvator":"","msgid_client":"m1","fromClientType":32,"attach":"hi <all>","roomId":` + room +
		`,"fromAccount":"alice","fromNick":"","type":0,"ext":"e","highPriorityFlag":0,"msgAbandonFlag":0}}$`).MatchString(sent) {
		t.Errorf("sent: %s", sent)
	}
	batch := b.call("chatroom/batchSendMsg", "roomid", room, "fromAccid", "bob", "msgList",
		`[{"msgId":"m2","msgType":100,"attach":"{}"},{"msgId":"m3","msgType":100,"attach":"no json"}]`)
	if !strings.Contains(batch, `"success":[{"time":`) || !strings.Contains(batch, `"fail":[{"msgid_client":"m3","code":414,`) {
		t.Errorf("batch: %s", batch)
	}
	time := regexp.MustCompile(`"time":(\d+)`).FindStringSubmatch(sent)[1]
	b.want(`{"code":200}`, "chatroom/recall", "roomid", room, "msgTimetag", time, "fromAcc", "alice", "msgId", "m1", "operatorAcc", "bob")
	b.wantCode(404, "chatroom/recall", "roomid", room, "msgTimetag", time, "fromAcc", "alice", "msgId", "m1")
	history := b.call("history/queryChatroomMsg", "roomid", room, "accid", "bob", "timetag", "0", "limit", "10")
	if !regexp.MustCompile(`^{"code":200,"size":1,"msgs":\[{"from":"bob","fromNick":"","msgid":"m2","sendtime":\d+,"type":100,"fromclienttype":32,"body":{},"ext":""}\]}$`).MatchString(history) {
		t.Errorf("history: %s", history)
	}

	b.want(`{"code":200,"desc":{}}`, "chatroom/queueInit", "roomid", room, "sizeLimit", "2")
	b.want(`{"code":200,"desc":{}}`, "chatroom/queueOffer", "roomid", room, "key", "z", "value", "1")
	b.want(`{"code":200,"desc":{}}`, "chatroom/queueBatchOffer", "roomid", room, "elements", `{"a":"2"}`, "operator", "carol")
	b.want(`{"code":200,"desc":{}}`, "chatroom/queueBatchOffer", "roomid", room, "elements", `[{"key":"a","value":"2","transient":false}]`, "operator", "carol")
	b.wantCode(414, "chatroom/queueBatchOffer", "roomid", room, "elements", `[]`, "operator", "carol")
	b.wantCode(414, "chatroom/queueBatchOffer", "roomid", room, "elements", `[{"key":"","value":"2"}]`, "operator", "carol")
	b.wantCode(419, "chatroom/queueOffer", "roomid", room, "key", "y", "value", "1")
	b.want(`{"code":200,"desc":{"noExistElementKey":["x"]}}`, "chatroom/queueBatchUpdateElements", "roomid", room, "elements", `{"a":"3","x":"4"}`)
	b.want(`{"code":200,"desc":{"list":[{"z":"1"},{"a":"3"}]}}`, "chatroom/queueList", "roomid", room)
	b.want(`{"code":200,"desc":{"list":[{"a":"3"}]}}`, "chatroom/queueMultiGet", "roomid", room, "keys", `["a","x"]`)
	b.want(`{"code":200,"desc":{"key":"z","value":"1"}}`, "chatroom/queuePoll", "roomid", room)
	b.wantCode(404, "chatroom/queuePoll", "roomid", room, "key", "z")
	b.want(`{"code":200,"desc":{}}`, "chatroom/queueDrop", "roomid", room)
	for _, bad := range []string{`{}`, `[]`, `{"a":1}`, `{"a":"b"`} {
		b.wantCode(414, "chatroom/queueBatchOffer", "roomid", room, "elements", bad)
	}
	b.want(`{"code":200,"desc":{"success":true}}`, "chatroom/muteRoom", "roomid", room, "operator", "alice", "mute", "true")
	b.want(`{"code":200,"desc":{"rooms":0}}`, "chatroom/broadcast", "msgId", "b", "fromAccid", "alice", "msgType", "0", "attach", "x")

	other := newBackend(t, b.node, appliance.TenantRequest{})
	other.accounts("alice")
	other.wantCode(404, "chatroom/get", "roomid", room)
	other.wantCode(404, "chatroom/sendMsg", "roomid", room, "msgId", "m", "fromAccid", "alice", "msgType", "0", "attach", "x")
	other.wantCode(404, "chatroom/setMemberRole", "roomid", room, "operator", "alice", "target", "alice", "opt", "1", "optvalue", "true")
}
