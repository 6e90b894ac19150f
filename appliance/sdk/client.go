package sdk

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"fmt"
	"iter"
	"sync"
	"time"

	"github.com/yizhan-im/yizhan/appliance/secure"
	"github.com/yizhan-im/yizhan/appliance/wire"
)

// Client is one account on one device. All methods may be called from any
// goroutine, also from the body of the Events loop.
type Client struct {
	o     Options
	lbs   *locator
	inbox *inbox
	rooms rooms

	ctx    context.Context // ends with Close
	cancel context.CancelFunc
	tasks  sync.WaitGroup // every goroutine of the client

	inFlight chan struct{} // one token per call under way

	mu      sync.Mutex
	started bool
	link    *link         // logged in and alive, or nil
	lastErr error         // why link is nil, for people
	stopErr error         // set once: the client will not connect again
	changed chan struct{} // closed and replaced when link, stopErr or a room's link changes
}

// maxInFlight bounds the app's calls that wait for an answer at the same time;
// more wait for their turn. The client's own requests do not wait: what was
// missed is read even while no message can be sent.
const maxInFlight = 256

// New makes a client that is not connected yet. It reads the Store.
func New(o Options) (*Client, error) {
	o, err := o.complete()
	if err != nil {
		return nil, err
	}
	saved, err := o.Store.Load(o.AppKey + "/" + o.Account)
	if err != nil {
		return nil, fmt.Errorf("reading the store: %w", err)
	}
	if o.DeviceID == "" {
		o.DeviceID = saved.DeviceID
	}
	if o.DeviceID == "" {
		o.DeviceID = newID()
	}
	if saved.DeviceID != o.DeviceID {
		saved.DeviceID = o.DeviceID
		if err := o.Store.Save(Checkpoint{DeviceID: saved.DeviceID, Version: saved.Version, Synced: saved.Synced, Deletions: saved.Deletions}); err != nil {
			return nil, fmt.Errorf("writing the store: %w", err)
		}
	}
	var pinned []byte
	if o.ServerKey != "" {
		if pinned, err = secure.ParsePublicKey(o.ServerKey); err != nil {
			return nil, fmt.Errorf("sdk options: ServerKey: %w", err)
		}
	}
	c := &Client{
		o:        o,
		lbs:      newLocator(&o, pinned),
		inbox:    newInbox(&o, saved),
		inFlight: make(chan struct{}, maxInFlight),
		changed:  make(chan struct{}),
	}
	c.ctx, c.cancel = context.WithCancel(context.Background())
	return c, nil
}

// Start begins to connect, in the background; the client stays connected until
// Close, or until the server refuses it for good. Calls wait for the connection.
func (c *Client) Start() {
	c.mu.Lock()
	defer c.mu.Unlock()
	if !c.started && c.stopErr == nil {
		c.started = true
		c.tasks.Go(c.run)
	}
}

// Connect is Start, then waits until the client is logged in. It returns nil
// then, the reason when the client has stopped for good (see StateStopped), or
// ctx's error: then the client goes on trying.
func (c *Client) Connect(ctx context.Context) error {
	c.Start()
	_, err := c.online(ctx)
	return err
}

// Events delivers what happens, one event at a time, until ctx ends, the client
// is closed, or it has stopped for good and everything has been delivered.
//
// Per conversation, Message, Recall and Missing come in the order of seq,
// without gap, each once for a Store. An event counts as handled, and the Store
// remembers it, when the body of the loop has ended.
//
// A slow loop holds back no calls and loses nothing: at most Options.Queue
// events wait in memory, the rest is read from the server when there is room.
// One loop runs at a time; a second one waits for the first to end.
func (c *Client) Events(ctx context.Context) iter.Seq[Event] {
	return func(yield func(Event) bool) {
		select {
		case c.inbox.consumer <- struct{}{}:
			defer func() { <-c.inbox.consumer }()
		case <-ctx.Done():
			return
		case <-c.ctx.Done():
			return
		}
		for {
			item, ok := c.inbox.next(ctx, c.ctx)
			if !ok {
				return
			}
			more := yield(item.event)
			c.inbox.handled(item)
			if !more {
				return
			}
		}
	}
}

// DeviceID is the name under which this installation logs in.
func (c *Client) DeviceID() string { return c.o.DeviceID }

// Account is the account's name as the server writes it.
func (c *Client) Account() string { return c.o.Account }

// Login is the server's answer to the latest login, or nil when not connected.
func (c *Client) Login() *wire.LoginResponse {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.link == nil {
		return nil
	}
	return c.link.login
}

// Close ends the client: calls under way return ErrClosed, Events loops end.
// It waits for the client's goroutines. Events that were not handled come again
// with the next Client on the same Store.
func (c *Client) Close() error {
	c.stop(ErrClosed)
	c.cancel()
	c.tasks.Wait()
	return nil
}

// Logout tells the server that this device leaves, then closes the client. The
// device's data stays in the Store.
func (c *Client) Logout(ctx context.Context) error {
	err := c.call(ctx, wire.CmdLogout, &wire.LogoutRequest{}, nil)
	_ = c.Close()
	return err
}

// online waits for a link that is logged in.
func (c *Client) online(ctx context.Context) (*link, error) {
	for {
		c.mu.Lock()
		l, stopErr, started, changed, lastErr := c.link, c.stopErr, c.started, c.changed, c.lastErr
		c.mu.Unlock()
		switch {
		case stopErr != nil:
			return nil, stopErr
		case !started:
			return nil, ErrNotStarted
		case l != nil:
			return l, nil
		}
		select {
		case <-changed:
		case <-ctx.Done():
			if lastErr != nil {
				return nil, fmt.Errorf("not connected: %w (%w)", lastErr, ctx.Err())
			}
			return nil, fmt.Errorf("not connected: %w", ctx.Err())
		}
	}
}

// setLink publishes the live link, or its end with the reason.
func (c *Client) setLink(l *link, err error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.link, c.lastErr = l, err
	c.wakeLocked()
}

func (c *Client) wake() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.wakeLocked()
}

// wakeLocked makes whoever waits for a change look again.
func (c *Client) wakeLocked() {
	close(c.changed)
	c.changed = make(chan struct{})
}

// stop makes err the result of all calls from now on; the first call counts.
func (c *Client) stop(err error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.stopErr != nil {
		return
	}
	c.stopErr, c.link = err, nil
	c.wakeLocked()
	c.inbox.setState(StateChange{State: StateStopped, Err: err})
}

// newID is a random name for a device or a message.
func newID() string {
	var b [16]byte
	_, _ = rand.Read(b[:]) // never fails
	return hex.EncodeToString(b[:])
}

// pause waits for d; false when ctx ended first.
func pause(ctx context.Context, d time.Duration) bool {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return true
	case <-ctx.Done():
		return false
	}
}
