package callback

import (
	"encoding/json"
	"net/netip"
	"testing"

	"google.golang.org/protobuf/proto"

	"github.com/yizhan-im/yizhan/appliance/app"
	"github.com/yizhan-im/yizhan/appliance/state"
	"github.com/yizhan-im/yizhan/appliance/wire"
)

// TestQuestions: what a backend reads for each operation.
func TestQuestions(t *testing.T) {
	by := app.Question{TimeMs: 5, Account: "alice", DeviceID: "d", Platform: wire.Platform_PLATFORM_ANDROID, Remote: netip.MustParseAddrPort("[::ffff:192.0.2.1]:70")}
	login := by
	login.Event, login.SDKVersion, login.CustomTag = state.CallbackLogin, "1.0", "tag"
	message := func(event state.CallbackEvents, m *wire.SendRequest) *app.Question {
		q := by
		q.Event, q.Message = event, m
		return &q
	}
	team := func(c state.TeamChange) *app.Question {
		q := by
		c.By = "alice"
		q.Event, q.Team = state.CallbackTeam, &c
		return &q
	}
	other := func(event state.CallbackEvents, fill func(q *app.Question)) *app.Question {
		q := by
		q.Event = event
		fill(&q)
		return &q
	}
	recall := func(scene wire.Scene, peer string) *app.Question {
		return other(state.CallbackRecall, func(q *app.Question) {
			q.Recall = &app.RecallQuestion{Scene: scene, Peer: peer, Note: "oops", Message: &wire.Message{From: "carol", Id: 9, ClientId: "c", TimeMs: 4}}
		})
	}
	friend := func(op state.RelationOp) *app.Question {
		return other(state.CallbackFriend, func(q *app.Question) {
			q.Friend = &state.RelationChange{Op: op, Account: "alice", Peer: "bob", Note: "hi"}
		})
	}
	const asker = `"fromClientType":"AOS","fromDeviceId":"d","timestamp":5`
	mega := func(q *app.Question) *app.Question {
		q.Mega = true
		return q
	}
	const plain = `"clientType":"AOS","deviceId":"d","timestamp":5`
	bob := []string{"bob"}
	for _, test := range []struct {
		question *app.Question
		want     string // "" is none
	}{
		{&login, `{"eventType":36,"accid":"alice","clientType":"AOS","deviceId":"d","clientIp":"192.0.2.1","sdkVersion":"1.0","customTag":"tag","timestamp":5}`},
		{other(state.CallbackMessage, func(q *app.Question) {
			q.Message = &wire.SendRequest{To: "bob", ClientId: "c", Type: state.TypeMerged, Body: "two"}
			q.Merged = []*wire.Message{{From: "carol", Id: 7, TimeMs: 3, Body: "a\"b", Ext: "e"}, {From: "dave", Id: 8, TimeMs: 4, Type: 100, Body: `{"x":1}`}}
		}), `{"eventType":1,"fromAccount":"alice","to":"bob","fromClientType":"AOS","fromDeviceId":"d","msgTimestamp":5,"msgType":"101",` +
			`"attach":"{\"title\":\"two\",\"messages\":[` +
			`{\"fromAccount\":\"carol\",\"msgidServer\":\"7\",\"msgTimestamp\":3,\"msgType\":\"TEXT\",\"body\":\"a\\\"b\",\"ext\":\"e\"},` +
			`{\"fromAccount\":\"dave\",\"msgidServer\":\"8\",\"msgTimestamp\":4,\"msgType\":\"CUSTOM\",\"attach\":\"{\\\"x\\\":1}\"}]}",` +
			`"msgidClient":"c","ip":"192.0.2.1","port":"70"}`},
		{other(state.CallbackMessage, func(q *app.Question) {
			q.Notification = &wire.Notification{To: "bob", ClientId: "c", Attach: `{"n":1}`}
		}), `{"eventType":1,"fromAccount":"alice","to":"bob","fromClientType":"AOS","fromDeviceId":"d","msgTimestamp":5,"msgType":"CUSTOM_P2P_MSG","attach":"{\"n\":1}","msgidClient":"c","ip":"192.0.2.1","port":"70"}`},
		{mega(other(state.CallbackTeamMessage, func(q *app.Question) {
			q.Notification = &wire.Notification{Scene: wire.Scene_SCENE_TEAM, To: "12", ClientId: "c", Attach: "x"}
		})), `{"eventType":22,"fromAccount":"alice","to":"12","fromClientType":"AOS","fromDeviceId":"d","msgTimestamp":5,"msgType":"CUSTOM_TEAM_MSG","attach":"x","msgidClient":"c","ip":"192.0.2.1","port":"70"}`},
		{message(state.CallbackMessage, &wire.SendRequest{To: "bob", ClientId: "c", Body: "hi"}),
			`{"eventType":1,"fromAccount":"alice","to":"bob","fromClientType":"AOS","fromDeviceId":"d","msgTimestamp":5,"msgType":"TEXT","body":"hi","msgidClient":"c","ip":"192.0.2.1","port":"70"}`},
		{message(state.CallbackTeamMessage, &wire.SendRequest{To: "12", ClientId: "c", Type: 1, Body: `{"w":1}`, Ext: "e"}),
			`{"eventType":2,"fromAccount":"alice","to":"12","fromClientType":"AOS","fromDeviceId":"d","msgTimestamp":5,"msgType":"PICTURE","attach":"{\"w\":1}","ext":"e","msgidClient":"c","ip":"192.0.2.1","port":"70"}`},
		{team(state.TeamChange{Op: state.TeamCreate, Accounts: bob, Note: "n", Info: &wire.TeamChanges{Name: proto.String("t"), JoinMode: wire.TeamJoinMode(1).Enum(), MemberLimit: proto.Uint32(9)}}),
			`{"eventType":7,"creator":"alice",` + asker + `,"msg":"n","inviteList":["bob"],"tname":"t","joinmode":1,"teamMemberLimit":9}`},
		{team(state.TeamChange{Op: state.TeamDismiss, Team: 3}), `{"eventType":8,"tid":"3","operator":"alice",` + asker + `}`},
		{team(state.TeamChange{Op: state.TeamInvite, Team: 3, Accounts: bob}), `{"eventType":9,"tid":"3","operator":"alice",` + asker + `,"inviteList":["bob"]}`},
		{team(state.TeamChange{Op: state.TeamLeave, Team: 3}), `{"eventType":10,"tid":"3","operator":"alice",` + asker + `}`},
		{team(state.TeamChange{Op: state.TeamManagers, Team: 3, Accounts: bob, Flag: true}), `{"eventType":11,"tid":"3","operator":"alice",` + asker + `,"members":["bob"]}`},
		{team(state.TeamChange{Op: state.TeamManagers, Team: 3, Accounts: bob}), `{"eventType":12,"tid":"3","operator":"alice",` + asker + `,"members":["bob"]}`},
		{team(state.TeamChange{Op: state.TeamTransfer, Team: 3, Accounts: bob}), `{"eventType":13,"tid":"3","operator":"alice",` + asker + `,"members":["bob"],"leave":false}`},
		{team(state.TeamChange{Op: state.TeamKick, Team: 3, Accounts: bob}), `{"eventType":14,"tid":"3","operator":"alice",` + asker + `,"members":["bob"]}`},
		{team(state.TeamChange{Op: state.TeamUpdate, Team: 3, Info: &wire.TeamChanges{Announcement: proto.String("")}}), `{"eventType":15,"tid":"3","operator":"alice",` + asker + `,"announcement":""}`},
		{team(state.TeamChange{Op: state.TeamMuteAll, Team: 3, Mute: wire.TeamMute_TEAM_MUTE_ALL}), `{"eventType":15,"tid":"3","operator":"alice",` + asker + `,"teamMuteType":3}`},
		{team(state.TeamChange{Op: state.TeamSettings, Team: 3, Accounts: []string{"alice"}, Member: &wire.TeamMemberChanges{Nick: proto.String("Al")}}), `{"eventType":16,"tid":"3","operator":"alice",` + asker + `,"nick":"Al"}`},
		{team(state.TeamChange{Op: state.TeamSettings, Team: 3, Accounts: bob, Member: &wire.TeamMemberChanges{Nick: proto.String("B")}}), `{"eventType":17,"tid":"3","operator":"alice",` + asker + `,"members":["bob"],"nick":"B"}`},
		{team(state.TeamChange{Op: state.TeamSettings, Team: 3, Accounts: []string{"alice"}, Member: &wire.TeamMemberChanges{NotifyOff: proto.Bool(true)}}), ""},
		{team(state.TeamChange{Op: state.TeamMuteMembers, Team: 3, Accounts: bob, Flag: true}), `{"eventType":18,"tid":"3","operator":"alice",` + asker + `,"members":["bob"],"mute":true}`},
		{team(state.TeamChange{Op: state.TeamJoin, Team: 3, Note: "please"}), `{"eventType":19,"tid":"3","operator":"alice",` + asker + `,"msg":"please"}`},
		{team(state.TeamChange{Op: state.TeamAnswer, Team: 3}), ""},
		{recall(wire.Scene_SCENE_P2P, "bob"), `{"eventType":35,"convType":"PERSON","fromAccount":"alice","to":"bob","msgFromAccount":"carol","msgidServer":"9","msgidClient":"c","msgTimestamp":4,"msgType":"TEXT","msg":"oops",` + asker + `}`},
		{recall(wire.Scene_SCENE_TEAM, "12"), `{"eventType":35,"convType":"TEAM","fromAccount":"alice","to":"12","msgFromAccount":"carol","msgidServer":"9","msgidClient":"c","msgTimestamp":4,"msgType":"TEXT","msg":"oops",` + asker + `}`},
		{friend(state.RelationAdd), `{"eventType":4,"accid":"alice","faccid":"bob","type":1,"msg":"hi",` + plain + `}`},
		{friend(state.RelationAsk), `{"eventType":4,"accid":"alice","faccid":"bob","type":2,"msg":"hi",` + plain + `}`},
		{friend(state.RelationAccept), `{"eventType":4,"accid":"alice","faccid":"bob","type":3,"msg":"hi",` + plain + `}`},
		{friend(state.RelationDelete), `{"eventType":5,"accid":"alice","faccid":"bob","msg":"hi",` + plain + `}`},
		{friend(state.RelationDecline), ""},
		{mega(message(state.CallbackTeamMessage, &wire.SendRequest{To: "12", ClientId: "c", Body: "hi"})),
			`{"eventType":22,"fromAccount":"alice","to":"12","fromClientType":"AOS","fromDeviceId":"d","msgTimestamp":5,"msgType":"TEXT","body":"hi","msgidClient":"c","ip":"192.0.2.1","port":"70"}`},
		{mega(team(state.TeamChange{Op: state.TeamInvite, Team: 3, Accounts: bob})), `{"eventType":23,"tid":"3","operator":"alice",` + asker + `,"superTeam":true,"inviteList":["bob"]}`},
		{mega(team(state.TeamChange{Op: state.TeamKick, Team: 3, Accounts: bob})), `{"eventType":24,"tid":"3","operator":"alice",` + asker + `,"superTeam":true,"members":["bob"]}`},
		{mega(team(state.TeamChange{Op: state.TeamDismiss, Team: 3})), `{"eventType":8,"tid":"3","operator":"alice",` + asker + `,"superTeam":true}`},
		{message(state.CallbackRoom, &wire.SendRequest{To: "r", ClientId: "c", Type: 100, Body: `{}`, Ext: "e"}),
			`{"roomId":"r","eventType":6,"fromAccount":"alice","fromClientType":"AOS","fromDeviceId":"d","msgTimestamp":5,"msgType":"CUSTOM","attach":"{}","ext":"e","msgidClient":"c","ip":"192.0.2.1","port":"70"}`},
		{other(state.CallbackRoomEntry, func(q *app.Question) { q.Room = "r" }), `{"eventType":1000,"roomId":"r","accid":"alice",` + plain + `}`},
		{other(state.CallbackProfile, func(q *app.Question) {
			q.Profile = &wire.UpdateProfileRequest{Name: proto.String("Al"), Gender: proto.Uint32(1), Sign: proto.String("")}
		}), `{"eventType":3,"account":"alice","name":"Al","sign":"","gender":1,` + plain + `}`},
	} {
		question, ok := questionOf(test.question)
		got, err := json.Marshal(question)
		if err != nil {
			t.Fatal(err)
		}
		if ok != (test.want != "") || ok && string(got) != test.want {
			t.Errorf("%v: %s\nwant %s", ok, got, test.want)
		}
	}
	if err := New(Options{}).Ask(t.Context(), tenant(1, "http://127.0.0.1:1"), team(state.TeamChange{Op: state.TeamAnswer})); err != nil {
		t.Errorf("what has no number is refused: %v", err)
	}
}
