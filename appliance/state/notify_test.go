package state

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/yizhan-im/yizhan/appliance/wire"
)

func fullNotification() *wire.Notification {
	return &wire.Notification{
		From: "a", To: "b", ClientId: "id", Attach: `{"k":1}`, FromPlatform: wire.Platform_PLATFORM_IOS, FromDevice: "phone",
		Options: &wire.NotifyOptions{
			Push:  &wire.PushOptions{Content: "c", Payload: "p", ForceAccounts: []string{"b"}, ForceAll: true, ForceContent: "f"},
			Sound: "s", NoBadge: true, PushNick: true, NoCopy: true,
		},
	}
}

// tell is a notification that is kept.
func tell(timeMs int64, tenant uint32, from, to, clientID, attach string) *Notify {
	return &Notify{TimeMs: timeMs, Tenant: tenant, Session: 7, Notification: &wire.Notification{
		From: from, FromDevice: "phone", To: to, ClientId: clientID, Attach: attach,
	}}
}

func tellTeam(timeMs int64, tenant uint32, from string, team uint64, clientID, attach string) *Notify {
	c := tell(timeMs, tenant, from, TeamID(team), clientID, attach)
	c.Notification.Scene = wire.Scene_SCENE_TEAM
	return c
}

// inboxOf is the attachments that a device with nothing reads.
func (n *node) inboxOf(tenant uint32, account, device string, version uint64) (attached []string) {
	n.tb.Helper()
	for pages := 0; ; pages++ {
		page, err := n.q.Notifications(tenant, account, device, version, device == "new", 3)
		if err != nil {
			n.tb.Fatal(err)
		}
		for _, x := range page.Notifications {
			if x.Version <= version {
				n.tb.Errorf("version %d after %d", x.Version, version)
			}
			version = x.Version
			attached = append(attached, x.Attach)
		}
		if !page.More {
			return attached
		}
		if page.Version < version || pages > 2*MaxNotifications {
			n.tb.Fatalf("pages do not advance: %d after %d", page.Version, version)
		}
		version = page.Version
	}
}

func (n *node) wantInbox(tenant uint32, account, device string, version uint64, want ...string) {
	n.tb.Helper()
	if got := n.inboxOf(tenant, account, device, version); !slices.Equal(got, want) {
		n.tb.Errorf("%s's %s reads %q, want %q", account, device, got, want)
	}
}

func TestANotificationIsKeptForItsReceiver(t *testing.T) {
	n := newNode(t)
	tenant := n.setup("app", "a", "b")
	res := one[*NotifyResult](n, tell(testTime, tenant, "a", "b", "1", "hello"))
	if res.Code != wire.CodeOK || res.ID == 0 || res.Session != 7 || res.From != "a" || res.To != "b" || len(res.Notification) == 0 {
		t.Fatalf("%+v", res)
	}
	again := one[*NotifyResult](n, tell(testTime+5, tenant, "a", "b", "1", "other"))
	if !again.Duplicate || again.ID != res.ID || again.TimeMs != res.TimeMs || again.Notification != nil {
		t.Errorf("repeated: %+v", again)
	}
	online := tell(testTime, tenant, "a", "b", "2", "now")
	online.Notification.OnlineOnly = true
	if res := one[*NotifyResult](n, online); res.Code != wire.CodeOK || res.Notification == nil {
		t.Errorf("online only: %+v", res)
	}
	// A message may have the same client id.
	if sent := one[*SendResult](n, text(testTime, tenant, "a", "b", "1", "m")); sent.Duplicate {
		t.Error("a message is taken for a notification")
	}
	n.wantInbox(tenant, "b", "any", 0, "hello")
	n.wantInbox(tenant, "a", "any", 0)
	n.wantInbox(tenant, "b", "any", res.ID)
	sync, err := n.q.Sync(tenant, "b", 0, 0)
	if err != nil || sync.NotificationsVersion != res.ID {
		t.Errorf("sync tells %d %v, want %d", sync.GetNotificationsVersion(), err, res.ID)
	}
	if sync, _ := n.q.Sync(tenant, "a", 0, 0); sync.NotificationsVersion != 0 {
		t.Errorf("the sender is told %d", sync.NotificationsVersion)
	}
	n.restart()
	n.wantInbox(tenant, "b", "any", 0, "hello")
	if again := one[*NotifyResult](n, tell(testTime+5, tenant, "a", "b", "1", "other")); !again.Duplicate {
		t.Error("forgotten by a restart")
	}
}

// TestANewDeviceGetsWhatNoOtherHasAcknowledged also holds for oneself: all but the
// device that has sent it.
func TestANewDeviceGetsWhatNoOtherHasAcknowledged(t *testing.T) {
	n := newNode(t)
	tenant := n.setup("app", "a", "b")
	one[*SendResult](n, text(testTime, tenant, "a", "b", "1", "takes version 1"))
	first := one[*NotifyResult](n, tell(testTime, tenant, "a", "b", "1", "one"))
	one[*AccountResult](n, &Ack{TimeMs: testTime, Tenant: tenant, Account: "b", DeviceID: "phone", Version: first.ID})
	one[*NotifyResult](n, tell(testTime, tenant, "a", "b", "2", "two"))
	n.wantInbox(tenant, "b", "new", 0, "two")
	n.wantInbox(tenant, "b", "old", 1, "one", "two")
	one[*NotifyResult](n, tell(testTime, tenant, "a", "a", "3", "self"))
	n.wantInbox(tenant, "a", "phone", 0)
	n.wantInbox(tenant, "a", "desk", 0, "self")
}

// TestWhoMayNotify is the permission matrix.
func TestWhoMayNotify(t *testing.T) {
	n := newNode(t)
	tenant := n.setup("app", "a", "b", "muted", "out")
	other := n.setup("other", "a", "x")
	team := n.newTeam(tenant, "a", "b", "muted")
	one[*RelationResult](n, &RelationChange{Op: RelationBlacklist, TimeMs: testTime, Tenant: tenant, Account: "b", Peer: "out", On: true, Limit: 9})
	one[*RelationResult](n, &RelationChange{Op: RelationMute, TimeMs: testTime, Tenant: tenant, Account: "b", Peer: "a", On: true, Limit: 9})
	one[*TeamResult](n, &TeamChange{TimeMs: testTime, Tenant: tenant, Op: TeamMuteMembers, By: "a", Team: team, Accounts: []string{"muted"}, Flag: true})
	bad := func(change func(*wire.Notification)) *Notify {
		c := tell(testTime, tenant, "a", "b", "bad", "x")
		change(c.Notification)
		return c
	}
	for i, test := range []struct {
		c    *Notify
		want wire.Code
	}{
		{tell(testTime, tenant, "a", "b", "i", "x"), wire.CodeOK},
		{tell(testTime, tenant, "a", "nobody", "i2", "x"), wire.CodeNotFound},
		{tell(testTime, tenant, "nobody", "a", "i", "x"), wire.CodeNotFound},
		{tell(testTime, tenant, "out", "b", "i", "x"), wire.CodeBlacklisted},
		{tell(testTime, tenant, "b", "out", "i", "x"), wire.CodeOK},
		{tell(testTime, tenant, "a", "x", "i3", "x"), wire.CodeNotFound}, // of another tenant
		{tell(testTime, other, "a", "b", "i4", "x"), wire.CodeNotFound},
		{tell(testTime, 99, "a", "b", "i4", "x"), wire.CodeNotFound},
		{tellTeam(testTime, tenant, "b", team, "i5", "x"), wire.CodeOK},
		{tellTeam(testTime, tenant, "muted", team, "i5", "x"), wire.CodeTeamMuted},
		{tellTeam(testTime, tenant, "out", team, "i5", "x"), wire.CodeNotInTeam},
		{tellTeam(testTime, tenant, "a", team+1, "i5", "x"), wire.CodeTeamMissing},
		{tellTeam(testTime, other, "a", team, "i5", "x"), wire.CodeTeamMissing},
		{bad(func(x *wire.Notification) { x.Attach = "" }), wire.CodeBadParameter},
		{bad(func(x *wire.Notification) { x.Attach = strings.Repeat("x", maxAttach+1) }), wire.CodeBadParameter},
		{bad(func(x *wire.Notification) { x.Attach = "\xff" }), wire.CodeBadParameter},
		{bad(func(x *wire.Notification) { x.ClientId = "" }), wire.CodeBadParameter},
		{bad(func(x *wire.Notification) { x.ClientId = strings.Repeat("x", maxClientID) }), wire.CodeBadParameter},
		{bad(func(x *wire.Notification) { x.Scene = 9 }), wire.CodeBadParameter},
		{bad(func(x *wire.Notification) { x.Scene = wire.Scene_SCENE_TEAM }), wire.CodeBadParameter},
		{bad(func(x *wire.Notification) { x.Version = 1 }), wire.CodeBadParameter},
		{bad(func(x *wire.Notification) {
			x.Options = &wire.NotifyOptions{Push: &wire.PushOptions{ForceAccounts: make([]string, maxForcedPushes+1)}}
		}), wire.CodeBadParameter},
	} {
		before := n.dump()
		res := one[*NotifyResult](n, test.c)
		if res.Code != test.want {
			t.Errorf("%d: %v from %s to %s: %v, want %v", i, test.c.Notification.Scene, test.c.Notification.From, test.c.Notification.To, res.Code, test.want)
		}
		if res.Code != wire.CodeOK && (difference(before, n.dump()) != "" || res.Notification != nil) {
			t.Errorf("%d: refused, and left %s", i, difference(before, n.dump()))
		}
		if muted := test.c.Notification.From == "a" && test.c.Notification.To == "b"; res.Code == wire.CodeOK && res.Muted != muted {
			t.Errorf("%d: muted %v", i, res.Muted)
		}
	}
	n.wantInbox(tenant, "x", "any", 0)
	n.wantInbox(other, "x", "any", 0)
	n.wantInbox(other, "a", "any", 0)
}

// TestATeamsNotificationIsOneWrite: whatever the members, and only those read it
// who may read the team's log there.
func TestATeamsNotificationIsOneWrite(t *testing.T) {
	n := newNode(t)
	tenant := n.setup("app", "a", "b", "c", "d")
	team := n.newTeam(tenant, "a", "b", "d")
	rows := len(n.dump())
	res := one[*NotifyResult](n, tellTeam(testTime, tenant, "b", team, "1", "one"))
	if res.Code != wire.CodeOK || res.Team != team || !slices.Equal(res.Members, []string{"a", "b", "d"}) {
		t.Fatalf("%+v", res)
	}
	// The notification, the team's count, its day, and the client id.
	if got := len(n.dump()) - rows; got != 4 {
		t.Errorf("%d new rows", got)
	}
	one[*TeamResult](n, &TeamChange{TimeMs: testTime, Tenant: tenant, Op: TeamInvite, By: "a", Team: team, Accounts: []string{"c"}, Direct: true, MemberLimit: 500, TeamLimit: 100})
	second := one[*NotifyResult](n, tellTeam(testTime, tenant, "a", team, "2", "two"))
	one[*NotifyResult](n, tell(testTime, tenant, "a", "b", "3", "three"))
	n.wantInbox(tenant, "a", "phone", 0, "one")
	n.wantInbox(tenant, "a", "desk", 0, "one", "two")
	n.wantInbox(tenant, "b", "desk", 0, "one", "two", "three")
	n.wantInbox(tenant, "b", "phone", 0, "two", "three")
	n.wantInbox(tenant, "c", "any", 0, "two")
	sync, err := n.q.Sync(tenant, "c", 0, 0)
	if err != nil || sync.NotificationsVersion != second.ID {
		t.Errorf("sync tells %d %v, want %d", sync.GetNotificationsVersion(), err, second.ID)
	}
	one[*TeamResult](n, &TeamChange{TimeMs: testTime, Tenant: tenant, Op: TeamLeave, By: "d", Team: team})
	n.wantInbox(tenant, "d", "any", 0)
	one[*TeamResult](n, &TeamChange{TimeMs: testTime, Tenant: tenant, Op: TeamDismiss, By: "a", Team: team})
	n.wantInbox(tenant, "c", "any", 0)
	n.wantInbox(tenant, "b", "any", 0, "three")
}

// TestWhoJoinsAMegaTeamGetsWhatIsToldNext: its log does not say who joins, so the
// place of a notification in it is not enough.
func TestWhoJoinsAMegaTeamGetsWhatIsToldNext(t *testing.T) {
	n := newNode(t)
	tenant := n.setup("app", "a", "b", "c")
	team := n.newMega(tenant, "a", []string{"c"})
	one[*NotifyResult](n, tellTeam(testTime, tenant, "a", team, "1", "before"))
	one[*TeamResult](n, &TeamChange{TimeMs: testTime, Tenant: tenant, Op: TeamInvite, By: "a", Team: team, Accounts: []string{"b"}, Direct: true, MemberLimit: MaxMegaTeamMembers, TeamLimit: 100})
	one[*NotifyResult](n, tellTeam(testTime, tenant, "a", team, "2", "after"))
	n.wantInbox(tenant, "b", "any", 0, "after")
	n.wantInbox(tenant, "c", "any", 0, "before", "after")
}

// TestAnInboxIsBounded by number and by time, and its rows go.
func TestAnInboxIsBounded(t *testing.T) {
	n := newNode(t)
	tenant := n.setup("app", "a", "b", "c")
	team := n.newTeam(tenant, "a", "b")
	const sent = MaxNotifications + 3*spareNotifications
	var batch []command
	for i := range sent {
		batch = append(batch, tell(testTime, tenant, "a", "b", fmt.Sprint("p", i), fmt.Sprint("p", i)), tellTeam(testTime, tenant, "a", team, fmt.Sprint("t", i), fmt.Sprint("t", i)))
		if len(batch) > 50 {
			n.apply(batch...)
			batch = nil
		}
	}
	n.apply(batch...)
	all := n.inboxOf(tenant, "b", "any", 0)
	for _, kind := range []string{"p", "t"} {
		own := slices.DeleteFunc(slices.Clone(all), func(s string) bool { return s[:1] != kind })
		if len(own) < MaxNotifications || len(own) > MaxNotifications+spareNotifications || own[len(own)-1] != fmt.Sprint(kind, sent-1) {
			t.Errorf("%d of %d %s are kept, the last %s", len(own), sent, kind, own[len(own)-1])
		}
		for i, s := range own {
			if want := fmt.Sprint(kind, sent-len(own)+i); s != want {
				t.Fatalf("%s in the place of %s", s, want)
			}
		}
	}
	late := testTime + (NotificationDays+2)*dayMs
	one[*NotifyResult](n, tell(late, tenant, "a", "c", "late", "late"))
	n.wantInbox(tenant, "b", "any", 0)
	for i := range 5 {
		one[*NotifyResult](n, tell(late, tenant, "a", "c", fmt.Sprint("later", i), "late"))
	}
	for _, o := range []notifyOwner{{tenant: tenant, account: "b"}, {tenant: tenant, team: team}} {
		if rows := n.rowsBelow(o.prefix(nil)); rows != 0 {
			t.Errorf("%d rows of %+v are left", rows, o)
		}
		n.wantCount(&o, 0)
	}
	n.wantCount(&notifyOwner{tenant: tenant, account: "c"}, 6)
	if rows := n.rowsBelow(appendTable(nil, tableNotifyDay)); rows != 1 {
		t.Errorf("%d days are left", rows)
	}
}

func (n *node) rowsBelow(prefix []byte) (rows int) {
	n.tb.Helper()
	v := n.store.View()
	defer v.Close()
	if err := scan(v, prefix, prefixEnd(prefix), func(_, _ []byte) error { rows++; return nil }); err != nil {
		n.tb.Fatal(err)
	}
	return rows
}

func (n *node) wantCount(o *notifyOwner, want uint64) {
	n.tb.Helper()
	v := n.store.View()
	defer v.Close()
	var row versionCount
	if _, err := readRow(v, o.totals(nil), row.decode); err != nil || row.count != want {
		n.tb.Errorf("%+v counts %d %v, want %d", o, row.count, err, want)
	}
}
