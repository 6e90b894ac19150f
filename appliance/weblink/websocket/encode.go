package websocket

import (
	"encoding/binary"
	"strings"
	"unicode/utf8"
)

const (
	finBit  = 0x80 // first byte of a frame
	rsv1Bit = 0x40
	rsvBits = 0x70
	maskBit = 0x80 // second byte

	len16 = 126 // values of the 7-bit length that announce a longer one
	len64 = 127

	maxControl     = 125 // bytes of payload, RFC 6455 §5.5
	maxCloseReason = maxControl - 2
)

// AppendMessage appends one unfragmented frame with payload to dst. Frames of
// a server are not masked (RFC 6455 §5.1), so that one frame may be sent to any
// number of clients. op is OpText or OpBinary; that the payload of a text is
// UTF-8 is the caller's business.
func AppendMessage(dst []byte, op Opcode, payload []byte) []byte {
	return append(appendHeader(dst, finBit|byte(op), len(payload)), payload...)
}

// AppendPong appends a pong frame that answers a ping which carried data. Of
// data longer than a ping can be, 125 bytes are taken.
func AppendPong(dst, data []byte) []byte {
	data = data[:min(len(data), maxControl)]
	return append(appendHeader(dst, finBit|byte(OpPong), len(data)), data...)
}

// AppendClose appends a close frame. The reason is for people who debug; it is
// cut to 123 bytes at the start of a rune, and what is not UTF-8 in it is
// replaced. A status that may not travel (RFC 6455 §7.4.1), such as
// StatusNoStatus, gives an empty close frame.
func AppendClose(dst []byte, status Status, reason string) []byte {
	if !status.mayTravel() {
		return appendHeader(dst, finBit|byte(OpClose), 0)
	}
	reason = cut(strings.ToValidUTF8(reason, string(utf8.RuneError)), maxCloseReason)
	dst = appendHeader(dst, finBit|byte(OpClose), 2+len(reason))
	dst = binary.BigEndian.AppendUint16(dst, uint16(status))
	return append(dst, reason...)
}

// Split takes a frame made by AppendMessage apart; payload shares its memory.
// For anything else, such as a compressed frame, op is 0 and payload nil.
func Split(frame []byte) (op Opcode, payload []byte) {
	if len(frame) < 2 {
		return 0, nil
	}
	size, length := 2, uint64(frame[1])
	switch {
	case length == len16 && len(frame) >= 4:
		size, length = 4, uint64(binary.BigEndian.Uint16(frame[2:]))
	case length == len64 && len(frame) >= 10:
		size, length = 10, binary.BigEndian.Uint64(frame[2:])
	}
	op = Opcode(frame[0] &^ finBit)
	if frame[0]&finBit == 0 || (op != OpText && op != OpBinary) || uint64(len(frame)-size) != length {
		return 0, nil
	}
	return op, frame[size:]
}

// headerSize is the size of an unmasked frame's header in bytes.
func headerSize(payload int) int {
	switch {
	case payload < len16:
		return 2
	case payload <= 0xffff:
		return 4
	default:
		return 10
	}
}

func appendHeader(dst []byte, first byte, payload int) []byte {
	switch {
	case payload < len16:
		return append(dst, first, byte(payload))
	case payload <= 0xffff:
		return append(dst, first, len16, byte(payload>>8), byte(payload))
	default:
		return binary.BigEndian.AppendUint64(append(dst, first, len64), uint64(payload))
	}
}

// cut shortens s to at most n bytes without leaving half a rune. s is UTF-8.
func cut(s string, n int) string {
	if len(s) <= n {
		return s
	}
	for !utf8.RuneStart(s[n]) {
		n--
	}
	return s[:n]
}
