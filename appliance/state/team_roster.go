package state

import (
	"slices"
	"sort"

	"github.com/yizhan-im/yizhan/appliance/wire"
	"github.com/yizhan-im/yizhan/raftstore"
)

// roster mirrors who is in a team: Send asks it for permission and its result
// tells fan-out whom to look for. It never changes; a change of the team makes
// another one, so that results may share names.
type roster struct {
	names []string // in order
	marks []mark   // of each name
}

// mark is a member's role, and whether it is muted.
type mark uint8

const (
	markRole  mark = 0x0f
	markMuted mark = 0x10
)

func markOf(m *memberRow) mark {
	k := mark(m.role)
	if m.muted {
		k |= markMuted
	}
	return k
}

func (k mark) role() wire.TeamRole { return wire.TeamRole(k & markRole) }
func (k mark) muted() bool         { return k&markMuted != 0 }
func (k mark) manages() bool       { return k.role() != wire.TeamRole_TEAM_ROLE_MEMBER }

// find returns the member's mark.
func (r *roster) find(name string) (mark, bool) {
	i, ok := slices.BinarySearch(r.names, name)
	if !ok {
		return 0, false
	}
	return r.marks[i], true
}

// with returns a roster in which names, which are not in r, are plain members.
func (r *roster) with(names []string) *roster {
	all := &rosterBuilder{names: make([]string, 0, len(r.names)+len(names)), marks: make([]mark, 0, len(r.names)+len(names))}
	all.names, all.marks = append(all.names, r.names...), append(all.marks, r.marks...)
	all.names = append(all.names, names...)
	all.marks = append(all.marks, make([]mark, len(names))...)
	sort.Sort(all)
	return (*roster)(all)
}

// without returns a roster that lacks names.
func (r *roster) without(names []string) *roster {
	rest := &roster{names: make([]string, 0, len(r.names)), marks: make([]mark, 0, len(r.names))}
	for i, name := range r.names {
		if !slices.Contains(names, name) {
			rest.names, rest.marks = append(rest.names, name), append(rest.marks, r.marks[i])
		}
	}
	return rest
}

// marked returns a roster with the mark of name, which is in r, replaced.
func (r *roster) marked(name string, k mark) *roster {
	next := &roster{names: r.names, marks: slices.Clone(r.marks)}
	i, _ := slices.BinarySearch(r.names, name)
	next.marks[i] = k
	return next
}

// managers are the owner and the managers.
func (r *roster) managers() (names []string) {
	for i, k := range r.marks {
		if k.manages() {
			names = append(names, r.names[i])
		}
	}
	return names
}

// rosterBuilder sorts a roster that nobody has seen yet.
type rosterBuilder roster

func (b *rosterBuilder) Len() int           { return len(b.names) }
func (b *rosterBuilder) Less(i, j int) bool { return b.names[i] < b.names[j] }
func (b *rosterBuilder) Swap(i, j int) {
	b.names[i], b.names[j] = b.names[j], b.names[i]
	b.marks[i], b.marks[j] = b.marks[j], b.marks[i]
}

// loadRoster reads the members' rows.
func loadRoster(tx *raftstore.Tx, tenant uint32, id uint64) (*roster, error) {
	prefix := appendTeamKey(nil, tableTeamMember, tenant, id)
	it, err := tx.Iter(prefix, prefixEnd(prefix))
	if err != nil {
		return nil, err
	}
	r := new(roster)
	var all []byte // the names share one piece of memory
	var ends []int
	for ok := it.First(); ok && err == nil; ok = it.Next() {
		var k mark
		k, err = decodeMark(it.Value())
		all = append(all, it.Key()[len(prefix):]...)
		ends, r.marks = append(ends, len(all)), append(r.marks, k)
	}
	if closeErr := it.Close(); err == nil {
		err = closeErr
	}
	text, from := string(all), 0
	r.names = make([]string, len(ends))
	for i, to := range ends {
		r.names[i], from = text[from:to], to
	}
	return r, err
}

// maxHotMembers bounds each half of the cache, in members of its teams (and one
// for each team): both together take at most some 25 MB.
const maxHotMembers = 256 << 10

// teamCache mirrors teams used lately, in two halves as convCache does. Nothing
// that Apply answers or stores depends on what it holds.
type teamCache struct {
	limit    int // of each half, in members
	weight   int // of hot
	hot, old map[teamKey]*team
}

type teamKey struct {
	tenant uint32
	id     uint64
}

// team is a team's head and roster. It belongs to the cache: whoever changes it
// stores it with putTeam.
type team struct {
	head    teamHead
	members *roster
}

func newTeamCache(limit int) teamCache {
	return teamCache{limit: limit, hot: make(map[teamKey]*team)}
}

func (c *teamCache) get(key teamKey) *team {
	if t := c.hot[key]; t != nil {
		return t
	}
	t := c.old[key]
	if t != nil {
		c.put(key, t)
	}
	return t
}

func (c *teamCache) put(key teamKey, t *team) {
	if c.weight >= c.limit {
		c.hot, c.old, c.weight = make(map[teamKey]*team), c.hot, 0
	}
	c.hot[key] = t
	c.weight += 1 + len(t.members.names)
}

// team returns a team that is not dismissed, or nil.
func (m *Machine) team(tx *raftstore.Tx, tenant uint32, id uint64) (*team, error) {
	key := teamKey{tenant, id}
	if t := m.teams.get(key); t != nil {
		return t, nil
	}
	m.key = appendTeamKey(m.key[:0], tableTeamHead, tenant, id)
	stored, ok, err := tx.Get(m.key)
	if err != nil || !ok {
		return nil, err
	}
	t := new(team)
	if err := t.head.decode(stored); err != nil || t.head.dismissed {
		return nil, err
	}
	if t.head.mega() {
		t.members = new(roster) // nobody looks at it
	} else if t.members, err = loadRoster(tx, tenant, id); err != nil {
		return nil, err
	}
	m.teams.put(key, t)
	return t, nil
}

// putTeam stores the head of a team.
func (m *Machine) putTeam(tx *raftstore.Tx, tenant uint32, id uint64, t *team) error {
	m.key = appendTeamKey(m.key[:0], tableTeamHead, tenant, id)
	m.val = t.head.append(m.val[:0])
	return tx.Set(m.key, m.val)
}

func (c *teamCache) forget(key teamKey) {
	delete(c.hot, key)
	delete(c.old, key)
}
