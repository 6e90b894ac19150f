// Package source counts, for a gateway, the connections that have not logged in
// by where they come from, so that one source cannot take the room that all
// newcomers share. It knows neither sockets nor clocks: how long a connection may
// go without a login is the gateway's business, and that, times the limit, is all
// that a source can hold.
package source

import (
	"net/netip"
	"sync"
)

// IPv6Bits is how much of an IPv6 address makes a source: what one site gets
// (RFC 6177); whoever has it may use any address in it.
const IPv6Bits = 64

// Counter counts newcomers. The zero Counter is ready. It holds one entry for
// each source that has any, so it is bounded by what the gateway holds open.
type Counter struct {
	mu      sync.Mutex
	sources map[netip.Addr]int
}

// Enter counts one more newcomer from addr, unless there are limit already; it
// reports whether it did. Loopback and unknown addresses are not counted: they
// are this machine, or a proxy on it that hides its clients.
func (c *Counter) Enter(addr netip.Addr, limit int) bool {
	source, counted := of(addr)
	if !counted {
		return true
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	n := c.sources[source]
	if n >= limit {
		return false
	}
	if c.sources == nil {
		c.sources = make(map[netip.Addr]int)
	}
	c.sources[source] = n + 1
	return true
}

// Leave says that a newcomer that Enter has counted has logged in or is gone.
func (c *Counter) Leave(addr netip.Addr) {
	source, counted := of(addr)
	if !counted {
		return
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if n := c.sources[source]; n > 1 {
		c.sources[source] = n - 1
	} else {
		delete(c.sources, source)
	}
}

// Len is how many sources have newcomers.
func (c *Counter) Len() int {
	c.mu.Lock()
	defer c.mu.Unlock()
	return len(c.sources)
}

// of is the source that addr belongs to.
func of(addr netip.Addr) (source netip.Addr, counted bool) {
	addr = addr.Unmap().WithZone("")
	if !addr.IsValid() || addr.IsLoopback() || addr.IsUnspecified() {
		return netip.Addr{}, false
	}
	if addr.Is6() {
		prefix, _ := addr.Prefix(IPv6Bits) // never fails for an IPv6 address
		addr = prefix.Addr()
	}
	return addr, true
}
