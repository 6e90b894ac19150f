// Package eventlog writes the logins and logouts of a node behind its clients' backs:
// a login does not wait for its record.
//
//	app ── Add ─▶ queue ── as many as fit into one command ─▶ raftstore.Submit
//
// It owns the queue. When that is full, because the store has refused commands for a
// while, the newest events are dropped and counted: a record is for people who want to
// know where an account was used, and no service depends on it. The events of one
// node are recorded in their order.
package eventlog
