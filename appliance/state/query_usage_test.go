package state

import (
	"testing"

	"google.golang.org/protobuf/proto"

	"github.com/yizhan-im/yizhan/appliance/wire"
)

// TestUsage is the same however it is cut, and of one tenant only.
func TestUsage(t *testing.T) {
	n := newNode(t)
	app, other := n.setup("app", "a", "b", "c"), n.setup("other", "a", "b")
	n.must(
		text(testTime, app, "a", "b", "1", "x"), text(testTime, app, "b", "a", "2", "x"), text(testTime, app, "c", "c", "3", "x"),
		text(testTime, other, "a", "b", "1", "x"),
		&RecordLogin{Track: true, TimeMs: testTime, Tenant: app, Account: "a", DeviceID: "phone"},
		&RecordLogin{Track: true, TimeMs: testTime + dayMs, Tenant: app, Account: "b", DeviceID: "phone"},
		&StoreFile{TimeMs: testTime, Tenant: app, Account: "a", ID: testFile(1), Size: 60},
		&RoomChange{Op: RoomCreate, TimeMs: testTime, Tenant: app, By: "a", RoomLimit: 9, ClientID: "r", Info: &wire.RoomChanges{Name: proto.String("room")}},
	)
	create := func(id string) uint64 {
		return n.must(&TeamChange{
			Op: TeamCreate, TimeMs: testTime, Tenant: app, By: "a", Backend: true, MemberLimit: 9, TeamLimit: 9, ClientID: id, Info: &wire.TeamChanges{Name: proto.String("x")},
		})[0].(*TeamResult).Team
	}
	create("t1")
	gone := create("t2")
	n.must(
		&TeamChange{Op: TeamDismiss, TimeMs: testTime, Tenant: app, By: "a", Team: gone},
		&Prune{TimeMs: testTime, Tenant: app, Logs: []PrunedLog{{A: "a", B: "b", Floor: 2}}},
	)
	want := Usage{Accounts: 3, Active: 1, Conversations: 2, Teams: 1, Messages: 1 + 1 + 1 + 1, Rooms: 1, Files: 1, FileBytes: 60}
	for limit := 1; limit < 12; limit++ {
		var got Usage
		parts := 0
		for after := []byte(nil); ; parts++ {
			var err error
			after, err = n.q.UsagePart(app, after, limit, func(_ string, lastMs int64) bool { return lastMs > testTime }, &got)
			if err != nil {
				t.Fatal(err)
			}
			if after == nil {
				break
			}
		}
		if got != want {
			t.Errorf("%d at a time: %+v, want %+v", limit, got, want)
		}
		if limit == 1 && parts < 7 {
			t.Errorf("one at a time took only %d parts", parts)
		}
	}
}
