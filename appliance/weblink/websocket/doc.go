// Package websocket is the server's side of the WebSocket protocol (RFC 6455)
// with permessage-deflate (RFC 7692): the opening handshake, a decoder that is
// fed with whatever the network brought, and encoders of frames.
//
// It owns the bytes and their limits. It starts no goroutine, sets no timer,
// reads and writes no socket after the handshake and never answers by itself:
// pongs and close frames are made here and sent by the caller.
//
//	HTTP request ──▶ Upgrade ──▶ net.Conn
//
//	bytes read ──▶ Decoder.Decode ──▶ Handler.Message, Ping, Pong, CloseFrame
//
//	Message ──▶ AppendMessage, AppendDeflated ──▶ frame, for any number of clients
//	                                              └─▶ Split (long-polling)
//
// Compression keeps no state between messages in either direction
// (server_no_context_takeover, client_no_context_takeover), so an idle client
// costs no window and a compressed frame may be shared like any other.
//
// Masking comes from github.com/gobwas/ws, DEFLATE from
// github.com/klauspost/compress. README.md says which limits hold and what
// things cost.
package websocket
