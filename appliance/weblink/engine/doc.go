// Package engine is an Engine.IO 4 server: sessions over HTTP long-polling and
// WebSocket, the change from the one to the other, heartbeat, queues and limits.
//
// It owns sessions, the sockets taken from the HTTP server, their buffers and
// deadlines. It never looks into a message; package engineio owns the packets,
// package websocket the frames. README.md describes the design and what it costs.
//
//	GET, POST ─▶ decode payload ─┐
//	                             ├─▶ Receiver.Message
//	socket ─▶ decode frames ─────┘
//
//	GET    ◀─ payload ◀─────────┐
//	                            ├─ queue ◀─ Conn.Send
//	socket ◀─ frames ◀─ flusher ┘
package engine
