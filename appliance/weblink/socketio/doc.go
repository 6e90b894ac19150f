// Package socketio is the codec of the Socket.IO protocol, revision 5, with the
// default encoding (JSON and binary attachments), as a server needs it: it
// decodes what clients send and encodes what servers send.
//
// It owns the grammar, the checks of each packet type and their limits. It
// opens no connection, keeps no namespace table and reads no clock; a server
// gives it the data of one Engine.IO message after another.
//
//	text message ──▶ grammar ─▶ JSON check ─┬─ no attachments ──────▶ Packet
//	                                        └─ n attachments ─▶ held ┐
//	binary message ──────────────────────────────────▶ 1 … n ────────┴▶ Packet
//
//	Append… ──▶ data of an Engine.IO message
//
// JSON is checked in one pass and handed on as it came; nothing is unmarshalled.
// Decoded packets share memory with the input of the call that completed them.
//
// Left out: custom parsers. The query part that clients of older revisions put
// behind a namespace is split off and kept.
//
// Source: https://github.com/socketio/socket.io-protocol, the document and its
// test suite; where they say nothing, the behaviour of the reference parser is
// the measure.
package socketio
