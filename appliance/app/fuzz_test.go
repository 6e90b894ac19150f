package app

import (
	"testing"

	"github.com/yizhan-im/yizhan/appliance/state"
	"github.com/yizhan-im/yizhan/appliance/wire"
)

// FuzzRequest: whatever a client sends, logged in or not, is answered exactly
// once with a code of the table, and the node goes on.
func FuzzRequest(f *testing.F) {
	name := "x"
	for cmd, in := range map[wire.Command]wire.Body{
		wire.CmdLogin:         &wire.LoginRequest{AppKey: "app-1", Account: "a", Token: "t", DeviceId: "d", Platform: 1},
		wire.CmdLogout:        &wire.LogoutRequest{},
		wire.CmdSend:          &wire.SendRequest{To: "bob", ClientId: "m1", Type: 100, Body: `{"a":[1]}`, Ext: "{}"},
		wire.CmdAck:           &wire.AckRequest{Version: 1 << 40},
		wire.CmdRead:          &wire.ReadRequest{Peer: "bob", Seq: 1},
		wire.CmdRecall:        &wire.RecallRequest{Peer: "bob", Seq: 1, ClientId: "r1", Note: "n"},
		wire.CmdSync:          &wire.SyncRequest{Version: 1, Limit: 200},
		wire.CmdHistory:       &wire.HistoryRequest{Peer: "bob", FromSeq: 1, ToSeq: 1 << 63, Limit: 100, Reverse: true},
		wire.CmdProfiles:      &wire.ProfilesRequest{Accounts: []string{"bob", "fuzz"}},
		wire.CmdUpdateProfile: &wire.UpdateProfileRequest{Name: &name},
		wire.CmdKick:          &wire.KickRequest{SessionIds: []uint64{1, 1 << 63}},
		wire.CmdEnterRoom:     &wire.EnterRoomRequest{Room: "lobby"},
		wire.CmdExitRoom:      &wire.ExitRoomRequest{Room: "lobby"},
		wire.CmdSendRoom:      &wire.SendRoomRequest{Room: "lobby", ClientId: "m1", Type: 100, Body: `{"a":[1]}`, Ext: "{}"},
		wire.CmdAddFriend:     &wire.AddFriendRequest{Account: "bob", Ask: true, Note: "n"},
		wire.CmdAnswerFriend:  &wire.AnswerFriendRequest{Account: "bob", Accept: true, Note: "n"},
		wire.CmdDeleteFriend:  &wire.DeleteFriendRequest{Account: "bob", Forget: true},
		wire.CmdUpdateFriend:  &wire.UpdateFriendRequest{Account: "bob", Alias: &name, Ex: &name},
		wire.CmdSetBlacklist:  &wire.SetBlacklistRequest{Account: "bob", On: true},
		wire.CmdSetMute:       &wire.SetMuteRequest{Account: "bob", On: true},
		wire.CmdSetFriendMode: &wire.SetFriendModeRequest{Mode: 1},
		wire.CmdRelations:     &wire.RelationsRequest{Version: 1, Floor: 2, Limit: 200},
		wire.CmdCreateTeam:    &wire.CreateTeamRequest{ClientId: "c", Team: &wire.TeamChanges{Name: &name}, Members: []string{"bob"}, Note: "n"},
		wire.CmdUpdateTeam:    &wire.UpdateTeamRequest{Team: "5", Changes: &wire.TeamChanges{Intro: &name, JoinMode: wire.TeamJoinMode_TEAM_JOIN_CLOSED.Enum()}},
		wire.CmdInviteTeam:    &wire.InviteTeamRequest{Team: "5", Accounts: []string{"bob"}, Note: "n"},
		wire.CmdJoinTeam:      &wire.JoinTeamRequest{Team: "5", Note: "n"},
		wire.CmdAnswerTeam:    &wire.AnswerTeamRequest{Team: "5", Account: "bob", Accept: true, Note: "n"},
		wire.CmdKickTeam:      &wire.KickTeamRequest{Team: "5", Accounts: []string{"bob"}},
		wire.CmdTransferTeam:  &wire.TransferTeamRequest{Team: "5", To: "bob", Leave: true},
		wire.CmdMuteTeam:      &wire.MuteTeamRequest{Team: "5", Mute: 3},
		wire.CmdTeams:         &wire.TeamsRequest{Teams: []string{"5", "6"}},
		wire.CmdTeamMembers:   &wire.TeamMembersRequest{Team: "5", After: "a", Limit: 200},
		wire.CmdTeamReceipts:  &wire.TeamReceiptsRequest{Team: "5", Seqs: []uint64{1}, ListSeq: 1},
		63:                    &wire.AckRequest{},
	} {
		payload := make([]byte, in.SizeVT())
		if _, err := in.MarshalToSizedBufferVT(payload); err != nil {
			f.Fatal(err)
		}
		f.Add(uint16(cmd), payload)
		f.Add(uint16(cmd), payload[:len(payload)/2])
	}
	known := map[wire.Code]bool{}
	for _, code := range wire.Codes() {
		known[code] = true
	}
	w := shared.newTenant(f, state.Limits{})
	w.account("bob")
	credentials := w.credentials("fuzz")
	f.Fuzz(func(t *testing.T, cmd uint16, payload []byte) {
		member := connect(t, w.app)
		member.ok(wire.CmdLogin, credentials, nil)
		member.ok(wire.CmdEnterRoom, &wire.EnterRoomRequest{Room: "lobby"}, nil)
		for _, p := range []*peer{member, connect(t, w.app)} {
			if r := p.answer(p.startRaw(wire.Command(cmd), payload)); !known[r.code] || r.code == wire.CodeServerError {
				t.Errorf("answered %d", r.code)
			}
			w.app.Disconnected(p.session, wire.CodeOK)
		}
	})
}
