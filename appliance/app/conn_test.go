package app

import (
	"net/netip"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/yizhan-im/yizhan/appliance/session"
	"github.com/yizhan-im/yizhan/appliance/wire"
)

// patience is how long a test waits for what must happen. It is never waited
// for in a test that passes.
const patience = 20 * time.Second

// recorder is a session.Conn that keeps what it is given. It is the only fake of
// these tests.
type recorder struct {
	remote netip.AddrPort

	mu      sync.Mutex
	changed chan struct{} // closed and replaced at every change
	replies map[uint64]reply
	pushes  []*session.Event
	idle    time.Duration
	closed  wire.Code // 0 while open
	last    *session.Event
}

type reply struct {
	code wire.Code
	body []byte
}

func newRecorder() *recorder {
	return &recorder{
		remote:  netip.MustParseAddrPort("192.0.2.1:5000"),
		changed: make(chan struct{}),
		replies: map[uint64]reply{},
	}
}

func (c *recorder) change(f func()) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.closed != 0 {
		return
	}
	f()
	close(c.changed)
	c.changed = make(chan struct{})
}

func (c *recorder) Reply(serial uint64, code wire.Code, body wire.Body) {
	var encoded []byte
	if body != nil {
		encoded = make([]byte, body.SizeVT())
		if _, err := body.MarshalToSizedBufferVT(encoded); err != nil {
			panic(err)
		}
	}
	c.change(func() {
		if _, twice := c.replies[serial]; twice {
			panic("a request was answered twice")
		}
		c.replies[serial] = reply{code, encoded}
	})
}

func (c *recorder) Push(ev *session.Event) { c.change(func() { c.pushes = append(c.pushes, ev) }) }

func (c *recorder) PushAll(evs []*session.Event) {
	for _, ev := range evs {
		c.Push(ev)
	}
}

func (c *recorder) Close(reason wire.Code, last *session.Event) {
	c.change(func() { c.closed, c.last = reason, last })
}

func (c *recorder) SetIdleTimeout(d time.Duration) { c.change(func() { c.idle = d }) }
func (c *recorder) RemoteAddr() netip.AddrPort     { return c.remote }
func (c *recorder) Transport() string              { return "test" }

// wait blocks until ready, which runs under the lock, says so.
func (c *recorder) wait(t testing.TB, what string, ready func() bool) {
	t.Helper()
	timeout := time.NewTimer(patience)
	defer timeout.Stop()
	for {
		c.mu.Lock()
		done, changed := ready(), c.changed
		c.mu.Unlock()
		if done {
			return
		}
		select {
		case <-changed:
		case <-timeout.C:
			t.Fatalf("no %s", what)
		}
	}
}

// peer is a client in a test: a connection and the goroutine that would serve
// it.
type peer struct {
	*recorder
	t       testing.TB
	app     *App
	session *session.Session
	serial  uint64
	seen    int // pushes taken by push
}

func connect(t testing.TB, a *App) *peer {
	c := newRecorder()
	p := &peer{recorder: c, t: t, app: a, session: a.Connected(c)}
	t.Cleanup(func() { a.Disconnected(p.session, wire.CodeOK) })
	return p
}

// start sends a request and returns its serial.
func (p *peer) start(cmd wire.Command, in wire.Body) uint64 {
	payload := make([]byte, in.SizeVT())
	if _, err := in.MarshalToSizedBufferVT(payload); err != nil {
		p.t.Fatal(err)
	}
	return p.startRaw(cmd, payload)
}

// startRaw sends a payload, which is overwritten as soon as Request returns, as
// a gateway does with its buffer.
func (p *peer) startRaw(cmd wire.Command, payload []byte) uint64 {
	p.serial++
	payload = slices.Clone(payload)
	p.app.Request(p.session, cmd, p.serial, payload)
	for i := range payload {
		payload[i] = 0xee
	}
	return p.serial
}

// answer waits for the reply to a serial.
func (p *peer) answer(serial uint64) (r reply) {
	p.t.Helper()
	p.wait(p.t, "reply", func() (ok bool) { r, ok = p.replies[serial]; return ok })
	return r
}

// do sends a request and decodes its answer into out, which may be nil.
func (p *peer) do(cmd wire.Command, in wire.Body, out decoder) wire.Code {
	p.t.Helper()
	r := p.answer(p.start(cmd, in))
	if r.code == wire.CodeOK && out != nil {
		if err := out.UnmarshalVT(r.body); err != nil {
			p.t.Fatal(err)
		}
	}
	return r.code
}

// ok is do for a request that must succeed.
func (p *peer) ok(cmd wire.Command, in wire.Body, out decoder) {
	p.t.Helper()
	if code := p.do(cmd, in, out); code != wire.CodeOK {
		p.t.Fatalf("%v answered %d %v", cmd, code, code)
	}
}

// refused sends a request that must be answered with code, and returns the note.
func (p *peer) refused(code wire.Code, cmd wire.Command, in wire.Body) *wire.ErrorBody {
	p.t.Helper()
	return p.isRefused(code, p.start(cmd, in))
}

func (p *peer) isRefused(code wire.Code, serial uint64) *wire.ErrorBody {
	p.t.Helper()
	r := p.answer(serial)
	if r.code != code {
		p.t.Fatalf("answered %d %v, want %d %v", r.code, r.code, code, code)
	}
	out := new(wire.ErrorBody)
	if err := out.UnmarshalVT(r.body); err != nil {
		p.t.Fatal(err)
	}
	if out.Note == "" {
		p.t.Errorf("code %v without a note", code)
	}
	return out
}

// push takes the next push, which must be of cmd.
func (p *peer) push(cmd wire.Command, out decoder) {
	p.t.Helper()
	var ev *session.Event
	p.wait(p.t, "push", func() bool {
		if len(p.pushes) > p.seen {
			ev = p.pushes[p.seen]
		}
		return ev != nil
	})
	p.seen++
	decodeEvent(p.t, ev, cmd, out)
}

// quiet checks that no push waits. Its caller knows that every earlier result
// was delivered; see node.settle.
func (p *peer) quiet() {
	p.t.Helper()
	p.mu.Lock()
	defer p.mu.Unlock()
	if len(p.pushes) > p.seen {
		p.t.Errorf("unexpected push %v", p.pushes[p.seen].Command)
	}
}

// isClosed waits until the connection is closed, which must be with reason, and
// decodes its last push.
func (p *peer) isClosed(reason wire.Code, cmd wire.Command, last decoder) {
	p.t.Helper()
	p.wait(p.t, "close", func() bool { return p.closed != 0 })
	if p.closed != reason {
		p.t.Errorf("closed with %v, want %v", p.closed, reason)
	}
	if last == nil {
		if p.last != nil {
			p.t.Errorf("closed with a last push %v, want none", p.last.Command)
		}
		return
	}
	if p.last == nil {
		p.t.Fatal("closed without a last push")
	}
	decodeEvent(p.t, p.last, cmd, last)
}

func (p *peer) isOpen() {
	p.t.Helper()
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.closed != 0 {
		p.t.Errorf("closed with %v", p.closed)
	}
}

type decoder interface{ UnmarshalVT([]byte) error }

func decodeEvent(t testing.TB, ev *session.Event, cmd wire.Command, out decoder) {
	t.Helper()
	if ev.Command != cmd {
		t.Fatalf("push is %v, want %v", ev.Command, cmd)
	}
	if err := out.UnmarshalVT(ev.Payload); err != nil {
		t.Fatal(err)
	}
}
