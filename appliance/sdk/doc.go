// Package sdk is the client of a Yizhan site for apps written in Go.
//
// A Client asks LBS where to connect, keeps one encrypted connection alive, logs
// in again after every interruption and catches up with what it missed. What
// the app sees is calls that wait for their answer and one stream of events:
//
//	            Send, History, MarkRead, …  (resent until answered)
//	app ───────────────────────────────────────────────▶ link ──▶ access point
//	 ▲                                                     │
//	 │  Events: per conversation in order of seq,          │ pushes
//	 │  without gap, each once                             ▼
//	 └───────── queue (bounded) ◀──────────────────────── inbox ◀── history, sync
//	                                                       │
//	                                                     Store: how far this device is
//
// A push that does not fit, comes twice, too early or not at all never reaches
// the app in that form: the inbox knows for each conversation which seq is next
// and which exists, and reads the difference from the server's history.
//
// Relations (friends, lists) are a copy of the server's that the client keeps in
// memory: of two states of one relation the newer counts, in whatever order they
// come, and after each login the difference is read.
//
// Notifications and broadcasts that are kept have versions instead of seqs, with
// gaps. The inbox remembers how far it has read them and which it was pushed beyond
// that, and so does the Store: each comes once.
//
// Rooms are simpler, for nothing of them is kept: their messages go into the queue
// as they come, or are dropped and counted when it is full, and the rooms are
// entered again after each login.
//
// The package carries no server code.
package sdk

// Version is what the client tells the server at login.
const Version = "yizhan-go/0.1.0"
