// Package engineio is the codec of the Engine.IO protocol, revision 4 (EIO=4):
// packets, WebSocket frames, HTTP long-polling payloads and the handshake.
//
// It owns the bytes and their limits. It opens no socket, keeps no session and
// reads no clock; a server gives it what one frame or one request body held.
//
//	WebSocket frame ──▶ Limits.DecodeFrame ───┐
//	                                          ├──▶ Packet
//	POST body ────────▶ Limits.DecodePayload ─┘
//
//	Packet ──▶ AppendFrame ──────────▶ WebSocket frame
//	       └─▶ Limits.AppendPayload ─▶ body of a poll's answer
//
// Decoded packets share memory with the input. What older revisions and old
// browsers needed (JSONP, the b64 query, length-prefixed payloads) is left out.
//
// Source: https://github.com/socketio/engine.io-protocol, the document and its
// test suite.
package engineio
