package socketio

import (
	"strconv"
	"unicode/utf8"
)

// The encoders append the data of one text message to dst. A namespace is as a
// Decoder returns it or otherwise begins with "/" and has neither comma, question
// mark nor control characters; JSON values are valid. They are the program's own
// and are not checked.

// AppendConnect appends the packet that tells a client that it has joined. data
// is a JSON object with at least the member sid.
func AppendConnect(dst []byte, namespace string, data []byte) []byte {
	return append(appendHead(dst, Connect, 0, namespace, NoID), data...)
}

// AppendConnectError appends the packet that tells a client that it may not
// join. data is a JSON object with at least the member message.
func AppendConnectError(dst []byte, namespace string, data []byte) []byte {
	return append(appendHead(dst, ConnectError, 0, namespace, NoID), data...)
}

// AppendDisconnect appends the packet that ends a client's stay in a namespace.
func AppendDisconnect(dst []byte, namespace string) []byte {
	return appendHead(dst, Disconnect, 0, namespace, NoID)
}

// AppendEvent appends an event. id asks for an Ack; NoID does not. args are JSON
// values.
func AppendEvent(dst []byte, namespace string, id uint64, name string, args ...[]byte) []byte {
	return appendArray(appendHead(dst, Event, 0, namespace, id), name, args)
}

// AppendBinaryEvent appends an event that as many binary messages follow as
// attachments says; args contain their placeholders.
func AppendBinaryEvent(dst []byte, namespace string, id uint64, attachments int, name string, args ...[]byte) []byte {
	return appendArray(appendHead(dst, BinaryEvent, attachments, namespace, id), name, args)
}

// AppendAck appends the answer to the event id. args is a JSON array, "[]" when
// nil.
func AppendAck(dst []byte, namespace string, id uint64, args []byte) []byte {
	return appendArgs(appendHead(dst, Ack, 0, namespace, id), args)
}

// AppendBinaryAck appends an answer that as many binary messages follow as
// attachments says; args contains their placeholders.
func AppendBinaryAck(dst []byte, namespace string, id uint64, attachments int, args []byte) []byte {
	return appendArgs(appendHead(dst, BinaryAck, attachments, namespace, id), args)
}

// AppendPlaceholder appends the JSON value that stands for the attachment number,
// counted from 0.
func AppendPlaceholder(dst []byte, number int) []byte {
	dst = append(dst, `{"`+placeholderMember+`":true,"`+numberMember+`":`...)
	return append(strconv.AppendInt(dst, int64(number), 10), '}')
}

// AppendString appends s as a JSON string. What is not UTF-8 becomes U+FFFD.
func AppendString(dst []byte, s string) []byte {
	const hex = "0123456789abcdef"
	dst = append(dst, '"')
	for len(s) > 0 {
		c := s[0]
		switch {
		case c == '"' || c == '\\':
			dst = append(dst, '\\', c)
		case c < ' ' || c == 0x7f:
			dst = append(dst, '\\', 'u', '0', '0', hex[c>>4], hex[c&0xf])
		case c < utf8.RuneSelf:
			dst = append(dst, c)
		default:
			r, size := utf8.DecodeRuneInString(s)
			dst = utf8.AppendRune(dst, r)
			s = s[size:]
			continue
		}
		s = s[1:]
	}
	return append(dst, '"')
}

// appendHead appends everything in front of the payload.
func appendHead(dst []byte, t PacketType, attachments int, namespace string, id uint64) []byte {
	dst = append(dst, '0'+byte(t))
	if t.binary() {
		dst = append(strconv.AppendInt(dst, int64(attachments), 10), '-')
	}
	if namespace != MainNamespace {
		dst = append(append(dst, namespace...), ',')
	}
	if id != NoID {
		dst = strconv.AppendUint(dst, id, 10)
	}
	return dst
}

func appendArray(dst []byte, name string, args [][]byte) []byte {
	dst = AppendString(append(dst, '['), name)
	for _, a := range args {
		dst = append(append(dst, ','), a...)
	}
	return append(dst, ']')
}

func appendArgs(dst, args []byte) []byte {
	if args == nil {
		return append(dst, '[', ']')
	}
	return append(dst, args...)
}
