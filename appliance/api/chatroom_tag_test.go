package api_test

import (
	"strings"
	"testing"

	"github.com/yizhan-im/yizhan/appliance"
)

// TestTagsInTheAPI: what package matrix, which has devices with tags, does not ask.
func TestTagsInTheAPI(t *testing.T) {
	b := newBackend(t, openNode(t, t.TempDir(), nil), appliance.TenantRequest{})
	b.accounts("alice", "bob")
	room := b.newRoom("alice")
	send := []string{"roomid", room, "msgId", "1", "fromAccid", "alice", "msgType", "0", "attach", "x", "notifyTargetTags"}
	b.wantCode(414, "chatroom/sendMsg", append(send, `red`)...)
	b.wantCode(414, "chatroom/sendMsg", append(send, `{"tag":"`+strings.Repeat("a", 128)+`"}`)...)
	b.wantCode(414, "chatroom/tagTemporaryMute", "roomid", room, "operator", "alice", "targetTag", "red", "muteDuration", "1", "notifyTargetTags", "red")
	b.wantCode(414, "history/queryTagHistoryMsg", "roomid", room, "tags", `"red"`)
	b.wantCode(414, "chatroom/updateChatRoomRoleTag", "roomid", room, "accid", "alice", "tags", `["red","red"]`)
	b.want(`{"code":200,"data":{"tag":"red","onlineUserCount":0}}`, "chatroom/tagMembersCount", "roomid", room, "tag", "red")
	b.want(`{"code":200,"desc":{"data":[]}}`, "chatroom/tagMembersQuery", "roomid", room, "tag", "red", "endTime", "0")
	b.want(`{"code":200,"desc":{"muteDuration":60}}`, "chatroom/tagTemporaryMute", "roomid", room, "operator", "alice", "targetTag", "red", "muteDuration", "60")
}

// TestABatchForARoom: what a message of a batch does not say, the call says for all.
func TestABatchForARoom(t *testing.T) {
	b := newBackend(t, openNode(t, t.TempDir(), nil), appliance.TenantRequest{})
	b.accounts("alice", "bob")
	room := b.newRoom("alice")
	b.wantCode(200, "chatroom/muteRoom", "roomid", room, "operator", "alice", "mute", "true")
	batch := func(more ...string) string {
		return b.call("chatroom/batchSendMsg", append([]string{"roomid", room, "fromAccid", "bob",
			"msgList", `[{"msgId":"a","msgType":0,"attach":"x"},{"msgId":"b","msgType":0,"attach":"y","ignoreMute":true,"skipHistory":0}]`}, more...)...)
	}
	sent := func(answer string) (ids string) {
		success, _, _ := strings.Cut(answer, `"fail"`)
		for _, id := range []string{"a", "b"} {
			if strings.Contains(success, `"msgid_client":"`+id+`"`) {
				ids += id
			}
		}
		return ids
	}
	if got := batch(); sent(got) != "b" || !strings.Contains(got, `"code":13006`) {
		t.Errorf("one that ignores the mute: %s", got)
	}
	if got := batch("ignoreMute", "true", "skipHistory", "1"); sent(got) != "ab" {
		t.Errorf("all ignore the mute: %s", got)
	}
	// Of the second, only b is kept; deleting one waits for all that are written.
	b.wantCode(404, "chatroom/deleteHistoryMessage", "roomid", room, "fromAcc", "alice", "msgTimetag", "1")
	history := b.call("history/queryChatroomMsg", "roomid", room, "accid", "bob", "limit", "10")
	if strings.Contains(history, `"msgid":"a"`) || strings.Count(history, `"msgid":"b"`) != 2 {
		t.Errorf("the history: %s", history)
	}
	if got := b.call("chatroom/batchSendMsgToSomeone", "roomid", room, "fromAccid", "alice", "toAccids", `["bob"]`, "msgList", `[{"msgId":"a","msgType":0,"attach":"x"}]`); sent(got) != "a" {
		t.Errorf("to bob: %s", got)
	}
}
