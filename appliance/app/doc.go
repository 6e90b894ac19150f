// Package app serves what clients and tenants' backends ask: it decides who may
// do what, and turns it into commands of the state machine or into queries.
//
//	gateway ── Request ──▶ dispatch ─▶ login ─────────▶ session.Hub
//	                │         ▲
//	                ▼         │ one at a time, in their order
//	              line ─▶ Gate.Ask, when the tenant's backend wants to be asked
//
//	                       dispatch
//	                          ├─ send, recall, read, ack, update_profile
//	                          │      └─▶ raftstore.Submit ─▶ op.Done ─▶ Conn.Reply
//	                          ├─ sync, history, profiles
//	                          │      └─▶ readPool ─▶ state.Queries ─▶ Conn.Reply
//	                          └─ enter_room, exit_room, send_room ─▶ room.Rooms ─▶ Conn.Push, Conn.Reply
//	HTTP API ── App's other methods ─▶ raftstore.Propose, state.Queries
//	raftstore.OnApplied ── Applied ─▶ tenant cache, kicks
//
// It owns validation, limits, login and the answers' codes. It keeps no state of
// its own that matters: a change is answered only after the store has committed
// it, and every key it touches starts with the tenant of the session (or of the
// authenticated backend), never with one that a client names. It never blocks a
// store's completion, and never logs a token.
//
// Commands of one connection are submitted in the order of arrival. Queries of
// one connection run in their order too, but beside the commands: who wants to
// read what he wrote waits for the answer of the write. When a tenant's backend must
// be asked before a request, all that the client sends behind it waits until that
// one is under way: see line.go.
package app
