package state

import (
	"cmp"
	"slices"

	"google.golang.org/protobuf/proto"
	"pgregory.net/rapid"

	"github.com/yizhan-im/yizhan/appliance/wire"
)

// relationModel is the model's relations: what each account holds of each other.
type relationModel struct {
	held     map[relationKey]*wire.Relation
	versions map[accountKey]uint64
	modes    map[accountKey]wire.FriendMode
}

type relationKey struct {
	tenant        uint32
	account, peer string
}

func newRelationModel() relationModel {
	return relationModel{
		held: map[relationKey]*wire.Relation{}, versions: map[accountKey]uint64{}, modes: map[accountKey]wire.FriendMode{},
	}
}

// of is what account holds of peer; it may be changed, and then kept by keep.
func (m *relationModel) of(tenant uint32, account, peer string) *wire.Relation {
	if r := m.held[relationKey{tenant, account, peer}]; r != nil {
		return proto.CloneOf(r)
	}
	return &wire.Relation{Account: peer}
}

// count is how many relations of an account are as asked.
func (m *relationModel) count(tenant uint32, account string, is func(*wire.Relation) bool) (n uint32) {
	for key, r := range m.held {
		if key.tenant == tenant && key.account == account && is(r) {
			n++
		}
	}
	return n
}

func isFriend(r *wire.Relation) bool   { return r.Friend }
func isSent(r *wire.Relation) bool     { return r.Request == requestSent }
func isReceived(r *wire.Relation) bool { return r.Request == requestReceived }

// keep stores r if it differs from what is held, as a new change.
func (m *model) keep(tenant uint32, account string, r *wire.Relation) (encoded []byte, changed bool) {
	key := relationKey{tenant, account, r.Account}
	before := m.relations.of(tenant, account, r.Account)
	if proto.Equal(before, r) {
		return appendBody(nil, r), false
	}
	m.counter++
	r.Version, r.UpdatedMs = m.counter, m.clock
	m.relations.held[key] = r
	m.relations.versions[accountKey{tenant, account}] = m.counter
	return appendBody(nil, r), true
}

func (m *model) changeRelation(c *RelationChange) *RelationResult {
	res := &RelationResult{
		Op: c.Op, Tenant: c.Tenant, Session: c.Session, Account: c.Account, Peer: c.Peer, Note: c.Note,
	}
	if c.Account == c.Peer {
		res.Code = wire.CodeBadParameter
		return res
	}
	m.clock = max(m.clock, c.TimeMs)
	if m.accounts[accountKey{c.Tenant, c.Account}] == nil || m.accounts[accountKey{c.Tenant, c.Peer}] == nil {
		res.Code = wire.CodeNotFound
		return res
	}
	own, other := m.relations.of(c.Tenant, c.Account, c.Peer), m.relations.of(c.Tenant, c.Peer, c.Account)
	if res.Code = m.relate(c, own, other); res.Code != wire.CodeOK {
		return res
	}
	res.Relation, res.Changed = m.keep(c.Tenant, c.Account, own)
	if encoded, changed := m.keep(c.Tenant, c.Peer, other); changed {
		res.PeerRelation = encoded
	}
	return res
}

func (m *model) relate(c *RelationChange, own, other *wire.Relation) wire.Code {
	friends := func(account string) uint32 { return m.relations.count(c.Tenant, account, isFriend) }
	noRequest := func(r *wire.Relation) { r.Request, r.RequestNote, r.RequestMs = 0, "", 0 }
	befriend := func() wire.Code {
		if friends(c.Account) >= c.Limit || friends(c.Peer) >= c.Limit {
			return wire.CodeCountLimit
		}
		for _, r := range []*wire.Relation{own, other} {
			r.Friend, r.FriendMs = true, m.clock
			noRequest(r)
		}
		if c.ServerEx != nil {
			own.ServerEx = *c.ServerEx
		}
		return wire.CodeOK
	}
	mode := m.relations.modes[accountKey{c.Tenant, c.Peer}]
	asked := own.Request == requestReceived
	switch c.Op {
	case RelationAdd:
		switch {
		case own.Friend:
			if c.ServerEx != nil {
				own.ServerEx = *c.ServerEx
			}
			return wire.CodeOK
		case !c.Backend && !asked && other.Blacklisted:
			return wire.CodeBlacklisted
		case !c.Backend && !asked && mode != wire.FriendMode_FRIEND_MODE_ANYONE:
			return wire.CodeForbidden
		}
		return befriend()
	case RelationAsk:
		pending := own.Request == requestSent
		switch {
		case own.Friend || pending && own.RequestNote == c.Note:
			return wire.CodeOK
		case asked:
			return befriend()
		case other.Blacklisted:
			return wire.CodeBlacklisted
		case mode == wire.FriendMode_FRIEND_MODE_NOBODY:
			return wire.CodeForbidden
		case !pending && m.relations.count(c.Tenant, c.Account, isSent) >= c.Limit,
			!pending && m.relations.count(c.Tenant, c.Peer, isReceived) >= c.Limit:
			return wire.CodeCountLimit
		}
		own.Request, own.RequestNote, own.RequestMs = requestSent, c.Note, m.clock
		other.Request, other.RequestNote, other.RequestMs = requestReceived, c.Note, m.clock
		if c.ServerEx != nil {
			own.ServerEx = *c.ServerEx
		}
		return wire.CodeOK
	case RelationAccept:
		switch {
		case own.Friend:
			if c.ServerEx != nil {
				own.ServerEx = *c.ServerEx
			}
			return wire.CodeOK
		case asked:
			return befriend()
		}
		return wire.CodeNotFound
	case RelationDecline:
		switch {
		case own.Request == requestDeclined:
			return wire.CodeOK
		case !asked:
			return wire.CodeNotFound
		}
		own.Request, own.RequestMs = requestDeclined, m.clock
		other.Request, other.RequestNote, other.RequestMs = requestRefused, c.Note, m.clock
		return wire.CodeOK
	case RelationDelete:
		own.Friend, other.Friend, own.FriendMs, other.FriendMs = false, false, 0, 0
		if own.Request == requestSent {
			noRequest(other)
		}
		if own.Request != requestReceived {
			noRequest(own)
		}
		if c.Forget {
			own.Alias, own.Ex, own.ServerEx = "", "", ""
		}
		return wire.CodeOK
	case RelationUpdate:
		if !own.Friend {
			return wire.CodeNotFound
		}
		for field, value := range map[*string]*string{&own.Alias: c.Alias, &own.Ex: c.Ex, &own.ServerEx: c.ServerEx} {
			if value != nil {
				*field = *value
			}
		}
		return wire.CodeOK
	case RelationBlacklist:
		listed := func(r *wire.Relation) bool { return r.Blacklisted }
		if c.On && !own.Blacklisted && m.relations.count(c.Tenant, c.Account, listed) >= c.Limit {
			return wire.CodeCountLimit
		}
		own.Blacklisted = c.On
	case RelationMute:
		listed := func(r *wire.Relation) bool { return r.Muted }
		if c.On && !own.Muted && m.relations.count(c.Tenant, c.Account, listed) >= c.Limit {
			return wire.CodeCountLimit
		}
		own.Muted = c.On
	}
	return wire.CodeOK
}

func (m *model) setFriendMode(c *SetFriendMode) *FriendModeResult {
	m.clock = max(m.clock, c.TimeMs)
	res := &FriendModeResult{Code: wire.CodeNotFound, Tenant: c.Tenant, Session: c.Session, Account: c.Account, Mode: c.Mode}
	key := accountKey{c.Tenant, c.Account}
	if m.accounts[key] == nil {
		return res
	}
	res.Code = wire.CodeOK
	if m.relations.modes[key] != c.Mode {
		m.counter++
		m.relations.modes[key], m.relations.versions[key], res.Changed = c.Mode, m.counter, true
	}
	res.Version = m.relations.versions[key]
	return res
}

func drawRelationCommand(t *rapid.T, now int64, tenant uint32, account, peer string) command {
	if rapid.IntRange(0, 7).Draw(t, "mode") == 0 {
		return &SetFriendMode{TimeMs: now, Tenant: tenant, Session: 9, Account: account, Mode: wire.FriendMode(rapid.IntRange(0, 2).Draw(t, "friend mode"))}
	}
	op := RelationOp(rapid.IntRange(0, relationOps-1).Draw(t, "op"))
	return &RelationChange{
		Op: op, TimeMs: now, Tenant: tenant, Session: 9, Account: account, Peer: peer,
		Backend: rapid.IntRange(0, 3).Draw(t, "backend") == 0,
		On:      rapid.Bool().Draw(t, "on"), Forget: rapid.Bool().Draw(t, "forget"), Note: drawText.Draw(t, "note"),
		Alias: rapid.Ptr(drawText, true).Draw(t, "alias"), Ex: rapid.Ptr(drawText, true).Draw(t, "ex"),
		ServerEx: rapid.Ptr(drawText, true).Draw(t, "server ex"),
		Limit:    rapid.SampledFrom([]uint32{1, 2, 9, 9, 9}).Draw(t, "limit"),
	}
}

// compareRelations compares every query about relations of one account, and
// pages from a version as a client does.
func compareRelations(t *rapid.T, q *Queries, m *model, key accountKey) {
	var all []*wire.Relation
	var blacklist, mutelist []string
	for held, r := range m.relations.held {
		if held.tenant != key.tenant || held.account != key.account {
			continue
		}
		all = append(all, r)
		got, err := q.Relation(key.tenant, key.account, held.peer)
		if err != nil {
			t.Fatalf("relation %v: %v", held, err)
		}
		if blank := (got == nil); blank != isBlankRelation(r) || !blank && !proto.Equal(got, r) {
			t.Fatalf("relation %v: %v, want %v", held, got, r)
		}
		if r.Blacklisted {
			blacklist = append(blacklist, r.Account)
		}
		if r.Muted {
			mutelist = append(mutelist, r.Account)
		}
	}
	slices.Sort(blacklist)
	slices.Sort(mutelist)
	gotBlack, gotMute, err := q.Listed(key.tenant, key.account)
	if err != nil || !slices.Equal(gotBlack, blacklist) || !slices.Equal(gotMute, mutelist) {
		t.Fatalf("lists of %v: %v %v %v, want %v %v", key, gotBlack, gotMute, err, blacklist, mutelist)
	}

	since := drawTime(t, m.clock)
	friends := slices.DeleteFunc(slices.Clone(all), func(r *wire.Relation) bool { return !r.Friend || r.UpdatedMs < since })
	slices.SortFunc(friends, func(x, y *wire.Relation) int { return cmp.Compare(x.Account, y.Account) })
	gotFriends, err := q.Friends(key.tenant, key.account, since)
	if err != nil {
		t.Fatalf("friends of %v: %v", key, err)
	}
	sameRelations(t, key, gotFriends, friends)

	slices.SortFunc(all, func(x, y *wire.Relation) int { return cmp.Compare(x.Version, y.Version) })
	version := rapid.Uint64Range(0, m.counter+1).Draw(t, "relations version")
	limit := rapid.Uint32Range(1, 3).Draw(t, "relations limit")
	newest, first := m.relations.versions[key], true
	want := slices.DeleteFunc(all, func(r *wire.Relation) bool {
		if version > newest || version == 0 {
			return false // everything
		}
		return r.Version <= version
	})
	req := &wire.RelationsRequest{Version: version, Limit: limit}
	for {
		res, err := q.Relations(key.tenant, key.account, req)
		if err != nil {
			t.Fatalf("relations %v: %v", key, err)
		}
		if want := first && version > newest; res.StartOver != want || res.FriendMode != m.relations.modes[key] {
			t.Fatalf("relations %v after %d: %v, want start over %v", key, version, res, want)
		}
		page := want[:min(int(limit), len(want))]
		if first && (version == 0 || version > newest) {
			page = slices.DeleteFunc(slices.Clone(page), isBlankRelation)
		}
		sameRelations(t, key, res.Relations, page)
		want, first = want[min(int(limit), len(want)):], false
		if res.More != (len(want) > 0) {
			t.Fatalf("relations %v: more=%v with %d left", key, res.More, len(want))
		}
		if !res.More {
			if res.Version != newest {
				t.Fatalf("relations %v end at %d, want %d", key, res.Version, newest)
			}
			return
		}
		req.Version, req.Floor = res.Version, res.Floor
	}
}

func isBlankRelation(r *wire.Relation) bool {
	return proto.Equal(r, &wire.Relation{Account: r.Account, UpdatedMs: r.UpdatedMs, Version: r.Version})
}

func sameRelations(t *rapid.T, key accountKey, got, want []*wire.Relation) {
	if !slices.EqualFunc(got, want, func(x, y *wire.Relation) bool { return proto.Equal(x, y) }) {
		t.Fatalf("relations of %v:\n got %v\nwant %v", key, got, want)
	}
}
