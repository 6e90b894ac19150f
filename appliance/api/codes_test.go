package api_test

import (
	"encoding/base64"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/yizhan-im/yizhan/appliance"
)

// shower calls examples, changed so that they are refused, and notes the codes.
type shower struct {
	*backend
	seen map[string][]int
}

// shows calls the example of an action, changed by overrides.
func (s *shower) shows(code int, action string, overrides ...string) {
	s.t.Helper()
	params := documentedActions(s.t)[action].example()
	for i := 0; i < len(overrides); i += 2 {
		params[overrides[i]] = overrides[i+1]
	}
	if got := s.callWith(action, params); !strings.HasPrefix(got, fmt.Sprintf(`{"code":%d`, code)) {
		s.t.Errorf("%s %v answers %s, want code %d", action, params, got, code)
	}
	s.seen[action] = append(s.seen[action], code)
}

// TestEachDocumentedCodeIsAnswered shows each code that an action declares as
// its own. When it fails for an action that you have added: show its codes here.
func TestEachDocumentedCodeIsAnswered(t *testing.T) {
	node := openNode(t, t.TempDir(), nil)
	seen := make(map[string][]int)
	wide := &shower{newBackend(t, node, appliance.TenantRequest{}), seen}
	wide.accounts("alice", "bob", "carol", "dave")
	showRelations(wide)
	showTeams(wide)
	showMegaTeams(wide)
	showMessages(wide)
	showOperations(wide)
	showRooms(wide)
	showNotifications(wide)
	showHistory(wide)
	narrow := &shower{newBackend(t, node, appliance.TenantRequest{
		MaxFriends: 1, MaxListed: 1, MaxTeamMembers: 2, MaxTeams: 1, RecallSeconds: 1,
		MegaTeamsRequest: appliance.MegaTeamsRequest{MaxMegaTeamMembers: 2, MaxMegaTeams: 1},
	}), seen}
	narrow.accounts("alice", "bob", "carol")
	showLimits(narrow)
	showRoomLimits(&shower{newBackend(t, node, appliance.TenantRequest{APIPerSecond: 1 << 20, RoomsRequest: appliance.RoomsRequest{MaxRooms: 1}}), seen})
	showMegaLimits(narrow)

	showFiles(t, &shower{newBackend(t, node, appliance.TenantRequest{FilesRequest: appliance.FilesRequest{FileMiB: 1}}), seen})

	showDeletion(&shower{newBackend(t, node, appliance.TenantRequest{}), seen})

	many := &shower{newBackend(t, node, appliance.TenantRequest{APIPerSecond: 10_000}), seen}
	many.accounts("alice", "bob", "carol", "dave")
	showSessions(many)

	for name, action := range documentedActions(t) {
		for _, code := range action.ownCodes(t) {
			if !slices.Contains(seen[name], code) {
				t.Errorf("%s declares code %d, which this test does not show", name, code)
			}
		}
	}
}

func showFiles(t *testing.T, s *shower) {
	s.shows(419, "msg/upload", "content", base64.StdEncoding.EncodeToString(make([]byte, 1<<20+1)))
	s.shows(419, "msg/fileUpload", "content", string(make([]byte, 1<<20+1)))
	without, err := appliance.Open(t.Context(), appliance.Config{NodeID: "node2", DataDir: t.TempDir(), Files: appliance.FilesConfig{Disabled: true}})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := without.Close(); err != nil {
			t.Error(err)
		}
	})
	s = &shower{newBackend(t, without, appliance.TenantRequest{}), s.seen}
	s.shows(404, "msg/upload")
	s.shows(404, "msg/fileUpload")
}

func showDeletion(s *shower) {
	s.accounts("alice", "bob", "carol")
	s.shows(200, "user/delete", "accid", "carol")
	s.shows(410, "user/create", "accid", "carol", "anew", "false")
	s.shows(404, "user/deleteState", "accid", "bob")
	s.shows(410, "msg/sendMsg", "from", "alice", "to", "carol")
}

func showRelations(s *shower) {
	s.shows(404, "friend/update")
	s.shows(404, "friend/getByAccid")
	s.shows(404, "friend/add", "type", "3")
	s.shows(200, "friend/setMode", "accid", "dave", "mode", "2")
	s.shows(403, "friend/add", "faccid", "dave", "type", "2")
	s.shows(200, "user/setSpecialRelation", "accid", "carol", "targetAcc", "dave")
	s.shows(7101, "friend/add", "accid", "dave", "faccid", "carol", "type", "2")
	s.shows(7101, "msg/sendMsg", "from", "dave", "to", "carol")
}

// showTeams has a team whose owner is alice, whose member is bob and whose
// manager is carol; dave is not in it.
func showTeams(s *shower) {
	tid, gone := s.team("alice", `["bob","carol"]`), s.team("alice", `[]`)
	s.shows(200, "team/remove", "tid", gone)
	s.shows(200, "team/addManager", "tid", tid, "members", `["carol"]`)
	for _, action := range []string{
		"team/add", "team/addManager", "team/changeOwner", "team/kick", "team/muteTlist", "team/muteTlistAll", "team/remove",
		"team/removeManager", "team/update", "team/updateTeamNick",
	} {
		s.shows(803, action, "tid", gone, "owner", "dave")
		s.shows(804, action, "tid", tid, "owner", "dave")
		s.shows(802, action, "tid", tid, "owner", "bob", "accid", "carol", "member", "carol", "members", `["carol"]`)
	}
	for _, action := range []string{"team/addManager", "team/removeManager"} {
		s.shows(804, action, "tid", tid, "members", `["dave"]`)
	}
	s.shows(804, "team/changeOwner", "tid", tid, "newowner", "dave")
	s.shows(804, "team/muteTlist", "tid", tid, "accid", "dave")
	s.shows(804, "team/updateTeamNick", "tid", tid, "accid", "dave")
	for _, action := range []string{"team/leave", "team/muteTeam"} {
		s.shows(803, action, "tid", gone)
		s.shows(804, action, "tid", tid, "accid", "dave")
	}
	s.shows(802, "team/leave", "tid", tid, "accid", "alice")
	s.shows(803, "team/queryDetail", "tid", gone)
	s.shows(803, "team/query", "tids", "["+gone+"]")
	s.shows(803, "team/listTeamMute", "tid", gone)
	s.shows(802, "team/listTeamMute", "tid", tid, "owner", "bob")

	managers := make([]string, 11)
	for i := range managers {
		managers[i] = "manager" + strconv.Itoa(i)
	}
	s.accounts(managers...)
	full := s.team("alice", `["`+strings.Join(managers, `","`)+`"]`)
	s.shows(200, "team/addManager", "tid", full, "members", `["`+strings.Join(managers[:10], `","`)+`"]`)
	s.shows(815, "team/addManager", "tid", full, "members", `["manager10"]`)
}

func showMessages(s *shower) {
	tid := s.team("alice", `["bob"]`)
	toTeam := []string{"ope", "1", "to", tid}
	s.shows(403, "msg/sendMsg", "checkFriend", "true")
	s.shows(804, "msg/sendMsg", append(toTeam, "from", "dave")...)
	m := decode[sent](s.t, s.call("msg/sendMsg", append(toTeam, "from", "alice", "type", "0", "body", `{"msg":"x"}`)...))
	recall := []string{
		"type", "8", "to", tid, "deleteMsgid", strconv.FormatInt(m.Data.MsgID, 10), "timetag", strconv.FormatInt(m.Data.TimeTag, 10),
	}
	s.shows(404, "msg/recall", append(recall, "timetag", "1")...)
	s.shows(403, "msg/recall", append(recall, "from", "bob")...)
	s.shows(804, "msg/recall", append(recall, "from", "dave")...)
	s.shows(200, "team/muteTlistAll", "tid", tid)
	s.shows(812, "msg/sendMsg", append(toTeam, "from", "bob")...)
	s.shows(200, "team/remove", "tid", tid)
	s.shows(803, "msg/sendMsg", toTeam...)
	s.shows(803, "msg/recall", recall...)
}

func showLimits(s *shower) {
	s.shows(200, "friend/add")
	s.shows(419, "friend/add", "faccid", "carol")
	s.shows(200, "user/setSpecialRelation")
	s.shows(419, "user/setSpecialRelation", "targetAcc", "carol")
	s.shows(801, "team/create")
	tid := s.team("alice", `[]`)
	s.shows(806, "team/create")
	s.shows(801, "team/add", "tid", tid, "members", `["bob","carol"]`)

	m := s.send("alice", "bob", "too late to take back")
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	for time.Now().UnixMilli() <= m.Data.TimeTag+1000 {
		<-tick.C
	}
	s.shows(508, "msg/recall", "deleteMsgid", strconv.FormatInt(m.Data.MsgID, 10), "timetag", strconv.FormatInt(m.Data.TimeTag, 10))
}
