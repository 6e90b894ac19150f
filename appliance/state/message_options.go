package state

import (
	"encoding/json"

	"github.com/yizhan-im/yizhan/appliance/wire"
)

// Message types that this package knows beside TypeRecall and TypeTeamEvent. An
// entry of a type from firstOperation on says, in its RefSeq, what was done to
// another entry.
const (
	TypeText   = 0
	TypeCustom = 100
	// TypeMerged is a forward of several messages.
	TypeMerged = 101
	// TypeEdit, TypeReaction and TypePin are what members of a conversation do to
	// its messages.
	TypeEdit     = 1001
	TypeReaction = 1002
	TypePin      = 1003
	// TypeWithdraw takes a message from everybody but its sender.
	TypeWithdraw = 1004

	firstOperation = 1000
)

// Limits of what a message may carry.
const (
	MaxPushPayload   = 2048 // bytes
	MaxForceAccounts = 100
	MaxMerged        = 50
	// MaxMergedBytes bounds the content that one merged forward holds.
	MaxMergedBytes = 48 << 10
	// maxPushText is 500 characters in UTF-8.
	maxPushText = 2000
)

// countsUnread reports whether m is something to read. Whether its reader has
// sent it himself is the caller's question.
func countsUnread(m *wire.Message) bool {
	return isContent(m) && !m.Options.GetNoBadge()
}

// isContent reports whether m is a message that somebody has written and that is
// still there.
func isContent(m *wire.Message) bool {
	return m.Type < firstOperation && m.Type != TypeTeamEvent && !m.Recalled && !m.Hidden
}

// validExtras checks what a message carries beside its content, and that it has
// nothing that only the machine sets.
func validExtras(m *wire.Message) bool {
	if m.ThreadRoot != 0 || m.Changes != nil || m.Hidden || m.Op != nil {
		return false
	}
	if (m.Type == TypeMerged) != (len(m.Merged) > 0) || m.Origin != nil && len(m.Merged) > 0 || len(m.Merged) > MaxMerged {
		return false
	}
	if m.Options.GetOnlineOnly() && (m.ReplyTo != 0 || m.Receipt) {
		return false // it has no place in a thread, and nothing is kept of it
	}
	if m.Origin != nil && !validOrigin(m.Origin) {
		return false
	}
	for _, one := range m.Merged {
		if !validOrigin(one.Origin) || one.Type != 0 || one.SubType != 0 || one.Body != "" || one.Ext != "" {
			return false
		}
	}
	return m.Push == nil || validPush(m.Scene, m.Push)
}

// validOrigin checks what names an entry; what the entry is only the machine says.
func validOrigin(o *wire.Origin) bool {
	if o == nil || o.Seq == 0 || o.From != "" || o.Id != 0 || o.TimeMs != 0 {
		return false
	}
	switch o.Scene {
	case wire.Scene_SCENE_P2P:
		return validAccount(o.Peer)
	case wire.Scene_SCENE_TEAM:
		_, ok := ParseTeamID(o.Peer)
		return ok
	}
	return false
}

func validPush(scene wire.Scene, p *wire.PushOptions) bool {
	if len(p.ForceAccounts) > MaxForceAccounts || scene != wire.Scene_SCENE_TEAM && (len(p.ForceAccounts) > 0 || p.ForceAll) {
		return false
	}
	for _, account := range p.ForceAccounts {
		if !validAccount(account) {
			return false
		}
	}
	return validText(p.Content, maxPushText) && validText(p.ForceContent, maxPushText) && validText(p.Payload, MaxPushPayload) &&
		(p.Payload == "" || json.Valid([]byte(p.Payload)))
}

// hide takes everything from m that only who may see its content may know.
func hide(m *wire.Message) {
	m.Body, m.Ext, m.SubType, m.Mentions, m.MentionAll = "", "", 0, nil, false
	m.Push, m.Origin, m.Merged, m.Changes, m.Op = nil, nil, nil, nil, nil
	m.Hidden = true
}

// HiddenEntry is the encoded entry of a log without its content, as those get it
// whom it is not for; nil when it cannot be decoded.
func HiddenEntry(encoded []byte) []byte {
	var m wire.Message
	if m.UnmarshalVTUnsafe(encoded) != nil {
		return nil
	}
	hide(&m)
	return appendBody(nil, &m)
}
