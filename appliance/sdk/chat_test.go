package sdk

import (
	"context"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"github.com/yizhan-im/yizhan/appliance/wire"
)

func TestTwoClientsChat(t *testing.T) {
	inBubble(t, func(t *testing.T, s *site) {
		alice := newUser(t, s.options("alice", nil), newBook()).connect()
		defer alice.close()
		bob := newUser(t, s.options("bob", nil), newBook()).connect()
		defer bob.close()

		first := alice.mustSend("bob", "hi")
		if first.Seq != 1 || first.Duplicate {
			t.Errorf("result of the first message: %+v", first)
		}
		bob.book.waitLine(t, "alice 1 hi")
		bob.mustSend("alice", "hi yourself")
		alice.book.waitLine(t, "bob 2 hi yourself")

		if err := bob.MarkRead(t.Context(), "alice", 2); err != nil {
			t.Fatal(err)
		}
		alice.book.wait(t, "receipt", func(events []Event) bool {
			return slices.Contains(events, Event(Receipt{Peer: "bob", Seq: 2}))
		})
		if err := alice.Recall(t.Context(), "bob", 1, "typo"); err != nil {
			t.Fatal(err)
		}
		bob.book.waitLine(t, "alice 3 recall 1")
		alice.book.waitLine(t, "bob 3 recall 1")

		messages, more, err := bob.History(t.Context(), "ALICE", Page{})
		if err != nil || more || len(messages) != 3 || !messages[0].Recalled {
			t.Errorf("history: %v, more %v, error %v", messages, more, err)
		}
		want := Conversation{Peer: "bob", LastSeq: 3, PeerReadSeq: 2}
		got := alice.Conversations()[0]
		got.Time, got.DeliveredSeq = want.Time, want.DeliveredSeq
		if got != want {
			t.Errorf("alice's conversation is %+v, want %+v", got, want)
		}
	})
}

func TestOwnMessagesAreEventsAndMarkedLocal(t *testing.T) {
	inBubble(t, func(t *testing.T, s *site) {
		phone := newUser(t, s.options("alice", nil), newBook()).connect()
		defer phone.close()
		o := s.options("alice", nil)
		o.DeviceID = "alice-desk"
		desk := newUser(t, o, newBook()).connect()
		defer desk.close()

		phone.mustSend("bob", "from the phone")
		for u, local := range map[*user]bool{phone: true, desk: false} {
			u.book.waitLine(t, "bob 1 from the phone")
			_, events := u.book.all()
			for _, event := range events {
				if m, ok := event.(Message); ok && m.Local != local {
					t.Errorf("on %s Local is %v", u.DeviceID(), m.Local)
				}
			}
		}
	})
}

func TestReadCursorMovesOnOtherDevices(t *testing.T) {
	inBubble(t, func(t *testing.T, s *site) {
		s.post("bob", "alice", "hi")
		phone := newUser(t, s.options("alice", nil), newBook()).connect()
		defer phone.close()
		phone.book.waitState(t, StateConnected)
		o := s.options("alice", nil)
		o.DeviceID = "alice-desk"
		desk := newUser(t, o, newBook()).connect()
		defer desk.close()
		desk.book.waitState(t, StateConnected)

		if err := phone.MarkRead(t.Context(), "bob", 1); err != nil {
			t.Fatal(err)
		}
		desk.book.wait(t, "read cursor", func(events []Event) bool {
			return slices.Contains(events, Event(ReadCursor{Peer: "bob", Seq: 1}))
		})
		for _, u := range []*user{phone, desk} {
			if c := u.Conversations()[0]; c.ReadSeq != 1 {
				t.Errorf("on %s the read cursor is %d", u.DeviceID(), c.ReadSeq)
			}
		}
	})
}

func TestServerAnswersReachTheCaller(t *testing.T) {
	inBubble(t, func(t *testing.T, s *site) {
		alice := newUser(t, s.options("alice", nil), newBook()).connect()
		defer alice.close()
		_, err := alice.Send(t.Context(), "nobody", Text("hi"))
		if wire.CodeOf(err) != wire.CodeNotFound {
			t.Errorf("sending to nobody: %v", err)
		}
	})
}

func TestSendIsRepeatedWhileTheServerIsBusy(t *testing.T) {
	inBubble(t, func(t *testing.T, s *site) {
		alice := newUser(t, s.options("alice", nil), newBook()).connect()
		defer alice.close()
		s.change(func() { s.busy = 2 })
		start := time.Now()
		if r := alice.mustSend("bob", "hi"); r.Duplicate {
			t.Error("the message was accepted twice")
		}
		if waited := time.Since(start); waited < 5*time.Second || waited > 6*time.Second {
			t.Errorf("asked again after %v in all, want two pauses of almost 3 s", waited)
		}

		s.change(func() { s.busy = 1000 })
		ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
		defer cancel()
		if _, err := alice.Send(ctx, "bob", Text("hi")); wire.CodeOf(err) != wire.CodeBusy {
			t.Errorf("after the deadline: %v", err)
		}
	})
}

func TestAnswerAfterTheDeadlineStillReachesTheLog(t *testing.T) {
	inBubble(t, func(t *testing.T, s *site) {
		alice := newUser(t, s.options("alice", nil), newBook()).connect()
		defer alice.close()
		ctx, cancel := context.WithCancel(t.Context())
		s.mu.Lock() // the site does not answer before this is released
		failed := make(chan error)
		go func() {
			_, err := alice.Send(ctx, "bob", Text("late"))
			failed <- err
		}()
		cancel()
		wantErr(t, <-failed, context.Canceled)
		s.mu.Unlock()
		synctest.Wait()
		lines, _ := alice.book.all()
		s.mu.Lock()
		accepted := len(s.log("alice", "bob").messages)
		s.mu.Unlock()
		if len(lines) != accepted {
			t.Errorf("the site accepted %d messages, alice's log has %v", accepted, lines)
		}
	})
}

func TestCallsOutsideTheLifeOfAClient(t *testing.T) {
	inBubble(t, func(t *testing.T, s *site) {
		alice := newUser(t, s.options("alice", nil), newBook())
		_, err := alice.Send(t.Context(), "bob", Text("hi"))
		wantErr(t, err, ErrNotStarted)
		alice.connect()
		alice.close()
		_, err = alice.Send(t.Context(), "bob", Text("hi"))
		wantErr(t, err, ErrClosed)
		wantErr(t, alice.Connect(t.Context()), ErrClosed)
		for range alice.Events(t.Context()) {
			t.Error("an event after Close")
		}
	})
}

func TestLogoutTellsTheServerAndCloses(t *testing.T) {
	inBubble(t, func(t *testing.T, s *site) {
		alice := newUser(t, s.options("alice", nil), newBook()).connect()
		if err := alice.Logout(t.Context()); err != nil {
			t.Fatal(err)
		}
		alice.close()
		synctest.Wait()
		s.change(func() {
			if len(s.sessions) != 0 {
				t.Error("the connection is still there")
			}
		})
	})
}
