package websocket

// Held is how many bytes of buffers d holds, -1 when it holds nothing at all.
func (d *Decoder) Held() int {
	if d.part == nil {
		return -1
	}
	return cap(d.part.message) + cap(d.part.control)
}

const MaxStreams = maxStreams

// InflatedBytes is how many bytes are made of a compressed message before it is
// given up, or has ended.
func InflatedBytes(payload []byte, limit int) (int, error) {
	i, _, err := inflate(payload, limit)
	defer i.release()
	return len(i.out), err
}
