package state

import (
	"cmp"
	"container/heap"
	"slices"

	"github.com/yizhan-im/yizhan/appliance/wire"
	"github.com/yizhan-im/yizhan/raftstore"
)

// Sync tells which of the account's conversations changed after version: by a
// message, a recall or either side's read cursor; and which of its teams, by an
// entry of their log or a change of what the account is to them. They come in the
// order of their changes, at most limit (1..MaxSyncPage, 0 means 100). Asking again with the
// answer's Version misses nothing, and repeats at most what changed meanwhile.
// A version from the future (of a site that was restored) brings nothing but the
// present one. RelationsVersion tells whether Relations has news.
//
// It reads the rows of all the account's conversations and teams and keeps limit
// of them.
func (q *Queries) Sync(tenant uint32, account string, version uint64, limit int) (*wire.SyncResponse, error) {
	if !validAccount(account) {
		return nil, wire.Errorf(wire.CodeBadParameter, "malformed account")
	}
	v := q.snapshot()
	defer v.Close()
	// First: a change that is made while we look is later than now, and so is
	// reported next time if we miss it.
	var site siteRow
	if _, err := readRow(v, keySite, site.decode); err != nil {
		return nil, err
	}
	totals, err := readRelationTotals(v, tenant, account)
	if err != nil {
		return nil, err
	}
	var deletions versionCount
	if _, err := readRow(v, appendDeletionKey(nil, tenant, account, 0), deletions.decode); err != nil {
		return nil, err
	}
	subscriptions, err := readSubscriptionTotals(v, tenant, account)
	if err != nil {
		return nil, err
	}
	page := syncPage{after: version, limit: pageSize(limit, MaxSyncPage), logs: map[*wire.ConversationState]uint64{}}
	if page.former, err = formerConversations(v, tenant, account); err != nil {
		return nil, err
	}
	if err := page.own(v, tenant, account); err != nil {
		return nil, err
	}
	err = eachMembership(v, tenant, account, func(peer, row []byte) error { return page.add(account, peer, row) })
	if err != nil {
		return nil, err
	}
	if err := page.teams(v, tenant, account); err != nil {
		return nil, err
	}
	inbox, err := readInbox(v, tenant, account)
	if err != nil {
		return nil, err
	}
	found := page.found
	list := lister{v: v, tenant: tenant, account: account, settings: inbox.version != 0 || page.former != nil}
	for _, c := range found {
		if log := page.logs[c]; log != 0 {
			if err := markFloor(v, tenant, log, c); err != nil {
				return nil, err
			}
			if err := list.fill(c, log); err != nil {
				return nil, err
			}
		}
	}
	slices.SortFunc(found, func(x, y *wire.ConversationState) int { return cmp.Compare(x.Version, y.Version) })
	notified, err := notificationsVersion(v, tenant, account)
	if err != nil {
		return nil, err
	}
	broadcasts, err := broadcastsVersion(v, tenant)
	if err != nil {
		return nil, err
	}
	res := &wire.SyncResponse{Conversations: found, Version: site.counter, More: page.more, RelationsVersion: totals.version, SettingsVersion: inbox.version}
	res.NotificationsVersion, res.BroadcastsVersion = max(notified, page.notified), broadcasts
	res.SubscriptionsVersion = subscriptions.version
	if page.more {
		res.Version = min(site.counter, found[len(found)-1].Version)
	}
	res.DeletionsVersion = deletions.version
	return res, nil
}

// pageSize is the size to use for a page for which n was asked.
func pageSize(n, most int) int {
	if n <= 0 {
		return defaultPage
	}
	return min(n, most)
}

// syncPage keeps the limit oldest changes after a version, newest on top.
type syncPage struct {
	after uint64
	limit int
	found []*wire.ConversationState
	logs  map[*wire.ConversationState]uint64 // of found: the id of its log, if the account may read it
	more  bool                               // some were left out

	notified uint64 // version of the newest notification of the teams

	// former are the last entries, by peer, of conversations of an account that had
	// the name before; nil for nearly all accounts.
	former map[string]uint64
}

// own adds the conversations whose key begins with account.
func (p *syncPage) own(v *raftstore.View, tenant uint32, account string) error {
	prefix := appendConvPrefix(nil, tableConv, tenant, account)
	return scan(v, prefix, prefixEnd(prefix), func(key, row []byte) error {
		return p.add(account, key[len(prefix):], row)
	})
}

// add considers one conversation.
func (p *syncPage) add(account string, peer, stored []byte) error {
	var row convRow
	if err := row.decode(stored); err != nil {
		return err
	}
	if row.version <= p.after || p.former != nil && row.lastSeq <= p.former[string(peer)] {
		return nil
	}
	if c := p.slot(row.version); c != nil {
		c.Peer = string(peer)
		c.LastSeq, c.Version, c.TimeMs = row.lastSeq, row.version, row.timeMs
		c.ReadSeq, c.PeerReadSeq = *row.cursor(account, c.Peer), *row.cursor(c.Peer, account)
		p.logs[c] = row.id
		p.placed(c)
	}
	return nil
}

// slot returns the empty state that a change of that version may fill, nil when
// the page is full of older ones. The caller sets its Version and calls placed.
func (p *syncPage) slot(version uint64) *wire.ConversationState {
	if len(p.found) < p.limit {
		return new(wire.ConversationState)
	}
	p.more = true
	c := p.found[0]
	if version > c.Version {
		return nil
	}
	*c = wire.ConversationState{}
	return c
}

func (p *syncPage) placed(c *wire.ConversationState) {
	if len(p.found) > 0 && p.found[0] == c {
		heap.Fix(p, 0)
	} else {
		heap.Push(p, c)
	}
}

// Len, Less, Swap, Push and Pop implement heap.Interface.
func (p *syncPage) Len() int           { return len(p.found) }
func (p *syncPage) Less(i, j int) bool { return p.found[i].Version > p.found[j].Version }
func (p *syncPage) Swap(i, j int)      { p.found[i], p.found[j] = p.found[j], p.found[i] }
func (p *syncPage) Push(x any)         { p.found = append(p.found, x.(*wire.ConversationState)) }
func (p *syncPage) Pop() any {
	last := len(p.found) - 1
	c := p.found[last]
	p.found = p.found[:last]
	return c
}
