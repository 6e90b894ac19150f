package state

import (
	"bytes"
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"os"
	"slices"
	"strconv"
	"strings"
	"testing"

	"google.golang.org/protobuf/proto"

	"github.com/yizhan-im/yizhan/appliance/wire"
)

// victim is a name that nothing else has a part of.
const victim = "victim.zq"

// nameLeft says, for each table, where the name of a deleted account may still be.
// "" is nowhere. Whoever adds a table says here what becomes of its rows.
var nameLeft = map[string]string{
	"tableFormat": "", "tableSite": "", "tableTenant": "", "tableAppKey": "", "tableAccount": "", "tableProfile": "", "tableDevices": "",
	"tableConv":          "conversations that others keep",
	"tableMember":        "conversations that others keep",
	"tableMessage":       "senders of messages",
	"tableThread":        "",
	"tableReaction":      "who has said what to others' messages",
	"tablePin":           "who has pinned a message",
	"tableDeleted":       "",
	"tableDeletionOrder": "what others have deleted in conversations that they keep",
	"tableFloor":         "",
	"tablePruneMark":     "how far a pass has come: gone with its end",
	"tableTombstone":     "the tombstone",
	"tableRemoval":       "",
	"tableClient":        "",
	"tableStorageInfo":   "",
	"tableStorageValue":  "",
	"tableStorageLock":   "",
	"tableStorageTotals": "",
	"tableUpgrade":       "",
	"tableFile":          "who has uploaded a file",
	"tableFileTime":      "",
	"tableFileJob":       "a deletion of files that is under way",
	"tableFileTotal":     "how much it has uploaded",
	"tableRelation":      "", "tableRelationOrder": "", "tableSpecial": "", "tableRelationTotals": "",
	"tableTeam":          "the last owner of a team that was dismissed",
	"tableTeamHead":      "",
	"tableTeamMember":    "who has invited a member",
	"tableTeamStanding":  "who has invited, or put out",
	"tableTeamAccount":   "",
	"tableTeamApplicant": "",
	"tableMegaTeam":      "",
	"tableMegaClass":     "",
	"tableMegaGone":      "who has dismissed a team: gone with its last member",
	"tableTeamReceipt":   "senders of messages",
	"tableMegaOrder":     "",
	"tableRoom":          "",
	"tableRoomHead":      "", "tableRoomStanding": "", "tableRoomCreator": "", "tableRoomQueue": "", "tableRoomQueueKey": "", "tableRoomTransient": "",
	"tableRoomHistory":  "senders of messages",
	"tableRoomTagMute":  "",
	"tableSetting":      "how others have arranged conversations that they keep, and what cuts their former conversations off",
	"tableSettingOrder": "how others have arranged conversations that they keep",
	"tableInbox":        "", "tableAccountMute": "",
	"tableSubscription": "", "tableSubscriber": "", "tableSubscriptionTotals": "", "tableSubscriptionExpiry": "",
	"tableLoginEvent": "", "tableLoginTotals": "", "tableLoginDay": "",
	"tableName":         "",
	"tableNotification": "senders of others' notifications",
	"tableNotified":     "", "tableNotifyDay": "",
	"tableTeamNotification": "senders of notifications",
	"tableTeamNotified":     "",
	"tableBroadcast":        "senders of broadcasts",
	"tableBroadcasts":       "", "tableBroadcastExpiry": "",
}

// declaredTables reads the package's own source for its tables.
func declaredTables(t *testing.T) map[byte]string {
	t.Helper()
	files, err := os.ReadDir(".")
	if err != nil {
		t.Fatal(err)
	}
	tables := map[byte]string{}
	for _, file := range files {
		if !strings.HasSuffix(file.Name(), ".go") || strings.HasSuffix(file.Name(), "_test.go") {
			continue
		}
		parsed, err := parser.ParseFile(token.NewFileSet(), file.Name(), nil, 0)
		if err != nil {
			t.Fatal(err)
		}
		ast.Inspect(parsed, func(node ast.Node) bool {
			spec, ok := node.(*ast.ValueSpec)
			if !ok || len(spec.Values) != 1 || !strings.HasPrefix(spec.Names[0].Name, "table") {
				return true
			}
			lit, ok := spec.Values[0].(*ast.BasicLit)
			if !ok || lit.Kind != token.INT || !strings.HasPrefix(lit.Value, "0x") {
				return true
			}
			n, err := strconv.ParseUint(lit.Value, 0, 8)
			if err != nil {
				t.Fatal(err)
			}
			tables[byte(n)] = spec.Names[0].Name
			return true
		})
	}
	return tables
}

// TestEveryTableSaysWhatDeletionLeaves: a new table cannot forget deleted accounts.
func TestEveryTableSaysWhatDeletionLeaves(t *testing.T) {
	declared := map[string]bool{}
	for _, name := range declaredTables(t) {
		declared[name] = true
		if _, ok := nameLeft[name]; !ok {
			t.Errorf("what becomes of the rows of %s when an account is deleted? Say so in nameLeft, and let the removal do it", name)
		}
	}
	for name := range nameLeft {
		// The tags of rooms may come later than this test.
		if !declared[name] && name != "tableRoomTagMute" {
			t.Errorf("%s is no table", name)
		}
	}
	if len(declared) < 60 {
		t.Errorf("only %d tables were found", len(declared))
	}
}

// tablesWith are the tables in which a name is, in keys or values.
func (n *node) tablesWith(name string) map[byte]int {
	n.tb.Helper()
	v := n.store.View()
	defer v.Close()
	found := map[byte]int{}
	err := scan(v, nil, nil, func(key, row []byte) error {
		if bytes.Contains(key, []byte(name)) || bytes.Contains(row, []byte(name)) {
			found[key[0]]++
		}
		return nil
	})
	if err != nil {
		n.tb.Fatal(err)
	}
	return found
}

// must runs commands that must all succeed.
func (n *node) must(cmds ...command) []any {
	n.tb.Helper()
	results := n.apply(cmds...)
	for i, res := range results {
		if code := codeOfResult(res); code != wire.CodeOK {
			n.tb.Fatalf("%T: %v: %+v", cmds[i], code, cmds[i])
		}
	}
	return results
}

func codeOfResult(res any) wire.Code {
	switch r := res.(type) {
	case *SendResult:
		return r.Code
	case *AccountResult:
		return r.Code
	case *RelationResult:
		return r.Code
	case *FriendModeResult:
		return r.Code
	case *TeamResult:
		return r.Code
	case *RoomResult:
		return r.Code
	case *RoomLogResult:
		return r.Code
	case *NotifyResult:
		return r.Code
	case *BroadcastResult:
		return r.Code
	case *SubscriptionResult:
		return r.Code
	case *EventsResult:
		return r.Code
	case *ConversationChangeResult:
		return r.Code
	case *DoNotDisturbResult:
		return r.Code
	case *DeletionResult:
		return r.Code
	case *RemovalResult:
		return r.Code
	case *FileResult:
		return r.Code
	case *PruneResult:
		return r.Code
	case *ReadResult:
		return r.Code
	}
	return 0
}

// remove runs a whole removal as whoever leads does, and returns the parts of its
// results. between is called before each step.
func (n *node) remove(tenant uint32, account string, erase bool, between func(stage RemovalStage)) (parts []any) {
	n.tb.Helper()
	res := one[*RemovalResult](n, &RemoveAccount{TimeMs: testTime, Tenant: tenant, Account: account, Erase: erase})
	if res.Code != wire.CodeOK || !res.Kick {
		n.tb.Fatalf("removal: %+v", res)
	}
	for steps := 0; !res.Done; steps++ {
		if steps > 10_000 {
			n.tb.Fatal("the removal does not end")
		}
		if between != nil {
			between(res.Stage)
		}
		r, err := n.q.Removal(tenant, account)
		if err != nil {
			n.tb.Fatal(err)
		}
		c := &RemovalStep{TimeMs: testTime, Tenant: tenant, Account: account, Stage: r.Stage}
		switch r.Stage {
		case RemovalErase:
			found, next, err := n.q.OwnEntries(tenant, account, r.After, 3)
			if err != nil {
				n.tb.Fatal(err)
			}
			for _, e := range found {
				n.must(&MessageChange{Op: MessageErase, TimeMs: testTime, Tenant: tenant, From: account, Peer: e.Peer, Team: e.Team, Seq: e.Seq})
			}
			c.After, c.Next = next, next == nil
		case RemovalFiles:
			c.Next = true
		case RemovalListed:
			var next string
			c.Peers, next, err = n.q.ListedBy(tenant, account, string(r.After), 2, MaxRemovalPeers)
			c.After, c.Next = []byte(next), next == ""
		case RemovalRooms:
			var next, after uint64
			if len(r.After) > 0 {
				after = lastU64(r.After)
			}
			c.Rooms, next, err = n.q.RoomsOf(tenant, account, after, 1, MaxRemovalRooms)
			c.After, c.Next = appendU64(nil, next), next == 0
		}
		if err != nil {
			n.tb.Fatal(err)
		}
		if res = one[*RemovalResult](n, c); res.Code != wire.CodeOK {
			n.tb.Fatalf("step of %v: %+v", c.Stage, res)
		}
		parts = append(parts, res.Parts...)
	}
	return parts
}

// life gives the victim something in each table, and returns a team that it owns
// together with a manager, one that it owns alone, and a mega-team of its own.
func (n *node) life(app uint32) (shared, alone, mega uint64) {
	n.tb.Helper()
	backend := func(c *TeamChange) *TeamChange {
		c.TimeMs, c.Tenant, c.Backend, c.Direct, c.MemberLimit, c.TeamLimit = testTime, app, true, true, 100, 100
		return c
	}
	named := func(name string) *wire.TeamChanges { return &wire.TeamChanges{Name: proto.String(name)} }
	team := func(c *TeamChange) uint64 { return n.must(backend(c))[0].(*TeamResult).Team }
	n.must(
		&UpdateProfile{TimeMs: testTime, Tenant: app, Account: victim, Update: &wire.UpdateProfileRequest{Name: proto.String(victim)}},
		&RecordLogin{Track: true, TimeMs: testTime, Tenant: app, Account: victim, DeviceID: victim, Platform: wire.Platform_PLATFORM_IOS},
		&SetFriendMode{TimeMs: testTime, Tenant: app, Account: victim, Mode: wire.FriendMode_FRIEND_MODE_NOBODY},
		&RelationChange{Op: RelationAdd, TimeMs: testTime, Tenant: app, Account: victim, Peer: "a", Backend: true, Limit: 9, Alias: proto.String("x")},
		&RelationChange{Op: RelationAsk, TimeMs: testTime, Tenant: app, Account: victim, Peer: "b", Limit: 9},
		&RelationChange{Op: RelationBlacklist, TimeMs: testTime, Tenant: app, Account: victim, Peer: "c", On: true, Limit: 9},
		&RelationChange{Op: RelationMute, TimeMs: testTime, Tenant: app, Account: "d", Peer: victim, On: true, Limit: 9},
		&Subscribe{TimeMs: testTime, Tenant: app, Subscriber: victim, Publishers: []string{"a", "b"}, LengthMs: MinSubscriptionMs, Limit: 9},
		&Subscribe{TimeMs: testTime, Tenant: app, Subscriber: "c", Publishers: []string{victim}, LengthMs: MinSubscriptionMs, Limit: 9},
		text(testTime, app, victim, "a", "1", "hello"), text(testTime, app, "a", victim, "2", "hello"),
		text(testTime, app, victim, "z", "3", "hello"), text(testTime, app, victim, victim, "4", "note to myself"),
		&MessageChange{Op: MessageReact, TimeMs: testTime, Tenant: app, Session: 1, From: victim, Peer: "a", Seq: 2, Emoji: "x"},
		&DeleteMessages{TimeMs: testTime, Tenant: app, Account: victim, Peer: "a", Seqs: []uint64{1}},
		&DeleteMessages{TimeMs: testTime, Tenant: app, Account: "a", Peer: victim, Seqs: []uint64{2}},
		&ConversationChange{TimeMs: testTime, Tenant: app, Account: victim, Peer: "a", Top: proto.Bool(true)},
		&ConversationChange{TimeMs: testTime, Tenant: app, Account: "a", Peer: victim, Top: proto.Bool(true)},
		&SetDoNotDisturb{TimeMs: testTime, Tenant: app, Account: victim, On: proto.Bool(true)},
		&MuteAccount{TimeMs: testTime, Tenant: app, Account: victim, Mask: MuteAll, Set: MuteRoom},
		&RecordEvents{TimeMs: testTime, Events: []LoginEvent{{Tenant: app, Account: victim, Keep: 9, Event: fullEvent()}}},
		tell(testTime, app, "a", victim, "n1", "x"), tell(testTime, app, victim, "a", "n2", "x"),
		&SendBroadcast{TimeMs: testTime, Tenant: app, ClientID: "id", From: victim, Body: "body", Offline: true, TTLMs: hourMs},
		&StoreFile{TimeMs: testTime, Tenant: app, Account: victim, ID: testFile(1), Size: 60, Type: "image/png", MaxBytes: 150, MaxAccountBytes: 100},
	)
	shared = team(&TeamChange{Op: TeamCreate, By: victim, ClientID: "t1", Info: named("shared"), Accounts: []string{"a", "b", "c"}})
	n.must(backend(&TeamChange{Op: TeamManagers, By: victim, Team: shared, Accounts: []string{"c"}, Flag: true}))
	alone = team(&TeamChange{Op: TeamCreate, By: victim, ClientID: "t2", Info: named("alone")})
	mega = team(&TeamChange{Op: TeamCreate, By: victim, ClientID: "t3", Info: named("mega"), Flag: true, Accounts: []string{"b", "d"}})
	plain := team(&TeamChange{Op: TeamCreate, By: "a", ClientID: "t4", Info: named("plain"), Accounts: []string{victim, "b"}})
	asked := team(&TeamChange{Op: TeamCreate, By: "a", ClientID: "t5", Info: named("asked")})
	open := team(&TeamChange{Op: TeamCreate, By: "b", ClientID: "t6", Info: &wire.TeamChanges{Name: proto.String("open"), JoinMode: wire.TeamJoinMode_TEAM_JOIN_VERIFY.Enum()}})
	n.must(backend(&TeamChange{Op: TeamJoin, By: victim, Team: open, Note: "please"}))
	invite := backend(&TeamChange{Op: TeamInvite, By: "a", Team: asked, Accounts: []string{victim}})
	invite.Direct = false
	n.must(invite)
	said := text(testTime, app, victim, "", "m", "to the team")
	said.Message.Scene, said.Message.To, said.Message.Receipt = wire.Scene_SCENE_TEAM, TeamID(plain), true
	loud := tell(testTime, app, victim, "", "n3", "x")
	loud.Notification.Scene, loud.Notification.To = wire.Scene_SCENE_TEAM, TeamID(plain)
	n.must(said, loud, &MessageChange{Op: MessagePin, TimeMs: testTime, Tenant: app, Session: 1, From: victim, Peer: "a", Seq: 2})
	room := n.must(&RoomChange{Op: RoomCreate, TimeMs: testTime, Tenant: app, By: victim, RoomLimit: 9, ClientID: "r1", Info: &wire.RoomChanges{Name: proto.String("own")}})[0].(*RoomResult).Room
	other := n.must(&RoomChange{Op: RoomCreate, TimeMs: testTime, Tenant: app, By: "a", RoomLimit: 9, ClientID: "r2", Info: &wire.RoomChanges{Name: proto.String("other")}})[0].(*RoomResult).Room
	log := appendBody(nil, &wire.RoomMessagePush{From: victim, Id: uint64(testTime) << RoomIDShift})
	n.must(
		&RoomChange{Op: RoomSetRole, TimeMs: testTime, Tenant: app, Room: other, By: "a", Accounts: []string{victim}, Role: wire.RoomRoleOp_ROOM_ROLE_OP_MANAGER, Flag: true},
		&RoomChange{Op: RoomQueueOffer, TimeMs: testTime, Tenant: app, Room: other, By: victim, Elements: []*wire.RoomElement{{Key: "k", Value: "v"}, {Key: "k2", Value: "v", Transient: true}}},
		&RoomChange{Op: RoomQueueOffer, TimeMs: testTime, Tenant: app, Room: room, By: "b", Elements: []*wire.RoomElement{{Key: "k", Value: "v"}}},
		&RoomLog{TimeMs: testTime, Entries: []RoomLogEntry{{Tenant: app, Room: other, ID: uint64(testTime) << RoomIDShift, Keep: 9, KeepMs: dayMs, Message: log}}},
	)
	return shared, alone, mega
}

// mayKeep are the tables in which a name may be left.
func checkRemnants(t *testing.T, n *node, name string, allowed func(table string) bool) {
	t.Helper()
	tables := declaredTables(t)
	for table, rows := range n.tablesWith(name) {
		if !allowed(tables[table]) {
			t.Errorf("%q is left in %d rows of %s", name, rows, tables[table])
		}
	}
}

func TestDeletedAccountLeavesNothingButItsName(t *testing.T) {
	for _, erase := range []bool{false, true} {
		t.Run(fmt.Sprintf("erase %v", erase), func(t *testing.T) {
			n := newNode(t)
			app := n.setup("app", victim, "a", "b", "c", "d", "z")
			other := n.setup("other", victim, "a")
			shared, alone, mega := n.life(app)
			tables := declaredTables(t)
			had := n.tablesWith(victim)
			before := map[string]bool{}
			for table := range had {
				before[tables[table]] = true
			}
			for name, left := range nameLeft {
				// In these no row of a living account has its name.
				none := map[string]bool{
					"tableTombstone": true, "tableMegaGone": true, "tableFileJob": true, "tablePruneMark": true,
				}
				if left != "" && !before[name] && !none[name] {
					t.Errorf("the test has nothing of the account in %s", name)
				}
			}
			n.remove(app, victim, erase, nil)
			checkRemnants(t, n, victim, func(table string) bool {
				return nameLeft[table] != "" || table == "tableAccount" || table == "tableProfile" // of the other tenant
			})
			if _, err := n.q.Account(app, victim); wire.CodeOf(err) != wire.CodeNotFound {
				t.Errorf("the account: %v", err)
			}
			if _, err := n.q.Account(other, victim); err != nil {
				t.Errorf("the other tenant's account: %v", err)
			}
			info, err := n.q.Teams(app, []uint64{shared, alone, mega})
			if err != nil {
				t.Fatal(err)
			}
			owners := map[string]string{}
			for _, team := range info {
				owners[team.Name] = team.Owner
			}
			if len(owners) != 2 || owners["shared"] != "c" || owners["mega"] != "b" {
				t.Errorf("owners of what is left: %v", owners)
			}
			history, err := n.q.History(app, "a", &wire.HistoryRequest{Peer: victim})
			if err != nil || len(history.Messages) == 0 || history.Messages[0].From != victim {
				t.Fatalf("what the other keeps: %v %v", history, err)
			}
			if gone := history.Messages[0].Recalled; gone != erase {
				t.Errorf("erased: %v, want %v", gone, erase)
			}
			if theirs := history.Messages[1]; theirs.From != "a" || theirs.Recalled {
				t.Errorf("the other's message: %+v", theirs)
			}
			n.checkReserved(app)
		})
	}
}

// checkReserved: nobody may be told what was meant for a deleted account.
func (n *node) checkReserved(app uint32) {
	n.tb.Helper()
	refused := []command{
		text(testTime, app, "a", victim, "new", "x"), text(testTime, app, victim, "a", "new", "x"), tell(testTime, app, "a", victim, "new", "x"),
		&CreateAccount{TimeMs: testTime, Tenant: app, Account: victim, TokenHash: HashToken("app", victim, "new")},
		&TeamChange{Op: TeamCreate, TimeMs: testTime, Tenant: app, By: victim, ClientID: "new", MemberLimit: 9, TeamLimit: 9, Info: &wire.TeamChanges{Name: proto.String("x")}},
	}
	for i, res := range n.apply(refused...) {
		if code := codeOfResult(res); code != wire.CodeAccountGone {
			n.tb.Errorf("%T for a deleted account: %v", refused[i], code)
		}
	}
	for _, c := range []command{
		&RelationChange{Op: RelationAdd, TimeMs: testTime, Tenant: app, Account: "a", Peer: victim, Backend: true, Limit: 9},
		&RecordLogin{Track: true, TimeMs: testTime, Tenant: app, Account: victim, DeviceID: "x"},
		&SetToken{TimeMs: testTime, Tenant: app, Account: victim, TokenHash: HashToken("app", victim, "new")},
	} {
		if code := codeOfResult(n.apply(c)[0]); code != wire.CodeNotFound {
			n.tb.Errorf("%T for a deleted account: %v", c, code)
		}
	}
}

func TestRemovalTellsOthers(t *testing.T) {
	n := newNode(t)
	app := n.setup("app", victim, "a", "b", "c", "d", "z")
	shared, alone, mega := n.life(app)
	told := map[string]int{}
	for _, part := range n.remove(app, victim, false, nil) {
		switch r := part.(type) {
		case *RelationResult:
			var relation wire.Relation
			if err := relation.UnmarshalVT(r.PeerRelation); err != nil || relation.Account != victim || relation.Friend || relation.Alias != "" {
				t.Errorf("%s is told %+v %v", r.Peer, &relation, err)
			}
			told["relation "+r.Peer]++
		case *SubscriptionResult:
			told["subscription "+r.Subscriber]++
		case *TeamResult:
			told[fmt.Sprintf("team %v %d", r.Op, len(r.Members))]++
			if r.Team == alone && r.Op != TeamDismiss || (r.Team == shared || r.Team == mega) && r.Op != TeamTransfer {
				t.Errorf("a team of its own: %+v", r)
			}
		case *RoomResult:
			told["room"] += len(r.Elements)
		case *PruneResult:
			told["pruned"] += len(r.Ranges)
		}
	}
	for what, want := range map[string]int{"relation a": 1, "relation b": 1, "relation d": 1, "subscription c": 1, "room": 2, "pruned": 1} {
		if told[what] != want {
			t.Errorf("%s: told %d times, want %d; all: %v", what, told[what], want, told)
		}
	}
	// A device that was away starts over, and finds nothing.
	page, err := n.q.Relations(app, "a", &wire.RelationsRequest{Version: 1, Floor: 0})
	if err != nil || !page.StartOver {
		t.Errorf("relations of a friend: %v %v", page, err)
	}
	for _, r := range page.GetRelations() {
		if r.Account == victim {
			t.Errorf("a friend still has %v", r)
		}
	}
}

// TestRecreatedAccountSeesNothing: the new account of a deleted one's name shares
// nothing with it.
func TestRecreatedAccountSeesNothing(t *testing.T) {
	n := newNode(t)
	app := n.setup("app", victim, "a", "b", "c", "d", "z")
	n.life(app)
	again := &RecreateAccount{TimeMs: testTime, Tenant: app, Account: victim, TokenHash: HashToken("app", victim, "new")}
	n.remove(app, victim, false, func(RemovalStage) {
		if res := one[*AccountResult](n, again); res.Code != wire.CodeAccountGone {
			t.Fatalf("recreated during its removal: %v", res.Code)
		}
	})
	// What others do to the old conversation meanwhile is no news for the new account.
	n.must(&Recall{TimeMs: testTime, Tenant: app, From: "a", Peer: victim, Seq: 2})
	if res := one[*AccountResult](n, again); res.Code != wire.CodeOK {
		t.Fatalf("recreated: %v", res.Code)
	}
	if res := one[*AccountResult](n, again); res.Code != wire.CodeRepeated {
		t.Errorf("recreated twice: %v", res.Code)
	}
	sync, err := n.q.Sync(app, victim, 0, 0)
	if err != nil || len(sync.Conversations) != 0 || sync.RelationsVersion != 0 || sync.NotificationsVersion != 0 || sync.SettingsVersion != 0 || sync.DeletionsVersion != 0 {
		t.Errorf("sync of the new account: %v %v", sync, err)
	}
	states, err := n.q.ConversationStates(app, victim, []*wire.ConversationKey{{Peer: "a"}})
	if err != nil || len(states.Conversations) != 0 {
		t.Errorf("states: %v %v", states, err)
	}
	history, err := n.q.History(app, victim, &wire.HistoryRequest{Peer: "a"})
	if err != nil || len(history.Messages) != 0 {
		t.Errorf("history: %v %v", history, err)
	}
	for _, c := range []command{
		&Recall{TimeMs: testTime, Tenant: app, Session: 1, From: victim, Peer: "a", Seq: 1},
		&MessageChange{Op: MessageEdit, TimeMs: testTime, Tenant: app, Session: 1, From: victim, Peer: "a", Seq: 1, ClientID: "e", Body: "x"},
		&MessageChange{Op: MessageReact, TimeMs: testTime, Tenant: app, Session: 1, From: victim, Peer: "a", Seq: 2, Emoji: "x"},
		&Send{TimeMs: testTime, Tenant: app, Session: 1, Message: &wire.Message{From: victim, To: "b", ClientId: "f", Origin: &wire.Origin{Peer: "a", Seq: 1}}},
	} {
		if res := one[*SendResult](n, c); res.Code != wire.CodeNotFound {
			t.Errorf("%T of a former message: %v", c, res.Code)
		}
	}
	// A client id of the old account is a fresh one, and what is said now is seen.
	n.must(text(testTime, app, victim, "a", "1", "I am new"))
	sync, err = n.q.Sync(app, victim, 0, 0)
	if err != nil || len(sync.Conversations) != 1 || sync.Conversations[0].FirstSeq != sync.Conversations[0].LastSeq {
		t.Fatalf("sync after a message: %v %v", sync, err)
	}
	history, err = n.q.History(app, victim, &wire.HistoryRequest{Peer: "a"})
	if err != nil || len(history.Messages) != 1 || history.Messages[0].Body != "I am new" {
		t.Errorf("history after a message: %v %v", history, err)
	}
	// And it can be deleted like any other.
	n.remove(app, victim, true, nil)
	n.checkReserved(app)
}

// TestReactionsOfAFormerAccount: what an account has given a team's messages stays
// when it goes, and is not that of the next account of its name, which may give the
// same.
func TestReactionsOfAFormerAccount(t *testing.T) {
	n := newNode(t)
	app := n.setup("app", victim, "a", "b")
	team := n.newTeam(app, "a", victim, "b")
	wholeHistory := true
	n.must(&TeamChange{TimeMs: testTime, Tenant: app, Op: TeamUpdate, By: "a", Team: team, Info: &wire.TeamChanges{WholeHistory: &wholeHistory}})
	seq := one[*SendResult](n, teamText(app, team, "a", "1")).Seq
	react := func(from string, undo, changes bool) {
		t.Helper()
		res := one[*SendResult](n, &MessageChange{
			Op: MessageReact, TimeMs: testTime, Tenant: app, Session: 1, From: from, Team: team, Seq: seq, Emoji: "x", Undo: undo,
		})
		if res.Code != wire.CodeOK || res.Duplicate == changes {
			t.Fatalf("%s reacts, undo %v: %+v", from, undo, res)
		}
	}
	reaction := func(mine bool, names ...string) {
		t.Helper()
		res, err := n.q.History(app, victim, &wire.HistoryRequest{Scene: wire.Scene_SCENE_TEAM, Peer: TeamID(team), FromSeq: seq, ToSeq: seq})
		if err != nil || len(res.Messages) != 1 || len(res.Messages[0].Changes.GetReactions()) != 1 {
			t.Fatalf("history: %v %v", res, err)
		}
		r := res.Messages[0].Changes.Reactions[0]
		if r.Mine != mine || int(r.Count) != len(names) || !slices.Equal(r.Accounts, names) {
			t.Errorf("reaction %v, want mine %v of %v", r, mine, names)
		}
	}
	again := func() {
		t.Helper()
		n.remove(app, victim, false, nil)
		n.must(&RecreateAccount{TimeMs: testTime, Tenant: app, Account: victim, TokenHash: HashToken("app", victim, "new")},
			&TeamChange{TimeMs: testTime, Tenant: app, Op: TeamInvite, By: "a", Team: team, Accounts: []string{victim}, Direct: true, TeamLimit: 10})
	}
	react(victim, false, true)
	react("b", false, true)
	reaction(true, victim, "b")
	for range 2 { // also of an account whose name was used twice before
		again()
		reaction(false, victim, "b")
		react(victim, true, false) // not the account's to take back
		reaction(false, victim, "b")
		react(victim, false, true)
		react(victim, false, false)
		reaction(true, victim, "b")
	}
	react(victim, true, true)
	reaction(false, "b")
	react(victim, true, false)
	react(victim, false, true)
	reaction(true, "b", victim)
}

// TestConversationOfTwoDeletedAccountsGoes also when the second goes later.
func TestConversationOfTwoDeletedAccountsGoes(t *testing.T) {
	n := newNode(t)
	app := n.setup("app", victim, "a", "b")
	n.must(text(testTime, app, victim, "a", "1", "hello"), text(testTime, app, "a", victim, "2", "hello"))
	n.remove(app, victim, false, nil)
	n.remove(app, "a", false, nil)
	tables := declaredTables(t)
	for table := range n.tablesWith(victim) {
		if name := tables[table]; name != "tableTombstone" {
			t.Errorf("left in %s", name)
		}
	}
}

// TestRemovalGoesOn after a restart at each step, and a step too many does nothing.
func TestRemovalGoesOn(t *testing.T) {
	n := newNode(t)
	app := n.setup("app", victim, "a", "b", "c", "d", "z")
	n.life(app)
	last := RemovalStage(0)
	n.remove(app, victim, true, func(stage RemovalStage) {
		if stage < last {
			t.Errorf("stage %v after %v", stage, last)
		}
		if stage != last {
			last = stage
			n.restart()
		}
		if all, err := n.q.Removals(9); err != nil || len(all) != 1 || all[0].Account != victim || all[0].Stage != stage {
			t.Errorf("removals: %+v %v", all, err)
		}
	})
	before := n.dump()
	for stage := RemovalStage(0); stage <= removalStages+1; stage++ {
		res := one[*RemovalResult](n, &RemovalStep{TimeMs: testTime, Tenant: app, Account: victim, Stage: stage, Next: true, Peers: []string{"a"}})
		if res.Code != wire.CodeOK || !res.Done || len(res.Parts) != 0 {
			t.Errorf("a step too many: %+v", res)
		}
	}
	if res := one[*RemovalResult](n, &RemoveAccount{TimeMs: testTime, Tenant: app, Account: victim}); res.Code != wire.CodeOK || !res.Done || res.Kick {
		t.Errorf("removed again: %+v", res)
	}
	if res := one[*RemovalResult](n, &RemoveAccount{TimeMs: testTime, Tenant: app, Account: "nobody"}); res.Code != wire.CodeNotFound {
		t.Errorf("who never was: %+v", res)
	}
	if after := n.dump(); fmt.Sprint(after) != fmt.Sprint(before) {
		t.Error("commands without effect have stored something")
	}
}

// TestARoomWhoseCreatorWasDeleted has no creator, and the tenant's backend may do what
// that one could, in the name of anybody.
func TestARoomWhoseCreatorWasDeleted(t *testing.T) {
	n := newNode(t)
	app := n.setup("app", "a", "b")
	room := n.must(&RoomChange{Op: RoomCreate, TimeMs: testTime, Tenant: app, By: "a", RoomLimit: 9, ClientID: "r", Info: &wire.RoomChanges{Name: proto.String("room")}})[0].(*RoomResult).Room
	n.remove(app, "a", false, nil)
	info, members, err := n.q.RoomSpecial(app, room)
	if err != nil || info.Creator != "" || len(members) != 0 {
		t.Errorf("room %v with %v: %v", info, members, err)
	}
	if _, nobody, err := n.q.RoomMember(app, room, ""); err != nil || nobody.Role != wire.RoomRole_ROOM_ROLE_GUEST {
		t.Errorf("nobody is %v: %v", nobody, err)
	}
	manager := func(backend bool) wire.Code {
		return one[*RoomResult](n, &RoomChange{
			Op: RoomSetRole, TimeMs: testTime, Tenant: app, By: "b", Room: room, Backend: backend, Accounts: []string{"a"},
			Role: wire.RoomRoleOp_ROOM_ROLE_OP_MANAGER, Flag: true,
		}).Code
	}
	if code := manager(false); code != wire.CodeForbidden {
		t.Errorf("a guest makes managers: %v", code)
	}
	if code := manager(true); code != wire.CodeNotFound { // a is gone, but b may
		t.Errorf("the backend makes a manager: %v", code)
	}
	if res := one[*RoomResult](n, &RoomChange{Op: RoomOpen, TimeMs: testTime, Tenant: app, By: "b", Room: room, Backend: true}); res.Code != wire.CodeOK || !res.Info.Closed {
		t.Errorf("the backend closes the room: %v", res.Code)
	}
	// Who has the name later is nothing to it.
	one[*AccountResult](n, &RecreateAccount{TimeMs: testTime, Tenant: app, Account: "a", TokenHash: HashToken("app", "a", "t"), Profile: new(wire.Profile)})
	if res := one[*RoomResult](n, &RoomChange{Op: RoomOpen, TimeMs: testTime, Tenant: app, By: "a", Room: room, Flag: true}); res.Code != wire.CodeForbidden {
		t.Errorf("the new one opens the room: %v", res.Code)
	}
}
