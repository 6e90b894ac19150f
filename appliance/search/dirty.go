package search

import (
	"sync"

	"github.com/yizhan-im/yizhan/appliance/state"
	"github.com/yizhan-im/yizhan/appliance/wire"
)

const (
	// maxDirty bounds the logs that wait for the indexer, maxRefs the changed older
	// entries of one, and maxRanges the ranges that were pruned. What is beyond is
	// found by looking for it; pruned entries that stay in the index are removed
	// when a query meets them.
	maxDirty  = 10_000
	maxRefs   = 64
	maxRanges = 1000
)

// logKey names a log.
type logKey struct {
	tenant uint32
	team   uint64 // 0: of the accounts a and b
	a, b   string
}

// dirtyLog is what has changed in a log.
type dirtyLog struct {
	from, to uint64   // new entries
	refs     []uint64 // changed ones
}

// dirtySet is what the indexer has to do. Its methods may be called from any
// goroutine and take well under a microsecond.
type dirtySet struct {
	mu   sync.Mutex
	work work
	wake chan struct{} // one token: there is work
}

// work is one piece for the indexer.
type work struct {
	logs   map[logKey]*dirtyLog
	pruned []prunedRange
	seen   uint64 // newest id of all results so far
	lost   bool   // there was more than fits
}

type prunedRange struct {
	tenant uint32
	state.PrunedRange
}

func newDirtySet() *dirtySet {
	return &dirtySet{work: work{logs: map[logKey]*dirtyLog{}}, wake: make(chan struct{}, 1)}
}

func (d *dirtySet) applied(results []any) {
	d.mu.Lock()
	defer d.mu.Unlock()
	before := d.work.seen
	for _, result := range results {
		switch r := result.(type) {
		case *state.SendResult:
			d.sent(r)
		case *state.TeamResult:
			// Its entries are not searched for, but they count for the version; the
			// next message moves it on.
		case *state.PruneResult:
			for _, p := range r.Ranges {
				if len(d.work.pruned) < maxRanges {
					d.work.pruned = append(d.work.pruned, prunedRange{r.Tenant, p})
				}
			}
		}
	}
	if d.work.seen != before || len(d.work.pruned) > 0 {
		select {
		case d.wake <- struct{}{}:
		default:
		}
	}
}

func (d *dirtySet) sent(r *state.SendResult) {
	if r.Code != wire.CodeOK || r.Duplicate || r.Seq == 0 {
		return
	}
	d.work.seen = max(d.work.seen, r.ID)
	if d.work.lost {
		return
	}
	key := logKey{tenant: r.Tenant, team: r.Team}
	if r.Team == 0 {
		key.a, key.b = min(r.From, r.To), max(r.From, r.To)
	}
	l := d.work.logs[key]
	if l == nil {
		if len(d.work.logs) >= maxDirty {
			d.lose()
			return
		}
		l = &dirtyLog{from: r.Seq}
		d.work.logs[key] = l
	}
	l.to = max(l.to, r.Seq)
	if r.RefSeq == 0 {
		return
	}
	if len(l.refs) == maxRefs {
		d.lose()
		return
	}
	l.refs = append(l.refs, r.RefSeq)
}

// missing has the changes looked for, since some index lacks what it had.
func (d *dirtySet) missing() {
	d.mu.Lock()
	d.lose()
	d.mu.Unlock()
	select {
	case d.wake <- struct{}{}:
	default:
	}
}

func (d *dirtySet) lose() {
	d.work.lost = true
	clear(d.work.logs)
}

// take hands out everything noted so far.
func (d *dirtySet) take() work {
	d.mu.Lock()
	defer d.mu.Unlock()
	w := d.work
	d.work = work{logs: map[logKey]*dirtyLog{}, seen: w.seen}
	return w
}

func (d *dirtySet) waiting() int {
	d.mu.Lock()
	defer d.mu.Unlock()
	return len(d.work.logs)
}
