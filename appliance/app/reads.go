package app

import (
	"sync"

	"github.com/yizhan-im/yizhan/appliance/wire"
)

// maxAnswer is how large an answer may be, in bytes: it must fit a frame. Pages of
// messages are cut to that; what else is asked for by many at a time, such as
// profiles, is refused when each of them is at its limits.
const maxAnswer = wire.MaxFrame - wire.MaxFrameHeader

var errLargeAnswer = wire.Errorf(wire.CodeCountLimit, "the answer is too large for one frame: ask for less at a time")

// readPool runs queries on a bounded number of goroutines with a bounded queue
// each. Work with the same key goes to the same worker, so the queries of one
// connection are answered in their order.
type readPool struct {
	workers sync.WaitGroup

	mu     sync.RWMutex
	queues []chan func() // closed, under mu, by close
	closed bool
}

func newReadPool(workers, queue int) *readPool {
	p := &readPool{queues: make([]chan func(), workers)}
	for i := range p.queues {
		work := make(chan func(), queue)
		p.queues[i] = work
		p.workers.Go(func() {
			for run := range work {
				run()
			}
		})
	}
	return p
}

// submit queues run and reports whether there was room.
func (p *readPool) submit(key uint64, run func()) bool {
	p.mu.RLock()
	defer p.mu.RUnlock()
	if p.closed {
		return false
	}
	select {
	case p.queues[key%uint64(len(p.queues))] <- run:
		return true
	default:
		return false
	}
}

// waiting is how many queries are queued.
func (p *readPool) waiting() int {
	n := 0
	for _, q := range p.queues {
		n += len(q)
	}
	return n
}

// close refuses new work and waits for what is queued.
func (p *readPool) close() {
	p.mu.Lock()
	if !p.closed {
		p.closed = true
		for _, q := range p.queues {
			close(q)
		}
	}
	p.mu.Unlock()
	p.workers.Wait()
}

// query runs q on a worker and answers r with what it returns.
func (a *App) query(r *request, q func() (wire.Body, error)) error {
	return a.queryOn(a.reads, r, q)
}

func (a *App) queryOn(pool *readPool, r *request, q func() (wire.Body, error)) error {
	later := *r
	queued := pool.submit(r.identity.SessionID, func() {
		if later.client.ended.Load() {
			return // nobody waits for the answer
		}
		body, err := q()
		if err == nil && body != nil && body.SizeVT() > maxAnswer {
			err = errLargeAnswer
		}
		if err != nil {
			a.fail(&later, err)
			return
		}
		a.ok(&later, body)
	})
	if !queued {
		return errBusyReads
	}
	return nil
}
