package room

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"runtime"
	"sync"
	"testing"

	"github.com/yizhan-im/yizhan/appliance/wire"
)

// TestOneOrderForAll: many sessions send to some rooms at once, while others come
// and go. Whoever stays gets every message of the others once, in the order of
// ids; whoever comes and goes gets what is sent in between, in that order too.
func TestOneOrderForAll(t *testing.T) {
	const rooms, stayers, guests, each, visits = 3, 8, 4, 200, 300
	rs := New(Options{})
	name := func(i int) string { return fmt.Sprint("room ", i) }

	all := make([][]*device, rooms)
	sent := make([][]uint64, rooms*stayers) // each sender's own ids
	for r := range rooms {
		for i := range stayers {
			d := new(device)
			d.enter(t, rs, name(r), i+1)
			all[r] = append(all[r], d)
		}
	}
	var senders, visitors sync.WaitGroup
	for r := range rooms {
		for i, d := range all[r] {
			senders.Go(func() {
				for n := range each {
					p := &wire.RoomMessagePush{Room: name(r), Body: fmt.Sprint(i, " ", n)}
					for {
						err := rs.Send(&d.Member, p, func() {})
						if err == nil {
							break
						}
						if !errors.Is(err, ErrBusy) {
							t.Error(err)
							return
						}
						runtime.Gosched()
					}
					sent[r*stayers+i] = append(sent[r*stayers+i], p.Id)
				}
			})
		}
	}
	visited := make([]*device, guests)
	for g := range guests {
		visited[g] = new(device)
		visitors.Go(func() {
			d := visited[g]
			for range visits {
				r := rand.N(rooms)
				if _, err := rs.Enter(&d.Member, d, 0, name(r)); err != nil {
					t.Error(err)
				}
				_ = rs.Send(&d.Member, &wire.RoomMessagePush{Room: name(r), Body: "visit"}, func() {})
				rs.Exit(&d.Member, name(rand.N(rooms)))
			}
			rs.Leave(&d.Member)
		})
	}
	senders.Wait()
	visitors.Wait()
	rs.Close()
	wantLen(t, rs, rooms, rooms*stayers)

	for r := range rooms {
		for i, d := range all[r] {
			got := map[uint64]bool{}
			last := uint64(0)
			for _, p := range d.take(t) {
				if p.Id <= last || p.Room != name(r) {
					t.Fatalf("%s: id %d after %d", p.Room, p.Id, last)
				}
				last = p.Id
				got[p.Id] = true
			}
			for other, ids := range sent[r*stayers : (r+1)*stayers] {
				for _, id := range ids {
					if got[id] != (other != i) {
						t.Fatalf("member %d, message %d of member %d: got it %v", i, id, other, got[id])
					}
				}
			}
		}
	}
	for _, d := range visited {
		last := map[string]uint64{}
		for _, p := range d.take(t) {
			if p.Id <= last[p.Room] {
				t.Fatalf("%s: id %d after %d", p.Room, p.Id, last[p.Room])
			}
			last[p.Room] = p.Id
		}
	}
}

// TestLeavingWhileEverythingElseHappens: the end of a session comes from any
// goroutine, at any moment, and afterwards it is in no room.
func TestLeavingWhileEverythingElseHappens(t *testing.T) {
	rs := New(Options{})
	host := new(device)
	host.enter(t, rs, "lobby", 1)
	var wg sync.WaitGroup
	for range 200 {
		d := new(device)
		started := make(chan struct{})
		wg.Go(func() {
			for i := 0; ; i++ {
				if _, err := rs.Enter(&d.Member, d, 0, []string{"lobby", "own"}[i%2]); err != nil {
					if !errors.Is(err, ErrClosed) {
						t.Error(err)
					}
					return
				}
				if i == 0 {
					close(started)
				}
				_ = rs.Send(&d.Member, &wire.RoomMessagePush{Room: "lobby"}, func() {})
				rs.Exit(&d.Member, "own")
			}
		})
		wg.Go(func() {
			<-started
			rs.Leave(&d.Member)
		})
	}
	wg.Wait()
	wantLen(t, rs, 1, 1)
	host.take(t)
	host.enter(t, rs, "lobby", 1)
}
