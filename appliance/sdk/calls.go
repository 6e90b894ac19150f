package sdk

import (
	"context"
	"strings"
	"time"

	"github.com/yizhan-im/yizhan/appliance/wire"
)

// Content is what a message says.
type Content struct {
	// Type is Yunxin's message type: 0 text, 1 image, …, 100 custom.
	Type uint32
	// Body is the text, or JSON for the other types; at most 5000 characters.
	Body string
	// Ext is the app's own data; at most 1024 characters.
	Ext string
	// ClientID is the message's own name, 1–64 bytes, by which the server
	// recognises it when it is sent again within a week. Empty makes one.
	ClientID string
	// Mentions are accounts whom a message of a team is meant for, at most 50;
	// MentionAll means everybody.
	Mentions   []string
	MentionAll bool
	// NotifyTags says whom a message of a registered room is for, as in RoomEntry;
	// empty is what that says.
	NotifyTags string
	// SubType is the app's own, below Type.
	SubType uint32
	// Options say what is not done with the message; nil is everything. Push is for
	// devices that sleep.
	Options *wire.MessageOptions
	Push    *wire.PushOptions
	// ReplyTo is the seq of a message of the same conversation that this one
	// answers.
	ReplyTo uint64
	// Forward and Merged name messages whose content this one gets: see the functions
	// Forward and MergedForward.
	Forward *wire.Origin
	Merged  []*wire.Origin
	// HighPriority sends a message to a registered room even when that is
	// overloaded; for its creator and managers. SkipHistory keeps a message to a
	// room out of the room's history.
	HighPriority bool
	SkipHistory  bool
	// Receipt asks to be told who of a team has read the message; see
	// Team.Receipts. Not in a mega-team (814).
	Receipt bool
}

// typeCustom is the message type whose body belongs to the app.
const typeCustom = 100

// Text is a text message.
func Text(text string) Content { return Content{Body: text} }

// Custom is a message whose body, JSON, only the app understands.
func Custom(json string) Content { return Content{Type: typeCustom, Body: json} }

// SendResult is what became of a message.
type SendResult struct {
	ClientID string
	Seq      uint64 // in the conversation
	ID       uint64 // in the site
	Time     time.Time
	// Duplicate is set when the server had accepted this ClientID before; the
	// result is that of the first time.
	Duplicate bool
}

// Send sends one message and waits until the server has it on disk. While ctx
// lasts it is sent again after each interruption, and accepted once.
//
// When ctx ends before the answer, the message may or may not have been
// accepted; Send it again with the ClientID of the result to be sure.
func (c *Client) Send(ctx context.Context, to string, content Content) (SendResult, error) {
	return c.send(ctx, cursorKey{peer: strings.ToLower(to)}, content)
}

// send is Send to any conversation.
func (c *Client) send(ctx context.Context, key cursorKey, content Content) (SendResult, error) {
	if content.ClientID == "" {
		content.ClientID = newID()
	}
	request := &wire.SendRequest{
		Scene: key.scene, To: key.peer, ClientId: content.ClientID, Type: content.Type, Body: content.Body, Ext: content.Ext,
		Mentions: content.Mentions, MentionAll: content.MentionAll, Receipt: content.Receipt,
		SubType: content.SubType, Options: content.Options, Push: content.Push,
		ReplyTo: content.ReplyTo, Forward: content.Forward, Merged: content.Merged,
	}
	var response wire.SendResponse
	err := c.call(ctx, wire.CmdSend, request, func(payload []byte) error {
		if err := response.UnmarshalVT(payload); err != nil {
			return err
		}
		if response.Seq == 0 { // only for who is online
			return nil
		}
		if response.Duplicate || content.ReplyTo != 0 || content.Forward != nil || len(content.Merged) > 0 { // history has it as it is now
			c.inbox.exists(key, response.Seq)
			return nil
		}
		// Our own message is the conversation's next entry: the server does
		// not push it to the session that sent it.
		c.inbox.offer(&wire.Message{
			Scene: key.scene, From: c.o.Account, To: key.peer, ClientId: content.ClientID, Type: content.Type,
			Body: content.Body, Ext: content.Ext, FromPlatform: c.o.Platform, FromDevice: c.o.DeviceID,
			Seq: response.Seq, Id: response.Id, TimeMs: response.TimeMs,
			Mentions: content.Mentions, MentionAll: content.MentionAll, Receipt: content.Receipt,
			SubType: content.SubType, Options: content.Options, Push: content.Push,
		})
		return nil
	})
	if err != nil {
		return SendResult{ClientID: content.ClientID}, err
	}
	return SendResult{
		ClientID: content.ClientID, Seq: response.Seq, ID: response.Id,
		Time: time.UnixMilli(response.TimeMs), Duplicate: response.Duplicate,
	}, nil
}

// Recall takes back the message with this seq, which this account has sent to
// peer. The server allows it for a limited time (508 after that). note is shown
// to the peer.
func (c *Client) Recall(ctx context.Context, peer string, seq uint64, note string) error {
	return c.recall(ctx, cursorKey{peer: strings.ToLower(peer)}, seq, note)
}

func (c *Client) recall(ctx context.Context, key cursorKey, seq uint64, note string) error {
	request := &wire.RecallRequest{Scene: key.scene, Peer: key.peer, Seq: seq, ClientId: newID(), Note: note}
	return c.call(ctx, wire.CmdRecall, request, func(payload []byte) error {
		var response wire.RecallResponse
		if err := response.UnmarshalVT(payload); err != nil {
			return err
		}
		c.inbox.exists(key, response.Seq)
		return nil
	})
}

// MarkRead moves the account's read cursor in the conversation with peer to
// seq; the peer gets a Receipt. A cursor never moves back.
func (c *Client) MarkRead(ctx context.Context, peer string, seq uint64) error {
	return c.markRead(ctx, cursorKey{peer: strings.ToLower(peer)}, seq)
}

func (c *Client) markRead(ctx context.Context, key cursorKey, seq uint64) error {
	err := c.call(ctx, wire.CmdRead, &wire.ReadRequest{Scene: key.scene, Peer: key.peer, Seq: seq}, nil)
	if err == nil {
		c.inbox.ownRead(key, seq)
	}
	return err
}

// Page selects a part of a conversation's log.
type Page struct {
	// FromSeq and ToSeq bound the range, both included. Both 0 means the newest.
	FromSeq, ToSeq uint64
	// Limit is 1–100; 0 is 100.
	Limit int
	// Reverse returns the newest first.
	Reverse bool
	// BeginMs and EndMs bound the time too, both included, in Unix milliseconds; 0 is
	// no limit.
	BeginMs, EndMs int64
	// Types are message types, at most 16; none means all.
	Types []uint32
	// IDs asks for these messages and no others, at most 100.
	IDs []uint64
}

// maxPage is the most messages that one history request returns.
const maxPage = 100

// History reads one page of the conversation with peer from the server; it does
// not change what Events delivers. more says that the range holds more.
func (c *Client) History(ctx context.Context, peer string, p Page) (messages []*wire.Message, more bool, err error) {
	messages, more, _, err = history(ctx, c.call, cursorKey{peer: strings.ToLower(peer)}, p)
	return messages, more, err
}

// start is where a conversation begins: at first for this account, and at floor
// for everybody, because what was before is no longer kept. 0 is the beginning.
type start struct{ first, floor uint64 }

// history also tells where the conversation begins.
func history(ctx context.Context, call caller, key cursorKey, p Page) (messages []*wire.Message, more bool, from start, err error) {
	if p.Limit <= 0 || p.Limit > maxPage {
		p.Limit = maxPage
	}
	request := &wire.HistoryRequest{
		Scene: key.scene, Peer: key.peer, FromSeq: p.FromSeq, ToSeq: p.ToSeq,
		Limit: uint32(p.Limit), Reverse: p.Reverse,
		BeginMs: p.BeginMs, EndMs: p.EndMs, Types: p.Types, Ids: p.IDs,
	}
	var response wire.HistoryResponse
	if err := call(ctx, wire.CmdHistory, request, response.UnmarshalVT); err != nil {
		return nil, false, start{}, err
	}
	return response.Messages, response.More, start{response.FirstSeq, response.FloorSeq}, nil
}

// Profiles reads the profiles of at most 200 accounts; unknown ones are left out.
func (c *Client) Profiles(ctx context.Context, accounts ...string) ([]*wire.Profile, error) {
	var response wire.ProfilesResponse
	err := c.call(ctx, wire.CmdProfiles, &wire.ProfilesRequest{Accounts: accounts}, response.UnmarshalVT)
	return response.Profiles, err
}

// UpdateProfile changes those fields of the account's profile that are set.
func (c *Client) UpdateProfile(ctx context.Context, change *wire.UpdateProfileRequest) error {
	return c.call(ctx, wire.CmdUpdateProfile, change, nil)
}

// KickOther ends other sessions of this account; Login lists those that were
// online when this one logged in.
func (c *Client) KickOther(ctx context.Context, sessions ...uint64) error {
	return c.call(ctx, wire.CmdKick, &wire.KickRequest{SessionIds: sessions}, nil)
}

// Conversation is what this device knows of one conversation.
type Conversation struct {
	// Scene says what Peer names: the other account, or a team.
	Scene wire.Scene
	Peer  string
	// Team is what the account is to the team; nil until this client has been
	// told since it was started, and in 1:1 conversations.
	Team         *wire.TeamState
	LastSeq      uint64 // that is known to exist
	DeliveredSeq uint64 // up to which this device's Events loop has handled all
	ReadSeq      uint64 // this account's cursor
	PeerReadSeq  uint64
	Time         time.Time // of the last change
}

// Conversations lists the 1:1 conversations that this device knows, the latest
// change first. Teams lists those of teams.
func (c *Client) Conversations() []Conversation { return c.inbox.list() }
