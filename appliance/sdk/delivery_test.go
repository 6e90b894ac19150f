package sdk

import (
	"context"
	"fmt"
	"math/rand/v2"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/yizhan-im/yizhan/appliance/wire"
)

// messages are the bodies of a conversation, as a book has them.
func (b *book) messages(peer string) []string {
	lines, _ := b.all()
	var bodies []string
	for _, line := range lines {
		if rest, ok := strings.CutPrefix(line, peer+" "); ok {
			bodies = append(bodies, rest)
		}
	}
	return bodies
}

func numbered(from, to int) []string {
	var all []string
	for n := from; n <= to; n++ {
		all = append(all, fmt.Sprintf("%d message %d", n, n))
	}
	return all
}

func wantMessages(t *testing.T, got, want []string) {
	t.Helper()
	if !slices.Equal(got, want) {
		t.Fatalf("got %d messages, want %d\ngot  %v\nwant %v", len(got), len(want), got, want)
	}
}

func TestPushesThatAreRepeatedLostOrReordered(t *testing.T) {
	var held []byte
	faults := map[string]func(push []byte) [][]byte{
		"twice": func(push []byte) [][]byte { return [][]byte{push, push} },
		"lost": func() func(push []byte) [][]byte {
			n := 0
			return func(push []byte) [][]byte { n++; return [][]byte{push}[n%3/2:] }
		}(),
		"reordered": func(push []byte) [][]byte {
			if held == nil {
				held = push
				return nil
			}
			first := held
			held = nil
			return [][]byte{push, first}
		},
	}
	for name, fault := range faults {
		t.Run(name, func(t *testing.T) {
			inBubble(t, func(t *testing.T, s *site) {
				s.onPush = fault
				bob := newUser(t, s.options("bob", nil), newBook()).connect()
				defer bob.close()
				bob.book.waitState(t, StateConnected)
				for n := 1; n <= 100; n++ {
					s.post("alice", "bob", fmt.Sprintf("message %d", n))
				}
				// The next message shows that something before it is missing.
				s.change(func() { s.onPush = nil })
				s.post("alice", "bob", "message 101")
				bob.book.waitLine(t, "alice 101 message 101")
				wantMessages(t, bob.book.messages("alice"), numbered(1, 101))
			})
		})
	}
}

func TestLostLastPushIsFoundByTheNextSync(t *testing.T) {
	inBubble(t, func(t *testing.T, s *site) {
		bob := newUser(t, s.options("bob", nil), newBook()).connect()
		defer bob.close()
		bob.book.waitState(t, StateConnected)
		s.change(func() { s.onPush = func([]byte) [][]byte { return nil } })
		s.post("alice", "bob", "message 1")
		bob.book.waitLine(t, "alice 1 message 1")
	})
}

func TestMissedWhileOffline(t *testing.T) {
	inBubble(t, func(t *testing.T, s *site) {
		path := filepath.Join(t.TempDir(), "state")
		b := newBook()
		posted := 0
		for range 4 {
			for range 250 { // more than a page of history
				posted++
				s.post("alice", "bob", fmt.Sprintf("message %d", posted))
			}
			store, err := OpenFileStore(path)
			if err != nil {
				t.Fatal(err)
			}
			o := s.options("bob", store)
			o.DeviceID, o.Backlog = "", 1000
			bob := newUser(t, o, b).connect()
			b.waitLine(t, fmt.Sprintf("alice %d message %d", posted, posted))
			bob.close()
			if err := store.Close(); err != nil {
				t.Fatal(err)
			}
		}
		wantMessages(t, b.messages("alice"), numbered(1, posted))
	})
}

func TestOwnReadCursorIsNoNewsAfterARestart(t *testing.T) {
	inBubble(t, func(t *testing.T, s *site) {
		s.post("alice", "bob", "hi")
		store := new(MemoryStore)
		bob := newUser(t, s.options("bob", store), newBook()).connect()
		bob.book.waitLine(t, "alice 1 hi")
		if err := bob.MarkRead(t.Context(), "alice", 1); err != nil {
			t.Fatal(err)
		}
		bob.close()
		bob = newUser(t, s.options("bob", store), newBook()).connect()
		defer bob.close()
		bob.book.waitState(t, StateConnected)
		if _, events := bob.book.all(); slices.Contains(events, Event(ReadCursor{Peer: "alice", Seq: 1})) {
			t.Errorf("events after the restart: %v", events)
		}
	})
}

func TestNewDeviceStartsAtTheBacklog(t *testing.T) {
	inBubble(t, func(t *testing.T, s *site) {
		for n := 1; n <= 20; n++ {
			s.post("alice", "bob", fmt.Sprintf("message %d", n))
		}
		o := s.options("bob", nil)
		o.Backlog = 5
		bob := newUser(t, o, newBook()).connect()
		defer bob.close()
		bob.book.waitState(t, StateConnected)
		wantMessages(t, bob.book.messages("alice"), numbered(16, 20))

		// A conversation that begins later is new: all of it counts.
		s.change(func() { s.onPush = func([]byte) [][]byte { return nil } })
		for n := 1; n <= 20; n++ {
			s.post("carol", "bob", fmt.Sprintf("message %d", n))
		}
		s.cutAll()
		bob.book.waitLine(t, "carol 20 message 20")
		wantMessages(t, bob.book.messages("carol"), numbered(1, 20))
	})
}

// A site where nothing has happened is at version 0: who has synced there is no
// new device any more, and misses nothing of what comes while it is away.
func TestADeviceOfAnEmptySiteIsNotNewForEver(t *testing.T) {
	inBubble(t, func(t *testing.T, s *site) {
		store := new(MemoryStore)
		o := s.options("bob", store)
		o.Backlog = 5
		bob := newUser(t, o, newBook()).connect()
		bob.book.waitState(t, StateConnected)
		bob.close()
		for n := 1; n <= 20; n++ {
			s.post("alice", "bob", fmt.Sprintf("message %d", n))
		}
		o = s.options("bob", store)
		o.Backlog = 5
		bob = newUser(t, o, newBook()).connect()
		defer bob.close()
		bob.book.waitState(t, StateConnected)
		wantMessages(t, bob.book.messages("alice"), numbered(1, 20))
	})
}

func TestManyConversationsSyncInPages(t *testing.T) {
	inBubble(t, func(t *testing.T, s *site) {
		const peers = 3*syncPage + 7
		for n := range peers {
			s.post(fmt.Sprintf("peer%d", n), "bob", "message 1")
		}
		bob := newUser(t, s.options("bob", nil), newBook()).connect()
		defer bob.close()
		bob.book.waitState(t, StateConnected)
		lines, _ := bob.book.all()
		if len(lines) != peers || len(bob.Conversations()) != peers {
			t.Errorf("%d messages in %d conversations, want %d", len(lines), len(bob.Conversations()), peers)
		}
		// Everything is handled, which the server learns.
		synctest.Wait()
		s.change(func() {
			if s.acked["bob-phone"] != s.version {
				t.Errorf("acked version %d of %d", s.acked["bob-phone"], s.version)
			}
		})
	})
}

func TestSlowConsumerLosesNothingAndHoldsBackNothing(t *testing.T) {
	inBubble(t, func(t *testing.T, s *site) {
		o := s.options("bob", nil)
		o.Queue = 16
		b := newBook()
		b.slowness = 100 * time.Millisecond
		bob := newUser(t, o, b).connect()
		defer bob.close()
		b.waitState(t, StateConnected)
		for n := 1; n <= 2000; n++ {
			s.post("alice", "bob", fmt.Sprintf("message %d", n))
		}
		synctest.Wait()
		bob.inbox.mu.Lock()
		if n := bob.inbox.queue.len() + bob.inbox.early; n > 2*16+maxStates {
			t.Errorf("%d messages in memory", n)
		}
		bob.inbox.mu.Unlock()
		start := time.Now()
		if _, _, err := bob.History(t.Context(), "alice", Page{}); err != nil || time.Since(start) > 0 {
			t.Errorf("a call while the consumer is slow: error %v after %v", err, time.Since(start))
		}
		b.waitLine(t, "alice 2000 message 2000")
		wantMessages(t, b.messages("alice"), numbered(1, 2000))
		s.change(func() {
			if s.logins != 1 {
				t.Errorf("%d logins", s.logins)
			}
		})
	})
}

func TestWhatTheServerNoLongerHas(t *testing.T) {
	inBubble(t, func(t *testing.T, s *site) {
		for n := 1; n <= 30; n++ {
			s.post("alice", "bob", fmt.Sprintf("message %d", n))
		}
		s.pruned = 10
		c, err := New(s.options("bob", nil))
		if err != nil {
			t.Fatal(err)
		}
		defer c.Close()
		if err := c.Connect(t.Context()); err != nil {
			t.Fatal(err)
		}
		var seqs []uint64
		for event := range c.Events(t.Context()) {
			switch event := event.(type) {
			case Missing:
				if event.FromSeq != 1 || event.ToSeq != 10 {
					t.Errorf("missing %+v", event)
				}
			case Message:
				seqs = append(seqs, event.Seq)
			}
			if len(seqs) == 20 {
				break
			}
		}
		if seqs[0] != 11 || seqs[19] != 30 {
			t.Errorf("delivered %v", seqs)
		}
	})
}

func TestSiteThatLostItsDataStartsOver(t *testing.T) {
	inBubble(t, func(t *testing.T, s *site) {
		store := new(MemoryStore)
		for n := 1; n <= 30; n++ {
			s.post("alice", "bob", fmt.Sprintf("message %d", n))
		}
		bob := newUser(t, s.options("bob", store), newBook()).connect()
		bob.book.waitLine(t, "alice 30 message 30")
		bob.close()

		s.change(func() { s.logs, s.version = map[pair]*siteLog{}, 0 })
		for n := 1; n <= 3; n++ {
			s.post("alice", "bob", fmt.Sprintf("message %d", n))
		}
		for range 2 { // the second client finds what the first has kept of that
			bob = newUser(t, s.options("bob", store), newBook()).connect()
			bob.book.waitState(t, StateConnected)
			s.change(func() { s.add(&wire.Message{From: "alice", To: "bob", Body: "new"}, nil) })
			s.mu.Lock()
			n := len(s.log("alice", "bob").messages)
			s.mu.Unlock()
			bob.book.waitLine(t, fmt.Sprintf("alice %d new", n))
			bob.close()
		}
	})
}

// TestExactlyOnceUnderRandomFaults lets two clients talk while connections are
// cut, pushes get lost, doubled and swapped, apps are slow, and clients die and
// start again with the state file of before.
func TestExactlyOnceUnderRandomFaults(t *testing.T) {
	for seed := range uint64(12) {
		t.Run(fmt.Sprint("seed ", seed), func(t *testing.T) {
			inBubble(t, func(t *testing.T, s *site) { randomFaults(t, s, rand.New(rand.NewPCG(seed, 1))) })
		})
	}
}

func randomFaults(t *testing.T, s *site, r *rand.Rand) {
	const perUser = 60
	var held []byte
	s.budget = func() int { return 5 + r.IntN(40) }
	s.onPush = func(push []byte) [][]byte {
		switch r.IntN(8) {
		case 0:
			return nil
		case 1:
			return [][]byte{push, push}
		case 2:
			swapped := [][]byte{push}
			if held != nil {
				swapped = append(swapped, held)
			}
			held = push
			return swapped
		default:
			return [][]byte{push}
		}
	}
	type person struct {
		name, peer string
		book       *book
		store      Store
		random     *rand.Rand
	}
	people := []*person{
		{"alice", "bob", newBook(), new(MemoryStore), rand.New(rand.NewPCG(r.Uint64(), 2))},
		{"bob", "alice", newBook(), new(MemoryStore), rand.New(rand.NewPCG(r.Uint64(), 3))},
	}
	done := make(chan struct{}, len(people))
	for _, p := range people {
		p.book.slowness = time.Duration(p.random.IntN(50)) * time.Millisecond
		go func() {
			defer func() { done <- struct{}{} }()
			o := s.options(p.name, p.store)
			o.Queue = 4
			u := newUser(t, o, p.book).connect()
			for n := range perUser {
				u.mustSend(p.peer, fmt.Sprintf("%s %d", p.name, n))
				if p.random.IntN(15) == 0 {
					u.close()
					u = newUser(t, o, p.book).connect()
				}
			}
			defer u.close()
			p.book.wait(t, "end of the conversation", func([]Event) bool {
				p.book.mu.Lock()
				defer p.book.mu.Unlock()
				return p.book.last[p.peer] == 2*perUser
			})
		}()
	}
	for range people {
		<-done
	}
	var want []string
	s.change(func() {
		for _, m := range s.log("alice", "bob").messages {
			want = append(want, fmt.Sprintf("%d %s", m.Seq, m.Body))
		}
	})
	if len(want) != 2*perUser {
		t.Fatalf("the site accepted %d messages, %d were sent", len(want), 2*perUser)
	}
	for _, p := range people {
		wantMessages(t, p.book.messages(p.peer), want)
	}
}

// TestDeathInTheMiddleOfHandling ends the goroutine that handles a message, as
// the death of the process would: the message comes again, and only that one.
func TestDeathInTheMiddleOfHandling(t *testing.T) {
	inBubble(t, func(t *testing.T, s *site) {
		store := new(MemoryStore)
		for n := 1; n <= 5; n++ {
			s.post("alice", "bob", "hi")
		}
		// handle takes events until it has message last in hand, and dies.
		handle := func(last uint64) (seqs []uint64) {
			c, err := New(s.options("bob", store))
			if err != nil {
				t.Fatal(err)
			}
			defer c.Close()
			c.Start()
			died := make(chan struct{})
			go func() {
				defer close(died)
				for event := range c.Events(t.Context()) {
					if m, ok := event.(Message); ok {
						if seqs = append(seqs, m.Seq); m.Seq == last {
							runtime.Goexit()
						}
					}
				}
			}()
			<-died
			return seqs
		}
		if seqs := handle(3); !slices.Equal(seqs, []uint64{1, 2, 3}) {
			t.Errorf("first %v", seqs)
		}
		if seqs := handle(5); !slices.Equal(seqs, []uint64{3, 4, 5}) {
			t.Errorf("then %v", seqs)
		}
	})
}

func TestEventsLoopEndsWithItsContextAndAnotherGoesOn(t *testing.T) {
	inBubble(t, func(t *testing.T, s *site) {
		c, err := New(s.options("bob", nil))
		if err != nil {
			t.Fatal(err)
		}
		defer c.Close()
		if err := c.Connect(t.Context()); err != nil {
			t.Fatal(err)
		}
		for n := 1; n <= 20; n++ {
			s.post("alice", "bob", "hi")
		}
		want := uint64(0)
		for range 10 { // each loop handles two messages
			taken := 0
			ctx, cancel := context.WithCancel(t.Context())
			for event := range c.Events(ctx) {
				if m, ok := event.(Message); ok {
					if want++; m.Seq != want {
						t.Fatalf("got seq %d, want %d", m.Seq, want)
					}
					if taken++; taken == 2 {
						break
					}
				}
			}
			cancel()
		}
		ctx, cancel := context.WithCancel(t.Context())
		cancel()
		for range c.Events(ctx) {
			t.Error("an event after the context's end")
		}
	})
}
