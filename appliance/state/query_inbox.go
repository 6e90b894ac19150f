package state

import (
	"github.com/yizhan-im/yizhan/appliance/wire"
	"github.com/yizhan-im/yizhan/raftstore"
)

const (
	// MaxConversationsPage is the most conversations in one answer of
	// Conversations and ConversationStates; the default of the former is
	// defaultConversationsPage.
	MaxConversationsPage     = 100
	defaultConversationsPage = 50
	// maxUnreadScans bounds the entries that one Unread looks at: some 12 ms.
	maxUnreadScans = 20_000
)

// Conversations reads a page of the account's conversation list, at most limit
// (1..MaxConversationsPage, 0 means 50): those that are not removed, top ones
// first, then the others, each from the newest message to the oldest. cursor is
// "" or the Cursor of the page before; CodeBadParameter for any other. Version is
// read before the conversations, so a sync from it misses nothing.
//
// It reads the rows of all the account's conversations and teams and keeps a few
// pages of their names.
func (q *Queries) Conversations(tenant uint32, account, cursor string, limit int) (*wire.ConversationsResponse, error) {
	if !validAccount(account) {
		return nil, wire.Errorf(wire.CodeBadParameter, "malformed account")
	}
	after, err := parseListPlace(cursor)
	if err != nil {
		return nil, err
	}
	if limit <= 0 {
		limit = defaultConversationsPage
	}
	v := q.snapshot()
	defer v.Close()
	var site siteRow
	if _, err := readRow(v, keySite, site.decode); err != nil {
		return nil, err
	}
	page := listPage{after: after, limit: min(limit, MaxConversationsPage)}
	if err := eachListed(v, tenant, account, page.add); err != nil {
		return nil, err
	}
	more := page.finish()
	res := &wire.ConversationsResponse{Version: site.counter}
	for i := range page.found {
		c, err := conversationState(v, tenant, account, page.found[i].scene, page.found[i].peer)
		if err != nil {
			return nil, err
		}
		if c != nil {
			res.Conversations = append(res.Conversations, c)
		}
	}
	if more {
		res.Cursor = page.found[len(page.found)-1].String()
	}
	return res, nil
}

// ConversationStates reads those of the named conversations that there are for the
// account, in the order asked for. CodeCountLimit for more than
// MaxConversationsPage.
func (q *Queries) ConversationStates(tenant uint32, account string, keys []*wire.ConversationKey) (*wire.ConversationStatesResponse, error) {
	if len(keys) > MaxConversationsPage {
		return nil, wire.Errorf(wire.CodeCountLimit, "at most %d conversations", MaxConversationsPage)
	}
	v := q.snapshot()
	defer v.Close()
	res := new(wire.ConversationStatesResponse)
	for _, key := range keys {
		c, err := conversationState(v, tenant, account, key.Scene, key.Peer)
		if err != nil {
			return nil, err
		}
		if c != nil {
			res.Conversations = append(res.Conversations, c)
		}
	}
	return res, nil
}

// Unread counts what the account has not read in the conversations of its list.
// It looks at the rows of all of them, and at the entries of those with something
// unread, at most maxUnreadScans: past that More is set, as it is when one
// conversation has more than MaxUnreadScan.
func (q *Queries) Unread(tenant uint32, account string) (*wire.UnreadResponse, error) {
	if !validAccount(account) {
		return nil, wire.Errorf(wire.CodeBadParameter, "malformed account")
	}
	v := q.snapshot()
	defer v.Close()
	res := new(wire.UnreadResponse)
	quiet, err := mutedPeers(v, tenant, account)
	if err != nil {
		return nil, err
	}
	list := lister{v: v, tenant: tenant, account: account}
	var c wire.ConversationState
	err = eachListed(v, tenant, account, func(p *listed) error {
		if list.looked >= maxUnreadScans {
			res.More = true
			return nil
		}
		c = wire.ConversationState{LastSeq: p.lastSeq, ReadSeq: p.readSeq, FirstSeq: p.firstSeq}
		if p.setting.clearedSeq != 0 {
			c.FirstSeq = max(c.FirstSeq, p.setting.clearedSeq+1)
		}
		if err := list.count(&c, p.log); err != nil {
			return err
		}
		switch {
		case c.Unread > 0:
			res.Unread += c.Unread
			res.Conversations++
			if p.setting.muted || p.notifyOff || p.scene == wire.Scene_SCENE_P2P && quiet[string(p.peer)] {
				res.Muted += c.Unread
			}
		case p.setting.markedAt(p.readSeq):
			res.Marked++
		}
		res.More = res.More || c.UnreadMore
		return nil
	})
	return res, err
}

// mutedPeers is the account's mute list, as a set.
func mutedPeers(v *raftstore.View, tenant uint32, account string) (muted map[string]bool, err error) {
	prefix := appendConvPrefix(nil, tableSpecial, tenant, account)
	err = scan(v, prefix, prefixEnd(prefix), func(key, stored []byte) error {
		s, err := decodeSpecial(stored)
		if s&specialMuted != 0 {
			if muted == nil {
				muted = make(map[string]bool)
			}
			muted[string(key[len(prefix):])] = true
		}
		return err
	})
	return muted, err
}

// conversationState is what sync tells of one conversation, nil when the account
// has none.
func conversationState(v *raftstore.View, tenant uint32, account string, scene wire.Scene, peer string) (*wire.ConversationState, error) {
	if _, ok := appendConvName(nil, scene, peer); !ok || !validAccount(account) {
		return nil, nil
	}
	c, log := &wire.ConversationState{Scene: scene, Peer: peer}, uint64(0)
	if scene == wire.Scene_SCENE_TEAM {
		log, _ = ParseTeamID(peer)
		head, err := readHead(v, tenant, log)
		var row standingRow
		if err == nil {
			row, err = readStanding(v, tenant, account, log)
		}
		if err == errTeamMissing || err == errNotInTeam {
			return nil, nil
		}
		if err != nil {
			return nil, err
		}
		self, err := readMember(v, tenant, log, account)
		if err != nil {
			return nil, err
		}
		c = row.state(log, &head, self)
	} else {
		var row convRow
		if ok, err := readRow(v, appendConvKey(nil, tenant, account, peer), row.decode); err != nil || !ok {
			return nil, err
		}
		setting, err := readSetting(v, tenant, account, scene, peer)
		if err != nil || setting.formerAt(row.lastSeq) {
			return nil, err
		}
		log = row.id
		c.LastSeq, c.Version, c.TimeMs = row.lastSeq, row.version, row.timeMs
		c.ReadSeq, c.PeerReadSeq = *row.cursor(account, peer), *row.cursor(peer, account)
	}
	if err := markFloor(v, tenant, log, c); err != nil {
		return nil, err
	}
	list := lister{v: v, tenant: tenant, account: account, settings: true}
	return c, list.fill(c, log)
}

// UnreadConversations names at most limit conversations of the account's list that
// have something unread or are marked so, each with its last entry.
func (q *Queries) UnreadConversations(tenant uint32, account string, limit int) ([]ReadOne, error) {
	v := q.snapshot()
	defer v.Close()
	list := lister{v: v, tenant: tenant, account: account}
	var found []ReadOne
	err := eachListed(v, tenant, account, func(p *listed) error {
		if len(found) == limit || p.readSeq >= p.lastSeq && !p.setting.markedAt(p.readSeq) {
			return nil
		}
		c := wire.ConversationState{LastSeq: p.lastSeq, ReadSeq: p.readSeq, FirstSeq: max(p.firstSeq, p.setting.clearedSeq+1)}
		if list.looked < maxUnreadScans { // past that, what may be unread is read
			if err := list.count(&c, p.log); err != nil || c.Unread == 0 && !p.setting.markedAt(p.readSeq) {
				return err
			}
		}
		one := ReadOne{Seq: p.lastSeq}
		if p.scene == wire.Scene_SCENE_TEAM {
			one.Team = p.log
		} else {
			one.Peer = string(p.peer)
		}
		found = append(found, one)
		return nil
	})
	return found, err
}

// ConversationsByTime reads the conversations of the account's list whose newest
// message is of minMs to maxMs, both included, from the newest to the oldest, at
// most limit (1..MaxConversationsPage, 0 means MaxConversationsPage). more tells
// that there are others.
func (q *Queries) ConversationsByTime(tenant uint32, account string, minMs, maxMs int64, limit int) (found []*wire.ConversationState, more bool, err error) {
	v := q.snapshot()
	defer v.Close()
	if limit <= 0 {
		limit = MaxConversationsPage
	}
	page := listPage{limit: min(limit, MaxConversationsPage)}
	err = eachListed(v, tenant, account, func(p *listed) error {
		if p.timeMs < minMs || p.timeMs > maxMs {
			return nil
		}
		p.setting.top = false
		return page.add(p)
	})
	if err != nil {
		return nil, false, err
	}
	more = page.finish()
	for i := range page.found {
		c, err := conversationState(v, tenant, account, page.found[i].scene, page.found[i].peer)
		if err != nil {
			return nil, false, err
		}
		if c != nil {
			found = append(found, c)
		}
	}
	return found, more, nil
}
