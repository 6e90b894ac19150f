package app

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"google.golang.org/protobuf/proto"

	"github.com/yizhan-im/yizhan/appliance/state"
	"github.com/yizhan-im/yizhan/appliance/wire"
)

// room makes a registered room of creator.
func (w *world) room(creator string) (name string, number uint64) {
	w.t.Helper()
	w.account(creator)
	res := w.change(&state.RoomChange{
		Op: state.RoomCreate, By: creator, ClientID: fmt.Sprint(time.Now().UnixNano()), Info: &wire.RoomChanges{Name: proto.String("room")},
	})
	return state.RoomID(res.Room), res.Room
}

func (w *world) change(c *state.RoomChange) *state.RoomResult {
	w.t.Helper()
	res, err := w.app.ChangeRoom(w.t.Context(), w.tenant.AppKey, c)
	if err != nil {
		w.t.Fatalf("op %d: %v", c.Op, err)
	}
	return res
}

func (p *peer) enters(room string) *wire.EnterRoomResponse {
	p.t.Helper()
	out := new(wire.EnterRoomResponse)
	p.ok(wire.CmdEnterRoom, &wire.EnterRoomRequest{Room: room, Ext: "ext"}, out)
	return out
}

func (p *peer) notice(kind wire.RoomNoticeKind, by string, accounts ...string) *wire.RoomNoticePush {
	p.t.Helper()
	got := new(wire.RoomNoticePush)
	p.push(wire.PushRoomNotice, got)
	if got.Kind != kind || got.By != by || !slices.Equal(got.Accounts, accounts) {
		p.t.Errorf("notice %v, want kind %v by %q about %v", got, kind, by, accounts)
	}
	return got
}

func (p *peer) putOut(room string, reason wire.RoomOutReason) {
	p.t.Helper()
	var got wire.RoomOutPush
	p.push(wire.PushRoomOut, &got)
	if got.Room != room || got.Reason != reason {
		p.t.Errorf("out: %v, want reason %v", &got, reason)
	}
}

const (
	noticeEntered = wire.RoomNoticeKind_ROOM_NOTICE_ENTERED
	noticeExited  = wire.RoomNoticeKind_ROOM_NOTICE_EXITED
	noticeMember  = wire.RoomNoticeKind_ROOM_NOTICE_MEMBER
	noticeQueue   = wire.RoomNoticeKind_ROOM_NOTICE_QUEUE
)

func TestARegisteredRoomAnnouncesAndCarriesMessages(t *testing.T) {
	w := newNode(t).newTenant(t, state.Limits{RoomsPerSession: 2})
	name, _ := w.room("ann")
	ann, bob := w.login("ann"), w.login("bob")
	in := ann.enters(name)
	if in.Members != 1 || in.Info.GetCreator() != "ann" || in.Self.GetRole() != wire.RoomRole_ROOM_ROLE_CREATOR || !in.Self.Online || in.Self.Ext != "ext" {
		t.Errorf("entered: %v", in)
	}
	ann.notice(noticeEntered, "ann", "ann")
	bob.ok(wire.CmdEnterRoom, &wire.EnterRoomRequest{Room: name, Nick: "Bobby", NotifyExt: "hi"}, nil)
	for _, p := range []*peer{ann, bob} {
		if got := p.notice(noticeEntered, "bob", "bob"); got.Members != 2 || got.Member.GetNick() != "Bobby" || got.Ext != "hi" || got.Id == 0 {
			t.Errorf("notice: %v", got)
		}
	}
	bob.enters(name) // again: nobody is told
	bob.ok(wire.CmdSendRoom, inRoom(name, "hello"), nil)
	var got wire.RoomMessagePush
	ann.push(wire.PushRoomMessage, &got)
	if got.Body != "hello" || got.FromExt != "ext" {
		t.Errorf("message: %v", &got)
	}
	// A second device of bob is not announced, and its end neither.
	desk := w.loginOn("bob", "desk", wire.Platform_PLATFORM_PC)
	desk.enters(name)
	desk.ok(wire.CmdExitRoom, &wire.ExitRoomRequest{Room: name}, nil)
	bob.ok(wire.CmdEnterRoom, &wire.EnterRoomRequest{Room: "open"}, nil)
	bob.refused(wire.CodeCountLimit, wire.CmdEnterRoom, &wire.EnterRoomRequest{Room: "third"})
	bob.ok(wire.CmdLogout, new(wire.LogoutRequest), nil)
	if got := ann.notice(noticeExited, "bob", "bob"); got.Members != 1 || got.Member.Online {
		t.Errorf("exit: %v", got)
	}
	// Quiet rooms announce nobody.
	w.change(&state.RoomChange{Op: state.RoomUpdate, Room: mustRoom(t, name), Info: &wire.RoomChanges{Quiet: proto.Bool(true)}})
	desk.enters(name)
	desk.ok(wire.CmdExitRoom, &wire.ExitRoomRequest{Room: name}, nil)
	ann.quiet()
	desk.refused(wire.CodeForbidden, wire.CmdRoomMembers, &wire.RoomMembersRequest{Room: name})
}

func mustRoom(t *testing.T, name string) uint64 {
	t.Helper()
	number, ok := state.ParseRoomID(name)
	if !ok {
		t.Fatalf("%q is no number", name)
	}
	return number
}

// TestRolesInARoomHoldAtOnce: whoever is inside feels a change of its role.
func TestRolesInARoomHoldAtOnce(t *testing.T) {
	w := newNode(t).newTenant(t, state.Limits{})
	name, number := w.room("ann")
	w.change(&state.RoomChange{Op: state.RoomUpdate, Room: number, Info: &wire.RoomChanges{Quiet: proto.Bool(true)}})
	ann, bob, carl := w.login("ann"), w.login("bob"), w.login("carl")
	for _, p := range []*peer{ann, bob, carl} {
		p.enters(name)
	}
	all := func(kind wire.RoomNoticeKind, by string, accounts ...string) (got *wire.RoomNoticePush) {
		t.Helper()
		for _, p := range []*peer{ann, bob, carl} {
			got = p.notice(kind, by, accounts...)
		}
		return got
	}
	role := func(p *peer, account string, op wire.RoomRoleOp, off bool) {
		t.Helper()
		p.ok(wire.CmdSetRoomRole, &wire.SetRoomRoleRequest{Room: name, Account: account, Op: op, Off: off}, nil)
	}
	bob.refused(wire.CodeForbidden, wire.CmdSetRoomRole, &wire.SetRoomRoleRequest{Room: name, Account: "carl", Op: wire.RoomRoleOp_ROOM_ROLE_OP_MUTE})
	bob.refused(wire.CodeForbidden, wire.CmdSendRoom, &wire.SendRoomRequest{Room: name, Body: "x", HighPriority: true})
	role(ann, "bob", wire.RoomRoleOp_ROOM_ROLE_OP_MANAGER, false)
	if got := all(noticeMember, "ann", "bob"); got.Member.Role != wire.RoomRole_ROOM_ROLE_MANAGER || !got.Member.Online {
		t.Errorf("manager: %v", got)
	}
	role(bob, "carl", wire.RoomRoleOp_ROOM_ROLE_OP_MUTE, false)
	all(noticeMember, "bob", "carl")
	carl.refused(wire.CodeRoomMuted, wire.CmdSendRoom, inRoom(name, "x"))
	role(bob, "carl", wire.RoomRoleOp_ROOM_ROLE_OP_MUTE, true)
	all(noticeMember, "bob", "carl")

	bob.ok(wire.CmdMuteRoomMember, &wire.MuteRoomMemberRequest{Room: name, Account: "carl", Seconds: 60, Notify: true}, nil)
	all(noticeMember, "bob", "carl")
	carl.refused(wire.CodeRoomMuted, wire.CmdSendRoom, inRoom(name, "x"))
	w.shift.Add(int64(61 * time.Second))
	carl.ok(wire.CmdSendRoom, inRoom(name, "again"), nil)
	ann.wantRoomMessage("again")
	bob.wantRoomMessage("again")

	ann.ok(wire.CmdMuteRoom, &wire.MuteRoomRequest{Room: name, Muted: true, Notify: true}, nil)
	if got := all(wire.RoomNoticeKind_ROOM_NOTICE_MUTED, "ann"); !got.Info.GetMuted() {
		t.Errorf("muted: %v", got)
	}
	carl.refused(wire.CodeRoomAllMuted, wire.CmdSendRoom, inRoom(name, "x"))
	bob.ok(wire.CmdSendRoom, &wire.SendRoomRequest{Room: name, Body: "managers may", HighPriority: true}, nil)
	ann.wantRoomMessage("managers may")
	carl.wantRoomMessage("managers may")
	ann.ok(wire.CmdUpdateRoom, &wire.UpdateRoomRequest{Room: name, Changes: &wire.RoomChanges{Announcement: proto.String("news")}, Notify: true}, nil)
	all(wire.RoomNoticeKind_ROOM_NOTICE_UPDATED, "ann")
	ann.refused(wire.CodeForbidden, wire.CmdUpdateRoom, &wire.UpdateRoomRequest{Room: name, Changes: &wire.RoomChanges{Quiet: proto.Bool(false)}})

	bob.refused(wire.CodeForbidden, wire.CmdKickRoom, &wire.KickRoomRequest{Room: name, Account: "ann"})
	carl.refused(wire.CodeForbidden, wire.CmdKickRoom, &wire.KickRoomRequest{Room: name, Account: "bob"})
	bob.ok(wire.CmdKickRoom, &wire.KickRoomRequest{Room: name, Account: "carl"}, nil)
	carl.putOut(name, wire.RoomOutReason_ROOM_OUT_KICKED)
	ann.notice(wire.RoomNoticeKind_ROOM_NOTICE_KICKED, "bob", "carl")
	bob.notice(wire.RoomNoticeKind_ROOM_NOTICE_KICKED, "bob", "carl")
	bob.refused(wire.CodeNotFound, wire.CmdKickRoom, &wire.KickRoomRequest{Room: name, Account: "carl"})
	carl.refused(wire.CodeForbidden, wire.CmdSendRoom, inRoom(name, "x"))

	carl.enters(name)
	role(bob, "carl", wire.RoomRoleOp_ROOM_ROLE_OP_BLOCK, false)
	carl.putOut(name, wire.RoomOutReason_ROOM_OUT_BLOCKED)
	carl.refused(wire.CodeRoomBlocked, wire.CmdEnterRoom, &wire.EnterRoomRequest{Room: name})
	ann.notice(noticeMember, "bob", "carl")
	bob.notice(noticeMember, "bob", "carl")

	bob.refused(wire.CodeForbidden, wire.CmdCloseRoom, &wire.CloseRoomRequest{Room: name})
	ann.ok(wire.CmdCloseRoom, &wire.CloseRoomRequest{Room: name}, nil)
	ann.putOut(name, wire.RoomOutReason_ROOM_OUT_CLOSED)
	bob.putOut(name, wire.RoomOutReason_ROOM_OUT_CLOSED)
	bob.refused(wire.CodeRoomClosed, wire.CmdEnterRoom, &wire.EnterRoomRequest{Room: name})
	ann.ok(wire.CmdCloseRoom, &wire.CloseRoomRequest{Room: name, Open: true}, nil)
	bob.enters(name)
}

func TestTheQueueOfARoom(t *testing.T) {
	w := newNode(t).newTenant(t, state.Limits{})
	name, number := w.room("ann")
	w.change(&state.RoomChange{Op: state.RoomUpdate, Room: number, Info: &wire.RoomChanges{Quiet: proto.Bool(true)}})
	ann, bob := w.login("ann"), w.login("bob")
	ann.enters(name)
	offer := func(key string, transient bool) *wire.OfferRoomQueueRequest {
		return &wire.OfferRoomQueueRequest{Room: name, Elements: []*wire.RoomElement{{Key: key, Value: "v", Transient: transient}}}
	}
	bob.refused(wire.CodeForbidden, wire.CmdOfferRoomQueue, offer("a", false)) // is not inside
	bob.enters(name)
	bob.ok(wire.CmdOfferRoomQueue, offer("a", false), nil)
	bob.ok(wire.CmdOfferRoomQueue, offer("b", true), nil)
	for range 2 {
		if got := ann.notice(noticeQueue, "bob"); got.QueueOp != wire.RoomQueueOp_ROOM_QUEUE_OFFERED || got.Elements[0].Owner != "bob" {
			t.Errorf("offered: %v", got)
		}
	}
	var polled wire.PollRoomQueueResponse
	ann.ok(wire.CmdPollRoomQueue, &wire.PollRoomQueueRequest{Room: name}, &polled)
	if polled.Element.GetKey() != "a" {
		t.Errorf("polled %v", &polled)
	}
	ann.notice(noticeQueue, "ann")
	ann.refused(wire.CodeNotFound, wire.CmdPollRoomQueue, &wire.PollRoomQueueRequest{Room: name, Key: "a"})
	var list wire.RoomQueueResponse
	ann.ok(wire.CmdRoomQueue, &wire.RoomQueueRequest{Room: name}, &list)
	if len(list.Elements) != 1 || list.Elements[0].Key != "b" {
		t.Errorf("queue: %v", &list)
	}
	// The transient element goes with its owner.
	bob.ok(wire.CmdLogout, new(wire.LogoutRequest), nil)
	if got := ann.notice(noticeQueue, "bob"); got.QueueOp != wire.RoomQueueOp_ROOM_QUEUE_LEFT || got.Elements[0].Key != "b" {
		t.Errorf("left: %v", got)
	}
	// It goes with the last of the owner's devices, also if that came later.
	phone := w.login("bob")
	phone.enters(name)
	phone.ok(wire.CmdOfferRoomQueue, offer("e", true), nil)
	ann.notice(noticeQueue, "bob")
	desk := w.loginOn("bob", "desk", wire.Platform_PLATFORM_PC)
	desk.enters(name)
	phone.ok(wire.CmdLogout, new(wire.LogoutRequest), nil)
	desk.ok(wire.CmdLogout, new(wire.LogoutRequest), nil)
	if got := ann.notice(noticeQueue, "bob"); got.QueueOp != wire.RoomQueueOp_ROOM_QUEUE_LEFT || got.Elements[0].Key != "e" {
		t.Errorf("left with the second device: %v", got)
	}
	ann.ok(wire.CmdOfferRoomQueue, offer("c", false), nil)
	ann.notice(noticeQueue, "ann")
	ann.ok(wire.CmdDropRoomQueue, &wire.DropRoomQueueRequest{Room: name}, nil)
	ann.notice(noticeQueue, "ann")
	// What somebody who is elsewhere is given goes at once.
	w.change(&state.RoomChange{Op: state.RoomQueueOffer, By: "bob", Room: number, Elements: []*wire.RoomElement{{Key: "d", Transient: true}}})
	ann.notice(noticeQueue, "bob")
	ann.notice(noticeQueue, "bob")
	if left, err := w.app.RoomQueue(t.Context(), w.tenant.AppKey, number, nil); err != nil || len(left) != 0 {
		t.Errorf("left: %v, %v", left, err)
	}
}

func TestHistoryAndRecallInARoom(t *testing.T) {
	w := newNode(t).newTenant(t, state.Limits{})
	name, number := w.room("ann")
	w.change(&state.RoomChange{Op: state.RoomUpdate, Room: number, Info: &wire.RoomChanges{Quiet: proto.Bool(true)}})
	ann, bob := w.login("ann"), w.login("bob")
	ann.enters(name)
	bob.enters(name)
	var sent wire.SendRoomResponse
	bob.ok(wire.CmdSendRoom, inRoom(name, "one"), &sent)
	bob.ok(wire.CmdSendRoom, &wire.SendRoomRequest{Room: name, Body: "not kept", SkipHistory: true}, nil)
	out, abandoned, err := w.app.SendToRoom(t.Context(), w.tenant.AppKey, &RoomMessage{Room: number, From: "ann", ClientID: "b1", Body: "two"})
	if err != nil || abandoned {
		t.Fatal(out, abandoned, err)
	}
	for _, body := range []string{"one", "not kept", "two"} {
		ann.wantRoomMessage(body)
	}
	bob.wantRoomMessage("two")
	if _, abandoned, err := w.app.SendToRoom(t.Context(), w.tenant.AppKey, &RoomMessage{Room: number, From: "ann", Body: "to bob", To: []string{"bob", "carl"}}); err != nil || abandoned {
		t.Fatal(abandoned, err)
	}
	bob.wantRoomMessage("to bob")
	ann.quiet()

	if err := w.app.roomLog.flush(t.Context()); err != nil {
		t.Fatal(err)
	}
	var history wire.RoomHistoryResponse
	bob.ok(wire.CmdRoomHistory, &wire.RoomHistoryRequest{Room: name}, &history)
	if len(history.Messages) != 2 || history.Messages[0].Body != "two" || history.Messages[1].Body != "one" {
		t.Fatalf("history: %v", &history)
	}
	bob.refused(wire.CodeForbidden, wire.CmdRecallRoom, &wire.RecallRoomRequest{Room: name, Id: out.Id})
	bob.ok(wire.CmdRecallRoom, &wire.RecallRoomRequest{Room: name, Id: sent.Id}, nil)
	for _, p := range []*peer{ann, bob} {
		if got := p.notice(wire.RoomNoticeKind_ROOM_NOTICE_RECALLED, "bob", "bob"); got.MessageId != sent.Id || got.MessageTimeMs != sent.TimeMs {
			t.Errorf("recalled: %v", got)
		}
	}
	if err := w.app.RecallFromRoom(t.Context(), w.tenant.AppKey, "", number, out.TimeMs, "ann", "b1", "", false); err != nil {
		t.Error(err)
	}
	if left, err := w.app.RoomHistory(t.Context(), w.tenant.AppKey, number, 0, false, 10, nil); err != nil || len(left) != 0 {
		t.Errorf("left: %v, %v", left, err)
	}
	if _, abandoned, err := w.app.SendToRoom(t.Context(), w.tenant.AppKey, &RoomMessage{Room: number, From: "ann", Body: "chance", AbandonRatio: 10_000}); err != nil || !abandoned {
		t.Errorf("abandoned: %v, %v", abandoned, err)
	}
}

func TestMembersOfARoom(t *testing.T) {
	w := newNode(t).newTenant(t, state.Limits{})
	name, number := w.room("ann")
	ann, bob := w.login("ann"), w.login("bob")
	for _, account := range []string{"carl", "dave", "robot"} {
		w.account(account)
	}
	ann.enters(name)
	w.shift.Add(int64(time.Second))
	bob.enters(name)
	w.change(&state.RoomChange{Op: state.RoomSetRole, By: "ann", Room: number, Accounts: []string{"carl"}, Role: wire.RoomRoleOp_ROOM_ROLE_OP_FIXED, Flag: true})
	w.change(&state.RoomChange{Op: state.RoomRobots, Room: number, Accounts: []string{"robot"}, Flag: true})
	list := func(in *wire.RoomMembersRequest) (names []string) {
		t.Helper()
		in.Room = name
		var out wire.RoomMembersResponse
		ann.ok(wire.CmdRoomMembers, in, &out)
		for _, m := range out.Members {
			names = append(names, m.Account)
		}
		slices.Sort(names)
		return names
	}
	for kind, want := range map[wire.RoomMembersKind][]string{
		wire.RoomMembersKind_ROOM_MEMBERS_ONLINE:       {"ann", "bob", "robot"},
		wire.RoomMembersKind_ROOM_MEMBERS_FIXED:        {"ann", "carl"},
		wire.RoomMembersKind_ROOM_MEMBERS_FIXED_ONLINE: {"ann"},
		wire.RoomMembersKind_ROOM_MEMBERS_GUESTS:       {"bob", "robot"},
	} {
		if got := list(&wire.RoomMembersRequest{Kind: kind}); !slices.Equal(got, want) {
			t.Errorf("kind %v: %v, want %v", kind, got, want)
		}
	}
	if got := list(&wire.RoomMembersRequest{Accounts: []string{"bob", "carl", "dave"}}); !slices.Equal(got, []string{"bob", "carl"}) {
		t.Errorf("named: %v", got)
	}
	ann.ok(wire.CmdUpdateRoomSelf, &wire.UpdateRoomSelfRequest{Room: name, Nick: proto.String("Annie"), Save: true}, nil)
	bob.refused(wire.CodeForbidden, wire.CmdUpdateRoomSelf, &wire.UpdateRoomSelfRequest{Room: name, Nick: proto.String("B"), Save: true})
	ann.ok(wire.CmdExitRoom, &wire.ExitRoomRequest{Room: name}, nil)
	if in := ann.enters(name); in.Self.Nick != "Annie" {
		t.Errorf("saved: %v", in.Self)
	}
	var info wire.RoomInfoResponse
	ann.ok(wire.CmdRoomInfo, &wire.RoomInfoRequest{Room: name}, &info)
	if info.Members != 2 || info.Info.GetName() != "room" {
		t.Errorf("info: %v", &info)
	}
}

// TestARoomThatIsRegisteredWhileItIsOpen: its members must enter again.
func TestARoomThatIsRegisteredWhileItIsOpen(t *testing.T) {
	n := newNode(t)
	w := n.newTenant(t, state.Limits{RoomsPerSession: 64})
	_, number := w.room("ann") // the next number is not far
	bob := w.login("bob")
	for i := range uint64(40) {
		bob.enter(state.RoomID(number+1+i), 1)
	}
	next, _ := w.room("ann")
	bob.putOut(next, wire.RoomOutReason_ROOM_OUT_REGISTERED)
	bob.refused(wire.CodeForbidden, wire.CmdSendRoom, inRoom(next, "x"))
	bob.enters(next)
}

func TestOpenRoomsCanBeSwitchedOff(t *testing.T) {
	w := shared.newTenant(t, state.Limits{OpenRooms: state.OpenRoomsOff})
	p := w.login("alice")
	p.refused(wire.CodeNotFound, wire.CmdEnterRoom, &wire.EnterRoomRequest{Room: "lobby"})
	p.refused(wire.CodeNotFound, wire.CmdEnterRoom, &wire.EnterRoomRequest{Room: "12345678"})
	name, _ := w.room("alice")
	p.enters(name)
}

func TestARoomClosesByItself(t *testing.T) {
	n := newNode(t)
	w := n.newTenant(t, state.Limits{})
	at, number := w.room("ann")
	w.change(&state.RoomChange{Op: state.RoomUpdate, Room: number, Info: &wire.RoomChanges{DelayClose: proto.Uint32(state.RoomClosesAt), DelaySeconds: proto.Uint32(60)}})
	empty, number2 := w.room("ann")
	w.change(&state.RoomChange{Op: state.RoomUpdate, Room: number2, Info: &wire.RoomChanges{DelayClose: proto.Uint32(state.RoomClosesEmpty), DelaySeconds: proto.Uint32(30)}})
	ann, bob := w.login("ann"), w.login("bob")
	ann.enters(at)
	ann.notice(noticeEntered, "ann", "ann")
	bob.enters(empty)
	bob.ok(wire.CmdExitRoom, &wire.ExitRoomRequest{Room: empty}, nil)
	n.shift.Add(int64(61 * time.Second))
	n.app.closeRooms()
	ann.putOut(at, wire.RoomOutReason_ROOM_OUT_CLOSED)
	ann.refused(wire.CodeRoomClosed, wire.CmdEnterRoom, &wire.EnterRoomRequest{Room: at})
	if res := w.change(&state.RoomChange{Op: state.RoomMute, Room: number2}); !res.Info.Closed { // applied behind it
		t.Error("the empty room is open")
	}
}

// TestWhoIsMutedInARoomTellsNothing by other ways than messages either.
func TestWhoIsMutedInARoomTellsNothing(t *testing.T) {
	w := newNode(t).newTenant(t, state.Limits{})
	name, number := w.room("ann")
	ann, bob := w.login("ann"), w.login("bob")
	ann.enters(name)
	ann.notice(noticeEntered, "ann", "ann")
	bob.enters(name)
	for _, p := range []*peer{ann, bob} {
		p.notice(noticeEntered, "bob", "bob")
	}
	own := map[wire.Command]wire.Body{
		wire.CmdUpdateRoomSelf: &wire.UpdateRoomSelfRequest{Room: name, Nick: proto.String("b"), Notify: true, NotifyExt: "words"},
		wire.CmdSetRoomTags:    &wire.SetRoomTagsRequest{Room: name, Tags: []string{"x"}, Notify: true},
		wire.CmdOfferRoomQueue: &wire.OfferRoomQueueRequest{Room: name, Elements: []*wire.RoomElement{{Key: "k"}}, NotifyExt: "words"},
	}
	refused := func(code wire.Code) {
		t.Helper()
		for cmd, in := range own {
			bob.refused(code, cmd, in)
		}
	}
	w.change(&state.RoomChange{Op: state.RoomMute, Room: number, Flag: true})
	refused(wire.CodeRoomAllMuted)
	w.change(&state.RoomChange{Op: state.RoomMute, Room: number})
	w.change(&state.RoomChange{Op: state.RoomTempMute, By: "ann", Room: number, Accounts: []string{"bob"}, Number: 60})
	refused(wire.CodeRoomMuted)
	bob.ok(wire.CmdExitRoom, &wire.ExitRoomRequest{Room: name}, nil)
	ann.notice(noticeExited, "bob", "bob")
	bob.ok(wire.CmdEnterRoom, &wire.EnterRoomRequest{Room: name, NotifyExt: "words"}, nil)
	for _, p := range []*peer{ann, bob} {
		if got := p.notice(noticeEntered, "bob", "bob"); got.Ext != "" {
			t.Errorf("told %q", got.Ext)
		}
	}
	// Without words of his own he may still queue.
	bob.ok(wire.CmdOfferRoomQueue, &wire.OfferRoomQueueRequest{Room: name, Elements: []*wire.RoomElement{{Key: "k"}}}, nil)
	ann.notice(noticeQueue, "bob")
	ann.ok(wire.CmdSetRoomTags, &wire.SetRoomTagsRequest{Room: name, Tags: []string{"x"}, Notify: true}, nil)
}

// TestElementsGoWithTheirOwnersWhenARoomCloses: nobody waits in its queue when it is
// opened again.
func TestElementsGoWithTheirOwnersWhenARoomCloses(t *testing.T) {
	n := newNode(t)
	w := n.newTenant(t, state.Limits{})
	name, number := w.room("ann")
	bob := w.login("bob")
	bob.enters(name)
	bob.ok(wire.CmdOfferRoomQueue, &wire.OfferRoomQueueRequest{Room: name, Elements: []*wire.RoomElement{{Key: "a", Transient: true}, {Key: "b"}}}, nil)
	n.settle(t) // bob is marked as one who takes elements along
	w.change(&state.RoomChange{Op: state.RoomOpen, By: "ann", Room: number})
	for began := time.Now(); ; n.settle(t) {
		left, err := w.app.RoomQueue(t.Context(), w.tenant.AppKey, number, nil)
		if err != nil {
			t.Fatal(err)
		}
		if len(left) == 1 && left[0].Key == "b" {
			return
		}
		if time.Since(began) > patience {
			t.Fatalf("left: %v", left)
		}
	}
}

// TestARoomThatWasEmptiedByForceCloses: nobody has left it of his own will.
func TestARoomThatWasEmptiedByForceCloses(t *testing.T) {
	for name, putOut := range map[string]func(ann *peer, room string){
		"kicked": func(ann *peer, room string) {
			ann.ok(wire.CmdKickRoom, &wire.KickRoomRequest{Room: room, Account: "bob"}, nil)
		},
		"blocked": func(ann *peer, room string) {
			ann.ok(wire.CmdSetRoomRole, &wire.SetRoomRoleRequest{Room: room, Account: "bob", Op: wire.RoomRoleOp_ROOM_ROLE_OP_BLOCK}, nil)
		},
	} {
		n := newNode(t)
		w := n.newTenant(t, state.Limits{})
		room, number := w.room("ann")
		w.change(&state.RoomChange{Op: state.RoomUpdate, Room: number, Info: &wire.RoomChanges{DelayClose: proto.Uint32(state.RoomClosesEmpty), DelaySeconds: proto.Uint32(30)}})
		ann, bob := w.login("ann"), w.login("bob")
		bob.enters(room)
		bob.notice(noticeEntered, "bob", "bob")
		putOut(ann, room)
		bob.push(wire.PushRoomOut, new(wire.RoomOutPush))
		n.settle(t)
		n.shift.Add(int64(31 * time.Second))
		n.app.closeRooms()
		if res := w.change(&state.RoomChange{Op: state.RoomMute, Room: number}); !res.Info.Closed { // applied behind it
			t.Errorf("%s: the room is open", name)
		}
	}
}

// TestTheRoomLogIsBounded: what does not fit is dropped and counted, and what
// fails too.
func TestTheRoomLogIsBounded(t *testing.T) {
	reg := prometheus.NewRegistry()
	begun, goOn := make(chan int, 10), make(chan error)
	l := newRoomLog(t.Context(), func(_ context.Context, c *state.RoomLog) error {
		begun <- len(c.Entries)
		return <-goOn
	}, time.Now, reg)
	tenant := &state.Tenant{ID: 1}
	p := &wire.RoomMessagePush{Room: "1", Body: string(make([]byte, 20_000))}
	l.add(tenant, 1, p)
	l.hasten()
	if n := <-begun; n != 1 {
		t.Errorf("%d messages", n)
	}
	fit := logQueue / (p.SizeVT() + state.RoomLogOverhead)
	for range fit + 7 {
		l.add(tenant, 1, p)
	}
	go func() {
		goOn <- errors.New("the store is busy")
		for range begun {
			goOn <- nil
		}
	}()
	l.close()
	close(begun)
	l.add(tenant, 1, p)
	families, _ := reg.Gather()
	if got := families[0].GetMetric()[0].GetCounter().GetValue(); got != 1+7+1 {
		t.Errorf("%v dropped, want 9", got)
	}
}
