package sdk

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"testing"
	"testing/synctest"
	"time"
)

// inBubble runs f with fake time and a site; it fails when a goroutine of the
// client or the site outlives it.
func inBubble(t *testing.T, f func(t *testing.T, s *site)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		s := newSite(t)
		defer s.close()
		f(t, s)
	})
}

// user is a client with a consumer that checks what every consumer may rely on.
type user struct {
	*Client
	t testing.TB

	tasks  sync.WaitGroup
	cancel context.CancelFunc
	book   *book
}

// book is what an app has kept; it outlives the client that fills it.
type book struct {
	mu       sync.Mutex
	last     map[string]uint64 // seq by peer
	lines    []string          // "peer seq body"
	events   []Event
	arrived  chan struct{}
	slowness time.Duration
}

func newBook() *book { return &book{last: map[string]uint64{}, arrived: make(chan struct{}, 1)} }

func newUser(t testing.TB, o Options, b *book) *user {
	c, err := New(o)
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	u := &user{Client: c, t: t, cancel: cancel, book: b}
	u.tasks.Go(func() {
		for event := range c.Events(ctx) {
			b.add(t, event)
		}
	})
	return u
}

// connect waits until the user is online.
func (u *user) connect() *user {
	u.t.Helper()
	if err := u.Connect(context.Background()); err != nil {
		u.t.Fatal(err)
	}
	return u
}

func (u *user) close() {
	_ = u.Close()
	u.cancel()
	u.tasks.Wait()
}

func (b *book) add(t testing.TB, event Event) {
	b.mu.Lock()
	slowness := b.slowness
	b.mu.Unlock()
	if slowness > 0 {
		time.Sleep(slowness) // fake time: an app that takes so long for an event
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	b.events = append(b.events, event)
	note := func(peer string, seq uint64, body string) {
		if first := b.last[peer] == 0; seq != b.last[peer]+1 && !first {
			t.Errorf("after seq %d of the conversation with %s came %d", b.last[peer], peer, seq)
		}
		b.last[peer] = seq
		b.lines = append(b.lines, fmt.Sprintf("%s %d %s", peer, seq, body))
	}
	switch event := event.(type) {
	case Message:
		note(event.Peer, event.Seq, event.Body)
	case Recall:
		note(event.Peer, event.Seq, fmt.Sprintf("recall %d", event.Recalled))
	}
	signal(b.arrived)
}

// all is a copy of what the book holds.
func (b *book) all() (lines []string, events []Event) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return append([]string(nil), b.lines...), append([]Event(nil), b.events...)
}

// wait waits until the events satisfy enough.
func (b *book) wait(t testing.TB, what string, enough func(events []Event) bool) {
	t.Helper()
	deadline := time.After(time.Hour) // fake time
	for {
		if _, events := b.all(); enough(events) {
			return
		}
		select {
		case <-b.arrived:
		case <-deadline:
			_, events := b.all()
			t.Fatalf("no %s within an hour; events so far: %v", what, events)
		}
	}
}

// waitLine waits until a message with this body is there.
func (b *book) waitLine(t testing.TB, line string) {
	t.Helper()
	b.wait(t, "line "+line, func([]Event) bool {
		b.mu.Lock()
		defer b.mu.Unlock()
		for _, l := range b.lines {
			if l == line {
				return true
			}
		}
		return false
	})
}

func (b *book) waitState(t testing.TB, state State) StateChange {
	t.Helper()
	var found StateChange
	b.wait(t, "state "+state.String(), func(events []Event) bool {
		for _, event := range events {
			if s, ok := event.(StateChange); ok && s.State == state {
				found = s
				return true
			}
		}
		return false
	})
	return found
}

// mustSend sends and wants it accepted.
func (u *user) mustSend(to, text string) SendResult {
	u.t.Helper()
	r, err := u.Send(context.Background(), to, Text(text))
	if err != nil {
		u.t.Fatalf("sending %q: %v", text, err)
	}
	return r
}

func wantErr(t testing.TB, err, want error) {
	t.Helper()
	if !errors.Is(err, want) {
		t.Fatalf("got error %v, want %v", err, want)
	}
}
