package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/gobwas/ws"
)

// The least deliveries per second of weblink-fanout, without and with TLS.
const (
	fanoutTarget    = 400_000
	fanoutTargetTLS = 150_000
)

// fanoutOptions are those of the weblink-fanout scenario.
type fanoutOptions struct {
	Members    int // who read
	Stalled    int // who do not
	Bursts     int
	Burst      int // messages of each
	BodyBytes  int
	Stragglers time.Duration
	TLS        bool
}

func (o *fanoutOptions) validate() error {
	switch {
	case o.Members < 1 || o.Stalled < 0:
		return errors.New("--members must be at least 1, and --stalled must not be negative")
	case o.Bursts < 1 || o.Burst < 1:
		return errors.New("--bursts and --burst must be at least 1")
	case o.BodyBytes < 1 || o.BodyBytes > maxBody:
		return fmt.Errorf("--body must be 1 to %d bytes", maxBody)
	case o.Stragglers < 0:
		return errors.New("--stragglers must not be negative")
	}
	return nil
}

// fanout is one run: a room whose members all get what one sender writes, burst
// by burst. The next burst begins when everybody has the last one.
type fanout struct {
	options fanoutOptions
	room    string
	sender  *webConn
	members []*fanMember
	stalled []*webConn

	pending  atomic.Int64  // deliveries of the current burst that are still to come
	complete chan struct{} // one burst has reached everybody
	closing  atomic.Bool
	acked    atomic.Int64
	ackWait  atomic.Int64
	refused  errorCounts // owned by the goroutine that reads the sender's connection
}

// runFanout measures how fast a room's messages reach its members.
func runFanout(ctx context.Context, s *subject, o fanoutOptions) (*Result, error) {
	f := &fanout{options: o, room: fmt.Sprintf("bench-%06x", s.run), complete: make(chan struct{}, 1)}
	defer f.close()
	d, err := s.webDialer(o.TLS, loadReadBuffer)
	if err != nil {
		return nil, err
	}
	if err := f.connect(ctx, s, d); err != nil {
		return nil, err
	}
	join := f.start()
	s.log.Info("sending", "members", o.Members, "bursts", o.Bursts, "messages", o.Burst)
	before, err := s.snapshot()
	if err != nil {
		return nil, err
	}
	profiled, err := s.profiler.cpu(ctx, fanoutProfile)
	if err != nil {
		return nil, err
	}
	var inBursts time.Duration
	var slowest time.Duration
	for n := range o.Bursts {
		took, ok := f.burst(ctx, n)
		inBursts += took
		slowest = max(slowest, took)
		if !ok {
			break
		}
	}
	after, err := s.snapshot()
	_ = wait(ctx, duplicateWait)
	cut := f.cutOff()
	f.close()
	join()
	if err := errors.Join(err, profiled(), ctx.Err()); err != nil {
		return nil, err
	}

	r := s.result("weblink-fanout", map[string]any{
		"members": o.Members, "stalled": o.Stalled, "bursts": o.Bursts, "burst": o.Burst, "body": o.BodyBytes,
		"tls": o.TLS,
	})
	a := f.account(r)
	r.figure("deliveries_per_second", float64(a.Delivered)/inBursts.Seconds(), "per second")
	target := float64(fanoutTarget)
	if o.TLS {
		target = fanoutTargetTLS
	}
	r.target("deliveries_per_second", true, target)
	r.figure("slowest_burst", milliseconds(slowest), "ms")
	if o.Stalled > 0 {
		r.figure("stalled_cut_off", float64(cut), "connections")
	}
	r.cpu(after.since(before), a.Delivered, "delivery")
	return r, nil
}

// fanoutProfile is how long --profile looks at a run, which ends when it ends.
const fanoutProfile = 5 * time.Second

// connect logs everybody in and lets them enter the room.
func (f *fanout) connect(ctx context.Context, s *subject, d *webDialer) error {
	accounts, err := s.createAccounts(ctx, f.options.Members+f.options.Stalled+1)
	if err != nil {
		return err
	}
	s.log.Info("connecting", "connections", len(accounts))
	conns := make([]*webConn, len(accounts))
	var mu sync.Mutex
	var failed error
	(&crowd{workers: connectWorkers}).each(len(accounts), func(i int) {
		c, err := d.connectAs(ctx, accounts[i])
		if err == nil {
			if err = c.call("enter_room", map[string]string{"room": f.room}); err != nil {
				err = errors.Join(err, c.Close())
			}
		}
		mu.Lock()
		defer mu.Unlock()
		if err != nil {
			failed = fmt.Errorf("logging in %s and entering the room: %w", accounts[i].name, err)
			return
		}
		conns[i] = c
	})
	for i, c := range conns {
		switch {
		case c == nil:
		case i == 0:
			f.sender = c
		case i <= f.options.Stalled:
			f.stalled = append(f.stalled, c)
		default:
			f.members = append(f.members, newFanMember(f, c))
		}
	}
	return failed
}

// start lets everybody read who reads. The returned function waits until they
// have ended, for which the connections must be closed.
func (f *fanout) start() (join func()) {
	var running sync.WaitGroup
	for _, m := range f.members {
		running.Go(m.serve)
	}
	running.Go(f.readAnswers)
	return running.Wait
}

// burst sends one burst and waits until everybody has it.
func (f *fanout) burst(ctx context.Context, n int) (took time.Duration, ok bool) {
	var frames []byte
	body := strings.Repeat("x", f.options.BodyBytes)
	for i := range f.options.Burst {
		number := n*f.options.Burst + i + 1
		frames = appendWebFrame(frames, "42"+strconv.Itoa(number+f.sender.lastID)+`["send_room",{"room":"`+f.room+
			`","clientId":"`+strconv.Itoa(number)+`","body":"`+body+`"}]`)
	}
	f.pending.Store(int64(f.options.Burst) * int64(len(f.members)))
	f.ackWait.Add(int64(f.options.Burst))
	begin := time.Now()
	if _, err := f.sender.Write(frames); err != nil {
		return 0, false
	}
	timer := time.NewTimer(f.options.Stragglers)
	defer timer.Stop()
	select {
	case <-f.complete:
		return time.Since(begin), true
	case <-timer.C:
	case <-ctx.Done():
	}
	return time.Since(begin), false
}

// arrived notes n deliveries.
func (f *fanout) arrived(n int64) {
	if f.pending.Add(-n) == 0 {
		f.complete <- struct{}{}
	}
}

// readAnswers counts what becomes of the sender's messages.
func (f *fanout) readAnswers() {
	for {
		text, err := f.sender.text()
		if err != nil {
			if !f.closing.Load() {
				f.refused.note(err)
			}
			return
		}
		switch {
		case !bytes.HasPrefix(text, []byte("43")):
		case bytes.Contains(text, []byte(`"code":200`)):
			f.acked.Add(1)
		default:
			f.refused.noteKey("refused: " + string(text[bytes.IndexByte(text, '['):]))
		}
	}
}

// cutOff is how many of the stalled clients the node has given up. Reading shows
// what it had written before.
func (f *fanout) cutOff() (n int) {
	for _, c := range f.stalled {
		_ = c.SetReadDeadline(time.Now().Add(requestTimeout))
		messages := 0
		for {
			text, err := c.text()
			if err != nil {
				n++ // the node has closed
				break
			}
			if bytes.HasPrefix(text, roomMessage) {
				if messages++; messages == f.options.Bursts*f.options.Burst {
					break // it was still being served
				}
			}
		}
	}
	return n
}

// account fills in what has become of every message.
func (f *fanout) account(r *Result) *Accounting {
	sent := uint64(f.ackWait.Load())
	a := &Accounting{Sent: sent, Acked: uint64(f.acked.Load())}
	a.Unanswered = sent - a.Acked
	r.Errors = f.refused
	r.Exact = len(f.refused) == 0
	for _, m := range f.members {
		a.Delivered += m.count
		a.Undelivered += sent - min(m.count, sent)
		a.Duplicated += m.duplicated
		a.Reordered += m.reordered
		a.Foreign += m.foreign
		if m.err != nil {
			r.Errors.note(m.err)
			r.Exact = false
		}
	}
	r.Accounting = a
	r.Exact = r.Exact && a.exact()
	return a
}

func (f *fanout) close() {
	f.closing.Store(true)
	for _, m := range f.members {
		_ = m.conn.Close()
	}
	for _, c := range f.stalled {
		_ = c.Close()
	}
	if f.sender != nil {
		_ = f.sender.Close()
	}
}

// fanMember reads what a room's member gets.
type fanMember struct {
	run     *fanout
	conn    *webConn
	settled int64 // deliveries that run.pending does not know of yet
	last    uint64
	err     error

	count, duplicated, reordered, foreign uint64
}

func newFanMember(f *fanout, c *webConn) *fanMember {
	m := &fanMember{run: f, conn: c}
	c.reader.beforeRead = m.settle
	return m
}

func (m *fanMember) settle() {
	if m.settled > 0 {
		n := m.settled
		m.settled = 0
		m.run.arrived(n)
	}
}

var (
	// roomMessage begins the frame of a room's message.
	roomMessage = []byte(`42["room_message",`)
	clientIDKey = []byte(`"clientId":`)
)

// serve reads until the connection ends.
func (m *fanMember) serve() {
	for {
		op, payload, err := m.conn.reader.next()
		switch {
		case err == nil && op == ws.OpClose:
			err = webFarewell(payload)
		case err == nil && op == ws.OpText && len(payload) == 1 && payload[0] == '2':
			err = m.conn.write("3")
		case err == nil && bytes.HasPrefix(payload, roomMessage):
			m.message(payload)
		}
		if err != nil {
			if !m.run.closing.Load() {
				m.err = err
			}
			return
		}
	}
}

// message accounts for one delivery: the sender numbers its messages.
func (m *fanMember) message(frame []byte) {
	number, ok := clientNumber(frame)
	switch {
	case !ok || number == 0:
		m.foreign++
	case number == m.last+1:
		m.last = number
		m.count++
		m.settled++
	case number <= m.last:
		m.duplicated++
	default: // one before it is missing, or will come later
		m.reordered++
		m.last = number
		m.count++
		m.settled++
	}
}

// clientNumber is the number that is a message's client id.
func clientNumber(frame []byte) (n uint64, ok bool) {
	_, rest, found := bytes.Cut(frame, clientIDKey)
	if !found {
		return 0, false
	}
	rest = bytes.TrimLeft(rest, ` "`)
	for i, c := range rest {
		if c < '0' || c > '9' {
			return n, i > 0
		}
		n = n*10 + uint64(c-'0')
	}
	return 0, false
}
