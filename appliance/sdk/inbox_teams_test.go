package sdk

import (
	"context"
	"fmt"
	"log/slog"
	"slices"
	"testing"
	"time"

	"github.com/yizhan-im/yizhan/appliance/wire"
)

// teamInbox is an inbox of bob that has synced before.
func teamInbox() *inbox {
	return newInbox(&Options{Account: "bob", Queue: 50, Backlog: 10, Store: new(MemoryStore), Logger: slog.New(slog.DiscardHandler)}, Checkpoint{Version: 1})
}

// taken are the events in the queue, as the app would see them.
func (in *inbox) taken() (seen []string) {
	for {
		in.mu.Lock()
		n := in.queue.len()
		in.mu.Unlock()
		if n == 0 {
			return seen
		}
		i, _ := in.next(context.Background(), context.Background())
		switch e := i.event.(type) {
		case ConversationAdded:
			seen = append(seen, "added "+e.Peer)
		case TeamMessage:
			seen = append(seen, fmt.Sprint(e.Team, " ", e.Seq))
		case TeamStanding:
			seen = append(seen, e.State.Standing.String()[len("TEAM_STANDING_"):])
		default:
			seen = append(seen, fmt.Sprintf("%T", e))
		}
		in.handled(i)
	}
}

func teamState(standing wire.TeamStanding, version, first, last uint64) *wire.ConversationState {
	return &wire.ConversationState{
		Scene: wire.Scene_SCENE_TEAM, Peer: "7", Version: version, FirstSeq: first, LastSeq: last,
		Team: &wire.TeamState{Standing: standing},
	}
}

func teamMessage(seq uint64) *wire.Message {
	return &wire.Message{Scene: wire.Scene_SCENE_TEAM, From: "alice", To: "7", Body: "x", Seq: seq}
}

const (
	teamMember = wire.TeamStanding_TEAM_STANDING_MEMBER
	teamKicked = wire.TeamStanding_TEAM_STANDING_KICKED
)

func (in *inbox) want(t *testing.T, want ...string) {
	t.Helper()
	if got := in.taken(); !slices.Equal(got, want) {
		t.Errorf("events %q, want %q", got, want)
	}
}

// A page of sync that was made before a push arrives behind it.
func TestOlderStateOfATeamChangesNothing(t *testing.T) {
	in := teamInbox()
	in.offerTeam(teamState(teamMember, 5, 3, 3))
	in.offer(teamMessage(3))
	in.offerTeam(teamState(teamKicked, 9, 0, 0))
	in.want(t, "added 7", "MEMBER", "7 3", "KICKED")
	in.synced(&wire.SyncResponse{Version: 8, Conversations: []*wire.ConversationState{teamState(teamMember, 8, 3, 6)}}, true)
	in.want(t)
	if _, wait := in.takeBehind(time.Now()); wait != 0 || len(in.behind) > 0 {
		t.Error("a team that this account is not in is behind")
	}
}

// Who joins again goes on where the new membership begins; what waited of before
// is dropped.
func TestJoiningAgainSkipsWhatWasNotForThisAccount(t *testing.T) {
	in := teamInbox()
	in.offerTeam(teamState(teamMember, 2, 1, 1))
	in.offer(teamMessage(1))
	in.offer(teamMessage(3)) // 2 is on its way
	in.offerTeam(teamState(teamKicked, 5, 0, 0))
	in.offerTeam(teamState(teamMember, 9, 20, 20))
	in.offer(teamMessage(20))
	in.offer(teamMessage(21))
	in.want(t, "added 7", "MEMBER", "7 1", "KICKED", "MEMBER", "7 20", "7 21")
	if in.early != 0 {
		t.Errorf("%d messages are still held", in.early)
	}
	conv := in.conversations[teamKey("7")]
	if conv.cursor.Delivered != 21 || conv.isBehind() {
		t.Errorf("cursor %+v", conv.cursor)
	}
	// Also when the messages come first: history says where to begin.
	in = teamInbox()
	in.offer(teamMessage(30))
	conv = in.conversations[teamKey("7")]
	if _, from, to := in.missing(conv); from != 1 || to != 30 {
		t.Errorf("missing %d–%d", from, to)
	}
	in.readableFrom(conv, 30)
	in.want(t, "added 7", "7 30")
}
