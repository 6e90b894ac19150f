package app

import (
	"github.com/yizhan-im/yizhan/appliance/state"
	"github.com/yizhan-im/yizhan/appliance/wire"
)

// pins reads the pinned messages of one of the account's conversations.
func (a *App) pins(r *request, payload []byte) error {
	in := new(wire.PinsRequest) // read later, so it must not share the payload
	if in.UnmarshalVT(payload) != nil {
		return errMalformed
	}
	var err error
	if in.Peer, err = counterpart(in.Scene, "peer", in.Peer); err != nil {
		return err
	}
	id := r.identity
	return a.query(r, func() (wire.Body, error) {
		return body(a.queries.Pins(id.Tenant, id.Account, id.DeviceID, in))
	})
}

// thread reads a page of the replies in a thread.
func (a *App) thread(r *request, payload []byte) error {
	in := new(wire.ThreadRequest)
	if in.UnmarshalVT(payload) != nil {
		return errMalformed
	}
	var err error
	if in.Peer, err = counterpart(in.Scene, "peer", in.Peer); err != nil {
		return err
	}
	limit, err := page(in.Limit, maxHistoryPage, maxHistoryPage)
	if err != nil {
		return err
	}
	if in.RootSeq == 0 {
		return errSeq
	}
	in.Limit = uint32(limit)
	id := r.identity
	return a.query(r, func() (wire.Body, error) {
		return body(a.queries.Thread(id.Tenant, id.Account, id.DeviceID, in))
	})
}

// reactions reads who has given a message an emoji.
func (a *App) reactions(r *request, payload []byte) error {
	in := new(wire.ReactionsRequest)
	if in.UnmarshalVT(payload) != nil {
		return errMalformed
	}
	var err error
	if in.Peer, err = counterpart(in.Scene, "peer", in.Peer); err != nil {
		return err
	}
	limit, err := page(in.Limit, defaultSyncPage, state.MaxReactionsPage)
	if err != nil {
		return err
	}
	if in.Seq == 0 {
		return errSeq
	}
	if err := bytesWithin("emoji", in.Emoji, 1, state.MaxEmojiBytes); err != nil {
		return err
	}
	if in.After != "" {
		if in.After, err = accountName("after", in.After); err != nil {
			return err
		}
	}
	in.Limit = uint32(limit)
	id := r.identity
	return a.query(r, func() (wire.Body, error) {
		return body(a.queries.Reactions(id.Tenant, id.Account, in))
	})
}

// deletions reads what the account has deleted for itself.
func (a *App) deletions(r *request, payload []byte) error {
	var in wire.DeletionsRequest
	if in.UnmarshalVTUnsafe(payload) != nil {
		return errMalformed
	}
	limit, err := page(in.Limit, defaultSyncPage, state.MaxDeletionsPage)
	if err != nil {
		return err
	}
	id, version := r.identity, in.Version
	return a.query(r, func() (wire.Body, error) {
		return body(a.queries.Deletions(id.Tenant, id.Account, version, limit))
	})
}
