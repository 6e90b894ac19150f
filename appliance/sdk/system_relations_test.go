package sdk_test

import (
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/yizhan-im/yizhan/appliance/sdk"
	"github.com/yizhan-im/yizhan/appliance/state"
	"github.com/yizhan-im/yizhan/appliance/wire"
)

// untilRelation waits until an event tells that the relation to account is so.
func (a *app) untilRelation(account string, is func(*wire.Relation) bool) sdk.RelationChange {
	a.t.Helper()
	var found sdk.RelationChange
	a.until("relation to "+account, func(e sdk.Event) bool {
		c, ok := e.(sdk.RelationChange)
		if ok && c.Account == account && is(c.Relation) {
			found = c
			return true
		}
		return false
	})
	return found
}

func (a *app) untilConnected() []sdk.Event {
	a.t.Helper()
	return a.until("connection", func(e sdk.Event) bool {
		s, ok := e.(sdk.StateChange)
		return ok && s.State == sdk.StateConnected
	})
}

// show is what an app knows of its relations, for comparing.
func show(a *app) string {
	var lines []string
	for _, r := range a.Relations() {
		lines = append(lines, fmt.Sprint(r.Account, " friend=", r.Friend, " black=", r.Blacklisted, " muted=", r.Muted, " ", r.Request, " ", r.Alias, " v", r.Version))
	}
	return fmt.Sprint(a.FriendMode(), "\n", strings.Join(lines, "\n"))
}

func must(t *testing.T) func(*wire.Relation, error) *wire.Relation {
	return func(r *wire.Relation, err error) *wire.Relation {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
		return r
	}
}

func wantAnswer(t *testing.T, err error, code wire.Code) {
	t.Helper()
	var answer *wire.Error
	if !errors.As(err, &answer) || answer.Code != code {
		t.Errorf("error %v, want code %d", err, code)
	}
}

// TestRelationsBetweenTwoAccounts drives everything through a real node: two
// devices of one account converge, and one that was away learns at its login.
func TestRelationsBetweenTwoAccounts(t *testing.T) {
	n := startNode(t)
	phone := n.app("alice", func(o *sdk.Options) { o.DeviceID, o.Platform = "phone", wire.Platform_PLATFORM_ANDROID })
	desk := n.app("alice", func(o *sdk.Options) { o.DeviceID = "desk" })
	bob := n.app("bob", nil)
	ctx := phone.context()

	if err := bob.SetFriendMode(ctx, wire.FriendMode_FRIEND_MODE_VERIFY); err != nil {
		t.Fatal(err)
	}
	_, err := phone.AddFriend(ctx, "Bob", "")
	wantAnswer(t, err, wire.CodeForbidden)
	must(t)(phone.AskFriend(ctx, "Bob", "it's me"))
	asked := bob.untilRelation("alice", func(r *wire.Relation) bool { return r.Request == wire.FriendRequestState_FRIEND_REQUEST_RECEIVED })
	if asked.By != "alice" || asked.Note != "it's me" || asked.RequestNote != "it's me" {
		t.Errorf("bob is told %+v", asked)
	}
	must(t)(bob.AnswerFriend(ctx, "alice", true, "hello"))
	for _, a := range []*app{phone, desk} {
		accepted := a.untilRelation("bob", func(r *wire.Relation) bool { return r.Friend })
		if accepted.By != "bob" || accepted.Note != "hello" {
			t.Errorf("alice is told %+v", accepted)
		}
	}
	alias := "Bobby"
	must(t)(desk.UpdateFriend(ctx, "bob", &alias, nil))
	must(t)(phone.SetMuted(ctx, "bob", true))
	phone.untilRelation("bob", func(r *wire.Relation) bool { return r.Alias == alias })
	desk.untilRelation("bob", func(r *wire.Relation) bool { return r.Muted })
	if show(phone) != show(desk) {
		t.Errorf("alice's devices differ:\n%s\n%s", show(phone), show(desk))
	}
	if r := bob.Relation("Alice"); !r.Friend || r.Alias != "" || r.Muted {
		t.Errorf("bob's side: %v", r)
	}

	// One device is away while its relations change, and starts again: everything
	// is there when it is connected.
	desk.close()
	if err := phone.SetFriendMode(ctx, wire.FriendMode_FRIEND_MODE_NOBODY); err != nil {
		t.Fatal(err)
	}
	must(t)(bob.DeleteFriend(ctx, "alice", false))
	phone.untilRelation("bob", func(r *wire.Relation) bool { return !r.Friend })
	must(t)(phone.SetBlacklisted(ctx, "bob", true))
	desk = n.app("alice", func(o *sdk.Options) { o.DeviceID = "desk" })
	loaded := false
	for _, e := range desk.untilConnected() {
		_, is := e.(sdk.RelationsLoaded)
		loaded = loaded || is
	}
	if !loaded || show(phone) != show(desk) {
		t.Errorf("loaded %v; alice's devices differ:\n%s\n%s", loaded, show(phone), show(desk))
	}
	if r := desk.Relation("bob"); r.Friend || !r.Blacklisted || !r.Muted || r.Alias != alias {
		t.Errorf("the desk holds %v", r)
	}

	// The blacklist counts at once.
	_, err = bob.Send(ctx, "alice", sdk.Text("why?"))
	wantAnswer(t, err, wire.CodeBlacklisted)
	must(t)(phone.SetBlacklisted(ctx, "bob", false))
	if _, err := bob.Send(ctx, "alice", sdk.Text("thanks")); err != nil {
		t.Error(err)
	}
}

// TestRelationsAfterAReconnect: a client that loses its connection is told, by
// an event for each, what has changed meanwhile.
func TestRelationsAfterAReconnect(t *testing.T) {
	n := startNode(t)
	if _, err := n.node.App().ChangeRelation(t.Context(), "app", state.RelationChange{Op: state.RelationAdd, Account: "bob", Peer: "alice"}); err != nil {
		t.Fatal(err)
	}
	alice := n.app("alice", nil)
	alice.untilConnected()
	if r := alice.Relation("bob"); r == nil || !r.Friend {
		t.Errorf("alice holds %v", r)
	}
	mode := wire.FriendMode_FRIEND_MODE_VERIFY

	n.stop()
	alice.until("end of the connection", func(e sdk.Event) bool {
		s, ok := e.(sdk.StateChange)
		return ok && s.State == sdk.StateOffline
	})
	n.startAfter(func() {
		serverEx := "vip"
		if _, err := n.node.App().ChangeRelation(t.Context(), "app", state.RelationChange{
			Op: state.RelationUpdate, Account: "alice", Peer: "bob", ServerEx: &serverEx,
		}); err != nil {
			t.Fatal(err)
		}
		if err := n.node.App().SetFriendMode(t.Context(), "app", "alice", mode); err != nil {
			t.Fatal(err)
		}
	})
	change := alice.untilRelation("bob", func(r *wire.Relation) bool { return r.ServerEx == "vip" })
	if !change.Friend || change.By != "" {
		t.Errorf("told %+v", change)
	}
	if alice.FriendMode() != mode {
		t.Errorf("mode %v, want %v", alice.FriendMode(), mode)
	}
}
