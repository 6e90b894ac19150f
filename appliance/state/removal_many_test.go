package state

import (
	"fmt"
	"testing"

	"google.golang.org/protobuf/proto"

	"github.com/yizhan-im/yizhan/appliance/wire"
)

// TestRemovalOfMuch: what is more than one step may do goes in several, through
// restarts, and each step is bounded.
func TestRemovalOfMuch(t *testing.T) {
	n := newNode(t)
	const many = 2*removalConversations + 10
	names := make([]string, many)
	for i := range names {
		names[i] = fmt.Sprintf("%c%03d", 'u'+i%2*3, i) // before and behind the victim's
	}
	app := n.setup("app", append([]string{victim}, names...)...)
	var cmds []command
	for i, name := range names {
		cmds = append(cmds,
			&RelationChange{Op: RelationAdd, TimeMs: testTime, Tenant: app, Account: victim, Peer: name, Backend: true, Limit: many},
			&Subscribe{TimeMs: testTime, Tenant: app, Subscriber: victim, Publishers: []string{name}, LengthMs: MinSubscriptionMs, Limit: many},
			&Subscribe{TimeMs: testTime, Tenant: app, Subscriber: name, Publishers: []string{victim}, LengthMs: MinSubscriptionMs, Limit: many},
			text(testTime, app, victim, name, fmt.Sprint(i), "hello"),
		)
		if i%8 == 0 {
			cmds = append(cmds, &TeamChange{
				Op: TeamCreate, TimeMs: testTime, Tenant: app, By: name, Backend: true, Direct: true, MemberLimit: 9, TeamLimit: 99,
				ClientID: "t", Info: &wire.TeamChanges{Name: proto.String("team")}, Accounts: []string{victim},
			})
		}
	}
	for len(cmds) > 0 {
		k := min(len(cmds), 100)
		n.must(cmds[:k]...)
		cmds = cmds[k:]
	}
	stages, steps := map[RemovalStage]int{}, 0
	parts := n.remove(app, victim, false, func(stage RemovalStage) {
		stages[stage]++
		if steps++; steps%7 == 0 {
			n.reload(maxHotConvs, defaultFilterSize)
		}
	})
	for stage, least := range map[RemovalStage]int{
		RemovalRelations: many / removalRelations, RemovalSubscriptions: 2 * many / removalSubscriptions,
		RemovalTeams: many / 8 / removalTeams, RemovalConversations: many / removalConversations,
	} {
		if stages[stage] <= least {
			t.Errorf("stage %v took %d steps, want more than %d", stage, stages[stage], least)
		}
	}
	told := map[string]int{}
	for _, part := range parts {
		told[fmt.Sprintf("%T", part)]++
	}
	if told["*state.RelationResult"] != many || told["*state.SubscriptionResult"] != many || told["*state.TeamResult"] != (many+7)/8 {
		t.Errorf("told: %v", told)
	}
	checkRemnants(t, n, victim, func(table string) bool { return nameLeft[table] != "" })
	for _, name := range names {
		totals, err := n.q.Relations(app, name, &wire.RelationsRequest{})
		if err != nil || len(totals.Relations) != 0 {
			t.Fatalf("relations of %s: %v %v", name, totals, err)
		}
	}
	if res := one[*AccountResult](n, &RecreateAccount{TimeMs: testTime, Tenant: app, Account: victim, TokenHash: HashToken("app", victim, "new")}); res.Code != wire.CodeOK {
		t.Fatalf("recreated: %v", res.Code)
	}
	sync, err := n.q.Sync(app, victim, 0, 0)
	if err != nil || len(sync.Conversations) != 0 {
		t.Errorf("the new account sees %d conversations, %v", len(sync.Conversations), err)
	}
}
