package app

import (
	"hash/maphash"
	"net/netip"
	"sync"
	"time"
)

// failureLimiter slows down guessing. Each source — a client's network and the
// tenant it aims at — may fail failureBurst times at once and then once in
// failurePeriod; beyond that its logins are refused unseen.
//
// It is a fixed table of token buckets in their virtual-time form (GCRA). Two
// sources that share a slot share its tokens; the hash is seeded, so that nobody
// can choose whom to share with.
type failureLimiter struct {
	seed maphash.Seed

	mu    sync.Mutex
	slots [4096]int64 // guarded by mu: when the slot's bucket is full again, Unix nanoseconds
}

const (
	failureBurst  = 50 // the mistakes of an office behind one address
	failurePeriod = 10 * time.Second
)

// source is who a failed login is counted against.
type source struct {
	network netip.Prefix
	tenant  uint32 // 0 for unknown appkeys
}

// sourceOf takes the address, or for IPv6 the /64 that one customer has.
func sourceOf(remote netip.AddrPort, tenant uint32) source {
	addr, bits := remote.Addr().Unmap(), 32
	if addr.Is6() {
		bits = 64
	}
	network, err := addr.Prefix(bits)
	if err != nil {
		network = netip.Prefix{} // no address is a source too
	}
	return source{network: network, tenant: tenant}
}

func newFailureLimiter() *failureLimiter { return &failureLimiter{seed: maphash.MakeSeed()} }

// exhausted reports whether s has no attempt left.
func (f *failureLimiter) exhausted(s source, now time.Time) bool {
	slot := maphash.Comparable(f.seed, s) % uint64(len(f.slots))
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.slots[slot] > now.UnixNano()+int64((failureBurst-1)*failurePeriod)
}

// failed counts a failure of s.
func (f *failureLimiter) failed(s source, now time.Time) {
	slot := maphash.Comparable(f.seed, s) % uint64(len(f.slots))
	f.mu.Lock()
	defer f.mu.Unlock()
	f.slots[slot] = max(f.slots[slot], now.UnixNano()) + int64(failurePeriod)
}
