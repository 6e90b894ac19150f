package matrix

import (
	"encoding/json"
	"fmt"
	"maps"
	"net/http"
	"slices"
	"strings"
	"testing"

	"google.golang.org/protobuf/encoding/protojson"
	"google.golang.org/protobuf/proto"

	"github.com/yizhan-im/yizhan/appliance"
	"github.com/yizhan-im/yizhan/appliance/wire"
)

// secretOfA is in every text of the tenant that must not be seen by another one.
const secretOfA = "t3xt of A"

// plants put things of their domain into tenant A, whose accounts are alice, bob
// and carol, with secretOfA in every text. What they return are fields and
// parameters that name these things, by their names in wire messages and in the
// API.
var plants = []func(a *planted) map[string]string{plantChat, plantTeam, plantNotices, plantRoom}

// planted is tenant A with its devices: alice on Link, bob on WebLink.
type planted struct {
	*site
	alice, bob *device
}

func plantChat(a *planted) map[string]string {
	var sent wire.SendResponse
	a.alice.ok(wire.CmdSend, &wire.SendRequest{To: "bob", ClientId: "m1", Body: secretOfA, Ext: secretOfA}, &sent)
	a.alice.ok(wire.CmdUpdateProfile, &wire.UpdateProfileRequest{Name: proto.String(secretOfA), Ex: proto.String(secretOfA)}, nil)
	a.bob.ok(wire.CmdUpdateProfile, &wire.UpdateProfileRequest{Name: proto.String(secretOfA), Ex: proto.String(secretOfA)}, nil)
	a.alice.ok(wire.CmdAddFriend, &wire.AddFriendRequest{Account: "bob", Note: secretOfA}, nil)
	a.alice.ok(wire.CmdUpdateFriend, &wire.UpdateFriendRequest{Account: "bob", Alias: proto.String(secretOfA), Ex: proto.String(secretOfA)}, nil)
	a.alice.ok(wire.CmdEnterRoom, &wire.EnterRoomRequest{Room: "r"}, nil)
	a.bob.ok(wire.CmdEnterRoom, &wire.EnterRoomRequest{Room: "r"}, nil)
	id := fmt.Sprint(sent.Id)
	return map[string]string{
		"client_id": "m1", "room": "r", "session_ids": fmt.Sprint(a.alice.login.SessionId),
		"id": id, "ids": id, "deleteMsgid": id, "msgid": id, "timetag": fmt.Sprint(sent.TimeMs),
	}
}

func plantTeam(a *planted) map[string]string {
	team := a.newTeam("alice", "bob")
	a.alice.ok(wire.CmdUpdateTeam, &wire.UpdateTeamRequest{Team: team, Changes: &wire.TeamChanges{Name: proto.String(secretOfA), Custom: proto.String(secretOfA)}}, nil)
	a.alice.ok(wire.CmdSend, &wire.SendRequest{Scene: wire.Scene_SCENE_TEAM, To: team, ClientId: "m2", Body: secretOfA}, nil)
	a.alice.ok(wire.CmdUpdateTeamMember, &wire.UpdateTeamMemberRequest{Team: team, Changes: &wire.TeamMemberChanges{Nick: proto.String(secretOfA)}}, nil)
	return map[string]string{"team": team, "teams": team, "tid": team, "tids": "[" + team + "]"}
}

func plantRoom(a *planted) map[string]string {
	var made struct{ Chatroom struct{ Roomid uint64 } }
	a.backend.ok(&made, "chatroom/create", "creator", "alice", "name", secretOfA, "announcement", secretOfA, "ext", secretOfA)
	room := fmt.Sprint(made.Chatroom.Roomid)
	a.alice.ok(wire.CmdEnterRoom, &wire.EnterRoomRequest{Room: room, Nick: secretOfA}, nil)
	a.bob.ok(wire.CmdEnterRoom, &wire.EnterRoomRequest{Room: room}, nil)
	a.alice.ok(wire.CmdSendRoom, &wire.SendRoomRequest{Room: room, ClientId: "m3", Body: secretOfA}, nil)
	a.backend.ok(nil, "chatroom/queueOffer", "roomid", room, "key", "k", "value", secretOfA, "operator", "alice")
	return map[string]string{"room": room, "roomid": room, "roomids": "[" + room + "]"}
}

// newPlanted makes tenant A, and the fields that name what is in it.
func newPlanted(t *testing.T) (*planted, map[string]string) {
	a := &planted{site: newSite(t, appliance.TenantRequest{})}
	a.accounts("alice", "bob", "carol")
	a.alice, a.bob = a.login(overLink, "alice", ""), a.login(overWeb, "bob", "")
	ids := map[string]string{}
	for _, plant := range plants {
		maps.Copy(ids, plant(a))
	}
	return a, ids
}

// snapshot is what A's accounts and its backend can read, a line for each question.
func (a *planted) snapshot(ids map[string]string) (lines []string) {
	a.t.Helper()
	for _, account := range []string{"alice", "bob", "carol"} {
		d := a.login(overLink, account, "snapshot")
		for _, q := range []proto.Message{
			&wire.SyncRequest{}, &wire.RelationsRequest{}, &wire.ProfilesRequest{Accounts: []string{"alice", "bob", "carol"}},
			&wire.HistoryRequest{Peer: "alice"}, &wire.HistoryRequest{Peer: "bob"}, &wire.HistoryRequest{Peer: "carol"},
			&wire.HistoryRequest{Scene: wire.Scene_SCENE_TEAM, Peer: ids["team"]},
			&wire.NotificationsRequest{}, &wire.BroadcastsRequest{}, &wire.ConversationsRequest{},
			&wire.RoomInfoRequest{Room: ids["room"]}, &wire.RoomHistoryRequest{Room: ids["room"]}, &wire.RoomMembersRequest{Room: ids["room"]}, &wire.RoomQueueRequest{Room: ids["room"]},
			&wire.TeamsRequest{Teams: []string{ids["team"]}}, &wire.TeamMembersRequest{Team: ids["team"]}, &wire.TeamApplicationsRequest{Team: ids["team"]},
		} {
			lines = append(lines, fmt.Sprintf("%s %T %s", account, q, textOf(d.do(commandOf(q), q), responseTo(q))))
		}
		d.ok(wire.CmdLogout, &wire.LogoutRequest{}, nil)
		d.gone()
	}
	for _, q := range [][]string{
		{"user/getUinfos", "accids", list("alice", "bob", "carol")}, {"friend/get", "accid", "alice", "updatetime", "0"},
		{"user/listBlackAndMuteList", "accid", "bob"}, {"team/queryDetail", "tid", ids["tid"]}, {"team/joinTeams", "accid", "bob"},
		{"chatroom/get", "roomid", ids["roomid"]}, {"chatroom/queueList", "roomid", ids["roomid"]}, {"history/queryBroadcastMsgById", "broadcastId", ids["broadcastId"]},
	} {
		lines = append(lines, fmt.Sprintf("%v %s", q, a.backend.call(q[0], q[1:]...).body))
	}
	return lines
}

// unchanged wants what A can read to be as before.
func (a *planted) unchanged(ids map[string]string, before []string) {
	a.t.Helper()
	for i, line := range a.snapshot(ids) {
		if line != before[i] {
			a.t.Errorf("A reads\n%s\nbefore\n%s", line, before[i])
		}
	}
}

// commandOf is the request that q is asked with.
func commandOf(q proto.Message) wire.Command {
	want := strings.ToLower(strings.TrimSuffix(string(q.ProtoReflect().Descriptor().Name()), "Request"))
	for _, cmd := range wire.Requests() {
		if strings.ReplaceAll(cmd.String(), "_", "") == want {
			return cmd
		}
	}
	return 0
}

// foreignFillings are requests of another tenant that name things of A.
func foreignFillings(ids map[string]string) []*filling {
	return []*filling{
		{ids: ids, scene: wire.Scene_SCENE_P2P, peer: "bob"},
		{ids: ids, scene: wire.Scene_SCENE_TEAM, peer: ids["team"]},
	}
}

// TestNothingCrossesTenants asks, in tenant B, every request that there is about
// the things of tenant A, whose accounts have the same names: no answer has a text
// of A, A's devices get nothing, and what A reads stays the same.
func TestNothingCrossesTenants(t *testing.T) {
	for _, tr := range transports {
		t.Run(string(tr), func(t *testing.T) {
			a, ids := newPlanted(t)
			b := newSite(t, appliance.TenantRequest{})
			b.accounts("alice", "bob", "carol")
			alice, bob := b.login(tr, "alice", ""), b.login(tr, "bob", "")
			a.alice.forget()
			a.bob.forget()
			before := a.snapshot(ids)
			for _, cmd := range wire.Requests() {
				if cmd == wire.CmdLogin || cmd == wire.CmdLogout {
					continue
				}
				for _, f := range foreignFillings(ids) {
					in := requestOf(t, cmd)
					f.fill(in.ProtoReflect(), 0)
					got := alice.do(cmd, in)
					if got.code == wire.CodeServerError || strings.Contains(textOf(got, responseTo(in)), secretOfA) {
						t.Errorf("%s %v: code %d, %s", cmd, in, got.code, textOf(got, responseTo(in)))
					}
				}
				for _, d := range []*device{a.alice, a.bob} {
					d.none()
					d.pushes = nil
				}
			}
			a.unchanged(ids, before)
			// The other direction: whatever A does is not pushed to B.
			alice.forget()
			bob.forget()
			for _, cmd := range wire.Requests() {
				if cmd == wire.CmdLogin || cmd == wire.CmdLogout || cmd == wire.CmdKick {
					continue
				}
				for _, f := range foreignFillings(ids) {
					in := requestOf(t, cmd)
					f.fill(in.ProtoReflect(), 0)
					if code := a.alice.code(cmd, in); code == wire.CodeServerError {
						t.Errorf("%s %v: code %d", cmd, in, code)
					}
				}
			}
			alice.none()
			bob.none()
			// Nor does A's token open B's account of the same name.
			in := a.credentials("alice", "x", tr.platform())
			in.AppKey, in.Token = b.tenant.AppKey, "another"
			if _, code, _ := b.tryLogin(tr, in); code != wire.CodeWrongToken {
				t.Errorf("a token of A in B: code %d", code)
			}
		})
	}
}

// TestNoActionCrossesTenants calls every action of the API's document as the
// backend of tenant B, with the ids of things of tenant A.
func TestNoActionCrossesTenants(t *testing.T) {
	a, ids := newPlanted(t)
	b := newSite(t, appliance.TenantRequest{})
	b.accounts("alice", "bob", "carol")
	a.alice.forget()
	a.bob.forget()
	before := a.snapshot(ids)
	examples := actionExamples(t)
	for _, action := range slices.Sorted(maps.Keys(examples)) {
		params := examples[action]
		for name := range params {
			if id, ok := ids[name]; ok {
				params[name] = id
			}
		}
		var form []string
		for name, value := range params {
			form = append(form, name, value)
		}
		got := b.backend.call(action, form...)
		if got.Code == wire.CodeServerError || strings.Contains(string(got.body), secretOfA) {
			t.Errorf("%s %v: %s", action, params, got.body)
		}
		for _, d := range []*device{a.alice, a.bob} {
			d.none()
			d.pushes = nil
		}
	}
	a.unchanged(ids, before)
}

// actionExamples are the parameters of each action's example, from the document
// that the node serves.
func actionExamples(t *testing.T) map[string]map[string]string {
	t.Helper()
	response, err := http.Get(node.api + "docs/openapi.json")
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	var document struct {
		Paths map[string]struct {
			Post struct {
				RequestBody struct {
					Content map[string]struct{ Example map[string]any }
				}
			}
		}
	}
	if err := json.NewDecoder(response.Body).Decode(&document); err != nil {
		t.Fatal(err)
	}
	examples := make(map[string]map[string]string)
	for path, item := range document.Paths {
		name, isAction := strings.CutSuffix(strings.TrimPrefix(path, "/"), ".action")
		if !isAction || item.Post.RequestBody.Content == nil {
			continue
		}
		params := make(map[string]string)
		for _, content := range item.Post.RequestBody.Content {
			for param, value := range content.Example {
				params[param] = fmt.Sprint(value)
			}
		}
		examples[name] = params
	}
	if len(examples) < 30 {
		t.Fatalf("the document has examples of %d actions only", len(examples))
	}
	return examples
}

// responseTo is the empty message of the answer to q, nil when it has none.
func responseTo(q proto.Message) proto.Message {
	name := strings.TrimSuffix(string(q.ProtoReflect().Descriptor().FullName()), "Request") + "Response"
	return messageNamed(name)
}

// textOf is the answer as JSON, without the counter of the site, which all tenants
// move.
func textOf(a answer, into proto.Message) string {
	if a.code != wire.CodeOK || into == nil {
		return fmt.Sprintf("%d %s", a.code, a.note())
	}
	if err := a.decode(into); err != nil {
		return err.Error()
	}
	text, err := protojson.Marshal(into)
	if err != nil {
		return err.Error()
	}
	var canonical any // protojson adds spaces at random
	if err := json.Unmarshal(text, &canonical); err != nil {
		return err.Error()
	}
	if fields, ok := canonical.(map[string]any); ok {
		delete(fields, "version")
	}
	text, err = json.Marshal(canonical)
	if err != nil {
		return err.Error()
	}
	return string(text)
}
