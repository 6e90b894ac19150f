// Package link is the TCP gateway of the Link protocol: it accepts connections,
// makes the handshake, opens and seals records, splits frames and hands each
// request to a session.Handler.
//
// It owns sockets, their buffers and their deadlines. It never decides what a
// request means or who a client is; package secure owns the keys, package wire
// the frames. README.md describes the design and what it costs.
//
//	socket ─▶ open records ─▶ split frames ─▶ decompress ─▶ Handler.Request
//	socket ◀─ seal records ◀─ flush ◀─ queue ◀─ encode ◀─── Conn.Reply, Conn.Push
package link
