package app

import (
	"slices"
	"time"

	"github.com/yizhan-im/yizhan/appliance/session"
	"github.com/yizhan-im/yizhan/appliance/state"
	"github.com/yizhan-im/yizhan/appliance/wire"
)

// request is one request of a client, while it is under way.
type request struct {
	session  *session.Session
	client   *client
	identity *session.Identity // nil before login
	tenant   *state.Tenant     // nil before login; never changes once read
	cmd      wire.Command
	serial   uint64
	start    time.Time
	mayWait  bool // served by the goroutine of a line
}

// timeMs is the moment of the request in Unix milliseconds.
func (r *request) timeMs() int64 { return r.start.UnixMilli() }

// Connected implements session.Handler.
func (a *App) Connected(c session.Conn) *session.Session {
	return session.NewSession(&client{Conn: c})
}

// Disconnected implements session.Handler.
func (a *App) Disconnected(s *session.Session, reason wire.Code) {
	a.forget(s)
	if clientOf(s).present.Load() {
		a.logoutEvent(s, reason)
	}
}

// Request implements session.Handler.
func (a *App) Request(s *session.Session, cmd wire.Command, serial uint64, payload []byte) {
	c := clientOf(s)
	if c.ended.Load() {
		return // the client has been told why, or has gone
	}
	r := request{session: s, client: c, cmd: cmd, serial: serial, start: a.now()}
	if a.join(&r, payload) {
		return
	}
	a.handle(&r, payload)
}

// handle serves r on the goroutine that serves its connection; see line.go.
func (a *App) handle(r *request, payload []byte) {
	r.identity = r.session.Identity()
	if r.identity == nil {
		a.requestOfStranger(r, payload)
		return
	}
	tenant, err := a.tenants.get(r.identity.AppKey)
	if err != nil {
		a.fail(r, err)
		return
	}
	r.tenant = tenant
	if retry, ok := r.take(); !ok {
		a.refuseFlood(r, retry)
		return
	}
	if !r.mayWait && a.asks(tenant, questions(r.cmd)) && len(payload) <= maxRequest {
		later, payload := *r, slices.Clone(payload)
		later.mayWait = true
		a.startLine(r, func() { a.carryOut(&later, payload) })
		return
	}
	a.carryOut(r, payload)
}

// carryOut serves r and answers it when that fails.
func (a *App) carryOut(r *request, payload []byte) {
	if err := a.serve(r, payload); err != nil {
		a.fail(r, err)
		a.logMisuse(r, err)
	}
}

// logMisuse tells of requests that no client of this protocol sends: whoever
// looks for a broken or hostile client starts here. What a user can do wrong,
// such as a message that is too long, is only counted.
func (a *App) logMisuse(r *request, err error) {
	switch err {
	case errUnknownCommand, errMalformed, errTooLarge:
		a.log.refused(r.cmd.String(), r.client.RemoteAddr(), a.edge(err), r.identity.AppKey, r.identity.Account)
	}
}

// requestOfStranger serves a connection that has not logged in: the only thing
// it may do is that, and it gets one attempt.
func (a *App) requestOfStranger(r *request, payload []byte) {
	if r.cmd != wire.CmdLogin {
		a.fail(r, errLoginFirst)
		a.log.refused(r.cmd.String(), r.client.RemoteAddr(), errLoginFirst, "", "")
		a.end(r.session, wire.CodeForbidden, closeEvent(wire.CodeForbidden, errLoginFirst.Note))
		return
	}
	if err := a.login(r, payload); err != nil {
		a.end(r.session, a.fail(r, err), nil)
	}
}

// serve starts one request of a session that is logged in. A nil error means
// that the reply was sent or will be.
func (a *App) serve(r *request, payload []byte) error {
	if len(payload) > maxRequest {
		return errTooLarge
	}
	switch r.cmd {
	case wire.CmdSend:
		return a.send(r, payload)
	case wire.CmdAck:
		return a.ack(r, payload)
	case wire.CmdRead:
		return a.read(r, payload)
	case wire.CmdRecall:
		return a.recall(r, payload)
	case wire.CmdEdit:
		return a.edit(r, payload)
	case wire.CmdReact:
		return a.react(r, payload)
	case wire.CmdReactions:
		return a.reactions(r, payload)
	case wire.CmdPin:
		return a.pin(r, payload)
	case wire.CmdPins:
		return a.pins(r, payload)
	case wire.CmdThread:
		return a.thread(r, payload)
	case wire.CmdDeleteMessages:
		return a.deleteMessages(r, payload)
	case wire.CmdDeletions:
		return a.deletions(r, payload)
	case wire.CmdSync:
		return a.sync(r, payload)
	case wire.CmdHistory:
		return a.history(r, payload)
	case wire.CmdSearch:
		return a.search(r, payload)
	case wire.CmdProfiles:
		return a.profiles(r, payload)
	case wire.CmdUpdateProfile:
		return a.updateProfile(r, payload)
	case wire.CmdKick:
		return a.kick(r, payload)
	case wire.CmdEnterRoom:
		return a.enterRoom(r, payload)
	case wire.CmdExitRoom:
		return a.exitRoom(r, payload)
	case wire.CmdSendRoom:
		return a.sendRoom(r, payload)
	case wire.CmdUpdateRoom, wire.CmdCloseRoom, wire.CmdSetRoomRole, wire.CmdMuteRoomMember, wire.CmdMuteRoom,
		wire.CmdOfferRoomQueue, wire.CmdPollRoomQueue, wire.CmdDropRoomQueue, wire.CmdRecallRoom:
		return a.changeRoom(r, payload)
	case wire.CmdMuteRoomTag:
		return a.changeRoom(r, payload)
	case wire.CmdRoomTagMembers:
		return a.roomTagMembers(r, payload)
	case wire.CmdSetRoomTags:
		return a.setRoomTags(r, payload)
	case wire.CmdKickRoom:
		return a.kickRoom(r, payload)
	case wire.CmdUpdateRoomSelf:
		return a.updateRoomSelf(r, payload)
	case wire.CmdRoomInfo:
		return a.roomInfo(r, payload)
	case wire.CmdRoomMembers:
		return a.roomMembers(r, payload)
	case wire.CmdRoomQueue:
		return a.roomQueue(r, payload)
	case wire.CmdRoomHistory:
		return a.roomHistory(r, payload)
	case wire.CmdAddFriend, wire.CmdAnswerFriend, wire.CmdDeleteFriend, wire.CmdUpdateFriend,
		wire.CmdSetBlacklist, wire.CmdSetMute, wire.CmdSetFriendMode, wire.CmdRelations:
		return a.relation(r, payload)
	case wire.CmdCreateTeam, wire.CmdDismissTeam, wire.CmdUpdateTeam, wire.CmdInviteTeam, wire.CmdJoinTeam, wire.CmdAnswerTeam,
		wire.CmdKickTeam, wire.CmdLeaveTeam, wire.CmdTransferTeam, wire.CmdSetTeamManagers, wire.CmdMuteTeamMembers,
		wire.CmdMuteTeam, wire.CmdUpdateTeamMember:
		return a.changeTeam(r, payload)
	case wire.CmdNotify:
		return a.notify(r, payload)
	case wire.CmdNotifications:
		return a.notifications(r, payload)
	case wire.CmdBroadcasts:
		return a.broadcasts(r, payload)
	case wire.CmdSetConversation, wire.CmdRemoveConversation, wire.CmdClearConversation, wire.CmdConversations, wire.CmdConversationStates,
		wire.CmdUnread, wire.CmdReadAll, wire.CmdConversationSettings, wire.CmdSetDoNotDisturb:
		return a.inbox(r, payload)
	case wire.CmdTeams:
		return a.teams(r, payload)
	case wire.CmdTeamReceipts:
		return a.teamReceipts(r, payload)
	case wire.CmdTeamMembers:
		return a.teamMembers(r, payload)
	case wire.CmdTeamApplications:
		return a.teamApplications(r, payload)
	case wire.CmdLogout:
		return a.logout(r, payload)
	case wire.CmdLogin:
		return errLoggedIn
	default:
		if served, err := a.presenceRequest(r, payload); served {
			return err
		}
		return errUnknownCommand
	}
}

// ok answers r; a nil body is an empty one.
func (a *App) ok(r *request, body wire.Body) {
	a.metrics.count(r.cmd, wire.CodeOK)
	r.client.Reply(r.serial, wire.CodeOK, body)
}

// fail answers r with the code of err, which it returns.
func (a *App) fail(r *request, err error) wire.Code {
	e := a.edge(err)
	a.refuse(r, e, retryAfter(e.Code))
	return e.Code
}

func (a *App) refuse(r *request, e *wire.Error, retry time.Duration) {
	a.metrics.count(r.cmd, e.Code)
	r.client.Reply(r.serial, e.Code, &wire.ErrorBody{Note: e.Note, RetryAfterMs: uint32(retry.Milliseconds())})
}
