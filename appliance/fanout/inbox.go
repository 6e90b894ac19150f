package fanout

import (
	"github.com/yizhan-im/yizhan/appliance/session"
	"github.com/yizhan-im/yizhan/appliance/state"
	"github.com/yizhan-im/yizhan/appliance/wire"
)

// setting tells the account's other devices of a changed setting.
func (f *Fanout) setting(r *state.ConversationChangeResult) {
	if r.Code == wire.CodeOK && r.Changed {
		f.pushSetting(r.Tenant, r.Account, r.Session, r.Setting)
	}
}

func (f *Fanout) pushSetting(tenant uint32, account string, origin uint64, s *wire.ConversationSetting) {
	if f.findOne(tenant, account, origin) {
		f.push(session.NewEvent(wire.PushConversationSetting, &wire.ConversationSettingPush{Setting: s}), &f.metrics.settings)
	}
}

// doNotDisturb tells the account's other devices.
func (f *Fanout) doNotDisturb(r *state.DoNotDisturbResult) {
	if r.Code == wire.CodeOK && r.Changed && f.findOne(r.Tenant, r.Account, r.Session) {
		f.push(session.NewEvent(wire.PushDoNotDisturb, &wire.DoNotDisturbPush{
			DoNotDisturb: r.DoNotDisturb, Version: r.Version,
		}), &f.metrics.settings)
	}
}

// readMany pushes what its reads would have pushed, and changed settings.
func (f *Fanout) readMany(r *state.ReadManyResult) {
	for i := range r.Reads {
		f.read(&r.Reads[i])
		f.receipts(&r.Reads[i])
	}
	for _, s := range r.Settings {
		f.pushSetting(r.Tenant, r.Account, r.Session, s)
	}
}
