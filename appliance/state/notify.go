package state

import (
	"unicode/utf8"

	"github.com/yizhan-im/yizhan/appliance/wire"
)

// Bounds of notifications and broadcasts.
const (
	// MaxNotifications is how many of the newest notifications are surely kept of
	// one account, and of one team. Up to spareNotifications more are there, so
	// that the oldest are removed together.
	MaxNotifications   = 500
	spareNotifications = 64
	// NotificationDays is how long they are kept at most.
	NotificationDays = 30
	// MaxBroadcasts is how many broadcasts of one tenant are kept; the oldest go.
	MaxBroadcasts = 1000
	// MaxBroadcastHours bounds the life of a broadcast.
	MaxBroadcastHours = 30 * 24

	// Characters of the protocol, four bytes each.
	maxAttach        = 4 * 4096
	maxPushContent   = 4 * 500
	maxPushPayload   = 4 * 2048
	maxSound         = 4 * 30
	maxForcedPushes  = 100
	maxNotifyOptions = 24 << 10 // encoded
)

// Notify accepts Notification. Its TeamSeq, Version and TimeMs must be unset.
// (Tenant, From, ClientId) is the idempotency key, apart from that of messages.
// CodeNotFound: one of the accounts does not exist; CodeBlacklisted: the receiver
// has blacklisted the sender; in a team the codes of a message to it.
type Notify struct {
	TimeMs       int64
	Tenant       uint32
	Session      uint64 // echoed in the result
	Notification *wire.Notification
}

// SendBroadcast tells Body to all accounts of the tenant that use one of
// Platforms, the sum of their numbers, of which 0 means all. With Offline it is
// kept for TTLMs for who is not online; without, only for the tenant's records.
// ClientID is the tenant's idempotency key. CodeNotFound: From, which may be empty,
// does not exist.
type SendBroadcast struct {
	TimeMs    int64
	Tenant    uint32
	ClientID  string
	From      string
	Body      string
	Platforms uint32
	Offline   bool
	TTLMs     int64
}

// DeleteBroadcast removes a broadcast: devices that have not got it will not.
// CodeNotFound: there is none.
type DeleteBroadcast struct {
	TimeMs int64
	Tenant uint32
	ID     uint64
}

// NotifyResult is the outcome of Notify.
type NotifyResult struct {
	Code    wire.Code
	Tenant  uint32
	Session uint64 // the sender's, as in the command
	From    string
	To      string
	ID      uint64 // of the first one when Duplicate
	TimeMs  int64
	// Duplicate: the command repeats an accepted one. Nothing was stored.
	Duplicate bool
	// Muted: the receiver has muted the sender, as in SendResult.
	Muted bool
	// Team, Members and Mega are as in SendResult.
	Team    uint64
	Members []string
	Mega    bool
	// Notification is an encoded wire.Notification; nil when Code is not CodeOK or
	// Duplicate is set.
	Notification []byte
}

// BroadcastResult is the outcome of SendBroadcast and DeleteBroadcast.
type BroadcastResult struct {
	Code      wire.Code
	Tenant    uint32
	ID        uint64
	Duplicate bool // as in NotifyResult
	// Broadcast is nil unless a new one was accepted; it is shared and must not be
	// changed.
	Broadcast *wire.Broadcast
}

// allPlatforms are those that can log in.
const allPlatforms = uint32(wire.Platform_PLATFORM_ANDROID | wire.Platform_PLATFORM_IOS | wire.Platform_PLATFORM_PC |
	wire.Platform_PLATFORM_WEB | wire.Platform_PLATFORM_MAC)

// MeantFor reports whether a device of that platform gets the broadcast.
func MeantFor(b *wire.Broadcast, p wire.Platform) bool {
	return b.Platforms == 0 || b.Platforms&uint32(p) != 0
}

func validNotification(n *wire.Notification) bool {
	switch n.Scene {
	case wire.Scene_SCENE_P2P:
		if !validAccount(n.To) {
			return false
		}
	case wire.Scene_SCENE_TEAM:
		if _, ok := ParseTeamID(n.To); !ok {
			return false
		}
	default:
		return false
	}
	return validAccount(n.From) && validName(n.ClientId, maxClientID-1) && validName(n.Attach, maxAttach) &&
		validText(n.FromDevice, maxDevice) && n.TeamSeq == 0 && n.Version == 0 && n.TimeMs == 0 &&
		(n.Options == nil || validNotifyOptions(n.Options))
}

func validNotifyOptions(o *wire.NotifyOptions) bool {
	if !validText(o.Sound, maxSound) || o.SizeVT() > maxNotifyOptions {
		return false
	}
	p := o.Push
	if p == nil {
		return true
	}
	for _, account := range p.ForceAccounts {
		if !validAccount(account) {
			return false
		}
	}
	return len(p.ForceAccounts) <= maxForcedPushes && validText(p.Content, maxPushContent) &&
		validText(p.Payload, maxPushPayload) && validText(p.ForceContent, maxPushContent)
}

func (c *SendBroadcast) valid() bool {
	return validName(c.ClientID, maxClientID-1) && (c.From == "" || validAccount(c.From)) &&
		c.Body != "" && len(c.Body) <= maxAttach && utf8.ValidString(c.Body) &&
		c.Platforms&^allPlatforms == 0 && c.TTLMs > 0 && c.TTLMs <= MaxBroadcastHours*hourMs
}
