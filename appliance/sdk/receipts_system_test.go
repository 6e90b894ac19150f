package sdk_test

import (
	"slices"
	"testing"

	"github.com/yizhan-im/yizhan/appliance/sdk"
	"github.com/yizhan-im/yizhan/appliance/wire"
)

// TestTeamReceiptsThroughARealNode: who has sent a message with Receipt is told as
// the members read, and counts and lists follow the cursors.
func TestTeamReceiptsThroughARealNode(t *testing.T) {
	n := startNode(t)
	n.account("carol")
	alice, bob, carol := n.app("alice", nil), n.app("bob", nil), n.app("carol", nil)
	team := alice.newTeam(&wire.TeamChanges{}, "bob", "carol")
	ask := sdk.Content{Body: "who reads this?", Receipt: true}
	first, err := team.Send(alice.context(), ask)
	if err != nil {
		t.Fatal(err)
	}
	plain := alice.sendTeam(team, "not asked")
	second, err := team.Send(alice.context(), ask)
	if err != nil {
		t.Fatal(err)
	}
	check := func(want ...*wire.TeamReceipt) {
		t.Helper()
		got, err := team.Receipts(alice.context(), first.Seq, plain.Seq, second.Seq)
		if err != nil || !slices.EqualFunc(got, want, func(a, b *wire.TeamReceipt) bool { return a.Seq == b.Seq && a.Read == b.Read && a.Unread == b.Unread }) {
			t.Errorf("receipts %v %v, want %v", got, err, want)
		}
	}
	check(&wire.TeamReceipt{Seq: first.Seq, Unread: 2}, &wire.TeamReceipt{Seq: second.Seq, Unread: 2})
	told := func(want sdk.TeamReceipt) {
		t.Helper()
		alice.until("receipt", func(event sdk.Event) bool { return event == sdk.Event(want) })
	}
	if err := bob.Team(team.ID()).MarkRead(bob.context(), first.Seq); err != nil {
		t.Fatal(err)
	}
	told(sdk.TeamReceipt{Team: team.ID(), Reader: "bob", AfterSeq: 0, Seq: first.Seq})
	// One push tells of both, however many messages the cursor passes.
	if err := carol.Team(team.ID()).MarkRead(carol.context(), second.Seq); err != nil {
		t.Fatal(err)
	}
	told(sdk.TeamReceipt{Team: team.ID(), Reader: "carol", AfterSeq: 0, Seq: second.Seq})
	check(&wire.TeamReceipt{Seq: first.Seq, Read: 2}, &wire.TeamReceipt{Seq: second.Seq, Read: 1, Unread: 1})
	read, unread, err := team.Readers(alice.context(), second.Seq)
	if err != nil || !slices.Equal(read, []string{"carol"}) || !slices.Equal(unread, []string{"bob"}) {
		t.Errorf("readers %v %v %v", read, unread, err)
	}
	// It is the sender's to know.
	if got, err := bob.Team(team.ID()).Receipts(bob.context(), first.Seq); err != nil || len(got) != 0 {
		t.Errorf("bob is told %v %v", got, err)
	}
	if _, _, err := bob.Team(team.ID()).Readers(bob.context(), first.Seq); wire.CodeOf(err) != wire.CodeNotFound {
		t.Errorf("bob is told the readers: %v", err)
	}
	if err := team.Recall(alice.context(), first.Seq, ""); err != nil {
		t.Fatal(err)
	}
	check(&wire.TeamReceipt{Seq: second.Seq, Read: 1, Unread: 1})

	mega, _, err := alice.CreateTeam(alice.context(), sdk.NewTeam{Mega: true, Changes: &wire.TeamChanges{Name: &ask.Body}})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := mega.Send(alice.context(), ask); wire.CodeOf(err) != wire.CodeTeamReceipt {
		t.Errorf("sent to a mega-team: %v", err)
	}
	if _, err := mega.Receipts(alice.context(), 1); wire.CodeOf(err) != wire.CodeTeamReceipt {
		t.Errorf("receipts of a mega-team: %v", err)
	}
	if _, err := alice.Send(alice.context(), "bob", ask); wire.CodeOf(err) != wire.CodeBadParameter {
		t.Errorf("sent to an account: %v", err)
	}
}
