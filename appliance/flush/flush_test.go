package flush_test

import (
	"sync"
	"testing"

	"github.com/yizhan-im/yizhan/appliance/flush"
)

// client counts what is queued and what was flushed.
type client struct {
	next    *client
	mu      sync.Mutex
	queued  int
	listed  bool
	flushed int
}

func next(c *client) **client { return &c.next }

// queue queues one thing, and adds c unless it is in the list.
func (c *client) queue(f *flush.Flusher[*client]) {
	c.mu.Lock()
	c.queued++
	add := !c.listed
	c.listed = true
	c.mu.Unlock()
	if add {
		f.Add(c)
	}
}

func TestEverythingIsFlushed(t *testing.T) {
	const clients, senders, each = 50, 4, 2000
	f := flush.New(func(c *client) {
		c.mu.Lock()
		defer c.mu.Unlock()
		c.flushed += c.queued
		c.queued, c.listed = 0, false
	}, next)
	all := make([]client, clients)
	var running, sending sync.WaitGroup
	running.Go(f.Run)
	for range senders {
		sending.Go(func() {
			for i := range each {
				all[i%clients].queue(f)
			}
		})
	}
	sending.Wait()
	f.Stop()
	running.Wait()
	for i := range all {
		if got := all[i].flushed; got != senders*each/clients || all[i].next != nil {
			t.Errorf("client %d: %d flushed, next %v", i, got, all[i].next)
		}
	}
}

func TestClientsHaveTheirTurnsInOrder(t *testing.T) {
	var order []*client
	f := flush.New(func(c *client) { order = append(order, c) }, next)
	all := make([]client, 100)
	for i := range all {
		f.Add(&all[i])
	}
	f.Stop() // what was added before has its turn
	f.Run()
	if len(order) != len(all) {
		t.Fatalf("%d turns, want %d", len(order), len(all))
	}
	for i := range all {
		if order[i] != &all[i] {
			t.Fatalf("turn %d is out of order", i)
		}
	}
}

// A client that is added while it is flushed comes behind those who wait.
func TestAClientThatIsAddedAgainComesBehindTheOthers(t *testing.T) {
	var order []*client
	var a, b client
	var f *flush.Flusher[*client]
	f = flush.New(func(c *client) {
		order = append(order, c)
		if c == &a && len(order) < 5 {
			f.Add(c)
		}
	}, next)
	f.Add(&a)
	f.Add(&b)
	f.Stop()
	f.Run()
	if len(order) != 5 || order[0] != &a || order[1] != &b || order[4] != &a {
		t.Errorf("%d turns", len(order))
	}
}

func BenchmarkTurn(b *testing.B) {
	all := make([]client, 1000)
	done := make(chan struct{}, 1)
	f := flush.New(func(c *client) {
		if c == &all[len(all)-1] {
			done <- struct{}{}
		}
	}, next)
	var running sync.WaitGroup
	running.Go(f.Run)
	b.ReportAllocs()
	b.ResetTimer()
	for n := 0; n < b.N; n += len(all) {
		for i := range all {
			f.Add(&all[i])
		}
		<-done
	}
	b.StopTimer()
	f.Stop()
	running.Wait()
}
