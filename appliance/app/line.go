package app

import (
	"slices"
	"sync"

	"github.com/yizhan-im/yizhan/appliance/wire"
)

// A request that a tenant's backend must be asked about takes as long as that
// backend. The goroutine of the connection must not wait for it: it answers pings
// and notices the end of the connection, and a gateway may hold buffers or answer
// other requests of the same client on it. So such a request is copied and served
// on a goroutine of its own, and so is, behind it, whatever the client sends until
// that is done: the requests of one connection are carried out in their order, one
// at a time, and those of others do not notice. The goroutine ends with the queue.
//
// Who serves a connection is therefore either the goroutine that calls Request or,
// while its line is busy, that of the line; never both. What belongs to the one who
// serves (session.Session.Limit, client.flood) is handed over with the line's
// mutex.

// Limits of one connection's line. A client that pipelines more gets CodeBusy; one
// that needs its messages in order waits for the answer before it goes on, as it
// does when the store is busy.
const (
	maxLine      = 64        // requests behind the one that is served
	maxLineBytes = 128 << 10 // of their payloads
)

// line is the queue of one connection. Only those that need one have it.
type line struct {
	mu      sync.Mutex
	busy    bool // a goroutine serves it
	waiting []waiting
	bytes   int
	refused int // because it was full, since it was last not busy
}

type waiting struct {
	request request
	payload []byte
}

// joined is what became of a request that came while others may wait.
type joined uint8

const (
	lineIdle joined = iota // nothing waits: the caller serves it
	lineJoined
	lineFull
	lineFlood // full for so many requests that the client must be broken
)

func (l *line) join(r *request, payload []byte) joined {
	l.mu.Lock()
	defer l.mu.Unlock()
	if !l.busy {
		return lineIdle
	}
	if len(l.waiting) >= maxLine || l.bytes+len(payload) > maxLineBytes {
		if l.refused++; l.refused > maxFlood {
			return lineFlood
		}
		return lineFull
	}
	l.waiting = append(l.waiting, waiting{*r, slices.Clone(payload)})
	l.bytes += len(payload)
	return lineJoined
}

func (l *line) begin() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.busy, l.refused = true, 0
}

// next takes the first that waits; when there is none, the line is no longer busy.
func (l *line) next() (w waiting, ok bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if len(l.waiting) == 0 {
		l.busy, l.waiting = false, nil
		return waiting{}, false
	}
	w = l.waiting[0]
	l.waiting = slices.Delete(l.waiting, 0, 1)
	l.bytes -= len(w.payload)
	return w, true
}

// join puts r behind the requests of its connection that wait, and reports whether
// there are any: otherwise the caller serves it.
func (a *App) join(r *request, payload []byte) bool {
	l := r.client.line
	if l == nil {
		return false
	}
	if len(payload) > maxRequest {
		payload = payload[:maxRequest+1] // enough to be refused for its length in its turn
	}
	switch l.join(r, payload) {
	case lineIdle:
		return false
	case lineFull:
		a.fail(r, errBusyLine)
	case lineFlood:
		a.fail(r, errBusyLine)
		a.endFlood(r)
	}
	return true
}

// startLine makes the connection of r wait for first, which may block. Only the
// goroutine that calls Request may call it, for a connection whose line is idle.
func (a *App) startLine(r *request, first func()) {
	c := r.client
	if c.line == nil {
		c.line = new(line)
	}
	l := c.line
	l.begin()
	a.lines.Go(func() {
		first()
		for {
			w, ok := l.next()
			if !ok {
				return
			}
			if c.ended.Load() {
				continue // as Request does with what comes now
			}
			w.request.mayWait = true
			a.handle(&w.request, w.payload)
		}
	})
}

// endFlood ends a connection whose client does not care that it is refused.
func (a *App) endFlood(r *request) {
	var appKey, account string
	if id := r.session.Identity(); id != nil {
		appKey, account = id.AppKey, id.Account
	}
	a.log.refused("flood", r.client.RemoteAddr(), errFlood, appKey, account)
	a.end(r.session, wire.CodeRateLimited, closeEvent(errFlood.Code, errFlood.Note))
}
