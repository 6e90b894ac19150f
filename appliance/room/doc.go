// Package room knows who is in which room of this node, and hands a room's
// messages to its members, whichever gateway they came through.
//
//	enter_room ── Rooms.Enter ──▶ shard (tenant, name) ──▶ room: members
//	send_room ─── Rooms.Send ───▶ room's turn ─▶ id, time, one Event ─▶ Conn.Push of each member
//	exit_room ─── Rooms.Exit ───▶ leaves the room; the last one takes it down
//	end of the connection ─ Rooms.Leave ─▶ leaves all rooms, for good
//
// It owns the members and the order of a room's messages: all members get them
// in the same order, and the sender's answer has its place in that order too.
// Messages of different rooms do not wait for each other, and entering and
// leaving do not wait for messages.
//
// Rooms are soft state. A message reaches a member at most once; nothing is
// kept, written or sent to another node, and nothing goes through Raft. The
// package never decides who may enter or what a message may say, and never looks
// for a room under another tenant than that of the session.
package room
