package room

import (
	"errors"
	"fmt"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/yizhan-im/yizhan/appliance/wire"
)

// TestRoomsBehaveAsSetsOfSessions compares Rooms with sets: whatever sessions
// of some tenants do, one after another, in whatever order.
func TestRoomsBehaveAsSetsOfSessions(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		const limit, tenants = 3, 2
		names := []string{"a", "b", "c", "d", "e"}
		now := time.UnixMilli(1_000_000)
		rs := New(Options{PerSession: limit, Now: func() time.Time { return now }})

		devices := make([]*device, 12)
		closed := map[*device]bool{}
		type place struct {
			tenant uint32
			name   string
		}
		members := map[place]map[*device]bool{}
		lastID := map[place]uint64{}
		want := map[*device][]string{}
		for i := range devices {
			devices[i] = &device{tenant: uint32(i % tenants)}
		}
		isIn := func(d *device) (n int) {
			for _, m := range members {
				if m[d] {
					n++
				}
			}
			return n
		}
		exit := func(at place, d *device) {
			delete(members[at], d)
			if len(members[at]) == 0 {
				delete(members, at)
			}
		}
		pickDevice, pickName := rapid.SampledFrom(devices), rapid.SampledFrom(names)
		messages := 0

		t.Repeat(map[string]func(*rapid.T){
			"enter": func(t *rapid.T) {
				d, name := pickDevice.Draw(t, "device"), pickName.Draw(t, "room")
				at := place{d.tenant, name}
				n, err := rs.Enter(&d.Member, d, d.tenant, name)
				switch {
				case closed[d]:
					if !errors.Is(err, ErrClosed) {
						t.Fatalf("closed: %v", err)
					}
				case !members[at][d] && isIn(d) == limit:
					if !errors.Is(err, ErrTooMany) {
						t.Fatalf("in %d rooms: %v", limit, err)
					}
				default:
					if members[at] == nil {
						members[at] = map[*device]bool{}
					}
					members[at][d] = true
					if err != nil || n != len(members[at]) {
						t.Fatalf("%d members, %v; want %d", n, err, len(members[at]))
					}
				}
			},
			"exit": func(t *rapid.T) {
				d, name := pickDevice.Draw(t, "device"), pickName.Draw(t, "room")
				rs.Exit(&d.Member, name)
				exit(place{d.tenant, name}, d)
			},
			"leave": func(t *rapid.T) {
				d := pickDevice.Draw(t, "device")
				rs.Leave(&d.Member)
				closed[d] = true
				for _, name := range names {
					exit(place{d.tenant, name}, d)
				}
			},
			"reconnect": func(t *rapid.T) {
				d := pickDevice.Draw(t, "device")
				if closed[d] {
					d.Member = Member{}
					closed[d] = false
				}
			},
			"clock": func(t *rapid.T) {
				now = now.Add(time.Duration(rapid.IntRange(-3, 10).Draw(t, "ms")) * time.Millisecond)
			},
			"send": func(t *rapid.T) {
				d, name := pickDevice.Draw(t, "device"), pickName.Draw(t, "room")
				at := place{d.tenant, name}
				messages++
				p := &wire.RoomMessagePush{Room: name, Body: fmt.Sprint(messages)}
				err := rs.Send(&d.Member, p, func() {})
				if !members[at][d] {
					if !errors.Is(err, ErrNotMember) {
						t.Fatalf("no member: %v", err)
					}
					return
				}
				if err != nil || p.TimeMs != now.UnixMilli() {
					t.Fatalf("sent at %d, %v", p.TimeMs, err)
				}
				if id := lastID[at]; id >= p.Id {
					t.Fatalf("id %d after %d", p.Id, id)
				}
				lastID[at] = p.Id
				for member := range members[at] {
					if member != d {
						want[member] = append(want[member], fmt.Sprintf("%s %d %s", name, p.Id, p.Body))
					}
				}
			},
			"": func(t *rapid.T) {
				rs.Close() // everything is pushed
				total := 0
				for _, m := range members {
					total += len(m)
				}
				for at := range lastID { // a room that has vanished starts anew
					if members[at] == nil {
						delete(lastID, at)
					}
				}
				if r, m := rs.Len(); r != len(members) || m != total {
					t.Fatalf("%d rooms with %d members, want %d with %d", r, m, len(members), total)
				}
				for i, d := range devices {
					d.mu.Lock()
					pushed := d.pushed
					d.pushed = nil
					d.mu.Unlock()
					if len(pushed) != len(want[d]) {
						t.Fatalf("device %d got %d messages, want %d", i, len(pushed), len(want[d]))
					}
					for n, ev := range pushed {
						p := new(wire.RoomMessagePush)
						if err := p.UnmarshalVT(ev.Payload); err != nil {
							t.Fatal(err)
						}
						if got := fmt.Sprintf("%s %d %s", p.Room, p.Id, p.Body); got != want[d][n] {
							t.Fatalf("device %d got %q, want %q", i, got, want[d][n])
						}
					}
					delete(want, d)
				}
			},
		})
	})
}
