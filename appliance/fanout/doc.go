// Package fanout delivers what the state machine has accepted to the sessions
// of this node.
//
//	raftstore.OnApplied ── results, in the log's order ──▶ Deliver
//	Deliver ── who: session.Hub ── one Event for all ──▶ Conn.Push
//	   └─ of mega-teams ── queue ── who: megaIndex ── one Event for all ──▶ Conn.Push
//
// Broadcasts to all sessions of a tenant leave Deliver's way: they go in pieces, from
// a goroutine of their own. So does what happens in mega-teams, in its order; only
// when a thousand of such results wait does Deliver wait for them.
//
// It owns the choice of receivers and nothing else. It never waits for a client (a
// slow one's connection is closed by its gateway), never encodes an event twice, and
// never stores: a client that is not here finds everything by sync.
package fanout
