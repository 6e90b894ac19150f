package state

import (
	"github.com/yizhan-im/yizhan/appliance/wire"
	"github.com/yizhan-im/yizhan/raftstore"
)

// MaxRelationsPage is the most relations in one answer of Relations.
const MaxRelationsPage = 200

// Relations reads which of the account's relations changed after r.Version, in
// the order of their changes, at most r.Limit (1..MaxRelationsPage, 0 means 100).
// Asking again with the answer's Version and Floor misses nothing and repeats at
// most what changed meanwhile. With StartOver the answer is the beginning of
// all relations: since r.Version so many have gone that some are forgotten, or
// the version is not of this site.
func (q *Queries) Relations(tenant uint32, account string, r *wire.RelationsRequest) (*wire.RelationsResponse, error) {
	if !validAccount(account) {
		return nil, wire.Errorf(wire.CodeBadParameter, "malformed account")
	}
	v := q.view()
	defer v.Close()
	limit := pageSize(int(r.Limit), MaxRelationsPage)
	var totals relationTotals
	p, err := pageAboveFloor(r.Version, r.Floor, func() (version, floor uint64, err error) {
		totals, err = readRelationTotals(v, tenant, account)
		return totals.version, totals.floor, err
	}, func(version uint64) ([]*wire.Relation, uint64, error) {
		return relationsAfter(v, tenant, account, version, limit)
	})
	if err != nil {
		return nil, err
	}
	return &wire.RelationsResponse{
		Relations: p.rows, Version: p.version, Floor: p.floor, More: p.more, StartOver: p.startOver, FriendMode: totals.mode,
	}, nil
}

// relationsAfter reads the limit oldest changes after version. last is the
// version of the last one when there are more, otherwise 0.
func relationsAfter(v *raftstore.View, tenant uint32, account string, version uint64, limit int) (found []*wire.Relation, last uint64, err error) {
	changes, last, err := relationTables.after(v, tenant, account, version, limit)
	if err != nil {
		return nil, 0, err
	}
	for _, c := range changes {
		var row relationRow
		ok, err := readRow(v, appendRelationKey(nil, tableRelation, tenant, account, c.name), row.decode)
		if err != nil {
			return nil, 0, err
		}
		if !ok {
			row.version = c.version // forgotten meanwhile
		}
		// A client that holds nothing needs no word of what is no more.
		if version > 0 || !row.blank() {
			found = append(found, row.wire(c.name))
		}
	}
	return found, last, nil
}

// Relation reads what account holds of peer; nil when that is nothing.
func (q *Queries) Relation(tenant uint32, account, peer string) (*wire.Relation, error) {
	if !validAccount(account) || !validAccount(peer) {
		return nil, nil
	}
	v := q.view()
	defer v.Close()
	var row relationRow
	ok, err := readRow(v, appendRelationKey(nil, tableRelation, tenant, account, peer), row.decode)
	if err != nil || !ok || row.blank() {
		return nil, err
	}
	return row.wire(peer), nil
}

// Friends reads the account's friends whose relation has changed at sinceMs or
// later, in the order of their names. It reads all relations of the account.
func (q *Queries) Friends(tenant uint32, account string, sinceMs int64) ([]*wire.Relation, error) {
	v := q.view()
	defer v.Close()
	var friends []*wire.Relation
	prefix := appendConvPrefix(nil, tableRelation, tenant, account)
	err := scan(v, prefix, prefixEnd(prefix), func(key, stored []byte) error {
		var row relationRow
		if err := row.decode(stored); err != nil {
			return err
		}
		if row.friend && row.updatedMs >= sinceMs {
			friends = append(friends, row.wire(string(key[len(prefix):])))
		}
		return nil
	})
	return friends, err
}

// Listed reads the account's blacklist and mute list, in the order of the names.
func (q *Queries) Listed(tenant uint32, account string) (blacklist, mutelist []string, err error) {
	v := q.view()
	defer v.Close()
	prefix := appendConvPrefix(nil, tableSpecial, tenant, account)
	err = scan(v, prefix, prefixEnd(prefix), func(key, stored []byte) error {
		s, err := decodeSpecial(stored)
		peer := string(key[len(prefix):])
		if s&specialBlacklisted != 0 {
			blacklist = append(blacklist, peer)
		}
		if s&specialMuted != 0 {
			mutelist = append(mutelist, peer)
		}
		return err
	})
	return blacklist, mutelist, err
}

func readRelationTotals(v *raftstore.View, tenant uint32, account string) (t relationTotals, err error) {
	_, err = readRow(v, appendAccountKey(nil, tableRelationTotals, tenant, account), t.decode)
	return t, err
}
