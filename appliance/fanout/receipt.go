package fanout

import (
	"github.com/yizhan-im/yizhan/appliance/session"
	"github.com/yizhan-im/yizhan/appliance/state"
	"github.com/yizhan-im/yizhan/appliance/wire"
)

// receipts tells who has sent messages of a team that a reader has read them: one
// push for each sender and move of a cursor, whatever number of messages it passes.
// A message that all members of a team of 500 read so costs its sender's devices at
// most 499 small pushes, spread over the time in which they read.
func (f *Fanout) receipts(r *state.ReadResult) {
	if r.Code != wire.CodeOK || len(r.Receipts) == 0 {
		return
	}
	var ev *session.Event
	for _, sender := range r.Receipts {
		if !f.find(r.Tenant, sender, sender, noOrigin) {
			continue
		}
		if ev == nil {
			ev = session.NewEvent(wire.PushTeamReceipt, &wire.TeamReceiptPush{
				Team: r.Peer, Reader: r.Reader, AfterSeq: r.After, Seq: r.Seq, TimeMs: r.TimeMs,
			})
		}
		f.push(ev, &f.metrics.teamReceipts)
	}
}
