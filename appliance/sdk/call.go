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
	ctx, end, err := c.begin(ctx)
	if err != nil {
		return err
	}
	defer end()
	return c.request(ctx, cmd, request, reply)
}

// begin waits until it is the turn of a call of the app. The caller calls end
// when it is over.
func (c *Client) begin(ctx context.Context) (_ context.Context, end func(), _ error) {
	ctx, cancel := withCallTimeout(ctx)
	select {
	case c.inFlight <- struct{}{}:
		return ctx, func() { <-c.inFlight; cancel() }, nil
	case <-ctx.Done():
		cancel()
		return nil, nil, ctx.Err()
	case <-c.ctx.Done():
		cancel()
		return nil, nil, ErrClosed
	}
}

func withCallTimeout(ctx context.Context) (context.Context, context.CancelFunc) {
	if _, ok := ctx.Deadline(); ok {
		return ctx, func() {}
	}
	return context.WithTimeout(ctx, callTimeout)
}

// request makes one request and waits for its answer. It is idempotent (a send
// by its client id), so that it may be repeated.
func (c *Client) request(ctx context.Context, cmd wire.Command, request wire.Body, reply func(payload []byte) error) error {
	ctx, cancel := withCallTimeout(ctx)
	defer cancel()
	return c.repeat(ctx, c.online, func(l *link) error { return l.call(ctx, cmd, request, reply) })
}

// repeat makes a request on the link that find waits for until it is answered:
// when the connection is lost, again on the next one; when the server is too
// busy for it, after a pause.
func (c *Client) repeat(ctx context.Context, find func(context.Context) (*link, error), try func(*link) error) error {
	for {
		l, err := find(ctx)
		if err != nil {
			return err
		}
		err = try(l)
		var retry *retryError
		switch {
		case err == nil:
			return nil
		case errors.Is(err, errLinkDown):
			if !c.waitChange(ctx, l) {
				return ctx.Err()
			}
		case errors.As(err, &retry):
			select {
			case <-time.After(retry.pause()):
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

// pause is how long to wait before the request is made again.
func (e *retryError) pause() time.Duration {
	wait := e.after
	if wait <= 0 {
		wait = retryAfter
	}
	return jittered(min(wait, maxRetryAfter))
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
