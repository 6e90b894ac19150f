// Package jsonwire turns the JSON that WebLink's clients read and write into the
// protobuf messages of package wire, and back.
//
// The JSON is ProtoJSON (https://protobuf.dev/programming-guides/json/): names in
// lowerCamelCase (those of the .proto are taken too), 64-bit integers as strings
// (numbers are taken too), enums by name (numbers are taken too), default values
// left out, unknown fields and unknown enum names ignored.
//
//	event, CONNECT auth ─▶ AppendRequest ──▶ protobuf payload ─▶ Handler.Request
//	ack                 ◀─ AppendAnswer ◀── message         ◀── Conn.Reply
//	event               ◀─ AppendPush ◀──── protobuf payload ◀─ Conn.Push
//
// What clients and our own encoders usually write is turned straight from one form
// into the other, by a plan made from the message's description; everything else
// goes through protojson, which also finds what is wrong. Fuzzing compares the two.
//
// It owns which command has which message, and the limits on what is decoded. It
// never decides what a message means, and no error of it repeats what a client
// sent: that may be a token.
package jsonwire

//go:generate go run ./internal/mkts ../../wire ../../sdk/web/src/wire.gen.ts
