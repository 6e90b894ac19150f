package app

import (
	"fmt"
	"strings"
	"testing"

	"google.golang.org/protobuf/proto"

	"github.com/yizhan-im/yizhan/appliance/state"
	"github.com/yizhan-im/yizhan/appliance/wire"
)

// TestAnswersFitAFrame: who asks for more than a frame holds is told what to do, or
// gets a shorter page.
func TestAnswersFitAFrame(t *testing.T) {
	w := newNode(t).newTenant(t, state.Limits{})
	name, _ := w.room("ann")
	ann := w.login("ann")
	ann.enters(name)
	wide := func(n int) *string { return proto.String(strings.Repeat("\U0001f600", n)) }
	var accounts []string
	const guests = 80
	for i := range guests {
		accounts = append(accounts, fmt.Sprint("guest", i))
		guest := w.login(accounts[i])
		guest.ok(wire.CmdUpdateProfile, &wire.UpdateProfileRequest{Name: wide(maxName), Icon: wide(maxIcon), Sign: wide(maxSign), Ex: wide(maxEx)}, nil)
		guest.ok(wire.CmdEnterRoom, &wire.EnterRoomRequest{Room: name, Ext: *wide(maxRoomMemberExt)}, nil)
	}
	for len(accounts) < maxProfilesPage {
		accounts = append(accounts, accounts[len(accounts)%guests])
	}
	note := ann.refused(wire.CodeCountLimit, wire.CmdProfiles, &wire.ProfilesRequest{Accounts: accounts})
	if !strings.Contains(note.Note, "ask for less") {
		t.Error(note)
	}
	var few wire.ProfilesResponse
	ann.ok(wire.CmdProfiles, &wire.ProfilesRequest{Accounts: accounts[:guests]}, &few)
	if len(few.Profiles) != guests {
		t.Errorf("%d profiles", len(few.Profiles))
	}

	var page wire.RoomMembersResponse
	ann.ok(wire.CmdRoomMembers, &wire.RoomMembersRequest{Room: name}, &page)
	if !page.More || len(page.Members) == 0 || page.SizeVT() > maxAnswer {
		t.Errorf("%d members in %d bytes, more: %v", len(page.Members), page.SizeVT(), page.More)
	}
}
