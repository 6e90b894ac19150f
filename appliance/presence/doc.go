// Package presence knows who is online on which devices, and tells those who have
// subscribed to it.
//
// Presence is soft state: it never goes through Raft, and nothing of it survives
// the process. The gateway that owns a session is authoritative for it. This node's
// sessions are in session.Hub; what is here beside them are the devices whose
// connection was lost a moment ago:
//
//	app ── Online, Offline ─▶ Directory ── grace is over ─▶ changed
//	app ── Notify ──────────────────────────────────────────▶ changed
//	changed ─▶ queue, one place for each account ─▶ Audience ─▶ Conn.Push
//
// A connection that ends without a logout (a lost network, a node that is drained)
// leaves its device online for the grace period. A device that logs in again within
// it was never offline, and nobody is told anything: a rolling restart, which all
// clients come back from within seconds, makes no user look offline and pushes
// nothing.
//
// Other nodes are behind Remote. Each gateway, named by its node and an epoch that
// grows with every start of the node, streams what changes of its sessions, with
// digests of all now and then. A node that loses a gateway keeps that epoch's
// devices for the grace period, as here those of a lost connection, and drops them
// all at once after it; a device that another gateway reports meanwhile has not been
// offline. Whoever implements Remote calls Directory.Changed where the answer of
// Devices has become another one.
//
// The package never decides who may see whose presence: Audience does.
package presence
