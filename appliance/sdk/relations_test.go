package sdk

import (
	"context"
	"fmt"
	"log/slog"
	"maps"
	"math/rand/v2"
	"slices"
	"testing"

	"google.golang.org/protobuf/proto"

	"github.com/yizhan-im/yizhan/appliance/wire"
)

func relationsInbox(limit int) *inbox {
	return newInbox(&Options{Account: "me", Queue: limit, Store: new(MemoryStore), Logger: slog.New(slog.DiscardHandler)}, Checkpoint{})
}

func alias(account string, version uint64) *wire.Relation {
	return &wire.Relation{Account: account, Friend: true, Alias: fmt.Sprint(version), Version: version}
}

// drain takes all events that are in the queue, and what they make room for.
func (in *inbox) drain(t *testing.T) (events []Event) {
	t.Helper()
	for {
		in.mu.Lock()
		empty, events0 := in.queue.len() == 0, in.relations.events
		in.mu.Unlock()
		if events0 > in.limit {
			t.Fatalf("%d events of relations are in the queue, over the limit of %d", events0, in.limit)
		}
		if empty {
			return events
		}
		i, ok := in.next(context.Background(), context.Background())
		if !ok {
			t.Fatal("no event in a queue that has some")
		}
		in.handled(i)
		events = append(events, i.event)
	}
}

// TestTheNewestStateOfARelationCounts: pushes, answers and pages may come in any
// order; what remains is the newest state of each relation, and the app is told
// it unless its own call brought it.
func TestTheNewestStateOfARelationCounts(t *testing.T) {
	for round := range 200 {
		in := relationsInbox(1 + rand.IntN(4))
		newest := map[string]*wire.Relation{}
		var states []*wire.Relation
		for v := range uint64(30) {
			r := alias(fmt.Sprint("b", rand.IntN(5)), v+1)
			states = append(states, r)
			newest[r.Account] = r
		}
		rand.Shuffle(len(states), func(i, j int) { states[i], states[j] = states[j], states[i] })
		told := map[string]*wire.Relation{}
		take := func() {
			for _, e := range in.drain(t) {
				if c, ok := e.(RelationChange); ok {
					if before := told[c.Account]; before != nil && before.Version > c.Version {
						t.Fatalf("round %d: told %v after %v", round, c, before)
					}
					told[c.Account] = c.Relation
				}
			}
		}
		own := map[string]uint64{}
		for _, r := range states {
			switch rand.IntN(4) {
			case 0:
				in.ownRelation(r)
				own[r.Account] = max(own[r.Account], r.Version)
			case 1:
				in.readRelations(&wire.RelationsResponse{Relations: []*wire.Relation{r}}, false)
			default:
				in.pushedRelation(&wire.RelationPush{Relation: r, By: r.Account})
			}
			if rand.IntN(3) == 0 {
				take()
			}
		}
		take()
		held := map[string]*wire.Relation{}
		for _, r := range in.listRelations() {
			held[r.Account] = r
		}
		if !maps.Equal(held, newest) {
			t.Fatalf("round %d: held %v, want %v", round, held, newest)
		}
		for account, r := range newest {
			if told[account] != r && own[account] != r.Version {
				t.Fatalf("round %d: told %v of %s, want %v", round, told[account], account, r)
			}
		}
	}
}

func TestASlowAppIsToldTheLatestOfEachRelation(t *testing.T) {
	in := relationsInbox(2)
	for v := range uint64(100) {
		in.pushedRelation(&wire.RelationPush{Relation: alias(fmt.Sprint("b", v%10), v+1), By: "me", Note: fmt.Sprint(v + 1)})
	}
	events := in.drain(t)
	if len(events) != 2+10 { // two early ones, then each once
		t.Errorf("%d events", len(events))
	}
	last := map[string]RelationChange{}
	for _, e := range events {
		c := e.(RelationChange)
		last[c.Account] = c
	}
	for i := range 10 {
		c := last[fmt.Sprint("b", i)]
		if want := fmt.Sprint(91 + i); c.Alias != want || c.Note != want || c.By != "me" {
			t.Errorf("the last told of b%d is %v with note %q, want %s", i, c.Relation, c.Note, want)
		}
	}
}

// TestReadingAllReplacesWhatIsHeld: what is not among all relations is no more,
// what was pushed meanwhile stays, and a reading that fails changes nothing.
func TestReadingAllReplacesWhatIsHeld(t *testing.T) {
	in := relationsInbox(10)
	in.pushedRelation(&wire.RelationPush{Relation: alias("gone", 1)})
	in.pushedRelation(&wire.RelationPush{Relation: alias("stays", 2)})
	in.drain(t)

	in.beginRelations()
	in.readRelations(&wire.RelationsResponse{Relations: []*wire.Relation{alias("half", 3)}, Version: 3, More: true}, false)
	in.abandonRelations()
	if got := names(in.listRelations()); fmt.Sprint(got) != "[gone stays]" {
		t.Errorf("after a reading that failed: %v", got)
	}

	in.beginRelations()
	in.readRelations(&wire.RelationsResponse{Relations: []*wire.Relation{alias("stays", 2)}, Version: 2, More: true}, false)
	in.pushedRelation(&wire.RelationPush{Relation: alias("new", 9)})
	in.ownRelation(alias("stays", 8))
	in.readRelations(&wire.RelationsResponse{Relations: []*wire.Relation{alias("later", 5)}, Version: 7, FriendMode: 1}, true)
	if got := names(in.listRelations()); fmt.Sprint(got) != "[later new stays]" || in.relation("stays").Version != 8 || in.friendMode() != 1 {
		t.Errorf("after reading all: %v, %v", got, in.relation("stays"))
	}
	if version, _ := in.relationsBehind(); version != 7 {
		t.Errorf("reached %d, want 7", version)
	}
	events := in.drain(t)
	if !slices.Contains(events, Event(RelationsLoaded{})) {
		t.Errorf("the app is not told: %v", events)
	}
}

func names(relations []*wire.Relation) (names []string) {
	for _, r := range relations {
		names = append(names, r.Account)
	}
	return names
}

// TestWhatIsOverDoesNotComeBack: an old state that comes late is ignored, and
// the memory of what is over goes once nothing can come late any more.
func TestWhatIsOverDoesNotComeBack(t *testing.T) {
	in := relationsInbox(10)
	in.pushedRelation(&wire.RelationPush{Relation: alias("b", 1)})
	in.pushedRelation(&wire.RelationPush{Relation: &wire.Relation{Account: "b", Version: 3}})
	in.ownRelation(alias("b", 2))
	if r := in.relation("b"); r != nil || len(in.listRelations()) != 0 {
		t.Errorf("it is back: %v", r)
	}
	events := in.drain(t)
	if c, ok := events[len(events)-1].(RelationChange); !ok || !proto.Equal(c.Relation, &wire.Relation{Account: "b", Version: 3}) {
		t.Errorf("the end is not told: %v", events)
	}
	for range 2 {
		in.readRelations(&wire.RelationsResponse{Version: 5}, true)
	}
	if len(in.relations.held) != 0 {
		t.Errorf("what is over is kept for ever: %v", in.relations.held)
	}
}

func TestModesInAnyOrder(t *testing.T) {
	in := relationsInbox(10)
	in.pushedMode(&wire.FriendModePush{Mode: 2, Version: 5})
	in.ownMode(1, 4) // its answer has come late
	if in.friendMode() != 2 {
		t.Errorf("mode %v, want the newest", in.friendMode())
	}
	in.ownMode(0, 6)
	if events := in.drain(t); in.friendMode() != 0 || !slices.Equal(events, []Event{FriendModeChange{Mode: 0}}) && !slices.Equal(events, []Event{FriendModeChange{Mode: 2}}) {
		t.Errorf("mode %v, events %v", in.friendMode(), events)
	}
}
