package main

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/yizhan-im/yizhan/appliance/wire"
)

// connectOptions are those of the connect scenario.
type connectOptions struct {
	Workers  int
	Accounts int
	Warmup   time.Duration
	Duration time.Duration
}

func (o *connectOptions) validate() error {
	if o.Workers < 1 || o.Accounts < o.Workers {
		return fmt.Errorf("--workers must be at least 1 and --accounts at least as many: an account is used by one worker")
	}
	return validateTimes(o.Warmup, o.Duration)
}

// connectTally is what one worker has seen.
type connectTally struct {
	connects   histogram // all of it: from the dial to the login's answer
	handshakes histogram // the part until the keys are there
	errors     errorCounts
}

// runConnect measures full connects: TCP, handshake, login, each followed by a
// close. Each worker starts the next when it has finished one, so the rate is
// what the node can do.
func runConnect(ctx context.Context, s *subject, o connectOptions) (*Result, error) {
	accounts, err := s.createAccounts(ctx, o.Accounts)
	if err != nil {
		return nil, err
	}
	s.log.Info("connecting", "workers", o.Workers, "for", o.Duration)
	d := s.dialer(0)
	from := time.Now().Add(o.Warmup)
	to := from.Add(o.Duration)
	tallies := make([]connectTally, o.Workers)
	var workers sync.WaitGroup
	for w := range tallies {
		own := accounts[w*len(accounts)/o.Workers : (w+1)*len(accounts)/o.Workers]
		workers.Go(func() { tallies[w].work(ctx, d, own, from, to) })
	}
	spent, err := s.spentBetween(ctx, from, to)
	workers.Wait()
	if err != nil {
		return nil, err
	}

	r := s.result("connect", map[string]any{
		"workers": o.Workers, "accounts": o.Accounts, "duration": o.Duration.String(), "compress": s.codecs != 0,
	})
	var total connectTally
	for w := range tallies {
		total.connects.add(&tallies[w].connects)
		total.handshakes.add(&tallies[w].handshakes)
		total.errors.add(tallies[w].errors)
	}
	r.Errors, r.Exact = total.errors, len(total.errors) == 0
	r.figure("logins_per_second", float64(total.connects.count)/o.Duration.Seconds(), "1/s")
	r.target("logins_per_second", true, 4000)
	r.latencies("handshake", &total.handshakes)
	r.latencies("connect", &total.connects)
	r.cpu(spent, total.connects.count, "login")
	return r, nil
}

// work connects over and over until to; what ends after from counts.
func (t *connectTally) work(ctx context.Context, d *dialer, accounts []account, from, to time.Time) {
	for i := 0; ctx.Err() == nil; i++ {
		start := time.Now()
		if !start.Before(to) {
			return
		}
		handshake, err := connectOnce(ctx, d, accounts[i%len(accounts)])
		end := time.Now()
		if err != nil && ctx.Err() == nil {
			t.errors.note(err)
			continue
		}
		if !end.Before(from) && end.Before(to) {
			t.handshakes.record(handshake)
			t.connects.record(end.Sub(start))
		}
	}
}

// connectOnce connects, logs in and closes, and returns how long the connection
// and its handshake took.
func connectOnce(ctx context.Context, d *dialer, a account) (handshake time.Duration, err error) {
	start := time.Now()
	conn, err := d.connect(ctx, nil)
	if err != nil {
		return 0, err
	}
	handshake = time.Since(start)
	_, err = d.login(conn, a, wire.Platform_PLATFORM_ANDROID)
	return handshake, errors.Join(err, conn.Close())
}

func validateTimes(warmup, duration time.Duration) error {
	if warmup < 0 || duration <= 0 {
		return fmt.Errorf("--warmup must not be negative, and --duration must be more than 0")
	}
	return nil
}
