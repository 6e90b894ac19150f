package state

import (
	"cmp"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/yizhan-im/yizhan/appliance/wire"
	"github.com/yizhan-im/yizhan/raftstore"
)

// listed is a conversation of an account's list. What it refers to belongs to
// eachListed.
type listed struct {
	scene                      wire.Scene
	peer                       []byte // the other account, or the team's number in digits
	log                        uint64
	lastSeq, readSeq, firstSeq uint64
	timeMs                     int64
	notifyOff                  bool // of a team
	setting                    conversationSetting
}

// eachListed calls each for every conversation that the account has not removed
// from its list.
func eachListed(v *raftstore.View, tenant uint32, account string, each func(*listed) error) error {
	settings, err := readSettings(v, tenant, account)
	if err != nil {
		return err
	}
	var name []byte
	consider := func(p *listed) error {
		if len(settings) > 0 {
			name = append(append(name[:0], byte(p.scene)), p.peer...)
			if p.setting = settings[string(name)]; p.setting.removedAt(p.lastSeq) {
				return nil
			}
		}
		return each(p)
	}
	var p listed
	var row convRow
	ofConv := func(peer, stored []byte) error {
		if err := row.decode(stored); err != nil {
			return err
		}
		p = listed{scene: wire.Scene_SCENE_P2P, peer: peer, log: row.id, lastSeq: row.lastSeq, timeMs: row.timeMs}
		if p.readSeq = row.readA; account > string(peer) {
			p.readSeq = row.readB
		}
		return consider(&p)
	}
	prefix := appendConvPrefix(nil, tableConv, tenant, account)
	if err := scan(v, prefix, prefixEnd(prefix), func(key, stored []byte) error { return ofConv(key[len(prefix):], stored) }); err != nil {
		return err
	}
	if err := eachMembership(v, tenant, account, ofConv); err != nil {
		return err
	}
	return eachTeam(v, tenant, account, func(id uint64, standing *standingRow, head *teamHead) error {
		p = listed{
			scene: wire.Scene_SCENE_TEAM, log: id, lastSeq: head.lastSeq, readSeq: standing.readSeq, firstSeq: standing.firstSeq,
			timeMs: head.timeMs, notifyOff: standing.notifyOff, peer: strconv.AppendUint(p.peer[:0:0], id, 10),
		}
		return consider(&p)
	})
}

// eachMembership calls each for the conversations with accounts smaller than
// account.
func eachMembership(v *raftstore.View, tenant uint32, account string, each func(peer, stored []byte) error) error {
	prefix := appendConvPrefix(nil, tableMember, tenant, account)
	var key, row []byte
	return scan(v, prefix, prefixEnd(prefix), func(member, _ []byte) error {
		peer := member[len(prefix):]
		key = append(appendU32(appendTable(key[:0], tableConv), tenant), byte(len(peer)))
		key = append(append(key, peer...), account...)
		var ok bool
		var err error
		if row, ok, err = v.AppendTo(row[:0], key); err != nil {
			return readError(err)
		}
		if !ok {
			return fmt.Errorf("%w: membership %x has no conversation", errDamaged, member)
		}
		return each(peer, row)
	})
}

// eachTeam calls each for the teams that account is a member of.
func eachTeam(v *raftstore.View, tenant uint32, account string, each func(id uint64, row *standingRow, head *teamHead) error) error {
	prefix := appendConvPrefix(nil, tableTeamStanding, tenant, account)
	var key, buf []byte
	return scan(v, prefix, prefixEnd(prefix), func(standingKey, stored []byte) error {
		var row standingRow
		if err := row.decode(stored); err != nil || !row.isMember() {
			return err
		}
		id, err := teamOfKey(standingKey)
		if err != nil {
			return err
		}
		var ok bool
		key = appendTeamKey(key[:0], tableTeamHead, tenant, id)
		if buf, ok, err = v.AppendTo(buf[:0], key); err != nil {
			return readError(err)
		}
		var head teamHead
		if ok {
			err = head.decode(buf)
		}
		if err != nil || !ok || head.dismissed {
			return err
		}
		return each(id, &row, &head)
	})
}

// listPlace is where a conversation is in the list: the smaller ones come first.
// The zero listPlace is before all.
type listPlace struct {
	given  bool
	rest   bool // not a top one
	timeMs int64
	scene  wire.Scene
	peer   string
}

func (p listPlace) compare(q listPlace) int {
	rest := func(p listPlace) int {
		if p.rest {
			return 1
		}
		return 0
	}
	return cmp.Or(cmp.Compare(rest(p), rest(q)), cmp.Compare(q.timeMs, p.timeMs), cmp.Compare(p.scene, q.scene), cmp.Compare(p.peer, q.peer))
}

// String is the place as a cursor; parseListPlace reads it.
func (p listPlace) String() string {
	class := "top"
	if p.rest {
		class = "rest"
	}
	return fmt.Sprintf("%s.%d.%d.%s", class, p.timeMs, p.scene, p.peer)
}

func parseListPlace(cursor string) (p listPlace, err error) {
	if cursor == "" {
		return p, nil
	}
	fields := strings.SplitN(cursor, ".", 4)
	if len(fields) == 4 {
		timeMs, errTime := strconv.ParseInt(fields[1], 10, 64)
		scene, errScene := strconv.ParseUint(fields[2], 10, 8)
		p = listPlace{given: true, rest: fields[0] == "rest", timeMs: timeMs, scene: wire.Scene(scene), peer: fields[3]}
		if errTime == nil && errScene == nil && p.String() == cursor {
			return p, nil
		}
	}
	return p, wire.Errorf(wire.CodeBadParameter, "cursor must be that of another answer")
}

// listPage keeps the limit first places after one.
type listPage struct {
	after listPlace
	limit int
	found []listPlace
	more  bool
}

func (p *listPage) add(c *listed) error {
	place := listPlace{given: true, rest: !c.setting.top, timeMs: c.timeMs, scene: c.scene}
	if p.after.given {
		place.peer = string(c.peer)
		if place.compare(p.after) <= 0 {
			return nil
		}
	}
	place.peer = string(c.peer)
	if p.found = append(p.found, place); len(p.found) >= 8*p.limit {
		p.cut()
	}
	return nil
}

func (p *listPage) cut() {
	slices.SortFunc(p.found, listPlace.compare)
	if len(p.found) > p.limit {
		p.found, p.more = p.found[:p.limit], true
	}
}

// finish sorts what was found and reports whether there is more.
func (p *listPage) finish() bool {
	p.cut()
	return p.more
}
