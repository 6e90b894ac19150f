package sdk

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"math/rand/v2"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/yizhan-im/yizhan/appliance/wire"
)

func wantCode(t testing.TB, err error, code wire.Code) {
	t.Helper()
	var answer *wire.Error
	if !errors.As(err, &answer) || answer.Code != code {
		t.Fatalf("got error %v, want code %d", err, code)
	}
}

func TestRoomMessagesBothWays(t *testing.T) {
	inBubble(t, func(t *testing.T, s *site) {
		alice := newUser(t, s.options("alice", nil), newBook()).connect()
		defer alice.close()
		bob := newUser(t, s.options("bob", nil), newBook()).connect()
		defer bob.close()
		_, err := alice.SendRoom(t.Context(), "Lobby", Text("too early"))
		wantCode(t, err, wire.CodeForbidden)
		alice.mustEnter("Lobby", 1)
		bob.mustEnter("Lobby", 2)
		bob.mustEnter("Lobby", 2)

		r, err := alice.SendRoom(t.Context(), "Lobby", Content{Type: typeCustom, Body: "{}", Ext: "e", ClientID: "c1"})
		if err != nil || r.ClientID != "c1" || r.ID == 0 || r.Time.IsZero() {
			t.Fatalf("%+v, %v", r, err)
		}
		for _, u := range []*user{alice, bob} {
			m := u.book.waitRoomMessage(t, "{}")
			if m.From != "alice" || m.ClientId != "c1" || m.Type != typeCustom || m.Ext != "e" || m.Id != r.ID ||
				m.TimeMs != r.Time.UnixMilli() || m.Local != (u == alice) {
				t.Errorf("%s got %+v", u.Account(), m)
			}
		}
		if r := bob.mustSendRoom("Lobby", "hi"); r.ClientID == "" {
			t.Error("no client id was made")
		}
		s.say("Lobby", "hello")
		for _, u := range []*user{alice, bob} {
			u.book.waitRoomMessage(t, "hello")
			if got := u.book.roomBodies(t, "Lobby"); !slices.Equal(got, []string{"{}", "hi", "hello"}) {
				t.Errorf("%s got %q", u.Account(), got)
			}
		}

		if err := bob.ExitRoom(t.Context(), "Lobby"); err != nil {
			t.Fatal(err)
		}
		if err := bob.ExitRoom(t.Context(), "Lobby"); err != nil {
			t.Fatal(err)
		}
		_, err = bob.SendRoom(t.Context(), "Lobby", Text("from outside"))
		wantCode(t, err, wire.CodeForbidden)
		// What was on its way to a member that has left is not delivered.
		s.tell(wire.PushRoomMessage, &wire.RoomMessagePush{Room: "Lobby", Body: "late", Id: 100})
		alice.book.waitRoomMessage(t, "late")
		synctest.Wait()
		if got := bob.book.roomBodies(t, "Lobby"); len(got) != 3 {
			t.Errorf("bob got %q", got)
		}
	})
}

func TestRoomsAreEnteredAgainAfterAReconnect(t *testing.T) {
	inBubble(t, func(t *testing.T, s *site) {
		alice := newUser(t, s.options("alice", nil), newBook()).connect()
		defer alice.close()
		alice.mustEnter("one", 1)
		alice.mustEnter("two", 1)
		alice.mustEnter("three", 1)
		s.cutAll()
		alice.book.waitState(t, StateOffline)
		if err := alice.ExitRoom(t.Context(), "three"); err != nil { // without a connection
			t.Fatal(err)
		}
		// A message that is sent while there is no connection waits for the room.
		alice.mustSendRoom("two", "back again")
		for _, room := range []string{"one", "two"} {
			if r := alice.book.waitReentry(t, room); r.Err != nil || r.Members != 1 {
				t.Errorf("%+v", r)
			}
		}
		synctest.Wait()
		if got := s.roomsOf("alice"); !maps.Equal(got, map[string]bool{"one": true, "two": true}) {
			t.Errorf("in rooms %v", got)
		}
		s.say("one", "welcome")
		alice.book.waitRoomMessage(t, "welcome")
		// Nothing of a connection that is gone counts in the next.
		s.cutAll()
		alice.book.wait(t, "second re-entry", func(events []Event) bool {
			n := 0
			for _, event := range events {
				if _, ok := event.(RoomReentry); ok {
					n++
				}
			}
			return n == 4
		})
	})
}

func TestRoomThatCannotBeEnteredAgainIsReported(t *testing.T) {
	inBubble(t, func(t *testing.T, s *site) {
		alice := newUser(t, s.options("alice", nil), newBook()).connect()
		defer alice.close()
		alice.mustEnter("lobby", 1)
		s.change(func() { s.rooms.refused = wire.CodeCountLimit })
		s.cutAll()
		alice.book.waitState(t, StateOffline)
		_, err := alice.SendRoom(t.Context(), "lobby", Text("hi")) // waits, then is refused
		wantCode(t, err, wire.CodeForbidden)
		wantCode(t, alice.book.waitReentry(t, "lobby").Err, wire.CodeCountLimit)
		_, err = alice.EnterRoom(t.Context(), "lobby")
		wantCode(t, err, wire.CodeCountLimit)

		// It does not try again by itself.
		s.change(func() { s.rooms.refused, s.rooms.enters = 0, 0 })
		s.cutAll()
		time.Sleep(time.Minute) // fake time
		alice.mustSend("bob", "connected")
		synctest.Wait()
		s.change(func() {
			if s.rooms.enters != 0 {
				t.Errorf("entered %d times", s.rooms.enters)
			}
		})
		alice.mustEnter("lobby", 1)
	})
}

func TestBusyServerIsAskedAgainForRooms(t *testing.T) {
	inBubble(t, func(t *testing.T, s *site) {
		alice := newUser(t, s.options("alice", nil), newBook()).connect()
		defer alice.close()
		busy := func() { s.change(func() { s.rooms.busy = 2 }) }
		busy()
		alice.mustEnter("lobby", 1)
		busy()
		alice.mustSendRoom("lobby", "hi")
		busy()
		s.cutAll()
		if r := alice.book.waitReentry(t, "lobby"); r.Err != nil {
			t.Error(r.Err)
		}
		busy()
		if err := alice.ExitRoom(t.Context(), "lobby"); err != nil {
			t.Fatal(err)
		}
		if got := s.roomsOf("alice"); len(got) != 0 {
			t.Errorf("in rooms %v", got)
		}
		if got := alice.book.roomBodies(t, "lobby"); !slices.Equal(got, []string{"hi"}) {
			t.Errorf("got %q", got)
		}
	})
}

// TestRoomMessageIsNeverSentTwice: at most once, whatever the caller would like.
func TestRoomMessageIsNeverSentTwice(t *testing.T) {
	inBubble(t, func(t *testing.T, s *site) {
		alice := newUser(t, s.options("alice", nil), newBook()).connect()
		defer alice.close()
		bob := newUser(t, s.options("bob", nil), newBook()).connect()
		defer bob.close()
		bob.mustEnter("lobby", 1)
		alice.mustEnter("lobby", 2)
		s.change(func() { s.rooms.cutSends = 1 })
		_, err := alice.SendRoom(t.Context(), "lobby", Text("once"))
		wantErr(t, err, ErrUncertain)
		alice.book.waitReentry(t, "lobby")
		alice.mustSendRoom("lobby", "next")
		bob.book.waitRoomMessage(t, "next")
		if got := bob.book.roomBodies(t, "lobby"); !slices.Equal(got, []string{"once", "next"}) {
			t.Errorf("bob got %q", got)
		}
	})
}

func TestEnterRoomThatNobodyWaitsForIsUndone(t *testing.T) {
	inBubble(t, func(t *testing.T, s *site) {
		alice := newUser(t, s.options("alice", nil), newBook()).connect()
		defer alice.close()
		s.change(func() { s.rooms.mute = true })
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		_, err := alice.EnterRoom(ctx, "lobby")
		wantErr(t, err, context.DeadlineExceeded)
		synctest.Wait()
		if got := s.roomsOf("alice"); len(got) != 0 || alice.rooms.has("lobby") {
			t.Errorf("in rooms %v", got)
		}

		// A room that the client is in already stays.
		s.change(func() { s.rooms.mute = false })
		alice.mustEnter("lobby", 1)
		s.change(func() { s.rooms.mute = true })
		ctx, cancel = context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		_, err = alice.EnterRoom(ctx, "lobby")
		wantErr(t, err, context.DeadlineExceeded)
		s.say("lobby", "hi")
		alice.book.waitRoomMessage(t, "hi")
	})
}

// TestExitRoomWinsOverAnEnterRoomThatIsUnderWay: the answer to what was asked
// before means nothing any more, on this connection and after a reconnect.
func TestExitRoomWinsOverAnEnterRoomThatIsUnderWay(t *testing.T) {
	for _, reconnect := range []bool{false, true} {
		inBubble(t, func(t *testing.T, s *site) {
			alice := newUser(t, s.options("alice", nil), newBook()).connect()
			defer alice.close()
			hold := func(h bool) { s.change(func() { s.rooms.hold = h }) }
			var call sync.WaitGroup
			if reconnect {
				alice.mustEnter("lobby", 1)
				hold(true)
				s.cutAll()
				time.Sleep(time.Minute) // fake time: the client enters again
			} else {
				hold(true)
				call.Go(func() { _, _ = alice.EnterRoom(t.Context(), "lobby") })
			}
			synctest.Wait()
			if err := alice.ExitRoom(t.Context(), "lobby"); err != nil {
				t.Fatal(err)
			}
			s.change(func() {
				if len(s.rooms.held) != 1 {
					t.Errorf("asked %d times", len(s.rooms.held))
				}
				for _, answer := range s.rooms.held {
					answer()
				}
			})
			call.Wait()
			synctest.Wait()
			if alice.rooms.has("lobby") {
				t.Error("the client believes to be in the room")
			}
			_, events := alice.book.all()
			for _, event := range events {
				if r, ok := event.(RoomReentry); ok {
					t.Errorf("told of %+v", r)
				}
			}
			hold(false)
			alice.mustEnter("lobby", 1)
		})
	}
}

func TestRoomCallsThatCannotBeMade(t *testing.T) {
	inBubble(t, func(t *testing.T, s *site) {
		c, err := New(s.options("alice", nil))
		if err != nil {
			t.Fatal(err)
		}
		calls := func(want error) {
			t.Helper()
			_, err := c.EnterRoom(t.Context(), "lobby")
			wantErr(t, err, want)
			_, err = c.SendRoom(t.Context(), "lobby", Text("hi"))
			wantErr(t, err, want)
			wantErr(t, c.ExitRoom(t.Context(), "lobby"), want)
		}
		calls(ErrNotStarted)
		_ = c.Close()
		calls(ErrClosed)
		if c.rooms.has("lobby") {
			t.Error("the room is still wanted")
		}
	})
}

func TestMessageToARoomThatIsNotBackInTime(t *testing.T) {
	inBubble(t, func(t *testing.T, s *site) {
		alice := newUser(t, s.options("alice", nil), newBook()).connect()
		defer alice.close()
		alice.mustEnter("lobby", 1)
		s.change(func() { s.rooms.busy = 1000 })
		s.cutAll()
		alice.book.waitState(t, StateOffline)
		ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
		defer cancel()
		_, err := alice.SendRoom(ctx, "lobby", Text("hi"))
		wantErr(t, err, context.DeadlineExceeded)
		s.change(func() { s.rooms.busy = 0 })
		alice.mustSendRoom("lobby", "hi")
	})
}

// TestSlowAppMissesRoomMessagesAndIsTold: what does not fit is counted at its
// place, and conversations lose nothing by it.
func TestSlowAppMissesRoomMessagesAndIsTold(t *testing.T) {
	inBubble(t, func(t *testing.T, s *site) {
		const queue, total = 4, 60
		o := s.options("alice", nil)
		o.Queue = queue
		alice := newUser(t, o, newBook()).connect()
		defer alice.close()
		alice.mustEnter("lobby", 1)
		alice.mustEnter("other", 1)
		alice.book.waitState(t, StateConnected)
		alice.book.mu.Lock()
		alice.book.slowness = time.Second
		alice.book.mu.Unlock()
		for n := range total {
			s.say("lobby", fmt.Sprint(n))
			if n%10 == 9 {
				s.say("other", fmt.Sprint(n/10))
				s.post("bob", "alice", fmt.Sprint("message ", n))
			}
			time.Sleep(300 * time.Millisecond)
		}
		time.Sleep(time.Minute)
		s.say("lobby", "end")
		alice.book.waitRoomMessage(t, "end")
		wantMessages(t, alice.book.messages("bob"), []string{
			"1 message 9", "2 message 19", "3 message 29", "4 message 39", "5 message 49", "6 message 59",
		})

		_, events := alice.book.all()
		next := map[string]int{}
		missed := 0
		for _, event := range events {
			switch e := event.(type) {
			case RoomMissed:
				next[e.Room] += e.Count
				missed++
			case RoomMessage:
				if e.Body != "end" && e.Body != fmt.Sprint(next[e.Room]) {
					t.Fatalf("got message %s of %s, want %d", e.Body, e.Room, next[e.Room])
				}
				next[e.Room]++
			}
		}
		if want := map[string]int{"lobby": total + 1, "other": total / 10}; !maps.Equal(next, want) || missed == 0 {
			t.Errorf("%v messages came or were reported missing, in %d reports; want %v", next, missed, want)
		}
	})
}

// TestRoomsAgreeWithTheServer: whatever several goroutines do at once, with a
// server that is busy now and then, and with a connection that is cut again and
// again or not at all, in the end the server has the client
// in exactly the rooms in which it believes to be.
func TestRoomsAgreeWithTheServer(t *testing.T) {
	for seed := range uint64(40) {
		cuts := seed%2 == 0
		inBubble(t, func(t *testing.T, s *site) {
			random := rand.New(rand.NewPCG(seed, 1))
			var randomMu sync.Mutex
			roll := func(n int) int {
				randomMu.Lock()
				defer randomMu.Unlock()
				return random.IntN(n)
			}
			if cuts {
				s.budget = func() int { return 20 + roll(60) }
			}
			alice := newUser(t, s.options("alice", nil), newBook()).connect()
			defer alice.close()
			names := []string{"a", "b", "c"}
			var workers sync.WaitGroup
			for range 6 {
				workers.Go(func() {
					for range 40 {
						name := names[roll(len(names))]
						ctx, cancel := context.WithTimeout(t.Context(), time.Duration(roll(5000))*time.Millisecond)
						switch roll(4) {
						case 0:
							_, _ = alice.EnterRoom(ctx, name)
						case 1:
							if err := alice.ExitRoom(t.Context(), name); err != nil { // until it is done
								t.Error(err)
							}
						case 2:
							_, _ = alice.SendRoom(ctx, name, Text("hi"))
						case 3:
							s.change(func() { s.rooms.busy = roll(4) })
						}
						cancel()
						if roll(4) == 0 { // the others happen at once, with fake time
							time.Sleep(time.Duration(roll(1000)) * time.Millisecond)
						}
					}
				})
			}
			workers.Wait()
			s.change(func() { s.budget, s.rooms.busy = nil, 0 })
			if cuts {
				s.cutAll()
			}
			time.Sleep(5 * time.Minute)
			synctest.Wait()
			believed := map[string]bool{}
			alice.rooms.mu.Lock()
			for name, j := range alice.rooms.all {
				if j.link == nil || j.calls != 0 {
					t.Errorf("seed %d: room %s is left over: %+v", seed, name, j)
				}
				believed[name] = true
			}
			alice.rooms.mu.Unlock()
			if got := s.roomsOf("alice"); !maps.Equal(got, believed) {
				t.Errorf("seed %d: the client believes to be in %v, the server has it in %v", seed, believed, got)
			}
			for name := range believed {
				if len(s.rooms.members[name]) > 1 {
					t.Errorf("seed %d: %d sessions in %s", seed, len(s.rooms.members[name]), name)
				}
			}
		})
	}
}
