package framing

import "sync"

const (
	// bufferSize is what a new buffer holds: a handful of usual frames.
	bufferSize = 2 << 10
	// maxPooled is the largest buffer that goes back to the pool, so that a rare
	// large frame does not leave its memory behind.
	maxPooled = 64 << 10
)

// Buffer is bytes on loan from a pool.
type Buffer struct {
	B []byte
}

var buffers = sync.Pool{New: func() any { return &Buffer{B: make([]byte, 0, bufferSize)} }}

// GetBuffer borrows an empty buffer.
func GetBuffer() *Buffer {
	return buffers.Get().(*Buffer)
}

// Release gives b back; nobody may use it, or a part of it, any more. A nil b
// is nothing.
func (b *Buffer) Release() {
	if b == nil || cap(b.B) > maxPooled {
		return
	}
	b.B = b.B[:0]
	buffers.Put(b)
}
