package socket

import (
	"sync"

	"github.com/yizhan-im/yizhan/appliance/weblink/engine"
	"github.com/yizhan-im/yizhan/appliance/weblink/socketio"
)

// EncodeEvent makes the message of an event for Socket.Emit. args are JSON
// values. It may be emitted to any number of sockets of the namespace.
func EncodeEvent(namespace, name string, args ...[]byte) []byte {
	return EncodeRequest(namespace, socketio.NoID, name, args...)
}

// EncodeRequest is EncodeEvent for an event that the client is asked to answer:
// Receiver.Acked gets the answer with the id, at most socketio.MaxID.
func EncodeRequest(namespace string, id uint64, name string, args ...[]byte) []byte {
	b := buffers.Get().(*[]byte)
	*b = socketio.AppendEvent((*b)[:0], namespace, id, name, args...)
	return finish(b, engine.Message)
}

// EncodeDeflatedEvent is EncodeEvent for clients whose Conn().Deflate() is true.
func EncodeDeflatedEvent(namespace, name string, args ...[]byte) []byte {
	b := buffers.Get().(*[]byte)
	*b = socketio.AppendEvent((*b)[:0], namespace, socketio.NoID, name, args...)
	return finish(b, engine.DeflatedMessage)
}

// EncodeBinaryEvent makes the messages of an event with attachments, all of which
// one call of Socket.Emit sends. args are JSON values with a placeholder
// (socketio.AppendPlaceholder) for each attachment.
func EncodeBinaryEvent(namespace, name string, attachments [][]byte, args ...[]byte) [][]byte {
	text := frame(func(dst []byte) []byte {
		return socketio.AppendBinaryEvent(dst, namespace, socketio.NoID, len(attachments), name, args...)
	})
	return appendBinary(append(make([][]byte, 0, 1+len(attachments)), text), attachments)
}

func appendBinary(messages, attachments [][]byte) [][]byte {
	for _, a := range attachments {
		messages = append(messages, engine.Message(a, true))
	}
	return messages
}

func encodeAck(namespace string, id uint64, args []byte) []byte {
	b := buffers.Get().(*[]byte)
	*b = socketio.AppendAck((*b)[:0], namespace, id, args)
	return finish(b, engine.Message)
}

func encodeBinaryAck(namespace string, id uint64, attachments int, args []byte) []byte {
	return frame(func(dst []byte) []byte { return socketio.AppendBinaryAck(dst, namespace, id, attachments, args) })
}

// buffers hold packets until they are in their frames.
var buffers = sync.Pool{New: func() any { return new([]byte) }}

// maxKept is the largest buffer that waits for the next packet, in bytes.
const maxKept = 16 << 10

// finish makes a frame of the packet in b, which goes back to buffers.
func finish(b *[]byte, message func(data []byte, binary bool) []byte) []byte {
	f := message(*b, false)
	if cap(*b) <= maxKept {
		buffers.Put(b)
	}
	return f
}

// frame makes a frame of the packet that encode appends, where speed does not
// matter.
func frame(encode func(dst []byte) []byte) []byte { return engine.Message(encode(nil), false) }
