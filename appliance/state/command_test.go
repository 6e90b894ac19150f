package state

import (
	"bytes"
	"reflect"
	"strings"
	"testing"

	"google.golang.org/protobuf/proto"

	"github.com/yizhan-im/yizhan/appliance/wire"
)

// fullLimits has another number in every field.
func fullLimits() Limits {
	return Limits{DevicePolicy: 1, RequestsPerSecond: 2, RequestBurst: 3, APIPerSecond: 4, RecallSeconds: 5, MaxBodyBytes: 6, MaxFriends: 7, MaxListed: 8, MaxTeamMembers: 9, MaxTeams: 10, PresenceMode: 2, UserSearch: 3, MaxSubscriptions: 13, EventDays: 14, EventCount: 15, RetentionDays: 16, RetentionMessages: 17, RoomsPerSession: 18, OpenRooms: 1, MaxRooms: 20, RoomHistory: 21, RoomHistoryDays: 22, EditSeconds: 23, NotifyMode: 2, FileDays: 24, FileMiB: 25, AccountFileMiB: 26}
}

// fullCommands has one of each kind with every field set.
func fullCommands() []command {
	limits := fullLimits()
	hash := HashToken("app", "a", "token")
	return append(fullPresenceCommands(), []command{
		&CreateTenant{TimeMs: testTime, AppKey: "app", Secret: "secret", Name: "name", Limits: limits},
		&UpdateTenant{TimeMs: testTime, AppKey: "app", Secret: proto.String("new"), Name: proto.String(""), Limits: &limits},
		&UpdateTenant{TimeMs: testTime, AppKey: "app"},
		&SetCallback{TimeMs: testTime, AppKey: "app", Callback: Callback{URL: "https://a/b", Events: 1 << 31, FailClosed: true, TimeoutMs: 5}},
		&Upgrade{TimeMs: testTime, To: Format},
		&CreateAccount{TimeMs: testTime, Tenant: 1, Account: "a", TokenHash: hash, Profile: &wire.Profile{Name: "Ann"}},
		&SetToken{TimeMs: testTime, Tenant: 1, Account: "a", TokenHash: hash},
		&SetBlocked{TimeMs: testTime, Tenant: 1, Account: "a", Blocked: true, Kick: true},
		&UpdateProfile{TimeMs: testTime, Tenant: 1, Account: "a", Update: &wire.UpdateProfileRequest{Name: proto.String("")}},
		&RecordLogin{TimeMs: testTime, Tenant: 1, Account: "a", DeviceID: "phone", Platform: wire.Platform_PLATFORM_IOS},
		text(testTime, 1, "a", "b", "id", "hello"),
		&Recall{
			TimeMs: testTime, Tenant: 1, Session: 2, From: "a", Peer: "b", Seq: 3, ClientID: "id", Note: "note",
			WindowMs: 4, FromPlatform: wire.Platform_PLATFORM_MAC, FromDevice: "desk",
		},
		&Read{TimeMs: testTime, Tenant: 1, Session: 2, Reader: "a", Peer: "b", Seq: 3},
		&Ack{TimeMs: testTime, Tenant: 1, Account: "a", DeviceID: "phone", Version: 9},
		&RelationChange{
			Op: RelationUpdate, TimeMs: testTime, Tenant: 1, Session: 2, Account: "a", Peer: "b", Backend: true, On: true, Forget: true,
			Note: "note", Alias: proto.String(""), Ex: proto.String("ex"), ServerEx: proto.String("server"), Limit: 3,
		},
		&RelationChange{Op: RelationMute, TimeMs: testTime, Tenant: 1, Account: "a", Peer: "b"},
		&SetFriendMode{TimeMs: testTime, Tenant: 1, Session: 2, Account: "a", Mode: wire.FriendMode_FRIEND_MODE_NOBODY},
		&StoragePut{TimeMs: testTime, Key: "a/b", Value: []byte("value")},
		&StorageDelete{TimeMs: testTime, Key: "a/b"},
		&StorageLock{TimeMs: testTime, Name: "x", Owner: StorageOwner{"n1", 2, 3}, LeaseMs: 4, Renew: true},
		&StorageUnlock{TimeMs: testTime, Name: "x", Owner: StorageOwner{"n1", 2, 3}},
		&Recall{
			TimeMs: testTime, Tenant: 1, Session: 2, From: "a", Team: 300, Seq: 3, ClientID: "id", Note: "note",
			WindowMs: 4, FromPlatform: wire.Platform_PLATFORM_MAC, FromDevice: "desk",
		},
		&Read{TimeMs: testTime, Tenant: 1, Session: 2, Reader: "a", Team: 300, Seq: 3},
		&RecordLogin{Track: true, TimeMs: testTime, Tenant: 1, Account: "a", DeviceID: "phone", Platform: wire.Platform_PLATFORM_IOS},
		&MessageChange{
			Op: MessageEdit, TimeMs: testTime, Tenant: 1, Session: 2, From: "a", Peer: "b", Seq: 3, ClientID: "id", Body: "body", Ext: "ext",
			WindowMs: 4, FromPlatform: wire.Platform_PLATFORM_MAC, FromDevice: "desk",
		},
		&MessageChange{Op: MessageReact, TimeMs: testTime, Tenant: 1, From: "a", Team: 300, Seq: 3, Emoji: "👍", Undo: true},
		&MessageChange{Op: MessageErase, TimeMs: testTime, Tenant: 1, From: "a", Peer: "b", Seq: 3},
		&DeleteMessages{TimeMs: testTime, Tenant: 1, Session: 2, Account: "a", Peer: "b", Seqs: []uint64{1, 300}},
		&DeleteMessages{TimeMs: testTime, Tenant: 1, Account: "a", Team: 300, Seqs: []uint64{3}},
		&ConversationChange{
			TimeMs: testTime, Tenant: 1, Session: 2, Account: "a", Peer: "b", Top: proto.Bool(true), Muted: proto.Bool(false), Marked: proto.Bool(true),
			Ext: proto.String("ext"), Remove: true, Clear: true, ClearSeq: 3,
		},
		&ConversationChange{TimeMs: testTime, Tenant: 1, Account: "a", Team: 300},
		&SetDoNotDisturb{TimeMs: testTime, Tenant: 1, Session: 2, Account: "a", On: proto.Bool(true), Desktop: proto.Bool(false), Quiet: &wire.QuietHours{From: 1, To: 2, UtcOffset: -3, Weekdays: 4}},
		&SetDoNotDisturb{TimeMs: testTime, Tenant: 1, Account: "a", NoQuiet: true},
		&ReadMany{TimeMs: testTime, Tenant: 1, Session: 2, Account: "a", Reads: []ReadOne{{Peer: "b", Seq: 3}, {Team: 300, Seq: 4}}},
		&MuteAccount{TimeMs: testTime, Tenant: 1, Account: "a", Mask: MuteAll, Set: MuteRoom},
		&CleanTeam{TimeMs: testTime, Tenant: 1, Team: 300},
		&Prune{TimeMs: testTime, Tenant: 1, Mark: []byte("x"), Logs: []PrunedLog{{A: "a", B: "b", Floor: 2}, {Team: 300, Floor: 3}}},
		&Notify{TimeMs: testTime, Tenant: 1, Session: 2, Notification: fullNotification()},
		&SendBroadcast{TimeMs: testTime, Tenant: 1, ClientID: "id", From: "a", Body: "body", Platforms: 3, Offline: true, TTLMs: 4},
		&DeleteBroadcast{TimeMs: testTime, Tenant: 1, ID: 300},
		&RemoveAccount{TimeMs: testTime, Tenant: 1, Account: "a", Erase: true},
		&RemovalStep{TimeMs: testTime, Tenant: 1, Account: "a", Stage: RemovalListed, Next: true, After: []byte("b"), Peers: []string{"b", "c"}, Rooms: []uint64{1, 300}},
		&RecreateAccount{TimeMs: testTime, Tenant: 1, Account: "a", TokenHash: hash, Profile: &wire.Profile{Name: "Ann"}},
		&StoreFile{TimeMs: testTime, Tenant: 1, Account: "a", ID: testFile(1), Size: 300, Type: "image/png", Tag: "tag", LifeMs: 4, MaxBytes: 5, MaxAccountBytes: 6},
		&RemoveFiles{TimeMs: testTime, Tenant: 1, IDs: []string{testFile(1), testFile(2)}},
		&DeleteFiles{TimeMs: testTime, Tenant: 1, FromMs: 2, ToMs: 300, Type: "image/png", Tag: "tag", Account: "a"},
		&EndFileJob{TimeMs: testTime, Tenant: 1, ID: 300},
		fullTeamChange(TeamCreate), fullTeamChange(TeamSettings), fullTeamChange(TeamKick),
	}...)
}

func fullTeamChange(op TeamOp) *TeamChange {
	c := &TeamChange{
		TimeMs: testTime, Tenant: 1, Session: 2, Op: op, By: "a", Team: 300, Backend: true, Direct: true, Flag: true,
		Mute: wire.TeamMute_TEAM_MUTE_ALL, Accounts: []string{"b", "c"}, ClientID: "id", Note: "note", MemberLimit: 3, TeamLimit: 4,
	}
	switch op {
	case TeamCreate:
		c.Info = &wire.TeamChanges{Name: proto.String("")}
	case TeamSettings:
		c.Member = &wire.TeamMemberChanges{NotifyOff: proto.Bool(false)}
	}
	return c
}

// decodeCommand decodes any command, or returns nil.
func decodeCommand(b []byte) command {
	kind, r := openCommand(b)
	if kind >= kindPresenceFirst && kind <= kindPresenceLast {
		return decodePresenceCommand(kind, &r)
	}
	accept := func(c command, ok bool) command {
		if !ok {
			return nil
		}
		return c
	}
	switch kind {
	case kindCreateTenant:
		c := new(CreateTenant)
		return accept(c, c.decode(&r))
	case kindUpdateTenant:
		c := new(UpdateTenant)
		return accept(c, c.decode(&r))
	case kindSetCallback:
		c := new(SetCallback)
		return accept(c, c.decode(&r))
	case kindUpgrade:
		c := new(Upgrade)
		return accept(c, c.decode(&r))
	case kindCreateAccount:
		c := new(CreateAccount)
		return accept(c, c.decode(&r))
	case kindSetToken:
		c := new(SetToken)
		return accept(c, c.decode(&r))
	case kindSetBlocked:
		c := new(SetBlocked)
		return accept(c, c.decode(&r))
	case kindUpdateProfile:
		c := new(UpdateProfile)
		return accept(c, c.decode(&r))
	case kindRecordLogin, kindRecordLoginNew:
		c := &RecordLogin{Track: kind == kindRecordLoginNew}
		return accept(c, c.decode(&r))
	case kindSend:
		c := &Send{Message: new(wire.Message)}
		encoded, ok := c.decode(&r)
		return accept(c, ok && c.Message.UnmarshalVTUnsafe(bytes.Clone(encoded)) == nil)
	case kindRecall:
		c := new(Recall)
		return accept(c, c.decode(&r))
	case kindRead:
		c := new(Read)
		return accept(c, c.decode(&r))
	case kindConversation:
		c := new(ConversationChange)
		return accept(c, c.decode(&r))
	case kindDoNotDisturb:
		c := new(SetDoNotDisturb)
		return accept(c, c.decode(&r))
	case kindReadMany:
		c := new(ReadMany)
		return accept(c, c.decode(&r))
	case kindMuteAccount:
		c := new(MuteAccount)
		return accept(c, c.decode(&r))
	case kindAck:
		c := new(Ack)
		return accept(c, c.decode(&r))
	case kindSetFriendMode:
		c := new(SetFriendMode)
		return accept(c, c.decode(&r))
	case kindStoragePut:
		c := new(StoragePut)
		return accept(c, c.decode(&r))
	case kindStorageDelete:
		c := new(StorageDelete)
		return accept(c, c.decode(&r))
	case kindStorageLock:
		c := new(StorageLock)
		return accept(c, c.decode(&r))
	case kindStorageUnlock:
		c := new(StorageUnlock)
		return accept(c, c.decode(&r))
	case kindNotify:
		c := new(Notify)
		return accept(c, c.decode(&r))
	case kindSendBroadcast:
		c := new(SendBroadcast)
		return accept(c, c.decode(&r))
	case kindDeleteBroadcast:
		c := new(DeleteBroadcast)
		return accept(c, c.decode(&r))
	case kindRemoveAccount:
		c := new(RemoveAccount)
		return accept(c, c.decode(&r))
	case kindRemovalStep:
		c := new(RemovalStep)
		return accept(c, c.decode(&r))
	case kindRecreateAccount:
		c := new(RecreateAccount)
		return accept(c, c.decode(&r))
	case kindStoreFile:
		c := new(StoreFile)
		return accept(c, c.decode(&r))
	case kindRemoveFiles:
		c := new(RemoveFiles)
		return accept(c, c.decode(&r))
	case kindDeleteFiles:
		c := new(DeleteFiles)
		return accept(c, c.decode(&r))
	case kindEndFileJob:
		c := new(EndFileJob)
		return accept(c, c.decode(&r))
	case kindRecallTeam:
		c := new(Recall)
		return accept(c, c.decodeTeam(&r))
	case kindReadTeam:
		c := new(Read)
		return accept(c, c.decodeTeam(&r))
	case kindCleanTeam:
		c := new(CleanTeam)
		return accept(c, c.decode(&r))
	}
	if kind >= kindMessageFirst && kind <= kindMessageLast {
		c := new(MessageChange)
		return accept(c, c.decode(kind, &r))
	}
	if kind == kindDeleteMessages {
		c := new(DeleteMessages)
		return accept(c, c.decode(&r))
	}
	if kind >= kindTeamFirst && kind <= kindTeamLast {
		c := new(TeamChange)
		return accept(c, c.decode(kind, &r))
	}
	if kind == kindPrune {
		c := new(Prune)
		return accept(c, c.decode(&r))
	}
	if kind >= kindRelationFirst && kind <= kindRelationLast {
		c := new(RelationChange)
		return accept(c, c.decode(kind, &r))
	}
	return nil
}

func TestCommandsSurviveEncoding(t *testing.T) {
	for _, c := range fullCommands() {
		encoded := c.Append(nil)
		decoded := decodeCommand(encoded)
		if decoded == nil {
			t.Errorf("%T cannot be decoded", c)
			continue
		}
		if again := decoded.Append(nil); reflect.TypeOf(c) != reflect.TypeOf(decoded) || !bytes.Equal(encoded, again) {
			t.Errorf("%+v came back as %+v", c, decoded)
		}
	}
}

// TestGarbledCommandsAreAnswered: a command that was cut short, or has a byte
// too many, or is of another version, changes nothing and gets the result of its
// kind with CodeBadProtocol.
func TestGarbledCommandsAreAnswered(t *testing.T) {
	n := newNode(t)
	n.setup("app", "a", "b")
	before := n.dump()
	for _, c := range fullCommands() {
		encoded := c.Append(nil)
		want := reflect.TypeOf(n.apply(raw(append(bytes.Clone(encoded[:1]), 99)))[0]) // another version
		garbled := []command{raw(encoded[:2]), raw(encoded[:5])}
		change, _ := c.(*TeamChange)
		switch c.(type) {
		case *StoragePut: // ends in a value, which may be anything
			garbled = append(garbled, raw(encoded[:len(encoded)-len("a/bvalue")]))
		case *Send, *Notify, *CreateAccount, *UpdateProfile: // end in protobuf, whose tail may be anything well formed
			garbled = append(garbled, raw(append(bytes.Clone(encoded), 0xff)), raw(encoded[:len(encoded)-1]))
		default:
			end := byte(0)
			if change != nil && (change.Info != nil || change.Member != nil) {
				end = 0xff // ends in protobuf too
			}
			garbled = append(garbled, raw(append(bytes.Clone(encoded), end)), raw(encoded[:len(encoded)-1]))
		}
		for _, g := range garbled {
			got := n.apply(g)[0]
			code := reflect.ValueOf(got).Elem().FieldByName("Code").Interface().(wire.Code)
			if code == wire.CodeOK || reflect.TypeOf(got) != want {
				t.Errorf("%T cut to %x: %+v", c, g, got)
			}
		}
	}
	for _, g := range []raw{{}, {0}, {250, 1}, {kindSend, commandVersion}} {
		n.apply(g)
	}
	long := text(testTime, 1, "a", "b", "long", strings.Repeat("x", MaxCommandBytes))
	if res := one[*SendResult](n, long); res.Code != wire.CodeBadProtocol {
		t.Errorf("a command over the limit: %v", res.Code)
	}
	if after := n.dump(); difference(before, after) != "" {
		t.Errorf("garbled commands changed:\n%s", difference(before, after))
	}
}

// TestStampIsCanonical: what the machine appends to a message is what the
// encoder would have written.
func TestStampIsCanonical(t *testing.T) {
	for _, v := range []uint64{1, 127, 128, 1 << 35, 1<<53 - 1} {
		m := &wire.Message{From: "a", To: "b", ClientId: "id", Body: "hello"}
		got := appendStamp(appendBody(nil, m), v, v+1, int64(v+2))
		m.Seq, m.Id, m.TimeMs = v, v+1, int64(v+2)
		if want := appendBody(nil, m); !bytes.Equal(got, want) {
			t.Errorf("stamp %d: %x, want %x", v, got, want)
		}
	}
}

// FuzzCommand: any bytes are refused or decoded, and what was decoded can be
// encoded and decoded again.
func FuzzCommand(f *testing.F) {
	for _, c := range fullCommands() {
		f.Add(c.Append(nil))
	}
	f.Add([]byte{})
	f.Fuzz(func(t *testing.T, b []byte) {
		c := decodeCommand(b)
		if c == nil {
			return
		}
		encoded := c.Append(nil)
		again := decodeCommand(encoded)
		if again == nil {
			t.Fatalf("%+v cannot be decoded again", c)
		}
		if !bytes.Equal(again.Append(nil), encoded) {
			t.Fatalf("%+v became %+v", c, again)
		}
	})
}
