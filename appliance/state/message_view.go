package state

import (
	"encoding/binary"
	"math"

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
		kept, err := w.forDevice(m)
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

// forDevice reports whether the options of m let this device see it.
func (w *viewer) forDevice(m *wire.Message) (bool, error) {
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
	return m.Id > since, err
}

// deviceSince is the newest id of the site when the device came: none that is new
// to the server has been there before.
func (w *viewer) deviceSince() (uint64, error) {
	if w.sinceKnown {
		return w.since, nil
	}
	w.since, w.sinceKnown = math.MaxUint64, true
	var row devicesRow
	if _, err := readRow(w.v, appendAccountKey(nil, tableDevices, w.tenant, w.account), row.decode); err != nil {
		return 0, err
	}
	for i := range row.devices {
		if row.devices[i].id == w.device {
			w.since = row.devices[i].since
		}
	}
	return w.since, nil
}

// changes completes what became of m for the account.
func (w *viewer) changes(conv uint64, m *wire.Message) error {
	m.Changes.Withdrawn = false // its sender is not told
	for _, r := range m.Changes.Reactions {
		for _, account := range r.Accounts {
			r.Mine = r.Mine || account == w.account
		}
		if r.Mine || int(r.Count) == len(r.Accounts) {
			continue
		}
		var err error
		if _, r.Mine, err = w.v.Get(appendReactionKey(nil, w.tenant, conv, m.Seq, r.Emoji, w.account)); err != nil {
			return readError(err)
		}
	}
	return nil
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
