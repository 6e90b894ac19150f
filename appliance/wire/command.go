package wire

import (
	"slices"
	"strconv"
)

// Command names what a request asks or a push tells. Changing a number breaks
// compatibility. Requests are 1–63 and from 256 on, pushes 64–255.
type Command uint16

// The numbers of pushes.
const (
	firstPush = 64
	lastPush  = 255
)

// IsPush reports whether c is a number of pushes.
func (c Command) IsPush() bool { return c >= firstPush && c <= lastPush }

// The commands.
const (
	CmdLogin         Command = 1
	CmdLogout        Command = 2
	CmdSend          Command = 10
	CmdAck           Command = 11
	CmdRead          Command = 12
	CmdRecall        Command = 13
	CmdSync          Command = 20
	CmdHistory       Command = 22
	CmdProfiles      Command = 30
	CmdUpdateProfile Command = 31
	CmdKick          Command = 32
	CmdEnterRoom     Command = 40
	CmdExitRoom      Command = 41
	CmdSendRoom      Command = 42

	CmdAddFriend     Command = 256
	CmdAnswerFriend  Command = 257
	CmdDeleteFriend  Command = 258
	CmdUpdateFriend  Command = 259
	CmdSetBlacklist  Command = 260
	CmdSetMute       Command = 261
	CmdSetFriendMode Command = 262
	CmdRelations     Command = 263

	PushMessage     Command = 64
	PushRead        Command = 65
	PushKicked      Command = 66
	PushGoAway      Command = 67
	PushClose       Command = 68
	PushRoomMessage Command = 69
	PushRelation    Command = 70
	PushFriendMode  Command = 71

	CmdCreateTeam       Command = 272
	CmdDismissTeam      Command = 273
	CmdUpdateTeam       Command = 274
	CmdInviteTeam       Command = 275
	CmdJoinTeam         Command = 276
	CmdAnswerTeam       Command = 277
	CmdKickTeam         Command = 278
	CmdLeaveTeam        Command = 279
	CmdTransferTeam     Command = 280
	CmdSetTeamManagers  Command = 281
	CmdMuteTeamMembers  Command = 282
	CmdMuteTeam         Command = 283
	CmdUpdateTeamMember Command = 284
	CmdTeams            Command = 285
	CmdTeamMembers      Command = 286
	CmdTeamApplications Command = 287

	CmdEdit           Command = 14
	CmdReact          Command = 15
	CmdPin            Command = 16
	CmdPins           Command = 17
	CmdThread         Command = 18
	CmdDeleteMessages Command = 19
	CmdDeletions      Command = 304
	CmdReactions      Command = 305

	PushOnlineMessage Command = 88
	PushDeletion      Command = 89

	CmdSearch Command = 336

	PushTeamState       Command = 72
	PushTeamApplication Command = 73

	CmdRoomInfo       Command = 43
	CmdUpdateRoom     Command = 44
	CmdCloseRoom      Command = 45
	CmdSetRoomRole    Command = 46
	CmdMuteRoomMember Command = 47
	CmdMuteRoom       Command = 48
	CmdKickRoom       Command = 49
	CmdUpdateRoomSelf Command = 50
	CmdRoomMembers    Command = 51
	CmdRoomQueue      Command = 52
	CmdOfferRoomQueue Command = 53
	CmdPollRoomQueue  Command = 54
	CmdDropRoomQueue  Command = 55
	CmdRoomHistory    Command = 56
	CmdRecallRoom     Command = 57

	PushRoomNotice Command = 80
	PushRoomOut    Command = 81

	CmdSetConversation      Command = 320
	CmdRemoveConversation   Command = 321
	CmdClearConversation    Command = 322
	CmdConversations        Command = 323
	CmdConversationStates   Command = 324
	CmdUnread               Command = 325
	CmdReadAll              Command = 326
	CmdConversationSettings Command = 327
	CmdSetDoNotDisturb      Command = 328

	PushConversationSetting Command = 92
	PushDoNotDisturb        Command = 93

	CmdMuteRoomTag    Command = 384
	CmdRoomTagMembers Command = 385
	CmdSetRoomTags    Command = 386

	CmdTeamReceipts Command = 288
	PushTeamReceipt Command = 74
)

// Notifications and broadcasts.
const (
	CmdNotify        Command = 368
	CmdNotifications Command = 369
	CmdBroadcasts    Command = 370

	PushNotification Command = 104
	PushBroadcast    Command = 105
)

// Presence and the search for accounts.
const (
	CmdOnlineStatus Command = 352
	CmdSetPresence  Command = 353

	CmdSubscribePresence     Command = 354
	CmdUnsubscribePresence   Command = 355
	CmdPresenceSubscriptions Command = 356
	CmdLoginHistory          Command = 357
	CmdSearchUsers           Command = 358

	PushPresence              Command = 98
	PushPresenceSubscriptions Command = 99
)

var commandNames = map[Command]string{
	CmdSetConversation: "set_conversation", CmdRemoveConversation: "remove_conversation",
	CmdClearConversation: "clear_conversation", CmdConversations: "conversations",
	CmdConversationStates: "conversation_states", CmdUnread: "unread", CmdReadAll: "read_all",
	CmdConversationSettings: "conversation_settings", CmdSetDoNotDisturb: "set_do_not_disturb",
	PushConversationSetting: "conversation_setting", PushDoNotDisturb: "do_not_disturb",
	CmdLogin: "login", CmdLogout: "logout", CmdSend: "send", CmdAck: "ack", CmdRead: "read",
	CmdRecall: "recall", CmdSync: "sync", CmdHistory: "history", CmdProfiles: "profiles",
	CmdUpdateProfile: "update_profile", CmdKick: "kick",
	CmdEnterRoom: "enter_room", CmdExitRoom: "exit_room", CmdSendRoom: "send_room",
	CmdAddFriend: "add_friend", CmdAnswerFriend: "answer_friend", CmdDeleteFriend: "delete_friend",
	CmdUpdateFriend: "update_friend", CmdSetBlacklist: "set_blacklist", CmdSetMute: "set_mute",
	CmdSetFriendMode: "set_friend_mode", CmdRelations: "relations",
	PushRelation: "relation", PushFriendMode: "friend_mode",
	PushMessage: "message", PushRead: "read_push", PushKicked: "kicked",
	PushGoAway: "go_away", PushClose: "close", PushRoomMessage: "room_message",
	CmdCreateTeam: "create_team", CmdDismissTeam: "dismiss_team", CmdUpdateTeam: "update_team",
	CmdInviteTeam: "invite_team", CmdJoinTeam: "join_team", CmdAnswerTeam: "answer_team", CmdKickTeam: "kick_team",
	CmdLeaveTeam: "leave_team", CmdTransferTeam: "transfer_team", CmdSetTeamManagers: "set_team_managers",
	CmdMuteTeamMembers: "mute_team_members", CmdMuteTeam: "mute_team", CmdUpdateTeamMember: "update_team_member",
	CmdTeams: "teams", CmdTeamMembers: "team_members", CmdTeamApplications: "team_applications",
	CmdNotify: "notify", CmdNotifications: "notifications", CmdBroadcasts: "broadcasts",
	PushNotification: "notification", PushBroadcast: "broadcast",
	CmdEdit: "edit", CmdReact: "react", CmdReactions: "reactions", CmdPin: "pin", CmdPins: "pins", CmdThread: "thread",
	CmdDeleteMessages: "delete_messages", CmdDeletions: "deletions",
	PushOnlineMessage: "online_message", PushDeletion: "deletion",
	CmdSearch:     "search",
	PushTeamState: "team_state", PushTeamApplication: "team_application",
	CmdRoomInfo:       "room_info",
	CmdUpdateRoom:     "update_room",
	CmdCloseRoom:      "close_room",
	CmdSetRoomRole:    "set_room_role",
	CmdMuteRoomMember: "mute_room_member",
	CmdMuteRoom:       "mute_room",
	CmdKickRoom:       "kick_room",
	CmdUpdateRoomSelf: "update_room_self",
	CmdRoomMembers:    "room_members",
	CmdRoomQueue:      "room_queue",
	CmdOfferRoomQueue: "offer_room_queue",
	CmdPollRoomQueue:  "poll_room_queue",
	CmdDropRoomQueue:  "drop_room_queue",
	CmdRoomHistory:    "room_history",
	CmdRecallRoom:     "recall_room",
	PushRoomNotice:    "room_notice",
	PushRoomOut:       "room_out",
	CmdTeamReceipts:   "team_receipts", PushTeamReceipt: "team_receipt",
	CmdOnlineStatus: "online_status", CmdSetPresence: "set_presence", PushPresence: "presence",
	CmdSubscribePresence: "subscribe_presence", CmdUnsubscribePresence: "unsubscribe_presence",
	CmdPresenceSubscriptions: "presence_subscriptions", PushPresenceSubscriptions: "presence_subscriptions_push",
	CmdLoginHistory: "login_history", CmdSearchUsers: "search_users",
	CmdMuteRoomTag: "mute_room_tag", CmdRoomTagMembers: "room_tag_members", CmdSetRoomTags: "set_room_tags",
}

// Requests lists the requests that this build knows, in the order of their
// numbers.
func Requests() []Command {
	var all []Command
	for c := range commandNames {
		if !c.IsPush() {
			all = append(all, c)
		}
	}
	slices.Sort(all)
	return all
}

// String is the command's name, as metrics and logs show it.
func (c Command) String() string {
	if name, ok := commandNames[c]; ok {
		return name
	}
	return "command_" + strconv.Itoa(int(c))
}

// Compressible reports whether a frame of this command may be compressed. A
// login carries a secret beside text that others may choose, so its size must
// tell nothing.
func (c Command) Compressible() bool {
	return c != CmdLogin
}
