package state

import (
	"github.com/yizhan-im/yizhan/appliance/wire"
	"github.com/yizhan-im/yizhan/raftstore"
)

// PushQuestion is about one message for a sleeping device of an account.
type PushQuestion struct {
	// Scene and Peer name the conversation as the account sees it: Peer is who has
	// sent, or the team.
	Scene wire.Scene
	Peer  string
	// TimeMs is now, in Unix milliseconds.
	TimeMs int64
	// DesktopOnline: one of the account's desktop or web devices is online.
	DesktopOnline bool
	// Forced overrules what the account has muted, but not that it does not want to
	// be disturbed.
	Forced bool
}

// PushVerdict says whether a sleeping device is woken, or why not.
type PushVerdict uint8

// The verdicts.
const (
	PushYes PushVerdict = iota
	// PushMuted: the conversation, the team or the other account is muted.
	PushMuted
	// PushQuiet: the account does not want to be disturbed at that time.
	PushQuiet
	// PushDesktop: nor while it sits at a desktop.
	PushDesktop
)

// PushAllowed decides whether a message wakes a sleeping device. The answer
// depends on what is stored and on p alone. It takes two or three Gets.
func (q *Queries) PushAllowed(tenant uint32, account string, p *PushQuestion) (PushVerdict, error) {
	if !validAccount(account) {
		return 0, wire.Errorf(wire.CodeBadParameter, "malformed account")
	}
	v := q.view()
	defer v.Close()
	inbox, err := readInbox(v, tenant, account)
	if err != nil {
		return 0, err
	}
	switch {
	case inbox.dnd.quietAt(p.TimeMs):
		return PushQuiet, nil
	case inbox.dnd.desktop && p.DesktopOnline:
		return PushDesktop, nil
	case p.Forced:
		return PushYes, nil
	}
	setting, err := readSetting(v, tenant, account, p.Scene, p.Peer)
	if err != nil {
		return 0, err
	}
	muted := setting.muted
	if !muted {
		muted, err = mutedElsewhere(v, tenant, account, p.Scene, p.Peer)
	}
	if err != nil || !muted {
		return PushYes, err
	}
	return PushMuted, nil
}

// mutedElsewhere reports whether the account has muted the peer by its mute list,
// or the team by its settings as a member.
func mutedElsewhere(v *raftstore.View, tenant uint32, account string, scene wire.Scene, peer string) (bool, error) {
	if scene == wire.Scene_SCENE_TEAM {
		id, _ := ParseTeamID(peer)
		row, err := readStanding(v, tenant, account, id)
		if err == errNotInTeam {
			return false, nil
		}
		return row.notifyOff, err
	}
	var s special
	_, err := readRow(v, appendRelationKey(nil, tableSpecial, tenant, account, peer), func(b []byte) (err error) {
		s, err = decodeSpecial(b)
		return err
	})
	return s&specialMuted != 0, err
}
