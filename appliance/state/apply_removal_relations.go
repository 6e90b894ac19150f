package state

import (
	"github.com/yizhan-im/yizhan/appliance/wire"
	"github.com/yizhan-im/yizhan/raftstore"
)

// relations removes the next of the account's own relations, on both sides.
func (o *removalOp) relations() (over bool, err error) {
	m := o.m
	prefix := appendConvPrefix(nil, tableRelation, o.tenant, o.account)
	peers, err := m.namesUnder(o.tx, prefix, removalRelations)
	if err != nil {
		return false, err
	}
	for _, peer := range peers {
		if err := o.forgetBy(peer); err != nil {
			return false, err
		}
		own, err := m.relationSide(o.tx, o.tenant, o.account, peer)
		if err != nil {
			return false, err
		}
		if err := m.dropRelation(o.tx, own); err != nil {
			return false, err
		}
	}
	if len(peers) == removalRelations {
		return false, nil
	}
	m.key = appendAccountKey(m.key[:0], tableRelationTotals, o.tenant, o.account)
	return true, o.tx.Delete(m.key)
}

// forgetBy removes what peer holds of the account, and tells peer's devices that
// there is nothing any more. Those that are away start over, as the floor says.
func (o *removalOp) forgetBy(peer string) error {
	m := o.m
	side, err := m.relationSide(o.tx, o.tenant, peer, o.account)
	if err != nil || side.before.version == 0 {
		return err
	}
	side.row = relationRow{version: side.before.version, updatedMs: side.before.updatedMs}
	changed, err := m.putSide(o.tx, side)
	if err != nil {
		return err
	}
	if changed {
		o.res.Parts = append(o.res.Parts, &RelationResult{
			Code: wire.CodeOK, Op: RelationDelete, Tenant: o.tenant, Account: o.account, Peer: peer,
			PeerRelation: appendBody(nil, side.row.wire(o.account)),
		})
	}
	if side, err = m.relationSide(o.tx, o.tenant, peer, o.account); err != nil || side.before.version == 0 {
		return err // it has made room already
	}
	if err := m.dropRelation(o.tx, side); err != nil {
		return err
	}
	side.totals.spare--
	side.totals.floor = max(side.totals.floor, side.before.version)
	return m.putRelationTotals(o.tx, o.tenant, peer, &side.totals)
}

// dropRelation deletes the rows of one side of a relation as it is stored.
func (m *Machine) dropRelation(tx *raftstore.Tx, s *relationSide) error {
	if s.before.version == 0 {
		return nil
	}
	m.key = relationTables.appendOrderKey(m.key[:0], s.tenant, s.account, s.before.place())
	if err := tx.Delete(m.key); err != nil {
		return err
	}
	for _, table := range [...]byte{tableRelation, tableSpecial} {
		m.key = appendRelationKey(m.key[:0], table, s.tenant, s.account, s.peer)
		if err := tx.Delete(m.key); err != nil {
			return err
		}
	}
	return nil
}

// subscriptions ends the next subscriptions of the account, then those to it.
func (o *removalOp) subscriptions() (over bool, err error) {
	m := o.m
	publishers, err := m.namesUnder(o.tx, appendConvPrefix(nil, tableSubscription, o.tenant, o.account), removalSubscriptions)
	if err != nil {
		return false, err
	}
	for _, publisher := range publishers {
		var row subscriptionRow
		if _, err := m.subscription(o.tx, o.tenant, o.account, publisher, &row); err != nil {
			return false, err
		}
		if err := m.unfollow(o.tx, o.tenant, o.account, publisher, &row); err != nil {
			return false, err
		}
	}
	room := removalSubscriptions - len(publishers)
	if room == 0 {
		return false, nil
	}
	followers, err := m.namesUnder(o.tx, appendConvPrefix(nil, tableSubscriber, o.tenant, o.account), room)
	if err != nil {
		return false, err
	}
	for _, follower := range followers {
		if err := o.loseFollower(follower); err != nil {
			return false, err
		}
	}
	if len(followers) == room {
		return false, nil
	}
	m.key = appendAccountKey(m.key[:0], tableSubscriptionTotals, o.tenant, o.account)
	return true, o.tx.Delete(m.key)
}

func (o *removalOp) loseFollower(follower string) error {
	m := o.m
	var row subscriptionRow
	if _, err := m.subscription(o.tx, o.tenant, follower, o.account, &row); err != nil {
		return err
	}
	if err := m.unfollow(o.tx, o.tenant, follower, o.account, &row); err != nil {
		return err
	}
	totals, err := m.subscriptionTotals(o.tx, o.tenant, follower)
	if err != nil {
		return err
	}
	totals.following--
	res := &SubscriptionResult{Code: wire.CodeOK, Tenant: o.tenant, Subscriber: follower, Removed: []string{o.account}}
	o.res.Parts = append(o.res.Parts, res)
	return m.finishSubscription(o.tx, res, &totals, true)
}
