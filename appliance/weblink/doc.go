// Package weblink is the Socket.IO gateway: it gives browsers and every other
// client that speaks Engine.IO 4 and Socket.IO 5 the same sessions and requests
// as Link has, with JSON in the place of protobuf.
//
// It owns the binding: which event is which request, when a socket is logged in,
// what a client reads when it is refused or cut off. It never decides what a
// request means or who a client is. Transports, heartbeats, queues and timeouts
// are package engine's, packets and acknowledgements package socket's, the JSON
// package jsonwire's. README.md describes the design and what operators see,
// PROTOCOL.md what clients do.
//
//	engine ─▶ socket ─▶ CONNECT ─▶ conn ─▶ jsonwire ─▶ Handler.Request(login)
//	                 ─▶ event ───▶ conn ─▶ jsonwire ─▶ Handler.Request
//	engine ◀─ socket ◀─ ack ◀───── conn ◀─ jsonwire ◀─ Conn.Reply
//	                 ◀─ event ◀─── one frame per Event, shared ◀─ Conn.Push
package weblink
