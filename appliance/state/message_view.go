package state

import (
	"encoding/binary"
	"math"
	"slices"

	"github.com/yizhan-im/yizhan/appliance/wire"
	"github.com/yizhan-im/yizhan/raftstore"
)

// viewer is who reads a log, and from which device; no device stands for one that
// may see all that the account may.
type viewer struct {
	v       *raftstore.View
	tenant  uint32
	account string
	device  string

	since      uint64 // newest id when the device came
	sinceKnown bool
	born       uint64 // as in Machine.bornAt
	bornKnown  bool
}

// show makes messages of one log, in any order, what the viewer may see: entries
// without content for what is not meant for this device, was taken from the
// account or deleted by it. No entry goes, so that what is left is gapless.
func (w *viewer) show(conv uint64, messages []*wire.Message) error {
	if len(messages) == 0 {
		return nil
	}
	low, high := uint64(math.MaxUint64), uint64(0)
	for _, m := range messages {
		low, high = min(low, m.Seq), max(high, m.Seq)
		kept, err := w.forDevice(conv, m)
		if err != nil {
			return err
		}
		if !kept || withdrawnFrom(m, w.account) {
			hide(m)
			continue
		}
		if m.Changes != nil {
			if err := w.changes(conv, m); err != nil {
				return err
			}
		}
	}
	return w.hideDeleted(conv, messages, low, high)
}

// forDevice reports whether the options of m, an entry of the log conv, let this
// device see it. An edit has those of its message, and is for whom that was for.
func (w *viewer) forDevice(conv uint64, m *wire.Message) (bool, error) {
	o := m.Options
	if o == nil || w.device == "" {
		return true, nil
	}
	if o.NoSenderSync && m.From == w.account && m.FromDevice != w.device {
		return false, nil
	}
	if !o.NoRoam && !o.NoHistory {
		return true, nil
	}
	since, err := w.deviceSince()
	if err != nil || m.Id <= since {
		return false, err
	}
	if m.Type != TypeEdit || since == 0 {
		return true, nil
	}
	var target wire.Message
	ok, err := readRow(w.v, appendMessageKey(nil, w.tenant, conv, m.RefSeq), target.UnmarshalVT)
	return ok && target.Id > since, err
}

// deviceSince is the newest id of the site when the device came: none that is new
// to the server has been there before.
func (w *viewer) deviceSince() (uint64, error) {
	if w.sinceKnown {
		return w.since, nil
	}
	since, known, err := sinceOf(w.v, w.tenant, w.account, w.device)
	if err != nil {
		return 0, err
	}
	if w.since, w.sinceKnown = since, true; !known {
		w.since = math.MaxUint64
	}
	return w.since, nil
}

// sinceOf is the newest id of the site when the account's device came; known is
// false when it has not come yet.
func sinceOf(v *raftstore.View, tenant uint32, account, id string) (since uint64, known bool, err error) {
	var row devicesRow
	if _, err := readRow(v, appendAccountKey(nil, tableDevices, tenant, account), row.decode); err != nil {
		return 0, false, err
	}
	for i := range row.devices {
		if row.devices[i].id == id {
			return row.devices[i].since, true, nil
		}
	}
	return 0, false, nil
}

// DeviceSince is the newest id of the site when the account's device came: what was
// sent before with the options no_roam or no_history is not for it. A device that
// comes now came at the newest id that there is.
func (q *Queries) DeviceSince(tenant uint32, account, device string) (uint64, error) {
	if !validAccount(account) {
		return 0, wire.Errorf(wire.CodeBadParameter, "malformed account")
	}
	v := q.snapshot()
	defer v.Close()
	since, known, err := sinceOf(v, tenant, account, device)
	if err != nil || known {
		return since, err
	}
	var site siteRow
	_, err = readRow(v, keySite, site.decode)
	return site.counter, err
}

// changes completes what became of m for the account.
func (w *viewer) changes(conv uint64, m *wire.Message) error {
	m.Changes.Withdrawn = false // its sender is not told
	for _, r := range m.Changes.Reactions {
		named := slices.Contains(r.Accounts, w.account)
		if !named && int(r.Count) == len(r.Accounts) {
			continue
		}
		if err := w.bornOnce(); err != nil {
			return err
		}
		if named && w.born == 0 { // nobody has had the name before
			r.Mine = true
			continue
		}
		var row reactionRow
		there, err := readRow(w.v, appendReactionKey(nil, w.tenant, conv, m.Seq, r.Emoji, w.account), row.decode)
		if err != nil {
			return err
		}
		r.Mine = there && row.born == w.born
	}
	return nil
}

// bornOnce finds out about who had the account's name before.
func (w *viewer) bornOnce() error {
	if w.bornKnown {
		return nil
	}
	var row tombstoneRow
	_, err := readRow(w.v, appendAccountKey(nil, tableTombstone, w.tenant, w.account), row.decode)
	w.born, w.bornKnown = row.born, err == nil
	return err
}

// hideDeleted hides the entries of low..high that the account has deleted, and
// what edits say of those.
func (w *viewer) hideDeleted(conv uint64, messages []*wire.Message, low, high uint64) error {
	deleted, err := w.deleted(conv, low, high)
	if err != nil {
		return err
	}
	for _, m := range messages {
		gone := deleted[m.Seq]
		if !gone && m.Type == TypeEdit && m.Body != "" {
			if gone = deleted[m.RefSeq]; !gone && (m.RefSeq < low || m.RefSeq > high) {
				if gone, err = deletedFor(w.v, w.tenant, w.account, conv, m.RefSeq); err != nil {
					return err
				}
			}
		}
		if gone {
			hide(m)
		}
	}
	return nil
}

// deleted are the entries of low..high that the account has deleted; nil when
// there are none.
func (w *viewer) deleted(conv uint64, low, high uint64) (map[uint64]bool, error) {
	var found map[uint64]bool
	lo, hi := appendDeletedKey(nil, w.tenant, w.account, conv, low), appendDeletedKey(nil, w.tenant, w.account, conv, high+1)
	err := scan(w.v, lo, hi, func(key, _ []byte) error {
		if found == nil {
			found = make(map[uint64]bool)
		}
		found[binary.BigEndian.Uint64(key[len(key)-8:])] = true
		return nil
	})
	return found, err
}

// backendView is what the tenant's backend may see of messages: no content of those
// that were not meant for history, or were withdrawn.
func backendView(messages []*wire.Message, err error) ([]*wire.Message, error) {
	for _, m := range messages {
		if m.Options.GetNoHistory() || m.Changes.GetWithdrawn() {
			hide(m)
		}
	}
	return messages, err
}
