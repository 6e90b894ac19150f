// Package state is the IM state machine: tenants, accounts, one-to-one
// conversations, read cursors and the sync versions of devices, the relations
// between accounts, subscriptions to presence, teams, and the site's storage for certificates. It is what
// every node of a site computes alike from the committed commands.
//
// It owns the commands' encoding, the keys and rows in the store, and the reads
// of them. It never reads a clock, never does I/O but through its store, never
// pushes to anyone and never decides who may ask: package app checks requests
// before they become commands, and this package checks again only what its own
// data depends on. The exception is who may do what in a team: that depends on
// the roles at the command's place in the log.
//
//	app ── command.Append ──▶ raftstore ── committed ──▶ Machine.Apply ──▶ rows
//	                                                          │
//	app ◀── Completion ── *SendResult … ◀─────────────────────┤
//	fanout ◀── OnApplied ── the same results, on every node ◀─┘
//	app ── Queries ──▶ raftstore.View ──▶ rows
//
// DESIGN.md has the table of keys and of commands, the invariants and figures.
package state
