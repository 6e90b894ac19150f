package sdk_test

import (
	"fmt"
	"sync"
	"testing"
	"time"

	"google.golang.org/protobuf/proto"

	"github.com/yizhan-im/yizhan/appliance/sdk"
	"github.com/yizhan-im/yizhan/appliance/wire"
)

// crowd makes many accounts, name0 to name<n-1>, as fast as the node takes them.
func (n *realNode) crowd(name string, count int) []string {
	n.t.Helper()
	names := make([]string, count)
	tokens := make([]string, count)
	n.parallel(count, func(i int) error {
		names[i] = fmt.Sprintf("%s%06d", name, i)
		var err error
		tokens[i], err = n.node.App().CreateAccount(n.t.Context(), "app", names[i], "", nil)
		return err
	})
	for i, token := range tokens {
		n.tokens[names[i]] = token
	}
	return names
}

// parallel calls f for 0 to count-1 from a number of goroutines that keeps the
// store's batches full.
func (n *realNode) parallel(count int, f func(i int) error) {
	n.t.Helper()
	const workers = 128
	errs := make(chan error, workers)
	var working sync.WaitGroup
	for w := range workers {
		working.Go(func() {
			for i := w; i < count; i += workers {
				if err := f(i); err != nil {
					errs <- err
					return
				}
			}
		})
	}
	working.Wait()
	close(errs)
	for err := range errs {
		n.t.Fatal(err)
	}
}

// fill brings accounts into a team by batches of what one command may name.
func (n *realNode) fill(team sdk.Team, owner string, accounts []string) {
	n.t.Helper()
	const batch = 200
	n.parallel((len(accounts)+batch-1)/batch, func(i int) error {
		some := accounts[i*batch : min(len(accounts), (i+1)*batch)]
		res, err := n.node.App().ChangeTeam(n.t.Context(), "app", owner, true, &wire.InviteTeamRequest{Team: team.ID(), Accounts: some})
		if err == nil && len(res.Added) != len(some) {
			err = fmt.Errorf("%d of %d were added, %v failed", len(res.Added), len(some), res.Failed)
		}
		return err
	})
}

// teamTexts waits for count texts of a team; the first entry must have the seq next,
// and each other the one after.
func (a *app) teamTexts(team sdk.Team, next uint64, count int) (texts []string) {
	a.t.Helper()
	a.until(fmt.Sprint(count, " texts"), func(event sdk.Event) bool {
		var m *wire.Message
		switch event := event.(type) {
		case sdk.TeamMessage:
			m = event.Message
			texts = append(texts, event.Body)
		case sdk.TeamNotice:
			m = event.Message
		case sdk.Missing:
			a.t.Errorf("missing %v", event)
		}
		if m != nil && m.To == team.ID() {
			if m.Seq != next {
				a.t.Errorf("entry %d, want %d", m.Seq, next)
			}
			next = m.Seq + 1
		}
		return len(texts) == count
	})
	return texts
}

// TestMegaTeamThroughARealNode: of a mega-team of 100,000 members some hundred are
// online. Each gets every message once and in its order, whoever sends it, also
// after the node was closed and opened again. What it costs is logged.
func TestMegaTeamThroughARealNode(t *testing.T) {
	if testing.Short() {
		t.Skip("makes 100,000 accounts")
	}
	const (
		online   = 200
		senders  = 10
		messages = 20 // of each
	)
	members := 100_000
	if raceEnabled {
		members = 20_000 // the store notes a stack for each of its iterators then
	}
	n := startNode(t)
	start := time.Now()
	names := n.crowd("m", members-1)
	t.Logf("%d accounts: %v", len(names), time.Since(start))
	alice := n.app("alice", nil)
	team, _, err := alice.CreateTeam(alice.context(), sdk.NewTeam{Mega: true, Changes: &wire.TeamChanges{Name: proto.String("all")}})
	if err != nil {
		t.Fatal(err)
	}
	start = time.Now()
	n.fill(team, "alice", names)
	t.Logf("%d members: %v", members, time.Since(start))
	if info, err := alice.TeamInfo(alice.context(), team.ID()); err != nil || len(info) != 1 || info[0].Members != uint32(members) || !info[0].Mega {
		t.Fatalf("info %v %v", info, err)
	}

	apps := make([]*app, online)
	account := func(i int) string { return names[i*len(names)/online] }
	for i := range apps {
		apps[i] = n.app(account(i), nil)
	}
	tablet := n.app(account(0), func(o *sdk.Options) { o.Platform = wire.Platform_PLATFORM_WEB })
	send := func(round int) {
		var sending sync.WaitGroup
		var took [senders]time.Duration
		begin := time.Now()
		for s := range senders {
			sending.Go(func() {
				for i := range messages {
					before := time.Now()
					if _, err := apps[s].Team(team.ID()).Send(apps[s].context(), sdk.Text(fmt.Sprintf("%d %d %d", round, s, i))); err != nil {
						t.Errorf("sender %d: %v", s, err)
						return
					}
					took[s] += time.Since(before)
				}
			})
		}
		sending.Wait()
		var sum time.Duration
		for _, d := range took {
			sum += d
		}
		t.Logf("round %d: %d messages from %d senders in %v, %v each for its sender", round, senders*messages, senders, time.Since(begin), sum/(senders*messages))
	}
	receive := func(apps []*app, next uint64, round int) {
		t.Helper()
		begin := time.Now()
		var want []string
		for _, a := range apps {
			got := a.teamTexts(team, next, senders*messages)
			if want == nil {
				want = got
				counts := [senders]int{}
				for _, text := range got {
					var r, s, i int
					if _, err := fmt.Sscanf(text, "%d %d %d", &r, &s, &i); err != nil || r != round || i != counts[s] {
						t.Fatalf("after %v came %q", counts, text)
					}
					counts[s]++
				}
			}
			if fmt.Sprint(got) != fmt.Sprint(want) {
				t.Fatalf("%s has\n%v, want\n%v", a.t.Name(), got, want)
			}
		}
		t.Logf("round %d: all %d devices have all %v after that", round, len(apps), time.Since(begin))
	}
	send(1)
	// Who was brought in reads from then on: entry 1 tells of the creation.
	receive([]*app{alice}, 1, 1)
	receive(append(apps, tablet), 2, 1)

	// One is removed, then the node is closed and opened again.
	kicked := apps[online-1]
	if err := team.Kick(alice.context(), account(online-1)); err != nil {
		t.Fatal(err)
	}
	kicked.standing(team, wire.TeamStanding_TEAM_STANDING_KICKED)
	n.stop()
	n.start()
	send(2)
	receive(append([]*app{alice, tablet}, apps[:online-1]...), 2+senders*messages, 2)
	if info, err := alice.TeamInfo(alice.context(), team.ID()); err != nil || len(info) != 1 || info[0].Members != uint32(members-1) {
		t.Errorf("info %v %v", info, err)
	}
	if _, err := kicked.Team(team.ID()).Send(kicked.context(), sdk.Text("x")); wire.CodeOf(err) != wire.CodeNotInTeam {
		t.Errorf("sent: %v", err)
	}
	for {
		select {
		case event := <-kicked.got:
			if m, ok := event.(sdk.TeamMessage); ok {
				t.Fatalf("who was removed got %v", m)
			}
			continue
		default:
		}
		break
	}
}
