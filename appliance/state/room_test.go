package state

import (
	"bytes"
	"fmt"
	"slices"
	"testing"

	"google.golang.org/protobuf/proto"

	"github.com/yizhan-im/yizhan/appliance/wire"
	"github.com/yizhan-im/yizhan/raftstore"
)

const roomMute = wire.RoomRoleOp_ROOM_ROLE_OP_MUTE

// newRoom makes a room of by.
func (n *node) newRoom(tenant uint32, by string) uint64 {
	n.tb.Helper()
	res := one[*RoomResult](n, roomChange(tenant, 0, RoomCreate, by, func(c *RoomChange) {
		c.ClientID, c.RoomLimit, c.Info = "create", 10, &wire.RoomChanges{Name: proto.String("room")}
	}))
	if res.Code != wire.CodeOK {
		n.tb.Fatalf("create: %+v", res)
	}
	return res.Room
}

func roomChange(tenant uint32, room uint64, op RoomOp, by string, more func(*RoomChange)) *RoomChange {
	c := &RoomChange{TimeMs: testTime, Tenant: tenant, Room: room, Op: op, By: by, Backend: by == ""}
	if more != nil {
		more(c)
	}
	return c
}

func (n *node) room(want wire.Code, c *RoomChange) *RoomResult {
	n.tb.Helper()
	res := one[*RoomResult](n, c)
	if res.Code != want {
		n.tb.Errorf("op %d of %q on %v: code %d, want %d", c.Op, c.By, c.Accounts, res.Code, want)
	}
	return res
}

// role makes the change of a role.
func role(tenant uint32, room uint64, by, account string, op wire.RoomRoleOp, on bool) *RoomChange {
	return roomChange(tenant, room, RoomSetRole, by, func(c *RoomChange) {
		c.Accounts, c.Role, c.Flag = []string{account}, op, on
	})
}

func elements(keys ...string) []*wire.RoomElement {
	list := make([]*wire.RoomElement, len(keys))
	for i, key := range keys {
		list[i] = &wire.RoomElement{Key: key, Value: "v-" + key}
	}
	return list
}

func TestARoomIsCreatedOnceAndChanged(t *testing.T) {
	n := newNode(t)
	tenant := n.setup("app", "ann", "bob")
	room := n.newRoom(tenant, "ann")
	create := roomChange(tenant, 0, RoomCreate, "ann", func(c *RoomChange) {
		c.ClientID, c.RoomLimit, c.Info = "create", 10, &wire.RoomChanges{Name: proto.String("other")}
	})
	if res := n.room(wire.CodeOK, create); res.Room != room || !res.Duplicate || res.Info.GetName() != "room" {
		t.Errorf("created again: %+v", res)
	}
	create.ClientID, create.RoomLimit = "two", 1
	n.room(wire.CodeCountLimit, create)
	create.RoomLimit = 2
	second := n.room(wire.CodeOK, create).Room
	create.By, create.ClientID, create.RoomLimit = "nobody", "three", 9
	n.room(wire.CodeNotFound, create)

	rooms, err := n.q.CreatorRooms(tenant, "ann", 10)
	if err != nil || !slices.Equal(rooms, []uint64{second, room}) {
		t.Errorf("rooms of ann: %v, %v", rooms, err)
	}
	update := roomChange(tenant, room, RoomUpdate, "", func(c *RoomChange) {
		c.Info = &wire.RoomChanges{Announcement: proto.String("hello"), DelayClose: proto.Uint32(1), DelaySeconds: proto.Uint32(60)}
	})
	before, _ := n.q.Room(tenant, room)
	n.room(wire.CodeOK, update)
	info, err := n.q.Room(tenant, room)
	if err != nil || info.Name != "room" || info.Announcement != "hello" || info.CloseAtMs != testTime+60_000 || info.Version <= before.Version {
		t.Errorf("updated: %v, %v", info, err)
	}
	update.Info = &wire.RoomChanges{Name: proto.String("")}
	n.room(wire.CodeBadParameter, update)
	n.room(wire.CodeNotFound, roomChange(tenant+1, room, RoomMute, "", nil))
	n.room(wire.CodeNotFound, roomChange(tenant, room+100, RoomMute, "", nil))
}

// TestWhoMayDoWhatInARoom is the matrix of permissions: each operation by each
// role, on each role where it is about somebody.
func TestWhoMayDoWhatInARoom(t *testing.T) {
	const ok, no = wire.CodeOK, wire.CodeForbidden
	n := newNode(t)
	tenant := n.setup("app", "creator", "manager", "manager2", "fixed", "guest", "guest2")
	other := n.setup("other", "creator", "guest")
	room := n.newRoom(tenant, "creator")
	prepare := func() {
		for account, op := range map[string]wire.RoomRoleOp{"manager": 1, "manager2": 1, "fixed": 2} {
			n.room(ok, role(tenant, room, "creator", account, op, true))
		}
		n.room(ok, role(tenant, room, "creator", "guest2", 2, false))
		n.room(ok, role(tenant, room, "creator", "guest2", roomMute, false))
		n.room(ok, roomChange(tenant, room, RoomOpen, "creator", func(c *RoomChange) { c.Flag = true }))
		n.room(ok, roomChange(tenant, room, RoomMute, "creator", nil))
	}
	by := []string{"", "creator", "manager", "fixed", "guest"}
	for _, op := range []struct {
		name string
		make func(by string) *RoomChange
		want [5]wire.Code // by each of by
	}{
		{"update", func(by string) *RoomChange {
			return roomChange(tenant, room, RoomUpdate, by, func(c *RoomChange) { c.Info = &wire.RoomChanges{Ext: proto.String(by)} })
		}, [5]wire.Code{ok, ok, ok, no, no}},
		{"be quiet", func(by string) *RoomChange {
			return roomChange(tenant, room, RoomUpdate, by, func(c *RoomChange) { c.Info = &wire.RoomChanges{Quiet: proto.Bool(true)} })
		}, [5]wire.Code{ok, no, no, no, no}},
		{"close", func(by string) *RoomChange { return roomChange(tenant, room, RoomOpen, by, nil) }, [5]wire.Code{ok, ok, no, no, no}},
		{"mute all", func(by string) *RoomChange {
			return roomChange(tenant, room, RoomMute, by, func(c *RoomChange) { c.Flag = true })
		}, [5]wire.Code{ok, ok, ok, no, no}},
		{"make a manager", func(by string) *RoomChange { return role(tenant, room, by, "guest2", 1, true) }, [5]wire.Code{ok, ok, no, no, no}},
		{"unmake a manager", func(by string) *RoomChange { return role(tenant, room, by, "manager2", 1, false) }, [5]wire.Code{ok, ok, no, no, no}},
		{"make fixed", func(by string) *RoomChange { return role(tenant, room, by, "guest2", 2, true) }, [5]wire.Code{ok, ok, ok, no, no}},
		{"block a guest", func(by string) *RoomChange { return role(tenant, room, by, "guest2", 3, true) }, [5]wire.Code{ok, ok, ok, no, no}},
		{"block a manager", func(by string) *RoomChange { return role(tenant, room, by, "manager2", 3, true) }, [5]wire.Code{ok, ok, no, no, no}},
		{"block the creator", func(by string) *RoomChange { return role(tenant, room, by, "creator", 3, true) }, [5]wire.Code{no, no, no, no, no}},
		{"mute a guest", func(by string) *RoomChange { return role(tenant, room, by, "guest2", roomMute, true) }, [5]wire.Code{ok, ok, ok, no, no}},
		{"mute for a while", func(by string) *RoomChange {
			return roomChange(tenant, room, RoomTempMute, by, func(c *RoomChange) { c.Accounts, c.Number = []string{"guest2"}, 60 })
		}, [5]wire.Code{ok, ok, ok, no, no}},
		{"mute the creator", func(by string) *RoomChange {
			return roomChange(tenant, room, RoomTempMute, by, func(c *RoomChange) { c.Accounts, c.Number = []string{"creator"}, 60 })
		}, [5]wire.Code{no, no, no, no, no}},
		{"save a profile", func(by string) *RoomChange {
			return roomChange(tenant, room, RoomProfile, by, func(c *RoomChange) { c.Member = &wire.RoomMember{Nick: "nick"} })
		}, [5]wire.Code{wire.CodeBadParameter, ok, ok, ok, no}},
		{"offer", func(by string) *RoomChange {
			return roomChange(tenant, room, RoomQueueOffer, by, func(c *RoomChange) { c.Elements = elements("k" + by) })
		}, [5]wire.Code{ok, ok, ok, ok, ok}},
		{"init the queue", func(by string) *RoomChange {
			return roomChange(tenant, room, RoomQueueInit, by, func(c *RoomChange) { c.Number = 10 })
		}, [5]wire.Code{ok, ok, ok, no, no}},
		{"drop the queue", func(by string) *RoomChange { return roomChange(tenant, room, RoomQueueDrop, by, nil) }, [5]wire.Code{ok, ok, ok, no, no}},
	} {
		for i, who := range by {
			prepare()
			if res := one[*RoomResult](n, op.make(who)); res.Code != op.want[i] {
				t.Errorf("%s by %q: %d, want %d", op.name, who, res.Code, op.want[i])
			}
			c := op.make(who)
			c.Tenant = other
			if res := one[*RoomResult](n, c); res.Code == ok {
				t.Errorf("%s by %q of another tenant is done", op.name, who)
			}
		}
	}
	n.room(wire.CodeNotFound, role(tenant, room, "creator", "nobody", 2, true))
	// With level 1 the queue is that of who manages the room.
	n.room(ok, roomChange(tenant, room, RoomUpdate, "manager", func(c *RoomChange) { c.Info = &wire.RoomChanges{QueueLevel: proto.Uint32(1)} }))
	for who, want := range map[string]wire.Code{"guest": no, "fixed": no, "manager": ok} {
		n.room(want, roomChange(tenant, room, RoomQueueOffer, who, func(c *RoomChange) { c.Elements = elements("x") }))
	}
}

func TestStandingsInARoom(t *testing.T) {
	n := newNode(t)
	tenant := n.setup("app", "ann", "bob", "carl")
	room := n.newRoom(tenant, "ann")
	bob := func() *wire.RoomMember {
		t.Helper()
		_, m, err := n.q.RoomMember(tenant, room, "bob")
		if err != nil {
			t.Fatal(err)
		}
		return m
	}
	empty := n.dump()
	n.room(wire.CodeOK, roomChange(tenant, room, RoomTempMute, "ann", func(c *RoomChange) { c.Accounts, c.Number = []string{"bob"}, 60 }))
	if m := bob(); m.MutedUntilMs != testTime+60_000 || m.Role != 0 {
		t.Errorf("muted: %v", m)
	}
	n.room(wire.CodeOK, roomChange(tenant, room, RoomTempMute, "ann", func(c *RoomChange) { c.Accounts = []string{"bob"} }))
	if bob().MutedUntilMs != 0 || len(n.dump()) > len(empty)+1 { // the head is stored now
		t.Error("the mute was not lifted without a trace")
	}
	n.room(wire.CodeOK, role(tenant, room, "ann", "bob", 1, true))
	n.room(wire.CodeOK, roomChange(tenant, room, RoomProfile, "bob", func(c *RoomChange) { c.Member = &wire.RoomMember{Nick: "Bobby"} }))
	if m := bob(); m.Role != wire.RoomRole_ROOM_ROLE_MANAGER || m.Nick != "Bobby" {
		t.Errorf("manager: %v", m)
	}
	n.room(wire.CodeOK, role(tenant, room, "ann", "bob", 1, false))
	if m := bob(); m.Role != wire.RoomRole_ROOM_ROLE_FIXED {
		t.Errorf("no manager: %v", m)
	}
	n.room(wire.CodeOK, role(tenant, room, "ann", "bob", 3, true))
	if m := bob(); !m.Blocked || m.Role != 0 || m.Nick != "" {
		t.Errorf("blocked: %v", m)
	}
	res := n.room(wire.CodeOK, roomChange(tenant, room, RoomRobots, "", func(c *RoomChange) {
		c.Accounts, c.Flag = []string{"bob", "carl", "ann", "nobody"}, true
	}))
	if !slices.Equal(res.Added, []string{"carl"}) || !slices.Equal(res.Failed, []string{"bob", "ann", "nobody"}) {
		t.Errorf("robots: %+v", res)
	}
	again := n.room(wire.CodeOK, roomChange(tenant, room, RoomRobots, "", func(c *RoomChange) { c.Accounts, c.Flag = []string{"carl"}, true }))
	if !slices.Equal(again.Old, []string{"carl"}) {
		t.Errorf("robots again: %+v", again)
	}
	_, special, err := n.q.RoomSpecial(tenant, room)
	if err != nil || len(special) != 3 {
		t.Errorf("special: %v, %v", special, err)
	}
	if res := n.room(wire.CodeOK, roomChange(tenant, room, RoomRobots, "", nil)); !slices.Equal(res.Added, []string{"carl"}) {
		t.Errorf("all robots removed: %+v", res)
	}
}

func TestRoomStandingsAreBounded(t *testing.T) {
	n := newNode(t)
	tenant := n.setup("app", "ann", "bob", "carl")
	room := n.newRoom(tenant, "ann")
	n.room(wire.CodeOK, roomChange(tenant, room, RoomTempMute, "ann", func(c *RoomChange) { c.Accounts, c.Number = []string{"bob"}, 60 }))
	n.inApply(func(tx *raftstore.Tx) error { // as if there were as many as may be
		o := roomOp{m: n.b.m, tx: tx, c: &RoomChange{Tenant: tenant, Room: room}, res: new(RoomResult)}
		if _, err := o.load(); err != nil {
			return err
		}
		o.head.standings = MaxRoomStandings
		return o.putHead()
	})
	fixed := role(tenant, room, "ann", "carl", 2, true)
	n.room(wire.CodeCountLimit, fixed)
	fixed.TimeMs += 61_000 // bob's mute is over: its row makes room
	n.room(wire.CodeOK, fixed)
}

// TestAFullRoomIsLookedThroughOnce, however many accounts a command names.
func TestAFullRoomIsLookedThroughOnce(t *testing.T) {
	n := newNode(t)
	tenant := n.setup("app", "ann", "bob", "carl")
	room := n.newRoom(tenant, "ann")
	n.inApply(func(tx *raftstore.Tx) error {
		o := roomOp{m: n.b.m, tx: tx, c: &RoomChange{Tenant: tenant, Room: room}, res: new(RoomResult)}
		if _, err := o.load(); err != nil {
			return err
		}
		o.head.standings = MaxRoomStandings
		if ok, err := o.makeRoom(); err != nil || ok {
			return fmt.Errorf("a full room has room: %v %v", ok, err)
		}
		over := roomStanding{mutedUntilMs: 1}
		if !over.spent(o.m.site.clockMs) {
			t.Error("the mute is not over")
		}
		if err := tx.Set(append(appendRoomKey(nil, tableRoomStanding, tenant, room), "bob"...), over.append(nil)); err != nil {
			return err
		}
		if ok, err := o.makeRoom(); err != nil || ok { // another look would find bob's
			t.Errorf("the same command has looked through the room again: %v", err)
		}
		next := roomOp{m: o.m, tx: tx, c: o.c, res: o.res, head: o.head}
		if ok, err := next.makeRoom(); err != nil || !ok {
			t.Errorf("the next command does not look: %v", err)
		}
		return nil
	})
}

func TestHistoryOfARoom(t *testing.T) {
	n := newNode(t)
	tenant := n.setup("app", "ann", "bob")
	room := n.newRoom(tenant, "ann")
	message := func(ms int64, i uint64, from string) RoomLogEntry {
		p := &wire.RoomMessagePush{Room: RoomID(room), From: from, ClientId: fmt.Sprint(i), Id: uint64(ms)<<RoomIDShift | i, TimeMs: ms, Body: fmt.Sprint(i)}
		return RoomLogEntry{Tenant: tenant, Room: room, ID: p.Id, Keep: 5, KeepMs: 1000, Message: appendBody(nil, p)}
	}
	log := func(entries ...RoomLogEntry) int {
		t.Helper()
		res := one[*RoomLogResult](n, &RoomLog{TimeMs: testTime, Entries: entries})
		if res.Code != wire.CodeOK {
			t.Fatalf("log: %+v", res)
		}
		return res.Done
	}
	bodies := func(timeMs int64, reverse bool, limit int) (got []string) {
		t.Helper()
		messages, _, err := n.q.RoomHistory(tenant, room, timeMs, 0, reverse, limit, nil)
		if err != nil {
			t.Fatal(err)
		}
		for _, m := range messages {
			got = append(got, m.Body)
		}
		return got
	}
	gone := message(testTime, 9, "ann")
	gone.Room += 100
	if done := log(message(testTime, 1, "ann"), gone, message(testTime, 2, "bob"), message(testTime, 1, "ann")); done != 2 {
		t.Errorf("%d stored, want 2: one room does not exist, one message came twice", done)
	}
	if got := bodies(0, false, 10); !slices.Equal(got, []string{"2", "1"}) {
		t.Errorf("newest first: %v", got)
	}
	for i := uint64(3); i < 9; i++ {
		log(message(testTime+int64(i), i, "bob"))
	}
	if got := bodies(0, true, 10); !slices.Equal(got, []string{"4", "5", "6", "7", "8"}) {
		t.Errorf("five are kept: %v", got)
	}
	if got := bodies(testTime+6, false, 1); !slices.Equal(got, []string{"5"}) {
		t.Errorf("before a time: %v", got)
	}
	if got := bodies(testTime+6, true, 2); !slices.Equal(got, []string{"6", "7"}) {
		t.Errorf("from a time: %v", got)
	}
	found, err := n.q.RoomMessage(tenant, room, testTime+6, "bob", "6")
	if err != nil || found.Body != "6" {
		t.Errorf("by client id: %v, %v", found, err)
	}
	remove := func(by string, ids ...uint64) *RoomChange {
		return roomChange(tenant, room, RoomHistoryDelete, by, func(c *RoomChange) { c.Messages = ids })
	}
	n.room(wire.CodeForbidden, remove("carl", found.Id))
	n.room(wire.CodeNotFound, remove("bob", 7))
	if res := n.room(wire.CodeOK, remove("bob", found.Id, 7)); len(res.Deleted) != 1 || res.Deleted[0].From != "bob" {
		t.Errorf("deleted: %+v", res)
	}
	if got := bodies(0, true, 10); !slices.Equal(got, []string{"4", "5", "7", "8"}) {
		t.Errorf("after the deletion: %v", got)
	}
	// What is too old goes with the next message.
	late := message(testTime+5000, 10, "bob")
	if res := one[*RoomLogResult](n, &RoomLog{TimeMs: testTime + 5000, Entries: []RoomLogEntry{late}}); res.Done != 1 {
		t.Errorf("late: %+v", res)
	}
	if got := bodies(0, true, 10); !slices.Equal(got, []string{"10"}) {
		t.Errorf("old ones are gone: %v", got)
	}
}

func TestTransientElementsAreSwept(t *testing.T) {
	n := newNode(t)
	tenant := n.setup("app", "ann", "bob")
	room := n.newRoom(tenant, "ann")
	for i := range 5 {
		n.room(wire.CodeOK, roomChange(tenant, room, RoomQueueOffer, "bob", func(c *RoomChange) {
			for k := range MaxRoomNamed {
				c.Elements = append(c.Elements, &wire.RoomElement{Key: fmt.Sprint(i, "-", k), Transient: k > 0})
			}
		}))
	}
	for more := true; more; {
		res := one[*RoomLogResult](n, &RoomSweep{TimeMs: testTime})
		if res.Code != wire.CodeOK || res.Done > maxSweep {
			t.Fatalf("sweep: %+v", res)
		}
		more = res.More
	}
	left, err := n.q.RoomQueue(tenant, room, nil)
	if err != nil || len(left) != 5 {
		t.Errorf("%d elements are left, %v", len(left), err)
	}
}

func fullRoomChange(op RoomOp) *RoomChange {
	c := &RoomChange{
		TimeMs: testTime, Tenant: 1, Session: 2, Op: op, By: "a", Room: 300, Backend: true, Flag: true, Notify: true, Ext: "ext",
		Role: 4, Number: 5, RoomLimit: 6, ClientID: "id", Accounts: []string{"b", "c"}, Messages: []uint64{7, 1 << 60},
		Elements: []*wire.RoomElement{{Key: "k", Value: "v", Owner: "o", Transient: true}, {Key: "l"}},
	}
	switch op {
	case RoomCreate, RoomUpdate:
		c.Info = &wire.RoomChanges{Name: proto.String("")}
	case RoomProfile:
		c.Member = &wire.RoomMember{Nick: "nick"}
	case RoomTagMute:
		c.Tag, c.To = "red", `{"tag":"red"}`
	}
	return c
}

func fullRoomCommands() []command {
	return []command{
		fullRoomChange(RoomCreate), fullRoomChange(RoomProfile), fullRoomChange(RoomQueueOffer), fullRoomChange(RoomTagMute),
		&RoomLog{TimeMs: testTime, Entries: []RoomLogEntry{{1, 2, 3, 4, 5, []byte("message")}, {Tenant: 1}}},
		&RoomLog{TimeMs: testTime}, &RoomSweep{TimeMs: testTime},
	}
}

func decodeRoomCommand(b []byte) command {
	kind, r := openCommand(b)
	switch {
	case kind == kindRoomLog:
		if c := new(RoomLog); c.decode(&r) {
			return c
		}
	case kind == kindRoomSweep:
		if c := new(RoomSweep); c.decode(&r) {
			return c
		}
	case isRoomKind(kind):
		if c := new(RoomChange); c.decode(kind, &r) {
			return c
		}
	}
	return nil
}

func TestRoomCommandsSurviveEncoding(t *testing.T) {
	n := newNode(t)
	for _, c := range fullRoomCommands() {
		encoded := c.Append(nil)
		decoded := decodeRoomCommand(encoded)
		if decoded == nil || !bytes.Equal(decoded.Append(nil), encoded) {
			t.Errorf("%+v came back as %+v", c, decoded)
		}
		for _, cut := range [][]byte{encoded[:2], encoded[:len(encoded)-1], append(bytes.Clone(encoded), 0xff)} {
			switch res := n.apply(raw(cut))[0].(type) {
			case *RoomResult:
				if res.Code == wire.CodeOK {
					t.Errorf("%T cut to %x is accepted", c, cut)
				}
			case *RoomLogResult:
				if res.Code == wire.CodeOK {
					t.Errorf("%T cut to %x is accepted", c, cut)
				}
			default:
				t.Errorf("%T cut to %x: %T", c, cut, res)
			}
		}
	}
}

// FuzzRoomCommand: any bytes are refused or decoded, and what was decoded can be
// encoded and decoded again.
func FuzzRoomCommand(f *testing.F) {
	for _, c := range fullRoomCommands() {
		f.Add(c.Append(nil))
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		c := decodeRoomCommand(b)
		if c == nil {
			return
		}
		encoded := c.Append(nil)
		again := decodeRoomCommand(encoded)
		if again == nil || !bytes.Equal(again.Append(nil), encoded) {
			t.Fatalf("%+v became %+v", c, again)
		}
	})
}

func roomRows() []row {
	return []row{
		&roomHead{standings: 1, managers: 2, queue: 3, position: 4, history: 5, first: 6, last: 1 << 60},
		&roomStanding{role: 2, blocked: true, muted: true, robot: true, mutedUntilMs: testTime, sinceMs: 5, nick: "n", avatar: "a", ext: "e"},
	}
}

// FuzzRoomRow: any bytes are refused or decoded, and what was decoded can be
// stored and decoded again.
func FuzzRoomRow(f *testing.F) {
	for i, r := range roomRows() {
		f.Add(byte(i), r.append(nil))
	}
	f.Add(byte(2), appendElementRow(nil, &wire.RoomElement{Key: "k", Value: "v", Owner: "o", Transient: true}))
	f.Add(byte(3), appendNumberRow(nil, 1<<60))
	f.Fuzz(func(t *testing.T, kind byte, b []byte) {
		var encoded []byte
		switch kind % 4 {
		case 2:
			e, err := decodeElementRow(b)
			if err != nil {
				return
			}
			encoded = appendElementRow(nil, e)
			if again, err := decodeElementRow(encoded); err != nil || again.String() != e.String() {
				t.Fatalf("%v became %v: %v", e, again, err)
			}
		case 3:
			v, err := decodeNumberRow(b)
			if again, err2 := decodeNumberRow(appendNumberRow(nil, v)); err == nil && (err2 != nil || again != v) {
				t.Fatalf("%d became %d: %v", v, again, err2)
			}
		default:
			rows := [][]row{{new(roomHead), new(roomHead)}, {new(roomStanding), new(roomStanding)}}[kind%4]
			if rows[0].decode(b) != nil {
				return
			}
			encoded = rows[0].append(nil)
			if err := rows[1].decode(encoded); err != nil || !bytes.Equal(rows[1].append(nil), encoded) {
				t.Fatalf("%+v became %+v: %v", rows[0], rows[1], err)
			}
		}
	})
}
