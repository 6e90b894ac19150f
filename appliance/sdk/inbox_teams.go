package sdk

import (
	"time"

	"github.com/yizhan-im/yizhan/appliance/wire"
)

// What this account is to its teams is part of their conversations: a team that
// it has left is never behind, and one that it has joined again goes on at the
// entry from which it may read.

// teamKey is the conversation of a team.
func teamKey(team string) cursorKey { return cursorKey{wire.Scene_SCENE_TEAM, team} }

// offerTeam takes what a push tells of one team.
func (in *inbox) offerTeam(state *wire.ConversationState) {
	in.saveMu.Lock()
	defer in.saveMu.Unlock()
	in.mu.Lock()
	conv := in.takeTeam(state)
	if conv == nil {
		in.mu.Unlock()
		return
	}
	in.publishNews(conv)
	in.enlist(conv)
	c := in.checkpoint([]Cursor{conv.cursor})
	in.mu.Unlock()
	in.save(c)
}

// takeTeam takes what a push or a page of sync tells of a team, unless something
// newer is known. The caller holds mu.
func (in *inbox) takeTeam(state *wire.ConversationState) *conversation {
	key := teamKey(state.Peer)
	conv := in.conversations[key]
	if conv != nil && state.Version < conv.teamVersion {
		return nil
	}
	member := state.Team.GetStanding() == wire.TeamStanding_TEAM_STANDING_MEMBER
	if conv == nil {
		conv = &conversation{cursor: Cursor{Scene: key.scene, Peer: key.peer}, next: 1, fresh: true}
		in.conversations[key] = conv
	}
	changed := conv.team == nil || conv.cursor.Standing != state.Team.GetStanding() || differs(conv.team, state.Team)
	if member && conv.cursor.Standing != wire.TeamStanding_TEAM_STANDING_MEMBER {
		if conv.cursor.Known == 0 {
			conv.news |= newsAdded
		}
	}
	conv.team, conv.teamVersion, conv.cursor.Standing = state.Team, state.Version, state.Team.GetStanding()
	conv.cursor.TimeMs = max(conv.cursor.TimeMs, state.TimeMs)
	if changed {
		conv.news |= newsTeam
	}
	if !member {
		in.forgetEarly(conv)
		conv.cursor.Known = conv.next - 1 // nothing more is readable
		return conv
	}
	in.settle(conv, state.LastSeq)
	if !in.complete || state.FirstSeq > state.FloorSeq {
		in.startAt(conv, state.FirstSeq)
	} // else what is missing was deleted: catchUp tells
	conv.cursor.Known = max(conv.cursor.Known, state.LastSeq)
	conv.notBefore = time.Time{}
	conv.moveRead(state.ReadSeq)
	return conv
}

// differs reports whether the app sees a difference. The note of a change counts
// with its standing.
func differs(a, b *wire.TeamState) bool {
	return a.NotifyOff != b.NotifyOff || a.InfoVersion != b.InfoVersion || a.Applications != b.Applications ||
		a.Self.GetRole() != b.Self.GetRole() || a.Self.GetMuted() != b.Self.GetMuted() ||
		a.Self.GetNick() != b.Self.GetNick() || a.Self.GetCustom() != b.Self.GetCustom()
}

// startAt makes first the earliest entry to deliver: what is before it is not
// this account's to read. Nothing is missing by that.
func (in *inbox) startAt(conv *conversation, first uint64) {
	if first <= conv.next {
		return
	}
	conv.next, conv.holes = first, 0
	conv.cursor.Delivered = max(conv.cursor.Delivered, first-1)
	in.drainEarly(conv)
}

// readableFrom is startAt for who reads history.
func (in *inbox) readableFrom(conv *conversation, first uint64) {
	in.mu.Lock()
	defer in.mu.Unlock()
	in.startAt(conv, first)
}

// forgetEarly drops what was held of conv for later.
func (in *inbox) forgetEarly(conv *conversation) {
	in.early -= len(conv.early)
	conv.early = nil
}

// teams describes the teams that this account is a member of, the latest change
// first.
func (in *inbox) teams() []Conversation {
	return in.listed(func(conv *conversation) bool {
		return conv.cursor.Scene == wire.Scene_SCENE_TEAM && conv.cursor.Standing == wire.TeamStanding_TEAM_STANDING_MEMBER
	})
}

// offerApplication queues an application, if there is room: who has no time for
// it finds it in the team's state.
func (in *inbox) offerApplication(event TeamApplication) { in.offerHint(event) }

// offerHint queues an event that may be left out.
func (in *inbox) offerHint(event Event) {
	in.mu.Lock()
	defer in.mu.Unlock()
	if !in.full() && !in.stopped {
		in.enqueue(item{event: event})
	}
}
