package chat

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strings"
	"sync"
	"time"
	"unicode"

	"github.com/yizhan-im/yizhan/appliance/sdk"
	"github.com/yizhan-im/yizhan/appliance/wire"
)

// screen prints what happens, one line each.
type screen struct {
	client   *sdk.Client
	receipts bool // tell the peer what has been shown

	mu   sync.Mutex
	out  io.Writer
	peer string // whom the user is talking to
	// quiet is set while a new device gets its first messages: those of other
	// conversations are only counted.
	quiet   bool
	counted map[string]int
	shown   map[string]uint64 // highest seq printed, by peer
	own     map[string]uint64 // highest seq sent from here, by peer
	printed chan struct{}     // closed and replaced when shown changes
	stopErr error

	reads chan struct{} // one token: something was shown that is not marked read
}

func newScreen(client *sdk.Client, out io.Writer, peer string, receipts bool) *screen {
	return &screen{
		client: client, out: out, peer: peer, receipts: receipts,
		quiet: len(client.Conversations()) == 0, counted: map[string]int{},
		shown: map[string]uint64{}, own: map[string]uint64{},
		printed: make(chan struct{}), reads: make(chan struct{}, 1),
	}
}

// run prints events until the client is closed or has stopped for good. It calls
// atLogin after the first login, before the messages that were missed.
func (s *screen) run(atLogin func()) {
	ctx, cancel := context.WithCancel(context.Background())
	var marking sync.WaitGroup
	marking.Go(func() { s.markRead(ctx) })
	for event := range s.client.Events(ctx) {
		s.show(event)
		if change, ok := event.(sdk.StateChange); ok && change.State == sdk.StateSyncing && atLogin != nil {
			atLogin()
			atLogin = nil
		}
	}
	cancel()
	marking.Wait()
}

// println prints one line of the program's own.
func (s *screen) println(format string, args ...any) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.line(format, args...)
}

// line prints one line; the caller holds mu.
func (s *screen) line(format string, args ...any) {
	_, _ = io.WriteString(s.out, fmt.Sprintf(format, args...)+"\n")
}

func (s *screen) show(event sdk.Event) {
	s.mu.Lock()
	defer s.mu.Unlock()
	switch e := event.(type) {
	case sdk.Message:
		s.message(e.Message, e.Peer, e.Local)
	case sdk.Recall:
		s.message(e.Message, e.Peer, e.Local)
	case sdk.Missing:
		s.line("* the server no longer has messages #%d–#%d of %s", e.FromSeq, e.ToSeq, clean(e.Peer))
	case sdk.Receipt:
		s.line("* %s has read up to #%d", clean(e.Peer), e.Seq)
	case sdk.ReadCursor:
		s.line("* you have read %s up to #%d on another device", clean(e.Peer), e.Seq)
	case sdk.StateChange:
		s.state(&e)
	}
}

// message prints an entry of a conversation, and counts it as shown.
func (s *screen) message(m *wire.Message, peer string, local bool) {
	if s.quiet && peer != s.peer {
		s.counted[peer]++
	} else {
		s.line("%s", s.describe(m, local))
	}
	s.shown[peer] = m.Seq
	if local {
		s.own[peer] = m.Seq
	}
	close(s.printed)
	s.printed = make(chan struct{})
	if peer == s.peer && m.From == peer {
		select {
		case s.reads <- struct{}{}:
		default:
		}
	}
}

// typeRecall is the type of the entry that takes back another.
const typeRecall = 1000

// describe is an entry of a conversation as one line.
func (s *screen) describe(m *wire.Message, local bool) string {
	var b strings.Builder
	fmt.Fprintf(&b, "%s ", time.UnixMilli(m.TimeMs).Format(time.TimeOnly))
	if m.From == s.client.Account() {
		fmt.Fprintf(&b, "you → %s", clean(m.To))
	} else {
		b.WriteString(clean(m.From))
	}
	fmt.Fprintf(&b, " #%d", m.Seq)
	if m.From == s.client.Account() && !local && m.FromDevice != "" {
		fmt.Fprintf(&b, " (%s)", clean(m.FromDevice))
	}
	b.WriteString(": ")
	switch {
	case m.Type == typeRecall:
		fmt.Fprintf(&b, "[took back #%d] %s", m.RefSeq, clean(m.Body))
	case m.Recalled:
		b.WriteString("[taken back]")
	case m.Type != 0:
		fmt.Fprintf(&b, "[type %d] %s", m.Type, clean(m.Body))
	default:
		b.WriteString(clean(m.Body))
	}
	return strings.TrimRight(b.String(), " ")
}

func (s *screen) state(e *sdk.StateChange) {
	switch e.State {
	case sdk.StateConnecting:
		s.line("* connecting")
	case sdk.StateSyncing:
		s.line("* logged in as %s, session %d, device %s", s.client.Account(), e.Login.SessionId, s.client.DeviceID())
		for _, other := range e.Login.Others {
			s.line("* %s", describeDevice(other))
		}
	case sdk.StateConnected:
		s.quiet = false
		for peer, n := range s.counted {
			s.line("* %d earlier with %s (/to %[2]s, /history)", n, clean(peer))
		}
		clear(s.counted)
		s.line("* connected")
	case sdk.StateOffline:
		s.line("* offline: %s; next attempt in %s", clean(e.Err.Error()), e.RetryIn.Round(time.Millisecond))
	case sdk.StateStopped:
		if errors.Is(e.Err, sdk.ErrClosed) {
			return // by ourselves
		}
		s.stopErr = e.Err
		s.line("* stopped: %s", clean(e.Err.Error()))
	}
}

func describeDevice(d *wire.OnlineDevice) string {
	platform := strings.ToLower(strings.TrimPrefix(d.Platform.String(), "PLATFORM_"))
	return fmt.Sprintf("also online: session %d, %s, device %s, since %s (/kick %[1]d)",
		d.SessionId, platform, clean(d.DeviceId), time.UnixMilli(d.LoginMs).Format(time.DateTime))
}

// stopped is why the client has stopped for good, or nil.
func (s *screen) stopped() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.stopErr
}

// to changes the conversation.
func (s *screen) to(peer string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.peer = peer
}

func (s *screen) current() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.peer
}

// lastShown and lastOwn are the seqs of the latest entry that was printed, and
// that was sent from here; 0 when there is none.
func (s *screen) lastShown(peer string) uint64 {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.shown[peer]
}

func (s *screen) lastOwn(peer string) uint64 {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.own[peer]
}

// waitShown waits until the entry is printed, or ctx ends.
func (s *screen) waitShown(ctx context.Context, peer string, seq uint64) {
	for {
		s.mu.Lock()
		done, printed := s.shown[peer] >= seq || s.stopErr != nil, s.printed
		s.mu.Unlock()
		if done {
			return
		}
		select {
		case <-printed:
		case <-ctx.Done():
			return
		}
	}
}

// markRead tells the peer what has been shown, several messages at once when
// they come fast.
func (s *screen) markRead(ctx context.Context) {
	for {
		select {
		case <-s.reads:
		case <-ctx.Done():
			return
		}
		peer := s.current()
		seq := s.lastShown(peer)
		if !s.receipts || seq == 0 {
			continue
		}
		if err := s.client.MarkRead(ctx, peer, seq); err != nil && ctx.Err() == nil && s.stopped() == nil {
			s.println("* cannot mark #%d read: %s", seq, clean(err.Error()))
		}
	}
}

// clean makes text from others harmless for a terminal: control characters
// could move the cursor or change colours, and direction marks could disguise
// who says what.
func clean(text string) string {
	return strings.Map(func(r rune) rune {
		switch {
		case r == '\n':
			return '⏎'
		case r == '\t':
			return ' '
		case unicode.IsControl(r), unicode.Is(unicode.Bidi_Control, r):
			return unicode.ReplacementChar
		}
		return r
	}, text)
}
