package app

import (
	"google.golang.org/protobuf/proto"

	"github.com/yizhan-im/yizhan/appliance/state"
	"github.com/yizhan-im/yizhan/appliance/wire"
)

// Limits of conversation lists.
const (
	maxSettingExt       = 1024 // bytes
	defaultListPage     = 50
	maxListPage         = state.MaxConversationsPage
	defaultSettingsPage = 100
	maxSettingsPage     = state.MaxSettingsPage
)

// inbox serves the requests about the account's conversation list.
func (a *App) inbox(r *request, payload []byte) error {
	switch r.cmd {
	case wire.CmdConversations:
		return a.conversations(r, payload)
	case wire.CmdConversationStates:
		return a.conversationStates(r, payload)
	case wire.CmdUnread:
		return a.unread(r, payload)
	case wire.CmdReadAll:
		return a.readAll(r, payload)
	case wire.CmdConversationSettings:
		return a.conversationSettings(r, payload)
	case wire.CmdSetDoNotDisturb:
		return a.setDoNotDisturb(r, payload)
	}
	c := &state.ConversationChange{
		TimeMs: r.timeMs(), Tenant: r.identity.Tenant, Session: r.identity.SessionID, Account: r.identity.Account,
	}
	if err := r.conversationChange(c, payload); err != nil {
		return err
	}
	return a.submit(r, c)
}

// conversationChange puts what r asks for into c. The strings may share payload.
func (r *request) conversationChange(c *state.ConversationChange, payload []byte) error {
	switch r.cmd {
	case wire.CmdSetConversation:
		var in wire.SetConversationRequest
		if in.UnmarshalVTUnsafe(payload) != nil {
			return errMalformed
		}
		if in.Ext != nil {
			if err := bytesWithin("ext", *in.Ext, 0, maxSettingExt); err != nil {
				return err
			}
		}
		c.Top, c.Muted, c.Marked, c.Ext = in.Top, in.Muted, in.MarkedUnread, in.Ext
		return nameConversation(c, in.Scene, in.Peer)
	case wire.CmdRemoveConversation:
		var in wire.RemoveConversationRequest
		if in.UnmarshalVTUnsafe(payload) != nil {
			return errMalformed
		}
		c.Remove, c.Clear = true, in.Clear
		return nameConversation(c, in.Scene, in.Peer)
	default: // CmdClearConversation
		var in wire.ClearConversationRequest
		if in.UnmarshalVTUnsafe(payload) != nil {
			return errMalformed
		}
		c.Clear, c.ClearSeq = true, in.Seq
		return nameConversation(c, in.Scene, in.Peer)
	}
}

// nameConversation writes the name of a conversation as it is stored into c.
func nameConversation(c *state.ConversationChange, scene wire.Scene, peer string) error {
	name, err := counterpart(scene, "peer", peer)
	c.Peer, c.Team = name, teamOf(scene, name)
	if c.Team != 0 {
		c.Peer = ""
	}
	return err
}

func (o *op) answerConversation(res *state.ConversationChangeResult) error {
	if err := conversationOutcome(res.Code); err != nil {
		return err
	}
	switch o.request.cmd {
	case wire.CmdSetConversation:
		o.app.ok(&o.request, &wire.SetConversationResponse{Setting: res.Setting})
	case wire.CmdRemoveConversation:
		o.app.ok(&o.request, &wire.RemoveConversationResponse{Setting: res.Setting})
	default:
		o.app.ok(&o.request, &wire.ClearConversationResponse{Setting: res.Setting})
	}
	return nil
}

// conversationOutcome is outcome with what the code means for a setting.
func conversationOutcome(code wire.Code) error {
	switch code {
	case wire.CodeNotFound:
		return wire.Errorf(code, "there is no such account")
	case wire.CodeCountLimit:
		return wire.Errorf(code, "at most %d conversations may be top, and %d have a setting", state.MaxTops, state.MaxSettings)
	}
	return outcome(code)
}

// conversations reads a page of the list.
func (a *App) conversations(r *request, payload []byte) error {
	var in wire.ConversationsRequest
	if in.UnmarshalVT(payload) != nil { // read later, so it must not share the payload
		return errMalformed
	}
	limit, err := page(in.Limit, defaultListPage, maxListPage)
	if err != nil {
		return err
	}
	id := r.identity
	return a.query(r, func() (wire.Body, error) {
		return body(a.queries.Conversations(id.Tenant, id.Account, in.Cursor, limit))
	})
}

func (a *App) conversationStates(r *request, payload []byte) error {
	var in wire.ConversationStatesRequest
	if in.UnmarshalVT(payload) != nil {
		return errMalformed
	}
	for _, key := range in.Keys {
		name, err := counterpart(key.Scene, "peer", key.Peer)
		if err != nil {
			return err
		}
		key.Peer = name
	}
	id := r.identity
	return a.query(r, func() (wire.Body, error) {
		return body(a.queries.ConversationStates(id.Tenant, id.Account, in.Keys))
	})
}

// unread counts what the account has not read.
func (a *App) unread(r *request, payload []byte) error {
	if new(wire.UnreadRequest).UnmarshalVT(payload) != nil {
		return errMalformed
	}
	id := r.identity
	return a.query(r, func() (wire.Body, error) {
		return body(a.queries.Unread(id.Tenant, id.Account))
	})
}

func (a *App) conversationSettings(r *request, payload []byte) error {
	in := new(wire.ConversationSettingsRequest)
	if in.UnmarshalVT(payload) != nil {
		return errMalformed
	}
	limit, err := page(in.Limit, defaultSettingsPage, maxSettingsPage)
	if err != nil {
		return err
	}
	in.Limit = uint32(limit)
	id := r.identity
	return a.query(r, func() (wire.Body, error) {
		return body(a.queries.ConversationSettings(id.Tenant, id.Account, in))
	})
}

// readAll finds the conversations with something unread, and then reads them by
// one command: what comes in between stays unread.
func (a *App) readAll(r *request, payload []byte) error {
	if new(wire.ReadAllRequest).UnmarshalVT(payload) != nil {
		return errMalformed
	}
	later, id := *r, r.identity
	queued := a.reads.submit(id.SessionID, func() {
		if later.client.ended.Load() {
			return // nobody waits for the answer
		}
		c := &state.ReadMany{TimeMs: later.timeMs(), Tenant: id.Tenant, Session: id.SessionID, Account: id.Account}
		var err error
		if c.Reads, err = a.queries.UnreadConversations(id.Tenant, id.Account, state.MaxReadMany); err == nil {
			err = a.submit(&later, c)
		}
		if err != nil {
			a.fail(&later, err)
		}
	})
	if !queued {
		return errBusyReads
	}
	return nil
}

func (o *op) answerReadMany(res *state.ReadManyResult) error {
	if err := outcome(res.Code); err != nil {
		return err
	}
	o.app.ok(&o.request, &wire.ReadAllResponse{Read: uint32(len(res.Reads)), More: res.Asked == state.MaxReadMany})
	return nil
}

// setDoNotDisturb says when the account's sleeping devices are not woken.
func (a *App) setDoNotDisturb(r *request, payload []byte) error {
	var in wire.SetDoNotDisturbRequest
	if in.UnmarshalVTUnsafe(payload) != nil {
		return errMalformed
	}
	if err := checkQuietHours(in.Quiet); err != nil {
		return err
	}
	if in.Quiet != nil {
		in.Quiet.ProtoReflect().SetUnknown(nil) // what nobody has checked must not get into the log
	}
	return a.submit(r, &state.SetDoNotDisturb{
		TimeMs: r.timeMs(), Tenant: r.identity.Tenant, Session: r.identity.SessionID, Account: r.identity.Account,
		On: in.On, Desktop: in.Desktop, Quiet: proto.CloneOf(in.Quiet), NoQuiet: in.NoQuiet,
	})
}

func checkQuietHours(q *wire.QuietHours) error {
	if q != nil && !state.ValidQuietHours(q) {
		return wire.Errorf(wire.CodeBadParameter, "quiet hours are minutes 0 to 1439, an offset of -720 to 840 minutes and weekdays 0 to 127")
	}
	return nil
}

func (o *op) answerDoNotDisturb(res *state.DoNotDisturbResult) error {
	if err := outcome(res.Code); err != nil {
		return err
	}
	o.app.ok(&o.request, &wire.SetDoNotDisturbResponse{DoNotDisturb: res.DoNotDisturb, Version: res.Version})
	return nil
}
