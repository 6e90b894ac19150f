package state

import (
	"cmp"
	"maps"
	"math"
	"slices"

	"github.com/yizhan-im/yizhan/appliance/wire"
)

// model is what the Machine should do, written for being obviously right: maps,
// no encoding, no batches, no cache.
type model struct {
	clock     int64
	counter   uint64
	tenants   []*Tenant
	accounts  map[accountKey]*modelAccount
	convs     map[convKey]*modelConv
	clients   map[clientKey]modelClient
	storage   storageModel
	teams     modelTeams
	relations relationModel
	inbox     inboxModel
	pruned    modelFloors
}

type accountKey struct {
	tenant  uint32
	account string
}

type convKey struct {
	tenant uint32
	a, b   string
}

type clientKey struct {
	tenant       uint32
	sender, uuid string
}

type modelAccount struct {
	Account
	devices []device // most recently used first
}

type modelConv struct {
	log     []*wire.Message // seq i+1
	version uint64
	timeMs  int64
	read    map[string]uint64
}

type modelClient struct {
	generation int64
	seq, id    uint64
	timeMs     int64
}

func newModel() *model {
	return &model{
		accounts: map[accountKey]*modelAccount{}, convs: map[convKey]*modelConv{}, clients: map[clientKey]modelClient{},
		storage: newStorageModel(), relations: newRelationModel(), inbox: newInboxModel(), teams: newModelTeams(), pruned: modelFloors{floors: map[teamKey]uint64{}},
	}
}

func (m *model) conv(tenant uint32, x, y string) *modelConv {
	return m.convs[convKey{tenant, min(x, y), max(x, y)}]
}

func (m *model) tenant(appKey string) *Tenant {
	for _, t := range m.tenants {
		if t.AppKey == appKey {
			return t
		}
	}
	return nil
}

func (m *model) apply(c command) any {
	switch c := c.(type) {
	case *CreateTenant:
		return m.createTenant(c)
	case *UpdateTenant:
		return m.updateTenant(c)
	case *CreateAccount:
		return m.createAccount(c)
	case *SetToken:
		return m.change(c.TimeMs, c.Tenant, c.Account, AccountTokenSet, true, func(a *modelAccount) { a.TokenHash = c.TokenHash })
	case *SetBlocked:
		change := AccountUnblocked
		if c.Blocked {
			change = AccountBlocked
		}
		return m.change(c.TimeMs, c.Tenant, c.Account, change, c.Blocked && c.Kick, func(a *modelAccount) { a.Blocked = c.Blocked })
	case *UpdateProfile:
		return m.change(c.TimeMs, c.Tenant, c.Account, AccountProfile, false, func(a *modelAccount) {
			mergeProfile(a.Profile, c.Update)
			a.Profile.UpdatedMs = m.clock
		})
	case *RecordLogin:
		return m.change(c.TimeMs, c.Tenant, c.Account, AccountLogin, false, func(a *modelAccount) {
			a.use(c.DeviceID)
			a.LastDeviceID, a.LastPlatform, a.LastLoginMs = c.DeviceID, c.Platform, m.clock
		})
	case *Ack:
		return m.change(c.TimeMs, c.Tenant, c.Account, AccountAck, false, func(a *modelAccount) {
			a.use(c.DeviceID)
			a.devices[0].version = max(a.devices[0].version, min(c.Version, m.counter))
		})
	case *Send:
		return m.send(c)
	case *Recall:
		if c.Team != 0 {
			return m.recallTeam(c)
		}
		return m.recall(c)
	case *Read:
		if c.Team != 0 {
			return m.readTeam(c)
		}
		return m.read(c)
	case *SetCallback:
		return m.setCallback(c)
	case *Prune:
		return m.prune(c)
	case *TeamChange:
		return m.changeTeam(c)
	case *CleanTeam:
		return m.cleanTeam(c)
	case *RelationChange:
		return m.changeRelation(c)
	case *ConversationChange:
		return m.changeConversation(c)
	case *SetDoNotDisturb:
		return m.setDoNotDisturb(c)
	case *ReadMany:
		return m.readMany(c)
	case *MuteAccount:
		return m.muteAccount(c)
	case *SetFriendMode:
		return m.setFriendMode(c)
	case *StoragePut:
		return m.storagePut(c)
	case *StorageDelete:
		return m.storageDelete(c)
	case *StorageLock:
		return m.storageLock(c)
	case *StorageUnlock:
		return m.storageUnlock(c)
	}
	return &UnknownResult{Code: wire.CodeBadProtocol}
}

func (m *model) createTenant(c *CreateTenant) *TenantResult {
	m.clock = max(m.clock, c.TimeMs)
	if m.tenant(c.AppKey) != nil {
		return &TenantResult{Code: wire.CodeRepeated}
	}
	t := &Tenant{
		ID: uint32(len(m.tenants) + 1), AppKey: c.AppKey, Secret: c.Secret, Name: c.Name,
		Limits: c.Limits.WithDefaults(), CreatedMs: m.clock,
	}
	m.tenants = append(m.tenants, t)
	shown := *t
	return &TenantResult{Code: wire.CodeOK, Tenant: &shown}
}

func (m *model) updateTenant(c *UpdateTenant) *TenantResult {
	m.clock = max(m.clock, c.TimeMs)
	t := m.tenant(c.AppKey)
	if t == nil {
		return &TenantResult{Code: wire.CodeNotFound}
	}
	if c.Secret != nil {
		t.Secret = *c.Secret
	}
	if c.Name != nil {
		t.Name = *c.Name
	}
	if c.Limits != nil {
		t.Limits = c.Limits.WithDefaults()
	}
	shown := *t
	return &TenantResult{Code: wire.CodeOK, Tenant: &shown}
}

func (m *model) setCallback(c *SetCallback) *TenantResult {
	m.clock = max(m.clock, c.TimeMs)
	t := m.tenant(c.AppKey)
	if t == nil {
		return &TenantResult{Code: wire.CodeNotFound}
	}
	t.Callback = c.Callback
	if t.Callback.URL == "" {
		t.Callback = Callback{}
	}
	shown := *t
	return &TenantResult{Code: wire.CodeOK, Tenant: &shown}
}

func (m *model) createAccount(c *CreateAccount) *AccountResult {
	m.clock = max(m.clock, c.TimeMs)
	res := &AccountResult{Change: AccountCreated, Tenant: c.Tenant, Account: c.Account}
	key := accountKey{c.Tenant, c.Account}
	switch {
	case c.Tenant == 0 || int(c.Tenant) > len(m.tenants):
		res.Code = wire.CodeNotFound
	case m.accounts[key] != nil:
		res.Code = wire.CodeRepeated
	default:
		res.Code = wire.CodeOK
		p := &wire.Profile{Account: c.Account, UpdatedMs: m.clock}
		if c.Profile != nil {
			p.Name, p.Ex, p.Gender = c.Profile.Name, c.Profile.Ex, c.Profile.Gender
		}
		m.accounts[key] = &modelAccount{Account: Account{
			Account: c.Account, TokenHash: c.TokenHash, Profile: p, CreatedMs: m.clock,
		}}
	}
	return res
}

func (m *model) change(timeMs int64, tenant uint32, account string, change AccountChange, kick bool, f func(*modelAccount)) *AccountResult {
	m.clock = max(m.clock, timeMs)
	res := &AccountResult{Code: wire.CodeNotFound, Change: change, Tenant: tenant, Account: account}
	if a := m.accounts[accountKey{tenant, account}]; a != nil {
		f(a)
		res.Code, res.Kick = wire.CodeOK, kick
	}
	return res
}

func (a *modelAccount) use(id string) {
	used := device{id: id}
	var others []device
	for _, d := range a.devices {
		if d.id == id {
			used = d
		} else {
			others = append(others, d)
		}
	}
	a.devices = append([]device{used}, others...)
	a.devices = a.devices[:min(len(a.devices), MaxDevices)]
}

// add appends an entry and fills in the numbers of res.
func (m *model) add(conv *modelConv, entry *wire.Message, res *SendResult) *SendResult {
	m.counter++
	entry.Seq, entry.Id, entry.TimeMs = uint64(len(conv.log)+1), m.counter, m.clock
	conv.log = append(conv.log, entry)
	conv.version, conv.timeMs = m.counter, m.clock
	res.Code, res.Seq, res.ID, res.TimeMs = wire.CodeOK, entry.Seq, entry.Id, entry.TimeMs
	res.Message = appendBody(nil, entry)
	return res
}

func (m *model) send(c *Send) *SendResult {
	m.clock = max(m.clock, c.TimeMs)
	s := c.Message
	res := &SendResult{Code: wire.CodeNotFound, Tenant: c.Tenant, Session: c.Session, From: s.From, To: s.To}
	key := clientKey{c.Tenant, s.From, s.ClientId}
	if first, ok := m.clients[key]; ok && first.generation >= m.clock/week-1 {
		res.Code, res.Duplicate = wire.CodeOK, true
		res.Seq, res.ID, res.TimeMs = first.seq, first.id, first.timeMs
		return res
	}
	if c.Session != 0 && m.inbox.mutes[accountKey{c.Tenant, s.From}]&placeOfScene(s.Scene) != 0 {
		res.Code = wire.CodeForbidden
		return res
	}
	if s.Scene == wire.Scene_SCENE_TEAM {
		return m.sendTeam(c, key, res)
	}
	held := m.relations.of(c.Tenant, s.To, s.From)
	if held.Blacklisted {
		res.Code = wire.CodeBlacklisted
		return res
	}
	res.Muted = held.Muted
	conv := m.conv(c.Tenant, s.From, s.To)
	if conv == nil {
		if m.accounts[accountKey{c.Tenant, s.From}] == nil || m.accounts[accountKey{c.Tenant, s.To}] == nil {
			return res
		}
		conv = &modelConv{read: map[string]uint64{}}
		m.convs[convKey{c.Tenant, min(s.From, s.To), max(s.From, s.To)}] = conv
	}
	m.add(conv, &wire.Message{
		From: s.From, To: s.To, ClientId: s.ClientId, Type: s.Type, Body: s.Body, Ext: s.Ext,
		FromPlatform: s.FromPlatform, FromDevice: s.FromDevice,
	}, res)
	m.clients[key] = modelClient{generation: m.clock / week, seq: res.Seq, id: res.ID, timeMs: res.TimeMs}
	return res
}

func (m *model) recall(c *Recall) *SendResult {
	m.clock = max(m.clock, c.TimeMs)
	res := &SendResult{Code: wire.CodeNotFound, Tenant: c.Tenant, Session: c.Session, From: c.From, To: c.Peer, RefSeq: c.Seq}
	conv := m.conv(c.Tenant, c.From, c.Peer)
	if conv == nil || c.Seq < m.floorOf(c.Tenant, conv) || c.Seq > uint64(len(conv.log)) {
		return res
	}
	target := conv.log[c.Seq-1]
	switch {
	case target.From != c.From || target.Type == TypeRecall:
		res.Code = wire.CodeForbidden
		return res
	case target.Recalled:
		first := conv.log[target.RefSeq-1]
		res.Code, res.Duplicate = wire.CodeOK, true
		res.Seq, res.ID, res.TimeMs = first.Seq, first.Id, first.TimeMs
		return res
	case c.WindowMs > 0 && m.clock-target.TimeMs > c.WindowMs:
		res.Code = wire.CodeRecallExpired
		return res
	}
	m.add(conv, &wire.Message{
		From: c.From, To: c.Peer, ClientId: c.ClientID, Type: TypeRecall, Body: c.Note, RefSeq: c.Seq,
		FromPlatform: c.FromPlatform, FromDevice: c.FromDevice,
	}, res)
	target.Body, target.Ext, target.Recalled, target.RefSeq = "", "", true, res.Seq
	return res
}

func (m *model) read(c *Read) *ReadResult {
	m.clock = max(m.clock, c.TimeMs)
	res := &ReadResult{Code: wire.CodeNotFound, Tenant: c.Tenant, Session: c.Session, Reader: c.Reader, Peer: c.Peer}
	conv := m.conv(c.Tenant, c.Reader, c.Peer)
	if conv == nil {
		return res
	}
	seq := min(c.Seq, uint64(len(conv.log)))
	if seq > conv.read[c.Reader] {
		m.counter++
		conv.read[c.Reader], conv.version = seq, m.counter
		res.Changed = true
	}
	res.Code, res.Seq, res.TimeMs = wire.CodeOK, conv.read[c.Reader], m.clock
	return res
}

// sync is the whole answer of Sync for an account.
func (m *model) sync(tenant uint32, account string, after uint64) (found []*wire.ConversationState) {
	for key, conv := range m.convs {
		if key.tenant != tenant || key.a != account && key.b != account || conv.version <= after {
			continue
		}
		peer := key.a
		if key.a == account {
			peer = key.b
		}
		found = append(found, &wire.ConversationState{
			Peer: peer, LastSeq: uint64(len(conv.log)), ReadSeq: conv.read[account], PeerReadSeq: conv.read[peer],
			Version: conv.version, TimeMs: conv.timeMs,
		})
		m.pruned.tell(tenant, conv.log[0].Id, found[len(found)-1])
	}
	found = append(found, m.syncTeams(tenant, account, after)...)
	slices.SortFunc(found, func(x, y *wire.ConversationState) int { return cmp.Compare(x.Version, y.Version) })
	return found
}

// history is the answer of History: messages and whether there are more.
func (m *model) history(tenant uint32, account string, req *wire.HistoryRequest) ([]*wire.Message, bool) {
	conv := m.conv(tenant, account, req.Peer)
	if conv == nil {
		return nil, false
	}
	return pageOf(conv.log, max(m.floorOf(tenant, conv), m.inbox.first(tenant, account, req.Scene, req.Peer)), req)
}

// pageOf is the answer of History for a log that is readable from first on.
func pageOf(log []*wire.Message, first uint64, req *wire.HistoryRequest) ([]*wire.Message, bool) {
	from, to := req.FromSeq, req.ToSeq
	newest := from == 0 && to == 0
	if to == 0 {
		to = math.MaxUint64
	}
	var in []*wire.Message
	for _, e := range log {
		if e.Seq >= from && e.Seq >= first && e.Seq <= to {
			in = append(in, e)
		}
	}
	more := len(in) > int(req.Limit)
	if newest && more {
		in = in[len(in)-int(req.Limit):]
	}
	if req.Reverse {
		slices.Reverse(in)
	}
	return in[:min(len(in), int(req.Limit))], more
}

func (m *model) accountNames() []accountKey {
	return slices.SortedFunc(maps.Keys(m.accounts), func(x, y accountKey) int {
		return cmp.Or(cmp.Compare(x.tenant, y.tenant), cmp.Compare(x.account, y.account))
	})
}
