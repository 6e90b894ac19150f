package sdk

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/yizhan-im/yizhan/appliance/wire"
)

// raw sends one frame to every session.
func (s *site) raw(f *wire.Frame) {
	s.change(func() {
		for session := range s.sessions {
			session.send(wire.AppendFrame(nil, f))
		}
	})
}

func TestServerThatBreaksTheProtocolIsLeft(t *testing.T) {
	garbage := []byte{0xff}
	for name, c := range map[string]struct {
		frame wire.Frame
		want  string
	}{
		"malformed message":      {wire.Frame{Kind: wire.KindPush, Command: wire.PushMessage, Payload: garbage}, "malformed message"},
		"message push of nil":    {wire.Frame{Kind: wire.KindPush, Command: wire.PushMessage}, "malformed message"},
		"malformed read":         {wire.Frame{Kind: wire.KindPush, Command: wire.PushRead, Payload: garbage}, "malformed read"},
		"malformed kick":         {wire.Frame{Kind: wire.KindPush, Command: wire.PushKicked, Payload: garbage}, "malformed kicked"},
		"malformed go-away":      {wire.Frame{Kind: wire.KindPush, Command: wire.PushGoAway, Payload: garbage}, "malformed go_away"},
		"malformed close":        {wire.Frame{Kind: wire.KindPush, Command: wire.PushClose, Payload: garbage}, "malformed close"},
		"malformed room message": {wire.Frame{Kind: wire.KindPush, Command: wire.PushRoomMessage, Payload: garbage}, "malformed room_message"},
		"unasked answer":         {wire.Frame{Kind: wire.KindResponse, Serial: 1 << 40, Code: wire.CodeOK}, "not asked"},
		"slow client":            {wire.Frame{Kind: wire.KindPush, Command: wire.PushClose, Payload: []byte{8, 0xe5, 7}}, "997"},
	} {
		t.Run(name, func(t *testing.T) {
			inBubble(t, func(t *testing.T, s *site) {
				bob := newUser(t, s.options("bob", nil), newBook()).connect()
				defer bob.close()
				bob.book.waitState(t, StateConnected)
				s.raw(&c.frame)
				if change := bob.book.waitState(t, StateOffline); !strings.Contains(change.Err.Error(), c.want) {
					t.Errorf("left because of %v", change.Err)
				}
				bob.mustSend("alice", "on a new connection")
			})
		})
	}
}

func TestUnknownPushesAndMessagesWithoutSeqAreIgnored(t *testing.T) {
	inBubble(t, func(t *testing.T, s *site) {
		bob := newUser(t, s.options("bob", nil), newBook()).connect()
		defer bob.close()
		s.raw(&wire.Frame{Kind: wire.KindPush, Command: 999, Payload: []byte("future")})
		s.tell(wire.PushMessage, &wire.MessagePush{Message: &wire.Message{From: "alice", To: "bob", Body: "typing"}})
		s.post("alice", "bob", "hi")
		bob.book.waitLine(t, "alice 1 hi")
		if lines, _ := bob.book.all(); len(lines) != 1 {
			t.Errorf("delivered %v", lines)
		}
	})
}

func TestStatesAreMergedForASlowApp(t *testing.T) {
	inBubble(t, func(t *testing.T, s *site) {
		c, err := New(s.options("bob", nil))
		if err != nil {
			t.Fatal(err)
		}
		defer c.Close()
		s.budget = func() int { return 2 }
		if err := c.Connect(t.Context()); err != nil {
			t.Fatal(err)
		}
		time.Sleep(time.Hour) // fake time: many reconnects without a consumer
		s.change(func() { s.budget = nil })
		time.Sleep(2 * time.Minute)
		s.post("alice", "bob", "hi")
		synctest.Wait()
		states := 0
		var last State
		for event := range c.Events(t.Context()) {
			if change, ok := event.(StateChange); ok {
				states++
				last = change.State
			}
			if _, ok := event.(Message); ok {
				break
			}
		}
		if states > maxStates || last != StateConnected {
			t.Errorf("%d states, the last is %v", states, last)
		}
	})
}

func TestReceiptsWaitForRoomAndAreMerged(t *testing.T) {
	inBubble(t, func(t *testing.T, s *site) {
		o := s.options("bob", nil)
		o.Queue = 2
		b := newBook()
		b.slowness = time.Second
		bob := newUser(t, o, b).connect()
		defer bob.close()
		for n := 1; n <= 10; n++ {
			bob.mustSend("alice", fmt.Sprint("message ", n))
			s.tell(wire.PushRead, &wire.ReadPush{Reader: "alice", Peer: "bob", Seq: uint64(n)})
		}
		b.wait(t, "last receipt", func(events []Event) bool {
			return slices.Contains(events, Event(Receipt{Peer: "alice", Seq: 10}))
		})
		b.waitLine(t, "alice 10 message 10")
		wantMessages(t, b.messages("alice"), numbered(1, 10))
	})
}

// TestHistoryThatFailsIsTriedAgain has a gap whose history the server refuses
// for a while; other conversations go on.
func TestHistoryThatFailsIsTriedAgain(t *testing.T) {
	inBubble(t, func(t *testing.T, s *site) {
		for n := 1; n <= 3; n++ {
			s.post("alice", "bob", fmt.Sprint("message ", n))
		}
		s.noHistory = wire.CodeServerError
		bob := newUser(t, s.options("bob", nil), newBook()).connect()
		defer bob.close()
		bob.book.waitState(t, StateConnected)
		s.post("carol", "bob", "hi")
		bob.book.waitLine(t, "carol 1 hi")
		s.change(func() { s.noHistory = 0 })
		bob.book.waitLine(t, "alice 3 message 3")
		wantMessages(t, bob.book.messages("alice"), numbered(1, 3))
	})
}

func TestSyncThatFailsIsTriedAgain(t *testing.T) {
	inBubble(t, func(t *testing.T, s *site) {
		s.post("alice", "bob", "message 1")
		s.noSync = wire.CodeServerError
		bob := newUser(t, s.options("bob", nil), newBook()).connect()
		defer bob.close()
		time.Sleep(time.Minute) // fake time
		s.change(func() { s.noSync = 0 })
		bob.book.waitLine(t, "alice 1 message 1")
		s.change(func() {
			if s.logins != 1 {
				t.Errorf("%d logins", s.logins)
			}
		})
	})
}

// failingStore cannot save.
type failingStore struct{ MemoryStore }

func (s *failingStore) Save(Checkpoint) error { return errors.New("disk full") }

func TestStoreThatCannotSaveDoesNotStopTheChat(t *testing.T) {
	inBubble(t, func(t *testing.T, s *site) {
		store := new(failingStore)
		if _, err := New(s.options("bob", store)); err == nil {
			t.Error("a new device whose name cannot be kept was accepted")
		}
		if err := store.MemoryStore.Save(Checkpoint{DeviceID: "bob-phone"}); err != nil {
			t.Fatal(err)
		}
		bob := newUser(t, s.options("bob", store), newBook()).connect()
		defer bob.close()
		s.post("alice", "bob", "hi")
		bob.book.waitLine(t, "alice 1 hi")
	})
}
