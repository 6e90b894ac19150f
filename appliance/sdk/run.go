package sdk

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"sync"
	"time"

	"github.com/yizhan-im/yizhan/appliance/link/channel"
	"github.com/yizhan-im/yizhan/appliance/secure"
	"github.com/yizhan-im/yizhan/appliance/wire"
)

// Times of the run loop.
const (
	// maxGoAwayDelay bounds how long a server may ask a client to stay away.
	maxGoAwayDelay = 5 * time.Minute
	// resyncInterval is how often a connected client asks what changed, which
	// moves its version on; it is shortened by up to a tenth, at random.
	resyncInterval = 10 * time.Minute
	// handshakeTimeout is how long one access point may take from the first
	// packet to the keys.
	handshakeTimeout = 10 * time.Second
)

// run connects again and again until the client is closed or refused for good.
func (c *Client) run() {
	pauses := backoff{min: c.o.MinBackoff, max: c.o.MaxBackoff}
	fresh := false // ask LBS even if its last answer has not expired
	for {
		c.inbox.setState(StateChange{State: StateConnecting})
		var wait time.Duration
		l, err := c.connect(c.ctx, fresh)
		fresh = err != nil
		if err == nil {
			start := time.Now()
			wait, err = c.serve(l)
			if time.Since(start) >= stableAfter {
				pauses.reset()
			}
		}
		if c.ctx.Err() != nil {
			return
		}
		if final(err) {
			c.o.Logger.Warn("the server ended the session", "error", err)
			c.stop(stopReason(err))
			return
		}
		if errors.As(err, new(*goAwayError)) {
			pauses.reset()
			fresh = true
		} else {
			wait = pauses.next()
			var retry *retryError
			if errors.As(err, &retry) {
				wait = max(wait, min(retry.after, c.o.MaxBackoff))
			}
		}
		c.setLink(nil, err)
		c.o.Logger.Info("offline", "error", err, slog.Duration("retry_in", wait))
		c.inbox.setState(StateChange{State: StateOffline, Err: err, RetryIn: wait})
		if !pause(c.ctx, wait) {
			return
		}
	}
}

// stopReason is what calls return once the client has stopped for good.
func stopReason(err error) error {
	var refused *finalError
	if errors.As(err, &refused) {
		return refused.error
	}
	return err
}

// connect finds an access point and logs in.
func (c *Client) connect(ctx context.Context, fresh bool) (*link, error) {
	where, err := c.lbs.locate(ctx, fresh)
	if err != nil {
		return nil, err
	}
	conn, err := race(ctx, &c.tasks, where.addresses, where.attemptDelay, func(ctx context.Context, address string) (*channel.Conn, error) {
		return c.dial(ctx, address, where.key)
	})
	if err != nil {
		var refused *secure.RefusedError
		if errors.As(err, &refused) && refused.Code == wire.CodeClientTooOld {
			return nil, &finalError{&wire.Error{Code: refused.Code}}
		}
		return nil, err
	}
	l := newLink(conn, c.inbox, &c.rooms, &c.tasks)
	if err := l.authenticate(ctx, &c.o); err != nil {
		l.close(err)
		<-l.dead
		return nil, fmt.Errorf("login: %w", err)
	}
	return l, nil
}

func (c *Client) dial(ctx context.Context, address string, key []byte) (*channel.Conn, error) {
	ctx, cancel := context.WithTimeout(ctx, handshakeTimeout)
	defer cancel()
	tcp, err := c.o.Dial(ctx, "tcp", address)
	if err != nil {
		return nil, err
	}
	return channel.Client(ctx, tcp, key, channel.Options{Codecs: secure.AllCodecs, HandshakeTimeout: handshakeTimeout})
}

// serve lives with a link that is logged in, until it ends. wait is how long
// the server asked the client to stay away, with a *goAwayError.
func (c *Client) serve(l *link) (wait time.Duration, err error) {
	c.o.Logger.Info("logged in", "address", l.conn.RemoteAddr().String(), "session", l.login.SessionId)
	c.inbox.setState(StateChange{State: StateSyncing, Login: l.login})
	c.setLink(l, nil)
	ctx, cancel := context.WithCancel(c.ctx)
	var followUp sync.WaitGroup // ends before the next link begins
	followUp.Go(func() { c.catchUp(ctx) })
	followUp.Go(func() { c.reenterRooms(ctx, l) })

	leaveAt := c.attend(l)
	l.close(ErrClosed) // unless it has ended by itself
	cancel()
	<-l.dead
	followUp.Wait()
	err = l.reason()
	if !leaveAt.IsZero() && !final(err) {
		// Cut off before its turn, the client still waits for it.
		return max(time.Until(leaveAt), 0), &goAwayError{}
	}
	return 0, err
}

// attend returns when the link is dead or to be left. leaveAt is set when the
// server has asked the client to go: until then the link stays in use.
func (c *Client) attend(l *link) (leaveAt time.Time) {
	var leave <-chan time.Time
	for {
		select {
		case delay := <-l.goAway:
			delay = min(delay, maxGoAwayDelay)
			c.o.Logger.Info("the node is about to stop", slog.Duration("moving_in", delay))
			leaveAt, leave = time.Now().Add(delay), time.After(delay)
		case <-leave:
			return leaveAt
		case <-l.dead:
			select {
			case delay := <-l.goAway: // told and closed at once
				leaveAt = time.Now().Add(min(delay, maxGoAwayDelay))
			default:
			}
			return leaveAt
		case <-c.ctx.Done():
			return leaveAt
		}
	}
}

// jittered shortens d by up to a tenth, so that many clients drift apart.
func jittered(d time.Duration) time.Duration {
	return d - rand.N(d/10+1)
}
