package sdk

import (
	"context"
	"errors"
	"fmt"
	"io"
	"sync"
	"time"
)

// race opens one of addresses, which are in the order of preference: each next
// one is tried when delay has passed, or the one before has failed, while the
// earlier attempts go on (RFC 8305 §5). The first that opens wins, the others
// are cancelled, and closed should they still open; tasks counts that.
func race[C io.Closer](ctx context.Context, tasks *sync.WaitGroup, addresses []string, delay time.Duration, open func(ctx context.Context, address string) (C, error)) (C, error) {
	type attempt struct {
		conn    C
		err     error
		address string
	}
	ctx, cancel := context.WithCancel(ctx)
	results := make(chan attempt)
	running := 0
	next := func() {
		address := addresses[0]
		addresses = addresses[1:]
		running++
		tasks.Go(func() {
			conn, err := open(ctx, address)
			results <- attempt{conn, err, address}
		})
	}
	// finish cancels what still runs and, in the background, collects it.
	finish := func() {
		cancel()
		left := running
		tasks.Go(func() {
			for range left {
				if late := <-results; late.err == nil {
					_ = late.conn.Close()
				}
			}
		})
	}

	var none C
	var failures []error
	stagger := time.NewTimer(0)
	defer stagger.Stop()
	for {
		select {
		case <-stagger.C:
			if len(addresses) > 0 {
				next()
				stagger.Reset(delay)
			}
		case result := <-results:
			running--
			if result.err == nil {
				finish()
				return result.conn, nil
			}
			failures = append(failures, fmt.Errorf("%s: %w", result.address, result.err))
			switch {
			case len(addresses) > 0:
				stagger.Reset(0)
			case running == 0:
				cancel()
				return none, fmt.Errorf("no access point answers: %w", errors.Join(failures...))
			}
		case <-ctx.Done():
			finish()
			return none, ctx.Err()
		}
	}
}
