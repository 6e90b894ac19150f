package state

import (
	"github.com/yizhan-im/yizhan/appliance/wire"
	"github.com/yizhan-im/yizhan/raftstore"
)

// ConversationSettings reads which of the account's settings changed after
// r.Version, in the order of their changes, at most r.Limit (1..MaxSettingsPage,
// 0 means 100). Version, Floor, More and StartOver are as in Relations.
func (q *Queries) ConversationSettings(tenant uint32, account string, r *wire.ConversationSettingsRequest) (*wire.ConversationSettingsResponse, error) {
	if !validAccount(account) {
		return nil, wire.Errorf(wire.CodeBadParameter, "malformed account")
	}
	v := q.view()
	defer v.Close()
	limit := pageSize(int(r.Limit), MaxSettingsPage)
	var inbox inboxRow
	p, err := pageAboveFloor(r.Version, r.Floor, func() (version, floor uint64, err error) {
		inbox, err = readInbox(v, tenant, account)
		return inbox.version, inbox.floor, err
	}, func(version uint64) ([]*wire.ConversationSetting, uint64, error) {
		return settingsAfter(v, tenant, account, version, limit)
	})
	if err != nil {
		return nil, err
	}
	return &wire.ConversationSettingsResponse{
		Settings: p.rows, Version: p.version, Floor: p.floor, More: p.more, StartOver: p.startOver, DoNotDisturb: inbox.dnd.wire(),
	}, nil
}

// MaxSettingsPage is the most settings in one answer of ConversationSettings.
const MaxSettingsPage = 200

// settingsAfter reads the limit oldest changes after version. last is the version
// of the last one when there are more, otherwise 0.
func settingsAfter(v *raftstore.View, tenant uint32, account string, version uint64, limit int) (found []*wire.ConversationSetting, last uint64, err error) {
	changes, last, err := settingTables.after(v, tenant, account, version, limit)
	if err != nil {
		return nil, 0, err
	}
	for _, c := range changes {
		scene, peer, err := decodeConvName([]byte(c.name))
		if err != nil {
			return nil, 0, err
		}
		var row conversationSetting
		ok, err := readRow(v, appendSettingKey(nil, tenant, account, []byte(c.name)), row.decode)
		if err != nil {
			return nil, 0, err
		}
		if !ok {
			row.version = c.version // forgotten meanwhile
		}
		// A client that holds nothing needs no word of what is no more.
		if version > 0 || !row.blank() {
			found = append(found, row.wire(scene, peer))
		}
	}
	return found, last, nil
}

// readSettings reads all settings of an account, by scene and peer as in listed.
func readSettings(v *raftstore.View, tenant uint32, account string) (settings map[string]conversationSetting, err error) {
	prefix := appendConvPrefix(nil, tableSetting, tenant, account)
	err = scan(v, prefix, prefixEnd(prefix), func(key, stored []byte) error {
		var s conversationSetting
		if err := s.decode(stored); err != nil {
			return err
		}
		scene, peer, err := decodeConvName(key[len(prefix):])
		if err != nil {
			return err
		}
		if settings == nil {
			settings = make(map[string]conversationSetting)
		}
		settings[string(rune(scene))+peer] = s
		return nil
	})
	return settings, err
}
