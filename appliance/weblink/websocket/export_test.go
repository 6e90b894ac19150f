package websocket

import "bytes"

// Held is how many bytes of buffers d holds, -1 when it holds nothing at all.
func (d *Decoder) Held() int {
	if d.part == nil {
		return -1
	}
	return cap(d.part.message) + cap(d.part.control)
}

const MaxStreams = maxStreams

// Inflated returns what was made of a compressed message before it was given
// up, or had ended.
func Inflated(payload []byte, limit int) ([]byte, error) {
	i, _, err := inflate(payload, limit)
	defer i.release()
	return bytes.Clone(i.out), err
}
