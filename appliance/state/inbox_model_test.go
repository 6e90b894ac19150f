package state

import (
	"cmp"
	"slices"
	"strings"
	"testing"

	"google.golang.org/protobuf/proto"
	"pgregory.net/rapid"

	"github.com/yizhan-im/yizhan/appliance/wire"
)

// inboxModel is the model's conversation lists.
type inboxModel struct {
	settings map[settingKey]conversationSetting
	versions map[accountKey]uint64
	dnd      map[accountKey]doNotDisturb
	mutes    map[accountKey]Mute
}

type settingKey struct {
	tenant  uint32
	account string
	scene   wire.Scene
	peer    string
}

func newInboxModel() inboxModel {
	return inboxModel{map[settingKey]conversationSetting{}, map[accountKey]uint64{}, map[accountKey]doNotDisturb{}, map[accountKey]Mute{}}
}

func (m *inboxModel) first(tenant uint32, account string, scene wire.Scene, peer string) uint64 {
	return m.settings[settingKey{tenant, account, scene, peer}].clearedSeq + 1
}

// keepSetting stores a setting that is not what it was.
func (m *model) keepSetting(key settingKey, s conversationSetting) (conversationSetting, bool) {
	if s == m.inbox.settings[key] {
		return s, false
	}
	m.counter++
	s.version, s.updatedMs = m.counter, m.clock
	m.inbox.settings[key], m.inbox.versions[accountKey{key.tenant, key.account}] = s, m.counter
	return s, true
}

// place is where account is in a conversation, and its log.
func (m *model) place(tenant uint32, account, peer string, team uint64) (log []*wire.Message, readSeq uint64, code wire.Code) {
	if team != 0 {
		t := m.team(tenant, team)
		if t == nil {
			return nil, 0, wire.CodeTeamMissing
		}
		s := m.teams.standings[accountKey{tenant, account}][team]
		if s == nil || !s.isMember() {
			return nil, 0, wire.CodeNotInTeam
		}
		return t.log, s.readSeq, wire.CodeOK
	}
	if conv := m.conv(tenant, account, peer); conv != nil {
		return conv.log, conv.read[account], wire.CodeOK
	}
	if m.accounts[accountKey{tenant, account}] == nil || m.accounts[accountKey{tenant, peer}] == nil {
		return nil, 0, wire.CodeNotFound
	}
	return nil, 0, wire.CodeOK
}

func settingKeyOf(tenant uint32, account, peer string, team uint64) settingKey {
	if team != 0 {
		return settingKey{tenant, account, wire.Scene_SCENE_TEAM, TeamID(team)}
	}
	return settingKey{tenant, account, wire.Scene_SCENE_P2P, peer}
}

func (m *model) changeConversation(c *ConversationChange) *ConversationChangeResult {
	m.clock = max(m.clock, c.TimeMs)
	res := &ConversationChangeResult{Tenant: c.Tenant, Session: c.Session, Account: c.Account}
	key := settingKeyOf(c.Tenant, c.Account, c.Peer, c.Team)
	log, read, code := m.place(c.Tenant, c.Account, c.Peer, c.Team)
	s := m.inbox.settings[key]
	if res.Code = code; code != wire.CodeOK && (c.Team == 0 || s == conversationSetting{version: s.version, updatedMs: s.updatedMs}) {
		return res
	}
	last := uint64(len(log))
	if c.Top != nil {
		s.top = *c.Top
	}
	if c.Muted != nil {
		s.muted = *c.Muted
	}
	if c.Ext != nil {
		s.ext = *c.Ext
	}
	if c.Marked != nil {
		if s.marked, s.markedSeq = *c.Marked, 0; s.marked {
			s.markedSeq = read
		}
	}
	if c.Remove {
		s.removedSeq, s.marked, s.markedSeq = last, false, 0
	}
	if c.Clear {
		upTo := c.ClearSeq
		if upTo == 0 || upTo > last {
			upTo = last
		}
		if upTo > s.clearedSeq {
			s.clearedSeq = upTo
		}
	}
	res.Code = wire.CodeOK
	s, res.Changed = m.keepSetting(key, s)
	res.Setting = s.wire(key.scene, key.peer)
	return res
}

func (m *model) setDoNotDisturb(c *SetDoNotDisturb) *DoNotDisturbResult {
	m.clock = max(m.clock, c.TimeMs)
	res := &DoNotDisturbResult{Code: wire.CodeNotFound, Tenant: c.Tenant, Session: c.Session, Account: c.Account}
	key := accountKey{c.Tenant, c.Account}
	if m.accounts[key] == nil {
		return res
	}
	d := m.inbox.dnd[key]
	if c.On != nil {
		d.on = *c.On
	}
	if c.Desktop != nil {
		d.desktop = *c.Desktop
	}
	if c.NoQuiet {
		d.hasQuiet, d.quiet = false, quietHours{}
	}
	if c.Quiet != nil {
		d.hasQuiet, d.quiet = true, quietHours{c.Quiet.From, c.Quiet.To, c.Quiet.UtcOffset, c.Quiet.Weekdays}
	}
	if res.Changed = d != m.inbox.dnd[key]; res.Changed {
		m.counter++
		m.inbox.dnd[key], m.inbox.versions[key] = d, m.counter
	}
	res.Code, res.Version, res.DoNotDisturb = wire.CodeOK, m.inbox.versions[key], d.wire()
	return res
}

func (m *model) readMany(c *ReadMany) *ReadManyResult {
	m.clock = max(m.clock, c.TimeMs)
	res := &ReadManyResult{Code: wire.CodeOK, Tenant: c.Tenant, Session: c.Session, Account: c.Account, Asked: len(c.Reads)}
	for _, one := range c.Reads {
		read := &Read{TimeMs: c.TimeMs, Tenant: c.Tenant, Session: c.Session, Reader: c.Account, Peer: one.Peer, Team: one.Team, Seq: one.Seq}
		moved := m.apply(read).(*ReadResult)
		if moved.Code != wire.CodeOK {
			continue
		}
		if moved.Changed {
			res.Reads = append(res.Reads, *moved)
		}
		key := settingKeyOf(c.Tenant, c.Account, one.Peer, one.Team)
		s := m.inbox.settings[key]
		s.marked, s.markedSeq = false, 0
		if s, changed := m.keepSetting(key, s); changed {
			res.Settings = append(res.Settings, s.wire(key.scene, key.peer))
		}
	}
	return res
}

func (m *model) muteAccount(c *MuteAccount) *AccountResult {
	return m.change(c.TimeMs, c.Tenant, c.Account, AccountMuted, false, func(*modelAccount) {
		key := accountKey{c.Tenant, c.Account}
		m.inbox.mutes[key] = m.inbox.mutes[key]&^c.Mask | c.Set&c.Mask
	})
}

// decorate adds to c what a list shows, looked up in the whole log.
func (m *model) decorate(tenant uint32, account string, c *wire.ConversationState) *wire.ConversationState {
	team := uint64(0)
	if c.Scene == wire.Scene_SCENE_TEAM {
		team, _ = ParseTeamID(c.Peer)
	}
	log, _, code := m.place(tenant, account, c.Peer, team)
	if code != wire.CodeOK {
		return c
	}
	s := m.inbox.settings[settingKey{tenant, account, c.Scene, c.Peer}]
	if (s != conversationSetting{version: s.version, updatedMs: s.updatedMs}) {
		c.Setting = s.wire(c.Scene, c.Peer)
	}
	if s.clearedSeq > 0 {
		c.FirstSeq = max(c.FirstSeq, s.clearedSeq+1)
	}
	for _, e := range log {
		if e.Seq < c.FirstSeq || e.Type >= 1000 {
			continue
		}
		c.Last = &wire.Preview{Seq: e.Seq, Id: e.Id, TimeMs: e.TimeMs, From: e.From, Type: e.Type, Body: e.Body, Recalled: e.Recalled, ClientId: e.ClientId}
		if e.Event != nil {
			c.Last.Event, c.Last.Accounts = e.Event.Kind, e.Event.Accounts[:min(3, len(e.Event.Accounts))]
		}
		if e.Seq > c.ReadSeq && e.From != account && !e.Recalled && e.Event == nil && !e.Options.GetNoBadge() {
			c.Unread++
		}
	}
	return c
}

// conversations are all that the account has, as sync tells them to a new device.
func (m *model) conversations(key accountKey) (found []*wire.ConversationState) {
	for _, c := range m.sync(key.tenant, key.account, 0) {
		if c.Scene == wire.Scene_SCENE_P2P || c.Team.Standing == wire.TeamStanding_TEAM_STANDING_MEMBER {
			found = append(found, m.decorate(key.tenant, key.account, c))
		}
	}
	return found
}

func drawInboxCommand(t *rapid.T, m *model, now int64) command {
	tenant, account := drawTenant.Draw(t, "tenant"), drawAccount.Draw(t, "account")
	drawBool := rapid.Ptr(rapid.Bool(), true)
	drawConv := func() (string, uint64) {
		if keys := m.teamKeys(); len(keys) > 0 && rapid.Bool().Draw(t, "in a team") {
			return "", rapid.SampledFrom(keys).Draw(t, "team").id
		}
		return drawAccount.Draw(t, "peer"), 0
	}
	peer, team := drawConv()
	switch rapid.SampledFrom([]string{"setting", "setting", "setting", "remove", "clear", "dnd", "read", "mute"}).Draw(t, "inbox") {
	case "setting":
		return &ConversationChange{
			TimeMs: now, Tenant: tenant, Session: 9, Account: account, Peer: peer, Team: team, Top: drawBool.Draw(t, "top"),
			Muted: drawBool.Draw(t, "muted"), Marked: drawBool.Draw(t, "marked"), Ext: rapid.Ptr(drawText, true).Draw(t, "ext"),
		}
	case "remove":
		return &ConversationChange{TimeMs: now, Tenant: tenant, Account: account, Peer: peer, Team: team, Remove: true, Clear: rapid.Bool().Draw(t, "clear")}
	case "clear":
		return &ConversationChange{TimeMs: now, Tenant: tenant, Account: account, Peer: peer, Team: team, Clear: true, ClearSeq: drawSeq.Draw(t, "seq")}
	case "dnd":
		c := &SetDoNotDisturb{TimeMs: now, Tenant: tenant, Session: 9, Account: account, On: drawBool.Draw(t, "on"), Desktop: drawBool.Draw(t, "desktop"), NoQuiet: rapid.Bool().Draw(t, "no quiet")}
		if rapid.Bool().Draw(t, "quiet") {
			c.Quiet = &wire.QuietHours{From: 1320, To: rapid.Uint32Range(0, 1439).Draw(t, "to"), UtcOffset: rapid.Int64Range(-720, 840).Draw(t, "offset"), Weekdays: rapid.Uint32Range(0, 127).Draw(t, "weekdays")}
		}
		return c
	case "read":
		c := &ReadMany{TimeMs: now, Tenant: tenant, Session: 9, Account: account}
		for range rapid.IntRange(0, 3).Draw(t, "reads") {
			peer, team := drawConv()
			c.Reads = append(c.Reads, ReadOne{Peer: peer, Team: team, Seq: drawSeq.Draw(t, "seq")})
		}
		return c
	default:
		return &MuteAccount{TimeMs: now, Tenant: tenant, Account: account, Mask: Mute(rapid.IntRange(0, 7).Draw(t, "mask")), Set: Mute(rapid.IntRange(0, 7).Draw(t, "set"))}
	}
}

// TestInboxMatchesModel: what is unread, what the list shows and how it is
// arranged is at every moment what one gets by looking at the whole logs.
func TestInboxMatchesModel(t *testing.T) {
	matchModel(t, nil, func(t *rapid.T, m *model) command {
		switch rapid.IntRange(0, 9).Draw(t, "what") {
		case 0, 1, 2:
			return drawInboxCommand(t, m, drawTime(t, m.clock))
		case 3:
			return drawPrune(t, m, drawTime(t, m.clock))
		}
		return drawCommand(t, m)
	})
}

// compareInbox compares the queries of conversation lists for one account.
func compareInbox(t *rapid.T, q *Queries, m *model, key accountKey) {
	all := m.conversations(key)
	for _, c := range all {
		res, err := q.ConversationStates(key.tenant, key.account, []*wire.ConversationKey{{Scene: c.Scene, Peer: "nobody"}, {Scene: c.Scene, Peer: c.Peer}})
		if err != nil || len(res.Conversations) != 1 || !proto.Equal(res.Conversations[0], c) {
			t.Fatalf("state of %v: %v %v, want %v", key, res, err, c)
		}
	}
	want, unread := listOf(all), new(wire.UnreadResponse)
	for _, c := range want {
		s := m.inbox.settings[settingKey{key.tenant, key.account, c.Scene, c.Peer}]
		unread.Unread += c.Unread
		if c.Unread > 0 {
			unread.Conversations++
			if s.muted || c.Team.GetNotifyOff() || c.Scene == 0 && m.relations.of(key.tenant, key.account, c.Peer).Muted {
				unread.Muted += c.Unread
			}
		} else if s.marked && c.ReadSeq <= s.markedSeq {
			unread.Marked++
		}
	}
	if got, err := q.Unread(key.tenant, key.account); err != nil || !proto.Equal(got, unread) {
		t.Fatalf("unread of %v: %v %v, want %v", key, got, err, unread)
	}
	limit, cursor := rapid.IntRange(1, 3).Draw(t, "limit"), ""
	for {
		res, err := q.Conversations(key.tenant, key.account, cursor, limit)
		page := want[:min(limit, len(want))]
		if err != nil || res.Version != m.counter || (res.Cursor != "") != (len(want) > limit) ||
			!slices.EqualFunc(res.Conversations, page, func(x, y *wire.ConversationState) bool { return proto.Equal(x, y) }) {
			t.Fatalf("list of %v after %q: %v %v, want %v", key, cursor, res, err, page)
		}
		want, cursor = want[len(page):], res.Cursor
		if cursor == "" {
			break
		}
	}
	compareSettings(t, q, m, key)
	if got, err := q.AccountMute(key.tenant, key.account); err != nil || got != m.inbox.mutes[key] {
		t.Fatalf("mute of %v: %v %v, want %v", key, got, err, m.inbox.mutes[key])
	}
}

// listOf is what of all conversations the list shows, in its order.
func listOf(all []*wire.ConversationState) (list []*wire.ConversationState) {
	for _, c := range all {
		if c.LastSeq > c.Setting.GetRemovedSeq() || c.Setting.GetRemovedSeq() == 0 {
			list = append(list, c)
		}
	}
	slices.SortFunc(list, func(x, y *wire.ConversationState) int {
		if x.Setting.GetTop() != y.Setting.GetTop() {
			if x.Setting.GetTop() {
				return -1
			}
			return 1
		}
		return cmp.Or(cmp.Compare(y.TimeMs, x.TimeMs), cmp.Compare(x.Scene, y.Scene), strings.Compare(x.Peer, y.Peer))
	})
	return list
}

func compareSettings(t *rapid.T, q *Queries, m *model, key accountKey) {
	version := rapid.Uint64Range(0, m.inbox.versions[key]).Draw(t, "settings version")
	var want []*wire.ConversationSetting
	for k, s := range m.inbox.settings {
		if k.tenant == key.tenant && k.account == key.account && s.version > version && (version > 0 || !s.blank()) {
			want = append(want, s.wire(k.scene, k.peer))
		}
	}
	slices.SortFunc(want, func(x, y *wire.ConversationSetting) int { return cmp.Compare(x.Version, y.Version) })
	dnd := m.inbox.dnd[key]
	var got []*wire.ConversationSetting
	req := &wire.ConversationSettingsRequest{Version: version, Limit: rapid.Uint32Range(1, 3).Draw(t, "settings limit")}
	for {
		res, err := q.ConversationSettings(key.tenant, key.account, req)
		if err != nil || res.StartOver || !proto.Equal(res.DoNotDisturb, dnd.wire()) || len(res.Settings) > int(req.Limit) {
			t.Fatalf("settings of %v: %v %v, want %v", key, res, err, dnd)
		}
		got = append(got, res.Settings...)
		if req.Version, req.Floor = res.Version, res.Floor; !res.More {
			break
		}
	}
	// A page from version 0 leaves blank ones out; a later page of it does not.
	if version == 0 {
		got = slices.DeleteFunc(got, func(s *wire.ConversationSetting) bool {
			return proto.Equal(s, &wire.ConversationSetting{Scene: s.Scene, Peer: s.Peer, UpdatedMs: s.UpdatedMs, Version: s.Version})
		})
	}
	if req.Version != m.inbox.versions[key] || !slices.EqualFunc(got, want, func(x, y *wire.ConversationSetting) bool { return proto.Equal(x, y) }) {
		t.Fatalf("settings of %v after %d: %v, want %v", key, version, got, want)
	}
}
