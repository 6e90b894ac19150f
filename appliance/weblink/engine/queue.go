package engine

import (
	"sync"

	"github.com/yizhan-im/yizhan/appliance/weblink/engineio"
	"github.com/yizhan-im/yizhan/appliance/weblink/websocket"
)

// Packets that carry nothing are the same for everybody.
var (
	pingFrame  = packetFrame(engineio.Ping)
	noopFrame  = packetFrame(engineio.Noop)
	closeFrame = packetFrame(engineio.Close)
)

func packetFrame(t engineio.Type) []byte {
	return websocket.AppendMessage(nil, websocket.OpText, []byte{'0' + byte(t)})
}

// queue is what waits for one client: WebSocket frames, in order, which it
// shares with other sessions. It is lent to a session while something waits.
type queue struct {
	frames [][]byte
	bytes  int
}

var queues = sync.Pool{New: func() any { return new(queue) }}

// maxPooledFrames bounds what an unused queue keeps, in frames.
const maxPooledFrames = 1 << 10

func getQueue() *queue { return queues.Get().(*queue) }

func (q *queue) add(frame []byte) {
	q.frames = append(q.frames, frame)
	q.bytes += len(frame)
}

// drop forgets the first n frames.
func (q *queue) drop(n int) {
	for _, f := range q.frames[:n] {
		q.bytes -= len(f)
	}
	rest := copy(q.frames, q.frames[n:])
	clear(q.frames[rest:])
	q.frames = q.frames[:rest]
}

// release gives q back. It may be nil.
func (q *queue) release() {
	if q == nil || cap(q.frames) > maxPooledFrames {
		return
	}
	clear(q.frames)
	q.frames, q.bytes = q.frames[:0], 0
	queues.Put(q)
}
