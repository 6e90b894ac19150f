package jsonwire

import (
	"encoding/binary"
	"strconv"
	"unicode/utf8"
)

// The wire types of protobuf that wire's messages have
// (https://protobuf.dev/programming-guides/encoding/).
const (
	typeVarint = 0
	typeBytes  = 2
)

// append appends the JSON object of payload, the protobuf form of the plan's
// message. It takes what our encoders make: known fields, in the order of their
// numbers, each once. For anything else it reports false and appends nothing that
// counts: protojson knows what to make of it.
func (p *plan) append(dst, payload []byte) (out []byte, ok bool) {
	dst = append(dst, '{')
	start := len(dst)
	last := uint64(0) // the field before
	for len(payload) > 0 {
		tag, n := binary.Uvarint(payload)
		number := tag >> 3
		if n <= 0 || number >= uint64(len(p.fields)) {
			return dst, false
		}
		payload = payload[n:]
		f := p.fields[number]
		if f == nil || number < last || number == last && !f.list {
			return dst, false
		}
		value, n := binary.Uvarint(payload) // the number, or how many bytes follow
		if n <= 0 {
			return dst, false
		}
		payload = payload[n:]
		var bytes []byte
		switch tag & 7 {
		case typeVarint:
			if f.kind < kindNumber || f.kind > kindEnum {
				return dst, false
			}
			if value == 0 && !f.presence {
				last = number
				continue
			}
		case typeBytes:
			if f.kind != kindText && f.kind != kindMessage || value > uint64(len(payload)) {
				return dst, false
			}
			bytes, payload = payload[:value], payload[value:]
			if f.kind == kindText && value == 0 && !f.presence && !f.list {
				last = number
				continue
			}
		default:
			return dst, false
		}
		dst = f.begin(dst, start, number == last)
		if dst, ok = f.value(dst, value, bytes); !ok {
			return dst, false
		}
		last = number
		if f.list && !continues(payload, tag) {
			dst = append(dst, ']')
		}
	}
	return append(dst, '}'), true
}

// continues reports whether the next field is another element of the list with
// this tag.
func continues(payload []byte, tag uint64) bool {
	next, n := binary.Uvarint(payload)
	return n > 0 && next == tag
}

// begin appends what comes before a value; start is where its object's members
// start.
func (f *field) begin(dst []byte, start int, another bool) []byte {
	if len(dst) > start {
		dst = append(dst, ',')
	}
	if another {
		return dst
	}
	dst = append(dst, f.key...)
	if f.list {
		dst = append(dst, '[')
	}
	return dst
}

// value appends one value: number, or the bytes of a text or message.
func (f *field) value(dst []byte, number uint64, bytes []byte) (out []byte, ok bool) {
	switch f.kind {
	case kindText:
		return appendText(dst, bytes)
	case kindMessage:
		return f.message.append(dst, bytes)
	case kindNumber:
		return strconv.AppendUint(dst, uint64(uint32(number)), 10), true
	case kindUnsigned:
		dst = strconv.AppendUint(append(dst, '"'), number, 10)
		return append(dst, '"'), true
	case kindSigned:
		dst = strconv.AppendInt(append(dst, '"'), int64(number), 10)
		return append(dst, '"'), true
	case kindBool:
		return strconv.AppendBool(dst, number != 0), true
	case kindEnum:
		if name, known := f.names[int(int32(number))]; known {
			return append(dst, name...), true
		}
		return strconv.AppendInt(dst, int64(int32(number)), 10), true
	default:
		return dst, false
	}
}

const hex = "0123456789abcdef"

// appendText appends a JSON string (RFC 8259 §7). It reports false for what is
// not UTF-8.
func appendText(dst, text []byte) (out []byte, ok bool) {
	if !utf8.Valid(text) {
		return dst, false
	}
	dst = append(dst, '"')
	done := 0
	for i, c := range text {
		if c >= ' ' && c != '"' && c != '\\' {
			continue
		}
		dst = append(dst, text[done:i]...)
		done = i + 1
		switch c {
		case '"', '\\':
			dst = append(dst, '\\', c)
		case '\n':
			dst = append(dst, '\\', 'n')
		case '\r':
			dst = append(dst, '\\', 'r')
		case '\t':
			dst = append(dst, '\\', 't')
		default:
			dst = append(dst, '\\', 'u', '0', '0', hex[c>>4], hex[c&15])
		}
	}
	dst = append(dst, text[done:]...)
	return append(dst, '"'), true
}
