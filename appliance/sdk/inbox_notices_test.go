package sdk

import (
	"context"
	"log/slog"
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"github.com/yizhan-im/yizhan/appliance/wire"
)

// TestNotificationsComeOnce lets a device meet everything in any order: pushes that
// are late, early, lost and repeated, reading in pages, a queue that is full, an app
// that is slow, restarts with the same store. The app handles each version once.
func TestNotificationsComeOnce(t *testing.T) {
	for seed := range uint64(200) {
		random := rand.New(rand.NewPCG(seed, 1))
		store := new(MemoryStore)
		var server []uint64 // versions, in order
		counter := uint64(0)
		got := map[uint64]int{}
		var in *inbox
		start := func() {
			saved, _ := store.Load("app/me")
			in = newInbox(&Options{Account: "me", Queue: 8, Store: store, Logger: slog.New(slog.DiscardHandler)}, saved)
		}
		start()
		read := func() { // one page
			s, from, _, _ := in.dueStream(time.Now())
			if s == nil {
				return
			}
			to, more, n := counter, false, 0
			for _, v := range server {
				if v <= from {
					continue
				}
				if n == 5 {
					more = true
					break
				}
				if !in.placeStream(s, v, Notification{&wire.Notification{Version: v}}) {
					return // the connection ended while the page waited for room
				}
				if n++; n == 5 {
					to = v
				}
			}
			if !more {
				to = counter
			}
			in.readStream(s, to, more)
		}
		handle := func() bool {
			if in.queue.len() == 0 {
				return false
			}
			i, _ := in.next(context.Background(), context.Background())
			if n, is := i.event.(Notification); is {
				got[n.Version]++
			}
			in.handled(i)
			return true
		}
		sync := func() {
			page := &wire.SyncResponse{Version: counter}
			if len(server) > 0 {
				page.NotificationsVersion = server[len(server)-1]
			}
			in.synced(page, true)
		}
		for range 300 {
			switch random.IntN(8) {
			case 0, 1:
				counter += 1 + random.Uint64N(3)
				server = append(server, counter)
				if random.IntN(4) > 0 {
					in.offerNotification(&wire.Notification{Version: counter})
				}
			case 2: // late, or once more
				if len(server) > 0 {
					v := server[len(server)-1-random.IntN(min(5, len(server)))]
					in.offerNotification(&wire.Notification{Version: v})
				}
			case 3:
				sync()
			case 4:
				read()
			case 5, 6:
				handle()
			case 7:
				if random.IntN(5) == 0 {
					start()
				}
			}
		}
		sync()
		for i := 0; in.notices.behind() || in.queue.len() > 0; i++ {
			read()
			for handle() {
			}
			if i > 1000 {
				t.Fatal("never comes to the end")
			}
		}
		for _, v := range server {
			if got[v] != 1 {
				t.Fatalf("seed %d: version %d came %d times", seed, v, got[v])
			}
		}
		if len(got) != len(server) {
			t.Fatalf("seed %d: %d versions came, %d were sent", seed, len(got), len(server))
		}
		if saved, _ := store.Load("app/me"); len(saved.Notifications.Ahead) != 0 || saved.Notifications.Version < server[len(server)-1] {
			t.Errorf("seed %d: saved %+v at the end", seed, saved.Notifications)
		}
		if v, ok := in.toAck(); !ok || v != counter {
			t.Errorf("seed %d: acknowledges %d %v, want %d", seed, v, ok, counter)
		}
	}
}

// TestWhatIsNotHandledIsNotAcknowledged: another device would never get it.
func TestWhatIsNotHandledIsNotAcknowledged(t *testing.T) {
	in := newInbox(&Options{Account: "me", Queue: 8, Store: new(MemoryStore), Logger: slog.New(slog.DiscardHandler)}, Checkpoint{})
	in.synced(&wire.SyncResponse{Version: 9, NotificationsVersion: 7}, true)
	if v, ok := in.toAck(); ok {
		t.Errorf("acknowledges %d before reading", v)
	}
	in.readStream(in.notices, 9, false)
	if v, ok := in.toAck(); !ok || v != 9 {
		t.Errorf("acknowledges %d %v after reading, want 9", v, ok)
	}
}

// TestOnlineOnlyIsDroppedWhenTheAppIsSlow, and what is kept is read later.
func TestOnlineOnlyIsDroppedWhenTheAppIsSlow(t *testing.T) {
	in := newInbox(&Options{Account: "me", Queue: 2, Store: new(MemoryStore), Logger: slog.New(slog.DiscardHandler)}, Checkpoint{})
	for v := range uint64(3) {
		in.offerBroadcast(&wire.BroadcastPush{Broadcast: &wire.Broadcast{Version: v + 1}, Version: v + 1})
		in.offerNotification(&wire.Notification{Version: v + 1, OnlineOnly: true})
	}
	if in.queue.len() != 2 {
		t.Errorf("%d events in a queue of 2", in.queue.len())
	}
	in.offerBroadcast(&wire.BroadcastPush{Broadcast: &wire.Broadcast{Version: 4, Offline: true}, Version: 4})
	if in.queue.len() != 2 || !in.casts.behind() || in.notices.behind() {
		t.Errorf("%d events; broadcasts behind %v, notifications %v", in.queue.len(), in.casts.behind(), in.notices.behind())
	}
	in.readStream(in.casts, 4, false)
	in.offerBroadcast(&wire.BroadcastPush{Version: 5}) // a hint
	if !in.casts.behind() {
		t.Error("a hint is passed over")
	}
}

func TestReachedIsKept(t *testing.T) {
	path := t.TempDir() + "/state"
	s := openStore(t, path)
	mustLoad(t, s)
	mustSave(t, s, Checkpoint{Notifications: &Reached{Fresh: true, Version: 5, Ahead: []uint64{7, 9}}, Broadcasts: &Reached{Version: 3}})
	mustSave(t, s, Checkpoint{Version: 8})
	mustSave(t, s, Checkpoint{Version: 8, Broadcasts: new(Reached)})
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	c := mustLoad(t, openStore(t, path))
	if c.Notifications == nil || c.Notifications.Version != 5 || !c.Notifications.Fresh || !slices.Equal(c.Notifications.Ahead, []uint64{7, 9}) || c.Broadcasts == nil || c.Broadcasts.Version != 0 {
		t.Errorf("notifications %+v, broadcasts %+v", c.Notifications, c.Broadcasts)
	}
}
