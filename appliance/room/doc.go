// Package room knows who is in which room of this node, and hands a room's
// messages to its members, whichever gateway they came through.
//
//	enter_room ── Rooms.Enter ──▶ shard (tenant, name) ──▶ room: members, in parts
//	send_room ─── Rooms.Send ───▶ id, time, one Event ─▶ pending in each part
//	                              lane: its parts in turn ─▶ Conn.PushAll of some members
//	exit_room ─── Rooms.Exit ───▶ leaves the room; the last one takes it down
//	end of the connection ─ Rooms.Leave ─▶ leaves all rooms, for good
//
// It owns the members and the order of a room's messages: all members get them
// in the same order, and the sender's answer has its place in that order too.
// Nobody waits for a message to go through its room: lanes, one for each
// processor, do that. A large room has several parts for each lane; a member stays
// in its part, which one lane at a time serves, and that keeps the order. Lanes go
// round the members of a part for as long as there is something, and give each what
// has come since the last time, with one system call: a message is never further
// away from a member than one way round, and a room that is too busy for the node
// makes longer ways with more messages at a time, not a longer queue. Parts take
// turns after some members, so a large room does not keep the others waiting, and
// lanes rest, so that nobody's request waits for them.
//
// Queues are bounded. What does not fit is refused: first, and long before the
// queue is full, messages of low priority, so that a room under overload goes on
// with what matters and never takes the node with it.
//
// Rooms are soft state. A message reaches a member at most once; nothing is kept
// or written, and nothing goes through Raft. Remote is where other nodes of the
// site are to hear of a room's messages. The package never decides who may enter
// or what a message may say, and never looks for a room under another tenant than
// that of the session.
package room
