package state

import (
	"strings"

	"github.com/yizhan-im/yizhan/raftstore"
)

// teamMark returns what account is in the team t, whose number is id; ok is false
// when it is no member. Of a team that is the roster's answer. A mega-team has no
// roster: the member's own row is read, and remembered.
func (m *Machine) teamMark(tx *raftstore.Tx, tenant uint32, id uint64, t *team, account string) (k mark, ok bool, err error) {
	if !t.head.mega() {
		k, ok = t.members.find(account)
		return k, ok, nil
	}
	key := markKey{tenant, id, account}
	if k, ok := m.marks.get(key); ok {
		return k, true, nil
	}
	m.key = appendTeamMemberKey(m.key[:0], tableTeamMember, tenant, id, account)
	stored, ok, err := tx.Get(m.key)
	if err != nil || !ok {
		return 0, false, err
	}
	if k, err = decodeMark(stored); err != nil {
		return 0, false, err
	}
	key.account = strings.Clone(account) // it may share memory with a message
	m.marks.put(key, k)
	return k, true, nil
}

// audience is who is to be told what happens in the team; nil of a mega-team,
// whose online members each node knows for itself.
func (t *team) audience() []string {
	if t.head.mega() {
		return nil
	}
	return t.members.names
}

// managers are the names of who manages the team, its owner among them.
func (o *teamOp) managers() ([]string, error) {
	if !o.t.head.mega() {
		return o.t.members.managers(), nil
	}
	prefix := appendTeamClass(nil, o.c.Tenant, o.c.Team, classManager)
	it, err := o.tx.Iter(prefix, prefixEnd(prefix))
	if err != nil {
		return nil, err
	}
	var names []string
	for ok := it.First(); ok; ok = it.Next() {
		names = append(names, string(it.Key()[len(prefix):]))
	}
	return names, it.Close()
}

func (o *teamOp) find(account string) (mark, bool, error) {
	return o.m.teamMark(o.tx, o.c.Tenant, o.c.Team, o.t, account)
}

// maxHotMarks bounds each half of markCache: both take at most some 25 MB.
const maxHotMarks = 128 << 10

// markCache mirrors the marks of members of mega-teams that have done something
// lately, in two halves as convCache does. It holds members only. Nothing that
// Apply answers or stores depends on what it holds.
type markCache struct {
	limit    int // of each half
	hot, old map[markKey]mark
}

type markKey struct {
	tenant  uint32
	team    uint64
	account string
}

func newMarkCache(limit int) markCache {
	return markCache{limit: limit, hot: make(map[markKey]mark)}
}

func (c *markCache) get(key markKey) (mark, bool) {
	if k, ok := c.hot[key]; ok {
		return k, true
	}
	k, ok := c.old[key]
	if ok {
		key.account = strings.Clone(key.account)
		c.put(key, k)
	}
	return k, ok
}

func (c *markCache) put(key markKey, k mark) {
	if len(c.hot) >= c.limit {
		c.hot, c.old = make(map[markKey]mark), c.hot
	}
	c.hot[key] = k
}

func (c *markCache) forget(key markKey) {
	delete(c.hot, key)
	delete(c.old, key)
}

// setMark replaces the mark of a member of a mega-team, or removes it with gone:
// who manages the team and who is muted is listed apart, so that both can be paged
// without reading all members.
func (o *teamOp) setMark(account string, before, after mark, gone bool) error {
	key := markKey{o.c.Tenant, o.c.Team, account}
	if gone {
		o.m.marks.forget(key)
		after = 0
	} else {
		o.m.marks.put(key, after)
	}
	for _, class := range [...]struct {
		class   byte
		was, is bool
	}{
		{classManager, before.manages(), after.manages()},
		{classMuted, before.muted(), after.muted()},
	} {
		if class.was == class.is {
			continue
		}
		o.m.key = append(appendTeamClass(o.m.key[:0], o.c.Tenant, o.c.Team, class.class), account...)
		var err error
		if class.is {
			err = o.tx.Set(o.m.key, []byte{rowVersion})
		} else {
			err = o.tx.Delete(o.m.key)
		}
		if err != nil {
			return err
		}
	}
	return nil
}
