package sdk

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/yizhan-im/yizhan/appliance/link/channel"
	"github.com/yizhan-im/yizhan/appliance/wire"
)

// Times of a connection.
const (
	// loginTimeout is how long a login may take; the server itself gives 10 s.
	loginTimeout = 15 * time.Second
	// writeTimeout is how long the network may refuse to take a request.
	writeTimeout = 10 * time.Second
	// pongTimeout is how long after a heartbeat the server must have been heard.
	pongTimeout = 10 * time.Second
	// deadlineStep is how often, at most, the read deadline is moved.
	deadlineStep = time.Second
	// defaultHeartbeat is used when the server names none.
	defaultHeartbeat = 30 * time.Second
)

// maxPending bounds the requests of one link that have no answer yet, those
// included whose caller no longer waits.
const maxPending = 4 * maxInFlight

// link is one connection to an access point.
type link struct {
	conn  *channel.Conn
	inbox *inbox
	rooms *rooms
	login *wire.LoginResponse // set before loggedIn is closed

	queued   chan struct{}      // one token: the writer has something to do
	loggedIn chan struct{}      // closed with the answer to the login
	goAway   chan time.Duration // at most one
	dead     chan struct{}      // closed when the reader has ended

	moved time.Time // when the read deadline was moved; the reader's own

	mu      sync.Mutex
	serial  uint64
	pending map[uint64]*pendingCall
	closed  bool
	err     error // why it ended
}

// pendingCall is a request without an answer.
type pendingCall struct {
	// reply decodes the payload of a 200; the reader calls it, so that what it
	// tells the inbox precedes the pushes that come after the answer.
	reply func(payload []byte) error
	done  chan error // one value
}

// retryError is an answer that asks to come again later.
type retryError struct {
	answer *wire.Error
	after  time.Duration // 0: the server does not say
}

func (e *retryError) Error() string { return e.answer.Error() }
func (e *retryError) Unwrap() error { return e.answer }

// newLink takes over conn and starts to serve it; tasks counts its goroutines.
func newLink(conn *channel.Conn, in *inbox, rooms *rooms, tasks *sync.WaitGroup) *link {
	l := &link{
		conn: conn, inbox: in, rooms: rooms,
		queued:   make(chan struct{}, 1),
		loggedIn: make(chan struct{}),
		goAway:   make(chan time.Duration, 1),
		dead:     make(chan struct{}),
		pending:  make(map[uint64]*pendingCall),
	}
	tasks.Go(l.read)
	tasks.Go(l.writeFrames)
	return l
}

// close ends the link because of err; the first reason stays. The reader ends soon.
func (l *link) close(err error) {
	l.mu.Lock()
	if l.err == nil {
		l.err = err
	}
	l.closed = true
	l.mu.Unlock()
	_ = l.conn.Close()
}

// reason is why the link ended; call it after dead is closed.
func (l *link) reason() error {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.err
}

// authenticate logs in. It must come first on a link.
func (l *link) authenticate(ctx context.Context, o *Options) error {
	ctx, cancel := context.WithTimeout(ctx, loginTimeout)
	defer cancel()
	request := &wire.LoginRequest{
		AppKey: o.AppKey, Account: o.Account, Token: o.Token, DeviceId: o.DeviceID,
		Platform: o.Platform, SdkVersion: Version, CustomTag: o.CustomTag,
		HeartbeatSeconds: uint32(o.Heartbeat / time.Second),
	}
	err := l.call(ctx, wire.CmdLogin, request, func(payload []byte) error {
		login := new(wire.LoginResponse)
		if err := login.UnmarshalVT(payload); err != nil {
			return err
		}
		l.login = login
		close(l.loggedIn)
		l.moved = time.Time{} // a new heartbeat, a new deadline
		return nil
	})
	if err == nil {
		return nil
	}
	var answer *wire.Error
	if errors.As(err, &answer) && !answer.Code.Temporary() {
		return &finalError{err}
	}
	if errors.Is(err, errLinkDown) {
		<-l.dead
		return fmt.Errorf("the server closed the connection during login: %w", l.reason())
	}
	return err
}

// call makes one request on this link. When ctx ends first, the answer is still
// given to reply should it come.
func (l *link) call(ctx context.Context, cmd wire.Command, request wire.Body, reply func([]byte) error) error {
	p, err := l.start(cmd, request, reply)
	if err != nil {
		return err
	}
	return p.wait(ctx)
}

// start makes one request without waiting for its answer. On an error, nothing
// of it has reached the server, except with errLinkDown itself: then it may have.
func (l *link) start(cmd wire.Command, request wire.Body, reply func([]byte) error) (*pendingCall, error) {
	p := &pendingCall{reply: reply, done: make(chan error, 1)}
	l.mu.Lock()
	if l.closed {
		l.mu.Unlock()
		return nil, errUnsent
	}
	if len(l.pending) >= maxPending {
		l.mu.Unlock()
		return nil, &retryError{answer: wire.Errorf(wire.CodeBusy, "too many requests wait for an answer")}
	}
	l.serial++
	serial := l.serial
	l.pending[serial] = p
	l.mu.Unlock()

	if err := l.write(&wire.Frame{Kind: wire.KindRequest, Command: cmd, Serial: serial}, request); err != nil {
		return nil, errLinkDown
	}
	return p, nil
}

func (p *pendingCall) wait(ctx context.Context) error {
	select {
	case err := <-p.done:
		return err
	case <-ctx.Done():
		return ctx.Err()
	}
}

// write queues one frame for the writer.
func (l *link) write(f *wire.Frame, body wire.Body) error {
	if err := l.conn.Append(f, body); err != nil {
		l.close(fmt.Errorf("writing: %w", err))
		return err
	}
	select {
	case l.queued <- struct{}{}:
	default: // the writer has not begun with what was queued before
	}
	return nil
}

// heartbeatInterval is what the login agreed on; the default before.
func (l *link) heartbeatInterval() time.Duration {
	select {
	case <-l.loggedIn:
		if l.login.HeartbeatSeconds > 0 {
			return time.Duration(l.login.HeartbeatSeconds) * time.Second
		}
	default:
	}
	return defaultHeartbeat
}

// writeFrames sends what is queued, all of it with one write, and a ping every
// heartbeat, until the link is dead. The pongs keep the read deadline away.
func (l *link) writeFrames() {
	var heartbeat <-chan time.Time
	loggedIn := l.loggedIn
	for {
		select {
		case <-l.queued:
		case <-loggedIn:
			loggedIn = nil
			ticker := time.NewTicker(l.heartbeatInterval())
			defer ticker.Stop()
			heartbeat = ticker.C
			continue
		case <-heartbeat:
			if l.conn.Append(&wire.Frame{Kind: wire.KindPing}, nil) != nil {
				return // closed
			}
		case <-l.dead:
			return
		}
		err := l.conn.SetWriteDeadline(time.Now().Add(writeTimeout))
		if err == nil {
			err = l.conn.Flush()
		}
		if err != nil {
			l.close(fmt.Errorf("writing: %w", err))
			return
		}
	}
}

// extendDeadline says that the server must be heard again before the pong to
// the next heartbeat is overdue.
func (l *link) extendDeadline(now time.Time) {
	if now.Sub(l.moved) < deadlineStep {
		return
	}
	l.moved = now
	// An error means that the connection is closed: the read says so too.
	_ = l.conn.SetReadDeadline(now.Add(l.heartbeatInterval() + pongTimeout))
}
