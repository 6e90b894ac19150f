package app

import (
	"fmt"
	"sync"
	"testing"

	"google.golang.org/protobuf/encoding/protowire"

	"github.com/yizhan-im/yizhan/appliance/state"
	"github.com/yizhan-im/yizhan/appliance/wire"
)

func TestSyncPagesThroughWhatChanged(t *testing.T) {
	w := shared.newTenant(t, state.Limits{})
	const peers = 5
	for i := range peers {
		w.send(t, fmt.Sprint("peer", i), "alice", "hello")
	}
	p := w.login("alice")
	var version uint64
	var order []string
	for {
		var out wire.SyncResponse
		p.ok(wire.CmdSync, &wire.SyncRequest{Version: version, Limit: 2}, &out)
		if len(out.Conversations) > 2 || out.Version <= version && out.More {
			t.Fatalf("page %v", &out)
		}
		for _, c := range out.Conversations {
			order = append(order, c.Peer)
		}
		version = out.Version
		if !out.More {
			break
		}
	}
	if fmt.Sprint(order) != "[peer0 peer1 peer2 peer3 peer4]" {
		t.Errorf("order %v", order)
	}

	sent := w.send(t, "peer1", "alice", "again")
	var out wire.SyncResponse
	p.ok(wire.CmdSync, &wire.SyncRequest{Version: version}, &out)
	if len(out.Conversations) != 1 || out.More || out.Version != sent.Id {
		t.Fatalf("after one more message: %v", &out)
	}
	if c := out.Conversations[0]; c.Peer != "peer1" || c.LastSeq != 2 || c.ReadSeq != 0 {
		t.Errorf("conversation %v", c)
	}
	p.refused(wire.CodeBadParameter, wire.CmdSync, &wire.SyncRequest{Limit: maxSyncPage + 1})
}

func TestHistoryFillsGapsAndPages(t *testing.T) {
	w := shared.newTenant(t, state.Limits{})
	for i := range 7 {
		w.send(t, "alice", "bob", fmt.Sprint(i+1))
	}
	p := w.login("bob")
	for _, c := range []struct {
		in   *wire.HistoryRequest
		want string
		more bool
	}{
		{&wire.HistoryRequest{Peer: "alice"}, "[1 2 3 4 5 6 7]", false},
		{&wire.HistoryRequest{Peer: "ALICE", FromSeq: 3, ToSeq: 5}, "[3 4 5]", false},
		{&wire.HistoryRequest{Peer: "alice", FromSeq: 2, ToSeq: 6, Limit: 2}, "[2 3]", true},
		{&wire.HistoryRequest{Peer: "alice", FromSeq: 2, ToSeq: 6, Limit: 2, Reverse: true}, "[6 5]", true},
		{&wire.HistoryRequest{Peer: "nobody"}, "[]", false},
	} {
		var out wire.HistoryResponse
		p.ok(wire.CmdHistory, c.in, &out)
		bodies := []string{}
		for _, m := range out.Messages {
			bodies = append(bodies, m.Body)
		}
		if fmt.Sprint(bodies) != c.want || out.More != c.more {
			t.Errorf("%v: %v, more %v; want %s, %v", c.in, bodies, out.More, c.want, c.more)
		}
	}
	for _, in := range []*wire.HistoryRequest{
		{},
		{Peer: "alice", Limit: maxHistoryPage + 1},
		{Peer: "alice", FromSeq: 5, ToSeq: 3},
		{Peer: "alice", Scene: wire.Scene_SCENE_TEAM},
	} {
		p.refused(wire.CodeBadParameter, wire.CmdHistory, in)
	}
}

func TestProfileIsChangedByItsOwnerAndReadByOthers(t *testing.T) {
	w := shared.newTenant(t, state.Limits{})
	alice, bob := w.login("alice"), w.login("bob")
	name, gender, empty := "Alice", uint32(2), ""
	alice.ok(wire.CmdUpdateProfile, &wire.UpdateProfileRequest{Name: &name, Gender: &gender, Sign: &name}, nil)
	alice.ok(wire.CmdUpdateProfile, &wire.UpdateProfileRequest{Sign: &empty}, nil)

	var out wire.ProfilesResponse
	bob.ok(wire.CmdProfiles, &wire.ProfilesRequest{Accounts: []string{"Alice", "nobody"}}, &out)
	if len(out.Profiles) != 1 {
		t.Fatalf("profiles %v", &out)
	}
	if p := out.Profiles[0]; p.Account != "alice" || p.Name != name || p.Gender != gender || p.Sign != "" || p.UpdatedMs == 0 {
		t.Errorf("profile %v", p)
	}

	// A field of a later version passes, but is not stored.
	later := protowire.AppendTag(nil, 1000, protowire.BytesType)
	later = protowire.AppendBytes(later, []byte("secret"))
	if r := alice.answer(alice.startRaw(wire.CmdUpdateProfile, later)); r.code != wire.CodeOK {
		t.Errorf("unknown field: %v", r.code)
	}

	long, rude := string(make([]byte, maxName+1)), "\xff"
	third := uint32(3)
	for _, in := range []*wire.UpdateProfileRequest{{Name: &long}, {Ex: &rude}, {Gender: &third}} {
		alice.refused(wire.CodeBadParameter, wire.CmdUpdateProfile, in)
	}
	many := make([]string, maxProfilesPage+1)
	for i := range many {
		many[i] = "alice"
	}
	for _, accounts := range [][]string{nil, {""}, many} {
		bob.refused(wire.CodeBadParameter, wire.CmdProfiles, &wire.ProfilesRequest{Accounts: accounts})
	}
}

func TestQueriesAreRefusedWhenTheQueueIsFull(t *testing.T) {
	n := newNode(t)
	w := n.newTenant(t, state.Limits{})
	p := w.login("alice")
	key := p.session.Identity().SessionID
	started, release := make(chan struct{}), make(chan struct{})
	n.app.reads.submit(key, func() { close(started); <-release })
	<-started
	var queued sync.WaitGroup
	for more := true; more; {
		queued.Add(1)
		if more = n.app.reads.submit(key, queued.Done); !more {
			queued.Done()
		}
	}
	note := p.refused(wire.CodeBusy, wire.CmdSync, &wire.SyncRequest{})
	if note.RetryAfterMs == 0 {
		t.Error("no advice when to try again")
	}
	p.ok(wire.CmdSend, text("alice", "m1", "sends do not wait for queries"), nil)
	close(release)
	queued.Wait()
	p.ok(wire.CmdSync, &wire.SyncRequest{}, nil)
}

func TestQueriesAreNotServedOnceTheWorkersHaveStopped(t *testing.T) {
	n := newNode(t)
	w := n.newTenant(t, state.Limits{})
	p := w.login("alice")
	n.app.Close()
	n.app.Close() // the second does nothing
	p.refused(wire.CodeBusy, wire.CmdSync, &wire.SyncRequest{})
}
