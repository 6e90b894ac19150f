package app

import "github.com/yizhan-im/yizhan/appliance/state"

// mayTell says why an account may not have the members of a registered room told
// something that it has written itself, beside messages: what keeps it from sending
// does, or a mute would keep nobody quiet.
func (a *App) mayTell(r *request, number uint64) error {
	id := r.identity
	mute, err := a.queries.AccountMute(id.Tenant, id.Account)
	if err != nil {
		return err
	}
	if mute&state.MuteRoom != 0 {
		return errAccountMuted
	}
	info, self, err := a.queries.RoomMember(id.Tenant, number, id.Account)
	if err != nil {
		return err
	}
	var tags []string
	if g := r.client.rooms.Guest(info.Id); g != nil {
		tags = g.Tags
	}
	return a.maySendRoom(info, self, tags, id.Tenant, number, r.timeMs())
}

// mayTellIn is mayTell where own says whether there is anything of its own to tell.
func (a *App) mayTellIn(r *request, room string, own bool) error {
	if !own {
		return nil
	}
	number, err := roomNumber(room)
	if err != nil {
		return err
	}
	return a.mayTell(r, number)
}
