package sdk_test

import (
	"os"
	"path/filepath"
	"slices"
	"testing"

	"google.golang.org/protobuf/proto"

	"github.com/yizhan-im/yizhan/appliance"
	"github.com/yizhan-im/yizhan/appliance/sdk"
	"github.com/yizhan-im/yizhan/appliance/wire"
)

// notices are the attachments and bodies of notifications and broadcasts up to and
// with last.
func (a *app) notices(last string) (told []string) {
	a.t.Helper()
	a.until("notice "+last, func(e sdk.Event) bool {
		switch e := e.(type) {
		case sdk.Notification:
			told = append(told, e.Attach)
		case sdk.Broadcast:
			told = append(told, e.Body)
		default:
			return false
		}
		return told[len(told)-1] == last
	})
	return told
}

func (a *app) wantNotices(want ...string) {
	a.t.Helper()
	if got := a.notices(want[len(want)-1]); !slices.Equal(got, want) {
		a.t.Errorf("%s got %q, want %q", a.DeviceID(), got, want)
	}
}

func (a *app) notify(to, attach string, change ...func(*sdk.Notice)) sdk.NotifyResult {
	a.t.Helper()
	n := sdk.Notice{Attach: attach}
	for _, f := range change {
		f(&n)
	}
	r, err := a.Notify(a.context(), to, n)
	if err != nil {
		a.t.Fatal(err)
	}
	return r
}

func (n *realNode) withFile(path, device string) func(*sdk.Options) {
	return func(o *sdk.Options) {
		store, err := sdk.OpenFileStore(path)
		if err != nil {
			n.t.Fatal(err)
		}
		n.t.Cleanup(func() { _ = store.Close() })
		o.Store, o.DeviceID = store, device
	}
}

// TestNotificationsThroughARealNode: two devices, one of which is away and is
// started again with its store; a node that dies; a team.
func TestNotificationsThroughARealNode(t *testing.T) {
	n := startNode(t)
	file := filepath.Join(t.TempDir(), "bob")
	var store *sdk.FileStore
	openPhone := func() *app {
		return n.app("bob", func(o *sdk.Options) {
			var err error
			if store, err = sdk.OpenFileStore(file); err != nil {
				t.Fatal(err)
			}
			o.Store, o.DeviceID, o.Platform = store, "phone", wire.Platform_PLATFORM_IOS
		})
	}
	closePhone := func(a *app) {
		a.close()
		if err := store.Close(); err != nil {
			t.Fatal(err)
		}
	}
	alice := n.app("alice", nil)
	phone, desk := openPhone(), n.app("bob", func(o *sdk.Options) { o.DeviceID = "desk" })

	first := alice.notify("BOB", "one")
	again := alice.notify("bob", "other", func(x *sdk.Notice) { x.ClientID = first.ClientID })
	if !again.Duplicate || again.ID != first.ID {
		t.Errorf("sent again: %+v after %+v", again, first)
	}
	alice.notify("bob", "now", func(x *sdk.Notice) { x.OnlineOnly = true })
	phone.wantNotices("one", "now")
	desk.wantNotices("one", "now")

	// A team's reaches its members, also the one that is away.
	team, _, err := alice.CreateTeam(alice.context(), sdk.NewTeam{Changes: &wire.TeamChanges{Name: proto.String("team")}})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := n.node.App().ChangeTeam(t.Context(), "app", "alice", true, &wire.InviteTeamRequest{Team: team.ID(), Accounts: []string{"bob"}}); err != nil {
		t.Fatal(err)
	}
	closePhone(phone)
	if _, err := team.Notify(alice.context(), sdk.Notice{Attach: "team"}); err != nil {
		t.Fatal(err)
	}
	alice.notify("bob", "gone", func(x *sdk.Notice) { x.OnlineOnly = true })
	alice.notify("bob", "two")
	desk.wantNotices("team", "gone", "two")
	phone = openPhone()
	phone.wantNotices("team", "two")

	// The node's process dies: its disk as it is in this moment is what is left.
	closePhone(phone)
	alice.notify("bob", "three")
	desk.wantNotices("three")
	image := t.TempDir()
	if err := os.CopyFS(image, os.DirFS(n.dir)); err != nil {
		t.Fatal(err)
	}
	if err := os.Chmod(filepath.Join(image, "link.key"), 0o600); err != nil {
		t.Fatal(err)
	}
	n.stop()
	n.dir = image
	n.start()
	phone = openPhone()
	phone.wantNotices("three")
	alice.notify("bob", "four")
	phone.wantNotices("four")
	desk.wantNotices("four")

	// Blacklisted, and nobody.
	must(t)(phone.SetBlacklisted(phone.context(), "alice", true))
	_, err = alice.Notify(alice.context(), "bob", sdk.Notice{Attach: "no"})
	wantAnswer(t, err, wire.CodeBlacklisted)
	_, err = alice.Notify(alice.context(), "nobody", sdk.Notice{Attach: "no"})
	wantAnswer(t, err, wire.CodeNotFound)

	// The tenant may keep it to its backend, which does not tell alice from itself.
	if _, err := n.node.UpdateTenant(t.Context(), appliance.TenantRequest{AppKey: "app", NotifyRequest: appliance.NotifyRequest{Notify: "backend"}}); err != nil {
		t.Fatal(err)
	}
	_, err = phone.Notify(phone.context(), "alice", sdk.Notice{Attach: "no"})
	wantAnswer(t, err, wire.CodeForbidden)
	if _, err := n.node.App().Notify(t.Context(), "app", &wire.Notification{From: "bob", To: "alice", Attach: "backend"}); err != nil {
		t.Fatal(err)
	}
	alice.wantNotices("backend")
}

func TestBroadcastsThroughARealNode(t *testing.T) {
	n := startNode(t)
	if _, err := n.node.CreateTenant(t.Context(), appliance.TenantRequest{AppKey: "other"}); err != nil {
		t.Fatal(err)
	}
	token, err := n.node.App().CreateAccount(t.Context(), "other", "bob", "", nil)
	if err != nil {
		t.Fatal(err)
	}
	send := func(appKey, body string, platforms wire.Platform, offline bool) {
		t.Helper()
		b := &wire.Broadcast{Body: body, Platforms: uint32(platforms), Offline: offline}
		if _, err := n.node.App().SendBroadcast(t.Context(), appKey, "", b, 1); err != nil {
			t.Fatal(err)
		}
	}
	stranger := n.app("bob", func(o *sdk.Options) { o.AppKey, o.Token = "other", token })
	web := n.app("alice", func(o *sdk.Options) { o.DeviceID, o.Platform = "web", wire.Platform_PLATFORM_WEB })
	file := filepath.Join(t.TempDir(), "alice")
	phone := n.app("alice", func(o *sdk.Options) {
		n.withFile(file, "phone")(o)
		o.Platform = wire.Platform_PLATFORM_ANDROID
	})
	send("app", "all", 0, true)
	send("app", "phones", wire.Platform_PLATFORM_ANDROID|wire.Platform_PLATFORM_IOS, true)
	send("app", "now", 0, false)
	send("app", "last", 0, true)
	phone.wantNotices("all", "phones", "now", "last")
	web.wantNotices("all", "now", "last")

	// Bob has never logged in: he gets what is kept, once. A new account gets
	// nothing older than itself.
	bob := n.app("bob", func(o *sdk.Options) { o.Platform = wire.Platform_PLATFORM_WEB })
	bob.wantNotices("all", "last")
	n.stop()
	n.start()
	late, err := n.node.App().CreateAccount(t.Context(), "app", "late", "", nil)
	if err != nil {
		t.Fatal(err)
	}
	n.tokens["late"] = late
	newcomer := n.app("late", nil)
	send("app", "after", 0, true)
	for _, a := range []*app{newcomer, bob, phone, web} {
		a.wantNotices("after")
	}
	send("other", "theirs", 0, true)
	stranger.wantNotices("theirs")
}
