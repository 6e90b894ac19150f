package state

import "unicode/utf8"

// What a command may hold. Package app applies the stricter rules of the
// protocol; these keep keys bounded and every stored string decodable by any
// client, whatever app does.
const (
	maxAppKey   = 64
	maxSecret   = 128
	maxName     = 128
	maxAccount  = 32
	maxClientID = 64
	maxDevice   = 64
	maxNote     = 1024
	maxProfile  = 16 << 10 // encoded
)

// validText reports whether s is UTF-8 (proto3 strings must be) of at most limit
// bytes.
func validText(s string, limit int) bool { return len(s) <= limit && utf8.ValidString(s) }

// validName is validText and not empty.
func validName(s string, limit int) bool { return s != "" && validText(s, limit) }

func validAccount(s string) bool { return validName(s, maxAccount) }
