package socketio

import (
	"bytes"
	"encoding/json"
	"math/bits"
)

// The members of a placeholder.
const (
	placeholderMember = "_placeholder"
	numberMember      = "num"
)

// memberName is the name that the string raw stands for when it is one of a
// placeholder's, else "".
func memberName(raw []byte) string {
	switch {
	case string(raw) == `"`+placeholderMember+`"`:
		return placeholderMember
	case string(raw) == `"`+numberMember+`"`:
		return numberMember
	case bytes.IndexByte(raw, '\\') < 0 || len(raw) > len(`"\u0000"`)*len(placeholderMember):
		return ""
	}
	return unquote(raw) // a parser of the reference sees through escapes
}

// attachmentNumber is the number of a placeholder, -1 when raw is none.
func attachmentNumber(raw []byte) int {
	n, size := leadingDigits(raw)
	if size == 0 || size != len(raw) || n >= attachmentsCeiling {
		return -1
	}
	return int(n)
}

// unquote is what the checked string raw stands for.
func unquote(raw []byte) string {
	if bytes.IndexByte(raw, '\\') < 0 {
		return string(raw[1 : len(raw)-1])
	}
	var out string
	if err := json.Unmarshal(raw, &out); err != nil {
		return "" // not reached: raw has been checked
	}
	return out
}

// placeholders is the number of different ones seen.
func (s *scanner) placeholders() int { return bits.OnesCount64(s.seen) }
