package app

import (
	"fmt"
	"testing"

	"google.golang.org/protobuf/proto"

	"github.com/yizhan-im/yizhan/appliance/session"
	"github.com/yizhan-im/yizhan/appliance/state"
	"github.com/yizhan-im/yizhan/appliance/wire"
)

// BenchmarkSendToTeam is BenchmarkSend with 64 messages under way to a team whose
// members are all online with one device. It ends when the last message has been
// pushed to all of them.
func BenchmarkSendToTeam(b *testing.B) {
	for _, members := range []int{10, 200, 500} {
		b.Run(fmt.Sprint("members=", members), func(b *testing.B) { benchmarkSendToTeam(b, members) })
	}
}

func benchmarkSendToTeam(b *testing.B, members int) {
	const window = 64
	n := newNode(b)
	w := n.newTenant(b, state.Limits{RequestsPerSecond: 1 << 24, RequestBurst: 1 << 24})
	request := func(s *session.Session, cmd wire.Command, serial uint64, in wire.Body) {
		payload := make([]byte, in.SizeVT())
		if _, err := in.MarshalToSizedBufferVT(payload); err != nil {
			b.Fatal(err)
		}
		n.app.Request(s, cmd, serial, payload)
	}
	var names []string
	var sessions []*session.Session
	var conns []*counter
	for i := range members {
		names = append(names, fmt.Sprint("member", i))
		c := &counter{answered: make(chan wire.Code, window)}
		s := n.app.Connected(c)
		request(s, wire.CmdLogin, 0, w.credentials(names[i]))
		if code := <-c.answered; code != wire.CodeOK {
			b.Fatal(code)
		}
		sessions, conns = append(sessions, s), append(conns, c)
	}
	res, err := n.app.ChangeTeam(b.Context(), w.tenant.AppKey, names[0], true, &wire.CreateTeamRequest{
		ClientId: "team", Team: &wire.TeamChanges{Name: proto.String("team"), MemberLimit: proto.Uint32(500)},
	})
	if err != nil {
		b.Fatal(err)
	}
	team := state.TeamID(res.Team)
	for rest := names[1:]; len(rest) > 0; {
		some := rest[:min(len(rest), state.MaxTeamAccounts)]
		if _, err := n.app.ChangeTeam(b.Context(), w.tenant.AppKey, names[0], true, &wire.InviteTeamRequest{Team: team, Accounts: some}); err != nil {
			b.Fatal(err)
		}
		rest = rest[len(some):]
	}
	n.settle(b)
	before := conns[members-1].pushes.Load()
	in := &wire.SendRequest{Scene: wire.Scene_SCENE_TEAM, To: team, Body: `{"text":"see you at the station at half past seven"}`, Type: 100}
	b.ReportAllocs()
	b.ResetTimer()
	answer := func() {
		if code := <-conns[0].answered; code != wire.CodeOK {
			b.Fatal(code)
		}
	}
	under := 0
	for i := range b.N {
		if under == window {
			answer()
			under--
		}
		in.ClientId = fmt.Sprintf("message-%012d", i)
		request(sessions[0], wire.CmdSend, uint64(i), in)
		under++
	}
	for ; under > 0; under-- {
		answer()
	}
	n.settle(b)
	b.StopTimer()
	if got := conns[members-1].pushes.Load() - before; got != int64(b.N) {
		b.Fatalf("%d of %d messages were pushed", got, b.N)
	}
	b.ReportMetric(float64(b.N*(members-1))/b.Elapsed().Seconds(), "deliveries/s")
}
