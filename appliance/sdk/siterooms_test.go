package sdk

import (
	"testing"

	"github.com/yizhan-im/yizhan/appliance/wire"
)

// siteRooms are the rooms of a site.
type siteRooms struct {
	members map[string]map[*siteSession]bool
	lastID  uint64
	enters  int

	// refused is the answer to every request to enter, if not 0.
	refused wire.Code
	// busy is how many more requests of rooms are answered with 503.
	busy int
	// mute leaves requests to enter unanswered, though they are served.
	mute bool
	// hold keeps the answers to requests to enter in held.
	hold bool
	held []func()
	// cutSends cuts the connection instead of answering to that many messages,
	// which are sent.
	cutSends int
}

// roomRequest serves what a session asks of rooms.
func (s *siteSession) roomRequest(f *wire.Frame, decode func(interface{ UnmarshalVT([]byte) error })) {
	rooms := &s.site.rooms
	if rooms.busy > 0 {
		rooms.busy--
		s.reply(f, wire.CodeBusy, &wire.ErrorBody{Note: "try again", RetryAfterMs: 3000})
		return
	}
	switch f.Command {
	case wire.CmdEnterRoom:
		var r wire.EnterRoomRequest
		decode(&r)
		rooms.enters++
		if rooms.refused != 0 {
			s.reply(f, rooms.refused, &wire.ErrorBody{Note: "refused"})
			return
		}
		if rooms.members[r.Room] == nil {
			rooms.members[r.Room] = map[*siteSession]bool{}
		}
		rooms.members[r.Room][s] = true
		answer, request := &wire.EnterRoomResponse{Members: uint32(len(rooms.members[r.Room]))}, *f
		switch {
		case rooms.hold:
			rooms.held = append(rooms.held, func() { s.reply(&request, wire.CodeOK, answer) })
		case !rooms.mute:
			s.reply(f, wire.CodeOK, answer)
		}
	case wire.CmdExitRoom:
		var r wire.ExitRoomRequest
		decode(&r)
		delete(rooms.members[r.Room], s)
		s.reply(f, wire.CodeOK, nil)
	case wire.CmdSendRoom:
		var r wire.SendRoomRequest
		decode(&r)
		if !rooms.members[r.Room][s] {
			s.reply(f, wire.CodeForbidden, &wire.ErrorBody{Note: "enter the room first"})
			return
		}
		m := &wire.RoomMessagePush{Room: r.Room, From: s.account, ClientId: r.ClientId, Type: r.Type, Body: r.Body, Ext: r.Ext}
		s.site.sendRoom(m, s)
		if rooms.cutSends > 0 {
			rooms.cutSends--
			s.cut()
			return
		}
		s.reply(f, wire.CodeOK, &wire.SendRoomResponse{Id: m.Id, TimeMs: m.TimeMs})
	}
}

// sendRoom pushes m to the members of its room but from.
func (s *site) sendRoom(m *wire.RoomMessagePush, from *siteSession) {
	s.rooms.lastID++
	m.Id, m.TimeMs = s.rooms.lastID, 1_790_000_000_000+int64(s.rooms.lastID)
	for session := range s.rooms.members[m.Room] {
		if session != from {
			session.send(wire.AppendBody(nil, &wire.Frame{Kind: wire.KindPush, Command: wire.PushRoomMessage}, m))
		}
	}
}

// say is a room message that comes from another user.
func (s *site) say(room, body string) {
	s.change(func() { s.sendRoom(&wire.RoomMessagePush{Room: room, From: "carol", Body: body}, nil) })
}

// roomsOf lists the rooms that sessions of account are in.
func (s *site) roomsOf(account string) map[string]bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	in := map[string]bool{}
	for name, members := range s.rooms.members {
		for session := range members {
			if session.account == account {
				in[name] = true
			}
		}
	}
	return in
}

func (u *user) mustEnter(room string, members int) {
	u.t.Helper()
	got, err := u.EnterRoom(u.t.Context(), room)
	if err != nil || got != members {
		u.t.Fatalf("entering %s: %d members, %v; want %d", room, got, err, members)
	}
}

func (u *user) mustSendRoom(room, text string) RoomSendResult {
	u.t.Helper()
	r, err := u.SendRoom(u.t.Context(), room, Text(text))
	if err != nil {
		u.t.Fatalf("sending %q to %s: %v", text, room, err)
	}
	return r
}

// roomBodies are the texts of a room's messages, in the order of arrival, which
// must be that of ids.
func (b *book) roomBodies(t testing.TB, room string) (bodies []string) {
	t.Helper()
	_, events := b.all()
	last := uint64(0)
	for _, event := range events {
		if m, ok := event.(RoomMessage); ok && m.Room == room {
			if m.Id <= last {
				t.Errorf("after id %d came %d", last, m.Id)
			}
			last = m.Id
			bodies = append(bodies, m.Body)
		}
	}
	return bodies
}

func (b *book) waitRoomMessage(t testing.TB, body string) RoomMessage {
	t.Helper()
	return waitEvent(t, b, "room message "+body, func(m RoomMessage) bool { return m.Body == body })
}

func (b *book) waitReentry(t testing.TB, room string) RoomReentry {
	t.Helper()
	return waitEvent(t, b, "re-entry to "+room, func(r RoomReentry) bool { return r.Room == room })
}

// waitEvent waits for an event of type E that match accepts.
func waitEvent[E Event](t testing.TB, b *book, what string, match func(E) bool) (found E) {
	t.Helper()
	b.wait(t, what, func(events []Event) bool {
		for _, event := range events {
			if e, ok := event.(E); ok && match(e) {
				found = e
				return true
			}
		}
		return false
	})
	return found
}
