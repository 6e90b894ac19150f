package weblink

import "sync"

// maxIdleBuffer is the largest buffer that is kept for another request, in bytes.
const maxIdleBuffer = 64 << 10

// payloads lends the memory for one request or answer.
var payloads = bufferPool{sync.Pool{New: func() any { return new([]byte) }}}

type bufferPool struct{ pool sync.Pool }

// get lends an empty buffer.
func (p *bufferPool) get() *[]byte { return p.pool.Get().(*[]byte) }

// put gives b back; nobody may use it afterwards.
func (p *bufferPool) put(b *[]byte) {
	if cap(*b) > maxIdleBuffer {
		return
	}
	*b = (*b)[:0]
	p.pool.Put(b)
}
