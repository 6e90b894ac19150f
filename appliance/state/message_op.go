package state

import (
	"encoding/binary"

	"github.com/yizhan-im/yizhan/appliance/wire"
)

// MessageOp is an operation on one entry of a log, and the kind of its command.
type MessageOp uint8

// The operations. Changing a number breaks compatibility.
const (
	// MessageEdit replaces the content of a text or custom message, its sender's.
	// CodeForbidden: another's, another type, or one that was forwarded.
	MessageEdit MessageOp = 20
	// MessageReact gives the message an emoji, or with Undo takes it back.
	MessageReact MessageOp = 21
	// MessagePin pins the message, or with Undo unpins it. In a team
	// CodeTeamPermission unless From manages it.
	MessagePin MessageOp = 22
	// MessageWithdraw takes the message from everybody but From, who has sent it.
	// It is the tenant's backend's.
	MessageWithdraw MessageOp = 23
	// MessageErase is a recall without a limit in time, and of which nothing is
	// shown. It is the tenant's backend's, in the name of who has sent the message.
	MessageErase MessageOp = 24

	kindMessageFirst = byte(MessageEdit)
	kindMessageLast  = byte(MessageErase)
)

// Limits of operations.
const (
	MaxEmojiBytes = 32
	// MaxReactions bounds the different emojis of one message.
	MaxReactions = 20
	// MaxReactionNames is how many accounts a message's row names for one emoji.
	MaxReactionNames = 20
	// MaxPins bounds the pinned messages of one conversation.
	MaxPins = 50
)

// MessageChange does something to one entry of the log that From has with Peer, or
// of Team, and appends an entry that says so. Its result is a SendResult. What
// changes nothing (a reaction that is there already) is CodeOK with Duplicate and
// no Seq, a repeated edit has the first one's result.
//
// CodeNotFound: there is no such entry, or not for From; CodeForbidden: it is not a
// message; CodeBlacklisted and the codes of teams: From may not write there;
// CodeRecallExpired: the message is older than WindowMs; CodeCountLimit: too many
// different reactions or pins.
type MessageChange struct {
	Op           MessageOp
	TimeMs       int64
	Tenant       uint32
	Session      uint64
	From         string
	Peer         string
	Team         uint64 // not 0: of a team, and Peer has no meaning
	Seq          uint64
	ClientID     string // of MessageEdit
	Body, Ext    string // of MessageEdit
	Emoji        string // of MessageReact
	Undo         bool
	WindowMs     int64 // 0: no limit
	FromPlatform wire.Platform
	FromDevice   string
}

// Append appends the encoded command to dst.
func (c *MessageChange) Append(dst []byte) []byte {
	dst = target(dst, byte(c.Op), c.TimeMs, c.Tenant)
	dst = binary.AppendUvarint(dst, c.Session)
	dst = appendString(dst, c.From)
	dst = appendString(dst, c.Peer)
	dst = binary.AppendUvarint(dst, c.Team)
	dst = binary.AppendUvarint(dst, c.Seq)
	dst = appendString(dst, c.ClientID)
	dst = appendString(dst, c.Body)
	dst = appendString(dst, c.Ext)
	dst = appendString(dst, c.Emoji)
	dst = appendBool(dst, c.Undo)
	dst = binary.AppendUvarint(dst, uint64(max(c.WindowMs, 0)))
	dst = appendPlatform(dst, c.FromPlatform)
	return appendString(dst, c.FromDevice)
}

func (c *MessageChange) decode(kind byte, r *reader) bool {
	c.Op = MessageOp(kind)
	c.TimeMs, c.Tenant, c.Session = r.time(), r.u32(), r.uint()
	c.From, c.Peer, c.Team, c.Seq = r.string(), r.string(), r.uint(), r.uint()
	c.ClientID, c.Body, c.Ext, c.Emoji = r.string(), r.string(), r.string(), r.string()
	c.Undo, c.WindowMs = r.bool(), r.time()
	c.FromPlatform, c.FromDevice = r.platform(), r.string()
	return r.done()
}

func (c *MessageChange) valid() bool {
	if !validAccount(c.From) || c.Team == 0 && !validAccount(c.Peer) || c.Team != 0 && c.Peer != "" || !validText(c.FromDevice, maxDevice) {
		return false
	}
	edit, react := c.Op == MessageEdit, c.Op == MessageReact
	switch {
	case edit != (c.ClientID != "") || !validText(c.ClientID, maxClientID),
		!edit && (c.Body != "" || c.Ext != "" || c.WindowMs != 0),
		react != (c.Emoji != "") || !validText(c.Emoji, MaxEmojiBytes),
		c.Undo && !react && c.Op != MessagePin:
		return false
	}
	return validText(c.Body, MaxCommandBytes) && validText(c.Ext, MaxCommandBytes)
}

// DeleteMessages deletes entries of one log for Account alone. Seqs are those it
// may read, at most MaxDeleteSeqs. Deleting again changes nothing. CodeNotFound: no
// such conversation or entry; CodeCountLimit: the account has deleted MaxDeletions.
type DeleteMessages struct {
	TimeMs  int64
	Tenant  uint32
	Session uint64
	Account string
	Peer    string
	Team    uint64 // as in MessageChange
	Seqs    []uint64
}

const kindDeleteMessages = 25

// Append appends the encoded command to dst.
func (c *DeleteMessages) Append(dst []byte) []byte {
	dst = target(dst, kindDeleteMessages, c.TimeMs, c.Tenant)
	dst = binary.AppendUvarint(dst, c.Session)
	dst = appendString(dst, c.Account)
	dst = appendString(dst, c.Peer)
	dst = binary.AppendUvarint(dst, c.Team)
	return appendSeqs(dst, c.Seqs)
}

func (c *DeleteMessages) decode(r *reader) bool {
	c.TimeMs, c.Tenant, c.Session = r.time(), r.u32(), r.uint()
	c.Account, c.Peer, c.Team = r.string(), r.string(), r.uint()
	c.Seqs = r.seqs()
	return r.done()
}

// DeletionResult is the outcome of DeleteMessages.
type DeletionResult struct {
	Code    wire.Code
	Tenant  uint32
	Session uint64
	Account string
	// Deletion is what the account's other devices are to be told; its version is
	// that of the account's newest deletion, and it has no Seqs when nothing changed.
	Deletion *wire.Deletion
}
