package sdk

import (
	"context"
	"errors"
	"time"

	"github.com/yizhan-im/yizhan/appliance/wire"
)

// Times of a call.
const (
	// callTimeout bounds a call whose context has no deadline.
	callTimeout = 30 * time.Second
	// retryAfter is the pause after 416 or 503 when the server names none.
	retryAfter = time.Second
	// maxRetryAfter bounds the pause that a server may ask for.
	maxRetryAfter = 30 * time.Second
)

// caller is the type of call and request.
type caller func(ctx context.Context, cmd wire.Command, request wire.Body, reply func(payload []byte) error) error

// call makes a request for the app, when it is its turn.
func (c *Client) call(ctx context.Context, cmd wire.Command, request wire.Body, reply func(payload []byte) error) error {
	ctx, cancel := withCallTimeout(ctx)
	defer cancel()
	select {
	case c.inFlight <- struct{}{}:
		defer func() { <-c.inFlight }()
	case <-ctx.Done():
		return ctx.Err()
	case <-c.ctx.Done():
		return ErrClosed
	}
	return c.request(ctx, cmd, request, reply)
}

func withCallTimeout(ctx context.Context) (context.Context, context.CancelFunc) {
	if _, ok := ctx.Deadline(); ok {
		return ctx, func() {}
	}
	return context.WithTimeout(ctx, callTimeout)
}

// request makes one request and waits for its answer. All requests are
// idempotent (a send by its client id), so that one whose connection is lost is
// made again on the next; one that the server is too busy for is made again
// after a pause.
func (c *Client) request(ctx context.Context, cmd wire.Command, request wire.Body, reply func(payload []byte) error) error {
	ctx, cancel := withCallTimeout(ctx)
	defer cancel()
	for {
		l, err := c.online(ctx)
		if err != nil {
			return err
		}
		err = l.call(ctx, cmd, request, reply)
		var retry *retryError
		switch {
		case err == nil:
			return nil
		case errors.Is(err, errLinkDown):
			if !c.waitChange(ctx, l) {
				return ctx.Err()
			}
		case errors.As(err, &retry):
			wait := retry.after
			if wait <= 0 {
				wait = retryAfter
			}
			select {
			case <-time.After(jittered(min(wait, maxRetryAfter))):
			case <-ctx.Done():
				return retry.answer // says more than that time is over
			case <-c.ctx.Done():
				return ErrClosed
			}
		default:
			return err
		}
	}
}

// waitChange waits until l is no longer the client's link; false when ctx ended.
func (c *Client) waitChange(ctx context.Context, l *link) bool {
	for {
		c.mu.Lock()
		current, changed := c.link, c.changed
		c.mu.Unlock()
		if current != l {
			return true
		}
		select {
		case <-changed:
		case <-ctx.Done():
			return false
		}
	}
}
