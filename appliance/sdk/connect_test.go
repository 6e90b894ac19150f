package sdk

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/yizhan-im/yizhan/appliance/secure"
	"github.com/yizhan-im/yizhan/appliance/wire"
)

func TestFirstAccessPointDead(t *testing.T) {
	inBubble(t, func(t *testing.T, s *site) {
		s.lbs.AccessPoints = []accessPoint{{"link", "ap1:7400"}, {"weblink", "web:443"}, {"link", "ap2:7400"}, {"link", "ap3:7400"}}
		s.blackhole["ap1:7400"] = true
		s.closed["ap2:7400"] = true
		start := time.Now()
		bob := newUser(t, s.options("bob", nil), newBook()).connect()
		defer bob.close()
		// ap2 is tried after the delay, ap3 at once when ap2 refuses.
		if took := time.Since(start); took != defaultAttemptDelay {
			t.Errorf("connected after %v, want %v", took, defaultAttemptDelay)
		}
		if want := []string{"ap1:7400", "ap2:7400", "ap3:7400"}; !slices.Equal(s.dialled, want) {
			t.Errorf("dialled %v, want %v", s.dialled, want)
		}
	})
}

func TestAllAccessPointsDeadThenOneComesBack(t *testing.T) {
	inBubble(t, func(t *testing.T, s *site) {
		s.closed["ap1:7400"] = true
		bob := newUser(t, s.options("bob", nil), newBook())
		defer bob.close()
		ctx, cancel := context.WithTimeout(t.Context(), time.Hour)
		defer cancel()
		err := bob.Connect(ctx)
		wantErr(t, err, context.DeadlineExceeded)
		if !strings.Contains(err.Error(), "connection refused") {
			t.Errorf("the error does not say why: %v", err)
		}
		s.mu.Lock()
		attempts := len(s.dialled)
		s.closed = map[string]bool{}
		s.mu.Unlock()
		if attempts < 60 || attempts > 260 {
			t.Errorf("%d attempts in an hour", attempts)
		}
		bob.connect()
	})
}

func TestClientsOfADeadNodeComeBackSpreadOut(t *testing.T) {
	inBubble(t, func(t *testing.T, s *site) {
		const clients = 40
		for n := range clients {
			u := newUser(t, s.options(fmt.Sprintf("user%d", n), nil), newBook()).connect()
			defer u.close()
		}
		time.Sleep(stableAfter) // fake time: the connections have lived long enough
		s.cutAll()
		start := time.Now()
		moments := map[time.Duration]int{}
		for n := range clients {
			for {
				s.mu.Lock()
				back := s.logins - clients
				s.mu.Unlock()
				if back > n {
					break
				}
				time.Sleep(time.Millisecond) // fake time: the step of the measurement
			}
			moments[time.Since(start)]++
		}
		if len(moments) < clients/4 {
			t.Errorf("%d clients came back in %d moments: %v", clients, len(moments), moments)
		}
		if last := time.Since(start); last > defaultMinBackoff {
			t.Errorf("the last one came back after %v", last)
		}
	})
}

func TestServerThatDropsEveryConnectionIsNotCalledInALoop(t *testing.T) {
	inBubble(t, func(t *testing.T, s *site) {
		s.budget = func() int { return 1 } // the answer to login, nothing more
		bob := newUser(t, s.options("bob", nil), newBook()).connect()
		defer bob.close()
		time.Sleep(time.Hour) // fake time
		s.mu.Lock()
		defer s.mu.Unlock()
		if s.logins > 200 {
			t.Errorf("%d logins in an hour", s.logins)
		}
	})
}

func TestWrongServerKey(t *testing.T) {
	inBubble(t, func(t *testing.T, s *site) {
		right := s.lbs.LinkKey
		other, err := secure.NewServerKey()
		if err != nil {
			t.Fatal(err)
		}
		s.lbs.LinkKey = secure.EncodePublicKey(other.Public())
		bob := newUser(t, s.options("bob", nil), newBook())
		defer bob.close()
		ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
		defer cancel()
		err = bob.Connect(ctx)
		wantErr(t, err, context.DeadlineExceeded)
		if !strings.Contains(err.Error(), "handshake") {
			t.Errorf("the error does not say why: %v", err)
		}
		s.change(func() { s.lbs.LinkKey = right }) // which the client asks for by itself
		bob.connect()
	})
}

func TestPinnedKeyIsTrustedInsteadOfTheOneFromLBS(t *testing.T) {
	inBubble(t, func(t *testing.T, s *site) {
		o := s.options("bob", nil)
		o.ServerKey = s.lbs.LinkKey
		s.lbs.LinkKey = "who knows"
		newUser(t, o, newBook()).connect().close()
	})
}

func TestFinalAnswersStopTheClient(t *testing.T) {
	for _, code := range []wire.Code{wire.CodeWrongToken, wire.CodeBlocked, wire.CodeForbidden, wire.CodeBadParameter} {
		t.Run(code.String(), func(t *testing.T) {
			inBubble(t, func(t *testing.T, s *site) {
				s.refused = wire.Errorf(code, "no")
				bob := newUser(t, s.options("bob", nil), newBook())
				defer bob.close()
				if err := bob.Connect(t.Context()); wire.CodeOf(err) != code {
					t.Fatalf("Connect returned %v, want code %d", err, code)
				}
				if change := bob.book.waitState(t, StateStopped); wire.CodeOf(change.Err) != code {
					t.Errorf("the event says %v", change.Err)
				}
				if _, err := bob.Send(t.Context(), "alice", Text("hi")); wire.CodeOf(err) != code {
					t.Errorf("Send returned %v", err)
				}
				bob.tasks.Wait() // the loop over events ends by itself
				time.Sleep(time.Hour)
				s.change(func() {
					if s.logins != 1 {
						t.Errorf("%d logins", s.logins)
					}
				})
			})
		})
	}
}

func TestBusyServerIsAskedAgainWhenItSays(t *testing.T) {
	inBubble(t, func(t *testing.T, s *site) {
		s.refused = wire.Errorf(wire.CodeBusy, "starting")
		bob := newUser(t, s.options("bob", nil), newBook())
		defer bob.close()
		ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
		defer cancel()
		wantErr(t, bob.Connect(ctx), context.DeadlineExceeded)
		s.change(func() { s.refused = nil })
		bob.connect()
	})
}

func TestKickedStopsWithTheReason(t *testing.T) {
	inBubble(t, func(t *testing.T, s *site) {
		bob := newUser(t, s.options("bob", nil), newBook()).connect()
		defer bob.close()
		bob.book.waitState(t, StateConnected)
		s.tell(wire.PushKicked, &wire.KickedPush{Reason: wire.KickReason_KICK_REASON_REPLACED, ByDevice: "tablet"})
		change := bob.book.waitState(t, StateStopped)
		var kicked *KickedError
		if !errors.As(change.Err, &kicked) || kicked.Device != "tablet" || !strings.Contains(kicked.Error(), "logged in (tablet)") {
			t.Errorf("stopped because of %v", change.Err)
		}
		if err := bob.Connect(t.Context()); !errors.As(err, &kicked) {
			t.Errorf("Connect after that: %v", err)
		}
	})
}

func TestGoAwayMovesWhenItIsTheClientsTurn(t *testing.T) {
	for name, cut := range map[string]bool{"the node waits": false, "the node is gone at once": true} {
		t.Run(name, func(t *testing.T) {
			inBubble(t, func(t *testing.T, s *site) {
				bob := newUser(t, s.options("bob", nil), newBook()).connect()
				defer bob.close()
				bob.book.waitState(t, StateConnected)
				start := time.Now()
				s.tell(wire.PushGoAway, &wire.GoAwayPush{DelayMs: 20_000})
				s.change(func() { s.lbs.AccessPoints = []accessPoint{{"link", "ap2:7400"}} })
				synctest.Wait()
				if cut {
					s.cutAll()
				} else {
					bob.mustSend("alice", "still here")
				}
				time.Sleep(20*time.Second - time.Millisecond) // fake time
				s.change(func() {
					if s.logins != 1 {
						t.Errorf("it moved before %v", time.Since(start))
					}
				})
				time.Sleep(time.Second)
				s.change(func() {
					if s.logins != 2 || s.dialled[len(s.dialled)-1] != "ap2:7400" {
						t.Errorf("after its turn: %d logins, dialled %v", s.logins, s.dialled)
					}
				})
			})
		})
	}
}

func TestSilentServerIsNoticed(t *testing.T) {
	inBubble(t, func(t *testing.T, s *site) {
		bob := newUser(t, s.options("bob", nil), newBook()).connect()
		defer bob.close()
		bob.book.waitState(t, StateConnected)
		time.Sleep(10 * time.Minute) // fake time: heartbeats keep an idle connection alive
		s.change(func() {
			if s.logins != 1 {
				t.Fatalf("an idle client logged in %d times", s.logins)
			}
			s.silent = true
		})
		start := time.Now()
		change := bob.book.waitState(t, StateOffline)
		wantErr(t, change.Err, errSilent)
		if took := time.Since(start); took > 40*time.Second {
			t.Errorf("noticed after %v", took)
		}
		s.change(func() { s.silent = false })
		bob.connect()
	})
}

func TestServerThatIsSilentFromTheStart(t *testing.T) {
	inBubble(t, func(t *testing.T, s *site) {
		s.silent = true
		bob := newUser(t, s.options("bob", nil), newBook())
		defer bob.close()
		ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
		defer cancel()
		wantErr(t, bob.Connect(ctx), context.DeadlineExceeded)
		s.change(func() { s.silent = false })
		bob.connect()
	})
}

func TestLBSDown(t *testing.T) {
	inBubble(t, func(t *testing.T, s *site) {
		o := s.options("bob", nil)
		o.LBSCache = filepath.Join(t.TempDir(), "lbs.json")
		newUser(t, o, newBook()).connect().close()

		lbs := s.lbs
		s.change(func() { s.lbs = nil })
		time.Sleep(10 * maxLBSTTL)                 // fake time: the answer has expired long ago
		newUser(t, o, newBook()).connect().close() // and serves on

		o.AppKey = "other" // another question: the kept answer is not one
		bob := newUser(t, o, newBook())
		defer bob.close()
		ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
		defer cancel()
		err := bob.Connect(ctx)
		if !errors.Is(err, context.DeadlineExceeded) || !strings.Contains(err.Error(), "LBS is down") {
			t.Errorf("without an answer: %v", err)
		}
		s.change(func() { s.lbs = lbs })
		bob.connect()
	})
}

func TestLBSIsAskedOncePerTTL(t *testing.T) {
	inBubble(t, func(t *testing.T, s *site) {
		bob := newUser(t, s.options("bob", nil), newBook()).connect()
		defer bob.close()
		for range 3 {
			time.Sleep(stableAfter) // fake time
			s.cutAll()
			synctest.Wait()
			bob.connect()
		}
		s.change(func() {
			if s.lbsAsked != 1 {
				t.Errorf("asked %d times within the TTL", s.lbsAsked)
			}
		})
		time.Sleep(300 * time.Second)
		s.cutAll()
		synctest.Wait()
		bob.connect()
		s.change(func() {
			if s.lbsAsked != 2 {
				t.Errorf("asked %d times after the TTL", s.lbsAsked)
			}
		})
	})
}

func TestLBSRefuses(t *testing.T) {
	inBubble(t, func(t *testing.T, s *site) {
		s.lbs = &lbsAnswer{Code: wire.CodeNotFound, Desc: "unknown appkey"}
		bob := newUser(t, s.options("bob", nil), newBook())
		defer bob.close()
		if err := bob.Connect(t.Context()); wire.CodeOf(err) != wire.CodeNotFound || !strings.Contains(err.Error(), "unknown appkey") {
			t.Errorf("Connect returned %v", err)
		}
	})
}

func TestCloseAtAnyMoment(t *testing.T) {
	for after := time.Duration(0); after < 3*time.Second; after += 47 * time.Millisecond {
		inBubble(t, func(t *testing.T, s *site) {
			s.lbs.AccessPoints = []accessPoint{{"link", "ap1:7400"}, {"link", "ap2:7400"}, {"link", "ap3:7400"}}
			s.blackhole["ap1:7400"] = true
			s.closed["ap2:7400"] = true
			s.budget = func() int { return 3 }
			bob := newUser(t, s.options("bob", nil), newBook())
			calls := make(chan error, 1)
			go func() {
				_ = bob.Connect(context.Background())
				_, err := bob.Send(context.Background(), "alice", Text("hi"))
				calls <- err
			}()
			time.Sleep(after) // fake time
			bob.close()
			if err := <-calls; err != nil {
				wantErr(t, err, ErrClosed)
			}
		})
	}
}

func TestOptionsSayWhatIsWrong(t *testing.T) {
	for want, o := range map[string]Options{
		"AppKey is missing":   {LBS: "http://x", Account: "a", Token: "t"},
		"LBS must be a URL":   {LBS: "im.example.com/lbs", AppKey: "k", Account: "a", Token: "t"},
		"ServerKey":           {LBS: "http://x", AppKey: "k", Account: "a", Token: "t", ServerKey: "?"},
		"DeviceID is longer":  {LBS: "http://x", AppKey: "k", Account: "a", Token: "t", DeviceID: strings.Repeat("d", 65)},
		"belongs to app/bob,": {LBS: "http://x", AppKey: "app", Account: "a", Token: "t", Store: storeOf(t, "app/bob")},
	} {
		if _, err := New(o); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("got %v, want %q", err, want)
		}
	}
}

func storeOf(t *testing.T, owner string) Store {
	s := new(MemoryStore)
	if _, err := s.Load(owner); err != nil {
		t.Fatal(err)
	}
	return s
}

func TestLongHeartbeatOfTheServer(t *testing.T) {
	inBubble(t, func(t *testing.T, s *site) {
		s.heartbeat = 300
		bob := newUser(t, s.options("bob", nil), newBook()).connect()
		defer bob.close()
		time.Sleep(time.Hour) // fake time
		s.change(func() {
			if s.logins != 1 {
				t.Errorf("%d logins in an idle hour", s.logins)
			}
		})
	})
}

func TestMissedMessagesAreReadWhileSendsAreRefused(t *testing.T) {
	inBubble(t, func(t *testing.T, s *site) {
		s.post("alice", "bob", "hi")
		s.busy = 1 << 30
		bob := newUser(t, s.options("bob", nil), newBook())
		defer bob.close()
		bob.Start()
		ctx, cancel := context.WithTimeout(t.Context(), time.Hour)
		failed := make(chan error, 2*maxInFlight)
		for range cap(failed) {
			go func() {
				_, err := bob.Send(ctx, "alice", Text("hi"))
				failed <- err
			}()
		}
		synctest.Wait()
		bob.book.waitLine(t, "alice 1 hi")
		cancel()
		for range cap(failed) {
			if err := <-failed; err == nil {
				t.Error("a message was accepted")
			}
		}
	})
}
