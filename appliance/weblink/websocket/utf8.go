package websocket

import "unicode/utf8"

// validPrefix looks at text of which more may come. n is the length of its
// whole runes; what follows, at most three bytes, is the beginning of one. ok is
// false when b cannot become UTF-8 whatever comes (RFC 6455 §8.1, RFC 3629).
func validPrefix(b []byte) (n int, ok bool) {
	n = len(b)
	for i := 1; i < utf8.UTFMax && i <= len(b); i++ {
		if tail := b[len(b)-i:]; utf8.RuneStart(tail[0]) {
			// FullRune is false only for what may still become a rune.
			if !utf8.FullRune(tail) {
				n -= i
			}
			break
		}
	}
	return n, utf8.Valid(b[:n])
}
