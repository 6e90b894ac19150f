package main

import (
	"context"
	"fmt"
	"sync"
	"sync/atomic"
	"time"

	"github.com/yizhan-im/yizhan/appliance/link/channel"
	"github.com/yizhan-im/yizhan/appliance/wire"
)

// idleOptions are those of the idle scenario.
type idleOptions struct {
	Connections int
	Workers     int
	Settle      time.Duration
}

func (o *idleOptions) validate() error {
	if o.Connections < 1 || o.Workers < 1 || o.Settle < 0 {
		return fmt.Errorf("--connections and --workers must be at least 1, and --settle must not be negative")
	}
	return nil
}

// idleReadBuffer keeps this driver's own cost per connection small, in bytes.
const idleReadBuffer = 512

// idleTarget is the most process memory that an idle connection may take, in
// bytes.
const idleTarget = 5 << 10

// idler is a connection on which nothing happens.
type idler interface {
	// alive asks the node for something and fails when no answer comes.
	alive() error
	Close() error
}

// runIdle measures what a Link connection costs.
func runIdle(ctx context.Context, s *subject, o idleOptions) (*Result, error) {
	d := s.dialer(idleReadBuffer)
	return measureIdle(ctx, s, "idle", o, idleTarget, func(ctx context.Context, a account) (idler, error) {
		conn, _, err := d.connectAs(ctx, a, wire.Platform_PLATFORM_ANDROID, nil)
		return linkIdler{conn}, err
	})
}

// measureIdle measures the memory that a logged-in connection costs the node
// while nothing happens on it: what the process holds with all of them, less what
// it held before, each time after it has collected its garbage and come to rest.
func measureIdle(ctx context.Context, s *subject, scenario string, o idleOptions, target float64, connect func(context.Context, account) (idler, error)) (*Result, error) {
	if s.meter == nil {
		return nil, fmt.Errorf("%s reads the node's memory: give --pid or --admin", scenario)
	}
	n, reason, err := connectionsThatFit(o.Connections, s.pid)
	if err != nil {
		return nil, err
	}
	r := s.result(scenario, map[string]any{"connections": n, "settle": o.Settle.String()})
	if reason != "" {
		r.note("%s", reason)
	}
	accounts, err := s.createAccounts(ctx, n)
	if err != nil {
		return nil, err
	}
	before, err := s.memoryAtRest(ctx, o.Settle)
	if err != nil {
		return nil, err
	}
	s.log.Info("connecting", "connections", n)
	crowd := &crowd{open: connect, workers: o.Workers}
	defer crowd.close()
	crowd.connect(ctx, accounts)
	after, err := s.memoryAtRest(ctx, o.Settle)
	if err != nil {
		return nil, err
	}
	if err := s.profiler.memory(ctx); err != nil {
		return nil, err
	}
	alive := crowd.alive()

	r.Errors = crowd.errors
	r.Exact = alive == n && len(crowd.errors) == 0
	r.figure("connected", float64(len(crowd.conns)), "connections")
	r.figure("alive", float64(alive), "connections")
	if connected := float64(len(crowd.conns)); connected > 0 {
		r.figure("memory", float64(after.rss-before.rss)/connected, "bytes/connection")
		r.target("memory", false, target)
		r.figure("mapped_files", float64(after.mapped-before.mapped)/connected, "bytes/connection")
		r.figure("go_in_use", float64(after.goInUse-before.goInUse)/connected, "bytes/connection")
	}
	r.figure("rss_before", float64(before.rss)/(1<<20), "MiB")
	r.figure("rss_after", float64(after.rss)/(1<<20), "MiB")
	return r, ctx.Err()
}

// memory is what the node holds.
type memory struct {
	rss     int64 // bytes of the process
	mapped  int64 // of which pages of mapped files
	goInUse int64 // bytes of Go's heap and stacks in use; 0 without --admin
}

// memoryAtRest lets the node collect its garbage and give memory back to the
// system, then reads what it still holds.
func (s *subject) memoryAtRest(ctx context.Context, settle time.Duration) (m memory, err error) {
	s.log.Info("letting the node come to rest", "for", settle)
	for range 2 { // what finalizers and pools held goes with the second
		if s.admin == nil {
			break
		}
		if err := s.admin.collectGarbage(ctx); err != nil {
			return m, err
		}
	}
	if err := wait(ctx, settle); err != nil {
		return m, err
	}
	used, err := s.meter.usage()
	m.rss, m.mapped = used.RSS, used.Mapped
	if err != nil || s.admin == nil {
		return m, err
	}
	metrics, err := s.admin.metrics(ctx)
	m.goInUse = int64(metrics[metricHeap] + metrics[metricStack])
	return m, err
}

// crowd is many connections on which nothing happens.
type crowd struct {
	open    func(context.Context, account) (idler, error)
	workers int
	conns   []idler
	errors  errorCounts
}

// connect opens a connection for each account.
func (c *crowd) connect(ctx context.Context, accounts []account) {
	var mu sync.Mutex
	c.each(len(accounts), func(i int) {
		if ctx.Err() != nil {
			return
		}
		conn, err := c.open(ctx, accounts[i])
		mu.Lock()
		defer mu.Unlock()
		if err != nil {
			c.errors.note(err)
			return
		}
		c.conns = append(c.conns, conn)
	})
}

// alive is how many connections still answer.
func (c *crowd) alive() int {
	var alive atomic.Int64
	var mu sync.Mutex
	c.each(len(c.conns), func(i int) {
		if err := c.conns[i].alive(); err != nil {
			mu.Lock()
			defer mu.Unlock()
			c.errors.note(err)
			return
		}
		alive.Add(1)
	})
	return int(alive.Load())
}

func (c *crowd) close() {
	for _, conn := range c.conns {
		_ = conn.Close()
	}
}

// each calls do for 0 … n-1, several at a time, and returns when all are done.
func (c *crowd) each(n int, do func(i int)) {
	var next atomic.Int64
	var workers sync.WaitGroup
	for range min(c.workers, n) {
		workers.Go(func() {
			for i := int(next.Add(1)) - 1; i < n; i = int(next.Add(1)) - 1 {
				do(i)
			}
		})
	}
	workers.Wait()
}

// linkIdler is an idle connection to Link.
type linkIdler struct{ *channel.Conn }

// alive waits for the answer to a ping.
func (i linkIdler) alive() error {
	if err := i.SetReadDeadline(time.Now().Add(requestTimeout)); err != nil {
		return err
	}
	if err := i.WriteFrame(&wire.Frame{Kind: wire.KindPing}, nil); err != nil {
		return err
	}
	for {
		f, err := i.ReadFrame()
		if err != nil {
			return err
		}
		if f.Kind == wire.KindPong {
			return nil
		}
		if f.Kind == wire.KindPush {
			if err := farewell(&f); err != nil {
				return err
			}
		}
	}
}
