package sdk

import (
	"context"
	"strings"

	"github.com/yizhan-im/yizhan/appliance/wire"
)

// Types of entries that are operations on others, and typeMerged.
const (
	typeEdit     = 1001
	typeReaction = 1002
	typePin      = 1003
	typeWithdraw = 1004
	// typeMerged is that of a merged forward.
	typeMerged = 101
)

// Edit says that the content of an earlier message of the conversation is now that
// of this entry. The content of an entry that was followed by another edit, or by a
// recall, is empty: what counts comes later.
type Edit struct {
	*wire.Message
	Peer   string // the other account, or in scene TEAM the team
	Local  bool
	Edited uint64 // seq of the message
}

// Reaction says that From has given an earlier message an emoji, or with Undone has
// taken it back.
type Reaction struct {
	*wire.Message
	Peer    string
	Local   bool
	Reacted uint64 // seq of the message
	Emoji   string
	Undone  bool
}

// Pin says that From has pinned an earlier message, or with Undone unpinned it.
type Pin struct {
	*wire.Message
	Peer   string
	Local  bool
	Pinned uint64 // seq of the message
	Undone bool
}

// Withdrawal says that an earlier message, which another account has sent, is to be
// removed without a trace.
type Withdrawal struct {
	*wire.Message
	Peer      string
	Withdrawn uint64 // seq of the message
}

// Hidden is an entry of the log that is not for this device to show: its options
// say so, the account has deleted it, or it is of a kind that this version does not
// know. It has no content.
type Hidden struct {
	*wire.Message
	Peer string
}

// OnlineMessage is a message that is only for who is online now. It has no Seq, no
// place among the others, and may be missed.
type OnlineMessage struct {
	*wire.Message
	Peer string
}

// Deletion says that the account has deleted messages for itself, on this device or
// another.
type Deletion struct {
	*wire.Deletion
}

func (Edit) event()          {}
func (Reaction) event()      {}
func (Pin) event()           {}
func (Withdrawal) event()    {}
func (Hidden) event()        {}
func (OnlineMessage) event() {}
func (Deletion) event()      {}

// operation is the event of an entry that is no message, nil for one that is.
func (in *inbox) operation(m *wire.Message, peer string, local bool) Event {
	switch {
	case m.Hidden:
		return Hidden{Message: m, Peer: peer}
	case m.Type <= typeRecall:
		return nil
	case m.Type == typeEdit:
		return Edit{Message: m, Peer: peer, Local: local, Edited: m.RefSeq}
	case m.Type == typeReaction && m.Op != nil:
		return Reaction{Message: m, Peer: peer, Local: local, Reacted: m.RefSeq, Emoji: m.Op.Emoji, Undone: m.Op.Undone}
	case m.Type == typePin && m.Op != nil:
		return Pin{Message: m, Peer: peer, Local: local, Pinned: m.RefSeq, Undone: m.Op.Undone}
	case m.Type == typeWithdraw && m.From != in.self:
		return Withdrawal{Message: m, Peer: peer, Withdrawn: m.RefSeq}
	}
	return Hidden{Message: m, Peer: peer}
}

// offerOnline queues a message that is not kept, if there is room.
func (in *inbox) offerOnline(m *wire.Message) {
	in.offerHint(OnlineMessage{Message: m, Peer: in.keyOf(m.Scene, m.From, m.To).peer})
}

// Forward forwards a message that this account may read, as it is; from names its
// conversation and seq.
func Forward(from *wire.Origin) Content { return Content{Forward: from} }

// MergedForward forwards up to 50 messages as one, under a title.
func MergedForward(title string, from ...*wire.Origin) Content {
	return Content{Type: typeMerged, Body: title, Merged: from}
}

// talk is a conversation of either scene.
type talk struct {
	c   *Client
	key cursorKey
}

func (c *Client) talk(peer string) talk { return talk{c, cursorKey{peer: strings.ToLower(peer)}} }
func (t Team) talk() talk               { return talk{t.c, cursorKey{wire.Scene_SCENE_TEAM, t.id}} }

func (t talk) edit(ctx context.Context, seq uint64, content Content) error {
	if content.ClientID == "" {
		content.ClientID = newID()
	}
	request := &wire.EditRequest{Scene: t.key.scene, Peer: t.key.peer, Seq: seq, ClientId: content.ClientID, Body: content.Body, Ext: content.Ext}
	var response wire.EditResponse
	err := t.c.call(ctx, wire.CmdEdit, request, response.UnmarshalVT)
	return t.done(err, response.Seq)
}

// done takes note of the entry of an operation, which is not pushed to the session
// that asked for it.
func (t talk) done(err error, seq uint64) error {
	if err == nil && seq > 0 {
		t.c.inbox.exists(t.key, seq)
	}
	return err
}

func (t talk) react(ctx context.Context, seq uint64, emoji string, undo bool) error {
	var response wire.ReactResponse
	err := t.c.call(ctx, wire.CmdReact, &wire.ReactRequest{Scene: t.key.scene, Peer: t.key.peer, Seq: seq, Emoji: emoji, Undo: undo}, response.UnmarshalVT)
	return t.done(err, response.Seq)
}

func (t talk) reactions(ctx context.Context, seq uint64, emoji, after string, limit int) ([]string, bool, error) {
	var response wire.ReactionsResponse
	request := &wire.ReactionsRequest{Scene: t.key.scene, Peer: t.key.peer, Seq: seq, Emoji: emoji, After: after, Limit: uint32(max(limit, 0))}
	err := t.c.call(ctx, wire.CmdReactions, request, response.UnmarshalVT)
	return response.Accounts, response.More, err
}

func (t talk) pin(ctx context.Context, seq uint64, undo bool) error {
	var response wire.PinResponse
	err := t.c.call(ctx, wire.CmdPin, &wire.PinRequest{Scene: t.key.scene, Peer: t.key.peer, Seq: seq, Undo: undo}, response.UnmarshalVT)
	return t.done(err, response.Seq)
}

func (t talk) pins(ctx context.Context) (all []*wire.Pin, err error) {
	request := &wire.PinsRequest{Scene: t.key.scene, Peer: t.key.peer}
	for {
		var response wire.PinsResponse
		if err := t.c.call(ctx, wire.CmdPins, request, response.UnmarshalVT); err != nil {
			return nil, err
		}
		all = append(all, response.Pins...)
		if !response.More || len(response.Pins) == 0 {
			return all, nil
		}
		request.AfterSeq = response.Pins[len(response.Pins)-1].Message.GetSeq()
	}
}

func (t talk) thread(ctx context.Context, root, after uint64, limit int) (*wire.ThreadResponse, error) {
	response := new(wire.ThreadResponse)
	request := &wire.ThreadRequest{Scene: t.key.scene, Peer: t.key.peer, RootSeq: root, AfterSeq: after, Limit: uint32(max(limit, 0))}
	err := t.c.call(ctx, wire.CmdThread, request, response.UnmarshalVT)
	return response, err
}

func (t talk) deleteForMe(ctx context.Context, seqs []uint64) error {
	var response wire.DeleteMessagesResponse
	err := t.c.call(ctx, wire.CmdDeleteMessages, &wire.DeleteMessagesRequest{Scene: t.key.scene, Peer: t.key.peer, Seqs: seqs}, response.UnmarshalVT)
	if err == nil && response.Deletion != nil {
		t.c.inbox.deletedUpTo(response.Deletion.Version)
	}
	return err
}
