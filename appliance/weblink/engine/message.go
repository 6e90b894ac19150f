package engine

import "github.com/yizhan-im/yizhan/appliance/weblink/websocket"

// messageType is the first byte of a text message packet; binary ones have none
// (Engine.IO protocol, "Packet encoding").
const messageType = '4'

// Message makes the frame that carries a message: what Conn.Send and Conn.Close
// take. It may be sent to any number of clients and must not be changed. A text
// is UTF-8 without the byte 0x1e, which separates the packets of a poll; JSON
// escapes that byte.
func Message(data []byte, binary bool) []byte {
	op, packet := packetOf(data, binary)
	return websocket.AppendMessage(make([]byte, 0, len(packet)+maxFrameHeader), op, packet)
}

// DeflatedMessage is Message for clients whose Conn.Deflate is true.
func DeflatedMessage(data []byte, binary bool) []byte {
	op, packet := packetOf(data, binary)
	return websocket.AppendDeflated(nil, op, packet)
}

// maxFrameHeader is the longest header of a server's frame (RFC 6455 §5.2).
const maxFrameHeader = 10

func packetOf(data []byte, binary bool) (websocket.Opcode, []byte) {
	if binary {
		return websocket.OpBinary, data
	}
	packet := make([]byte, 0, 1+len(data))
	return websocket.OpText, append(append(packet, messageType), data...)
}
