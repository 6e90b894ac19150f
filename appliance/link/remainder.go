package link

import "bytes"

// remainder is the beginning of something, a record or a frame, that has not
// wholly arrived. It is as long as what the client has sent of it, never as what
// it has announced.
type remainder []byte

// join is everything that there is to look at when in has arrived.
func (r *remainder) join(in []byte) []byte {
	if len(*r) == 0 {
		return in
	}
	return append(*r, in...)
}

// keep holds on to rest, the end of joined that could not be used yet.
func (r *remainder) keep(joined, rest []byte) {
	switch {
	case len(rest) == 0:
		*r = nil
	case len(*r) > 0 && len(rest) == len(joined):
		// Nothing was used: it stays where it is, so that a client that sends byte
		// by byte costs no copy for each.
		*r = joined
	default:
		*r = bytes.Clone(rest)
	}
}
