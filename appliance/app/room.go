package app

import "github.com/yizhan-im/yizhan/appliance/wire"

// enterRoom makes the session a member of a room of its tenant. Any name will
// do: there is nothing to a room but its members.
func (a *App) enterRoom(r *request, payload []byte) error {
	var in wire.EnterRoomRequest
	if in.UnmarshalVTUnsafe(payload) != nil {
		return errMalformed
	}
	if err := roomName(in.Room); err != nil {
		return err
	}
	members, err := a.rooms.Enter(&r.client.rooms, r.client.Conn, r.identity.Tenant, in.Room)
	if err != nil {
		return err
	}
	a.ok(r, &wire.EnterRoomResponse{Members: uint32(members)})
	return nil
}

// exitRoom ends the session's membership in a room, if it has one.
func (a *App) exitRoom(r *request, payload []byte) error {
	var in wire.ExitRoomRequest
	if in.UnmarshalVTUnsafe(payload) != nil {
		return errMalformed
	}
	if err := roomName(in.Room); err != nil {
		return err
	}
	a.rooms.Exit(&r.client.rooms, in.Room)
	a.ok(r, nil)
	return nil
}

// sendRoom gives one message to the members of a room. It is done when sendRoom
// returns: nothing is kept of it, and nobody but this node is asked.
func (a *App) sendRoom(r *request, payload []byte) error {
	var in wire.SendRoomRequest
	if in.UnmarshalVTUnsafe(payload) != nil {
		return errMalformed
	}
	if err := roomName(in.Room); err != nil {
		return err
	}
	if err := bytesWithin("client_id", in.ClientId, 0, maxClientID); err != nil {
		return err
	}
	if err := content(in.Type, in.Body, in.Ext, &r.tenant.Limits); err != nil {
		return err
	}
	m := wire.RoomMessagePush{
		Room: in.Room, From: r.identity.Account, FromPlatform: r.identity.Platform,
		ClientId: in.ClientId, Type: in.Type, Body: in.Body, Ext: in.Ext,
	}
	return a.rooms.Send(&r.client.rooms, &m, func() {
		a.ok(r, &wire.SendRoomResponse{Id: m.Id, TimeMs: m.TimeMs})
	})
}
