package state

import (
	"fmt"
	"slices"
	"testing"

	"pgregory.net/rapid"

	"github.com/yizhan-im/yizhan/appliance/wire"
)

// TestTheQueueBehavesAsAList compares a room's queue with a slice, whatever
// accounts do to it, also across restarts of the machine.
func TestTheQueueBehavesAsAList(t *testing.T) {
	n := newNode(t)
	tenant := n.setup("app", "ann", "bob", "carl")
	rooms := 0
	rapid.Check(t, func(t *rapid.T) {
		rooms++
		created := one[*RoomResult](n, roomChange(tenant, 0, RoomCreate, "ann", func(c *RoomChange) {
			name := "room"
			c.ClientID, c.RoomLimit, c.Info = fmt.Sprint("room ", rooms), 1<<20, &wire.RoomChanges{Name: &name}
		}))
		room, limit := created.Room, 4
		n.room(wire.CodeOK, roomChange(tenant, room, RoomQueueInit, "ann", func(c *RoomChange) { c.Number = uint32(limit) }))
		var model []*wire.RoomElement
		find := func(key string) int {
			return slices.IndexFunc(model, func(e *wire.RoomElement) bool { return e.Key == key })
		}
		who := rapid.SampledFrom([]string{"ann", "bob", "carl"})
		key := rapid.SampledFrom([]string{"a", "b", "c", "d", "e", "f"})
		t.Repeat(map[string]func(*rapid.T){
			"offer": func(t *rapid.T) {
				by := who.Draw(t, "by")
				keys := rapid.SliceOfNDistinct(key, 1, 3, rapid.ID[string]).Draw(t, "keys")
				c := roomChange(tenant, room, RoomQueueOffer, by, nil)
				added := 0
				for _, k := range keys {
					c.Elements = append(c.Elements, &wire.RoomElement{Key: k, Value: fmt.Sprint(rapid.Int().Draw(t, "value")), Transient: rapid.Bool().Draw(t, "transient")})
					if find(k) < 0 {
						added++
					}
				}
				if len(model)+added > limit {
					n.room(wire.CodeCountLimit, c)
					return
				}
				n.room(wire.CodeOK, c)
				for _, e := range c.Elements {
					e = &wire.RoomElement{Key: e.Key, Value: e.Value, Owner: by, Transient: e.Transient}
					if i := find(e.Key); i >= 0 {
						model[i] = e
					} else {
						model = append(model, e)
					}
				}
			},
			"poll": func(t *rapid.T) {
				i := 0
				c := roomChange(tenant, room, RoomQueuePoll, who.Draw(t, "by"), nil)
				if rapid.Bool().Draw(t, "by key") {
					k := key.Draw(t, "key")
					c.Elements, i = []*wire.RoomElement{{Key: k}}, find(k)
				}
				if i < 0 || len(model) == 0 {
					n.room(wire.CodeNotFound, c)
					return
				}
				res := n.room(wire.CodeOK, c)
				if len(res.Elements) != 1 || res.Elements[0].String() != model[i].String() {
					t.Fatalf("polled %v, want %v", res.Elements, model[i])
				}
				model = slices.Delete(model, i, i+1)
			},
			"update": func(t *rapid.T) {
				k := key.Draw(t, "key")
				res := n.room(wire.CodeOK, roomChange(tenant, room, RoomQueueUpdate, who.Draw(t, "by"), func(c *RoomChange) {
					c.Elements = []*wire.RoomElement{{Key: k, Value: "new"}}
				}))
				if i := find(k); i >= 0 {
					model[i].Value = "new"
				} else if !slices.Equal(res.Missing, []string{k}) {
					t.Fatalf("missing %v, want %s", res.Missing, k)
				}
			},
			"leave": func(t *rapid.T) {
				by := who.Draw(t, "by")
				before := len(model)
				model = slices.DeleteFunc(model, func(e *wire.RoomElement) bool { return e.Transient && e.Owner == by })
				res := n.room(wire.CodeOK, roomChange(tenant, room, RoomQueueLeave, by, nil))
				if len(res.Elements) != before-len(model) {
					t.Fatalf("%d have left, want %d", len(res.Elements), before-len(model))
				}
			},
			"drop": func(t *rapid.T) {
				if rapid.IntRange(0, 3).Draw(t, "really") == 0 {
					n.room(wire.CodeOK, roomChange(tenant, room, RoomQueueDrop, "ann", nil))
					model = nil
				}
			},
			"": func(t *rapid.T) {
				got, err := n.q.RoomQueue(tenant, room, nil)
				if err != nil || len(got) != len(model) {
					t.Fatalf("%v, %v; want %v", got, err, model)
				}
				for i := range got {
					if got[i].String() != model[i].String() {
						t.Fatalf("element %d is %v, want %v", i, got[i], model[i])
					}
				}
			},
		})
	})
}
