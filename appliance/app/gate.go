package app

import (
	"context"
	"net/netip"
	"unicode/utf8"

	"github.com/yizhan-im/yizhan/appliance/state"
	"github.com/yizhan-im/yizhan/appliance/wire"
)

// Gate asks a tenant's backend whether an operation of one of its users may be
// carried out. Its methods may be called from any goroutine.
type Gate interface {
	// Ask waits for the verdict, no longer than one and a half timeouts of
	// t.Callback: nil allows, a *wire.Error refuses. The policy of t.Callback
	// decides when there is no answer. What the backend wants to be another text of
	// q.Message goes into q.Changed. q is valid during the call only. An Ask whose ctx
	// has ended returns its error.
	Ask(ctx context.Context, t *state.Tenant, q *Question) error
}

// Question is what a Gate is asked: may this user do this now?
type Question struct {
	Event  state.CallbackEvents // one of them
	TimeMs int64

	// Who asks, and from where.
	Account  string
	DeviceID string
	Platform wire.Platform
	Remote   netip.AddrPort

	SDKVersion, CustomTag string // of CallbackLogin
	// Message is of CallbackMessage, CallbackTeamMessage and CallbackRoom. To is the
	// account's name as it is stored, the team's id, or the room.
	Message *wire.SendRequest
	// Merged is what the message holds when it is a merged forward.
	Merged []*wire.Message
	// Notification is of CallbackMessage and CallbackTeamMessage too, without Message.
	Notification *wire.Notification
	Team         *state.TeamChange          // of CallbackTeam
	Recall       *RecallQuestion            // of CallbackRecall
	Friend       *state.RelationChange      // of CallbackFriend
	Profile      *wire.UpdateProfileRequest // of CallbackProfile
	Room         string                     // of CallbackRoomEntry
	Mega         bool                       // of CallbackTeamMessage and CallbackTeam: it is a mega-team

	// Changed is set by Ask, and is nil when the message is good as it is.
	Changed *MessageChange
}

// RecallQuestion is about taking Message back, which is in the log.
type RecallQuestion struct {
	Scene   wire.Scene
	Peer    string // as RecallRequest names it
	Message *wire.Message
	Note    string
}

// MessageChange is what a backend puts in the place of what a user has written;
// nil leaves it.
type MessageChange struct {
	Body, Ext *string
}

// questions are the operations of cmd that a backend may want to be asked about.
func questions(cmd wire.Command) state.CallbackEvents {
	switch cmd {
	case wire.CmdSend, wire.CmdEdit, wire.CmdNotify:
		return state.CallbackMessage | state.CallbackTeamMessage // which, the payload says
	case wire.CmdCreateTeam, wire.CmdDismissTeam, wire.CmdUpdateTeam, wire.CmdInviteTeam, wire.CmdJoinTeam, wire.CmdAnswerTeam,
		wire.CmdKickTeam, wire.CmdLeaveTeam, wire.CmdTransferTeam, wire.CmdSetTeamManagers, wire.CmdMuteTeamMembers,
		wire.CmdMuteTeam, wire.CmdUpdateTeamMember:
		return state.CallbackTeam
	case wire.CmdRecall:
		return state.CallbackRecall
	case wire.CmdAddFriend, wire.CmdAnswerFriend, wire.CmdDeleteFriend:
		return state.CallbackFriend
	case wire.CmdUpdateProfile:
		return state.CallbackProfile
	case wire.CmdSendRoom:
		return state.CallbackRoom
	case wire.CmdEnterRoom:
		return state.CallbackRoomEntry
	default:
		return 0
	}
}

// asks reports whether t's backend wants to be asked about one of events.
func (a *App) asks(t *state.Tenant, events state.CallbackEvents) bool {
	return t.Callback.Events&events != 0 && a.gate != nil
}

// ask waits until the tenant's backend has allowed what q says, to which the
// session's part is added here. What is asked for on a connection that has ended
// meanwhile is not done. Only the goroutine of a line may call it.
func (a *App) ask(r *request, q *Question) error {
	id := r.identity
	q.TimeMs, q.Account, q.DeviceID, q.Platform = r.timeMs(), id.Account, id.DeviceID, id.Platform
	q.Remote = r.client.RemoteAddr()
	if err := a.gate.Ask(a.asking, r.tenant, q); err != nil {
		return err
	}
	if r.client.ended.Load() {
		return errGone
	}
	r.start = a.now() // what is measured from here on is the store
	return nil
}

// errBadChange is the answer to a message that the tenant's backend wants to be
// changed in a way that no message can be.
var errBadChange = wire.Errorf(wire.CodeForbidden, "the tenant's backend wants the message to be one that cannot be sent")

// askSend asks about the message of o, which is encoded anew when the backend wants
// it to be another.
func (a *App) askSend(o *op) error {
	r, m := &o.request, &o.message
	event := state.CallbackMessage
	if m.Scene == wire.Scene_SCENE_TEAM {
		event = state.CallbackTeamMessage
	}
	if !r.mayWait || !a.asks(r.tenant, event) {
		return nil
	}
	o.in.To = m.To
	if m.Origin != nil { // what it says is what the original says
		original, err := a.readable(r, m.Origin)
		if err != nil {
			return err
		}
		if original == nil || original.Hidden {
			return errNotThere
		}
		o.in.Type, o.in.SubType, o.in.Body, o.in.Ext = original.Type, original.SubType, original.Body, original.Ext
	}
	q := &Question{Event: event, Message: &o.in}
	for _, one := range m.Merged {
		original, err := a.readable(r, one.Origin)
		if err != nil {
			return err
		}
		if original == nil || original.Hidden {
			return errNotThere
		}
		q.Merged = append(q.Merged, original)
	}
	if err := a.askMessage(r, q); err != nil {
		return err
	}
	if q.Changed == nil {
		return nil
	}
	if m.Origin != nil || len(m.Merged) > 0 {
		return errBadChange
	}
	if err := q.Changed.apply(m.Type, &m.Body, &m.Ext, &r.tenant.Limits); err != nil {
		return err
	}
	o.encode()
	return nil
}

// askMessage is ask for a message to an account or a team.
func (a *App) askMessage(r *request, q *Question) error {
	if q.Event == state.CallbackTeamMessage {
		to := q.Message.GetTo()
		if q.Notification != nil {
			to = q.Notification.To
		}
		team, err := teamID("to", to)
		if err == nil {
			q.Mega, err = a.queries.IsMegaTeam(r.identity.Tenant, team)
		}
		if err != nil {
			return err
		}
	}
	return a.ask(r, q)
}

// apply puts the change into a message's body and ext.
func (c *MessageChange) apply(kind uint32, body, ext *string, l *state.Limits) error {
	if c.Body != nil {
		*body = *c.Body
	}
	if c.Ext != nil {
		*ext = *c.Ext
	}
	if content(kind, *body, *ext, l) != nil {
		return errBadChange
	}
	return nil
}

// askNotify asks about a notification of a client, and makes of it what the backend
// wants it to be.
func (a *App) askNotify(r *request, n *wire.Notification) error {
	event := state.CallbackMessage
	if n.Scene == wire.Scene_SCENE_TEAM {
		event = state.CallbackTeamMessage
	}
	if !r.mayWait || !a.asks(r.tenant, event) {
		return nil
	}
	q := &Question{Event: event, Notification: n}
	if err := a.askMessage(r, q); err != nil || q.Changed == nil {
		return err
	}
	if q.Changed.Ext != nil {
		return errBadChange // a notification has none
	}
	if q.Changed.Body != nil {
		n.Attach = *q.Changed.Body
	}
	if n.Attach == "" || !utf8.ValidString(n.Attach) || charsWithin("attach", n.Attach, maxAttach) != nil {
		return errBadChange
	}
	return nil
}

// askRoom asks about a message to a room, and makes in what the backend wants it to
// be.
func (a *App) askRoom(r *request, in *wire.SendRoomRequest) error {
	if !r.mayWait || !a.asks(r.tenant, state.CallbackRoom) {
		return nil
	}
	q := &Question{Event: state.CallbackRoom, Message: &wire.SendRequest{To: in.Room, ClientId: in.ClientId, Type: in.Type, Body: in.Body, Ext: in.Ext}}
	if err := a.ask(r, q); err != nil || q.Changed == nil {
		return err
	}
	return q.Changed.apply(in.Type, &in.Body, &in.Ext, &r.tenant.Limits)
}

// askRoomEntry asks about entering a room.
func (a *App) askRoomEntry(r *request, room string) error {
	if !r.mayWait || !a.asks(r.tenant, state.CallbackRoomEntry) {
		return nil
	}
	return a.ask(r, &Question{Event: state.CallbackRoomEntry, Room: room})
}

// askRecall asks about taking a message back. One that the account cannot see, as
// when it has cleared the conversation, cannot be asked about, and stays.
func (a *App) askRecall(r *request, in *wire.RecallRequest, peer string) error {
	if !r.mayWait || !a.asks(r.tenant, state.CallbackRecall) {
		return nil
	}
	found, err := a.queries.History(r.identity.Tenant, r.identity.Account, &wire.HistoryRequest{Scene: in.Scene, Peer: peer, FromSeq: in.Seq, ToSeq: in.Seq, Limit: 1})
	switch {
	case err != nil:
		return err
	case len(found.Messages) == 0:
		return errNotThere
	}
	return a.ask(r, &Question{Event: state.CallbackRecall, Recall: &RecallQuestion{Scene: in.Scene, Peer: peer, Message: found.Messages[0], Note: in.Note}})
}

// askFriend asks about a friendship that would begin or end. Refusing one, and what
// an account notes of others, is its own business.
func (a *App) askFriend(r *request, c *state.RelationChange) error {
	if !r.mayWait || !a.asks(r.tenant, state.CallbackFriend) || c.Op == state.RelationDecline {
		return nil
	}
	return a.ask(r, &Question{Event: state.CallbackFriend, Friend: c})
}

// askProfile asks about the change of the account's profile.
func (a *App) askProfile(r *request, in *wire.UpdateProfileRequest) error {
	if !r.mayWait || !a.asks(r.tenant, state.CallbackProfile) {
		return nil
	}
	return a.ask(r, &Question{Event: state.CallbackProfile, Profile: in})
}

// askTeam asks about the change of a team.
func (a *App) askTeam(r *request, c *state.TeamChange) error {
	if !r.mayWait || !a.asks(r.tenant, state.CallbackTeam) {
		return nil
	}
	q := &Question{Event: state.CallbackTeam, Team: c, Mega: c.Op == state.TeamCreate && c.Flag}
	if c.Op != state.TeamCreate {
		var err error
		if q.Mega, err = a.queries.IsMegaTeam(c.Tenant, c.Team); err != nil {
			return err
		}
	}
	return a.ask(r, q)
}
