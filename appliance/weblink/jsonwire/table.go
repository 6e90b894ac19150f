package jsonwire

import (
	"google.golang.org/protobuf/proto"

	"github.com/yizhan-im/yizhan/appliance/wire"
)

// message is what the generated messages can do.
type message interface {
	proto.Message
	wire.Body
	UnmarshalVT(data []byte) error
}

// requests makes, for each command that a client may send, its empty request
// message.
var requests = map[wire.Command]func() message{
	wire.CmdLogin:            func() message { return new(wire.LoginRequest) },
	wire.CmdLogout:           func() message { return new(wire.LogoutRequest) },
	wire.CmdSend:             func() message { return new(wire.SendRequest) },
	wire.CmdAck:              func() message { return new(wire.AckRequest) },
	wire.CmdRead:             func() message { return new(wire.ReadRequest) },
	wire.CmdRecall:           func() message { return new(wire.RecallRequest) },
	wire.CmdSync:             func() message { return new(wire.SyncRequest) },
	wire.CmdHistory:          func() message { return new(wire.HistoryRequest) },
	wire.CmdProfiles:         func() message { return new(wire.ProfilesRequest) },
	wire.CmdUpdateProfile:    func() message { return new(wire.UpdateProfileRequest) },
	wire.CmdKick:             func() message { return new(wire.KickRequest) },
	wire.CmdEnterRoom:        func() message { return new(wire.EnterRoomRequest) },
	wire.CmdExitRoom:         func() message { return new(wire.ExitRoomRequest) },
	wire.CmdSendRoom:         func() message { return new(wire.SendRoomRequest) },
	wire.CmdRoomInfo:         func() message { return new(wire.RoomInfoRequest) },
	wire.CmdUpdateRoom:       func() message { return new(wire.UpdateRoomRequest) },
	wire.CmdCloseRoom:        func() message { return new(wire.CloseRoomRequest) },
	wire.CmdSetRoomRole:      func() message { return new(wire.SetRoomRoleRequest) },
	wire.CmdMuteRoomMember:   func() message { return new(wire.MuteRoomMemberRequest) },
	wire.CmdMuteRoom:         func() message { return new(wire.MuteRoomRequest) },
	wire.CmdKickRoom:         func() message { return new(wire.KickRoomRequest) },
	wire.CmdUpdateRoomSelf:   func() message { return new(wire.UpdateRoomSelfRequest) },
	wire.CmdRoomMembers:      func() message { return new(wire.RoomMembersRequest) },
	wire.CmdRoomQueue:        func() message { return new(wire.RoomQueueRequest) },
	wire.CmdOfferRoomQueue:   func() message { return new(wire.OfferRoomQueueRequest) },
	wire.CmdPollRoomQueue:    func() message { return new(wire.PollRoomQueueRequest) },
	wire.CmdDropRoomQueue:    func() message { return new(wire.DropRoomQueueRequest) },
	wire.CmdRoomHistory:      func() message { return new(wire.RoomHistoryRequest) },
	wire.CmdRecallRoom:       func() message { return new(wire.RecallRoomRequest) },
	wire.CmdMuteRoomTag:      func() message { return new(wire.MuteRoomTagRequest) },
	wire.CmdRoomTagMembers:   func() message { return new(wire.RoomTagMembersRequest) },
	wire.CmdSetRoomTags:      func() message { return new(wire.SetRoomTagsRequest) },
	wire.CmdCreateTeam:       func() message { return new(wire.CreateTeamRequest) },
	wire.CmdDismissTeam:      func() message { return new(wire.DismissTeamRequest) },
	wire.CmdUpdateTeam:       func() message { return new(wire.UpdateTeamRequest) },
	wire.CmdInviteTeam:       func() message { return new(wire.InviteTeamRequest) },
	wire.CmdJoinTeam:         func() message { return new(wire.JoinTeamRequest) },
	wire.CmdAnswerTeam:       func() message { return new(wire.AnswerTeamRequest) },
	wire.CmdKickTeam:         func() message { return new(wire.KickTeamRequest) },
	wire.CmdLeaveTeam:        func() message { return new(wire.LeaveTeamRequest) },
	wire.CmdTransferTeam:     func() message { return new(wire.TransferTeamRequest) },
	wire.CmdSetTeamManagers:  func() message { return new(wire.SetTeamManagersRequest) },
	wire.CmdMuteTeamMembers:  func() message { return new(wire.MuteTeamMembersRequest) },
	wire.CmdMuteTeam:         func() message { return new(wire.MuteTeamRequest) },
	wire.CmdUpdateTeamMember: func() message { return new(wire.UpdateTeamMemberRequest) },
	wire.CmdTeams:            func() message { return new(wire.TeamsRequest) },
	wire.CmdTeamMembers:      func() message { return new(wire.TeamMembersRequest) },
	wire.CmdTeamReceipts:     func() message { return new(wire.TeamReceiptsRequest) },
	wire.CmdTeamApplications: func() message { return new(wire.TeamApplicationsRequest) },
	wire.CmdSearch:           func() message { return new(wire.SearchRequest) },
	wire.CmdAddFriend:        func() message { return new(wire.AddFriendRequest) },
	wire.CmdAnswerFriend:     func() message { return new(wire.AnswerFriendRequest) },
	wire.CmdDeleteFriend:     func() message { return new(wire.DeleteFriendRequest) },
	wire.CmdUpdateFriend:     func() message { return new(wire.UpdateFriendRequest) },
	wire.CmdSetBlacklist:     func() message { return new(wire.SetBlacklistRequest) },
	wire.CmdSetMute:          func() message { return new(wire.SetMuteRequest) },
	wire.CmdSetFriendMode:    func() message { return new(wire.SetFriendModeRequest) },
	wire.CmdNotify:           func() message { return new(wire.NotifyRequest) },
	wire.CmdNotifications:    func() message { return new(wire.NotificationsRequest) },
	wire.CmdBroadcasts:       func() message { return new(wire.BroadcastsRequest) },
	wire.CmdEdit:             func() message { return new(wire.EditRequest) },
	wire.CmdReact:            func() message { return new(wire.ReactRequest) },
	wire.CmdReactions:        func() message { return new(wire.ReactionsRequest) },
	wire.CmdPin:              func() message { return new(wire.PinRequest) },
	wire.CmdPins:             func() message { return new(wire.PinsRequest) },
	wire.CmdThread:           func() message { return new(wire.ThreadRequest) },
	wire.CmdDeleteMessages:   func() message { return new(wire.DeleteMessagesRequest) },
	wire.CmdDeletions:        func() message { return new(wire.DeletionsRequest) },
	wire.CmdRelations:        func() message { return new(wire.RelationsRequest) },

	wire.CmdOnlineStatus:          func() message { return new(wire.OnlineStatusRequest) },
	wire.CmdSetPresence:           func() message { return new(wire.SetPresenceRequest) },
	wire.CmdSubscribePresence:     func() message { return new(wire.SubscribePresenceRequest) },
	wire.CmdUnsubscribePresence:   func() message { return new(wire.UnsubscribePresenceRequest) },
	wire.CmdSearchUsers:           func() message { return new(wire.SearchUsersRequest) },
	wire.CmdLoginHistory:          func() message { return new(wire.LoginHistoryRequest) },
	wire.CmdPresenceSubscriptions: func() message { return new(wire.PresenceSubscriptionsRequest) },

	wire.CmdSetConversation:      func() message { return new(wire.SetConversationRequest) },
	wire.CmdRemoveConversation:   func() message { return new(wire.RemoveConversationRequest) },
	wire.CmdClearConversation:    func() message { return new(wire.ClearConversationRequest) },
	wire.CmdConversations:        func() message { return new(wire.ConversationsRequest) },
	wire.CmdConversationStates:   func() message { return new(wire.ConversationStatesRequest) },
	wire.CmdUnread:               func() message { return new(wire.UnreadRequest) },
	wire.CmdReadAll:              func() message { return new(wire.ReadAllRequest) },
	wire.CmdConversationSettings: func() message { return new(wire.ConversationSettingsRequest) },
	wire.CmdSetDoNotDisturb:      func() message { return new(wire.SetDoNotDisturbRequest) },
}

// pushes makes, for each push, its empty message.
var pushes = map[wire.Command]func() message{
	wire.PushMessage:         func() message { return new(wire.MessagePush) },
	wire.PushOnlineMessage:   func() message { return new(wire.OnlineMessagePush) },
	wire.PushDeletion:        func() message { return new(wire.DeletionPush) },
	wire.PushRead:            func() message { return new(wire.ReadPush) },
	wire.PushKicked:          func() message { return new(wire.KickedPush) },
	wire.PushGoAway:          func() message { return new(wire.GoAwayPush) },
	wire.PushClose:           func() message { return new(wire.ClosePush) },
	wire.PushRoomMessage:     func() message { return new(wire.RoomMessagePush) },
	wire.PushRoomNotice:      func() message { return new(wire.RoomNoticePush) },
	wire.PushRoomOut:         func() message { return new(wire.RoomOutPush) },
	wire.PushTeamState:       func() message { return new(wire.TeamStatePush) },
	wire.PushTeamReceipt:     func() message { return new(wire.TeamReceiptPush) },
	wire.PushTeamApplication: func() message { return new(wire.TeamApplicationPush) },
	wire.PushNotification:    func() message { return new(wire.NotificationPush) },
	wire.PushBroadcast:       func() message { return new(wire.BroadcastPush) },
	wire.PushRelation:        func() message { return new(wire.RelationPush) },
	wire.PushFriendMode:      func() message { return new(wire.FriendModePush) },

	wire.PushPresence:              func() message { return new(wire.PresencePush) },
	wire.PushPresenceSubscriptions: func() message { return new(wire.PresenceSubscriptionsPush) },

	wire.PushConversationSetting: func() message { return new(wire.ConversationSettingPush) },
	wire.PushDoNotDisturb:        func() message { return new(wire.DoNotDisturbPush) },
}

var requestNames = func() map[string]wire.Command {
	names := make(map[string]wire.Command, len(requests))
	for cmd := range requests {
		names[cmd.String()] = cmd
	}
	return names
}()

// Command is the request that clients call name.
func Command(name string) (cmd wire.Command, ok bool) {
	cmd, ok = requestNames[name]
	return cmd, ok
}
