package appliance

import (
	"runtime/debug"
	"runtime/metrics"
	"time"
)

// A storm of clients leaves garbage behind, and Go keeps the pages for the heap
// that it expects: up to the next collection's goal and a tenth more, which for
// a node full of idle clients is 1.6 KB for each of them, a quarter of all its
// memory. A node at rest gives them back.
const (
	// trimPeriod is how often the node looks whether it is at rest.
	trimPeriod = 5 * time.Second
	// trimMaxRate: a node that allocates faster, in bytes per second, needs the
	// pages again at once. One message costs about 2 KiB.
	trimMaxRate = 1 << 20
	// trimMinFree: less than this is not worth a collection.
	trimMinFree = 8 << 20
	// trimMinShare: nor is less than this share of the heap in use.
	trimMinShare = 1.0 / 8
)

// memory is what one look at the runtime tells.
type memory struct {
	allocated uint64 // bytes of heap, ever
	objects   uint64 // bytes of heap in use, garbage included
	free      uint64 // bytes of heap that nobody uses and the system has not got back
}

var memorySamples = [...]string{
	"/gc/heap/allocs:bytes",
	"/memory/classes/heap/objects:bytes",
	"/memory/classes/heap/free:bytes",
}

func readMemory() memory {
	var samples [len(memorySamples)]metrics.Sample
	for i, name := range memorySamples {
		samples[i].Name = name
	}
	metrics.Read(samples[:])
	return memory{samples[0].Value.Uint64(), samples[1].Value.Uint64(), samples[2].Value.Uint64()}
}

// trimmer decides when to give memory back.
type trimmer struct {
	last memory
	// done is set once the memory was trimmed, until the node has worked again:
	// a heap that stays fragmented is not collected over and over.
	done bool
}

// worthwhile reports whether a node that now sees m, period after the last time,
// should trim.
func (t *trimmer) worthwhile(m memory, period time.Duration) bool {
	rate := float64(m.allocated-t.last.allocated) / period.Seconds()
	t.last = m
	if rate > trimMaxRate {
		t.done = false
		return false
	}
	if t.done {
		return false
	}
	t.done = true
	return m.free >= trimMinFree && float64(m.free) >= trimMinShare*float64(m.objects)
}

// runTrimmer trims the process's memory whenever the node has come to rest.
func (n *Node) runTrimmer() {
	defer close(n.trimmed)
	tick := time.NewTicker(trimPeriod)
	defer tick.Stop()
	t := trimmer{last: readMemory()}
	for {
		select {
		case <-tick.C:
			if t.worthwhile(readMemory(), trimPeriod) {
				debug.FreeOSMemory()
			}
		case <-n.closing:
			return
		}
	}
}
