package source

import (
	"net/netip"
	"sync"
	"testing"
)

func TestASourceHasItsLimit(t *testing.T) {
	for name, tc := range map[string]struct{ first, same, other string }{
		"IPv4":           {"192.0.2.1", "192.0.2.1", "192.0.2.2"},
		"IPv4 over IPv6": {"192.0.2.1", "::ffff:192.0.2.1", "::ffff:192.0.2.2"},
		"IPv6":           {"2001:db8::1", "2001:db8::ffff:2", "2001:db8:0:1::1"},
		"IPv6 with zone": {"fe80::1%eth0", "fe80::2%eth1", "fe80:0:0:1::1"},
	} {
		t.Run(name, func(t *testing.T) {
			var c Counter
			first, same, other := netip.MustParseAddr(tc.first), netip.MustParseAddr(tc.same), netip.MustParseAddr(tc.other)
			if !c.Enter(first, 2) || !c.Enter(same, 2) {
				t.Fatal("refused below the limit")
			}
			if c.Enter(first, 2) || c.Enter(same, 2) {
				t.Error("let in above the limit")
			}
			if !c.Enter(other, 2) {
				t.Error("another source is refused too")
			}
			c.Leave(same)
			if !c.Enter(first, 2) {
				t.Error("still refused after one has left")
			}
			c.Leave(first)
			c.Leave(first)
			c.Leave(other)
			if c.Len() != 0 {
				t.Errorf("%d sources are left, want none", c.Len())
			}
		})
	}
}

func TestThisMachineIsNotCounted(t *testing.T) {
	var c Counter
	for _, addr := range []netip.Addr{{}, netip.MustParseAddr("127.8.8.8"), netip.IPv6Loopback(), netip.MustParseAddr("::ffff:127.0.0.1"), netip.IPv4Unspecified()} {
		for range 3 {
			if !c.Enter(addr, 1) {
				t.Errorf("%v is refused", addr)
			}
		}
		c.Leave(addr)
	}
	if c.Len() != 0 {
		t.Errorf("%d sources are counted, want none", c.Len())
	}
}

func TestCountsHoldWhenManyComeAtOnce(t *testing.T) {
	const each, limit = 500, 7
	var c Counter
	addr := netip.MustParseAddr("198.51.100.9")
	var in sync.WaitGroup
	for range 8 {
		in.Go(func() {
			for range each {
				if c.Enter(addr, limit) {
					c.Leave(addr)
				}
			}
		})
	}
	in.Wait()
	for range limit {
		if !c.Enter(addr, limit) {
			t.Fatal("a place was lost")
		}
	}
	if c.Enter(addr, limit) {
		t.Error("a place was won")
	}
}

func BenchmarkEnterLeave(b *testing.B) {
	var c Counter
	addr := netip.MustParseAddr("2001:db8::1")
	b.ReportAllocs()
	for b.Loop() {
		c.Enter(addr, 10)
		c.Leave(addr)
	}
}
