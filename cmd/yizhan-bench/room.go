package main

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/url"
	"runtime"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/yizhan-im/yizhan/appliance/link/channel"
	"github.com/yizhan-im/yizhan/appliance/wire"
)

// roomTarget is the most milliseconds from when a message was to be sent until the
// last of 20,000 members has it, of 99 of 100 messages.
const roomTarget = 250

// roomOptions are those of the room scenario.
type roomOptions struct {
	Members    int
	Rate       int // messages per second to the room
	Overload   int // how many times the rate, at last; 0 leaves that out
	Pairs      int // one-to-one messages per second beside it
	BodyBytes  int
	Duration   time.Duration // of each part
	Stragglers time.Duration
}

func (o *roomOptions) validate() error {
	switch {
	case o.Members < 1 || o.Rate < 1 || o.Pairs < 1:
		return errors.New("--members, --rate and --pairs must be at least 1")
	case o.Overload < 0:
		return errors.New("--overload must not be negative")
	case o.BodyBytes < 1 || o.BodyBytes > maxBody:
		return fmt.Errorf("--body must be 1 to %d bytes", maxBody)
	case o.Duration < time.Second || o.Stragglers < 0:
		return errors.New("--duration must be at least 1s, and --stragglers must not be negative")
	}
	return nil
}

// The parts of a run, one after another.
const (
	partAlone    = iota // one-to-one messages only
	partRoom            // with the room's messages
	partOverload        // with Overload times as many
	roomParts
)

// pairStream is the stream of one-to-one messages; those of the room have the
// number of their part.
const pairStream = roomParts

// roomRun is one room whose members all get what one of them writes.
type roomRun struct {
	options roomOptions
	run     uint32
	room    string
	epoch   time.Time
	sender  *channel.Conn
	pair    [2]*channel.Conn // who writes to whom
	pairTo  string
	members []*roomMember
	closing atomic.Bool
	pollers []*poller // the last one reads for sender and pair

	messages  [roomParts][]roomMessageLog
	tallies   []*roomTally          // of the pollers of members
	pairs     [roomParts]*histogram // written by the reader of pair[1] only
	pairSent  [roomParts]uint64
	pairGot   uint64
	pairAcked uint64
	errors    errorCounts
	errorsMu  sync.Mutex
}

// roomMessageLog is what became of one message to the room.
type roomMessageLog struct {
	sent, abandoned, acked bool // owned by the sender's goroutines
	refused                bool
}

// roomTally is what the members of one poller have got of each message: were it
// one for all, the cores would wait for each other at every delivery.
type roomTally struct {
	run     *roomRun
	arrived [roomParts][]roomArrivals
}

// roomArrivals counts the arrivals of one message. The poller writes it; others
// may read.
type roomArrivals struct {
	got  atomic.Int64
	last atomic.Int64 // the latest, as time since it was due
}

// arrivals is how many members have a message, and when the last of them had it.
func (r *roomRun) arrivals(part, number int) (got int64, last time.Duration) {
	for _, t := range r.tallies {
		a := &t.arrived[part][number]
		got += a.got.Load()
		last = max(last, time.Duration(a.last.Load()))
	}
	return got, last
}

// runRoom measures how fast a room's messages reach many members, and what they
// do to other traffic.
func runRoom(ctx context.Context, s *subject, o roomOptions) (*Result, error) {
	n, reason, err := connectionsThatFit(o.Members+3, s.pid)
	if err != nil {
		return nil, err
	}
	o.Members = n - 3
	r := &roomRun{options: o, run: s.run}
	if err := r.connect(ctx, s); err != nil {
		return nil, err
	}
	join := r.start()
	defer join()
	defer r.close()
	result := s.result("room", map[string]any{
		"members": o.Members, "rate": o.Rate, "overload": o.Overload, "pairs": o.Pairs, "body": o.BodyBytes, "duration": o.Duration.String(),
	})
	if reason != "" {
		result.note("%s", reason)
	}
	var costs [roomParts]spent
	for part := range roomParts {
		if part == partOverload && o.Overload == 0 {
			continue
		}
		s.log.Info("sending", "part", part, "members", o.Members)
		before, err := s.snapshot()
		if err != nil {
			return nil, err
		}
		profiled := func() error { return nil }
		if part == partRoom {
			if profiled, err = s.profiler.cpu(ctx, o.Duration); err != nil {
				return nil, err
			}
		}
		if err := r.send(ctx, part); err != nil {
			return nil, err
		}
		after, err := s.snapshot()
		if err := errors.Join(err, profiled()); err != nil {
			return nil, err
		}
		costs[part] = after.since(before)
		r.settle(ctx, part)
	}
	_ = wait(ctx, duplicateWait)
	r.close()
	join()
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	r.report(result, costs)
	return result, nil
}

// connect makes the room, logs everybody in and lets them enter.
func (r *roomRun) connect(ctx context.Context, s *subject) error {
	accounts, err := s.createAccounts(ctx, r.options.Members+3)
	if err != nil {
		return err
	}
	var created struct {
		Room struct {
			ID uint64 `json:"roomid"`
		} `json:"chatroom"`
	}
	form := url.Values{"creator": {accounts[0].name}, "name": {"bench"}, "inOutNotification": {"0"}}
	if err := s.api.call(ctx, "chatroom/create", form, &created); err != nil {
		return fmt.Errorf("creating a room: %w", err)
	}
	r.room = strconv.FormatUint(created.Room.ID, 10)
	s.log.Info("connecting", "connections", len(accounts))
	conns, sockets := make([]*channel.Conn, len(accounts)), make([]*polledConn, len(accounts))
	d := s.dialer(memberReadBuffer)
	d.options.Codecs = 0 // decompressing would be the clients' work, on the node's cores
	var mu sync.Mutex
	var failed error
	(&crowd{workers: connectWorkers}).each(len(accounts), func(i int) {
		socket := new(polledConn)
		conn, _, err := d.connectAs(ctx, accounts[i], wire.Platform_PLATFORM_ANDROID, func(nc net.Conn) net.Conn {
			socket.Conn = nc
			return socket
		})
		if err == nil && (i == 0 || i > 2) {
			_, err = call(conn, wire.CmdEnterRoom, &wire.EnterRoomRequest{Room: r.room})
		}
		mu.Lock()
		defer mu.Unlock()
		if conns[i], sockets[i] = conn, socket; err != nil {
			failed = fmt.Errorf("logging in %s and entering the room: %w", accounts[i].name, err)
		}
	})
	if failed == nil {
		r.sender, r.pair[0], r.pair[1], r.pairTo = conns[0], conns[1], conns[2], accounts[2].name
		failed = r.poll(conns, sockets)
	}
	if failed != nil {
		for _, c := range conns {
			if c != nil {
				_ = c.Close()
			}
		}
	}
	return failed
}

// poll gives the connections to pollers: those of the members to one for each
// core, and the three others, whose times are what this is about, to one of their
// own.
func (r *roomRun) poll(conns []*channel.Conn, sockets []*polledConn) error {
	cores := runtime.NumCPU()
	for i := range cores + 1 {
		pause := crowdPause
		if i == cores {
			pause = 0
		}
		p, err := newPoller(pause)
		if err != nil {
			return err
		}
		r.pollers = append(r.pollers, p)
		if i < cores {
			r.tallies = append(r.tallies, &roomTally{run: r})
		}
	}
	handlers := [3]func(*wire.Frame) error{r.answered, r.pairAnswered, r.pairArrived}
	for i, conn := range conns {
		p := r.pollers[cores]
		var arrived func(*wire.Frame) error
		if i < len(handlers) {
			arrived = handlers[i]
		} else {
			m := &roomMember{tally: r.tallies[i%cores]}
			r.members = append(r.members, m)
			p, arrived = r.pollers[i%cores], m.arrived
		}
		if err := p.add(sockets[i], conn, arrived, r.failed); err != nil {
			return err
		}
	}
	return nil
}

// memberReadBuffer is small: there are many members, and each reads little at a
// time.
const memberReadBuffer = 2 << 10

// start lets everybody read. The returned function waits until they have ended,
// after close.
func (r *roomRun) start() (join func()) {
	r.epoch = time.Now()
	for part := range r.pairs {
		r.pairs[part] = new(histogram)
		rate := r.options.Rate
		if part == partOverload {
			rate *= r.options.Overload
		}
		if part != partAlone {
			r.messages[part] = make([]roomMessageLog, rate*int(r.options.Duration.Seconds())+1)
			for _, t := range r.tallies {
				t.arrived[part] = make([]roomArrivals, len(r.messages[part]))
			}
		}
	}
	// A poller that has found something needs not wait for another's turn to end.
	runtime.GOMAXPROCS(runtime.NumCPU() + len(r.pollers))
	var running sync.WaitGroup
	for _, p := range r.pollers {
		running.Go(func() { p.run(&r.closing) })
	}
	return running.Wait
}

// failed notes why a connection has ended.
func (r *roomRun) failed(err error) {
	if !r.closing.Load() {
		r.errorsMu.Lock()
		r.errors.note(err)
		r.errorsMu.Unlock()
	}
}

// A request's serial says which message it is.
func serialOf(part, number int) uint64 { return uint64(part)<<32 | uint64(number) }
func ofSerial(s uint64) (part, n int)  { return int(s >> 32), int(uint32(s)) }

func (r *roomRun) since() time.Duration { return time.Since(r.epoch) }

// answered notes what the room's sender is told.
func (r *roomRun) answered(f *wire.Frame) error {
	if f.Kind != wire.KindResponse {
		return nil
	}
	part, number := ofSerial(f.Serial)
	if part >= roomParts || number >= len(r.messages[part]) {
		return fmt.Errorf("an answer to a request that was not made")
	}
	m := &r.messages[part][number]
	if f.Code != wire.CodeOK {
		m.refused = true
		r.errorsMu.Lock()
		r.errors.noteKey("room: " + f.Code.String())
		r.errorsMu.Unlock()
		return nil
	}
	var answer wire.SendRoomResponse
	if err := answer.UnmarshalVT(f.Payload); err != nil {
		return err
	}
	m.acked, m.abandoned = true, answer.Abandoned
	return nil
}

// pairAnswered notes what the sender of one-to-one messages is told.
func (r *roomRun) pairAnswered(f *wire.Frame) error {
	if f.Kind == wire.KindResponse && f.Code == wire.CodeOK {
		r.pairAcked++
	}
	return nil
}

// pairArrived notes a one-to-one message.
func (r *roomRun) pairArrived(f *wire.Frame) error {
	if f.Command != wire.PushMessage {
		return nil
	}
	var push wire.MessagePush
	if err := push.UnmarshalVTUnsafe(f.Payload); err != nil {
		return err
	}
	s, err := parseStamp([]byte(push.Message.GetClientId()))
	if err != nil {
		return err
	}
	if s.run != r.run || int(s.stream) != pairStream {
		return fmt.Errorf("a message that nobody sent")
	}
	part := int(s.number >> 24)
	r.pairs[part].record(r.since() - s.sent)
	r.pairGot++
	return nil
}

// send runs one part by its schedule.
func (r *roomRun) send(ctx context.Context, part int) error {
	body := strings.Repeat("x", r.options.BodyBytes)
	var senders sync.WaitGroup
	errs := make([]error, 2)
	senders.Go(func() {
		count := r.options.Pairs * int(r.options.Duration.Seconds())
		errs[0] = r.paced(ctx, count, func(i int, due time.Duration) error {
			r.pairSent[part]++
			st := stamp{run: r.run, stream: pairStream, number: uint32(part)<<24 | uint32(i+1), sent: due}
			return r.pair[0].WriteFrame(&wire.Frame{Kind: wire.KindRequest, Command: wire.CmdSend, Serial: uint64(part+1)<<32 | uint64(i+1)},
				&wire.SendRequest{To: r.pairTo, ClientId: st.String(), Body: body})
		})
	})
	if part != partAlone {
		senders.Go(func() {
			errs[1] = r.paced(ctx, len(r.messages[part])-1, func(i int, due time.Duration) error {
				st := stamp{run: r.run, stream: uint32(part), number: uint32(i + 1), sent: due}
				r.messages[part][i+1].sent = true
				return r.sender.WriteFrame(&wire.Frame{Kind: wire.KindRequest, Command: wire.CmdSendRoom, Serial: serialOf(part, i+1)},
					&wire.SendRoomRequest{Room: r.room, ClientId: st.String(), Body: body})
			})
		})
	}
	senders.Wait()
	return errors.Join(errs...)
}

// paced calls send count times over the duration; due is when a message is to be
// sent, since the epoch, whether it can be or not.
func (r *roomRun) paced(ctx context.Context, count int, send func(i int, due time.Duration) error) error {
	begin, step := r.since(), r.options.Duration/time.Duration(count)
	for i := range count {
		due := begin + time.Duration(i)*step
		if ahead := due - r.since(); ahead > 0 {
			if err := wait(ctx, ahead); err != nil {
				return err
			}
		}
		if err := send(i, due); err != nil {
			return err
		}
	}
	return nil
}

// settle waits until everybody has the messages of a part, or no longer.
func (r *roomRun) settle(ctx context.Context, part int) {
	deadline := time.Now().Add(r.options.Stragglers)
	for time.Now().Before(deadline) && !r.complete(part) {
		if wait(ctx, 20*time.Millisecond) != nil {
			return
		}
	}
}

// complete reports whether no delivery of a part is missing, as far as can be
// told while answers are still coming in.
func (r *roomRun) complete(part int) bool {
	want := int64(len(r.members))
	for i := range r.messages[part] {
		if got, _ := r.arrivals(part, i); got != 0 && got < want {
			return false
		}
	}
	return true
}

// close lets the pollers end, and close the connections.
func (r *roomRun) close() { r.closing.Store(true) }

// roomMember is what one member gets.
type roomMember struct {
	tally *roomTally
	last  uint64 // part and number of the latest message

	reordered, duplicated, foreign uint64
}

func (m *roomMember) arrived(f *wire.Frame) error {
	if f.Command != wire.PushRoomMessage {
		return nil
	}
	clientID, err := scanRoomPush(f.Payload)
	if err != nil {
		return err
	}
	r := m.tally.run
	s, err := parseStamp(clientID)
	if err != nil || s.run != r.run || int(s.stream) >= roomParts || int(s.number) >= len(r.messages[s.stream]) {
		m.foreign++
		return nil
	}
	switch at := serialOf(int(s.stream), int(s.number)); {
	case at == m.last:
		m.duplicated++
		return nil
	case at < m.last:
		m.reordered++
	default:
		m.last = at
	}
	a := &m.tally.arrived[s.stream][s.number]
	a.got.Store(a.got.Load() + 1)
	if late := int64(r.since() - s.sent); late > a.last.Load() {
		a.last.Store(late)
	}
	return nil
}

// report adds figures and the accounting.
func (r *roomRun) report(result *Result, costs [roomParts]spent) {
	a := &Accounting{}
	result.Accounting, result.Errors = a, r.errors
	for part, name := range []string{partAlone: "", partRoom: "last_delivery", partOverload: "overload_last_delivery"} {
		latest := new(histogram)
		var sent, abandoned, delivered uint64
		for i := range r.messages[part] {
			m := &r.messages[part][i]
			if !m.sent {
				continue
			}
			sent++
			arrivals, last := r.arrivals(part, i)
			got := uint64(arrivals)
			delivered += got
			a.Sent++
			switch {
			case m.refused:
				a.Refused++
			case m.abandoned:
				abandoned++
				a.Acked++
				a.Foreign += got // of a message that was sent to nobody
			case m.acked:
				a.Acked++
				a.Undelivered += uint64(len(r.members)) - min(got, uint64(len(r.members)))
				a.Duplicated += got - min(got, uint64(len(r.members)))
				latest.record(last)
			default:
				a.Unanswered++
			}
		}
		a.Delivered += delivered
		if sent == 0 {
			continue
		}
		prefix := strings.TrimSuffix(name, "last_delivery")
		result.latencies(name, latest)
		result.figure(prefix+"deliveries_per_second", float64(delivered)/r.options.Duration.Seconds(), "per second")
		result.figure(prefix+"abandoned", 100*float64(abandoned)/float64(sent), "percent")
		if part == partRoom {
			result.cpu(costs[part], delivered, "delivery")
		}
	}
	pairsSent := uint64(0)
	for part, name := range []string{"pairs_alone", "pairs_with_room", "pairs_overload"} {
		if pairsSent += r.pairSent[part]; r.pairSent[part] > 0 {
			result.figure(name+"_p50", milliseconds(r.pairs[part].quantile(0.5)), "ms")
			result.figure(name+"_p99", milliseconds(r.pairs[part].quantile(0.99)), "ms")
		}
	}
	a.Sent, a.Acked, a.Delivered = a.Sent+pairsSent, a.Acked+r.pairAcked, a.Delivered+r.pairGot
	a.Unanswered += pairsSent - min(r.pairAcked, pairsSent)
	a.Undelivered += pairsSent - min(r.pairGot, pairsSent)
	a.Duplicated += r.pairGot - min(r.pairGot, pairsSent)
	for _, m := range r.members {
		a.Duplicated += m.duplicated
		a.Reordered += m.reordered
		a.Foreign += m.foreign
	}
	result.target("last_delivery_p99", false, roomTarget)
	result.Exact = a.exact() && len(r.errors) == 0
}
