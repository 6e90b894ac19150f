// Package socket is a Socket.IO 5 server on package engine: namespaces, CONNECT
// with auth, events, acknowledgements and attachments.
//
// It owns, for each Engine.IO session, which namespaces the client has joined or
// wants to join. It has no rooms, no adapter and no middleware, never looks into
// arguments, and starts no goroutine: what a client sends is handled by the
// goroutine of the engine that received it.
//
//	engine.Receiver ─▶ socketio.Decoder ─▶ session ─┬─ CONNECT ──▶ Namespace.Connect
//	                                                ├─ EVENT ────▶ Receiver.Event
//	                                                ├─ ACK ──────▶ Receiver.Acked
//	                                                └─ the end ──▶ Receiver.Disconnected
//
//	engine.Conn.Send ◀─ one shared frame ◀─ Socket.Emit ◀─ EncodeEvent, made once
//
// A client that breaks the protocol loses its session, as with the reference
// server: with a packet that cannot be decoded, with a packet for a namespace
// that it has not joined (so the first one must be CONNECT), or with a CONNECT to
// one that it has joined. Engine.IO closes sessions that do not join a namespace
// within Options.OpenTimeout: Accept ends that wait. A session whose client has
// left all namespaces stays open, as there.
//
// Source: https://github.com/socketio/socket.io-protocol and the behaviour of the
// reference server.
package socket
