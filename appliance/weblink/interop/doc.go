// Package interop proves that the newest stock client, socket.io-client from npm,
// works with WebLink. It holds tests and the scripts that they run with Node; the
// appliance uses nothing of it.
//
//	go test ─▶ servers on loopback ports ◀──────────┐ Socket.IO, and POST /desk/…
//	        └▶ node matrix.mjs URL ─▶ cases/*.mjs ──┘
//	        ◀─ one line of JSON for each case
//
// examples/chat.mjs is the smallest whole client. README.md tells how to run the
// scripts by hand.
package interop
