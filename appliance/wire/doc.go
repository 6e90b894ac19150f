// Package wire is what travels between a client and a node: the protobuf
// messages, the frame that carries one message, the commands that name them and
// the table of result codes.
//
// It owns encodings and their limits. It never does I/O, encrypts, compresses or
// decides what a request means. PROTOCOL.md describes the same for people who
// implement a client in another language.
//
//	frame   = length  kind|compression  header  payload
//	request = command serial   payload is the command's request message
//	response= serial  code     payload is the command's response message
//	push    = command          payload is the push message
//	ping, pong                 nothing
package wire

//go:generate go run github.com/bufbuild/buf/cmd/buf@v1.75.0 generate
