package fanout

import (
	"github.com/yizhan-im/yizhan/appliance/session"
	"github.com/yizhan-im/yizhan/appliance/state"
	"github.com/yizhan-im/yizhan/appliance/wire"
)

// relation pushes a changed relation: to the other devices of the account that
// changed it and, where it is another for the peer too, the peer's side of it to
// the peer's devices. Neither sees the other's.
func (f *Fanout) relation(r *state.RelationResult) {
	if r.Code != wire.CodeOK {
		return
	}
	if r.Changed {
		f.relationSide(r, r.Account, r.Session, r.Relation)
	}
	if r.PeerRelation != nil {
		f.relationSide(r, r.Peer, 0, r.PeerRelation) // 0 is no session's id
	}
}

func (f *Fanout) relationSide(r *state.RelationResult, account string, origin uint64, encoded []byte) {
	if !f.findOne(r.Tenant, account, origin) {
		return
	}
	rest := session.NewEvent(wire.PushRelation, &wire.RelationPush{By: r.Account, Note: r.Note})
	// The relation comes encoded, and a message may be put together from encoded
	// parts. Its field has the number of MessagePush.message.
	rest.Payload = append(messagePush(encoded), rest.Payload...)
	f.push(rest, &f.metrics.relations)
}

// friendMode tells the account's other devices.
func (f *Fanout) friendMode(r *state.FriendModeResult) {
	if r.Code == wire.CodeOK && r.Changed && f.findOne(r.Tenant, r.Account, r.Session) {
		f.push(session.NewEvent(wire.PushFriendMode, &wire.FriendModePush{Mode: r.Mode, Version: r.Version}), &f.metrics.relations)
	}
}

// findOne collects the sessions of one account, without the origin.
func (f *Fanout) findOne(tenant uint32, account string, origin uint64) bool {
	f.receivers = f.hub.Sessions(f.receivers[:0], tenant, account)
	return f.leaveOut(origin)
}
