package engine

import "github.com/yizhan-im/yizhan/appliance/weblink/websocket"

// messageType is the first byte of a text message packet; binary ones have none
// (Engine.IO protocol, "Packet encoding").
const messageType = '4'

// maxFrameHeader is the longest header of a server's frame (RFC 6455 §5.2).
const maxFrameHeader = 10

// Message makes the frame that carries a message: what Conn.Send and Conn.Close
// take. It may be sent to any number of clients and must not be changed. A text
// is UTF-8 without the byte 0x1e, which separates the packets of a poll; JSON
// escapes that byte.
func Message(data []byte, binary bool) []byte {
	if binary {
		return websocket.AppendMessage(make([]byte, 0, len(data)+maxFrameHeader), websocket.OpBinary, data)
	}
	packet := getBuffer()
	defer packet.release()
	packet.b = append(append(packet.b, messageType), data...)
	return websocket.AppendMessage(make([]byte, 0, len(packet.b)+maxFrameHeader), websocket.OpText, packet.b)
}

// DeflatedMessage is Message for clients whose Conn.Deflate is true.
func DeflatedMessage(data []byte, binary bool) []byte {
	if binary {
		return websocket.AppendDeflated(nil, websocket.OpBinary, data)
	}
	packet := getBuffer()
	defer packet.release()
	packet.b = append(append(packet.b, messageType), data...)
	return websocket.AppendDeflated(nil, websocket.OpText, packet.b)
}
