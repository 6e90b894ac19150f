package matrix

import (
	"slices"
	"testing"
	"time"

	"github.com/yizhan-im/yizhan/appliance/wire"
)

// TestSearch: what was said is found by its words, by who may read it, whatever they
// are connected by; also by the backend.
func TestSearch(t *testing.T) {
	run(t, func(s *site) {
		s.accounts("alice", "bob", "carol")
		alice, bob, carol := s.here("alice"), s.there("bob"), s.there("carol")
		var sent wire.SendResponse
		alice.ok(wire.CmdSend, &wire.SendRequest{To: "bob", ClientId: "m1", Body: "t3xt 今天天气 Sunny"}, &sent)
		var found wire.SearchResponse
		tick := time.NewTicker(50 * time.Millisecond)
		defer tick.Stop()
		for timeout := time.After(patience); ; {
			found.Reset()
			if bob.ok(wire.CmdSearch, &wire.SearchRequest{Text: "天气 sunny"}, &found); len(found.Messages) > 0 {
				break
			}
			select {
			case <-tick.C:
			case <-timeout:
				t.Fatal("the message is not found")
			}
		}
		if m := found.Messages; len(m) != 1 || m[0].Id != sent.Id || m[0].Body != "t3xt 今天天气 Sunny" || found.Cursor != "" {
			s.t.Errorf("bob finds %v", &found)
		}
		found.Reset()
		if carol.ok(wire.CmdSearch, &wire.SearchRequest{Text: "天气"}, &found); len(found.Messages) != 0 {
			s.t.Errorf("carol finds %v", &found)
		}
		var answer struct {
			Size int
			Msgs []struct{ MsgID uint64 }
		}
		if s.backend.ok(&answer, "history/searchMsg", "accid", "alice", "keyword", "sunny"); answer.Size != 1 || answer.Msgs[0].MsgID != sent.Id {
			s.t.Errorf("the backend finds %+v", answer)
		}
		bob.refused(wire.CodeBadParameter, wire.CmdSearch, &wire.SearchRequest{})
		bob.refused(wire.CodeTeamMissing, wire.CmdSearch, &wire.SearchRequest{Text: "x", Scene: wire.Scene_SCENE_TEAM, Peer: "999999"})

		alice.ok(wire.CmdRecall, &wire.RecallRequest{Peer: "bob", Seq: sent.Seq, ClientId: "r1"}, nil)
		found.Reset()
		if bob.ok(wire.CmdSearch, &wire.SearchRequest{Text: "天气"}, &found); len(found.Messages) != 0 {
			s.t.Errorf("bob finds what was taken back: %v", &found)
		}
	})
}

// TestHistoryByTimeTypeAndID.
func TestHistoryByTimeTypeAndID(t *testing.T) {
	run(t, func(s *site) {
		s.accounts("alice", "bob")
		alice, bob := s.here("alice"), s.there("bob")
		var sent [4]wire.SendResponse
		for i, m := range []*wire.SendRequest{
			{Body: "t3xt 1"}, {Type: 100, Body: `{"t3xt":2}`}, {Body: "t3xt 3"}, {Type: 10, Body: `{"msg":"t3xt 4"}`},
		} {
			m.To, m.ClientId = "bob", "m"+string(rune('1'+i))
			alice.ok(wire.CmdSend, m, &sent[i])
		}
		for _, test := range []struct {
			req  *wire.HistoryRequest
			want []uint64
		}{
			{&wire.HistoryRequest{Types: []uint32{0}}, []uint64{1, 3}},
			{&wire.HistoryRequest{Types: []uint32{0}, Reverse: true, Limit: 1}, []uint64{3}},
			{&wire.HistoryRequest{Ids: []uint64{sent[2].Id, sent[0].Id, 1 << 60}}, []uint64{3, 1}},
			{&wire.HistoryRequest{BeginMs: sent[3].TimeMs + 1}, nil},
			{&wire.HistoryRequest{EndMs: sent[0].TimeMs - 1}, nil},
			{&wire.HistoryRequest{BeginMs: sent[0].TimeMs, EndMs: sent[3].TimeMs, Types: []uint32{10, 100}}, []uint64{2, 4}},
		} {
			test.req.Peer = "alice"
			var history wire.HistoryResponse
			bob.ok(wire.CmdHistory, test.req, &history)
			var seqs []uint64
			for _, m := range history.Messages {
				seqs = append(seqs, m.Seq)
			}
			if !slices.Equal(seqs, test.want) {
				s.t.Errorf("%v brings %v, want %v", test.req, seqs, test.want)
			}
		}
		bob.refused(wire.CodeBadParameter, wire.CmdHistory, &wire.HistoryRequest{Peer: "alice", BeginMs: 2, EndMs: 1})
		bob.refused(wire.CodeBadParameter, wire.CmdHistory, &wire.HistoryRequest{Peer: "alice", Ids: make([]uint64, 101)})
	})
}
