// Package session owns the logged-in connections of this node: who is here, on
// which device, and which devices may be here together.
//
// It knows nothing of sockets or storage. A gateway (Link, WebLink) gives it a
// Conn for each client and calls a Handler with what the client asks; replies
// and pushes go back through the Conn.
//
//	gateway ── Handler.Request ──▶ app
//	gateway ◀── Conn.Reply ─────── app
//	gateway ◀── Conn.Push ──────── fan-out, found through the Hub
//
// Sessions are soft state: they never go through Raft.
package session
