package app

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/yizhan-im/yizhan/appliance/session"
	"github.com/yizhan-im/yizhan/appliance/state"
	"github.com/yizhan-im/yizhan/appliance/wire"
)

// presence takes the next push, which must tell of a presence.
func (p *peer) presence() *wire.Presence {
	p.t.Helper()
	var out wire.PresencePush
	p.push(wire.PushPresence, &out)
	return out.Presence
}

// status asks where accounts are online, as "alice 2", "bob unknown", …
func (p *peer) status(accounts ...string) (all []string) {
	p.t.Helper()
	var out wire.OnlineStatusResponse
	p.ok(wire.CmdOnlineStatus, &wire.OnlineStatusRequest{Accounts: accounts}, &out)
	for _, s := range out.Presences {
		all = append(all, fmt.Sprint(s.Account, " ", len(s.Devices)))
	}
	for _, name := range out.Unknown {
		all = append(all, name+" unknown")
	}
	for _, name := range out.Denied {
		all = append(all, name+" denied")
	}
	return all
}

func (p *peer) subscribe(accounts ...string) *wire.SubscribePresenceResponse {
	p.t.Helper()
	out := new(wire.SubscribePresenceResponse)
	p.ok(wire.CmdSubscribePresence, &wire.SubscribePresenceRequest{Accounts: accounts}, out)
	return out
}

func TestOnlineStatusOfAllKindsOfAccounts(t *testing.T) {
	w := shared.newTenant(t, state.Limits{DevicePolicy: uint8(session.PolicyAll)})
	other := shared.newTenant(t, state.Limits{})
	other.login("dave")
	w.account("dave")
	w.account("carol")
	alice := w.login("alice")
	w.loginOn("bob", "phone", wire.Platform_PLATFORM_IOS)
	w.loginOn("bob", "desk", wire.Platform_PLATFORM_PC)
	got := alice.status("Bob", "carol", "alice", "nobody", "dave")
	if want := []string{"bob 2", "carol 0", "alice 1", "dave 0", "nobody unknown"}; !slices.Equal(got, want) {
		t.Errorf("got %q, want %q", got, want)
	}
	// Who has blacklisted is offline for the one on the list, and not the other way
	// round.
	bob := w.loginOn("bob", "web", wire.Platform_PLATFORM_WEB)
	bob.ok(wire.CmdSetBlacklist, &wire.SetBlacklistRequest{Account: "alice", On: true}, nil)
	if got := alice.status("bob"); !slices.Equal(got, []string{"bob 0"}) {
		t.Errorf("blacklisted, she sees %q", got)
	}
	if got := bob.status("alice"); !slices.Equal(got, []string{"alice 1"}) {
		t.Errorf("he sees %q", got)
	}
	for name, in := range map[string]*wire.OnlineStatusRequest{
		"nobody":   {},
		"a hole":   {Accounts: []string{"bob", ""}},
		"too many": {Accounts: slices.Repeat([]string{"bob"}, maxProfilesPage+1)},
	} {
		t.Run(name, func(t *testing.T) { alice.refused(wire.CodeBadParameter, wire.CmdOnlineStatus, in) })
	}
}

func TestTenantSaysWhoSeesPresence(t *testing.T) {
	for mode, want := range map[int]string{
		state.PresenceEverybody:  "friend 1, followed 1, stranger 1",
		state.PresenceFriends:    "friend 1, followed denied, stranger denied",
		state.PresenceSubscribed: "followed 1, friend denied, stranger denied",
	} {
		w := shared.newTenant(t, state.Limits{PresenceMode: mode})
		alice := w.login("alice")
		for _, name := range []string{"friend", "followed", "stranger"} {
			w.login(name)
		}
		alice.ok(wire.CmdAddFriend, &wire.AddFriendRequest{Account: "friend"}, nil)
		sub := alice.subscribe("followed")
		if failed := len(sub.Failed) > 0; failed != (mode == state.PresenceFriends) || failed == (len(sub.Presences) > 0) {
			t.Errorf("mode %d: subscribing: %v", mode, sub)
		}
		if got := strings.Join(alice.status("friend", "followed", "stranger"), ", "); got != want {
			t.Errorf("mode %d: got %q, want %q", mode, got, want)
		}
	}
}

// TestAnEndIsToldOnce: a session that was ended is forgotten again when its gateway
// has closed the connection.
func TestAnEndIsToldOnce(t *testing.T) {
	w := shared.newTenant(t, state.Limits{})
	bob := w.login("bob")
	w.account("carol")
	alice := w.login("alice")
	bob.subscribe("alice", "carol")
	alice.ok(wire.CmdLogout, &wire.LogoutRequest{}, nil)
	if p := bob.presence(); p.Account != "alice" || len(p.Devices) != 0 {
		t.Fatalf("told %v", p)
	}
	w.node.app.Disconnected(alice.session, wire.CodeOK)
	w.login("carol") // later changes are told later
	if p := bob.presence(); p.Account != "carol" {
		t.Errorf("told %v, want carol's login", p)
	}
}

// TestSubscriberIsTold of logins, logouts, what devices say of themselves, and of
// nothing when a connection is lost and comes back at once.
func TestSubscriberIsTold(t *testing.T) {
	w := shared.newTenant(t, state.Limits{DevicePolicy: uint8(session.PolicyAll)})
	w.account("alice")
	bob := w.login("bob")
	tablet := w.loginOn("bob", "tablet", wire.Platform_PLATFORM_IOS)
	sub := bob.subscribe("alice", "Alice", "nobody", "bob")
	if len(sub.Presences) != 1 || len(sub.Presences[0].Devices) != 0 || !slices.Equal(sub.Failed, []string{"nobody", "bob"}) {
		t.Errorf("subscribed: %v", sub)
	}
	var changed wire.PresenceSubscriptionsPush
	tablet.push(wire.PushPresenceSubscriptions, &changed)
	if !slices.Equal(changed.Added, []string{"alice"}) || changed.Version != sub.Version || changed.ExpiresMs != sub.ExpiresMs {
		t.Errorf("the tablet is told %v of %v", &changed, sub)
	}
	told := func(want string) {
		t.Helper()
		for _, p := range []*peer{bob, tablet} {
			s := p.presence()
			var devices []string
			for _, d := range s.Devices {
				devices = append(devices, fmt.Sprint(d.Platform, " ", d.State, d.Text))
			}
			if got := s.Account + ": " + strings.Join(devices, ", "); got != want {
				t.Errorf("told %q, want %q", got, want)
			}
		}
	}
	alice := w.loginOn("alice", "phone", wire.Platform_PLATFORM_ANDROID)
	told("alice: PLATFORM_ANDROID 0")
	alice.ok(wire.CmdSetPresence, &wire.SetPresenceRequest{State: 2, Text: "busy"}, nil)
	told("alice: PLATFORM_ANDROID 2busy")
	alice.refused(wire.CodeBadParameter, wire.CmdSetPresence, &wire.SetPresenceRequest{Text: strings.Repeat("x", maxPresenceText+1)})
	alice.ok(wire.CmdSetPresence, &wire.SetPresenceRequest{State: 2, Text: "busy"}, nil) // nothing new

	// The connection is lost; before the grace period is over she is back.
	w.node.app.Disconnected(alice.session, wire.CodeNetwork)
	if got := bob.status("alice"); !slices.Equal(got, []string{"alice 1"}) {
		t.Errorf("lost, she is seen as %q", got)
	}
	alice = w.loginOn("alice", "phone", wire.Platform_PLATFORM_ANDROID)
	desk := w.loginOn("alice", "desk", wire.Platform_PLATFORM_MAC)
	told("alice: PLATFORM_MAC 0, PLATFORM_ANDROID 2busy")
	desk.ok(wire.CmdLogout, &wire.LogoutRequest{}, nil)
	told("alice: PLATFORM_ANDROID 2busy")

	// Blacklisted, bob sees her offline at once, and nothing more.
	alice.ok(wire.CmdSetBlacklist, &wire.SetBlacklistRequest{Account: "bob", On: true}, nil)
	told("alice: ")
	alice.ok(wire.CmdSetPresence, &wire.SetPresenceRequest{}, nil)
	carol := w.login("carol")
	carol.subscribe("alice")
	alice.ok(wire.CmdSetPresence, &wire.SetPresenceRequest{State: 1}, nil)
	if s := carol.presence(); s.Devices[0].State != 1 {
		t.Errorf("carol is told %v", s)
	}
	bob.quiet()
	alice.ok(wire.CmdSetBlacklist, &wire.SetBlacklistRequest{Account: "bob"}, nil)
	told("alice: PLATFORM_ANDROID 1")

	// No longer subscribed, he is told no more.
	var end wire.UnsubscribePresenceResponse
	bob.ok(wire.CmdUnsubscribePresence, &wire.UnsubscribePresenceRequest{Accounts: []string{"alice", "carol"}}, &end)
	tablet.push(wire.PushPresenceSubscriptions, &changed)
	if !slices.Equal(end.Failed, []string{"carol"}) || !slices.Equal(changed.Removed, []string{"alice"}) || changed.Version != end.Version {
		t.Errorf("unsubscribed: %v, the tablet is told %v", &end, &changed)
	}
	alice.ok(wire.CmdLogout, &wire.LogoutRequest{}, nil)
	if s := carol.presence(); len(s.Devices) != 0 {
		t.Errorf("carol is told %v", s)
	}
	bob.quiet()
}

// TestFriendsOnlySeeEachOtherWhileTheyAre in a tenant that wants that.
func TestFriendsOnlySeeEachOtherWhileTheyAre(t *testing.T) {
	w := shared.newTenant(t, state.Limits{PresenceMode: state.PresenceFriends})
	alice, bob := w.login("alice"), w.login("bob")
	alice.ok(wire.CmdAddFriend, &wire.AddFriendRequest{Account: "bob"}, nil)
	bob.relationPush()
	if sub := bob.subscribe("alice"); len(sub.Presences) != 1 || len(sub.Presences[0].Devices) != 1 {
		t.Fatalf("subscribed: %v", sub)
	}
	alice.ok(wire.CmdDeleteFriend, &wire.DeleteFriendRequest{Account: "bob"}, nil)
	bob.relationPush()
	if s := bob.presence(); len(s.Devices) != 0 {
		t.Errorf("no longer friends, he is told %v", s)
	}
	alice.ok(wire.CmdAddFriend, &wire.AddFriendRequest{Account: "bob"}, nil)
	bob.relationPush()
	if s := bob.presence(); len(s.Devices) != 1 {
		t.Errorf("friends again, he is told %v", s)
	}
}

// TestSubscriptionsAreRead by a device that was not there, page by page, and end all
// together.
func TestSubscriptionsAreRead(t *testing.T) {
	w := shared.newTenant(t, state.Limits{MaxSubscriptions: 3})
	bob := w.login("bob")
	for _, name := range []string{"a", "b", "c", "d"} {
		w.account(name)
	}
	w.login("b")
	if sub := bob.subscribe("d", "c", "b", "a"); !slices.Equal(sub.Failed, []string{"a"}) {
		t.Errorf("over the limit: %v", sub)
	}
	late := w.loginOn("bob", "late", wire.Platform_PLATFORM_IOS)
	var sync wire.SyncResponse
	late.ok(wire.CmdSync, &wire.SyncRequest{}, &sync)
	in, seen := &wire.PresenceSubscriptionsRequest{Limit: 2}, []string(nil)
	for {
		var out wire.PresenceSubscriptionsResponse
		late.ok(wire.CmdPresenceSubscriptions, in, &out)
		if out.Version != sync.SubscriptionsVersion || out.Version == 0 {
			t.Errorf("version %d, sync says %d", out.Version, sync.SubscriptionsVersion)
		}
		for _, s := range out.Subscriptions {
			length := time.Duration(s.ExpiresMs-s.SinceMs) * time.Millisecond
			seen = append(seen, fmt.Sprint(s.Account, len(s.Presence.Devices), " ", length))
			in.After = s.Account
		}
		if !out.More {
			break
		}
	}
	if want := []string{"b1 168h0m0s", "c0 168h0m0s", "d0 168h0m0s"}; !slices.Equal(seen, want) {
		t.Errorf("read %q, want %q", seen, want)
	}
	var end wire.UnsubscribePresenceResponse
	late.ok(wire.CmdUnsubscribePresence, &wire.UnsubscribePresenceRequest{All: true}, &end)
	var changed wire.PresenceSubscriptionsPush
	bob.push(wire.PushPresenceSubscriptions, &changed)
	if len(changed.Added)+len(changed.Removed) > 0 || changed.Version != end.Version {
		t.Errorf("told %v of %v", &changed, &end)
	}
	for name, in := range map[string]wire.Body{
		"a short ttl":     &wire.SubscribePresenceRequest{Accounts: []string{"a"}, TtlSeconds: 59},
		"a long ttl":      &wire.SubscribePresenceRequest{Accounts: []string{"a"}, TtlSeconds: 2592001},
		"nobody":          &wire.SubscribePresenceRequest{},
		"too many":        &wire.SubscribePresenceRequest{Accounts: slices.Repeat([]string{"a"}, state.MaxSubscribePage+1)},
		"not an account":  &wire.SubscribePresenceRequest{Accounts: []string{"a b"}},
		"all and some":    &wire.UnsubscribePresenceRequest{Accounts: []string{"a"}, All: true},
		"neither":         &wire.UnsubscribePresenceRequest{},
		"a page too long": &wire.PresenceSubscriptionsRequest{Limit: state.MaxSubscriptionsPage + 1},
	} {
		cmd := wire.CmdSubscribePresence
		switch in.(type) {
		case *wire.UnsubscribePresenceRequest:
			cmd = wire.CmdUnsubscribePresence
		case *wire.PresenceSubscriptionsRequest:
			cmd = wire.CmdPresenceSubscriptions
		}
		t.Run(name, func(t *testing.T) { bob.refused(wire.CodeBadParameter, cmd, in) })
	}
}
