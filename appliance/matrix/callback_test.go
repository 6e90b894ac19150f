package matrix

import (
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"sync"
	"testing"

	"google.golang.org/protobuf/proto"

	"github.com/yizhan-im/yizhan/appliance"
	"github.com/yizhan-im/yizhan/appliance/wire"
)

// judge is the tenant's backend that is asked first: it notes what it is asked, and
// answers by the kind of the question.
type judge struct {
	mu      sync.Mutex
	asked   []int
	answers map[int]http.HandlerFunc // by eventType; allowed when there is none
}

// ask makes site ask j, before events.
func (s *site) ask(j *judge, events, fail string) {
	s.t.Helper()
	server := httptest.NewServer(j)
	s.t.Cleanup(func() {
		server.CloseClientConnections()
		server.Close()
	})
	r := appliance.TenantRequest{AppKey: s.tenant.AppKey, CallbackURL: server.URL, CallbackEvents: events, CallbackFail: fail, CallbackTimeoutMs: 5000}
	if _, err := node.UpdateTenant(s.t.Context(), r); err != nil {
		s.t.Fatal(err)
	}
}

func (j *judge) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	var question struct {
		EventType int `json:"eventType"`
	}
	if err := json.NewDecoder(r.Body).Decode(&question); err != nil {
		w.WriteHeader(http.StatusBadRequest)
		return
	}
	j.mu.Lock()
	j.asked = append(j.asked, question.EventType)
	answer := j.answers[question.EventType]
	j.mu.Unlock()
	if answer == nil {
		answer = says(`{"errCode":0}`)
	}
	answer(w, r)
}

func (j *judge) answer(event int, h http.HandlerFunc) {
	j.mu.Lock()
	defer j.mu.Unlock()
	if j.answers == nil {
		j.answers = map[int]http.HandlerFunc{}
	}
	j.answers[event] = h
}

// count is how often something was asked.
func (j *judge) count() int {
	j.mu.Lock()
	defer j.mu.Unlock()
	return len(j.asked)
}

func says(body string) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) { io.WriteString(w, body) }
}

// Answers that are none.
var noAnswers = map[string]http.HandlerFunc{
	"hangs up": func(http.ResponseWriter, *http.Request) { panic(http.ErrAbortHandler) },
	"a page":   says("<html>"),
	"an error": func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusInternalServerError) },
}

// TestBackendIsAskedFirst: every operation that a backend can be asked about is
// refused with the backend's code, and done when it is allowed, over every way.
func TestBackendIsAskedFirst(t *testing.T) {
	run(t, func(s *site) {
		s.accounts("alice", "bob", "carol")
		alice, bob := s.here("alice"), s.there("bob")
		team := s.newTeam("alice", "bob")
		var sent wire.SendResponse
		alice.ok(wire.CmdSend, &wire.SendRequest{To: "bob", ClientId: "0", Body: "t3xt"}, &sent)
		var made wire.CreateTeamResponse
		alice.ok(wire.CmdCreateTeam, &wire.CreateTeamRequest{ClientId: "mega", Mega: true, Team: &wire.TeamChanges{Name: proto.String("t3xt")}}, &made)
		mega := made.Team
		j := new(judge)
		s.ask(j, "all", "closed")
		for _, test := range []struct {
			event int
			cmd   wire.Command
			in    proto.Message
		}{
			{1, wire.CmdSend, &wire.SendRequest{To: "bob", ClientId: "1", Body: "t3xt"}},
			{2, wire.CmdSend, &wire.SendRequest{Scene: wire.Scene_SCENE_TEAM, To: team, ClientId: "2", Body: "t3xt"}},
			{1, wire.CmdEdit, &wire.EditRequest{Peer: "bob", Seq: sent.Seq, ClientId: "8", Body: "t3xt"}},
			{35, wire.CmdRecall, &wire.RecallRequest{Peer: "bob", Seq: sent.Seq, ClientId: "3"}},
			{4, wire.CmdAddFriend, &wire.AddFriendRequest{Account: "bob"}},
			{5, wire.CmdDeleteFriend, &wire.DeleteFriendRequest{Account: "bob"}},
			{3, wire.CmdUpdateProfile, &wire.UpdateProfileRequest{Name: proto.String("t3xt")}},
			{1000, wire.CmdEnterRoom, &wire.EnterRoomRequest{Room: "r"}},
			{6, wire.CmdSendRoom, &wire.SendRoomRequest{Room: "r", Body: "t3xt"}},
			{22, wire.CmdSend, &wire.SendRequest{Scene: wire.Scene_SCENE_TEAM, To: mega, ClientId: "7", Body: "t3xt"}},
			{23, wire.CmdInviteTeam, &wire.InviteTeamRequest{Team: mega, Accounts: []string{"carol"}}},
			{7, wire.CmdCreateTeam, &wire.CreateTeamRequest{ClientId: "4", Team: &wire.TeamChanges{Name: proto.String("t3xt")}}},
			{15, wire.CmdUpdateTeam, &wire.UpdateTeamRequest{Team: team, Changes: &wire.TeamChanges{Name: proto.String("t3xt")}}},
			{9, wire.CmdInviteTeam, &wire.InviteTeamRequest{Team: team, Accounts: []string{"carol"}}},
			{14, wire.CmdKickTeam, &wire.KickTeamRequest{Team: team, Accounts: []string{"bob"}}},
			{8, wire.CmdDismissTeam, &wire.DismissTeamRequest{Team: team}},
		} {
			j.answer(test.event, says(`{"errCode":1,"responseCode":20033,"callbackExt":"not here"}`))
			before := j.count()
			if a := alice.do(test.cmd, test.in); a.code != 20033 || a.note() != "not here" {
				s.t.Errorf("%v refused: code %d %q", test.cmd, a.code, a.note())
			}
			j.answer(test.event, nil)
			alice.ok(test.cmd, test.in, nil)
			if n := j.count() - before; n != 2 {
				s.t.Errorf("%v: asked %d times, want 2", test.cmd, n)
			}
		}
		j.answer(36, says(`{"errCode":1}`))
		if _, code, note := s.tryLogin(s.second, s.credentials("carol", "x", s.second.platform())); code != wire.CodeWrongToken || note == "" {
			s.t.Errorf("a refused login: code %d %q", code, note)
		}

		// The message is sent as the backend wants it.
		var push wire.MessagePush
		bob.next(wire.PushMessage, &push)
		bob.forget()
		j.answer(1, says(`{"errCode":0,"modifyResponse":{"body":"t3xt, better"}}`))
		alice.ok(wire.CmdSend, &wire.SendRequest{To: "bob", ClientId: "5", Body: "t3xt"}, nil)
		if bob.next(wire.PushMessage, &push); push.Message.Body != "t3xt, better" {
			s.t.Errorf("bob got %v", &push)
		}
		j.answer(6, says(`{"errCode":0,"modifyResponse":{"body":"t3xt, better"}}`))
		bob.ok(wire.CmdEnterRoom, &wire.EnterRoomRequest{Room: "r"}, nil)
		alice.ok(wire.CmdSendRoom, &wire.SendRoomRequest{Room: "r", Body: "t3xt"}, nil)
		var room wire.RoomMessagePush
		if bob.next(wire.PushRoomMessage, &room); room.Body != "t3xt, better" {
			s.t.Errorf("bob got %v", &room)
		}
		before := j.count()
		s.backend.ok(nil, "msg/sendMsg", "from", "alice", "ope", "0", "to", "bob", "type", "0", "body", `{"msg":"t3xt of the backend"}`)
		if j.count() != before {
			s.t.Error("the backend is asked about what it does itself")
		}
	})
}

// TestBackendThatDoesNotAnswer: what comes instead of an answer counts as none, and
// the tenant's policy decides.
func TestBackendThatDoesNotAnswer(t *testing.T) {
	for what, answer := range noAnswers {
		t.Run(what, func(t *testing.T) {
			run(t, func(s *site) {
				s.accounts("alice", "bob")
				alice, bob := s.here("alice"), s.there("bob")
				j := new(judge)
				j.answer(1, answer)
				j.answer(35, answer)
				s.ask(j, "message,recall", "open")
				var sent wire.SendResponse
				alice.ok(wire.CmdSend, &wire.SendRequest{To: "bob", ClientId: "1", Body: "t3xt"}, &sent)
				s.ask(j, "message,recall", "closed")
				alice.refused(wire.CodeBusy, wire.CmdSend, &wire.SendRequest{To: "bob", ClientId: "2", Body: "t3xt"})
				alice.refused(wire.CodeBusy, wire.CmdRecall, &wire.RecallRequest{Peer: "bob", Seq: sent.Seq, ClientId: "3"})
				var push wire.MessagePush
				bob.next(wire.PushMessage, &push)
				bob.none(wire.PushMessage)
			})
		})
	}
}
