package state

import (
	"testing"
	"time"

	"google.golang.org/protobuf/proto"

	"github.com/yizhan-im/yizhan/appliance/wire"
)

// at is a moment of a zone that is offset minutes from UTC.
func at(t *testing.T, local string, offset int) int64 {
	t.Helper()
	moment, err := time.ParseInLocation("2006-01-02 15:04:05", local, time.FixedZone("", offset*60))
	if err != nil {
		t.Fatal(err)
	}
	return moment.UnixMilli()
}

// TestQuietHours: 2026-03-01 is a Sunday.
func TestQuietHours(t *testing.T) {
	const sunday, monday, saturday = 1 << 0, 1 << 1, 1 << 6
	night := quietHours{from: 22 * 60, to: 7 * 60}
	lunch := quietHours{from: 12 * 60, to: 13 * 60}
	day := quietHours{from: 8 * 60, to: 8 * 60}
	on := func(q quietHours, weekdays uint32) quietHours { q.weekdays = weekdays; return q }
	for _, c := range []struct {
		hours quietHours
		local string
		quiet bool
	}{
		{lunch, "2026-03-01 11:59:59", false},
		{lunch, "2026-03-01 12:00:00", true},
		{lunch, "2026-03-01 12:59:59", true},
		{lunch, "2026-03-01 13:00:00", false},
		{night, "2026-03-01 21:59:59", false},
		{night, "2026-03-01 22:00:00", true},
		{night, "2026-03-01 23:59:59", true},
		{night, "2026-03-02 00:00:00", true},
		{night, "2026-03-02 06:59:59", true},
		{night, "2026-03-02 07:00:00", false},
		// What began on Sunday goes on until Monday morning, and not on Monday night.
		{on(night, sunday), "2026-03-01 03:00:00", false},
		{on(night, sunday), "2026-03-01 22:00:00", true},
		{on(night, sunday), "2026-03-02 06:59:59", true},
		{on(night, sunday), "2026-03-02 22:00:00", false},
		{on(night, saturday), "2026-03-01 06:00:00", true},
		{on(night, saturday|monday), "2026-03-01 23:00:00", false},
		{on(lunch, monday), "2026-03-01 12:30:00", false},
		{on(lunch, monday), "2026-03-02 12:30:00", true},
		// A whole day from eight to eight.
		{day, "2026-03-01 08:00:00", true},
		{day, "2026-03-01 07:59:00", true},
		{on(day, sunday), "2026-03-01 07:59:59", false},
		{on(day, sunday), "2026-03-01 08:00:00", true},
		{on(day, sunday), "2026-03-02 07:59:59", true},
		{on(day, sunday), "2026-03-02 08:00:00", false},
		// Before 1970, and over its beginning: 1970-01-01 was a Thursday.
		{on(night, 1<<3), "1969-12-31 23:00:00", true},
		{on(night, 1<<3), "1970-01-01 06:00:00", true},
		{on(night, 1<<3), "1970-01-01 23:00:00", false},
	} {
		for _, offset := range []int{minOffset, -3*60 - 30, 0, 5*60 + 45, 8 * 60, maxOffset} {
			q := c.hours
			q.offset = int64(offset)
			if got := q.contain(at(t, c.local, offset)); got != c.quiet {
				t.Errorf("%+v at %s: quiet %v, want %v", q, c.local, got, c.quiet)
			}
		}
	}
}

// TestQuietHoursAgreeWithTheCalendar compares every half hour of three weeks.
func TestQuietHoursAgreeWithTheCalendar(t *testing.T) {
	for _, q := range []quietHours{
		{from: 0, to: 1439, offset: 480}, {from: 1380, to: 60, offset: -300, weekdays: 0b0101010}, {from: 600, to: 600, offset: 345, weekdays: 0b1000001},
	} {
		zone := time.FixedZone("", int(q.offset)*60)
		for moment := time.Date(2026, 2, 20, 0, 0, 0, 0, time.UTC); moment.Before(time.Date(2026, 3, 13, 0, 0, 0, 0, time.UTC)); moment = moment.Add(30 * time.Minute) {
			local, want := moment.In(zone), false
			for _, back := range []int{0, 1} { // began today or yesterday
				begin := time.Date(local.Year(), local.Month(), local.Day()-back, 0, int(q.from), 0, 0, zone)
				length := (q.to + minutesOfDay - q.from) % minutesOfDay
				if length == 0 {
					length = minutesOfDay
				}
				end := begin.Add(time.Duration(length) * time.Minute)
				if (q.weekdays == 0 || q.weekdays&(1<<begin.Weekday()) != 0) && !local.Before(begin) && local.Before(end) {
					want = true
				}
			}
			if got := q.contain(moment.UnixMilli()); got != want {
				t.Fatalf("%+v at %v: quiet %v, want %v", q, local, got, want)
			}
		}
	}
}

func TestPushAllowed(t *testing.T) {
	n := newNode(t)
	tenant := n.setup("app", "a", "b", "c")
	other := n.setup("app2", "a", "b")
	team := one[*TeamResult](n, &TeamChange{
		Op: TeamCreate, TimeMs: testTime, Tenant: tenant, By: "b", ClientID: "1", Accounts: []string{"a"}, Direct: true, MemberLimit: 9, TeamLimit: 9,
		Info: &wire.TeamChanges{Name: proto.String("t")},
	}).Team
	night, noon := at(t, "2026-03-01 23:00:00", 480), at(t, "2026-03-01 12:00:00", 480)
	want := func(verdict PushVerdict, p PushQuestion) {
		t.Helper()
		if got, err := n.q.PushAllowed(tenant, "a", &p); err != nil || got != verdict {
			t.Errorf("%+v: %v %v, want %v", p, got, err, verdict)
		}
		p.Peer = "b" // of another tenant
		if got, err := n.q.PushAllowed(other, "a", &PushQuestion{Peer: "b", TimeMs: p.TimeMs, DesktopOnline: p.DesktopOnline}); err != nil || got != PushYes {
			t.Errorf("other tenant: %v %v", got, err)
		}
	}
	inTeam := PushQuestion{Scene: wire.Scene_SCENE_TEAM, Peer: TeamID(team), TimeMs: noon}
	want(PushYes, PushQuestion{Peer: "b", TimeMs: night, DesktopOnline: true})
	want(PushYes, inTeam)

	one[*ConversationChangeResult](n, &ConversationChange{TimeMs: testTime, Tenant: tenant, Account: "a", Peer: "b", Muted: proto.Bool(true)})
	one[*RelationResult](n, &RelationChange{Op: RelationMute, TimeMs: testTime, Tenant: tenant, Account: "a", Peer: "c", On: true, Limit: 9})
	one[*TeamResult](n, &TeamChange{Op: TeamSettings, TimeMs: testTime, Tenant: tenant, By: "a", Team: team, Accounts: []string{"a"}, Member: &wire.TeamMemberChanges{NotifyOff: proto.Bool(true)}})
	want(PushMuted, PushQuestion{Peer: "b", TimeMs: noon})
	want(PushMuted, PushQuestion{Peer: "c", TimeMs: noon})
	want(PushMuted, inTeam)
	want(PushYes, PushQuestion{Peer: "b", TimeMs: noon, Forced: true})

	one[*DoNotDisturbResult](n, &SetDoNotDisturb{
		TimeMs: testTime, Tenant: tenant, Account: "a", On: proto.Bool(true), Desktop: proto.Bool(true),
		Quiet: &wire.QuietHours{From: 1320, To: 420, UtcOffset: 480},
	})
	want(PushQuiet, PushQuestion{Peer: "b", TimeMs: night, Forced: true})
	want(PushDesktop, PushQuestion{Peer: "b", TimeMs: noon, DesktopOnline: true})
	want(PushMuted, PushQuestion{Peer: "b", TimeMs: noon})
	one[*DoNotDisturbResult](n, &SetDoNotDisturb{TimeMs: testTime, Tenant: tenant, Account: "a", NoQuiet: true})
	want(PushQuiet, PushQuestion{Peer: "b", TimeMs: noon})
	one[*DoNotDisturbResult](n, &SetDoNotDisturb{TimeMs: testTime, Tenant: tenant, Account: "a", On: proto.Bool(false), Desktop: proto.Bool(false)})
	want(PushYes, PushQuestion{Peer: "b", TimeMs: night, DesktopOnline: true, Forced: true})
}
