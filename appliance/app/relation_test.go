package app

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/yizhan-im/yizhan/appliance/state"
	"github.com/yizhan-im/yizhan/appliance/wire"
)

// relationPush takes the next push, which must tell what its account holds of
// another one.
func (p *peer) relationPush() *wire.RelationPush {
	p.t.Helper()
	out := new(wire.RelationPush)
	p.push(wire.PushRelation, out)
	return out
}

// relations reads all the account's relations and its mode, page by page.
func (p *peer) relations(version uint64) (all map[string]*wire.Relation, last *wire.RelationsResponse) {
	p.t.Helper()
	all = map[string]*wire.Relation{}
	in := &wire.RelationsRequest{Version: version, Limit: 2}
	for {
		last = new(wire.RelationsResponse)
		p.ok(wire.CmdRelations, in, last)
		for _, r := range last.Relations {
			all[r.Account] = r
		}
		if !last.More {
			return all, last
		}
		in.Version, in.Floor = last.Version, last.Floor
	}
}

// TestFriendsThroughEveryMode is the matrix of modes and ways to approach.
func TestFriendsThroughEveryMode(t *testing.T) {
	for _, c := range []struct {
		mode wire.FriendMode
		ask  bool
		code wire.Code
	}{
		{wire.FriendMode_FRIEND_MODE_ANYONE, false, wire.CodeOK},
		{wire.FriendMode_FRIEND_MODE_ANYONE, true, wire.CodeOK},
		{wire.FriendMode_FRIEND_MODE_VERIFY, false, wire.CodeForbidden},
		{wire.FriendMode_FRIEND_MODE_VERIFY, true, wire.CodeOK},
		{wire.FriendMode_FRIEND_MODE_NOBODY, false, wire.CodeForbidden},
		{wire.FriendMode_FRIEND_MODE_NOBODY, true, wire.CodeForbidden},
	} {
		t.Run(fmt.Sprint(c.mode, " ask=", c.ask), func(t *testing.T) {
			w := shared.newTenant(t, state.Limits{})
			alice, bob := w.login("alice"), w.login("bob")
			bob.ok(wire.CmdSetFriendMode, &wire.SetFriendModeRequest{Mode: c.mode}, nil)
			in := &wire.AddFriendRequest{Account: "Bob", Ask: c.ask, Note: "it's me"}
			if c.code != wire.CodeOK {
				alice.refused(c.code, wire.CmdAddFriend, in)
				w.settle(t)
				bob.quiet()
				return
			}
			var out wire.AddFriendResponse
			alice.ok(wire.CmdAddFriend, in, &out)
			push := bob.relationPush()
			if out.Relation.Account != "bob" || push.Relation.Account != "alice" || push.By != "alice" || push.Note != "it's me" {
				t.Errorf("answer %v, push %v", &out, push)
			}
			if out.Relation.Friend == c.ask || push.Relation.Friend == c.ask {
				t.Errorf("friends at once: %v and %v, asked: %v", out.Relation.Friend, push.Relation.Friend, c.ask)
			}
			if c.ask && (out.Relation.Request != wire.FriendRequestState_FRIEND_REQUEST_SENT ||
				push.Relation.Request != wire.FriendRequestState_FRIEND_REQUEST_RECEIVED || push.Relation.RequestNote != "it's me") {
				t.Errorf("request: %v and %v", &out, push)
			}
		})
	}
}

// TestTwoDevicesConverge: each device of both accounts comes to hold the same,
// one by pushes, the other, which was offline, by sync at its login.
func TestTwoDevicesConverge(t *testing.T) {
	w := shared.newTenant(t, state.Limits{})
	alice := w.login("alice")
	tablet := w.loginOn("alice", "tablet", wire.Platform_PLATFORM_IOS)
	bob := w.login("bob")
	w.account("carol")

	alice.ok(wire.CmdAddFriend, &wire.AddFriendRequest{Account: "bob", Ask: true, Note: "please"}, nil)
	bob.relationPush()
	bob.ok(wire.CmdAnswerFriend, &wire.AnswerFriendRequest{Account: "alice", Note: "no"}, nil)
	alice.ok(wire.CmdAddFriend, &wire.AddFriendRequest{Account: "bob", Ask: true, Note: "pretty please"}, nil)
	bob.ok(wire.CmdAnswerFriend, &wire.AnswerFriendRequest{Account: "alice", Accept: true, Note: "well"}, nil)
	alias, ex := "Bobby", "{}"
	var updated wire.UpdateFriendResponse
	alice.ok(wire.CmdUpdateFriend, &wire.UpdateFriendRequest{Account: "bob", Alias: &alias, Ex: &ex}, &updated)
	tablet.ok(wire.CmdSetBlacklist, &wire.SetBlacklistRequest{Account: "carol", On: true}, nil)
	tablet.ok(wire.CmdSetMute, &wire.SetMuteRequest{Account: "carol", On: true}, nil)
	alice.ok(wire.CmdSetFriendMode, &wire.SetFriendModeRequest{Mode: wire.FriendMode_FRIEND_MODE_VERIFY}, nil)
	w.settle(t)

	want := []string{"sent please", "refused no", "sent pretty please", "friend ", "friend Bobby", "blacklisted ", "blacklisted muted "}
	phone, other := pushed(alice), pushed(tablet)
	if fmt.Sprint(other) != fmt.Sprint(want[:5]) {
		t.Errorf("the tablet was told %q, want %q", other, want[:5])
	}
	if own := []string{want[1], want[3], want[5], want[6]}; fmt.Sprint(phone) != fmt.Sprint(own) {
		t.Errorf("the phone was told %q, want %q", phone, own)
	}
	var mode wire.FriendModePush
	tablet.push(wire.PushFriendMode, &mode)
	if mode.Mode != wire.FriendMode_FRIEND_MODE_VERIFY {
		t.Errorf("mode %v", &mode)
	}

	// A device that was not there.
	desk := w.loginOn("alice", "desk", wire.Platform_PLATFORM_PC)
	var sync wire.SyncResponse
	desk.ok(wire.CmdSync, &wire.SyncRequest{}, &sync)
	all, last := desk.relations(0)
	if sync.RelationsVersion != last.Version || last.Version != mode.Version || last.FriendMode != mode.Mode {
		t.Errorf("sync %v, relations %v, mode %v", &sync, last, &mode)
	}
	if b := all["bob"]; !b.Friend || b.Alias != alias || b.Ex != ex || b.FriendMs == 0 || b.Version != updated.Relation.Version {
		t.Errorf("bob: %v", b)
	}
	if c := all["carol"]; !c.Blacklisted || !c.Muted || c.Friend {
		t.Errorf("carol: %v", c)
	}
	// It leaves, something changes, and it asks for the difference only.
	bob.ok(wire.CmdDeleteFriend, &wire.DeleteFriendRequest{Account: "alice"}, nil)
	difference, _ := desk.relations(last.Version)
	if b := difference["bob"]; len(difference) != 1 || b.Friend || b.Alias != alias {
		t.Errorf("the difference: %v", difference)
	}
	bob.ok(wire.CmdSync, &wire.SyncRequest{}, &sync)
	theirs, last := bob.relations(0)
	if len(theirs) != 0 || last.Version != sync.RelationsVersion {
		t.Errorf("bob holds %v of %v after %v", theirs, last, &sync)
	}
}

// pushed takes the relation pushes that have come, and says what they tell.
func pushed(p *peer) (told []string) {
	p.t.Helper()
	for {
		p.mu.Lock()
		more := len(p.pushes) > p.seen && p.pushes[p.seen].Command == wire.PushRelation
		p.mu.Unlock()
		if !more {
			return told
		}
		r := p.relationPush().Relation
		var words []string
		for word, is := range map[string]bool{
			"1 friend": r.Friend, "2 sent": r.Request == wire.FriendRequestState_FRIEND_REQUEST_SENT,
			"3 refused":     r.Request == wire.FriendRequestState_FRIEND_REQUEST_REFUSED,
			"4 blacklisted": r.Blacklisted, "5 muted": r.Muted,
		} {
			if is {
				words = append(words, word)
			}
		}
		slices.Sort(words)
		for i := range words {
			words[i] = words[i][2:]
		}
		told = append(told, strings.Join(words, " ")+" "+r.Alias+r.RequestNote)
	}
}

func TestRelationRequestsAreChecked(t *testing.T) {
	w := shared.newTenant(t, state.Limits{})
	alice := w.login("alice")
	w.account("bob")
	long := strings.Repeat("é", 257)
	for name, c := range map[string]struct {
		cmd  wire.Command
		in   wire.Body
		code wire.Code
	}{
		"oneself":              {wire.CmdAddFriend, &wire.AddFriendRequest{Account: "Alice"}, wire.CodeBadParameter},
		"no name":              {wire.CmdSetMute, &wire.SetMuteRequest{On: true}, wire.CodeBadParameter},
		"unknown":              {wire.CmdAddFriend, &wire.AddFriendRequest{Account: "nobody"}, wire.CodeNotFound},
		"long note":            {wire.CmdAddFriend, &wire.AddFriendRequest{Account: "bob", Note: long}, wire.CodeBadParameter},
		"long alias":           {wire.CmdUpdateFriend, &wire.UpdateFriendRequest{Account: "bob", Alias: &long}, wire.CodeBadParameter},
		"long ex":              {wire.CmdUpdateFriend, &wire.UpdateFriendRequest{Account: "bob", Ex: &long}, wire.CodeBadParameter},
		"not a friend":         {wire.CmdUpdateFriend, &wire.UpdateFriendRequest{Account: "bob"}, wire.CodeNotFound},
		"nobody has asked":     {wire.CmdAnswerFriend, &wire.AnswerFriendRequest{Account: "bob", Accept: true}, wire.CodeNotFound},
		"nothing to refuse":    {wire.CmdAnswerFriend, &wire.AnswerFriendRequest{Account: "bob"}, wire.CodeNotFound},
		"unknown mode":         {wire.CmdSetFriendMode, &wire.SetFriendModeRequest{Mode: 9}, wire.CodeBadParameter},
		"a page that is large": {wire.CmdRelations, &wire.RelationsRequest{Limit: 201}, wire.CodeBadParameter},
	} {
		t.Run(name, func(t *testing.T) {
			alice.t = t
			alice.refused(c.code, c.cmd, c.in)
		})
	}
	alice.t = t
	for _, cmd := range []wire.Command{
		wire.CmdAddFriend, wire.CmdAnswerFriend, wire.CmdDeleteFriend, wire.CmdUpdateFriend, wire.CmdSetBlacklist,
		wire.CmdSetMute, wire.CmdSetFriendMode, wire.CmdRelations,
	} {
		alice.isRefused(wire.CodeBadParameter, alice.startRaw(cmd, []byte{0xff}))
		connect(t, w.app).refused(wire.CodeForbidden, cmd, &wire.AckRequest{})
	}
	if all, last := alice.relations(0); len(all) != 0 || last.Version != 0 {
		t.Errorf("something was changed: %v %v", all, last)
	}
}

func TestRelationsAreLimitedByTheTenant(t *testing.T) {
	w := shared.newTenant(t, state.Limits{MaxFriends: 1, MaxListed: 2})
	alice := w.login("alice")
	for i := range 3 {
		w.account(fmt.Sprint("b", i))
	}
	add := func(peer string) *wire.AddFriendRequest { return &wire.AddFriendRequest{Account: peer} }
	alice.ok(wire.CmdAddFriend, add("b0"), nil)
	alice.refused(wire.CodeCountLimit, wire.CmdAddFriend, add("b1"))
	list := func(peer string) *wire.SetBlacklistRequest { return &wire.SetBlacklistRequest{Account: peer, On: true} }
	alice.ok(wire.CmdSetBlacklist, list("b0"), nil)
	alice.ok(wire.CmdSetBlacklist, list("b1"), nil)
	alice.refused(wire.CodeCountLimit, wire.CmdSetBlacklist, list("b2"))
}

// TestTheBlacklistIsEnforced: what a blacklisted account sends is refused with
// 7101, on every way, and leaves nothing: no push, no entry, no conversation.
func TestTheBlacklistIsEnforced(t *testing.T) {
	w := shared.newTenant(t, state.Limits{})
	alice, bob := w.login("alice"), w.login("bob")
	tablet := w.loginOn("alice", "tablet", wire.Platform_PLATFORM_IOS)
	bob.ok(wire.CmdSetBlacklist, &wire.SetBlacklistRequest{Account: "alice", On: true}, nil)

	alice.refused(wire.CodeBlacklisted, wire.CmdSend, text("bob", "m1", "hello"))
	_, err := w.app.Send(t.Context(), w.tenant.AppKey, &wire.Message{From: "alice", To: "bob", Body: "hello"})
	if wire.CodeOf(err) != wire.CodeBlacklisted {
		t.Errorf("sent by the backend: %v", err)
	}
	alice.refused(wire.CodeBlacklisted, wire.CmdAddFriend, &wire.AddFriendRequest{Account: "bob"})
	alice.refused(wire.CodeBlacklisted, wire.CmdAddFriend, &wire.AddFriendRequest{Account: "bob", Ask: true})
	w.settle(t)
	for _, p := range []*peer{alice, bob, tablet} {
		p.quiet()
		var sync wire.SyncResponse
		p.ok(wire.CmdSync, &wire.SyncRequest{}, &sync)
		if len(sync.Conversations) != 0 {
			t.Errorf("a conversation has come to be: %v", &sync)
		}
	}
	if theirs, last := alice.relations(0); len(theirs) != 0 || last.Version != 0 {
		t.Errorf("the blacklisted account learns of it: %v", theirs)
	}

	bob.ok(wire.CmdSend, text("alice", "m1", "you"), nil) // the other way
	bob.ok(wire.CmdSetBlacklist, &wire.SetBlacklistRequest{Account: "alice"}, nil)
	var out wire.SendResponse
	alice.ok(wire.CmdSend, text("bob", "m1", "hello"), &out)
	if out.Duplicate || out.Seq != 2 {
		t.Errorf("after all: %v", &out)
	}
	bob.push(wire.PushMessage, new(wire.MessagePush))
}

func TestAMutedSenderIsHeardAllTheSame(t *testing.T) {
	w := shared.newTenant(t, state.Limits{})
	alice, bob := w.login("alice"), w.login("bob")
	bob.ok(wire.CmdSetMute, &wire.SetMuteRequest{Account: "alice", On: true}, nil)
	alice.ok(wire.CmdSend, text("bob", "m1", "hello"), nil)
	bob.push(wire.PushMessage, new(wire.MessagePush))
}

func TestRelationsOfTenantsAreApart(t *testing.T) {
	w, v := shared.newTenant(t, state.Limits{}), shared.newTenant(t, state.Limits{})
	alice, namesake := w.login("alice"), v.login("alice")
	bob, otherBob := w.login("bob"), v.login("bob")
	v.account("carol")
	alice.ok(wire.CmdAddFriend, &wire.AddFriendRequest{Account: "bob"}, nil)
	bob.relationPush()
	alice.ok(wire.CmdSetBlacklist, &wire.SetBlacklistRequest{Account: "bob", On: true}, nil)
	alice.refused(wire.CodeNotFound, wire.CmdAddFriend, &wire.AddFriendRequest{Account: "carol"})
	alice.ok(wire.CmdSetFriendMode, &wire.SetFriendModeRequest{Mode: wire.FriendMode_FRIEND_MODE_NOBODY}, nil)
	w.settle(t)
	namesake.quiet()
	otherBob.quiet()
	otherBob.ok(wire.CmdSend, text("alice", "m1", "hello"), nil)
	otherBob.ok(wire.CmdAddFriend, &wire.AddFriendRequest{Account: "alice"}, nil)
	if all, _ := namesake.relations(0); len(all) != 1 || all["bob"].Blacklisted {
		t.Errorf("the other tenant's alice holds %v", all)
	}
}

func TestTheBackendChangesRelations(t *testing.T) {
	w := shared.newTenant(t, state.Limits{})
	alice, bob := w.login("alice"), w.login("bob")
	bob.ok(wire.CmdSetFriendMode, &wire.SetFriendModeRequest{Mode: wire.FriendMode_FRIEND_MODE_NOBODY}, nil)
	bob.ok(wire.CmdSetBlacklist, &wire.SetBlacklistRequest{Account: "alice", On: true}, nil)
	change := func(op state.RelationOp, account, peer string) error {
		_, err := w.app.ChangeRelation(t.Context(), w.tenant.AppKey, state.RelationChange{Op: op, Account: account, Peer: peer, On: true})
		return err
	}
	if err := change(state.RelationAsk, "alice", "bob"); wire.CodeOf(err) != wire.CodeBlacklisted {
		t.Errorf("asking in the name of a blacklisted account: %v", err)
	}
	if err := change(state.RelationAdd, "alice", "bob"); err != nil {
		t.Errorf("adding: %v", err)
	}
	for _, p := range []*peer{alice, bob} {
		if push := p.relationPush(); !push.Relation.Friend || push.By != "alice" {
			t.Errorf("push %v", push)
		}
	}
	r, err := w.app.Relation(t.Context(), w.tenant.AppKey, "bob", "alice")
	if err != nil || !r.Friend || !r.Blacklisted {
		t.Errorf("bob's side: %v %v", r, err)
	}
	friends, err := w.app.Friends(t.Context(), w.tenant.AppKey, "alice", r.FriendMs)
	if err != nil || len(friends) != 1 || friends[0].Account != "bob" {
		t.Errorf("friends: %v %v", friends, err)
	}
	if friends, err = w.app.Friends(t.Context(), w.tenant.AppKey, "alice", friends[0].UpdatedMs+1); err != nil || len(friends) != 0 {
		t.Errorf("friends since later: %v %v", friends, err)
	}
	if black, mute, err := w.app.Listed(t.Context(), w.tenant.AppKey, "bob"); err != nil || fmt.Sprint(black, mute) != "[alice] []" {
		t.Errorf("lists: %v %v %v", black, mute, err)
	}
	if err := w.app.SetFriendMode(t.Context(), w.tenant.AppKey, "bob", wire.FriendMode_FRIEND_MODE_VERIFY); err != nil {
		t.Errorf("mode: %v", err)
	}
	var mode wire.FriendModePush
	bob.push(wire.PushFriendMode, &mode)
	if err := w.app.SetFriendMode(t.Context(), w.tenant.AppKey, "nobody", 0); wire.CodeOf(err) != wire.CodeNotFound {
		t.Errorf("mode of nobody: %v", err)
	}
}
