package state

import (
	"reflect"
	"slices"
	"testing"

	"google.golang.org/protobuf/proto"
	"pgregory.net/rapid"

	"github.com/yizhan-im/yizhan/appliance/wire"
)

// Few names and ids, so that commands meet each other's data. One account's name
// begins with another's, and the tenants have accounts of equal names.
var (
	drawTenant  = rapid.SampledFrom([]uint32{1, 1, 1, 2, 2, 3})
	drawAppKey  = rapid.SampledFrom([]string{"app", "app2", "app3"})
	drawAccount = rapid.SampledFrom([]string{"a", "a", "aa", "b", "b", "c", "d"})
	drawDevice  = rapid.SampledFrom([]string{"phone", "tablet", "desk"})
	drawText    = rapid.SampledFrom([]string{"", "x", "hello", "你好"})
	drawSeq     = rapid.Uint64Range(0, 12)
	drawPlatf   = rapid.SampledFrom([]wire.Platform{0, wire.Platform_PLATFORM_IOS, wire.Platform_PLATFORM_WEB})
	drawHash    = rapid.Custom(func(t *rapid.T) []byte { return HashToken("app", "a", drawText.Draw(t, "token")) })
	drawLimits  = rapid.Custom(func(t *rapid.T) Limits {
		return Limits{DevicePolicy: rapid.Byte().Draw(t, "policy"), RecallSeconds: rapid.IntRange(0, 9).Draw(t, "recall"), MaxListed: rapid.IntRange(0, 2).Draw(t, "listed")}
	})
)

// drawTime is a leader's clock: mostly growing slowly, sometimes behind, at
// times days or weeks later.
func drawTime(t *rapid.T, now int64) int64 {
	step := rapid.SampledFrom([]int64{0, 1, 1, 1000, 1000, 60_000, -5000, -2 * week, week / 3, week, 2 * week}).Draw(t, "step")
	return max(now+step, 0)
}

func drawCommand(t *rapid.T, m *model) command {
	now := drawTime(t, m.clock)
	tenant, account, peer := drawTenant.Draw(t, "tenant"), drawAccount.Draw(t, "account"), drawAccount.Draw(t, "peer")
	switch rapid.SampledFrom([]string{
		"send", "send", "send", "send", "send", "send", "read", "read", "recall", "recall", "ack", "login",
		"account", "account", "tenant", "update", "callback", "token", "block", "profile", "garbage",
		"storage", "storage", "storage", "storage", "relation", "relation", "relation", "relation", "relation",
		"team", "team", "team", "team", "team", "team", "team", "team", "team", "team",
	}).Draw(t, "kind") {
	case "send":
		return &Send{TimeMs: now, Tenant: tenant, Session: drawSeq.Draw(t, "session"), Message: &wire.Message{
			From: account, To: peer, ClientId: rapid.SampledFrom([]string{"1", "2", "3", "4", "5", "6", "7"}).Draw(t, "client id"),
			Type: rapid.SampledFrom([]uint32{0, 0, 1, 100}).Draw(t, "type"),
			Body: drawText.Draw(t, "body"), Ext: drawText.Draw(t, "ext"),
			FromPlatform: drawPlatf.Draw(t, "platform"), FromDevice: drawDevice.Draw(t, "device"),
		}}
	case "read":
		return &Read{TimeMs: now, Tenant: tenant, Session: 9, Reader: account, Peer: peer, Seq: drawSeq.Draw(t, "seq")}
	case "recall":
		return &Recall{
			TimeMs: now, Tenant: tenant, Session: 9, From: account, Peer: peer, Seq: drawSeq.Draw(t, "seq"),
			ClientID: drawText.Draw(t, "client id"), Note: drawText.Draw(t, "note"),
			WindowMs: rapid.SampledFrom([]int64{0, 2000, week}).Draw(t, "window"), FromDevice: drawDevice.Draw(t, "device"),
		}
	case "team":
		return drawTeamCommand(t, m, now)
	case "storage":
		return drawStorageCommand(t, now)
	case "relation":
		return drawRelationCommand(t, now, tenant, account, peer)
	case "ack":
		return &Ack{TimeMs: now, Tenant: tenant, Account: account, DeviceID: drawDevice.Draw(t, "device"), Version: rapid.Uint64Range(0, 60).Draw(t, "version")}
	case "login":
		return &RecordLogin{TimeMs: now, Tenant: tenant, Account: account, DeviceID: drawDevice.Draw(t, "device"), Platform: drawPlatf.Draw(t, "platform")}
	case "account":
		return &CreateAccount{TimeMs: now, Tenant: tenant, Account: account, TokenHash: drawHash.Draw(t, "hash"), Profile: rapid.SampledFrom([]*wire.Profile{
			nil, {Name: "Ann", Account: "forged", UpdatedMs: 5}, {Ex: "{}", Gender: 2},
		}).Draw(t, "profile")}
	case "tenant":
		return &CreateTenant{TimeMs: now, AppKey: drawAppKey.Draw(t, "appkey"), Secret: "s", Name: drawText.Draw(t, "name"), Limits: drawLimits.Draw(t, "limits")}
	case "update":
		u := &UpdateTenant{TimeMs: now, AppKey: drawAppKey.Draw(t, "appkey"), Name: rapid.Ptr(drawText, true).Draw(t, "name"), Limits: rapid.Ptr(drawLimits, true).Draw(t, "limits")}
		if rapid.Bool().Draw(t, "secret") {
			u.Secret = proto.String("new")
		}
		return u
	case "callback":
		return &SetCallback{TimeMs: now, AppKey: drawAppKey.Draw(t, "appkey"), Callback: Callback{
			URL: rapid.SampledFrom([]string{"", "http://a", "https://b/c"}).Draw(t, "url"), Events: CallbackEvents(rapid.Uint32().Draw(t, "events")),
			FailClosed: rapid.Bool().Draw(t, "closed"), TimeoutMs: rapid.IntRange(0, MaxCallbackTimeoutMs).Draw(t, "timeout"),
		}}
	case "token":
		return &SetToken{TimeMs: now, Tenant: tenant, Account: account, TokenHash: drawHash.Draw(t, "hash")}
	case "block":
		return &SetBlocked{TimeMs: now, Tenant: tenant, Account: account, Blocked: rapid.Bool().Draw(t, "blocked"), Kick: rapid.Bool().Draw(t, "kick")}
	case "profile":
		return &UpdateProfile{TimeMs: now, Tenant: tenant, Account: account, Update: &wire.UpdateProfileRequest{
			Name: rapid.Ptr(drawText, true).Draw(t, "name"), Sign: rapid.Ptr(drawText, true).Draw(t, "sign"),
		}}
	}
	return raw{200, 1, 2, 3}
}

// TestMachineMatchesModel: whatever the commands, and however they are cut into
// batches and interrupted by restarts and snapshots, every result and every query
// is the model's; and the same commands in other batches, with hardly a cache,
// give the same results and store the same bytes.
func TestMachineMatchesModel(t *testing.T) {
	matchModel(t, nil, drawCommand)
}

// matchModel runs commands that draw makes, after those that every run begins
// with and start.
func matchModel(t *testing.T, more []command, draw func(*rapid.T, *model) command) {
	n := newNode(t)
	rapid.Check(t, func(t *rapid.T) {
		n.wipe()
		m := newModel()
		var history []command
		var results []any
		start := []command{
			&CreateTenant{TimeMs: testTime, AppKey: "app", Secret: "s"}, &CreateTenant{TimeMs: testTime, AppKey: "app2", Secret: "s"},
			&CreateAccount{TimeMs: testTime, Tenant: 1, Account: "a", TokenHash: HashToken("", "", "")},
			&CreateAccount{TimeMs: testTime, Tenant: 1, Account: "b", TokenHash: HashToken("", "", "")},
			&CreateAccount{TimeMs: testTime, Tenant: 2, Account: "a", TokenHash: HashToken("", "", "")},
		}
		run := func(batch []command) {
			got := n.apply(batch...)
			for i, c := range batch {
				if want := m.apply(c); !reflect.DeepEqual(got[i], want) {
					t.Fatalf("%T %+v\n got %+v\nwant %+v", c, c, got[i], want)
				}
			}
			history, results = append(history, batch...), append(results, got...)
		}
		run(append(start, more...))
		for range rapid.IntRange(1, 12).Draw(t, "rounds") {
			switch rapid.IntRange(0, 60).Draw(t, "interruption") {
			case 60:
				n.restart()
			case 59:
				n.snapshot()
			case 50, 51, 52, 53, 54, 55:
				n.reload(rapid.IntRange(1, 3).Draw(t, "cache"), filterSize{blocks: 1, segments: 1, rows: rapid.IntRange(1, 9).Draw(t, "rows")})
			}
			batch := make([]command, rapid.IntRange(1, 9).Draw(t, "batch"))
			for i := range batch {
				batch[i] = draw(t, m)
			}
			run(batch)
			compareQueries(t, n.q, m)
		}

		stored := n.dump()
		n.wipe()
		n.reload(1, filterSize{blocks: 1, segments: 0, rows: 1})
		for from := 0; from < len(history); {
			to := min(from+rapid.IntRange(1, 30).Draw(t, "replayed"), len(history))
			if got := n.apply(history[from:to]...); !reflect.DeepEqual(got, results[from:to]) {
				t.Fatalf("commands %d to %d give other results on replay", from, to)
			}
			from = to
		}
		if again := n.dump(); !slices.Equal(stored, again) {
			t.Fatalf("replay stored other bytes:\n%s", difference(stored, again))
		}
	})
}

// compareQueries compares every query, for every account.
func compareQueries(t *rapid.T, q *Queries, m *model) {
	tenants, err := q.Tenants()
	if err != nil || !reflect.DeepEqual(tenants, m.tenants) {
		t.Fatalf("tenants: %v %v, want %v", tenants, err, m.tenants)
	}
	for _, want := range m.tenants {
		if got, err := q.TenantByKey(want.AppKey); err != nil || !reflect.DeepEqual(got, want) {
			t.Fatalf("tenant %s: %+v %v, want %+v", want.AppKey, got, err, want)
		}
	}
	compareStorage(t, q, &m.storage)
	compareLogs(t, q, m)
	compareTeams(t, q, m)
	names := m.accountNames()
	for _, key := range names {
		compareAccount(t, q, m, key)
		compareSync(t, q, m, key)
		compareRelations(t, q, m, key)
		compareInbox(t, q, m, key)
	}
	for _, tenant := range []uint32{1, 2, 3} {
		for _, from := range []string{"a", "aa", "b", "c"} {
			for _, to := range []string{"a", "aa", "b", "c"} {
				compareHistory(t, q, m, tenant, from, to)
			}
		}
	}
}

func compareAccount(t *rapid.T, q *Queries, m *model, key accountKey) {
	want := m.accounts[key]
	got, err := q.Account(key.tenant, key.account)
	if err != nil {
		t.Fatalf("account %v: %v", key, err)
	}
	if !proto.Equal(got.Profile, want.Profile) {
		t.Fatalf("profile %v: %v, want %v", key, got.Profile, want.Profile)
	}
	profiles, err := q.Profiles(key.tenant, []string{"unknown", key.account})
	if err != nil || len(profiles) != 1 || !proto.Equal(profiles[0], want.Profile) {
		t.Fatalf("profiles %v: %v %v, want %v", key, profiles, err, want.Profile)
	}
	got.Profile = want.Profile
	if !reflect.DeepEqual(got, &want.Account) {
		t.Fatalf("account %v: %+v, want %+v", key, got, want.Account)
	}
	for _, d := range want.devices {
		if version, err := q.DeviceVersion(key.tenant, key.account, d.id); err != nil || version != d.version {
			t.Fatalf("device %v %s: %d %v, want %d", key, d.id, version, err, d.version)
		}
	}
}

// compareSync pages from a version as a client does.
func compareSync(t *rapid.T, q *Queries, m *model, key accountKey) {
	version := rapid.Uint64Range(0, m.counter+1).Draw(t, "version")
	limit := rapid.IntRange(1, 3).Draw(t, "limit")
	want := m.sync(key.tenant, key.account, version)
	for _, c := range want {
		if c.Scene == wire.Scene_SCENE_P2P || c.Team.Standing == wire.TeamStanding_TEAM_STANDING_MEMBER {
			m.decorate(key.tenant, key.account, c)
		}
	}
	for {
		res, err := q.Sync(key.tenant, key.account, version, limit)
		if err != nil {
			t.Fatalf("sync %v: %v", key, err)
		}
		if want := m.relations.versions[key]; res.RelationsVersion != want {
			t.Fatalf("sync %v: relations version %d, want %d", key, res.RelationsVersion, want)
		}
		if want := m.inbox.versions[key]; res.SettingsVersion != want {
			t.Fatalf("sync %v: settings version %d, want %d", key, res.SettingsVersion, want)
		}
		page := want[:min(limit, len(want))]
		if len(res.Conversations) != len(page) || res.More != (len(want) > limit) {
			t.Fatalf("sync %v after %d: %v, want %v of %d", key, version, res, page, len(want))
		}
		for i, c := range res.Conversations {
			if !proto.Equal(c, page[i]) {
				t.Fatalf("sync %v after %d: %v, want %v", key, version, c, page[i])
			}
		}
		want = want[len(page):]
		if !res.More {
			if res.Version != m.counter {
				t.Fatalf("sync %v ends at %d, want %d", key, res.Version, m.counter)
			}
			return
		}
		version = res.Version
	}
}

func compareHistory(t *rapid.T, q *Queries, m *model, tenant uint32, from, to string) {
	conv := m.conv(tenant, from, to)
	req := &wire.HistoryRequest{Peer: to, Limit: rapid.Uint32Range(1, 5).Draw(t, "limit"), Reverse: rapid.Bool().Draw(t, "reverse")}
	if rapid.Bool().Draw(t, "range") {
		req.FromSeq = drawSeq.Draw(t, "from")
		if req.ToSeq = drawSeq.Draw(t, "to"); req.ToSeq != 0 && req.FromSeq > req.ToSeq {
			req.FromSeq, req.ToSeq = req.ToSeq, req.FromSeq
		}
	}
	messages, more := m.history(tenant, from, req)
	res, err := q.History(tenant, from, req)
	if err != nil || res.More != more {
		t.Fatalf("history %s %v: %v %v, want more=%v", from, req, res, err, more)
	}
	sameMessages(t, res.Messages, messages)
	if conv == nil {
		return
	}

	begin, end := drawTime(t, conv.timeMs), drawTime(t, conv.timeMs)
	types := rapid.SampledFrom([][]uint32{nil, {0}, {100, TypeRecall}}).Draw(t, "types")
	var in []*wire.Message
	kept := conv.log[m.floorOf(tenant, conv)-1:]
	for _, e := range kept {
		if e.TimeMs >= begin && e.TimeMs <= end && (types == nil || slices.Contains(types, e.Type)) {
			in = append(in, e)
		}
	}
	if req.Reverse {
		slices.Reverse(in)
	}
	got, err := q.HistoryByTime(tenant, from, to, begin, end, int(req.Limit), req.Reverse, types)
	if err != nil {
		t.Fatalf("history by time: %v", err)
	}
	sameMessages(t, got, in[:min(len(in), int(req.Limit))])

	for i, e := range conv.log {
		if e.Seq != uint64(i+1) {
			t.Fatalf("entry %d has seq %d", i, e.Seq)
		}
		if int(e.Seq) <= len(conv.log)-len(kept) {
			if got, err := q.MessageByID(tenant, from, to, e.Id); wire.CodeOf(err) != wire.CodeNotFound {
				t.Fatalf("message %d, which has gone: %v %v", e.Id, got, err)
			}
			continue
		}
		if got, err := q.MessageByID(tenant, from, to, e.Id); err != nil || !proto.Equal(got, e) {
			t.Fatalf("message %d: %v %v, want %v", e.Id, got, err, e)
		}
	}
}

func sameMessages(t *rapid.T, got, want []*wire.Message) {
	if !slices.EqualFunc(got, want, func(x, y *wire.Message) bool { return proto.Equal(x, y) }) {
		t.Fatalf("messages:\n got %v\nwant %v", got, want)
	}
}

// difference lists the rows that are in only one of two dumps.
func difference(a, b []string) (out string) {
	for _, row := range a {
		if !slices.Contains(b, row) {
			out += "- " + row + "\n"
		}
	}
	for _, row := range b {
		if !slices.Contains(a, row) {
			out += "+ " + row + "\n"
		}
	}
	return out
}
