package main

import (
	"context"
	"time"
)

// loadReadBuffer is large enough for what comes in while a connection's
// goroutine waits for its turn, in bytes.
const loadReadBuffer = 32 << 10

// runLoad drives one load and accounts for it. The caller adds the figures that
// its scenario is about.
func runLoad(ctx context.Context, s *subject, scenario string, o loadOptions) (*Result, *loadTotals, error) {
	accounts, err := s.createAccounts(ctx, o.Connections)
	if err != nil {
		return nil, nil, err
	}
	l := newLoad(o, s.run)
	defer l.close()
	if err := l.connect(ctx, s.dialer(loadReadBuffer), accounts); err != nil {
		return nil, nil, err
	}
	s.log.Info("sending", "connections", o.Connections, "rate", o.Rate, "for", o.Duration)
	join := l.start(ctx)
	from := l.epoch.Add(l.from)
	spent, err := s.spentBetween(ctx, from, from.Add(o.Duration))
	l.settle(ctx)
	l.close()
	join()
	if err != nil {
		return nil, nil, err
	}

	v := &verifier{load: l, dialer: s.dialer(loadReadBuffer), accounts: accounts}
	if o.Verify {
		s.log.Info("reading everything back")
		if err := v.verify(ctx); err != nil {
			return nil, nil, err
		}
	}
	r := s.result(scenario, o.parameters(s.codecs != 0))
	accounting, failures := l.account(o.Verify)
	accounting.Mismatched += v.mismatched.Load()
	accounting.Foreign += v.foreign.Load()
	r.Accounting, r.Errors = &accounting, failures
	r.Exact = accounting.exact() && l.lostConnections() == 0
	if n := l.lostConnections(); n > 0 {
		r.note("%d connections ended before the run did", n)
	}
	return r, l.totals(spent), nil
}

// loadTotals is what the measured part of a load amounts to.
type loadTotals struct {
	seconds          float64
	acked, delivered uint64
	acks, pushes     histogram
	spent            spent
}

func (l *load) totals(spent spent) *loadTotals {
	t := &loadTotals{seconds: l.options.Duration.Seconds(), spent: spent}
	for _, m := range l.members {
		t.acked += m.acked
		t.delivered += m.delivered
		t.acks.add(&m.acks)
		t.pushes.add(&m.pushes)
	}
	return t
}

// lostConnections is how many members failed before the run was over.
func (l *load) lostConnections() (n int) {
	for _, m := range l.members {
		if m.lost {
			n++
		}
	}
	return n
}

// figures adds rates, latencies and costs.
func (t *loadTotals) figures(r *Result) {
	r.figure("acked_per_second", float64(t.acked)/t.seconds, "msg/s")
	r.figure("delivered_per_second", float64(t.delivered)/t.seconds, "msg/s")
	r.latencies("ack", &t.acks)
	r.latencies("delivery", &t.pushes)
	r.cpu(t.spent, t.acked, "msg")
}

// runSend measures durable one-to-one messages: by default as many as the node
// takes.
func runSend(ctx context.Context, s *subject, o loadOptions) (*Result, error) {
	r, totals, err := runLoad(ctx, s, "send", o)
	if err != nil {
		return nil, err
	}
	totals.figures(r)
	if o.Rate == 0 {
		r.target("acked_per_second", true, 60_000)
	}
	return r, nil
}

// targetRate is the rate at which delivery times have targets.
const targetRate = 5000

// runDeliver measures the time from when a message was to be sent until its
// receiver has it, at a given rate.
func runDeliver(ctx context.Context, s *subject, o loadOptions) (*Result, error) {
	r, totals, err := runLoad(ctx, s, "deliver", o)
	if err != nil {
		return nil, err
	}
	totals.figures(r)
	if o.Rate == targetRate {
		r.target("delivery_p50", false, 2)
		r.target("delivery_p99", false, 8)
	}
	return r, nil
}

// defaultLoad is what send and deliver have in common.
func defaultLoad() loadOptions {
	return loadOptions{
		Connections: 128, Peers: 1, Window: 32, BodyBytes: 100,
		Warmup: 2 * time.Second, Duration: 10 * time.Second, Stragglers: 15 * time.Second, Verify: true,
	}
}

func (o *loadOptions) parameters(compress bool) map[string]any {
	p := map[string]any{
		"connections": o.Connections, "peers": o.Peers, "body_bytes": o.BodyBytes,
		"duration": o.Duration.String(), "compress": compress,
	}
	if o.Rate > 0 {
		p["rate"] = o.Rate
	} else {
		p["window"] = o.Window
	}
	return p
}
