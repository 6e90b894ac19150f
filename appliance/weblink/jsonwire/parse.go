package jsonwire

import (
	"encoding/binary"
	"math"
	"strconv"
	"unicode/utf8"
)

// parse appends the protobuf form of the JSON object in to dst. It takes what
// clients usually write: an object of known fields, each once, with texts, numbers,
// booleans, enums and lists of texts. For anything else it reports false: protojson knows
// what to make of it, or what is wrong with it.
func (p *plan) parse(dst, in []byte) (out []byte, ok bool) {
	r := reader{in: in}
	if out, ok = p.parseObject(dst, &r); ok && r.end() {
		return out, true
	}
	return dst, false
}

func (p *plan) parseObject(dst []byte, r *reader) (out []byte, ok bool) {
	if !r.take('{') {
		return dst, false
	}
	if r.take('}') {
		return dst, true
	}
	var seen uint64 // bit n: field n has come
	for {
		name, ok := r.plainText()
		if !ok || !r.take(':') {
			return dst, false
		}
		f := p.names[string(name)]
		if f == nil || seen&(1<<f.number) != 0 {
			return dst, false
		}
		seen |= 1 << f.number
		if dst, ok = f.parse(dst, r); !ok {
			return dst, false
		}
		if !r.take(',') {
			return dst, r.take('}')
		}
	}
}

// parse appends the field, whose value r is at.
func (f *field) parse(dst []byte, r *reader) (out []byte, ok bool) {
	switch f.kind {
	case kindText:
		if f.list {
			return f.parseTexts(dst, r)
		}
		return f.parseText(dst, r)
	case kindNumber:
		return f.parseNumber(dst, r, math.MaxUint32)
	case kindUnsigned:
		return f.parseNumber(dst, r, math.MaxUint64)
	case kindSigned: // a negative one is left to protojson
		return f.parseNumber(dst, r, math.MaxInt64)
	case kindBool:
		if r.word("true") {
			return f.appendNumber(dst, 1), true
		}
		return f.appendNumber(dst, 0), r.word("false")
	case kindEnum:
		name, ok := r.plainText()
		if !ok {
			return dst, false
		}
		number, known := f.numbers[string(name)]
		return f.appendNumber(dst, uint64(number)), known
	default:
		return dst, false
	}
}

func (f *field) parseTexts(dst []byte, r *reader) (out []byte, ok bool) {
	if !r.take('[') {
		return dst, false
	}
	if r.take(']') {
		return dst, true
	}
	for {
		if dst, ok = f.parseText(dst, r); !ok {
			return dst, false
		}
		if !r.take(',') {
			return dst, r.take(']')
		}
	}
}

func (f *field) parseText(dst []byte, r *reader) (out []byte, ok bool) {
	raw, escaped, ok := r.text()
	if !ok || len(raw) == 0 && !f.presence && !f.list {
		return dst, ok
	}
	dst = binary.AppendUvarint(dst, uint64(f.number)<<3|typeBytes)
	if !escaped {
		dst = binary.AppendUvarint(dst, uint64(len(raw)))
		return append(dst, raw...), true
	}
	// The length comes first, and is known last: it is appended behind the text,
	// and the two change places.
	start := len(dst)
	if dst, ok = appendUnescaped(dst, raw); !ok {
		return dst, false
	}
	var length [binary.MaxVarintLen64]byte
	n := binary.PutUvarint(length[:], uint64(len(dst)-start))
	dst = append(dst, length[:n]...)
	copy(dst[start+n:], dst[start:len(dst)-n])
	copy(dst[start:], length[:n])
	return dst, true
}

func (f *field) parseNumber(dst []byte, r *reader, most uint64) (out []byte, ok bool) {
	number, ok := r.number()
	return f.appendNumber(dst, number), ok && number <= most
}

func (f *field) appendNumber(dst []byte, number uint64) []byte {
	if number == 0 && !f.presence {
		return dst
	}
	dst = binary.AppendUvarint(dst, uint64(f.number)<<3|typeVarint)
	return binary.AppendUvarint(dst, number)
}

// reader reads JSON (RFC 8259). Its methods report false, and where they are then
// does not matter, for what parse leaves to protojson.
type reader struct {
	in []byte
	at int
}

func (r *reader) space() {
	for r.at < len(r.in) {
		switch r.in[r.at] {
		case ' ', '\t', '\n', '\r':
			r.at++
		default:
			return
		}
	}
}

// take takes the next token if it is c.
func (r *reader) take(c byte) bool {
	r.space()
	if r.at < len(r.in) && r.in[r.at] == c {
		r.at++
		return true
	}
	return false
}

// word takes the next token if it is w.
func (r *reader) word(w string) bool {
	r.space()
	if len(r.in)-r.at < len(w) || string(r.in[r.at:r.at+len(w)]) != w {
		return false
	}
	r.at += len(w)
	return true
}

// end reports whether nothing follows.
func (r *reader) end() bool {
	r.space()
	return r.at == len(r.in)
}

// text is a string's inside, which may have escapes.
func (r *reader) text() (raw []byte, escaped, ok bool) {
	if !r.take('"') {
		return nil, false, false
	}
	start := r.at
	for ; r.at < len(r.in); r.at++ {
		switch c := r.in[r.at]; {
		case c == '"':
			raw = r.in[start:r.at]
			r.at++
			return raw, escaped, utf8.Valid(raw)
		case c == '\\':
			escaped = true
			r.at++
		case c < ' ':
			return nil, false, false
		}
	}
	return nil, false, false
}

// plainText is a string without escapes.
func (r *reader) plainText() (text []byte, ok bool) {
	text, escaped, ok := r.text()
	return text, ok && !escaped
}

// number is an integer that is not negative, in quotes or not.
func (r *reader) number() (n uint64, ok bool) {
	quoted := r.take('"')
	start := r.at
	for r.at < len(r.in) && '0' <= r.in[r.at] && r.in[r.at] <= '9' {
		r.at++
	}
	digits := r.in[start:r.at]
	if len(digits) == 0 || digits[0] == '0' && len(digits) > 1 {
		return 0, false
	}
	if quoted {
		if r.at == len(r.in) || r.in[r.at] != '"' {
			return 0, false
		}
		r.at++
	}
	const most = 19 // digits that always fit
	if len(digits) > most {
		n, err := strconv.ParseUint(string(digits), 10, 64)
		return n, err == nil
	}
	for _, c := range digits {
		n = n*10 + uint64(c-'0')
	}
	return n, true
}

// appendUnescaped appends the text of a string's inside. Surrogates are left to
// protojson: whoever writes UTF-8 has no need of them.
func appendUnescaped(dst, raw []byte) (out []byte, ok bool) {
	for i := 0; i < len(raw); i++ {
		c := raw[i]
		if c != '\\' {
			dst = append(dst, c)
			continue
		}
		i++ // there is one more: a string does not end behind a backslash
		switch c = raw[i]; c {
		case '"', '\\', '/':
		case 'b':
			c = '\b'
		case 'f':
			c = '\f'
		case 'n':
			c = '\n'
		case 'r':
			c = '\r'
		case 't':
			c = '\t'
		case 'u':
			const digits = 4
			if len(raw)-i <= digits {
				return dst, false
			}
			code, err := strconv.ParseUint(string(raw[i+1:i+1+digits]), 16, 16)
			if err != nil || 0xd800 <= code && code <= 0xdfff {
				return dst, false
			}
			dst = utf8.AppendRune(dst, rune(code))
			i += digits
			continue
		default:
			return dst, false
		}
		dst = append(dst, c)
	}
	return dst, true
}
